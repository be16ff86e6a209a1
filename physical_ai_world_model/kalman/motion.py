"""Motion models of a tracked object, declared as data and discretised exactly for any `dt`.

State `[x_m, y_m, vx_mps, vy_mps]`. Each axis obeys `dv = -damping * v * dt + white acceleration noise`: damping 0 is
constant velocity, larger values are an object that slows down to a stand (an Ornstein-Uhlenbeck velocity).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from physical_ai_core.geometry import Array

# Below this damping * dt the closed form loses digits by cancellation; the limit of damping -> 0 is exact enough.
SERIES_BELOW = 1e-3


class MotionModel(NamedTuple):
    """One way of moving. `acceleration_psd`: power of the white acceleration, m^2/s^3, per axis."""

    name: str
    damping_per_s: float
    acceleration_psd: float


def discretise(model: MotionModel, dt_s: ArrayLike) -> tuple[Array, Array]:
    """Transition (..., 4, 4) and process noise (..., 4, 4) of `model` over `dt_s` (...), which must be >= 0.

    The exact integrals of the linear stochastic differential equation (Bar-Shalom, Li, Kirubarajan 2001, ch. 6).
    """
    dt = np.asarray(dt_s, dtype=float)
    rate, psd = model.damping_per_s, model.acceleration_psd
    if rate * float(np.max(dt, initial=0.0)) < SERIES_BELOW:
        keep, reach = np.ones_like(dt), dt
        pp, pv, vv = psd * dt**3 / 3.0, psd * dt**2 / 2.0, psd * dt
    else:
        keep = np.exp(-rate * dt)
        reach = -np.expm1(-rate * dt) / rate
        vv = psd * -np.expm1(-2.0 * rate * dt) / (2.0 * rate)
        pv = psd * reach**2 / 2.0
        pp = np.maximum(0.0, psd / rate**2 * dt - 2.0 * psd / rate**2 * reach + vv / rate**2)
    if not dt.shape:  # one step: written out, for it is asked for in every tick
        (k, r), (p, c, v) = (float(keep), float(reach)), (float(pp), float(pv), float(vv))
        return (
            np.array([[1.0, 0.0, r, 0.0], [0.0, 1.0, 0.0, r], [0.0, 0.0, k, 0.0], [0.0, 0.0, 0.0, k]]),
            np.array([[p, 0.0, c, 0.0], [0.0, p, 0.0, c], [c, 0.0, v, 0.0], [0.0, c, 0.0, v]]),
        )
    transition, noise = np.zeros((*dt.shape, 4, 4)), np.zeros((*dt.shape, 4, 4))
    for axis in (0, 1):
        transition[..., axis, axis] = 1.0
        transition[..., axis, axis + 2] = reach
        transition[..., axis + 2, axis + 2] = keep
        noise[..., axis, axis] = pp
        noise[..., axis, axis + 2] = noise[..., axis + 2, axis] = pv
        noise[..., axis + 2, axis + 2] = vv
    return transition, noise
