"""Search a window of poses for the one where points agree best with a field: nothing in the window is left out.

Correlative scan matching (Olson 2009) by branch and bound (Hess et al. 2016, "Real-Time Loop Closure in 2D LIDAR SLAM",
section V): a block of translations is bounded by the maximum of the field over the block, blocks that cannot beat the
best pose found are cut. Translations are whole cells, so the result wants refining.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_perception.mapping import se2
from physical_ai_perception.mapping.field import Cells, Field

LEVELS: Final = 4  # the largest block is 2**LEVELS cells wide
BATCH: Final = 128  # blocks opened at a time
COARSE: Final = 2  # blocks of 4 x 4 cells are fine enough to see other places
GATHER: Final = 400_000  # field values looked up at a time
LEAST_TURN_RAD: Final = 0.005
Index = NDArray[np.intp]


class Window(NamedTuple):
    """Poses within `reach_m` in x and in y and `reach_rad` in yaw of `centre` (3,)."""

    centre: Array
    reach_m: float
    reach_rad: float


class Found(NamedTuple):
    """Best `pose` (3,) and its `score`: the field's mean over the points."""

    pose: Array
    score: float


def thin(points: Array, cell_m: float) -> Array:
    """One point a cell, the first of each, in their order."""
    cells = np.floor(points / cell_m).astype(np.int64)
    _, first = np.unique(cells[:, 0] * 4_000_037 + cells[:, 1], return_index=True)
    return np.asarray(points[np.sort(first)])


def search(field: Field, points: Array, window: Window, least_score: float) -> Found | None:
    """The best pose of `points` (N, 2) in the window; None when none scores `least_score`."""
    if not len(points):
        return None
    half = math.ceil(window.reach_m / field.cell_m)
    block = 1 << LEVELS
    pad = 2 * half + block + 2  # what lies outside of the field is kept where no shift brings it in
    levels = _levels(np.pad(field.cells, pad))
    farthest = float(np.hypot(points[:, 0], points[:, 1]).max())
    turn = max(field.cell_m / max(farthest, 1.0), LEAST_TURN_RAD)
    steps = math.ceil(window.reach_rad / turn)
    turns = window.centre[2] + turn * np.arange(-steps, steps + 1)
    width = levels[0].shape[1]
    base = np.stack([_cells_of(field, points, window.centre, yaw, half, levels[0].shape) for yaw in turns])
    # Blocks: rotation, first row, first column. Their first corner runs over the window in whole blocks.
    corner = np.arange(-half, half + 1, block)
    rotation, row, column = (a.ravel() for a in np.meshgrid(np.arange(len(turns)), corner, corner, indexing="ij"))
    bound = _score(levels[LEVELS], base, rotation, row, column, width)
    stack = [_best_first(LEVELS, bound, rotation, row, column, least_score)]
    best, best_at = least_score, None
    while stack:
        level, bound, rotation, row, column = stack.pop()
        keep = bound > best
        bound, rotation, row, column = bound[keep], rotation[keep], row[keep], column[keep]
        if not len(bound):
            continue
        if level == 0:  # sorted: the first is the best
            best, best_at = float(bound[0]), (int(rotation[0]), int(row[0]), int(column[0]))
            continue
        if len(bound) > BATCH:
            stack.append((level, bound[BATCH:], rotation[BATCH:], row[BATCH:], column[BATCH:]))
        size = 1 << (level - 1)
        rotation = np.repeat(rotation[:BATCH], 4)
        row = (row[:BATCH, None] + np.array([0, 0, size, size])).ravel()
        column = (column[:BATCH, None] + np.array([0, size, 0, size])).ravel()
        inside = (row <= half) & (column <= half)
        rotation, row, column = rotation[inside], row[inside], column[inside]
        bound = _score(levels[level - 1], base, rotation, row, column, width)
        stack.append(_best_first(level - 1, bound, rotation, row, column, best))
    if best_at is None:
        return None
    shift = np.array([best_at[2], best_at[1]]) * field.cell_m
    return Found(np.array([*(window.centre[:2] + shift), math.remainder(turns[best_at[0]], 2.0 * math.pi)]), best)


