"""The recurrence through numba, agent after agent: for machines without a C compiler.

Imported only where numba is asked for. Sizes are constants of the closure, so that LLVM knows every count; the machine
code is cached by numba. Products take four inputs at a time, which spares loads and stores of the sums. No
reassociation but in the sum over a channel's states: the rounding trick in `_expm1` needs the order that is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numba
import numpy as np

from physical_ai_world_model.ssm.packing import ELAPSED_LIMIT_S, EPSILON, FEATURE_LIMIT, Floats
from physical_ai_world_model.ssm.shape import Shape

EXACT: Final = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}
SUMS: Final = {"fastmath": {"contract", "nsz", "reassoc"}, "error_model": "numpy"}
ZERO, ONE, TWO, HALF = (np.float32(v) for v in (0.0, 1.0, 2.0, 0.5))
LARGEST, SMALLEST = np.float32(88.0), np.float32(-87.0)
MAGIC = np.float32(12582912.0)  # 1.5 * 2^23: adding it rounds to a whole number in the low bits
BIASED: Final = 127 - 0x4B400000  # exponent bias less the bits of MAGIC
LOG2_E, LN2_HIGH, LN2_LOW = np.float32(1.44269504), np.float32(0.693145752), np.float32(1.42860677e-6)
C3, C4, C5, C6, C7 = (np.float32(1.0 / v) for v in (6, 24, 120, 720, 5040))
T3, T5, T7, T9, T11, T13, T15 = (np.float32(2.0 / v) for v in (3, 5, 7, 9, 11, 13, 15))


def _expm1(x: Any) -> Any:
    """(exp(x) - 1, exp(x)): 2^n (e^r - 1) + (2^n - 1) with |r| <= ln 2 / 2; x within [-87, 88] or NaN."""
    shifted = x * LOG2_E + MAGIC
    n = shifted - MAGIC
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    p = ((((C7 * r + C6) * r + C5) * r + C4) * r + C3) * r + HALF
    p = p * (r * r) + r
    power = np.int32((np.float32(shifted).view(np.int32) + BIASED) << 23).view(np.float32)
    return power * p + (power - ONE), power * p + power


expm1 = numba.njit(**EXACT)(_expm1)


def _silu(x: Any) -> Any:
    down = -x
    down = LARGEST if down > LARGEST else down
    return x / (ONE + expm1(SMALLEST if down < SMALLEST else down)[1])


def _softplus(x: Any) -> Any:
    """max(x, 0) + log(1 + e), e = exp(-|x|); the logarithm as 2 artanh(e / (2 + e)), by its series."""
    down = -x if x > ZERO else x
    e = expm1(SMALLEST if down < SMALLEST else down)[1]
    s = e / (TWO + e)
    q = s * s
    p = ((((((T15 * q + T13) * q + T11) * q + T9) * q + T7) * q + T5) * q + T3) * q + TWO
    return (x if x > ZERO else ZERO) + p * s


def _add_product(x: Any, weight: Any, out: Any) -> None:
    """out += x W."""
    whole = len(x) // 4 * 4
    for k in range(0, whole, 4):
        a, b, c, d = x[k], x[k + 1], x[k + 2], x[k + 3]
        for j in range(weight.shape[1]):
            out[j] += (a * weight[k, j] + b * weight[k + 1, j]) + (c * weight[k + 2, j] + d * weight[k + 3, j])
    for k in range(whole, len(x)):
        for j in range(weight.shape[1]):
            out[j] += x[k] * weight[k, j]


def _normalise(x: Any, weight: Any, bias: Any, out: Any) -> None:
    count = np.float32(len(x))
    mean = ZERO
    for v in x:
        mean += v
    mean /= count
    square = ZERO
    for v in x:
        square += (v - mean) * (v - mean)
    scale = ONE / np.sqrt(square / count + EPSILON)
    for k in range(len(x)):
        out[k] = (x[k] - mean) * scale * weight[k] + bias[k]


def _scan(state: Any, decay: Any, entry: Any, b: Any, c: Any, read: Any) -> None:
    for k in range(state.shape[0]):
        total = ZERO
        for j in range(state.shape[1]):
            new = state[k, j] * decay[k] + entry[k] * b[j]
            state[k, j] = new
            total += new * c[j]
        read[k] = total


silu, softplus = numba.njit(**EXACT)(_silu), numba.njit(**EXACT)(_softplus)
add_product, normalise, scan = (
    numba.njit(**EXACT)(_add_product),
    numba.njit(**SUMS)(_normalise),
    numba.njit(**SUMS)(_scan),
)


class Jit:
    """Engine over the flat weights of `packing.pack`."""

    def __init__(self, flat: Floats, parts: Mapping[str, Floats], shape: Shape) -> None:
        begin, first = flat.ctypes.data, parts["0.norm_weight"].ctypes.data
        stride = (parts["1.norm_weight"].ctypes.data - first) // 4 if shape.layers > 1 else 0
        self._flat = flat
        self._work = np.empty(2 * shape.width + 5 * shape.inner + parts["0.x_proj"].shape[1], np.float32)
        self._step = _compiled(
            shape.features, shape.width, shape.inner, shape.state, shape.rank, shape.layers,
            parts["0.x_proj"].shape[1], (first - begin) // 4, stride,
            (parts["norm_weight"].ctypes.data - begin) // 4,
        )  # fmt: skip

    def bind(self, features: Floats, elapsed_s: Floats, state: Floats, hidden: Floats) -> Callable[[], int]:
        """A step over these very arrays; it says how many agents it refused."""
        return partial(self._step, self._flat, features, elapsed_s, state, hidden, self._work)


def _compiled(
    features: int, width: int, inner: int, states: int, rank: int, layers: int, projected: int, first: int, stride: int,
    last: int,
) -> Callable[..., int]:  # fmt: skip
    """The step for these sizes; `first`, `stride`, `last` say where blocks and final norm begin in the flat weights."""
    in_size, seen_size, rank_size, out_size = width * 2 * inner, inner * projected, rank * inner, inner * width

    def step(flat: Any, told: Any, elapsed_s: Any, state: Any, hidden: Any, work: Any) -> int:
        x, normal = work[:width], work[width : 2 * width]
        at = 2 * width
        drive = work[at : at + 2 * inner]
        u, gate = drive[:inner], drive[inner:]
        decay, entry = work[at + 2 * inner : at + 3 * inner], work[at + 3 * inner : at + 4 * inner]
        read, seen = work[at + 4 * inner : at + 5 * inner], work[at + 5 * inner :]
        b, c, q = seen[:states], seen[states : 2 * states], seen[2 * states : 2 * states + rank]
        embed = flat[: features * width].reshape(features, width)
        refused = 0
        for agent in range(told.shape[0]):
            elapsed = elapsed_s[agent]
            good = elapsed >= 0.0 and elapsed <= ELAPSED_LIMIT_S
            for k in range(features):
                good = good and abs(told[agent, k]) <= FEATURE_LIMIT
            if not good:
                hidden[agent] = np.nan
                refused += 1
                continue
            x[:] = flat[features * width : (features + 1) * width]
            add_product(told[agent], embed, x)
            for layer in range(layers):
                o = first + layer * stride
                normalise(x, flat[o : o + width], flat[o + width : o + 2 * width], normal)
                o += 2 * width
                drive[:] = ZERO
                add_product(normal, flat[o : o + in_size].reshape(width, 2 * inner), drive)
                o += in_size
                for k in range(2 * inner):
                    drive[k] = silu(drive[k])
                seen[:] = ZERO
                add_product(u, flat[o : o + seen_size].reshape(inner, projected), seen)
                o += seen_size
                gates = flat[o : o + rank_size].reshape(rank, inner)
                o += rank_size
                entry[:] = flat[o : o + inner]
                add_product(q, gates, entry)
                own, inverse = flat[o + inner : o + 2 * inner], flat[o + 2 * inner : o + 3 * inner]
                skip = flat[o + 3 * inner : o + 4 * inner]
                o += 4 * inner
                for k in range(inner):
                    power = softplus(entry[k]) * elapsed * own[k]
                    less, decay[k] = expm1(SMALLEST if power < SMALLEST else power)
                    entry[k] = less * inverse[k] * u[k]
                scan(state[agent, layer], decay, entry, b, c, read)
                for k in range(inner):
                    read[k] = (read[k] + skip[k] * u[k]) * gate[k]
                add_product(read, flat[o : o + out_size].reshape(inner, width), x)
            normalise(x, flat[last : last + width], flat[last + width : last + 2 * width], hidden[agent])
        return refused

    compiled: Callable[..., int] = numba.njit(**EXACT, cache=True)(step)
    return compiled
