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

FAMILIES = ("gemma3_text", "llama", "qwen2", "qwen3")


class Unsupported(ValueError):
    """The configuration is of another kind; `transformers` itself has to run it."""


class Weights(Protocol):
    """Tensors by their `transformers` names."""

    def tensor(self, name: str) -> Any:
        """The whole tensor in bf16."""
        ...

    def rows(self, name: str, ids: Sequence[int]) -> Any:
        """Rows (N, H) of a matrix in bf16, without reading the others."""
        ...

    def has(self, name: str) -> bool: ...


@dataclass(frozen=True)
class Shape:
    """What a configuration says, as far as the forward pass asks."""

    family: str
    vocabulary: int
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_dim: int
    eps: float
    scale: float  # of the attention's logits
    windows: tuple[int | None, ...]  # how far each layer looks back, itself included; None: all
    thetas: tuple[float, ...]  # base of each layer's rotary frequencies
    tied: bool  # the output head is the embedding

    @property
    def gemma(self) -> bool:
        return self.family == "gemma3_text"

    @property
    def qk_norm(self) -> bool:
        return self.family in ("gemma3_text", "qwen3")

    @classmethod
    def of(cls, config: dict[str, Any]) -> Shape:
        """Of a `config.json`. Raises Unsupported for whatever this forward pass would compute otherwise."""
        family = str(config.get("model_type"))
        if family not in FAMILIES:
            raise Unsupported(f"no own forward pass for '{family}'")
        try:
            layers, width, heads = (
                int(config[key]) for key in ("num_hidden_layers", "hidden_size", "num_attention_heads")
            )
            head_dim = int(config.get("head_dim") or width // heads)
            kinds = list(config.get("layer_types") or ["full_attention"] * layers)
            scalar = config.get("query_pre_attn_scalar") if family == "gemma3_text" else None
            shape = cls(
                family, int(config["vocab_size"]), layers, width, heads,
                int(config.get("num_key_value_heads") or heads), head_dim, float(config["rms_norm_eps"]),
                float(scalar or head_dim) ** -0.5,
                tuple(int(config["sliding_window"]) if kind == "sliding_attention" else None for kind in kinds),
                tuple(_theta(config, kind) for kind in kinds), bool(config.get("tie_word_embeddings", False)),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise Unsupported(f"the configuration is incomplete: {error}") from error
        if len(kinds) != layers or not set(kinds) <= {"full_attention", "sliding_attention"}:
            raise Unsupported("unknown kinds of layers")
        if any(config.get(key) for key in ("attn_logit_softcapping", "use_bidirectional_attention", "mlp_bias")):
            raise Unsupported("an attention or MLP variant")
        act = config.get("hidden_activation") or config.get("hidden_act")
        if act != ("gelu_pytorch_tanh" if shape.gemma else "silu"):
            raise Unsupported(f"activation {act}")
        return shape


def _theta(config: dict[str, Any], kind: str) -> float:
    """Rotary base of a kind of layer, in the forms that releases 4 and 5 of transformers write."""
    told = config.get("rope_parameters") or {}
    told = told.get(kind, told) or {}
    scaling = config.get("rope_scaling") or {}
    if told.get("rope_type", "default") != "default" or scaling.get("rope_type", scaling.get("type")) not in (
        None, "default",
    ):  # fmt: skip
        raise Unsupported("scaled rotary positions")
    if told.get("partial_rotary_factor", config.get("partial_rotary_factor", 1.0)) != 1.0:
        raise Unsupported("partial rotary positions")
    if "rope_theta" in told:
        return float(told["rope_theta"])
    local = config.get("rope_local_base_freq") if kind == "sliding_attention" else None
    return float(local or config.get("rope_theta") or 10_000.0)


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


@dataclass
class _Layer:
    qkv: Any  # (heads + 2 KV heads) * head dim, width
    bias: Any
    out: Any
    gate_up: Any
    down: Any
    norms: tuple[Any, ...]  # before attention, after it (Gemma), before the MLP, after it (Gemma)
    q_norm: Any
    k_norm: Any


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
        layer = _Layer(
            torch.cat([get(f"{n}.weight") for n in names]), bias, get(f"{attention}o_proj.weight").clone(),
            torch.cat([get(f"{mlp}gate_proj.weight"), get(f"{mlp}up_proj.weight")]),
            get(f"{mlp}down_proj.weight").clone(), tuple(self._norm_weight(f"{at}{n}.weight") for n in norms),
            self._norm_weight(f"{attention}q_norm.weight") if shape.qk_norm else None,
            self._norm_weight(f"{attention}k_norm.weight") if shape.qk_norm else None,
        )  # fmt: skip
        rows = (shape.heads + 2 * shape.kv_heads) * shape.head_dim
        if layer.qkv.shape != (rows, shape.width) or layer.out.shape != (shape.width, shape.heads * shape.head_dim):
            raise ValueError(f"weights of '{attention}' do not fit the configuration")
        return layer

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
        mixed = f.linear(self._normed(x, layer.norms[0]), layer.qkv, layer.bias)
        mixed = mixed.view(count, -1, shape.head_dim).transpose(0, 1)
        q, k, v = mixed.split([shape.heads, shape.kv_heads, shape.kv_heads])
        if shape.qk_norm:
            q, k = self._normed(q, layer.q_norm), self._normed(k, layer.k_norm)
        cache.keys[index, :, start:total] = _turned(q=k, turn=turn, torch=self._torch)
        cache.values[index, :, start:total] = v
        q = _turned(q=q, turn=turn, torch=self._torch)
        keys, values = cache.keys[index, :, :total], cache.values[index, :, :total]
        seen = self._attend(q, keys, values, mask, attention)
        y = f.linear(seen.transpose(0, 1).reshape(count, -1), layer.out)
        if shape.gemma:
            x = x + self._normed(y, layer.norms[1])
            gate, up = f.linear(self._normed(x, layer.norms[2]), layer.gate_up).chunk(2, dim=-1)
            return x + self._normed(f.linear(f.gelu(gate, approximate="tanh") * up, layer.down), layer.norms[3])
        x = x + y
        gate, up = f.linear(self._normed(x, layer.norms[1]), layer.gate_up).chunk(2, dim=-1)
        return x + f.linear(f.silu(gate) * up, layer.down)

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
        f, size = self._torch.nn.functional, x.shape[-1:]
        if self.shape.gemma:
            return f.rms_norm(x.float(), size, weight, self.shape.eps).to(x.dtype)
        return weight * f.rms_norm(x.float(), size, None, self.shape.eps).to(x.dtype)


def _causal(torch: Any, start: int, total: int) -> Any:
    return torch.ones((total - start, total), dtype=torch.bool).tril(start)


def _turned(q: Any, turn: tuple[Any, Any], torch: Any) -> Any:
    """Rotary positions on (heads, N, head dim)."""
    half = q.shape[-1] // 2
    return q * turn[0] + torch.cat((-q[..., half:], q[..., :half]), dim=-1) * turn[1]
