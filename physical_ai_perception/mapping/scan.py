"""A scan as the mapping sees it: points of the returns, and the surfaces between them."""

from __future__ import annotations

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_perception.mapping.parameters import MappingParameters


def points_of(ranges: Array, angles: Array, p: MappingParameters, mount: Array | None = None) -> Array:
    """Points (N, 2) in `base_link` of the returns that say something, in the rays' order.

    `ranges` (M,), `angles` (M,) in the sensor's frame; `mount` (3,) is the sensor's planar pose on the robot.
    """
    with np.errstate(invalid="ignore"):
        said = np.isfinite(ranges) & (ranges >= p.range_min_m) & (ranges <= p.range_max_m)
    distance, bearing = ranges[said], angles[said] + (0.0 if mount is None else float(mount[2]))
    points = np.column_stack([distance * np.cos(bearing), distance * np.sin(bearing)])
    return points if mount is None else points + mount[:2]


def surfaces(points: Array, p: MappingParameters) -> Array:
    """The points (N, 2) in the rays' order, and points on the lines between neighbours of one surface.

    Without them far walls are strings of beads that hold a scan along the wall, where nothing is known.
    """
    if len(points) < 2:
        return points
    step = np.diff(points, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    count = np.where(length <= p.gap_m, np.maximum(np.ceil(length / p.spacing_m).astype(np.intp), 1) - 1, 0)
    start = np.repeat(np.arange(len(step)), count)
    first = np.cumsum(count) - count
    part = (np.arange(len(start)) - first[start] + 1) / (count[start] + 1)
    return np.vstack([points, points[start] + part[:, None] * step[start]])
