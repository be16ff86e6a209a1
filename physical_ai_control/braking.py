"""Coming to rest: the trajectory of the last resort, and the test whether rest comes well before a person does."""

from __future__ import annotations

import numpy as np

from physical_ai_control.people import People
from physical_ai_core.geometry import Array

APPROACH_M, TOUCH_M = 0.02, 0.1


def stop_states(state: Array, deceleration_mps2: float, times_s: Array) -> Array:
    """States (t, 5) at `times_s` of a robot that brakes straight on its present arc until it stands."""
    speed, sign = abs(float(state[3])), np.sign(state[3])
    duration = speed / deceleration_mps2
    t = np.minimum(times_s, duration)
    travel = sign * (speed * t - 0.5 * deceleration_mps2 * t**2)
    left = sign * np.maximum(0.0, speed - deceleration_mps2 * times_s)
    bend = state[4] / state[3] if speed > 0.1 else 0.0
    yaw = state[2] + bend * travel
    chord = state[2] + 0.5 * bend * travel
    return np.column_stack(
        [state[0] + travel * np.cos(chord), state[1] + travel * np.sin(chord), yaw, left, bend * left]
    )


def gaps(states: Array, people: People, half_m: Array) -> Array:
    """Distance (j, t) between the robot's rectangle (half length and width `half_m (2,)`) and each person's circle."""
    offset = people.mean - states[None, :, :2]
    c, s = np.cos(states[:, 2]), np.sin(states[:, 2])
    along = np.abs(offset[..., 0] * c + offset[..., 1] * s)
    across = np.abs(offset[..., 1] * c - offset[..., 0] * s)
    outside = np.hypot(np.maximum(along - half_m[0], 0.0), np.maximum(across - half_m[1], 0.0))
    return np.asarray(outside - people.radius[:, None])


def first_contact(states: Array, people: People, half_m: Array, keep_m: Array) -> int:
    """First row of `states (t, 5)` at which a person's gap is below `keep_m (j, t)`; -1 where there is none.

    A person who is that near already forbids coming nearer, not leaving; one who touches forbids any motion.
    """
    if not len(people.radius):
        return -1
    gap = gaps(states, people, half_m)
    bad = ((gap < keep_m) & ((gap < gap[:, :1] - APPROACH_M) | (gap < TOUCH_M))).any(axis=0)
    return int(np.argmax(bad)) if bad.any() else -1
