"""One learning step of the adapter: hidden states, the needed rows of the head, loss, gradient.

Right-padded batches need no attention mask: under causal attention a sentence never sees what stands after it. So the
fast attention kernels run, nothing waits for the GPU, and on a GPU each shape of batch is one captured graph
(`torch.cuda.graph`): thousands of launches become one.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from physical_ai_core.errors import ModelError
from physical_ai_learning.language.batches import Batch
from physical_ai_learning.language.lora import Adapter

MOST_GRAPHS: Final = 32
_MASKS: Final = ("create_causal_mask", "create_sliding_window_causal_mask")


def load_base(folder: Path, device: str) -> Any:
    """The pretrained model in bf16 (float32 where it is stored so on a CPU), frozen, its norms in one kernel each."""
    try:
        from transformers import AutoModelForCausalLM

        dtype = torch.bfloat16 if device != "cpu" else "auto"
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa").to(device)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"The base model in {folder} cannot be loaded: {error}.", "Prepare it again.") from error
    model.eval().requires_grad_(False)
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm"):
            _one_kernel(module)
    return model


def _one_kernel(norm: Any) -> None:
    """Root-mean-square norm (Zhang & Sennrich 2019) in float32 by the library's own function."""
    offset = 1.0 if type(norm).__name__.startswith("Gemma") else 0.0
    epsilon = float(getattr(norm, "eps", None) or norm.variance_epsilon)
    weight = norm.weight.detach().float() + offset

    def forward(x: Tensor) -> Tensor:
        return functional.rms_norm(x.float(), weight.shape, weight, epsilon).to(x.dtype)

    norm.forward = forward


@contextmanager
def causal_only(model: Any) -> Iterator[None]:
    """Within: the model builds no mask; attention is causal by its kernel's own flag."""
    module = sys.modules[type(model).__module__]
    held = {name: getattr(module, name) for name in _MASKS if hasattr(module, name)}
    try:
        for name in held:
            setattr(module, name, lambda *_, **__: None)
        yield
    finally:
        for name, function in held.items():
            setattr(module, name, function)


def answer_logits(model: Any, ids: Tensor, at: Tensor, rows: Tensor, noise: float = 0.0) -> Tensor:
    """Scores (A, R) of the rows of the head for the answers' places, in float32.

    `noise`: uniform noise on the embeddings, of their own size times this over the root of (tokens x width): NEFTune.
    """
    if noise > 0.0:
        given = model.get_input_embeddings()(ids)
        size = noise / math.sqrt(given.shape[1] * given.shape[2]) * given.float().square().mean().sqrt().to(given.dtype)
        given = given + (2.0 * torch.rand_like(given) - 1.0) * size
        hidden = model.base_model(inputs_embeds=given, use_cache=False).last_hidden_state
    else:
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
    asked = hidden.flatten(0, 1).index_select(0, at)
    head = model.get_output_embeddings().weight.index_select(0, rows)
    return functional.linear(asked, head).float()


@dataclass(frozen=True)
class Graph:
    graph: Any
    inputs: tuple[Tensor, ...]


class Stepper:
    """Loss and gradient of batches; the gradient lies in `gradient` until the next call."""

    def __init__(self, model: Any, adapter: Adapter, graphs: bool = True, noise: float = 0.0) -> None:
        self.model, self.adapter, self.noise = model, adapter, noise
        self.device = adapter.vector.device
        self.gradient = torch.zeros_like(adapter.vector, requires_grad=False)
        self.said = torch.zeros(2, device=self.device)  # loss, norm of the gradient
        self.graphs = graphs and self.device.type == "cuda"
        self.trouble = ""  # why graphs were given up
        self._kept: dict[tuple[int, ...], Graph] = {}
        self._pool: Any = None

    def __call__(self, batch: Batch) -> tuple[float, float]:
        """Loss (mean over answer tokens) and the gradient's norm."""
        with causal_only(self.model):
            if self.graphs and (batch.shape in self._kept or len(self._kept) < MOST_GRAPHS):
                self._replay(batch)
            else:
                self._run(*self._tensors(batch))
        loss, norm = self.said.tolist()
        return loss, norm

    def _tensors(self, batch: Batch) -> tuple[Tensor, ...]:
        return tuple(
            torch.from_numpy(a).to(self.device, torch.float32 if a.dtype.kind == "f" else torch.int64)
            for a in batch.arrays()
        )

    def _run(self, ids: Tensor, at: Tensor, wanted: Tensor, weight: Tensor, rows: Tensor) -> None:
        self.adapter.spread()
        logits = answer_logits(self.model, ids, at, rows, self.noise)
        each = functional.cross_entropy(logits, wanted, reduction="none")
        loss = (each * weight).sum() / weight.sum().clamp(min=1.0)
        (gradient,) = torch.autograd.grad(loss, self.adapter.vector)
        self.gradient.copy_(gradient)
        self.said[0].copy_(loss.detach())
        self.said[1].copy_(gradient.norm())

    def _replay(self, batch: Batch) -> None:
        fresh = self._tensors(batch)
        kept = self._kept.get(batch.shape)
        if kept is None:
            try:
                kept = self._captured(fresh)
            except RuntimeError as error:
                self.graphs, self.trouble = False, str(error).splitlines()[0]
                torch.cuda.synchronize()
                self._run(*fresh)
                return
            self._kept[batch.shape] = kept
        for own, new in zip(kept.inputs, fresh, strict=True):
            own.copy_(new)
        kept.graph.replay()

    def _captured(self, inputs: tuple[Tensor, ...]) -> Graph:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                self._run(*inputs)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            self._run(*inputs)
        self._pool = self._pool or graph.pool()
        return Graph(graph, inputs)


def right_lines(model: Any, adapter: Adapter, batches: list[Batch]) -> tuple[int, int]:
    """Sentences whose every token would be chosen among the rows read, of how many."""
    hits = total = 0
    with adapter.folded(), causal_only(model):
        for batch in batches:
            ids, at, rows = (
                torch.from_numpy(a).to(adapter.vector.device, torch.int64) for a in (batch.ids, batch.at, batch.rows)
            )
            chosen = answer_logits(model, ids, at, rows).argmax(-1).cpu().numpy()
            wrong = {int(o) for o in batch.owner[(chosen != batch.wanted) & (batch.weight > 0.0)]}
            hits += batch.sentences - len(wrong)
            total += batch.sentences
    return hits, total
