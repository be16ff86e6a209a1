"""Clusters of a sweep by adaptive breakpoints, and for the small ones the circle that explains them.

Reference: G. A. Borges, M.-J. Aldon, Line extraction in 2D range images for mobile robotics, 2004 (breakpoints).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_perception.objects.sweep import Sweep

LEAST_POINTS: Final = 3
RAY_SPACINGS: Final = 2.0  # a gap of so many ray spacings is still the same surface
LEAST_RADIUS_M: Final = 0.05
RANGE_SIGMA_M: Final = 0.03  # of a centre along the ray: range noise and a body that is no circle
SIDE_SIGMA_RAYS: Final = 0.3  # across the ray: what sampling by rays leaves open
HIDDEN_FACTOR: Final = 4.0  # the centre of a thing seen in part is so much less certain (sigma)


@dataclass(frozen=True, slots=True)
class Clusters:
    """Object candidates of one sweep (K of them), centres in `odom`.

    `variance` (K,) m^2; `hidden` (K,): seen in part only; `large` clusters are structure and not among them.
    `label` (M,): index of the candidate that each point of the sweep belongs to, -1 for none.
    """

    centre: Array
    radius: Array
    variance: Array
    hidden: NDArray[np.bool_]
    label: NDArray[np.intp]


def find(sweep: Sweep, gap_m: float, max_extent_m: float, max_range_m: float) -> Clusters:
    """Cut the sweep into clusters and keep those that may be objects."""
    points, rays = sweep.points, sweep.rays
    label = np.full(len(points), -1, dtype=np.intp)
    if len(points) < LEAST_POINTS:
        return Clusters(np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool), label)
    shift = _seam(sweep, gap_m)
    points, rays = np.roll(points, -shift, axis=0), np.roll(rays, -shift)
    distance = sweep.ranges[rays]
    first = _starts(points, sweep.increment, distance, gap_m)
    count = np.diff(first, append=len(points))
    low, high = np.minimum.reduceat(points, first), np.maximum.reduceat(points, first)
    extent = np.hypot(*(high - low).T)
    mean = np.add.reduceat(points, first) / count[:, None]
    mean_range = np.add.reduceat(distance, first) / count
    keep = (count >= LEAST_POINTS) & (extent <= max_extent_m) & (mean_range <= max_range_m)
    last = first + count - 1
    hidden = _hidden(sweep, rays[first], distance[first], -1, gap_m)
    hidden |= _hidden(sweep, rays[last], distance[last], 1, gap_m)
    number = np.where(keep, np.cumsum(keep) - 1, -1)
    label[:] = np.roll(np.repeat(number, count), shift)
    spacing = mean_range[keep] * sweep.increment
    away = mean[keep] - sweep.origin
    away /= np.maximum(np.hypot(*away.T), 1e-9)[:, None]
    width = count[keep] * spacing  # as many rays as hit it, each standing for one spacing
    radius = np.clip(0.5 * width, LEAST_RADIUS_M, 0.5 * max_extent_m)
    # Seen from afar, the near half of a circle lies pi/4 radii before its centre on average.
    centre = mean[keep] + away * (0.25 * np.pi * radius)[:, None]
    sigma = RANGE_SIGMA_M + SIDE_SIGMA_RAYS * spacing
    sigma = np.where(hidden[keep], HIDDEN_FACTOR * sigma, sigma)
    return Clusters(centre, radius, sigma**2, hidden[keep], label)


def _starts(points: Array, increment: float, distance: Array, gap_m: float) -> NDArray[np.intp]:
    """Index of the first point of each cluster."""
    step = np.hypot(*np.diff(points, axis=0).T)
    near = np.minimum(distance[1:], distance[:-1])
    breaks = step > gap_m + RAY_SPACINGS * increment * near
    return np.concatenate([[0], np.flatnonzero(breaks) + 1])


def _seam(sweep: Sweep, gap_m: float) -> int:
    """Point at which to begin, so that the seam of a full circle cuts no cluster; 0 where nothing lies across it."""
    if not sweep.full_circle:
        return 0
    first, last = sweep.points[0], sweep.points[-1]
    distance = sweep.ranges[sweep.rays]
    if float(np.hypot(*(first - last))) > gap_m + RAY_SPACINGS * sweep.increment * float(distance[0]):
        return 0
    starts = _starts(sweep.points, sweep.increment, distance, gap_m)
    return int(starts[1]) if len(starts) > 1 else 0


def _hidden(sweep: Sweep, ray: NDArray[np.intp], edge_range: Array, side: int, gap_m: float) -> NDArray[np.bool_]:
    """The ray beside a cluster's edge ends nearer, or there is none: the thing may go on behind."""
    beside = ray + side
    if sweep.full_circle:
        beside %= len(sweep.ranges)
    outside = (beside < 0) | (beside >= len(sweep.ranges))
    nearer = sweep.ranges[np.clip(beside, 0, len(sweep.ranges) - 1)] < edge_range - gap_m
    return np.asarray(outside | nearer)
