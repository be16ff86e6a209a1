"""What the decoder needs of a language model, and `transformers` as one that gives it, for any causal architecture."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Protocol


class Cache(Protocol):
    """Keys and values of what was read."""

    length: int

    def fork(self) -> Cache:
        """A copy that goes its own way."""
        ...

    def keep(self, length: int, after: Sequence[int] = ()) -> None:
        """Forget all but the first `length` tokens and, in this order, those at the places `after`."""
        ...


class Network(Protocol):
    """A causal language model at batch one. Tensors are torch's."""

    def new_cache(self) -> Any:
        """An empty cache."""
        ...

    def forward(
        self, ids: Sequence[int], cache: Any, positions: Sequence[int] | None = None, visible: Any = None,
        attention: list[Any] | None = None,
    ) -> Any:  # fmt: skip
        """Hidden states (N, H) of `ids`, which follow what `cache` holds; the cache grows by them.

        `positions`: of each id, where they are not just the next ones; `visible` (N, length + N) bool: which tokens
        each sees, where that is not all before it. `attention`: gets one (heads, N, length + N) tensor a layer.
        """
        ...

    def rows(self, ids: Sequence[int]) -> Any:
        """Rows (N, H) of the output head."""
        ...


class TransformersCache:
    def __init__(self, inner: Any, length: int = 0) -> None:
        self.inner, self.length = inner, length

    def fork(self) -> TransformersCache:
        return TransformersCache(copy.deepcopy(self.inner), self.length)

    def keep(self, length: int, after: Sequence[int] = ()) -> None:
        if self.length:
            chosen = [*range(length), *after]
            for layer in self.inner.layers:
                layer.keys, layer.values = layer.keys[..., chosen, :], layer.values[..., chosen, :]
        self.length = length + len(after)


class TransformersNetwork:
    """A causal model of `transformers`, already loaded."""

    def __init__(self, model: Any) -> None:
        import torch
        from transformers import DynamicCache

        self._torch, self._model, self._new = torch, model.eval().requires_grad_(False), DynamicCache
        self._head: Any = model.get_output_embeddings().weight

    def new_cache(self) -> TransformersCache:
        return TransformersCache(self._new())

    def forward(
        self, ids: Sequence[int], cache: TransformersCache, positions: Sequence[int] | None = None,
        visible: Any = None, attention: list[Any] | None = None,
    ) -> Any:  # fmt: skip
        torch, more = self._torch, {}
        if positions is not None:
            more["position_ids"] = torch.as_tensor(positions)[None]
        if visible is not None:
            hidden = torch.full(visible.shape, torch.finfo(self._head.dtype).min, dtype=self._head.dtype)
            more["attention_mask"] = hidden.masked_fill(torch.as_tensor(visible), 0.0)[None, None]
        if attention is not None:
            self._model.set_attn_implementation("eager")
            more["output_attentions"] = True
        try:
            with torch.inference_mode():
                out = self._model.base_model(
                    input_ids=torch.tensor([list(ids)]), past_key_values=cache.inner, use_cache=True, **more
                )
        finally:
            if attention is not None:
                self._model.set_attn_implementation("sdpa")
        if attention is not None:
            attention += [layer[0].float() for layer in out.attentions]
        cache.inner, cache.length = out.past_key_values, cache.length + len(ids)
        return out.last_hidden_state[0]

    def rows(self, ids: Sequence[int]) -> Any:
        return self._head[self._torch.as_tensor(ids)]
