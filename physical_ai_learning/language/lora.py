"""Low-rank adapters (LoRA, Hu et al. 2021) whose matrices are views of one vector, in PEFT's file layout.

One vector means one optimiser state, one norm, one copy to keep or go back to. The three products of an adapted layer
run in the model's own type; the vector stays in float32.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from physical_ai_core.errors import ModelError
from physical_ai_learning.language.recipe import TARGETS

FILE = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


class Adapted(nn.Module):
    """A frozen linear layer with its low-rank addition, or with both folded into `folded` for sampling."""

    def __init__(self, linear: Any, scale: float) -> None:
        super().__init__()
        self.linear, self.scale = linear, scale
        self.down: Tensor | None = None  # (r, in)
        self.up: Tensor | None = None  # (out, r)
        self.folded: Tensor | None = None  # (out, in)

    @property
    def weight(self) -> Tensor:
        return self.linear.weight  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        if self.folded is not None:
            return functional.linear(x, self.folded, self.linear.bias)
        out = self.linear(x)
        assert self.down is not None and self.up is not None, "Adapter.spread() comes before a forward pass"
        low = functional.linear(x, self.down).flatten(0, -2)
        return torch.addmm(out.flatten(0, -2), low, self.up.t(), alpha=self.scale).view(out.shape)


class Adapter:
    """All low-rank matrices of a model; replaces the model's linear layers by adapted ones, and freezes the rest."""

    def __init__(self, model: Any, rank: int, alpha: int, seed: int = 0) -> None:
        self.rank, self.alpha = rank, alpha
        self.layers: dict[str, Adapted] = {}
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        for name, module in list(model.named_modules()):
            if isinstance(module, nn.Linear) and name.rsplit(".", 1)[-1] in TARGETS:
                parent, _, leaf = name.rpartition(".")
                self.layers[name] = Adapted(module, alpha / rank)
                setattr(model.get_submodule(parent), leaf, self.layers[name])
        if not self.layers:
            raise ModelError("The model has no layer to adapt.", f"Its linear layers are not named {TARGETS}.")
        weights = [layer.weight for layer in self.layers.values()]
        self.shapes = [shape for w in weights for shape in ((rank, w.shape[1]), (w.shape[0], rank))]
        generator = torch.Generator().manual_seed(seed)
        parts = []
        for down, up in zip(self.shapes[::2], self.shapes[1::2], strict=True):
            bound = 1.0 / math.sqrt(down[1])
            parts += [torch.empty(down).uniform_(-bound, bound, generator=generator), torch.zeros(up)]
        device, self.dtype = weights[0].device, weights[0].dtype
        self.vector = torch.cat([part.reshape(-1) for part in parts]).to(device).requires_grad_()

    def spread(self) -> None:
        """Give the layers the vector's present values; before each forward pass that is to be learnt from."""
        parts = self.vector.to(self.dtype).split([a * b for a, b in self.shapes])
        for i, layer in enumerate(self.layers.values()):
            layer.down = parts[2 * i].view(self.shapes[2 * i])
            layer.up = parts[2 * i + 1].view(self.shapes[2 * i + 1])

    @contextmanager
    def folded(self) -> Iterator[None]:
        """Without gradient and at the plain model's cost: the additions folded into copies of the weights."""
        try:
            with torch.no_grad():
                self.spread()
                for layer in self.layers.values():
                    assert layer.down is not None and layer.up is not None
                    delta = layer.scale * (layer.up.float() @ layer.down.float())
                    layer.folded = (layer.weight.float() + delta).to(self.dtype)
                yield
        finally:
            for layer in self.layers.values():
                layer.folded = layer.down = layer.up = None

    @contextmanager
    def swapped(self, other: Tensor) -> Iterator[None]:
        """Within: another vector's values (a reference to stay near to)."""
        own = self.vector.detach().clone()
        try:
            with torch.no_grad():
                self.vector.copy_(other)
            yield
        finally:
            with torch.no_grad():
                self.vector.copy_(own)

    def tensors(self) -> dict[str, Tensor]:
        """The matrices by PEFT's names, in bf16, on the CPU."""
        parts = self.vector.detach().to("cpu", torch.bfloat16).split([a * b for a, b in self.shapes])
        found = {}
        for i, name in enumerate(self.layers):
            for k, leaf in enumerate(("lora_A", "lora_B")):
                value = parts[2 * i + k].view(self.shapes[2 * i + k]).clone()
                found[f"base_model.model.{name}.{leaf}.weight"] = value
        return found

    def save(self, folder: Path, base: str, planner: dict[str, Any]) -> None:
        """PEFT's two files; `planner` (variant, confidence) goes into the weights' header, so one hash pins both."""
        write_adapter(folder, self.tensors(), planner)
        config = {
            "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base, "r": self.rank,
            "lora_alpha": self.alpha, "lora_dropout": 0.0, "bias": "none", "fan_in_fan_out": False,
            "target_modules": list(TARGETS), "inference_mode": True,
        }  # fmt: skip
        (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Take the values of an adapter of the same base and rank. Raises ModelError."""
        kept, _ = read_adapter(folder)
        values = []
        for (name, shape), leaf in zip(
            ((n, s) for i, n in enumerate(self.layers) for s in self.shapes[2 * i : 2 * i + 2]),
            ("lora_A", "lora_B") * len(self.layers),
            strict=True,
        ):
            value = kept.get(f"base_model.model.{name}.{leaf}.weight")
            if value is None or tuple(value.shape) != tuple(shape):
                raise ModelError(f"The adapter {folder} does not fit: {name}.{leaf}.", "Give one of its base and rank.")
            values.append(value.float().reshape(-1))
        with torch.no_grad():
            self.vector.copy_(torch.cat(values))


def write_adapter(folder: Path, tensors: dict[str, Tensor], planner: dict[str, Any]) -> None:
    """The weights' file with what the runtime is to know about them in its header."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{FILE}.part"
    save_file(tensors, part, metadata={"format": "pt", "planner": json.dumps(planner)})
    part.replace(folder / FILE)


def read_adapter(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and header of an adapter. Raises ModelError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / FILE, "pt") as file:
            header = json.loads((file.metadata() or {}).get("planner", "{}"))
            return {key: file.get_tensor(key) for key in file.keys()}, header  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"The adapter in {folder} cannot be read: {error}.", "Train it, or name another.") from error
