"""What a `config.json` says about a decoder, as far as our own forward pass (`lean`) asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FAMILIES = ("gemma3_text", "llama", "qwen2", "qwen3")


class Unsupported(ValueError):
    """The configuration is of another kind; `transformers` itself has to run it."""


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
