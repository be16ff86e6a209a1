"""The recurrence in numpy, for a batch of agents: the form that the compiled ones are held against.

Work arrays are made once for a number of agents; a step allocates nothing that grows with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_world_model.ssm.packing import ELAPSED_LIMIT_S, EPSILON, FEATURE_LIMIT, Floats
from physical_ai_world_model.ssm.shape import Shape

CLIP: Final = np.float32(88.0)  # exp of more does not fit single precision


class Plain:
    """Engine over the named parts of `packing.pack`."""

    def __init__(self, parts: Mapping[str, Floats], shape: Shape) -> None:
        self._parts, self._shape = parts, shape

    def bind(self, features: Floats, elapsed_s: Floats, state: Floats, hidden: Floats) -> Callable[[], int]:
        """A step over these very arrays; it says how many agents it refused."""
        return _Step(self._parts, self._shape, features, elapsed_s, state, hidden).run


class _Step:
    """One step over fixed arrays of n agents: features (n, F), elapsed (n,), state (n, L, di, N), hidden (n, d)."""

    def __init__(
        self, parts: Mapping[str, Floats], shape: Shape, features: Floats, elapsed_s: Floats, state: Floats,
        hidden: Floats,
    ) -> None:  # fmt: skip
        n, d, di = len(features), shape.width, shape.inner
        self._parts, self._shape = parts, shape
        self._features, self._elapsed_s, self._state, self._hidden = features, elapsed_s, state, hidden
        self._x, self._normal, self._spare = (np.empty((n, d), np.float32) for _ in range(3))
        self._moment = np.empty((n, 1), np.float32)
        self._mean = np.full((d, 1), 1.0 / d, np.float32)
        self._drive, self._drive_spare = np.empty((n, 2 * di), np.float32), np.empty((n, 2 * di), np.float32)
        self._seen = np.empty((n, parts["0.x_proj"].shape[1]), np.float32)
        self._step, self._decay, self._read = (np.empty((n, di), np.float32) for _ in range(3))
        self._input = np.empty((n, di, shape.state), np.float32)

    def run(self) -> int:
        good = (np.abs(self._features) <= FEATURE_LIMIT).all(axis=1)
        good &= (self._elapsed_s >= 0.0) & (self._elapsed_s <= ELAPSED_LIMIT_S)
        refused = len(good) - int(np.count_nonzero(good))
        if refused:  # zeros for no time leave the state; what is heard of them is struck out below
            self._features[~good] = 0.0
            self._elapsed_s[~good] = 0.0
        np.matmul(self._features, self._parts["embed"], out=self._x)
        self._x += self._parts["embed_bias"]
        for layer in range(self._shape.layers):
            self._block(layer)
        self._normalise("", self._hidden)
        if refused:
            self._hidden[~good] = np.nan
        return refused

    def _block(self, layer: int) -> None:
        part, di, states = self._parts, self._shape.inner, self._shape.state
        of = f"{layer}."
        self._normalise(of, self._normal)
        np.matmul(self._normal, part[of + "in_proj"], out=self._drive)
        _silu(self._drive, self._drive_spare)
        u, gate = self._drive[:, :di], self._drive[:, di:]
        np.matmul(u, part[of + "x_proj"], out=self._seen)
        b, c, q = self._seen[:, :states], self._seen[:, states : 2 * states], self._seen[:, 2 * states :]
        step, decay, read = self._step, self._decay, self._read
        np.matmul(q[:, : self._shape.rank], part[of + "dt_proj"], out=step)
        step += part[of + "dt_bias"]
        _softplus(step, read)
        step *= self._elapsed_s[:, None]
        step *= part[of + "decay"]
        np.exp(step, out=decay)
        np.expm1(step, out=step)
        step *= part[of + "decay_inverse"]
        step *= u
        state = self._state[:, layer]
        state *= decay[:, :, None]
        np.multiply(step[:, :, None], b[:, None, :], out=self._input)
        state += self._input
        np.matmul(state, c[:, :, None], out=read[:, :, None])
        u *= part[of + "skip"]
        read += u
        read *= gate
        np.matmul(read, part[of + "out_proj"], out=self._spare)
        self._x += self._spare

    def _normalise(self, of: str, out: Floats) -> None:
        """LayerNorm of x."""
        np.matmul(self._x, self._mean, out=self._moment)
        np.subtract(self._x, self._moment, out=out)
        np.multiply(out, out, out=self._spare)
        np.matmul(self._spare, self._mean, out=self._moment)
        self._moment += EPSILON
        np.sqrt(self._moment, out=self._moment)
        out /= self._moment
        out *= self._parts[of + "norm_weight"]
        out += self._parts[of + "norm_bias"]


def _silu(x: Floats, spare: Floats) -> None:
    np.negative(x, out=spare)
    np.minimum(spare, CLIP, out=spare)
    np.exp(spare, out=spare)
    spare += 1
    x /= spare


def _softplus(x: Floats, spare: NDArray[np.float32]) -> None:
    """max(x, 0) + log(1 + exp(-|x|))."""
    np.abs(x, out=spare)
    np.negative(spare, out=spare)
    np.exp(spare, out=spare)
    np.log1p(spare, out=spare)
    np.maximum(x, 0.0, out=x)
    x += spare
