"""Parallel swaths over a polygon with holes, in cells that can each be driven there and back.

The polygon is cut into strips one swath wide; a strip's pieces are followed from strip to strip, and a cell ends where
one piece meets two or two meet one. That is the boustrophedon decomposition with its critical points found strip by
strip. Source: Choset, "Coverage of known spaces: the boustrophedon cellular decomposition", Autonomous Robots 9, 2000.
The direction is chosen over those of the edges, after Oksanen and Visala, "Coverage path planning algorithms for
agricultural field machines", 2009.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import networkx as nx
import numpy as np
import shapely
from shapely import affinity

from physical_ai_core.geometry import Array

SAME_DIRECTION_DEG = 3.0
MOST_DIRECTIONS = 12
LEAST_EDGE = 0.02  # share of the outline: shorter edges give no direction of their own
EPS_M = 1e-6


class Swath(NamedTuple):
    """One pass, from `first` to `last` (2,) in `map` along the cell's direction; driven either way."""

    first: Array
    last: Array

    @property
    def length_m(self) -> float:
        return float(np.hypot(*(self.last - self.first)))


Cell = tuple[Swath, ...]  # neighbours in order


def directions(area: shapely.Geometry) -> Array:
    """Headings (N,) rad in [0, pi) of the long edges of `area`, the longest sum first; and of its tightest box."""
    outline = area.simplify(0.1)
    edges = [
        np.diff(shapely.get_coordinates(ring), axis=0) for part in shapely.get_parts(outline) for ring in rings(part)
    ]
    box = np.diff(shapely.get_coordinates(area.minimum_rotated_rectangle)[:3], axis=0)
    steps = np.vstack([*edges, 1e-3 * box])
    length, heading = np.hypot(*steps.T), np.degrees(np.arctan2(steps[:, 1], steps[:, 0])) % 180.0
    order = np.argsort(-length, kind="stable")
    groups: list[list[float]] = []  # heading, sum of lengths
    for i in order:
        for group in groups:
            if abs((heading[i] - group[0] + 90.0) % 180.0 - 90.0) < SAME_DIRECTION_DEG:
                group[1] += float(length[i])
                break
        else:
            groups.append([float(heading[i]), float(length[i])])
    groups.sort(key=lambda group: -group[1])
    long = [group[0] for group in groups[:MOST_DIRECTIONS] if group[1] >= LEAST_EDGE * length.sum()]
    boxed = float(heading[-1 if np.hypot(*box[1]) >= np.hypot(*box[0]) else -2])
    return np.asarray(np.radians([*long, boxed] if boxed not in long else long))


def rings(polygon: shapely.Polygon) -> list[shapely.LinearRing]:
    """Outline and holes of a polygon."""
    return [polygon.exterior, *polygon.interiors]


def cells(area: shapely.Geometry, spacing_m: float, heading_rad: float) -> list[Cell]:
    """Swaths at most `spacing_m` apart that pass every point of `area` within half of that, cell by cell."""
    if area.is_empty or area.area <= EPS_M:
        return []
    flat = affinity.rotate(area, -heading_rad, origin=(0.0, 0.0), use_radians=True)
    flat = flat if flat.is_valid else shapely.make_valid(flat)  # turning can make thin parts cross themselves
    strips = _strips(flat, spacing_m)
    graph = nx.DiGraph()
    for row, (_, spans) in enumerate(strips):
        graph.add_nodes_from((row, i) for i in range(len(spans)))
        if row:
            before = strips[row - 1][1]
            graph.add_edges_from(
                ((row - 1, i), (row, j))
                for i, (a0, a1) in enumerate(before)
                for j, (b0, b1) in enumerate(spans)
                if min(a1, b1) > max(a0, b0)
            )
    graph.remove_edges_from([(a, b) for a, b in graph.edges if graph.out_degree(a) > 1 or graph.in_degree(b) > 1])
    back = _turn(heading_rad)
    found: list[Cell] = []
    for chain in nx.weakly_connected_components(graph):
        swaths = []
        for row, i in sorted(chain):
            y, spans = strips[row]
            ends = np.array([[spans[i][0], y], [spans[i][1], y]]) @ back.T
            swaths.append(Swath(ends[0], ends[1]))
        found.append(tuple(swaths))
    return sorted(found, key=lambda cell: (cell[0].first.tolist(), len(cell)))


def _strips(flat: shapely.Geometry, spacing_m: float) -> list[tuple[float, list[tuple[float, float]]]]:
    """Height of each strip's middle and the spans (x0, x1) of what of `flat` lies in it."""
    x0, y0, x1, y1 = flat.bounds
    count = max(1, int(np.ceil((y1 - y0) / spacing_m - EPS_M)))
    edges = np.linspace(y0, y1, count + 1)
    boxes = shapely.box(x0 - 1.0, edges[:-1], x1 + 1.0, edges[1:])
    shapely.prepare(flat)
    cut = shapely.intersection(flat, boxes)
    parts, strip = shapely.get_parts(cut, return_index=True)
    flat_enough = shapely.area(parts) > 1e-9
    bounds = shapely.bounds(parts)
    found = []
    for row in range(count):
        spans = sorted((float(b[0]), float(b[2])) for b in bounds[(strip == row) & flat_enough])
        found.append((float(0.5 * (edges[row] + edges[row + 1])), _merged(spans)))
    return found


def _merged(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for a, b in spans:
        if joined and a <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(b, joined[-1][1]))
        else:
            joined.append((a, b))
    return joined


def _turn(heading_rad: float) -> Array:
    c, s = np.cos(heading_rad), np.sin(heading_rad)
    return np.array([[c, -s], [s, c]])


def best_cells(area: shapely.Geometry, spacing_m: float, turn_cost_m: float, cell_cost_m: float) -> list[Cell]:
    """Cells of the direction with the least driving: swaths, a turn after each, and the way to each cell.

    `turn_cost_m`: what a turn costs, in metres of driving; `cell_cost_m`: what a further cell costs.
    """
    best, least = [], np.inf
    for heading in directions(area) if not area.is_empty else ():
        found = cells(area, spacing_m, float(heading))
        swaths = [swath for cell in found for swath in cell]
        cost = sum(swath.length_m for swath in swaths) + turn_cost_m * len(swaths) + cell_cost_m * len(found)
        if cost < least - EPS_M:
            best, least = found, cost
    return best
