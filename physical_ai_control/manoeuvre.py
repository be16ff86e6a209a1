"""Out of a tight place: the quickest turns and straight stretches that bring the robot's true outline onto its route.

The MPC covers the body with circles and looks for the nearest best trajectory; where these circles do not fit, or
the way out begins with a step away, it stands. This searches a lattice of poses around the robot with the rectangle
itself (state lattice, Pivtoraiko, Knepper, Kelly, Differentially constrained mobile robot motion planning, 2009).
"""

from __future__ import annotations

from itertools import product
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from physical_ai_control.surroundings import Surroundings
from physical_ai_core.geometry import Array, invert, rotation, transform_points, wrap

CELL_M: Final = 0.05
REACH: Final = 30  # cells to each side
HEADINGS: Final = 16
SIDE: Final = 2 * REACH + 1
STRETCHES: Final = ((4, 0), (5, 2), (3, 3), (2, 5))  # cells of a straight move at the headings 0, 22.5, 45, 67.5 deg
MARGINS_M: Final = (0.05, 0.025)  # around the outline: the first that leaves a way
OCCUPIED_M: Final = 0.04  # a cell so near to the middle of an occupied one is occupied
TURN_RPS, FORWARD_MPS, BACK_MPS = 0.9, 0.4, 0.15  # on average, with starting and stopping
ROOM_M, DEAR = 0.1, 1.5  # nearer than this beyond the circle around half of the body, a move costs more
AHEAD_MPS: Final = 1.0  # a metre farther along the route is worth so much time
GOAL_TURNS: Final = (0, 1, -1)  # headings off the route's that will do
GOAL_ASIDE_M: Final = (0.0, 0.15, -0.15)  # and places beside it
CHANGE_S, ASIDE_S = 0.3, 0.1  # what these count for


class Move(NamedTuple):
    """To `pose (3,)` in odom by a turn where the robot stands (`along` 0), straight on (1) or straight back (-1)."""

    pose: Array
    along: int


def search(
    pose: Array, goals: Array, half_m: Array, circles_m: tuple[float, float, float], surroundings: Surroundings
) -> list[Move]:
    """Moves from `pose (3,)` to one of `goals (K, 3)`, poses in the order of the route, all in odom; none: no way.

    `half_m (2,)`: half length and width of the outline; `circles_m`: centres ahead of base_link and radius of the two
    circles that must fit at the end, so that the MPC can go on, where there is such an end.
    """
    grid = (np.arange(SIDE) - REACH) * CELL_M
    places = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1)  # (x, y, 2) before and left of the robot
    points = transform_points(pose, places.reshape(-1, 2)).reshape(places.shape)
    away, _ = surroundings.look(points)
    occupied = (away < OCCUPIED_M) | surroundings.unknown(points)
    occupied &= (np.abs(places) > half_m).any(axis=-1)  # where the robot itself stands
    local = np.column_stack([transform_points(invert(pose), goals[:, :2]), wrap(goals[:, 2] - pose[2])])
    near_m = float(np.hypot(0.5 * half_m[0], half_m[1])) + ROOM_M
    dear = 1.0 + DEAR * np.clip((near_m - away) / ROOM_M, 0.0, 1.0)
    for margin_m in MARGINS_M:
        free = _free(occupied, half_m + margin_m)
        free[0, REACH, REACH] = True
        cost, before = _grow(free, dear)
        end = _end(local, cost, away, circles_m)
        if end is not None:
            return _moves(end, before, pose)
    return []


