"""A decoder of our own for the common small architectures: the blocks of Gemma 3, Llama, Qwen 2 and Qwen 3 on torch.

Same weights and same order of roundings as `transformers`, without what a library for every model does around each
operation. Projections that read the same input are one matrix, the KV cache is allocated ahead and can be cut back,
and rows of the vocabulary are read from the file when they are needed instead of being mapped.

Sources: Gemma team, "Gemma 3 technical report", 2025; Touvron et al., "LLaMA", 2023; Yang et al., "Qwen2 technical
report", 2024; rotary positions: Su et al., "RoFormer", 2021. Importing this module does not import torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from physical_ai_planner.language.architecture import Shape, Unsupported

PACKED_FOR = 16  # tokens of a pass that the weights are laid out for


class Weights(Protocol):
    """Tensors by their `transformers` names."""

    def tensor(self, name: str) -> Any:
        """The whole tensor in bf16."""
        ...

    def rows(self, name: str, ids: Sequence[int]) -> Any:
        """Rows (N, H) of a matrix in bf16, without reading the others."""
        ...

    def has(self, name: str) -> bool: ...


class Cache:
    """Keys and values of what was read: two (layers, KV heads, capacity, head dim) tensors, `length` of it used."""

    def __init__(self, shape: Shape, capacity: int = 128) -> None:
        import torch

        self._shape = shape
        size = (shape.layers, shape.kv_heads, capacity, shape.head_dim)
        self.keys, self.values = torch.zeros(size, dtype=torch.bfloat16), torch.zeros(size, dtype=torch.bfloat16)
        self.length = 0

    def reserve(self, length: int) -> None:
        """Room for `length` tokens in all."""
        if length <= self.keys.shape[2]:
            return
        grown = Cache(self._shape, max(length, 2 * self.keys.shape[2]))
        grown.keys[:, :, : self.length] = self.keys[:, :, : self.length]
        grown.values[:, :, : self.length] = self.values[:, :, : self.length]
        self.keys, self.values = grown.keys, grown.values

    def fork(self) -> Cache:
        """A copy that goes its own way."""
        other = Cache(self._shape, self.keys.shape[2])
        other.keys[:, :, : self.length] = self.keys[:, :, : self.length]
        other.values[:, :, : self.length] = self.values[:, :, : self.length]
        other.length = self.length
        return other

    def keep(self, length: int, after: Sequence[int] = ()) -> None:
        """Forget all but the first `length` tokens and, in this order, those at the places `after`."""
        if after and list(after) != list(range(length, length + len(after))):
            chosen = list(after)
            self.keys[:, :, length : length + len(chosen)] = self.keys[:, :, chosen]
            self.values[:, :, length : length + len(chosen)] = self.values[:, :, chosen]
        self.length = length + len(after)


class _Linear:
    """x @ weight.T + bias; the weight is laid out ahead as the kernel wants it, where torch has that."""

    def __init__(self, torch: Any, weight: Any, bias: Any = None) -> None:
        self._bias, self._weight, self._plain = bias, weight, torch.nn.functional.linear
        self._run: Any = None
        if not torch.backends.mkldnn.is_available():
            return
        try:  # what the compiler of torch uses; the same kernel and the same result, less copying in each call
            self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, PACKED_FOR)
            self._run = torch.ops.mkldnn._linear_pointwise
        except (AttributeError, RuntimeError, NotImplementedError):  # another release, or a processor without bf16
            self._weight = weight.clone()

    def __call__(self, x: Any) -> Any:
        if self._run is None:
            return self._plain(x, self._weight, self._bias)
        return self._run(x, self._weight, self._bias, "none", [], "")


@dataclass
class _Layer:
    qkv: _Linear  # (heads + 2 KV heads) * head dim, width
    out: _Linear
    gate_up: _Linear
    down: _Linear
    norms: tuple[Any, ...]  # before attention, after it (Gemma), before the MLP, after it (Gemma)
    qk_norm: Any  # (heads + KV heads, 1, head dim)


class LeanNetwork:
    """The forward pass over `weights`. Raises KeyError where a tensor is missing, ValueError where one does not fit."""

    def __init__(self, shape: Shape, weights: Weights) -> None:
        import torch

        self._torch, self.shape, self._weights = torch, shape, weights
        self._head = "model.embed_tokens.weight" if shape.tied else "lm_head.weight"
        if not weights.has(self._head):
            raise KeyError(self._head)
        self._layers = [self._layer(f"model.layers.{index}.") for index in range(shape.layers)]
        self._norm = self._norm_weight("model.norm.weight")
        self._turns: dict[float, tuple[Any, Any]] = {}  # rotary base -> cosines, sines (positions, head dim)
        self._embed_scale = torch.tensor(math.sqrt(shape.width), dtype=torch.bfloat16) if shape.gemma else None

    def _layer(self, at: str) -> _Layer:
        torch, shape, get = self._torch, self.shape, self._weights.tensor
        attention, mlp = f"{at}self_attn.", f"{at}mlp."
        names = [f"{attention}{part}_proj" for part in "qkv"]
        bias = torch.cat([get(f"{n}.bias") for n in names]) if self._weights.has(f"{names[0]}.bias") else None
        if self._weights.has(f"{attention}o_proj.bias"):
            raise Unsupported("a bias on the attention's output")
        norms = ["input_layernorm", "post_attention_layernorm"]
        if shape.gemma:
            norms += ["pre_feedforward_layernorm", "post_feedforward_layernorm"]
        qkv = torch.cat([get(f"{n}.weight") for n in names])
        out = get(f"{attention}o_proj.weight")
        rows = (shape.heads + 2 * shape.kv_heads) * shape.head_dim
        if qkv.shape != (rows, shape.width) or out.shape != (shape.width, shape.heads * shape.head_dim):
            raise ValueError(f"weights of '{attention}' do not fit the configuration")
        return _Layer(
            _Linear(torch, qkv, bias), _Linear(torch, out),
            _Linear(torch, torch.cat([get(f"{mlp}gate_proj.weight"), get(f"{mlp}up_proj.weight")])),
            _Linear(torch, get(f"{mlp}down_proj.weight")),
            tuple(self._norm_weight(f"{at}{n}.weight") for n in norms),
            self._qk_weight(attention) if shape.qk_norm else None,
        )  # fmt: skip

    def _qk_weight(self, attention: str) -> Any:
        """Scales of queries and keys, one row a head."""
        q, k = (self._norm_weight(f"{attention}{part}_norm.weight")[None, None] for part in "qk")
        return self._torch.cat([q.expand(self.shape.heads, 1, -1), k.expand(self.shape.kv_heads, 1, -1)])

    def _norm_weight(self, name: str) -> Any:
        """Gemma scales by 1 + weight in fp32, the others by weight in bf16."""
        weight = self._weights.tensor(name)
        return 1.0 + weight.float() if self.shape.gemma else weight.clone()

    def new_cache(self) -> Cache:
        return Cache(self.shape)

    def rows(self, ids: Sequence[int]) -> Any:
        """Rows (N, H) of the output head."""
        return self._weights.rows(self._head, ids)

    def forward(
        self, ids: Sequence[int], cache: Cache, positions: Sequence[int] | None = None, visible: Any = None,
        attention: list[Any] | None = None,
    ) -> Any:  # fmt: skip
        """Hidden states (N, H), bf16, of `ids`, which follow what `cache` holds; the cache grows by them.

        `positions`: of each id, where they are not just the next ones; `visible` (N, length + N) bool: which tokens
        each sees, where that is not all before it (a tree of continuations). `attention`: gets one (heads, N,
        length + N) fp32 tensor a layer.
        """
        torch, shape = self._torch, self.shape
        start, count = cache.length, len(ids)
        total = start + count
        cache.reserve(total)
        with torch.inference_mode():
            x = self._weights.rows("model.embed_tokens.weight", ids)
            if self._embed_scale is not None:
                x = x * self._embed_scale
            at = torch.arange(start, total) if positions is None else torch.as_tensor(positions)
            turns = {theta: self._turn(theta, at) for theta in set(shape.thetas)}
            masks = {w: self._mask(w, at, start, total, positions is None, visible) for w in set(shape.windows)}
            for index, layer in enumerate(self._layers):
                turn, mask = turns[shape.thetas[index]], masks[shape.windows[index]]
                x = self._block(layer, x, index, cache, turn, mask, attention)
            cache.length = total
            return self._normed(x, self._norm)

    def _block(
        self, layer: _Layer, x: Any, index: int, cache: Cache, turn: tuple[Any, Any], mask: Any,
        attention: list[Any] | None,
    ) -> Any:  # fmt: skip
        f, shape, count = self._torch.nn.functional, self.shape, len(x)
        start, total = cache.length, cache.length + count
        mixed = layer.qkv(self._normed(x, layer.norms[0])).view(count, -1, shape.head_dim).transpose(0, 1)
        qk, v = mixed.split([shape.heads + shape.kv_heads, shape.kv_heads])
        if shape.qk_norm:
            qk = self._normed(qk, layer.qk_norm)
        q, k = self._turned(qk, turn).split([shape.heads, shape.kv_heads])
        cache.keys[index, :, start:total] = k
        cache.values[index, :, start:total] = v
        seen = self._attend(q, cache.keys[index, :, :total], cache.values[index, :, :total], mask, attention)
        y = layer.out(seen.transpose(0, 1).reshape(count, -1))
        if shape.gemma:
            x = x + self._normed(y, layer.norms[1])
            gate, up = layer.gate_up(self._normed(x, layer.norms[2])).chunk(2, dim=-1)
            return x + self._normed(layer.down(f.gelu(gate, approximate="tanh") * up), layer.norms[3])
        x = x + y
        gate, up = layer.gate_up(self._normed(x, layer.norms[1])).chunk(2, dim=-1)
        return x + layer.down(f.silu(gate) * up)

    def _turned(self, x: Any, turn: tuple[Any, Any]) -> Any:
        """Rotary positions on (heads, N, head dim)."""
        half = x.shape[-1] // 2
        return x * turn[0] + self._torch.cat((-x[..., half:], x[..., :half]), dim=-1) * turn[1]

    def _attend(self, q: Any, keys: Any, values: Any, mask: Any, attention: list[Any] | None) -> Any:
        """(heads, N, head dim) from queries of that shape and keys, values (KV heads, T, head dim)."""
        torch, shape = self._torch, self.shape
        causal = isinstance(mask, str)
        if attention is None:
            groups = shape.heads // shape.kv_heads
            keys, values = (part.repeat_interleave(groups, 0) if groups > 1 else part for part in (keys, values))
            return torch.nn.functional.scaled_dot_product_attention(
                q[None], keys[None], values[None], None if causal else mask, is_causal=causal, scale=shape.scale
            )[0]
        keys, values = (part.repeat_interleave(shape.heads // shape.kv_heads, 0) for part in (keys, values))
        logits = (q.float() @ keys.float().transpose(1, 2)) * shape.scale
        if causal:
            mask = torch.ones(logits.shape[1:], dtype=torch.bool).tril()
        share = (logits if mask is None else logits.masked_fill(~mask, -math.inf)).softmax(-1)
        attention.append(share)
        return share.to(values.dtype) @ values

    def _mask(self, window: int | None, at: Any, start: int, total: int, plain: bool, visible: Any) -> Any:
        """None: all is seen; "causal": a plain beginning; else a bool tensor (N, total)."""
        torch = self._torch
        if visible is None and plain and (window is None or total <= window):
            return None if len(at) == 1 else "causal" if start == 0 else _causal(torch, start, total)
        mask = _causal(torch, start, total) if visible is None else torch.as_tensor(visible)
        if window is not None:
            behind = at[:, None] - torch.cat([torch.arange(start), at])[None, :]
            mask = mask & (behind < window)
        return mask

    def _turn(self, theta: float, at: Any) -> tuple[Any, Any]:
        """Cosines and sines (N, head dim) of positions."""
        torch, most = self._torch, int(at.max()) + 1
        known = self._turns.get(theta)
        if known is None or len(known[0]) < most:
            dim = self.shape.head_dim
            speeds = 1.0 / theta ** (torch.arange(0, dim, 2, dtype=torch.float) / dim)
            angles = torch.outer(torch.arange(max(256, 2 * most), dtype=torch.float), speeds).repeat(1, 2)
            known = self._turns[theta] = (angles.cos().bfloat16(), angles.sin().bfloat16())
        return known[0][at], known[1][at]

    def _normed(self, x: Any, weight: Any) -> Any:
        """RMS norm over the last axis, in fp32 inside."""
        exact = x.float()
        exact = exact * self._torch.rsqrt(exact.pow(2).mean(-1, keepdim=True) + self.shape.eps)
        return (exact * weight).to(x.dtype) if self.shape.gemma else weight * exact.to(x.dtype)


def _causal(torch: Any, start: int, total: int) -> Any:
    return torch.ones((total - start, total), dtype=torch.bool).tril(start)
