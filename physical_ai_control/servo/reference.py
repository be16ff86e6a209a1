"""The trajectory that a servo follows, with sequence, stamp and validity; and its form as a row of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array

STATES, INPUTS = 5, 2
HEADER: Final = 6  # sequence, begun_s, valid_until_s, dt_s, lag_s, steps
MOST_STEPS: Final = 60
ROW: Final = STATES + INPUTS + INPUTS * STATES
MOST_NUMBERS: Final = HEADER + (MOST_STEPS + 1) * ROW


class Reference(NamedTuple):
    """`states (N+1, 5)`: x, y (m), yaw (rad), v (m/s), w (rad/s) in `odom`, `dt_s` apart from `begun_s` on.

    `inputs (N, 2)`: dv (m/s²), dw (rad/s²), constant over each step. `gains (N, 2, 5)`: what is added to the
    velocity command (m/s, rad/s) a unit of deviation from the state; zeros: no feedback. `lag_s`: the base reaches
    63 % of a step of its command in this time. Times on the graph's clock; past `valid_until_s` none may follow it.
    """

    sequence: int
    begun_s: float
    valid_until_s: float
    dt_s: float
    lag_s: float
    states: Array
    inputs: Array
    gains: Array


def pack(reference: Reference) -> Array:
    """The reference as one row of float64. Raises InputError where it has another shape."""
    steps = len(reference.inputs)
    shapes = (reference.states.shape, reference.inputs.shape, reference.gains.shape)
    if not 1 <= steps <= MOST_STEPS or shapes != ((steps + 1, STATES), (steps, INPUTS), (steps, INPUTS, STATES)):
        raise InputError(f"A trajectory of the shapes {shapes} cannot be followed.", f"1 to {MOST_STEPS} steps.")
    head = [
        float(reference.sequence), reference.begun_s, reference.valid_until_s, reference.dt_s, reference.lag_s,
        float(steps),
    ]  # fmt: skip
    return np.concatenate([head, reference.states.ravel(), reference.inputs.ravel(), reference.gains.ravel()])


def unpack(numbers: Sequence[float] | Array) -> Reference:
    """The reverse of `pack`. Raises InputError where the row is too short or not one."""
    row = np.asarray(numbers, dtype=float)
    steps = int(row[5]) if len(row) >= HEADER and 1.0 <= row[5] <= MOST_STEPS else 0
    ends = np.cumsum([HEADER, (steps + 1) * STATES, steps * INPUTS, steps * INPUTS * STATES])
    if steps == 0 or len(row) < ends[-1]:
        raise InputError("This row of numbers holds no trajectory.", "Write it with `pack`.")
    states, inputs, gains = (row[a:b] for a, b in pairwise(ends))
    return Reference(
        int(row[0]) if np.isfinite(row[0]) else 0, float(row[1]), float(row[2]), float(row[3]), float(row[4]),
        states.reshape(-1, STATES), inputs.reshape(-1, INPUTS), gains.reshape(-1, INPUTS, STATES),
    )  # fmt: skip


def of_poses(sequence: int, poses: Array, stamps_s: Array, valid_until_s: float, lag_s: float = 0.0) -> Reference:
    """Reference of a timed path alone: `poses (n, 3)` at evenly spaced `stamps_s (n,)`; speeds are their differences.

    Raises InputError where the path is not timed, not finite, too short or too long.
    """
    steps = len(poses) - 1
    if poses.shape != (steps + 1, 3) or stamps_s.shape != (steps + 1,) or not 1 <= steps <= MOST_STEPS:
        raise InputError(f"A path of shape {poses.shape} cannot be followed.", f"(n, 3), 2 to {MOST_STEPS + 1} poses.")
    gaps = np.diff(stamps_s)
    if not (np.isfinite(poses).all() and np.isfinite(stamps_s).all() and gaps.min() > 1e-3):
        raise InputError("The path is not finite or its stamps do not grow.", "Publish a timed path.")
    dt_s = float(gaps.mean())
    if np.abs(gaps - dt_s).max() > 0.1 * dt_s:
        raise InputError("The stamps of the path are not evenly spaced.", "Publish steps of one length.")
    turn = np.diff(np.unwrap(poses[:, 2]))
    middle = poses[:-1, 2] + 0.5 * turn
    away = np.diff(poses[:, :2], axis=0)
    speeds = np.column_stack([away[:, 0] * np.cos(middle) + away[:, 1] * np.sin(middle), turn]) / dt_s
    at_poses = np.vstack([speeds[:1], 0.5 * (speeds[:-1] + speeds[1:]), speeds[-1:]])
    states = np.column_stack([poses[:, :2], np.unwrap(poses[:, 2]), at_poses])
    inputs = np.diff(at_poses, axis=0) / dt_s
    gains = np.zeros((steps, INPUTS, STATES))
    return Reference(sequence, float(stamps_s[0]), valid_until_s, dt_s, lag_s, states, inputs, gains)