def _free(occupied: NDArray[np.bool_], half_m: Array) -> NDArray[np.bool_]:
    """Where (2 * headings, x, y) the outline fits, at the headings and half-way between them."""
    count = 2 * HEADINGS
    free = np.empty((count, SIDE, SIDE), dtype=bool)
    rim = int(np.ceil(np.hypot(*half_m) / CELL_M))
    padded = np.pad(occupied, rim)
    offsets = np.stack(np.meshgrid(*(np.arange(-rim, rim + 1),) * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    for k in range(count // 2):  # a rectangle turned half round is the same
        turned = offsets * CELL_M @ rotation(2.0 * np.pi * k / count)
        blocked = np.zeros_like(occupied)
        for i, j in offsets[(np.abs(turned) <= half_m).all(axis=1)] + rim:
            blocked |= padded[i : i + SIDE, j : j + SIDE]
        free[k] = free[k + count // 2] = ~blocked
    return free


def _stretch(heading: int) -> NDArray[np.intp]:
    """Cells (2,) of one straight move on."""
    quarter, part = divmod(heading, HEADINGS // 4)
    x, y = STRETCHES[part]
    for _ in range(quarter):
        x, y = -y, x
    return np.array([x, y])


def _grow(free: NDArray[np.bool_], dear: Array) -> tuple[Array, NDArray[np.int32]]:
    """Time from the start to each node (heading, x, y) and the node before it; `dear (x, y)`: factor on it there."""
    index = np.arange(HEADINGS * SIDE * SIDE).reshape(HEADINGS, SIDE, SIDE)
    at = free[::2]
    sources, targets, times = [], [], []

    def add(source: Array, target: Array, good: Array, seconds: Array) -> None:
        sources.append(source[good])
        targets.append(target[good])
        times.append(seconds[good])

    turn_s = 2.0 * np.pi / HEADINGS / TURN_RPS
    for h in range(HEADINGS):
        for to, between in (((h + 1) % HEADINGS, (2 * h + 1) % (2 * HEADINGS)), (h - 1, 2 * h - 1)):
            add(index[h], index[to], at[h] & at[to] & free[between], turn_s * dear)
        dx, dy = _stretch(h)
        here, there = _shifted(dx, dy)
        middle = at[h][_moved(here, dx // 2, dy // 2)]
        good = at[h][here] & at[h][there] & middle
        length_m = CELL_M * float(np.hypot(dx, dy))
        seconds = length_m * 0.5 * (dear[here] + dear[there])
        add(index[h][here], index[h][there], good, seconds / FORWARD_MPS)
        add(index[h][there], index[h][here], good, seconds / BACK_MPS)
    graph = csr_matrix(
        (np.concatenate(times), (np.concatenate(sources), np.concatenate(targets))), shape=(index.size, index.size)
    )
    cost, before = dijkstra(graph, indices=int(index[0, REACH, REACH]), return_predecessors=True)
    return cost.reshape(index.shape), before


def _shifted(dx: int, dy: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Cells from which a step of (dx, dy) stays on the grid, and where it leads."""
    here = tuple(slice(max(0, -d), SIDE - max(0, d)) for d in (dx, dy))
    return (here[0], here[1]), _moved((here[0], here[1]), dx, dy)


def _moved(cells: tuple[slice, slice], dx: int, dy: int) -> tuple[slice, slice]:
    x, y = (slice(part.start + d, part.stop + d) for part, d in zip(cells, (dx, dy), strict=True))
    return x, y


def _end(goals: Array, cost: Array, away: Array, circles_m: tuple[float, float, float]) -> int | None:
    """The node to go to: soon reached, far along the route, and if possible with room for the circles."""
    front_m, rear_m, radius_m = circles_m
    best: list[tuple[bool, float, int]] = []
    spacing_m = float(np.hypot(*(goals[1] - goals[0])[:2])) if len(goals) > 1 else 0.0
    for number, (x, y, yaw) in enumerate(goals):
        for aside_m, turn in product(GOAL_ASIDE_M, GOAL_TURNS):
            i = round((x - aside_m * np.sin(yaw)) / CELL_M) + REACH
            j = round((y + aside_m * np.cos(yaw)) / CELL_M) + REACH
            h = (round(yaw / (2.0 * np.pi / HEADINGS)) + turn) % HEADINGS
            if not (0 <= i < SIDE and 0 <= j < SIDE) or not np.isfinite(cost[h, i, j]):
                continue
            angle = 2.0 * np.pi * h / HEADINGS
            ends = np.array([front_m, rear_m])[:, None] * (np.cos(angle), np.sin(angle)) / CELL_M + (i, j)
            k = np.clip(np.round(ends), 0, SIDE - 1).astype(int)
            tight = bool(away[k[:, 0], k[:, 1]].min() < radius_m)
            off_s = CHANGE_S * abs(turn) + ASIDE_S * (aside_m != 0.0) - number * spacing_m / AHEAD_MPS
            best.append((tight, float(cost[h, i, j]) + off_s, int(np.ravel_multi_index((h, i, j), cost.shape))))
    return min(best)[2] if best else None


def _moves(end: int, before: NDArray[np.int32], pose: Array) -> list[Move]:
    """The way to a node, moves of one kind joined."""
    nodes = [end]
    while before[nodes[-1]] >= 0:
        nodes.append(int(before[nodes[-1]]))
    h, i, j = np.unravel_index(nodes[::-1], (HEADINGS, SIDE, SIDE))
    local = np.column_stack([(i - REACH) * CELL_M, (j - REACH) * CELL_M, 2.0 * np.pi * h / HEADINGS])
    placed = np.column_stack([transform_points(pose, local[:, :2]), wrap(local[:, 2] + pose[2])])
    moves: list[Move] = []
    for last, here, at in zip(local[:-1], local[1:], placed[1:], strict=True):
        step = here[:2] - last[:2]
        along = int(np.sign(round(float(step @ (np.cos(here[2]), np.sin(here[2]))), 6)))
        if moves and moves[-1].along == along:
            moves.pop()
        moves.append(Move(at, along))
    return moves
