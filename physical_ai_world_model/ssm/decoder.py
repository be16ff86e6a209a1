"""From what is known of everybody to where they go: attention between people, and mixtures in continuous time.

Frames: everything in an agent's own frame (its position the origin, its direction the x axis) until the very end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_world_model.ssm.shape import Shape
from physical_ai_world_model.ssm.tokens import into, out_of

Floats = NDArray[np.float32]
PATH_SHARES: Final = (0.25, 0.5, 0.75, 1.0)  # of the horizon: where the others' ways are looked at
LEAST_TRAVEL_M: Final = 1.2
STEPS: Final = 12.0
FLOOR_M: Final = 0.02
SPREAD_BIAS: Final = -1.5
SPREAD_CLIP: Final = (-6.0, 3.0)
NOBODY: Final = -1e4
REFERENCE_S: Final = 4.8


class Fans(NamedTuple):
    """n agents, K modes, t moments, own frame about the last position: mean (n, K, t, 2), rate (n, K, t, 2) in m/s,
    covariance [xx, xy, yy] (n, K, t, 3), weight (n, K)."""

    mean_m: Array
    rate_mps: Array
    covariance: Array
    weight: Array


def edge_features(
    xy_m: Array, v_mps: Array, frame: Array, other_m: Array, other_mps: Array, path_m: Array, told: Array,
    horizon_s: float,
) -> Array:  # fmt: skip
    """What n agents see of M others each (n, M, 22).

    xy_m, v_mps, frame (n, 2); other_m, other_mps (n, M, 2); path_m (n, M, 4, 2) where each other will be at the
    shares of the horizon; told (n, M) 1 where that is its plan and not only its velocity.
    """
    own = frame[:, None]
    away = into(own, other_m - xy_m[:, None])
    rate = into(own, other_mps - v_mps[:, None])
    distance = np.hypot(away[..., 0], away[..., 1])[..., None]
    closing = -(away * rate).sum(-1, keepdims=True) / ((rate * rate).sum(-1, keepdims=True) + 0.05)
    shares = np.array(PATH_SHARES)[:, None] * horizon_s
    mine = xy_m[:, None] + shares * v_mps[:, None]  # (n, 4, 2)
    meet = into(own[:, :, None], path_m - mine[:, None])  # (n, M, 4, 2)
    near = np.exp(-np.hypot(meet[..., 0], meet[..., 1]))
    return np.concatenate(
        [
            away / 4.0, rate, into(own, other_mps), np.exp(-distance / 2.0), distance / 8.0,
            np.clip(closing, 0.0, 8.0) / 4.0, np.clip(meet / 8.0, -2.0, 2.0).reshape(*meet.shape[:2], -1), near,
            told[..., None],
        ],
        axis=-1,
    )  # fmt: skip


def straight_paths(other_m: Array, other_mps: Array, horizon_s: float) -> Array:
    """Where others (…, 2) will be at the shares of the horizon if they keep their velocity (…, 4, 2)."""
    return other_m[..., None, :] + np.array(PATH_SHARES)[:, None] * horizon_s * other_mps[..., None, :]


def silu(x: Floats) -> Floats:
    """x / (1 + exp(-x))."""
    return np.asarray(x / (1.0 + np.exp(-np.clip(x, -60.0, 60.0))), dtype=np.float32)


class Decoder:
    """Social attention and mixture head from weights `social.*` and `head.*`."""

    def __init__(self, weights: Mapping[str, Floats], shape: Shape) -> None:
        self._w = {k: np.ascontiguousarray(v.T if v.ndim == 2 else v) for k, v in weights.items()
                   if k.startswith(("social.", "head."))}  # fmt: skip
        self._mode = np.ascontiguousarray(weights["head.mode"])
        self._shape = shape

    def _linear(self, name: str, x: Floats) -> Floats:
        y = x @ self._w[f"{name}.weight"]
        bias = self._w.get(f"{name}.bias")
        return np.asarray(y if bias is None else y + bias, dtype=np.float32)

    def attend(self, h: Floats, others: Floats, edges: Floats, near: NDArray[np.int64]) -> Floats:
        """h (n, d) of those to predict, others (m, d), edges (n, M, E), near (n, M) rows of `others` or -1 → (n, d)."""
        there = near >= 0
        linear = self._linear
        e = linear(
            "social.mix", silu(linear("social.edge", edges) + linear("social.other", others)[np.maximum(near, 0)])
        )
        score = np.einsum("nd,nmd->nm", linear("social.query", h), linear("social.key", e)) / np.sqrt(h.shape[-1])
        score = np.where(there, score, NOBODY)
        top = np.maximum(score.max(axis=1, initial=0.0), 0.0)  # one more seat of score 0 stands for nobody
        part = np.exp(score - top[:, None])
        weight = there * part / (part.sum(axis=1) + np.exp(-top))[:, None]
        seen = np.einsum("nm,nmd->nd", weight, linear("social.value", e)).astype(np.float32)
        return np.asarray(h + linear("social.out", silu(linear("social.join", np.concatenate([h, seen], axis=1)))))

    def coefficients(self, h: Floats, horizon_s: float) -> Floats:
        """(n, K + 1, C); row 0 is the single best guess."""
        wide = np.concatenate([h, np.full((len(h), 1), np.log(horizon_s / REFERENCE_S), dtype=np.float32)], axis=1)
        z = silu(self._linear("head.context", wide)[:, None] + self._mode)
        return self._linear("head.out", silu(self._linear("head.hidden", z)))

    def fans(self, coefficients: Floats, v_mps: Array, frame: Array, at_s: Array, horizon_s: float) -> Fans:
        """Mixtures at the moments `at_s` (t,) or (n, t), in the own frame."""
        return unfold(coefficients, into(frame, v_mps), at_s / horizon_s, horizon_s, self._shape)


def polynomials(count: int, s: Array) -> tuple[Array, Array]:
    """Integrals from 0 of the shifted Legendre polynomials at s (…, t) in [0, 1], and those themselves:
    (…, t, count)."""
    legendre: Array = np.asarray(np.polynomial.legendre.legvander(2.0 * s - 1.0, count), dtype=np.float64)
    order = np.arange(1, count)
    rising = 0.5 * (legendre[..., 2:] - legendre[..., :-2]) / (2 * order + 1)
    return np.concatenate([s[..., None], rising], axis=-1), np.asarray(legendre[..., :-1])


def unfold(coefficients: Floats, own_mps: Array, s: Array, horizon_s: float, shape: Shape) -> Fans:
    """The mixture that coefficients (n, K, C) mean at shares s (t,) or (n, t) of the horizon; own velocity (n, 2) in
    the own frame. Beyond the horizon the last velocity is kept and the doubt grows on."""
    c, r, q = coefficients, shape.basis, shape.spread
    inside = np.minimum(s, 1.0)
    beyond = _wide((s - inside) * horizon_s)
    basis, rates = (_columns(part) for part in polynomials(r, inside))
    travel = np.sqrt((own_mps**2).sum(-1) * horizon_s**2 + LEAST_TRAVEL_M**2)
    scale = travel.astype(np.float32)[:, None, None]
    path = c[..., : 2 * r].reshape(*c.shape[:2], 2, r)
    straight = own_mps.astype(np.float32)[:, None, :, None]
    rate = straight + (scale / np.float32(horizon_s))[..., None] * (path @ rates)  # (n, K, 2, t)
    mean = straight * _wide(horizon_s * inside) + scale[..., None] * (path @ basis)
    if beyond.any():
        mean = mean + rate * beyond
    power = _columns(np.stack([(2.0 * inside - 1.0) ** k for k in range(q)], axis=-1))
    log_spread = c[..., 2 * r : 2 * r + 2 * q].reshape(*c.shape[:2], 2, q) @ power  # (n, K, 2, t)
    growth = scale[..., None] / np.float32(STEPS) * _wide(np.sqrt(STEPS * s))
    sigma = growth * np.exp(np.clip(log_spread + np.float32(SPREAD_BIAS), *SPREAD_CLIP)) + np.float32(FLOOR_M)
    along, across = sigma[:, :, 0], sigma[:, :, 1]
    cross = np.float32(0.95) * np.tanh(c[..., -2])[..., None] * along * across
    weight = np.exp(c[..., -1] - c[..., -1].max(axis=1, keepdims=True))
    covariance = np.stack([along * along, cross, across * across], axis=-1)
    return Fans(
        np.swapaxes(mean, -1, -2), np.swapaxes(rate, -1, -2), covariance, weight / weight.sum(axis=1, keepdims=True)
    )


def _columns(table: Array) -> Floats:
    """(t, r) → (r, t); (n, t, r) → (n, 1, r, t), single precision."""
    turned = np.swapaxes(table, -1, -2).astype(np.float32)
    return np.asarray(turned if turned.ndim == 2 else turned[:, None])


def _wide(times: Array) -> Floats:
    """(t,) stays; (n, t) → (n, 1, 1, t), single precision."""
    single = times.astype(np.float32)
    return single if single.ndim == 1 else np.asarray(single[:, None, None])


def turned(fans: Fans, xy_m: Array, frame: Array) -> Fans:
    """The same in the common frame: means about the positions (n, 2), covariances turned."""
    seat = frame[:, None, None]
    c, s = frame[:, 0, None, None], frame[:, 1, None, None]
    xx, xy, yy = np.moveaxis(fans.covariance, -1, 0)
    turned_covariance = np.stack(
        [
            c * c * xx - 2 * c * s * xy + s * s * yy,
            c * s * (xx - yy) + (c * c - s * s) * xy,
            s * s * xx + 2 * c * s * xy + c * c * yy,
        ],
        axis=-1,
    )
    mean = xy_m[:, None, None] + out_of(seat, fans.mean_m)
    return Fans(mean, out_of(seat, fans.rate_mps), turned_covariance, fans.weight)
