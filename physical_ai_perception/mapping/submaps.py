"""Submaps: stretches of consecutive keyframes, drawn in the frame of their middle keyframe when they are asked for."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

import numpy as np

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


class Submaps:
    """The least recently used drawing is forgotten first."""

    def __init__(self, parameters: MappingParameters) -> None:
        self._p = parameters
        self._drawn: OrderedDict[int, Drawn] = OrderedDict()

    def forget(self) -> None:
        """Numbers have changed."""
        self._drawn.clear()

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
