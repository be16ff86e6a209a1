"""3D clouds: what stands on the ground, as a planar sweep for the occupancy and as candidates for the tracker."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_perception.fusion.localisation import Localisation
from physical_ai_perception.fusion.samples import Unusable
from physical_ai_perception.mounts import Mounts, Placement
from physical_ai_perception.objects import ground
from physical_ai_perception.objects.clusters import (
    HIDDEN_FACTOR,
    LEAST_POINTS,
    LEAST_RADIUS_M,
    NEAR_TRACK_M,
    RANGE_SIGMA_M,
    SHARE_M,
    WIDE_M,
    Clusters,
    Known,
)
from physical_ai_perception.objects.sweep import Sweep
from physical_ai_perception.parameters import PerceptionParameters

MOST_POINTS: Final = 60_000  # of a denser cloud only every so manieth point is taken
BEARINGS: Final = 720
RANGE_M: Final = 25.0
SELF_MARGIN_M: Final = 0.05  # around the footprint, points are the robot's own
BEHIND_M: Final = 0.3  # a neighbouring bearing that ends so much nearer hides an edge


class Cloud:
    """A cloud in `base_link` without ground and self-hits; `sweep` for the grid, `candidates` for the tracker.

    Raises Unusable at construction when nothing of the cloud is left.
    """

    def __init__(
        self, cloud: m.PointCloud, mounts: Mounts, placement: Placement, localisation: Localisation,
        p: PerceptionParameters,
    ) -> None:  # fmt: skip
        self._p = p
        points = np.asarray(cloud.points_m, dtype=np.float32)
        points = points[:: 1 + len(points) // MOST_POINTS]
        x, y, z = placement.turn.astype(np.float32) @ points.T + placement.xyz_m[:, None].astype(np.float32)
        self._sensor = placement.xyz_m[:2]
        with np.errstate(invalid="ignore", over="ignore"):
            (low_x, low_y), (high_x, high_y) = mounts.body_low - SELF_MARGIN_M, mounts.body_high + SELF_MARGIN_M
            own = (x > low_x) & (x < high_x) & (y > low_y) & (y < high_y)
            valid = np.flatnonzero((np.abs(x) < RANGE_M) & (np.abs(y) < RANGE_M) & (np.abs(z) < RANGE_M) & ~own)
        if not len(valid):
            raise Unusable("no point in range")
        x, y, z = x[valid], y[valid], z[valid]
        from_x, from_y = x - np.float32(self._sensor[0]), y - np.float32(self._sensor[1])
        distance = np.sqrt(from_x * from_x + from_y * from_y)
        turn = np.arctan2(from_y, from_x) + np.float32(np.pi)
        ray = np.minimum((turn * np.float32(BEARINGS / (2.0 * np.pi))).astype(np.intp), BEARINGS - 1)
        above = ground.above(ray // (BEARINGS // ground.SECTORS), distance, z, p.points_slope_rad)
        low = above < p.points_min_z_m
        stands = ~low & (above < p.points_max_z_m)
        velocity, yaw_rate = localisation.planar_motion()
        at = localisation.history.at(np.array([cloud.stamp_s]), velocity, yaw_rate)
        self._x, self._y, self._yaw = (float(part[0]) for part in at)
        index = np.flatnonzero(stands)
        label = self._connect(x[index], y[index])
        supported = np.bincount(label, minlength=1)[label] >= LEAST_POINTS  # fewer are drops, insects, mirror images
        index = index[supported]
        self._label, self._ray = label[supported], ray[index]
        self._xy = np.column_stack([x[index], y[index]]).astype(float)
        self.sweep = self._flatten(cloud.stamp_s, distance[index], ray[low], distance[low])

    def candidates(self, known: Known, solid: NDArray[np.bool_]) -> Clusters:
        """Boxes that may be objects; `known` things are cut out of what they touch. `solid` (M,) of the sweep."""
        p, sweep = self._p, self.sweep
        if not len(self._xy):
            return Clusters(
                np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0),
                np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp),
            )  # fmt: skip
        points = self._to_odom(self._xy)
        of_sweep = np.full(BEARINGS, False)
        of_sweep[sweep.rays] = solid
        label = self._part(points, self._label, known, of_sweep[self._ray])
        order = np.argsort(label, kind="stable")
        first = np.flatnonzero(np.diff(label[order], prepend=-1))
        count = np.diff(first, append=len(order))
        sorted_points = points[order]
        mean = np.add.reduceat(sorted_points, first) / count[:, None]
        away = mean - sweep.origin
        distance = np.maximum(np.hypot(*away.T), 1e-6)
        ahead = away / distance[:, None]
        group = np.repeat(np.arange(len(first)), count)
        apart = sorted_points - mean[group]
        across = apart[:, 1] * ahead[group, 0] - apart[:, 0] * ahead[group, 1]
        along = (apart * ahead[group]).sum(axis=1)
        left, right = np.maximum.reduceat(across, first), np.minimum.reduceat(across, first)
        near, far = np.minimum.reduceat(along, first), np.maximum.reduceat(along, first)
        kept = np.hypot(left - right, far - near) <= p.object_max_extent_m
        kept &= (distance <= p.object_range_m) & (count >= LEAST_POINTS)
        number = np.where(kept, np.cumsum(kept) - 1, -1)
        spacing = 2.0 * np.pi / BEARINGS * distance
        radius = np.clip(0.5 * (left - right + spacing), LEAST_RADIUS_M, 0.5 * p.object_max_extent_m)
        # The middle between the outermost points across, one radius behind the nearest: only the near side is seen.
        centre = mean + ahead * (near + radius)[:, None]
        side = np.column_stack([-ahead[:, 1], ahead[:, 0]])
        centre += side * (0.5 * (left + right))[:, None]
        hidden = self._hidden(distance + near, np.arctan2(away[:, 1], away[:, 0]), radius)
        sigma = (RANGE_SIGMA_M + 0.3 * spacing) * np.where(hidden, HIDDEN_FACTOR, 1.0)
        of_point = np.empty(len(order), dtype=np.intp)
        of_point[order] = number[group]
        return Clusters(
            centre[kept], radius[kept], sigma[kept] ** 2, hidden[kept], (-near)[kept], count[kept],
            of_point[self._nearest],
        )  # fmt: skip

    # --- inside ---

    def _flatten(self, stamp_s: float, distance: Array, low_ray: NDArray[np.intp], low_distance: Array) -> Sweep:
        """By bearing from the sensor: the nearest point that stands, or free as far as ground is seen, or nothing."""
        free = np.zeros(BEARINGS, dtype=low_distance.dtype)
        np.maximum.at(free, low_ray, low_distance)
        order = np.argsort(distance, kind="stable")[::-1]
        nearest = np.full(BEARINGS, -1)
        nearest[self._ray[order]] = order  # of several in one bearing the last written, which is the nearest
        rays = np.flatnonzero(nearest >= 0)
        self._nearest = nearest[rays]  # point of each ray of the sweep
        ranges = np.where(free > 0.0, free, np.nan).astype(float)
        ranges[rays] = distance[self._nearest]
        step = 2.0 * np.pi / BEARINGS
        points, origin = self._to_odom(self._xy[self._nearest]), self._to_odom(self._sensor[None])[0]
        return Sweep(stamp_s, ranges, RANGE_M, points, rays, origin, self._yaw - np.pi + 0.5 * step, step)

    def _to_odom(self, points: Array) -> Array:
        c, s = np.cos(self._yaw), np.sin(self._yaw)
        x, y = points[:, 0], points[:, 1]
        return np.column_stack([self._x + c * x - s * y, self._y + s * x + c * y])

    def _connect(self, x: Array, y: Array) -> NDArray[np.intp]:
        """Label (S,) of connected cells, half as wide as the gap that parts two things."""
        if not len(x):
            return np.zeros(0, dtype=np.intp)
        size_m = 0.5 * self._p.cluster_gap_m
        column, row = np.floor(x / size_m).astype(np.intp), np.floor(y / size_m).astype(np.intp)
        column, row = column - column.min() + 1, row - row.min() + 1
        taken = np.zeros((row.max() + 2, column.max() + 2), dtype=bool)
        taken[row, column] = True
        labels, _ = ndimage.label(taken, structure=np.ones((3, 3)))
        return np.asarray(labels[row, column], dtype=np.intp)

    def _part(self, points: Array, label: NDArray[np.intp], known: Known, solid: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Labels in which known things are parted from each other and from structure."""
        if not len(known.radius):
            return label
        low, high = np.full((label.max() + 1, 2), np.inf), np.full((label.max() + 1, 2), -np.inf)
        for axis in (0, 1):
            np.minimum.at(low[:, axis], label, points[:, axis])
            np.maximum.at(high[:, axis], label, points[:, axis])
        extent = np.hypot(*(high - low).T)[label]
        large = extent > self._p.object_max_extent_m
        index = np.flatnonzero((extent > WIDE_M) & ~(solid & large))
        x, y = points[index, 0, None] - known.centre[:, 0], points[index, 1, None] - known.centre[:, 1]
        squared = x * x + y * y
        nearest = squared.argmin(axis=1)
        reach = np.where(large[index], known.radius[nearest] + NEAR_TRACK_M, SHARE_M)
        mine = squared[np.arange(len(index)), nearest] < reach * reach
        owner = np.zeros(len(points), dtype=np.intp)
        owner[index[mine]] = nearest[mine] + 1
        return label * (len(known.radius) + 1) + owner

    def _hidden(self, near: Array, bearing: Array, radius: Array) -> NDArray[np.bool_]:
        """Candidates beside whose edge, on either side, something nearer is seen."""
        sweep = self.sweep
        half = np.arctan2(radius, near) + 1.5 * sweep.increment
        hidden, stands = np.zeros(len(near), dtype=bool), np.zeros(BEARINGS, dtype=bool)
        stands[sweep.rays] = True
        for side in (-1.0, 1.0):
            ray = np.rint((bearing + side * half - sweep.bearing0) / sweep.increment).astype(np.intp) % BEARINGS
            hidden |= stands[ray] & (sweep.ranges[ray] < near - BEHIND_M)
        return hidden
