"""From the policy's few numbers to a guess: the reference, shifted and delayed, is tracked on the model.

An action `(…, 5)` in [-1, 1] says how far to the left of the reference to be after a third, two thirds and all of the
horizon, and how fast to go along it in the middle and at the end; 0 is the reference itself. The model then follows
that with the tracking law of Kanayama, Kimura, Miyazaki, Noguchi (1990), within the limits: inputs and states belong
together, whatever the action. One definition for floats (robot) and arrays (training).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from physical_ai_core.geometry import Array

ACTIONS: Final = 5
SHIFTS: Final = 3
SHIFT_M: Final = 1.6
FASTER: Final = 0.3  # an action of 1 means this much faster, one of -1 standing
ALONG, ACROSS, TURN = 1.0, 4.0, 2.5  # 1/s, 1/m^2, 1/m: gains of the tracking law
SLOWEST_MPS: Final = 0.15  # the law's lateral gains do not fade below this


class Reach(NamedTuple):
    """Limits of the roll-out: forward speed, yaw rate, lowest and highest inputs (2,)."""

    speed_mps: float
    yaw_rate_rps: float
    low: tuple[float, float]
    high: tuple[float, float]


class Kind(NamedTuple):
    """Elementary functions of one kind of number."""

    sin: Callable[[Any], Any]
    cos: Callable[[Any], Any]
    clip: Callable[[Any, Any, Any], Any]


FLOATS: Final = Kind(math.sin, math.cos, lambda x, low, high: low if x < low else high if x > high else x)
ARRAYS: Final = Kind(np.sin, np.cos, lambda x, low, high: np.minimum(np.maximum(x, low), high))


def target(x0: Array, reference: Array, action: Array, dt_s: float) -> Array:
    """What is tracked: `(…, N+1, 5)`, places and headings with the speeds along them."""
    steps = reference.shape[-2] - 1
    stage = np.arange(steps + 1) / steps
    action = np.clip(action, -1.0, 1.0)
    pace = action[..., SHIFTS:]
    factor = 1.0 + np.where(pace < 0.0, pace, FASTER * pace)
    early = np.clip(2.0 * stage, 0.0, 1.0)
    late = np.clip(2.0 * stage - 1.0, 0.0, 1.0)
    rate = 1.0 + (factor[..., :1] - 1.0) * early + (factor[..., 1:] - factor[..., :1]) * late
    at = np.zeros_like(rate)
    at[..., 1:] = np.cumsum(0.5 * (rate[..., 1:] + rate[..., :-1]), axis=-1)
    low = np.minimum(at.astype(int), steps - 1)
    share = (at - low)[..., None]  # above 1 past the end: it goes on
    here = np.take_along_axis(reference, low[..., None], axis=-2)
    later = np.take_along_axis(reference, low[..., None] + 1, axis=-2)
    way = here + share * (later - here)
    way[..., 2] = here[..., 2] + np.minimum(share[..., 0], 1.0) * (later[..., 2] - here[..., 2])
    c, s = np.cos(reference[..., 0, 2]), np.sin(reference[..., 0, 2])
    now = c * (x0[..., 1] - reference[..., 0, 1]) - s * (x0[..., 0] - reference[..., 0, 0])
    knots = np.concatenate([now[..., None], SHIFT_M * action[..., :SHIFTS]], axis=-1)
    place = SHIFTS * stage
    knot = np.minimum(place.astype(int), SHIFTS - 1)
    x = place - knot
    smooth = x * x * (3.0 - 2.0 * x)
    left = knots[..., knot] * (1.0 - smooth) + knots[..., knot + 1] * smooth
    way[..., 0] -= left * np.sin(way[..., 2])
    way[..., 1] += left * np.cos(way[..., 2])
    step = np.diff(way[..., :2], axis=-2)
    length = np.hypot(step[..., 0], step[..., 1])
    lean = np.arctan2(step[..., 1], step[..., 0]) - way[..., :-1, 2]
    lean = (lean + np.pi) % (2.0 * np.pi) - np.pi
    way[..., :-1, 2] += np.where(length > 0.1 * SLOWEST_MPS * dt_s, np.clip(lean, -1.2, 1.2), 0.0)
    way[..., -1, 2] = way[..., -2, 2]
    way[..., :-1, 3] = length / dt_s
    way[..., -1, 3] = way[..., -2, 3]
    way[..., :-1, 4] = np.diff(way[..., 2], axis=-1) / dt_s
    way[..., -1, 4] = 0.0
    return np.asarray(way)


def track(x0: Any, way: Any, dt_s: float, reach: Reach, kind: Kind = FLOATS) -> tuple[list[Any], list[Any]]:
    """States (N+1 of 5) and inputs (N of 2) of the model from `x0` along `way` (N+1 of 5)."""
    x, y, yaw, v, w = x0
    states, inputs = [(x, y, yaw, v, w)], []
    for px, py, heading, speed, rate in way[1:]:
        c, s = kind.cos(yaw), kind.sin(yaw)
        dx, dy, turn = px - x - v * dt_s * c, py - y - v * dt_s * s, kind.sin(heading - yaw - w * dt_s)
        brisk = kind.clip(speed, SLOWEST_MPS, 10.0)
        wanted = kind.clip(speed * kind.cos(heading - yaw) + ALONG * (c * dx + s * dy), 0.0, reach.speed_mps)
        bend = rate + brisk * (ACROSS * (c * dy - s * dx) + TURN * turn) * 1.0
        bend = kind.clip(bend, -reach.yaw_rate_rps, reach.yaw_rate_rps)
        dv = kind.clip((wanted - v) / dt_s, reach.low[0], reach.high[0])
        dw = kind.clip((bend - w) / dt_s, reach.low[1], reach.high[1])
        middle = yaw + 0.5 * dt_s * w + 0.125 * dt_s * dt_s * dw
        travel = dt_s * (v + 0.5 * dt_s * dv)
        x, y = x + travel * kind.cos(middle), y + travel * kind.sin(middle)
        yaw, v, w = yaw + dt_s * (w + 0.5 * dt_s * dw), v + dt_s * dv, w + dt_s * dw
        states.append((x, y, yaw, v, w))
        inputs.append((dv, dw))
    return states, inputs
