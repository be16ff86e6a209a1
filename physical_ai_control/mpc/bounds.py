"""Bounds of one problem, from what a model declares: every one of them can be kept from the state it begins at."""

from __future__ import annotations

import numpy as np

from physical_ai_control.mpc.model import POSE, Model
from physical_ai_core.geometry import Array

SPARE = 0.02  # m/s, rad/s: beyond a limit, so that a state on it is no corner of the problem
FREE = 1e4


def state_bounds(model: Model, x0: Array, top_mps: float, times_s: Array) -> tuple[Array, Array]:
    """Low and high (N+1, nx) at `times_s (N+1,)` from `x0 (nx,)`: forward speed up to `top_mps` and not backwards,
    speeds that end at rest with the horizon; who begins beyond a limit comes back as fast as its input allows."""
    low, high = np.full((len(times_s), model.nx), -FREE), np.full((len(times_s), model.nx), FREE)
    left_s = times_s[-1] - times_s
    for at, state in enumerate(model.states, POSE):
        by = model.inputs[state.driven_by]
        if state.rests:
            brakeable = -by.low * left_s  # every solution ends at rest
            high[:, at] = np.minimum(min(top_mps, state.limit), brakeable) + SPARE
            low[:, at] = -SPARE if np.isinf(state.limit) else -high[:, at]
            high[:, at] = np.maximum(high[:, at], x0[at] + by.low * times_s + SPARE)
            low[:, at] = np.minimum(low[:, at], x0[at] + by.high * times_s - SPARE)
        else:
            high[:, at] = np.maximum(state.limit, abs(x0[at]) - by.high * times_s + SPARE)
            low[:, at] = -high[:, at]
    return low, high


def input_bounds(model: Model) -> tuple[Array, Array]:
    """Low and high (nu,)."""
    return np.array([one.low for one in model.inputs]), np.array([one.high for one in model.inputs])
