"""A flat for the mapping tests: rooms around a corridor that runs in a square, seen by a half-turn scanner."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from flat_world import World

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_perception.mapping import se2

ANGLES = np.radians(np.arange(-90.0, 90.0))


def box(x1: float, y1: float, x2: float, y2: float) -> Array:
    """Four walls."""
    corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2], [x1, y1]])
    return np.column_stack([corners[:-1], corners[1:]])


def furnished_room() -> World:
    """8 x 6 m around the origin, nothing in it twice."""
    return World(
        circles=np.array([[2.1, 1.3, 0.2], [-1.2, -1.9, 0.3]]),
        walls=np.vstack([box(-4, -3, 4, 3), box(-3.6, 1.2, -2.4, 2.2), box(1.0, -3.0, 1.6, -2.0)]),
    )


def ring_corridor() -> World:
    """A corridor 2 m wide around a block of 12 x 12 m, with recesses at uneven places."""
    walls = [box(-8, -8, 8, 8), box(-6, -6, 6, 6)]
    for place, depth in ((-4.3, 0.5), (-1.0, 0.3), (2.2, 0.6), (4.9, 0.35)):
        walls += [box(place, -8, place + 0.7, -8 + depth), box(8 - depth, place + 0.4, 8, place + 1.0)]
        walls += [box(-place - 1.1, 8 - depth, -place, 8), box(-8, -place - 0.8, -8 + depth, -place)]
    return World(walls=np.vstack(walls))


def points_at(world: World, pose: Array, rng: np.random.Generator | None = None, reach_m: float = 25.0) -> Array:
    """Points (N, 2) in `base_link` that the scanner at `pose` sees, in the rays' order."""
    ranges = world.ranges(pose[:2], pose[2] + ANGLES, reach_m)
    if rng is not None:
        ranges = ranges + rng.normal(0.0, 0.01, len(ranges))
    hit = np.isfinite(ranges)
    return np.column_stack([ranges[hit] * np.cos(ANGLES[hit]), ranges[hit] * np.sin(ANGLES[hit])])


def around(corners: Array, step_m: float = 0.1, turn_rad: float = 0.1) -> Array:
    """Poses (N, 3) of a robot that drives from corner to corner (K, 2) and turns on the spot."""
    poses: list[Array] = []
    yaw = float(np.arctan2(*(corners[1] - corners[0])[::-1]))
    for start, end in pairwise(corners):
        heading = float(np.arctan2(*(end - start)[::-1]))
        turn = float((heading - yaw + np.pi) % (2 * np.pi) - np.pi)
        poses += [
            np.array([*start, yaw + turn * k]) for k in np.linspace(0, 1, max(1, int(abs(turn) / turn_rad)), False)
        ]
        yaw = heading
        count = int(np.hypot(*(end - start)) / step_m)
        poses += [np.array([*(start + (end - start) * k), yaw]) for k in np.linspace(0, 1, count, False)]
    return np.array(poses)


def wheels_along(truth: Array, rng: np.random.Generator, turn_bias: float = 0.03) -> Array:
    """Odometry (N, 3) of a drive along `truth`: 3 % noise on steps, and turns that read too large by `turn_bias`."""
    steps = se2.between(truth[:-1], truth[1:])
    steps[:, :2] *= 1.0 + 0.03 * rng.standard_normal((len(steps), 1))
    steps[:, 2] *= 1.0 + turn_bias
    steps[:, 2] += 0.002 * rng.standard_normal(len(steps))
    poses = [truth[0]]
    for step in steps:
        poses.append(se2.compose(poses[-1], step))
    return np.array(poses)


def grid_of(world: World, half_m: float = 10.0, cell_m: float = 0.05) -> m.OccupancyGrid:
    """The world as a map: cells that a wall or a circle passes are occupied, the others free."""
    size = int(2 * half_m / cell_m)
    cells = np.zeros((size, size), dtype=np.int8)
    along = np.linspace(0.0, 1.0, 4 * size)[:, None]
    spots = [wall[:2] + along * (wall[2:] - wall[:2]) for wall in world.walls]
    bearing = 2.0 * np.pi * along
    spots += [c[:2] + c[2] * np.hstack([np.cos(bearing), np.sin(bearing)]) for c in world.circles]
    column, row = np.floor((np.vstack(spots) + half_m) / cell_m).astype(int).clip(0, size - 1).T
    cells[row, column] = 100
    return m.OccupancyGrid(0.0, "map", cell_m, np.array([-half_m, -half_m, 0.0]), cells)
