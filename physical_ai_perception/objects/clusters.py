"""Clusters of a sweep by adaptive breakpoints, cut where two things touch, and the circles that explain the small ones.

Reference: G. A. Borges, M.-J. Aldon, Line extraction in 2D range images for mobile robotics, 2004 (breakpoints).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_perception.objects.sweep import Sweep

LEAST_POINTS: Final = 3  # fewer are no thing of their own, but may be what is left to see of a known one
RAY_SPACINGS: Final = 2.0  # a gap of so many ray spacings is still the same surface
LEAST_RADIUS_M: Final = 0.05
RANGE_SIGMA_M: Final = 0.03  # of a centre along the ray: range noise and a body that is no circle
SIDE_SIGMA_RAYS: Final = 0.3  # across the ray: what sampling by rays leaves open
HIDDEN_FACTOR: Final = 4.0  # the centre of a thing seen in part is so much less certain (sigma)
WIDE_M: Final = 0.55  # wider than one person: may be two who touch
GROUP_M: Final = 2.5  # wider than a few people: structure, which is not cut at its notches
MOST_SOLID: Final = 0.7
NOTCH_M: Final = 0.1  # the range between two who touch rises so far above both
NEAR_TRACK_M: Final = 0.12  # beyond a known thing's radius, points still are that thing's
SHARE_M: Final = 0.6  # points of a group belong to the nearest known thing up to this distance


@dataclass(frozen=True, slots=True)
class Known:
    """Moving things expected in this sweep (T of them): predicted centre (T, 2) in `odom` and radius (T,)."""

    centre: Array
    radius: Array


@dataclass(frozen=True, slots=True)
class Clusters:
    """Object candidates of one sweep (K of them), centres in `odom`.

    `variance` (K,) m^2; `hidden` (K,): seen in part only; `bulge` (K,) m: how far its points lie before the straight
    line between the outermost two, on average; `count` (K,): points. Large clusters are structure and not among them.
    `label` (M,): index of the candidate that each point of the sweep belongs to, -1 for none.
    """

    centre: Array
    radius: Array
    variance: Array
    hidden: NDArray[np.bool_]
    bulge: Array
    count: NDArray[np.intp]
    label: NDArray[np.intp]


NO_ONE: Final = Known(np.zeros((0, 2)), np.zeros(0))


def find(
    sweep: Sweep, gap_m: float, max_extent_m: float, max_range_m: float, known: Known = NO_ONE,
    solid: NDArray[np.bool_] | None = None,
) -> Clusters:  # fmt: skip
    """Cut the sweep into clusters and keep those that may be objects.

    `known` things are cut out of the group or the wall that they touch; points marked `solid` (M,) are no part of them.
    """
    points, rays = sweep.points, sweep.rays
    label = np.full(len(points), -1, dtype=np.intp)
    if not len(points):
        return Clusters(
            np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0), label[:0], label
        )
    distance = sweep.ranges[rays]
    shift = _seam(sweep, gap_m, distance)
    if shift:
        points, rays, distance = (_from(shift, values) for values in (points, rays, distance))
        solid = None if solid is None else _from(shift, solid)
    first = _starts(points, sweep.increment, distance, gap_m)
    extent = _extent(points, first)
    cuts = _notches(distance, first, extent, solid)
    if len(known.radius):
        cuts += _around(points, first, extent, max_extent_m, known, solid)
    if cuts:
        first = np.unique(np.concatenate([first, np.array(cuts, dtype=np.intp)]))
        extent = _extent(points, first)
    count = np.concatenate([first[1:], [len(points)]]) - first
    x, y, mean_range = (np.add.reduceat(values, first) / count for values in (points[:, 0], points[:, 1], distance))
    kept = np.flatnonzero((extent <= max_extent_m) & (mean_range <= max_range_m))
    number = np.full(len(first), -1, dtype=np.intp)
    number[kept] = np.arange(len(kept))
    label = np.repeat(number, count)
    label = _from(len(label) - shift, label) if shift else label
    last = first[kept] + count[kept] - 1
    edges = np.stack([first[kept], last])
    hidden = _hidden(sweep, rays[edges], distance[edges], gap_m)
    x, y = x[kept], y[kept]
    bulge = _bulge(sweep, points[first[kept]], points[last], x, y)
    return _circles(sweep, x, y, mean_range[kept], count[kept], hidden, bulge, label, max_extent_m)


def _from(first: int, values: NDArray[Any]) -> NDArray[Any]:
    """The same, beginning with `first`; what was before it follows at the end. A fifth of numpy's `roll`."""
    return np.concatenate([values[first:], values[:first]])


def _circles(
    sweep: Sweep, x: Array, y: Array, mean_range: Array, count: NDArray[np.intp], hidden: NDArray[np.bool_],
    bulge: Array, label: NDArray[np.intp], max_extent_m: float,
) -> Clusters:  # fmt: skip
    spacing = mean_range * sweep.increment
    away_x, away_y = x - sweep.origin[0], y - sweep.origin[1]
    norm = np.maximum(np.hypot(away_x, away_y), 1e-9)
    width = count * spacing  # as many rays as hit it, each standing for one spacing
    radius = np.clip(0.5 * width, LEAST_RADIUS_M, 0.5 * max_extent_m)
    # Seen from afar, the near half of a circle lies pi/4 radii before its centre on average.
    ahead = 0.25 * np.pi * radius / norm
    centre = np.column_stack([x + away_x * ahead, y + away_y * ahead])
    sigma = RANGE_SIGMA_M + SIDE_SIGMA_RAYS * spacing
    hidden = hidden | (count < LEAST_POINTS)
    sigma = np.where(hidden, HIDDEN_FACTOR * sigma, sigma)
    return Clusters(centre, radius, sigma**2, hidden, bulge, count, label)


