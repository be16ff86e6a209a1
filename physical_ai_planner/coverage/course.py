"""A whole field as one course: headland passes along every edge, swaths within, and the ways between them.

The area is where the robot's centre may work. Pass k runs `k * spacing` inside its edge; the swaths cover what lies
deeper than half a spacing within the last pass, so no point of the area is farther than half a width from the course.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import shapely

from physical_ai_core.geometry import Array, path_length
from physical_ai_planner.coverage.order import order
from physical_ai_planner.coverage.swaths import Cell, best_cells, rings
from physical_ai_planner.coverage.turns import dubins

LEAST_RING_M = 0.02
LEFT_SHARE = 0.02  # of a width squared: smaller spots between two passes are left
RING_ENTRIES = 16
PIVOT_COST_M = 4.0  # two turns on the spot take about as long as so much driving
CELL_COST_M = 10.0

Lengths = Callable[[Array], Array]  # points (N, 2) in `map` -> route lengths (N, N), inf for no way


@dataclass(frozen=True)
class CoverageSettings:
    """`spacing_m`: of neighbouring passes, the working width less the overlap; `width_m`: what the implement works.

    `headlands`: passes along the edges, around obstacles too; `turn_radius_m`: 0 where the robot turns on the spot.
    """

    spacing_m: float
    width_m: float
    headlands: int = 1
    turn_radius_m: float = 0.0


class Piece(NamedTuple):
    """A stretch of the course: points (N, 2) in `map`; `work`: the implement is on.

    `fits`: a vehicle with the turning radius can drive it; travel between far parts is left to the route.
    """

    points: Array
    work: bool
    fits: bool = True


class _Way(NamedTuple):
    """One way to drive a part: its passes (N, 2) in order, and their length."""

    part: int
    passes: tuple[Array, ...]
    length_m: float


def cover(
    area: shapely.Geometry,
    settings: CoverageSettings,
    start: Array,
    lengths: Lengths | None = None,
    free: shapely.Geometry | None = None,
) -> list[Piece]:
    """Course over every piece of `area` (all of them must be reachable), begun at `start` (at least x, y).

    `lengths`: route lengths between points, straight lines where absent; `free`: where turns may go, `area` where
    absent. The first piece is the way from `start`. Empty where there is nothing to cover.
    """
    ways = list(_ways(area, settings))
    if not ways:
        return []
    entries = np.array([way.passes[0][0] for way in ways])
    exits = np.array([way.passes[-1][-1] for way in ways])
    points, where = np.unique(np.vstack([start[None, :2], entries, exits]), axis=0, return_inverse=True)
    where = where.ravel()
    far = _straight(points) if lengths is None else lengths(points)
    n = len(ways)
    between = far[np.ix_(np.r_[where[:1], where[1 + n :]], where[1 : 1 + n])]
    chosen = order(between, np.array([way.length_m for way in ways]), np.array([way.part for way in ways]))
    return list(_joined([ways[i] for i in chosen], settings, start, area, area if free is None else free))


def _straight(points: Array) -> Array:
    return np.asarray(np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)))


def headland(area: shapely.Geometry, settings: CoverageSettings) -> list[Array]:
    """Closed lines (N, 2) of the passes along every edge, the outermost first and on the edge of `area` itself."""
    found = []
    for k in range(settings.headlands):
        inset = area if k == 0 else area.buffer(-k * settings.spacing_m, quad_segs=4)
        for part in shapely.get_parts(inset):
            for polygon in shapely.get_parts(_rounded(part, settings.turn_radius_m)):
                found += [shapely.get_coordinates(r) for r in rings(polygon) if r.length > LEAST_RING_M]
    return found


def _rounded(polygon: shapely.Polygon, radius_m: float) -> shapely.Geometry:
    """A polygon whose outward corners can be driven with a turning radius; itself where nothing would be left."""
    if radius_m <= 0.0:
        return polygon
    opened = polygon.buffer(-radius_m).buffer(radius_m)
    return polygon if opened.is_empty else opened


def _ways(area: shapely.Geometry, settings: CoverageSettings) -> Iterator[_Way]:
    part = -1
    along = headland(area, settings)
    for part, line in enumerate(along):
        open_ = line[:-1]
        for i in _spread(line):
            turned = np.roll(open_, -i, axis=0)
            yield _Way(part, (np.vstack([turned, turned[:1]]),), path_length(line))
    inner, s = _within(area, along, settings), settings.spacing_m
    turn_m = PIVOT_COST_M if settings.turn_radius_m <= 0.0 else 2.0 * np.pi * settings.turn_radius_m
    for number, cell in enumerate(best_cells(inner, s, turn_m, CELL_COST_M), start=part + 1):
        for far_first in (False, True):
            for back_first in (False, True):
                passes = tuple(_there_and_back(cell[::-1] if far_first else cell, back_first))
                hops = sum(float(np.hypot(*(b[0] - a[1]))) for a, b in pairwise(passes))
                yield _Way(number, passes, hops + sum(path_length(p) for p in passes))


def _spread(ring: Array) -> Array:
    """Indices of corners of a closed line (N, 2), spread along it: where it may be begun."""
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(ring, axis=0).T))])
    wanted = np.linspace(0.0, at[-1], RING_ENTRIES, endpoint=False)
    return np.unique(np.argmin(np.abs(at[:-1, None] - wanted[None]), axis=0))


def _within(area: shapely.Geometry, along: Sequence[Array], settings: CoverageSettings) -> shapely.Geometry:
    """What the swaths must pass: the field within the headland, and what its passes leave in sharp corners."""
    s, n = settings.spacing_m, settings.headlands
    if not n:
        return area
    inner = area.buffer(-(n - 0.5) * s)
    if n == 1 or settings.turn_radius_m > 0.0:
        return inner  # one pass on the very edge leaves nothing; a wide turn cannot go back into a corner
    passed = shapely.union_all([shapely.LineString(line).buffer(0.5 * settings.width_m) for line in along])
    left = area.buffer(-0.5 * s) - passed - inner
    corners = [part for part in shapely.get_parts(left) if part.area > LEFT_SHARE * settings.width_m**2]
    return shapely.union_all([inner, *corners])


def _there_and_back(cell: Cell, back_first: bool) -> Iterator[Array]:
    for i, swath in enumerate(cell):
        ends = np.array([swath.first, swath.last])
        yield ends[::-1] if back_first == (i % 2 == 0) else ends


def _joined(
    ways: Sequence[_Way], settings: CoverageSettings, start: Array, area: shapely.Geometry, free: shapely.Geometry
) -> Iterator[Piece]:
    """Passes and what joins them: the implement stays on in a short turn within the field, else it is off."""
    for geometry in (area, free):
        shapely.prepare(geometry)
    reach = 2.0 * settings.spacing_m + 2.0 * np.pi * settings.turn_radius_m
    before, within = np.asarray(start, dtype=float)[None, :2], False
    for way in ways:
        for points in way.passes:
            gap = float(np.hypot(*(points[0] - before[-1])))
            if gap > 1e-6 or settings.turn_radius_m > 0.0:
                turn, fits = _turn(before, points, settings.turn_radius_m, free)
                on = within and path_length(turn) <= reach and area.covers(shapely.LineString(turn))
                yield Piece(turn, bool(on), fits)
            yield Piece(points, True)
            before, within = points, True
        within = False


def _turn(before: Array, after: Array, radius_m: float, free: shapely.Geometry) -> tuple[Array, bool]:
    """From the end of one pass to the begin of the next, and whether the turning radius allows it."""
    line = np.vstack([before[-1], after[0]])
    if radius_m <= 0.0 or len(before) < 2:
        return line, True
    poses = [
        np.array([*p[i], np.arctan2(*(p[j] - p[k])[::-1])]) for p, i, j, k in ((before, -1, -1, -2), (after, 0, 1, 0))
    ]
    for points in dubins(poses[0], poses[1], radius_m):
        if free.covers(shapely.LineString(points)):
            return points, True
    return line, False
