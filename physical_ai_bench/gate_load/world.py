"""A flat world of walls and discs with a ray-cast LiDAR, a 3D cloud of the same, and a yard with twenty zones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, quaternion_of_yaw
from physical_ai_core.robot import load_robot
from physical_ai_core.share import share_path

FULL_CIRCLE_RAD: Final = 2.0 * math.pi
RANGE_M: Final = (0.05, 25.0)
NOISE_M: Final = 0.01
CLOUD_RINGS: Final = 32
LOCALISED_M: Final = 0.03  # standard deviation of the place


@dataclass
class Room:
    """Segments (x1, y1, x2, y2) and discs (x, y, radius) in `map`."""

    walls: list[tuple[float, float, float, float]] = field(default_factory=list)
    discs: list[tuple[float, float, float]] = field(default_factory=list)

    def cast(self, x_m: float, y_m: float, angles_rad: Array) -> Array:
        """Distance (N,) from a point to what each ray meets first, inf where nothing."""
        dx, dy = np.cos(angles_rad), np.sin(angles_rad)
        found = np.full(len(angles_rad), np.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            for x1, y1, x2, y2 in self.walls:
                ex, ey = x2 - x1, y2 - y1
                cross = dx * ey - dy * ex
                along = ((x1 - x_m) * ey - (y1 - y_m) * ex) / cross
                share = ((x1 - x_m) * dy - (y1 - y_m) * dx) / cross
                met = (along > 0.0) & (share >= 0.0) & (share <= 1.0) & (along < found)
                found = np.where(met, along, found)
            for x, y, radius in self.discs:
                fx, fy = x - x_m, y - y_m
                middle = dx * fx + dy * fy
                chord = radius * radius - (fx * fx + fy * fy - middle * middle)
                along = middle - np.sqrt(np.maximum(chord, 0.0))
                found = np.where((chord > 0.0) & (along > 0.0) & (along < found), along, found)
        return found


class Lidar:
    """The robot's planar LiDAR, seeded; `rays` over a full circle, in the frame `lidar` of the robot file."""

    def __init__(self, rays: int = 720, seed: int = 0, robot: str = "scout") -> None:
        x, y, yaw = (float(value) for value in load_robot(robot).mount("lidar").planar())
        self._mount, self._rng = (x, y, yaw), np.random.default_rng(seed)
        self._step = FULL_CIRCLE_RAD / rays
        self._angles: Array = np.asarray(-math.pi + self._step * np.arange(rays))

    def scan(self, room: Room, pose: tuple[float, float, float], stamp_s: float) -> m.LaserScan:
        x, y, yaw = pose
        mx, my, turned = self._mount
        at_x = x + mx * math.cos(yaw) - my * math.sin(yaw)
        at_y = y + mx * math.sin(yaw) + my * math.cos(yaw)
        ranges = room.cast(at_x, at_y, np.asarray(self._angles + yaw + turned))
        ranges = ranges + NOISE_M * self._rng.standard_normal(len(ranges))
        ranges[ranges > RANGE_M[1]] = np.inf
        return m.LaserScan(stamp_s, "lidar", -math.pi, self._step, *RANGE_M, ranges.astype(np.float32))


def cloud_of(scan: m.LaserScan, points: int, rng: np.random.Generator) -> m.PointCloud:
    """A cloud of a sensor of many rings at the same place: each ray's return at heights from the ground to 2 m."""
    rows = scan.points()
    chosen = rows[np.arange(points) % len(rows)] + 0.01 * rng.standard_normal((points, 2))
    heights = rng.uniform(-0.3, 2.0, points)
    return m.PointCloud(scan.stamp_s, scan.frame_id, np.column_stack([chosen, heights]).astype(np.float32))


def cluttered(seed: int) -> Room:
    """The yard's outer walls, and two dozen posts and legs that leave the lane y = 8 free."""
    rng = np.random.default_rng(seed)
    room = Room([(0.0, 0.0, 40.0, 0.0), (40.0, 0.0, 40.0, 24.0), (40.0, 24.0, 0.0, 24.0), (0.0, 24.0, 0.0, 0.0)])
    for _ in range(30):
        x, y = float(rng.uniform(10.0, 34.0)), float(rng.uniform(2.0, 14.0))
        if abs(y - 8.0) > 1.2:
            room.discs.append((x, y, float(rng.uniform(0.05, 0.3))))
    return room


