"""A scan as the mapping sees it: points of the returns, and the surfaces between them."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array, invert, wrap
from physical_ai_perception.mapping import se2
from physical_ai_perception.mapping.parameters import MappingParameters

NEXT_RAY: Final = 1.6  # of the median angle between returns: no ray is missing between the two


class PoseMeasurement(NamedTuple):
    """What a filter of the own state takes: `pose` (3,) of `base_link` in `frame_id` with `covariance` (3, 3)."""

    stamp_s: float
    frame_id: str
    pose: Array
    covariance: Array
    source: str = "lidar"


def points_in_base(points_odom: Array, base_in_odom: Array, p: MappingParameters) -> Array:
    """Points (N, 2) of a sweep in `odom`, in the rays' order, as `base_link` at `base_in_odom` (3,) sees them."""
    points = se2.place(invert(base_in_odom), points_odom)
    distance = np.hypot(points[:, 0], points[:, 1])
    return np.asarray(points[(distance >= p.range_min_m) & (distance <= p.range_max_m)])


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

    Without them far walls are strings of beads that hold a scan along the wall, where nothing is known. Neighbours are
    one surface when they are near each other, or farther apart on a line with the pair before or after them.
    """
    if len(points) < 2:
        return points
    step = np.diff(points, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    heading = np.arctan2(step[:, 1], step[:, 0])
    bend = np.abs(wrap(np.diff(heading))) < p.straight_rad
    bearing = np.arctan2(points[:, 1], points[:, 0])
    apart = np.abs(wrap(np.diff(bearing)))
    # A ray without return between two points is a door or a window as likely as a wall.
    may_join = (length <= p.straight_gap_m) & (apart < NEXT_RAY * np.median(apart))
    goes_on = bend & may_join[1:] & may_join[:-1]
    straight = np.append(goes_on, False) | np.append(False, goes_on)
    count = np.where(
        (length <= p.gap_m) | straight, np.maximum(np.ceil(length / p.spacing_m).astype(np.intp), 1) - 1, 0
    )
    start = np.repeat(np.arange(len(step)), count)
    first = np.cumsum(count) - count
    part = (np.arange(len(start)) - first[start] + 1) / (count[start] + 1)
    return np.vstack([points, points[start] + part[:, None] * step[start]])


def check(odometry: Array, points: Array) -> None:
    """Raises InputError for an odometry pose (3,) or points (N, 2) that are of another shape or not finite."""
    if odometry.shape != (3,) or not np.isfinite(odometry).all():
        raise InputError("The odometry pose of a scan is not finite.", "Give x, y, yaw at the scan's stamp.")
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise InputError("The points of a scan are not finite rows of two.", "Leave returns out that say nothing.")