def _bulge(sweep: Sweep, first: Array, last: Array, x: Array, y: Array) -> Array:
    """Distance (K,) of the mean point (x, y) from the chord `first` to `last` (K, 2), positive towards the sensor."""
    ux, uy = last[:, 0] - first[:, 0], last[:, 1] - first[:, 1]
    length = np.maximum(np.hypot(ux, uy), 1e-6)
    beside = (ux * (y - first[:, 1]) - uy * (x - first[:, 0])) / length
    towards = ux * (sweep.origin[1] - first[:, 1]) - uy * (sweep.origin[0] - first[:, 0])
    return np.asarray(beside * np.sign(towards))


def _extent(points: Array, first: NDArray[np.intp]) -> Array:
    """Diagonal of each cluster's box."""
    x, y = points[:, 0], points[:, 1]
    wide = np.maximum.reduceat(x, first) - np.minimum.reduceat(x, first)
    return np.asarray(np.hypot(wide, np.maximum.reduceat(y, first) - np.minimum.reduceat(y, first)))


def _starts(points: Array, increment: float, distance: Array, gap_m: float) -> NDArray[np.intp]:
    """Index of the first point of each cluster."""
    step = points[1:] - points[:-1]
    near = np.minimum(distance[1:], distance[:-1])
    breaks = np.hypot(step[:, 0], step[:, 1]) > gap_m + RAY_SPACINGS * increment * near
    return np.concatenate([[0], np.flatnonzero(breaks) + 1])


def _notches(
    distance: Array, first: NDArray[np.intp], extent: Array, solid: NDArray[np.bool_] | None
) -> list[int]:  # fmt: skip
    """Where people who touch are parted: at a range that stands out behind the nearest points on both sides of it."""
    cuts: list[int] = []
    end = np.concatenate([first[1:], [len(distance)]])
    group = (extent > WIDE_M) & (extent < GROUP_M) & (end - first >= 2 * LEAST_POINTS)
    if solid is not None:  # a wall that has stood for a while is no group
        group &= np.add.reduceat(solid, first, dtype=np.intp) < MOST_SOLID * (end - first)
    for k in np.flatnonzero(group).tolist():
        open_spans = [(int(first[k]), int(end[k]))]
        while open_spans:
            low, high = open_spans.pop()
            r = distance[low:high]
            behind = r - np.maximum(np.minimum.accumulate(r), np.minimum.accumulate(r[::-1])[::-1])
            notch = int(behind.argmax())
            if behind[notch] > NOTCH_M:
                cuts.append(low + notch)
                open_spans += [(low, low + notch), (low + notch + 1, high)] if notch else []
    return cuts


def _around(
    points: Array, first: NDArray[np.intp], extent: Array, max_extent_m: float, known: Known,
    solid: NDArray[np.bool_] | None,
) -> list[int]:  # fmt: skip
    """Cuts around known things: out of structure that they touch, and between several of them in one cluster."""
    cluster = np.zeros(len(points), dtype=np.intp)
    cluster[first[1:]] = 1
    cluster = np.cumsum(cluster)
    in_large = (extent > max_extent_m)[cluster]
    open_points = (extent > WIDE_M)[cluster]
    if solid is not None:
        open_points &= ~(solid & in_large)
    index = np.flatnonzero(open_points)
    if not len(index):
        return []
    x, y = points[index, 0, None] - known.centre[:, 0], points[index, 1, None] - known.centre[:, 1]
    squared = x * x + y * y
    nearest = squared.argmin(axis=1)
    reach = np.where(in_large[index], known.radius[nearest] + NEAR_TRACK_M, SHARE_M)
    owner = np.full(len(points), -1)
    owner[index] = np.where(squared[np.arange(len(index)), nearest] < reach * reach, nearest, -1)
    change = np.flatnonzero((owner[1:] != owner[:-1]) & (cluster[1:] == cluster[:-1])) + 1
    # In a small cluster only the border between two known things counts, not the edge of what belongs to one; and no
    # cluster of one person's width is shared, or a track that was born twice would feed both of its lives for ever.
    between = (owner[change] >= 0) & (owner[change - 1] >= 0) & (extent[cluster[change]] > WIDE_M)
    return [int(i) for i in change[in_large[change] | between]]


def _seam(sweep: Sweep, gap_m: float, distance: Array) -> int:
    """Point at which to begin, so that the seam of a full circle cuts no cluster; 0 where nothing lies across it."""
    if not sweep.full_circle:
        return 0
    first, last = sweep.points[0], sweep.points[-1]
    if float(np.hypot(*(first - last))) > gap_m + RAY_SPACINGS * sweep.increment * float(distance[0]):
        return 0
    starts = _starts(sweep.points, sweep.increment, distance, gap_m)
    return int(starts[1]) if len(starts) > 1 else 0


def _hidden(sweep: Sweep, ray: NDArray[np.intp], edge_range: Array, gap_m: float) -> NDArray[np.bool_]:
    """Beside one of a cluster's edges (2, K) a ray ends nearer, or there is none: the thing may go on behind."""
    beside, last = ray + np.array([[-1], [1]]), len(sweep.ranges) - 1
    if sweep.full_circle:
        beside %= last + 1
    within = np.minimum(np.maximum(beside, 0), last)
    nearer = sweep.ranges[within] < edge_range - gap_m
    return np.asarray((nearer | (within != beside)).any(axis=0))
