"""Likelihood field: how well a point at a place agrees with the surfaces of a map.

A cell holds `exp(-d² / 2σ²)` of the distance d from its centre to the nearest map point, 0 beyond 3σ (end-point
model: Thrun, Burgard, Fox, Probabilistic Robotics, 6.4, without its noise floor). Points are stamped into the grid at
their own sub-cell place, so the field is not quantised to cells, and bilinear interpolation between cell centres makes
it continuous. Building costs one pass over the points, whatever the size of the area.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array

SUB_CELLS: Final = 4  # a stamp is chosen among 4x4 sub-cell places: its error is below an eighth of a cell
REACH_SIGMAS: Final = 3.0
Cells = NDArray[np.float32]
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Field:
    """`cells` (H, W) in [0, 1], a rim of zeros around; `corner` (2,): centre of cell (0, 0) in the map's frame."""

    cells: Cells
    corner: Array
    cell_m: float
    sigma_m: float

    def sample(self, points: Array) -> tuple[Array, Array, Array]:
        """Value and its gradient in x and in y (each (N,), per metre) at points (N, 2); zeros outside."""
        height, width = self.cells.shape
        flat = self.cells.ravel()
        u = (points[:, 0] - self.corner[0]) / self.cell_m
        v = (points[:, 1] - self.corner[1]) / self.cell_m
        np.clip(u, 0.0, width - 1.001, out=u)
        np.clip(v, 0.0, height - 1.001, out=v)
        column, row = u.astype(np.intp), v.astype(np.intp)
        u -= column
        v -= row
        at = row * width + column
        low_left, low_right = flat.take(at), flat.take(at + 1)
        at += width
        high_left, high_right = flat.take(at), flat.take(at + 1)
        low, high = low_left + u * (low_right - low_left), high_left + u * (high_right - high_left)
        along_x = (low_right - low_left) + v * ((high_right - high_left) - (low_right - low_left))
        return low + v * (high - low), along_x / self.cell_m, (high - low) / self.cell_m


def empty(low: Array, high: Array, cell_m: float, sigma_m: float, margin_m: float = 0.0) -> Field:
    """A field of zeros that has room for points between `low` (2,) and `high` (2,) and `margin_m` around.

    Cells are aligned to whole multiples of their size: the same points give the same field wherever they begin.
    """
    rim = _reach(cell_m, sigma_m) + 3 + int(np.ceil(margin_m / cell_m))
    first = np.floor(low / cell_m).astype(np.intp) - rim
    width, height = (np.ceil(high / cell_m).astype(np.intp) + rim - first + 1).tolist()
    return Field(np.zeros((height, width), dtype=np.float32), np.asarray(first * cell_m, dtype=float), cell_m, sigma_m)


def build(points: Array, cell_m: float, sigma_m: float, margin_m: float = 0.0) -> Field:
    """The field of map points (N, 2), with room for `margin_m` around. Without points it is zero everywhere."""
    if not len(points):
        return empty(np.zeros(2), np.zeros(2), cell_m, sigma_m)
    field = empty(points.min(axis=0), points.max(axis=0), cell_m, sigma_m, margin_m)
    _stamp(field, points)
    return field


def add(field: Field, points: Array) -> bool:
    """Stamp further points (N, 2) into a field in place; False, and nothing done, where they do not fit into it."""
    rim = (_reach(field.cell_m, field.sigma_m) + 2) * field.cell_m
    height, width = field.cells.shape
    far = field.corner + np.array([width - 1, height - 1]) * field.cell_m
    if (points < field.corner + rim).any() or (points > far - rim).any():
        return False
    _stamp(field, points)
    return True


def _reach(cell_m: float, sigma_m: float) -> int:
    return int(np.ceil(REACH_SIGMAS * sigma_m / cell_m))


def _stamp(field: Field, points: Array) -> None:
    width = field.cells.shape[1]
    sub = np.unique(_sub_cell((points - field.corner) / field.cell_m, width))
    cell, part = sub // SUB_CELLS**2, sub % SUB_CELLS**2
    stamps, offsets_row, offsets_column = _stamps(_reach(field.cell_m, field.sigma_m), field.cell_m / field.sigma_m)
    target = cell[:, None] + (offsets_row * width + offsets_column)[None, :]
    np.maximum.at(field.cells.reshape(-1), target.ravel(), stamps[part].ravel())


def _sub_cell(scaled: Array, width: int) -> Index:
    """One number for cell and place within it, so that points at the same place are stamped once."""
    fine = np.rint(scaled * SUB_CELLS).astype(np.intp)
    whole, part = fine // SUB_CELLS, fine % SUB_CELLS
    cell: Index = whole[:, 1] * width + whole[:, 0]
    return np.asarray(cell * SUB_CELLS**2 + part[:, 1] * SUB_CELLS + part[:, 0])


@lru_cache(maxsize=8)
def _stamps(reach: int, cell_sigmas: float) -> tuple[Cells, Index, Index]:
    """Stamps (16, K) for each sub-cell place, with row and column offsets (K,) from the cell below and left of it."""
    offset = np.arange(-reach, reach + 2)
    row, column = (grid.ravel() for grid in np.meshgrid(offset, offset, indexing="ij"))
    part = np.arange(SUB_CELLS) / SUB_CELLS
    up, right = (grid.ravel() for grid in np.meshgrid(part, part, indexing="ij"))
    squared = (row - up[:, None]) ** 2 + (column - right[:, None]) ** 2
    value = np.exp(-0.5 * squared * cell_sigmas**2)
    value[squared * cell_sigmas**2 > REACH_SIGMAS**2] = 0.0
    return value.astype(np.float32), row.astype(np.intp), column.astype(np.intp)