def ambiguity(field: Field, points: Array, pose: Array, window: Window, least_m: float, spread: float) -> Array:
    """Covariance (3, 3), of x and y only, that other places in the window lend a found `pose` (3,) of points (N, 2).

    A place counts by `exp(-less / spread)`, where `less` is what it scores less than the pose, and not at all nearer
    than `least_m`: how sharp the peak itself is says the refinement. Along a corridor many places score nearly the
    same. (Olson 2009, section III-C; here on the upper bounds of blocks of cells, at one heading.)
    """
    half = math.ceil(window.reach_m / field.cell_m)
    padded = np.pad(field.cells, 2 * half + (1 << LEVELS) + 2)
    cells, size = _levels(padded, COARSE)[COARSE], 1 << COARSE
    centre = np.array([window.centre[0], window.centre[1], pose[2]])
    base = _cells_of(field, points, centre, float(pose[2]), half, padded.shape)[None]
    corner = np.arange(-half, half + 1, size)
    row, column = (a.ravel() for a in np.meshgrid(corner, corner, indexing="ij"))
    score = _score(cells, base, np.zeros(len(row), dtype=np.intp), row, column, padded.shape[1])
    low = np.column_stack([column, row]) * field.cell_m + window.centre[:2] - pose[:2]
    away = np.maximum(low, 0.0) + np.minimum(low + (size - 1) * field.cell_m, 0.0)  # of the block's nearest place
    far = np.hypot(away[:, 0], away[:, 1]) > least_m
    best = float(score[~far].max()) if (~far).any() else float(score.max())
    weight = np.exp(np.minimum(score - best, 0.0) / spread)
    covariance = np.zeros((3, 3))
    covariance[:2, :2] = (away[far].T * weight[far]) @ away[far] / weight.sum()
    return covariance


_Blocks = tuple[int, Array, Index, Index, Index]


def _best_first(level: int, bound: Array, rotation: Index, row: Index, column: Index, least: float) -> _Blocks:
    keep = np.flatnonzero(bound > least)
    order = keep[np.argsort(-bound[keep], kind="stable")]
    return level, bound[order], rotation[order], row[order], column[order]


def _levels(cells: Cells, most: int = LEVELS) -> list[Cells]:
    """Level h holds, at each cell, the maximum over the 2**h x 2**h cells that begin there."""
    levels = [cells]
    for level in range(most):
        size = 1 << level
        wide = levels[-1].copy()
        np.maximum(wide[:-size], levels[-1][size:], out=wide[:-size])
        across = wide.copy()
        np.maximum(wide[:, :-size], across[:, size:], out=wide[:, :-size])
        levels.append(wide)
    return levels


def _cells_of(field: Field, points: Array, centre: Array, yaw: float, half: int, shape: tuple[int, ...]) -> Index:
    """Flat cells (N,) of the points turned by `yaw` about the window's centre, in the padded field."""
    block = 1 << LEVELS
    placed = (se2.place(np.array([centre[0], centre[1], yaw]), points) - field.corner) / field.cell_m
    cells = np.rint(placed).astype(np.intp) + (2 * half + block + 2)
    column = np.clip(cells[:, 0], half, shape[1] - half - block - 1)
    row = np.clip(cells[:, 1], half, shape[0] - half - block - 1)
    return np.asarray(row * shape[1] + column)


def _score(cells: Cells, base: Index, rotation: Index, row: Index, column: Index, width: int) -> Array:
    flat = cells.reshape(-1)
    score = np.empty(len(rotation))
    shift = row * width + column
    chunk = max(1, GATHER // base.shape[1])
    for start in range(0, len(rotation), chunk):
        part = slice(start, start + chunk)
        score[part] = flat.take(base[rotation[part]] + shift[part, None]).mean(axis=1)
    return score
