"""The local language model: loads prepared weights and writes one goal line for one sentence.

Decoding is greedy under `grammar`. What makes it fast on a CPU, at batch one, where reading the weights is the cost:
    - text that the grammar forces (key words already decided) is not sampled but fed together with the next token;
    - the output head is read only at the rows of the allowed tokens, a few of 262,144;
    - weights stay memory-mapped: rows of the vocabulary that never occur are never read from disk;
    - a fixed prefix (the examples for a model without adapter) is read once and its KV cache kept.
Importing this module does not import torch.
"""

from __future__ import annotations

import copy
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physical_ai_core.errors import DependencyError, ModelError
from physical_ai_planner.language.grammar import Grammars
from physical_ai_planner.language.prompt import EXAMPLES, prompt
from physical_ai_planner.language.weights import DEFAULT_MODEL, load_description, verified_model

MAX_NEW_TOKENS = 160


@dataclass(frozen=True)
class Answer:
    """A goal line, with the probability of the least sure token among those the grammar allowed."""

    line: str
    confidence: float
    steps: int  # forward passes of the model
    finished: bool  # the line ended by itself


class LanguageModel:
    """A causal model of `transformers` on CPU. `name` is a model description or a local model directory.

    Raises ModelError (not prepared, corrupt, not a causal model) and DependencyError.
    """

    def __init__(self, name: str = DEFAULT_MODEL, threads: int = 1) -> None:
        folder, tuned = _resolve(name)
        try:
            import torch
            from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise DependencyError(str(error.name), "language") from error
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        torch.set_num_threads(max(1, threads))
        self._torch = torch
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            if tuned:
                config = AutoConfig.from_pretrained(folder, local_files_only=True)
                self._model = _mapped(AutoModelForCausalLM, config, folder)
            else:
                self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, local_files_only=True)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ModelError(
                f"The language model in {folder} cannot be loaded: {str(error).splitlines()[0]}.",
                "Give a transformers directory of a causal model, or prepare the default one again.",
            ) from error
        self._model.eval().requires_grad_(False)
        self._head: Any = self._model.get_output_embeddings().weight
        self._ends = {i for i in (self._tokenizer.eos_token_id,) if i is not None}
        self._grammars = Grammars(self._tokenizer, self._head.shape[0])
        self._prefix_ids: list[int] = []
        self._prefix_cache: Any = None
        if not tuned:
            self._prefix_ids = self._tokenizer(EXAMPLES).input_ids
            _, self._prefix_cache = self._forward(self._prefix_ids, None)

    def write(self, text: str) -> Answer:
        """The goal line for a normalised sentence."""
        ids = self._tokenizer(prompt(text), add_special_tokens=not self._prefix_ids).input_ids
        matcher = self._grammars.matcher(text)
        with self._torch.inference_mode():
            return self._decode(ids, matcher)

    def _decode(self, ids: list[int], matcher: Any) -> Answer:
        torch = self._torch
        out: list[int] = []
        cache, sure, steps = copy.deepcopy(self._prefix_cache), 1.0, 0
        while len(out) < MAX_NEW_TOKENS:
            hidden, cache = self._forward(ids, cache)
            steps += 1
            allowed = torch.from_numpy(_allowed(matcher, self._head.shape[0]))
            if len(allowed) == 0:
                break
            odds = (self._head[allowed].float() @ hidden.float()).softmax(0)
            best = int(odds.argmax())
            token, sure = int(allowed[best]), min(sure, float(odds[best]))
            if token in self._ends:
                return Answer(self._text(out), sure, steps, finished=True)
            matcher.consume_token(token)
            forced = matcher.compute_ff_tokens()
            if forced:
                matcher.consume_tokens(forced)
            ids = [token, *forced]
            out += ids
            if matcher.is_stopped():
                return Answer(self._text(out), sure, steps, finished=True)
        return Answer(self._text(out), sure, steps, finished=False)

    def _text(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True)).strip()

    def _forward(self, ids: list[int], cache: Any) -> tuple[Any, Any]:
        """Hidden state (H,) of the last of `ids`, which follow what `cache` holds, and the longer cache."""
        with self._torch.inference_mode():
            out = self._model.base_model(input_ids=self._torch.tensor([ids]), past_key_values=cache, use_cache=True)
        return out.last_hidden_state[0, -1], out.past_key_values


def _resolve(name: str) -> tuple[Path, bool]:
    """Folder of the model and whether it was tuned for the compact form."""
    if Path(name).is_dir():
        return Path(name), False
    description = load_description(name)
    return verified_model(description), description.adapter is not None


def _mapped(auto: Any, config: Any, folder: Path) -> Any:
    """Build the model on memory-mapped tensors instead of copies of them."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = load_file(folder / "model.safetensors")
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    with torch.device("meta"):
        model = auto.from_config(config, dtype=torch.bfloat16)
    missing, unexpected = model.load_state_dict(weights, strict=False, assign=True)
    model.tie_weights()
    stray = [name for name, p in model.named_parameters() if p.is_meta]
    if unexpected or stray:
        raise ValueError(
            f"weights do not fit the configuration: unexpected {unexpected[:3]}, missing {(stray or missing)[:3]}"
        )
    _materialise_buffers(model, auto, config)
    return model


def _materialise_buffers(model: Any, auto: Any, config: Any) -> None:
    """Buffers that are computed, not stored (rotary frequencies), come from a one-layer model of the same kind."""
    import torch

    small = copy.deepcopy(config)
    small.num_hidden_layers, small.vocab_size, small.intermediate_size = 1, 8, 8
    small.pad_token_id = None
    if getattr(small, "layer_types", None):
        small.layer_types = small.layer_types[:1]
    if getattr(config, "layer_types", None):
        small.layer_types = sorted(set(config.layer_types))
        small.num_hidden_layers = len(small.layer_types)
    donor = dict(auto.from_config(small, dtype=torch.bfloat16).named_buffers())
    for name, buffer in list(model.named_buffers()):
        if buffer.is_meta:
            owner, _, leaf = name.rpartition(".")
            model.get_submodule(owner).register_buffer(leaf, donor[name].clone(), persistent=False)


def _allowed(matcher: Any, size: int) -> Any:
    """Ids (int64) that the grammar allows next."""
    import numpy as np

    bits = np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8)
    return np.flatnonzero(np.unpackbits(bits, bitorder="little")[:size])


def describe(name: str = DEFAULT_MODEL) -> str:
    """One line for logs: which model would be loaded."""
    if Path(name).is_dir():
        config = json.loads((Path(name) / "config.json").read_text(encoding="utf-8"))
        return f"{config.get('model_type', '?')} in {name}"
    description = load_description(name)
    return f"{description.name}{'' if description.adapter is None else ' + adapter ' + description.adapter.sha256[:12]}"
