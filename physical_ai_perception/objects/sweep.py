"""One sweep of ranges brought into `odom`, each ray from where the sensor was at its own time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_perception.fusion.localisation import Localisation
from physical_ai_perception.fusion.samples import Unusable
from physical_ai_perception.mounts import Mounts, Placement

LEAST_RAYS: Final = 3
MOST_RAYS: Final = 20_000
LEAST_INCREMENT_RAD: Final = 1e-5
MOST_RANGE_M: Final = 1e3
LONGEST_SWEEP_S: Final = 1.0
MOST_TILT_COSINE: Final = 0.94  # a planar sensor tilted by more than 20 degrees shows the ground, not the walls


@dataclass(frozen=True, slots=True)
class Sweep:
    """Rays counter-clockwise. `ranges` (N,): NaN says nothing, inf hit nothing up to `range_max`, free before it ends.

    `points` (M, 2) in `odom` of the rays `rays` (M,); `origin` (2,) of the sensor in `odom` half-way; the bearing of
    ray i in `odom` is `bearing0 + i * increment`.
    """

    stamp_s: float
    ranges: Array
    range_max: float
    points: Array
    rays: NDArray[np.intp]
    origin: Array
    bearing0: float
    increment: float

    @property
    def full_circle(self) -> bool:
        """The last ray is the neighbour of the first."""
        return abs(len(self.ranges) * self.increment - 2.0 * np.pi) < 2.5 * self.increment


def of_scan(scan: m.LaserScan, mounts: Mounts, placement: Placement, localisation: Localisation) -> Sweep:
    """Rays that end on the robot's own body say nothing. Raises Unusable."""
    ranges, increment, first = np.asarray(scan.ranges_m, dtype=float), scan.angle_increment_rad, scan.angle_min_rad
    range_min, range_max = scan.range_min_m, min(scan.range_max_m, MOST_RANGE_M)  # some drivers say inf
    numbers = np.array([increment, first, range_min, range_max, scan.time_increment_s])
    if not np.isfinite(numbers).all() or abs(scan.time_increment_s) * len(ranges) > LONGEST_SWEEP_S:
        raise Unusable("angles, limits or times are not numbers of a scan")
    if abs(increment) < LEAST_INCREMENT_RAD or abs(first) > 4.0 * np.pi or not 0.0 <= range_min < range_max:
        raise Unusable("angles or limits are not those of a scan")
    if not LEAST_RAYS <= len(ranges) <= MOST_RAYS or abs(increment) * len(ranges) > 2.1 * np.pi:
        raise Unusable("number of rays does not fit the angles")
    upright = float(placement.turn[2, 2])
    if abs(upright) < MOST_TILT_COSINE:
        raise Unusable("sensor plane is not level")
    # Ranges below the minimum, negative ones among them, say nothing; those above the maximum hit nothing.
    clean = np.where(ranges >= range_min, ranges, np.nan)
    clean[ranges > range_max] = np.inf
    number = np.arange(len(ranges), dtype=float)
    angles: Array = np.asarray(first + increment * number)
    times: Array = np.asarray(scan.stamp_s + scan.time_increment_s * number)
    if upright < 0.0:  # mounted upside down: its rays run clockwise seen from above
        angles = -angles
    bearing, (mount_x, mount_y) = angles + placement.yaw_rad, placement.xyz_m[:2]
    x, y = clean * np.cos(bearing) + mount_x, clean * np.sin(bearing) + mount_y
    (low_x, low_y), (high_x, high_y) = mounts.body_low, mounts.body_high
    clean[(x > low_x) & (x < high_x) & (y > low_y) & (y < high_y)] = np.nan
    if (increment < 0.0) != (upright < 0.0):
        clean, angles, times = clean[::-1], angles[::-1], times[::-1]
    if np.isnan(clean).all():
        raise Unusable("no ray is valid")
    return _assemble(scan.stamp_s, clean, range_max, angles, times, placement, localisation)


def _assemble(
    stamp_s: float, ranges: Array, range_max: float, angles: Array, times: Array, placement: Placement,
    localisation: Localisation,
) -> Sweep:  # fmt: skip
    velocity, yaw_rate = localisation.planar_motion()
    at_once = times[0] == times[-1]  # a sweep taken at one instant needs one pose
    x, y, yaw = localisation.history.at(times[:1] if at_once else times, velocity, yaw_rate)
    x, y, yaw = (np.broadcast_to(part, times.shape) for part in (x, y, yaw))
    c, s = np.cos(yaw), np.sin(yaw)
    mount_x, mount_y = float(placement.xyz_m[0]), float(placement.xyz_m[1])
    from_x, from_y = x + c * mount_x - s * mount_y, y + s * mount_x + c * mount_y
    bearings = yaw + placement.yaw_rad + angles
    rays = np.flatnonzero(np.isfinite(ranges))
    hit, bearing = ranges[rays], bearings[rays]
    points = np.column_stack([from_x[rays] + hit * np.cos(bearing), from_y[rays] + hit * np.sin(bearing)])
    middle = len(ranges) // 2
    increment = float(bearings[-1] - bearings[0]) / (len(bearings) - 1)
    if increment <= 0.0:
        raise Unusable("turned faster than the sensor sweeps")
    origin = np.array([from_x[middle], from_y[middle]])
    return Sweep(stamp_s, ranges, range_max, points, rays, origin, float(bearings[0]), increment)
