"""What the policy sees, from what the MPC sees: own motion, reference, moving obstacles, room beside the reference.

All in the robot's frame at the present moment. Functions take any leading axes, so that training and the robot share
them; N+1 stages, unicycle states `[x, y, yaw, v, w]`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_control.mpc.problem import Ocp, Problem
from physical_ai_core.geometry import Array

Floats = NDArray[np.float32]
OBSTACLES: Final = 5  # those that come nearest to the reference
REFERENCES, OBSTACLE_STAGES, ROOM_STAGES = 5, 3, 4  # stages looked at, evenly over the horizon
SIDES_M: Final = np.array([-1.2, -0.8, -0.4, 0.0, 0.4, 0.8, 1.2])  # to the left of the reference, looked at for room
ROOM_M: Final = 1.0  # clearances beyond it are all the same
FAR_M: Final = 6.0
LENGTH_M, SPEED, TURN_RPS = 2.0, 1.0, 1.5  # what counts as one
SIZE: Final = 2 + 5 * REFERENCES + 8 * OBSTACLES + ROOM_STAGES * len(SIDES_M)


class Scene(NamedTuple):
    """`x0 (…, 5)`, `reference (…, N+1, 5)`; `points (…, N+1, j, 2)` with `reach (…, N+1, j)`, 0 for none, of moving
    obstacles; `room (…, ROOM_STAGES, len(SIDES_M))`: clearance in m at the places of `beside`."""

    x0: Array
    reference: Array
    points: Array
    reach: Array
    room: Array


def scene_of(problem: Problem, ocp: Ocp, room: Array | None = None) -> Scene:
    """The moving rows of a problem; without `room` nothing stands anywhere."""
    moving = problem.keep_away[:, : ocp.moving]
    free = np.full((ROOM_STAGES, len(SIDES_M)), ROOM_M) if room is None else room
    return Scene(problem.x0, problem.reference, moving[..., :2], moving[..., 2], free)


def beside(reference: Array) -> Array:
    """Places (…, ROOM_STAGES, len(SIDES_M), 2) on and beside the reference whose clearance the policy is told."""
    at = reference[..., _stages(reference, ROOM_STAGES + 1)[1:], :]
    left = np.stack([-np.sin(at[..., 2]), np.cos(at[..., 2])], axis=-1)
    return np.asarray(at[..., None, :2] + SIDES_M[:, None] * left[..., None, :])


def features(scene: Scene) -> Floats:
    """`(…, SIZE)`, float32, of the order of one."""
    x0, lead = scene.x0, scene.x0.shape[:-1]
    c, s = np.cos(x0[..., 2]), np.sin(x0[..., 2])
    reference = scene.reference[..., _stages(scene.reference, REFERENCES), :]
    turn = reference[..., 2] - x0[..., None, 2]
    path = [*_seen(reference[..., :2], x0, c, s, LENGTH_M), np.sin(turn), np.cos(turn), reference[..., 3] / SPEED]
    gap = np.hypot(*np.moveaxis(scene.points - scene.reference[..., None, :2], -1, 0)) - scene.reach
    least = np.where(scene.reach > 0.0, gap, FAR_M).min(axis=-2)
    order = np.argsort(least, axis=-1, kind="stable")[..., :OBSTACLES]
    told = np.zeros((*lead, OBSTACLES, 8))
    told[..., :6], told[..., 7] = FAR_M / LENGTH_M, 1.0
    some = order.shape[-1]
    stages = _stages(scene.reference, OBSTACLE_STAGES)
    there = np.take_along_axis(scene.points[..., stages, :, :], order[..., None, :, None], axis=-2)
    x, y = _seen(there.reshape(*lead, -1, 2), x0, c, s, LENGTH_M)
    far = np.take_along_axis(least, order, axis=-1) >= FAR_M
    for column, seen in enumerate((x, y)):
        spread = np.swapaxes(seen.reshape(*lead, OBSTACLE_STAGES, some), -1, -2)
        told[..., :some, column:6:2] = np.where(far[..., None], FAR_M / LENGTH_M, spread)
    reach = np.take_along_axis(scene.reach[..., -1, :], order, axis=-1)
    told[..., :some, 6] = np.where(far, 0.0, reach)
    told[..., :some, 7] = np.clip(np.take_along_axis(least, order, axis=-1), -1.0, 2.0) / 2.0
    parts = [
        np.stack([x0[..., 3] / SPEED, x0[..., 4] / TURN_RPS], axis=-1), np.concatenate(path, axis=-1),
        told.reshape(*lead, -1), np.clip(scene.room, 0.0, ROOM_M).reshape(*lead, -1) / ROOM_M,
    ]  # fmt: skip
    return np.asarray(np.concatenate(parts, axis=-1), dtype=np.float32)


def _seen(points: Array, x0: Array, c: Array, s: Array, unit_m: float) -> tuple[Array, Array]:
    """Forward and left of the robot, in `unit_m`, none farther than FAR_M."""
    dx, dy = points[..., 0] - x0[..., None, 0], points[..., 1] - x0[..., None, 1]
    c, s = c[..., None], s[..., None]
    return np.clip(c * dx + s * dy, -FAR_M, FAR_M) / unit_m, np.clip(c * dy - s * dx, -FAR_M, FAR_M) / unit_m


def _stages(reference: Array, count: int) -> list[int]:
    last = reference.shape[-2] - 1
    return [round(last * k / (count - 1)) for k in range(count)]
