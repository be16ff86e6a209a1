"""From what is known of everybody to where they go: attention between people, and mixtures in continuous time.

Frames: everything in an agent's own frame (its position the origin, its direction the x axis) until the very end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_world_model.mixture import gathered
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
ALL_WAYS: Final = slice(None)


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
) -> Floats:  # fmt: skip
    """What n agents see of M others each (n, M, 22).

    xy_m, v_mps, frame (n, 2); other_m, other_mps (n, M, 2); path_m (n, M, 4, 2) where each other will be at the
    shares of the horizon; told (n, M) 1 where that is its plan and not only its velocity.
    """
    n, count = other_m.shape[:2]
    c, s = np.moveaxis(frame.astype(np.float32), -1, 0)
    out = np.empty((n, count, 22), dtype=np.float32)
    shares = np.array(PATH_SHARES)[:, None] * horizon_s
    mine = xy_m[:, None] + shares * v_mps[:, None]  # (n, 4, 2)
    away, rate = other_m - xy_m[:, None], other_mps - v_mps[:, None]
    _turn_into(out[..., 0:2], away, c[:, None], s[:, None])
    _turn_into(out[..., 2:4], rate, c[:, None], s[:, None])
    _turn_into(out[..., 4:6], other_mps, c[:, None], s[:, None])
    distance = np.hypot(out[..., 0], out[..., 1])
    closing = -(out[..., 0] * out[..., 2] + out[..., 1] * out[..., 3])
    closing /= out[..., 2] ** 2 + out[..., 3] ** 2 + np.float32(0.05)
    out[..., 0:2] /= 4.0
    out[..., 6], out[..., 7] = np.exp(distance / np.float32(-2.0)), distance / np.float32(8.0)
    out[..., 8] = np.clip(closing, 0.0, 8.0) / 4.0
    meet = np.empty((n, count, 4, 2), dtype=np.float32)
    _turn_into(meet, path_m - mine[:, None], c[:, None, None], s[:, None, None])
    np.exp(-np.hypot(meet[..., 0], meet[..., 1]), out=out[..., 17:21])
    meet /= 8.0
    out[..., 9:17] = np.clip(meet, -2.0, 2.0).reshape(n, count, 8)
    out[..., 21] = told
    return out


def _turn_into(out: Floats, vector: Array, c: Floats, s: Floats) -> None:
    """`tokens.into`, written to `out` (…, 2) in single precision."""
    x, y = (part.astype(np.float32) for part in np.moveaxis(vector, -1, 0))
    out[..., 0] = x * c + y * s
    out[..., 1] = y * c - x * s


def straight_paths(other_m: Array, other_mps: Array, horizon_s: float) -> Array:
    """Where others (…, 2) will be at the shares of the horizon if they keep their velocity (…, 4, 2)."""
    return other_m[..., None, :] + np.array(PATH_SHARES)[:, None] * horizon_s * other_mps[..., None, :]


def silu(x: Floats) -> Floats:
    """x / (1 + exp(-x)), in place; where the exponential overflows the answer is the 0 that it should be."""
    bottom = np.negative(x)
    with np.errstate(over="ignore"):
        np.exp(bottom, out=bottom)
    bottom += np.float32(1.0)
    return np.asarray(np.divide(x, bottom, out=x))


class Decoder:
    """Social attention and mixture head from weights `social.*` and `head.*`."""

    def __init__(self, weights: Mapping[str, Floats], shape: Shape) -> None:
        self._w = {k: np.ascontiguousarray(v.T if v.ndim == 2 else v) for k, v in weights.items()
                   if k.startswith(("social.", "head."))}  # fmt: skip
        self._mode = np.ascontiguousarray(weights["head.mode"])
        self._shape = shape

    def _linear(self, name: str, x: Floats) -> Floats:
        """One product for all leading axes; a new array."""
        y = x.reshape(-1, x.shape[-1]) @ self._w[f"{name}.weight"]
        bias = self._w.get(f"{name}.bias")
        if bias is not None:
            y += bias
        return np.asarray(y.reshape(*x.shape[:-1], y.shape[-1]))

    def met(self, others: Floats) -> Floats:
        """What of others (m, d) does not depend on who meets them (m, d)."""
        return self._linear("social.other", others)

    def attend(self, h: Floats, met: Floats, edges: Floats, near: NDArray[np.int64]) -> Floats:
        """h (n, d) of those to predict, met (m, d) of the others, edges (n, M, E), near (n, M) rows of `met` or -1 →
        (n, d).

        Keys and values are linear in what is met: the query goes through the key's matrix, and the mean through the
        value's, once a person and not once a neighbour.
        """
        there = near >= 0
        linear, w = self._linear, self._w
        e = linear("social.edge", edges)
        e += met[np.maximum(near, 0)]
        e = linear("social.mix", silu(e))
        query = linear("social.query", h)
        score = (e @ (query @ w["social.key.weight"].T)[..., None])[..., 0] + (query @ w["social.key.bias"])[:, None]
        score = np.where(there, score / np.float32(np.sqrt(h.shape[-1])), np.float32(NOBODY))
        top = np.maximum(score.max(axis=1, initial=0.0), np.float32(0.0))  # a seat of score 0 stands for nobody
        part = np.exp(score - top[:, None])
        weight = there * part / (part.sum(axis=1) + np.exp(-top))[:, None]
        seen = (weight[:, None] @ e)[:, 0] @ w["social.value.weight"]
        seen += weight.sum(axis=1)[:, None] * w["social.value.bias"]
        return np.asarray(h + linear("social.out", silu(linear("social.join", np.concatenate([h, seen], axis=1)))))

    def coefficients(self, h: Floats, horizon_s: float, ways: slice = ALL_WAYS) -> Floats:
        """(n, K + 1, C), or of some ways only; way 0 is the single best guess."""
        wide = np.concatenate([h, np.full((len(h), 1), np.log(horizon_s / REFERENCE_S), dtype=np.float32)], axis=1)
        z = silu(self._linear("head.context", wide)[:, None] + self._mode[ways])
        return self._linear("head.out", silu(self._linear("head.hidden", z)))

    def fans(
        self, coefficients: Floats, v_mps: Array, frame: Array, at_s: Array, horizon_s: float,
        factor: Array | float = 1.0, modes: int | None = None,
    ) -> Fans:  # fmt: skip
        """Mixtures at the moments `at_s` (t,) or (n, t), in the own frame, of at most `modes` ways; covariances times
        `factor` (t,) or (n, t)."""
        own_mps, s = into(frame, v_mps), at_s / horizon_s
        if modes is not None and modes < coefficients.shape[1]:
            return condensed(coefficients, own_mps, s, horizon_s, self._shape, factor, modes)
        fans = unfold(coefficients, own_mps, s, horizon_s, self._shape)
        if not np.ndim(factor):
            return fans._replace(covariance=fans.covariance * np.float32(factor))
        return fans._replace(covariance=fans.covariance * np.asarray(factor, dtype=np.float32)[..., None, :, None])


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
    scale, reach, rates = _ways(own_mps, s, horizon_s, shape)
    path = _paths(coefficients, shape)
    straight = own_mps.astype(np.float32)[:, None, :, None]
    rate = straight + scale / np.float32(horizon_s) * _at(path, rates)
    mean = straight * _wide(horizon_s * s) + scale * _at(path, reach)
    along, across, turn, weight = _spread(coefficients, scale, s, shape)
    covariance = np.stack([along * along, turn * along * across, across * across], axis=-1)
    return Fans(np.swapaxes(mean, -1, -2), np.swapaxes(rate, -1, -2), covariance, weight)


def condensed(
    coefficients: Floats, own_mps: Array, s: Array, horizon_s: float, shape: Shape, factor: Array | float, count: int
) -> Fans:
    """`unfold`, covariances times `factor` (t,) or (n, t), then `mixture.merged` to `count` modes, without making the
    many modes' rates and rows: means and rates are linear in the coefficients, and the spread between the modes is
    that of their ways beside the straight one, which all share."""
    n, modes = coefficients.shape[:2]
    scale, reach, rates = _ways(own_mps, s, horizon_s, shape)
    path = _paths(coefficients, shape)
    along, across, turn, weight = _spread(coefficients, scale, s, shape)
    steps = along.shape[-1]
    found = np.empty((5, n, modes, steps), dtype=np.float32)  # x, y beside the straight way; xx, xy, yy about it
    for axis in (0, 1):
        found[axis] = _at(path[:, :, axis : axis + 1], reach)[:, :, 0]
    found[:2] *= scale[:, 0]
    np.multiply(turn, along, out=found[3])
    found[3] *= across
    np.multiply(along, along, out=found[2])
    np.multiply(across, across, out=found[4])
    if np.ndim(factor):
        found[2:] *= np.asarray(factor, dtype=np.float32)[..., None, :]
    x, y = found[:2]
    found[2] += x * x
    found[3] += x * y
    found[4] += y * y
    ends = found[:2, :, :, [steps // 2, -1]].transpose(1, 2, 0, 3).reshape(n, modes, 4)
    part, total = gathered(ends, weight, count)
    centre_x, centre_y, *second = (part @ value for value in found)  # (n, count, t) each
    spread = (second[0] - centre_x * centre_x, second[1] - centre_x * centre_y, second[2] - centre_y * centre_y)
    straight = own_mps.astype(np.float32)[:, None, None]
    pooled: Floats = (part @ path.reshape(n, modes, -1)).reshape(n, count, 2, -1)
    rate = np.swapaxes(scale / np.float32(horizon_s) * _at(pooled, rates), -1, -2) + straight
    mean = np.stack([centre_x, centre_y], axis=-1) + straight * (horizon_s * s).astype(np.float32)[..., None, :, None]
    return Fans(mean, rate, np.stack(spread, axis=-1), total)


def _ways(own_mps: Array, s: Array, horizon_s: float, shape: Shape) -> tuple[Floats, Floats, Floats]:
    """Scale of a way (n, 1, 1, 1) in m; tables (r, t) or (n, r, t) that turn its coefficients into what lies beside the
    straight way, and into rates, both in units of the scale (rates: a horizon)."""
    inside = np.minimum(s, 1.0)
    basis, rates = (np.swapaxes(part, -1, -2) for part in polynomials(shape.basis, inside))
    reach = basis + rates * (s - inside)[..., None, :]
    travel = np.sqrt((own_mps**2).sum(-1) * horizon_s**2 + LEAST_TRAVEL_M**2)
    return travel.astype(np.float32)[:, None, None, None], reach.astype(np.float32), rates.astype(np.float32)


def _paths(coefficients: Floats, shape: Shape) -> Floats:
    """(n, K, 2, r), new."""
    n, modes = coefficients.shape[:2]
    return np.ascontiguousarray(coefficients[..., : 2 * shape.basis]).reshape(n, modes, 2, shape.basis)


def _at(parts: Floats, table: Floats) -> Floats:
    """Coefficients (n, K, 2, r) by a table (r, t) or (n, r, t) → (n, K, 2, t), new."""
    n, modes, two, r = parts.shape
    flat = parts.reshape(-1, r) if table.ndim == 2 else parts.reshape(n, modes * two, r)
    return np.asarray((flat @ table).reshape(n, modes, two, table.shape[-1]))


def _spread(c: Floats, scale: Floats, s: Array, shape: Shape) -> tuple[Floats, Floats, Floats, NDArray[Any]]:
    """Standard deviations along and across (n, K, t), correlation (n, K, 1), weight (n, K)."""
    inside, r, q = np.minimum(s, 1.0), shape.basis, shape.spread
    power = np.stack([(2.0 * inside - 1.0) ** k for k in range(q)], axis=-2).astype(np.float32)
    growth = scale[:, 0] / np.float32(STEPS) * np.sqrt(STEPS * s).astype(np.float32)[..., None, :]  # (n, 1, t)
    sigmas = []
    for start in (2 * r, 2 * r + q):
        sigma = _at(c[:, :, None, start : start + q], power)[:, :, 0]
        sigma += np.float32(SPREAD_BIAS)
        np.maximum(sigma, np.float32(SPREAD_CLIP[0]), out=sigma)
        np.minimum(sigma, np.float32(SPREAD_CLIP[1]), out=sigma)
        np.exp(sigma, out=sigma)
        sigma *= growth
        sigma += np.float32(FLOOR_M)
        sigmas.append(sigma)
    weight = np.exp(c[..., -1] - c[..., -1].max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    return sigmas[0], sigmas[1], np.float32(0.95) * np.tanh(c[..., -2])[..., None], weight


def _wide(times: Array) -> Floats:
    """(t,) stays; (n, t) → (n, 1, 1, t), single precision."""
    single = times.astype(np.float32)
    return single if single.ndim == 1 else np.asarray(single[:, None, None])


def turned(fans: Fans, xy_m: Array, frame: Array) -> Fans:
    """The same in the common frame: means about the positions (n, 2), covariances turned."""
    c, s = (part[:, None, None] for part in frame.T.astype(np.float32))
    xx, xy, yy = np.moveaxis(fans.covariance, -1, 0)
    both, apart, twice = 0.5 * (xx + yy), 0.5 * (xx - yy), (2 * c * s, c * c - s * s)
    cross = twice[1] * xy + twice[0] * apart
    along = twice[1] * apart - twice[0] * xy
    covariance = np.stack([both + along, cross, both - along], axis=-1)
    seat: Any = frame.astype(np.float32)[:, None, None]
    mean = xy_m[:, None, None] + out_of(seat, fans.mean_m)
    return Fans(mean, out_of(seat, fans.rate_mps), covariance, fans.weight)
