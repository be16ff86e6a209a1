"""What a picture of a run needs: the path driven, and scan, route and trajectory at the end. In `map` unless said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_bench.barn.results import Result
from physical_ai_bench.barn.worlds import World
from physical_ai_bench.traces import read_trace, save_trace
from physical_ai_core.geometry import Array, compose, invert, transform_points

PERIOD_S: Final = 0.1
KEPT: Final = (
    "scan", "plan", "controller/trajectory", "controller/status", "safety/verdict", "state/odometry",
)  # fmt: skip
LIDAR_X_M: Final = 0.15  # of the robot jackal


@dataclass(frozen=True)
class Trace:
    """`driven (N, 5)`: time s, x, y, yaw, speed; `why (N,)`: why not faster; `scan (M, 2)`, `route (R, 2)`,
    `ahead (K, 2)` as they were last."""

    name: str
    title: str
    cylinders: Array
    path: Array
    driven: Array
    scan: Array
    route: Array
    ahead: Array
    why: NDArray[np.str_]

    def save(self, folder: Path) -> Path:
        """Write NAME.npz."""
        return save_trace(self, folder)


def load_trace(file: Path) -> Trace:
    """Read what `save` wrote."""
    name, title, arrays = read_trace(file)
    arrays.setdefault("why", np.full(len(arrays["driven"]), ""))  # of an older run
    return Trace(name, title, **arrays)


def trace_name(world: int, seed: int) -> str:
    return f"world_{world:03d}_seed_{seed}"


class Recorder:
    """A tap that keeps little: one pose a tenth of a second, else only the last word."""

    def __init__(self, reason: Callable[[Any, Any, float], str]) -> None:
        """`reason`: why not faster, from the newest `safety/verdict`, `controller/status` and the speed."""
        self._reason = reason
        self._driven: list[tuple[float, float, float, float, float]] = []
        self._why: list[str] = []
        self._last: dict[str, Any] = {}

    def tap(self, topic: str, data: Any, now_s: float) -> None:
        if topic == "ground_truth/odometry":
            if not self._driven or now_s - self._driven[-1][0] >= PERIOD_S - 1e-6:
                x, y, yaw = (float(value) for value in data.planar_pose())
                speed = float(data.linear_mps[0])
                self._driven.append((now_s, x, y, yaw, speed))
                last = self._last
                self._why.append(self._reason(last.get("safety/verdict"), last.get("controller/status"), speed))
            self._last[topic] = data
        elif topic in KEPT:
            self._last[topic] = data

    def trace(self, world: World, result: Result) -> Trace:
        """Everything laid into `map` by the true pose, for the eye only."""
        outcome = "reached" if result.success else "collision" if result.collision else "time-out"
        times = f"{result.time_s:.1f} s ({result.time_s / result.optimal_s:.1f} OT)"
        title = f"{result.world:03d}/{result.seed} {outcome} {times}"
        truth = np.array(self._last["ground_truth/odometry"].planar_pose())
        plan, ahead = self._last.get("plan"), self._last.get("controller/trajectory")
        odom = self._last.get("state/odometry")
        none = np.zeros((0, 2))
        trajectory = none
        if ahead is not None and odom is not None:
            inverse = compose(truth, invert(odom.planar_pose()))
            trajectory = transform_points(inverse, np.asarray(ahead.poses)[:, :2])
        return Trace(
            trace_name(result.world, result.seed), title, world.cylinders, world.path, np.array(self._driven),
            self._scan(truth), none if plan is None or not len(plan.poses) else np.asarray(plan.poses)[:, :2],
            trajectory, np.array(self._why),
        )  # fmt: skip

    def _scan(self, truth: Array) -> Array:
        scan = self._last.get("scan")
        if scan is None:
            return np.zeros((0, 2))
        angles = scan.angle_min_rad + scan.angle_increment_rad * np.arange(len(scan.ranges_m))
        hit = np.isfinite(scan.ranges_m)
        x, y = scan.ranges_m[hit] * np.cos(angles[hit]) + LIDAR_X_M, scan.ranges_m[hit] * np.sin(angles[hit])
        return transform_points(truth, np.column_stack([x, y]))
