"""Submaps: stretches of consecutive keyframes, drawn in the frame of their middle keyframe when they are asked for."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from physical_ai_core.geometry import Array
from physical_ai_perception.mapping import field as fields
from physical_ai_perception.mapping import se2
from physical_ai_perception.mapping.field import Field
from physical_ai_perception.mapping.odometry import Keyframe
from physical_ai_perception.mapping.parameters import MappingParameters

MOST_DRAWN: Final = 48  # fields kept
STALE_M: Final = 0.02  # a drawn submap whose keyframes have moved so far against each other is drawn anew
STALE_RAD: Final = 0.01


class Drawn(NamedTuple):
    """The fields of a submap, in the frame of its middle keyframe, and the keyframes' poses there (K, 3)."""

    fine: Field
    coarse: Field
    layout: Array


class Sketch(NamedTuple):
    """Where a submap has surfaces, in large cells and one around each: `cells` (H, W), `corner` (2,) of cell (0, 0)."""

    cells: NDArray[np.bool_]
    corner: Array
    cell_m: float

    def covers(self, points: Array) -> NDArray[np.bool_]:
        """Which points (N, 2) of the submap's frame lie there."""
        cell = np.floor((points - self.corner) / self.cell_m).astype(np.intp)
        height, width = self.cells.shape
        inside = (cell[:, 0] >= 0) & (cell[:, 1] >= 0) & (cell[:, 0] < width) & (cell[:, 1] < height)
        covered = np.zeros(len(points), dtype=bool)
        covered[inside] = self.cells[cell[inside, 1], cell[inside, 0]]
        return covered


class Submaps:
    """The least recently used drawing is forgotten first; a sketch is small and stays."""

    def __init__(self, parameters: MappingParameters) -> None:
        self._p = parameters
        self._drawn: OrderedDict[int, Drawn] = OrderedDict()
        self._sketches: dict[int, Sketch] = {}

    def forget(self) -> None:
        """Numbers have changed."""
        self._drawn.clear()
        self._sketches.clear()

    def members(self, number: int) -> range:
        """Keyframes (by place in the list) of submap `number`."""
        first = number * (self._p.submap_keyframes // 2)
        return range(first, first + self._p.submap_keyframes)

    def middle(self, number: int) -> int:
        """The keyframe whose frame the submap has."""
        return self.members(number)[self._p.submap_keyframes // 2]

    def finished(self, keyframes: int) -> int:
        """How many submaps have all their keyframes."""
        half = self._p.submap_keyframes // 2
        return max(0, (keyframes - self._p.submap_keyframes) // half + 1)

    def sketch(self, number: int, keyframes: list[Keyframe], poses: Array) -> Sketch:
        """What the submap has in view, as its keyframes lay when it was first asked for."""
        sketch = self._sketches.get(number)
        if sketch is None:
            members, cell_m = self.members(number), self._p.sketch_cell_m
            layout = se2.between(poses[self.middle(number)], poses[members.start : members.stop])
            points = np.vstack([se2.place(layout[k], keyframes[n].points) for k, n in enumerate(members)])
            cell = np.floor(points / cell_m).astype(np.intp)
            low = cell.min(axis=0) - 1 if len(cell) else np.zeros(2, dtype=np.intp)
            width, height = (cell.max(axis=0) + 2 - low).tolist() if len(cell) else (1, 1)
            cells = np.zeros((height, width), dtype=bool)
            cells[cell[:, 1] - low[1], cell[:, 0] - low[0]] = True
            sketch = Sketch(
                binary_dilation(cells, np.ones((3, 3), dtype=bool)), np.asarray(low * cell_m, dtype=float), cell_m
            )
            self._sketches[number] = sketch
        return sketch

    def draw(self, number: int, keyframes: list[Keyframe], poses: Array) -> Drawn:
        """The submap at the graph's present poses (N, 3)."""
        members = self.members(number)
        layout = se2.between(poses[self.middle(number)], poses[members.start : members.stop])
        drawn = self._drawn.get(number)
        if drawn is None or _moved(drawn.layout, layout):
            p = self._p
            points = np.vstack([se2.place(layout[k], keyframes[n].surface) for k, n in enumerate(members)])
            fine = fields.build(points, p.fine_cell_m, p.fine_sigma_m)
            drawn = Drawn(fine, fields.build(points, p.coarse_cell_m, p.coarse_sigma_m), layout)
            self._drawn[number] = drawn
        self._drawn.move_to_end(number)
        while len(self._drawn) > MOST_DRAWN:
            self._drawn.popitem(last=False)
        return drawn


def _moved(before: Array, now: Array) -> bool:
    off = np.abs(se2.between(before, now))
    return bool((off[:, :2] > STALE_M).any() or (off[:, 2] > STALE_RAD).any())
