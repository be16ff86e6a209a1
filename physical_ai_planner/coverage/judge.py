"""How good a course over a field is: what it covers, what twice, how much longer it is than it must be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely

from physical_ai_core.geometry import path_length, wrap
from physical_ai_planner.coverage.course import Piece

TURN_RAD = np.radians(45.0)
QUAD_SEGS = 16


class Coverage(NamedTuple):
    """`covered`, `overlap`: shares of the reachable area; `ratio`: length over area / width, the least possible."""

    covered: float
    overlap: float
    length_m: float
    ratio: float
    turns: int
    outside_m2: float


def swept(pieces: Sequence[Piece], width_m: float) -> shapely.Geometry:
    """What an implement of a width, round about the robot's centre, works on a course."""
    lines = [shapely.LineString(p.points) for p in pieces if p.work and len(p.points) > 1]
    return shapely.union_all([line.buffer(0.5 * width_m, quad_segs=QUAD_SEGS) for line in lines])


def judge(pieces: Sequence[Piece], reachable: shapely.Geometry, zone: shapely.Geometry, width_m: float) -> Coverage:
    """Measures of a course. `reachable`: what the implement can reach at all; `zone`: outside it may not be on."""
    worked = swept(pieces, width_m)
    covered = worked.intersection(reachable).area / reachable.area if reachable.area > 0.0 else 1.0
    work_m = sum(path_length(p.points) for p in pieces if p.work)
    length_m = sum(path_length(p.points) for p in pieces)
    overlap = max(0.0, work_m * width_m - worked.area) / max(reachable.area, 1e-9)
    least_m = reachable.area / width_m
    outside = worked.difference(zone.buffer(1e-6)).area
    return Coverage(covered, overlap, length_m, length_m / max(least_m, 1e-9), turns(pieces), outside)


def turns(pieces: Sequence[Piece]) -> int:
    """Corners sharper than 45 degrees along the whole course."""
    points = np.vstack([p.points for p in pieces]) if pieces else np.zeros((0, 2))
    steps = np.diff(points, axis=0)
    steps = steps[np.hypot(*steps.T) > 1e-3]
    heading = np.arctan2(steps[:, 1], steps[:, 0])
    return int(np.sum(np.abs(np.asarray(wrap(np.diff(heading)))) > TURN_RAD))