def site_with_zones(folder: Path, zones: int = 20) -> Path:
    """The yard with further speed zones and keep-outs, `zones` in all, along and beside the lane y = 8."""
    table: dict[str, Any] = yaml.safe_load((share_path("config/sites") / "yard.yaml").read_text(encoding="utf-8"))
    kept = {name: zone for name, zone in table["zones"].items() if zone["kind"] in ("geofence", "speed")}
    for k in range(zones - len(kept)):
        x, row = 13.0 + 2.1 * (k // 2), k % 2
        if row:  # on both sides of the lane
            y = 9.3 if k % 4 == 1 else 5.3
            kept[f"kept_{k}"] = {"kind": "keep_out", "polygon": _box(x, y, 1.4, 1.4)}
        else:
            kept[f"slow_{k}"] = {"kind": "speed", "max_speed_mps": 1.2, "polygon": _box(x, 6.9, 2.0, 2.2)}
    path = folder / "zones.yaml"
    path.write_text(yaml.safe_dump({**table, "zones": kept}, allow_unicode=True), encoding="utf-8")
    return path


def _box(x: float, y: float, length: float, width: float) -> list[list[float]]:
    return [[x, y], [x + length, y], [x + length, y + width], [x, y + width]]


def odometry(stamp_s: float, pose: tuple[float, float, float], v_mps: float, w_rps: float) -> m.Odometry:
    """For `wheel/odometry` and `state/odometry` alike."""
    x, y, yaw = pose
    return m.Odometry(
        stamp_s, "odom", "base_link", np.array([x, y, 0.0]), quaternion_of_yaw(yaw), np.array([v_mps, 0.0, 0.0]),
        np.array([0.0, 0.0, w_rps]),
    )  # fmt: skip


def link(stamp_s: float) -> m.Pose:
    """`state/map_to_odom`: odom lies on map, and the robot's place is known to 3 cm."""
    cov = np.zeros((6, 6))
    cov[0, 0] = cov[1, 1] = LOCALISED_M**2
    return m.Pose(stamp_s, "map", np.zeros(3), quaternion_of_yaw(0.0), cov)


class PeerMonitor:
    """The peer's way of judging, rebuilt in numpy: the points carried back along the predicted motion in steps of
    0.1 s for 1.2 s, and at each step those inside the footprint counted (Nav2's collision monitor, model `approach`).

    One polygon, no zones, no people, no memory, no speed limits: less work than the gate's.
    """

    STEP_S, HORIZON_S, FEWEST = 0.1, 1.2, 4

    def __init__(self, corners: Sequence[tuple[float, float]]) -> None:
        from shapely import MultiPoint
        from shapely.geometry.polygon import orient

        ring = np.array(orient(MultiPoint(list(corners)).convex_hull).exterior.coords)
        along = np.diff(ring, axis=0)
        self._normals = np.column_stack([along[:, 1], -along[:, 0]])
        self._offsets = np.einsum("ej,ej->e", self._normals, ring[:-1])

    def scan(self, scan: m.LaserScan, mount: tuple[float, float, float], v_mps: float, w_rps: float) -> float:
        """Share of the speed that is left."""
        x, y, yaw = mount
        c, s = math.cos(yaw), math.sin(yaw)
        points = scan.points() @ np.array([[c, s], [-s, c]]) + [x, y]
        return self.points(points, v_mps, w_rps)

    def cloud(self, points_m: NDArray[np.float32], mount: Any, v_mps: float, w_rps: float) -> float:
        """As `scan`, of a cloud (N, 3) whose points between 5 cm and 1.6 m of height count."""
        points = points_m.astype(float) @ mount.rotation.T + mount.xyz_m
        points = points[(points[:, 2] > 0.05) & (points[:, 2] < 1.6)]
        return self.points(points[:, :2], v_mps, w_rps)

    def points(self, points: Array, v_mps: float, w_rps: float) -> float:
        x = y = yaw = 0.0
        for k in range(round(self.HORIZON_S / self.STEP_S)):
            c, s = math.cos(yaw), math.sin(yaw)
            there = (points - [x, y]) @ np.array([[c, -s], [s, c]])
            inside = (there @ self._normals.T < self._offsets).all(axis=1)
            if np.count_nonzero(inside) >= self.FEWEST:
                return k * self.STEP_S / self.HORIZON_S
            x, y = x + v_mps * self.STEP_S * c, y + v_mps * self.STEP_S * s
            yaw += w_rps * self.STEP_S
        return 1.0
