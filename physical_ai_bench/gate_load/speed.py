"""What the gate computes for a scan, a cloud and a command, in one process: no wire, no scheduler but the machine's."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from physical_ai_bench.gate_load.world import Lidar, PeerMonitor, cloud_of, cluttered, link, odometry, site_with_zones
from physical_ai_core import messages as m
from physical_ai_core.core import Outputs
from physical_ai_core.geometry import Array
from physical_ai_core.robot import load_robot
from physical_ai_safety import core
from physical_ai_safety.core import GateCore
from physical_ai_safety.parameters import GateParameters

SPEED_MPS, YAW_RATE_RPS = 0.8, 0.05
RAYS: Final = (720, 3600)
CLOUD_POINTS: Final = 24_000
WARM_UP: Final = 50
LANE_Y_M: Final = 8.0


@dataclass(frozen=True)
class Timing:
    """Of one kind of call: CPU time of the thread and wall time, µs (N,)."""

    name: str
    cpu_us: Array
    wall_us: Array


class Stopwatch:
    """Times calls by the thread's CPU clock and by the wall's."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[int, int]]] = {}

    def time(self, name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        wall_ns, cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        result = call(*arguments)
        cpu_ns, wall_ns = time.thread_time_ns() - cpu_ns, time.perf_counter_ns() - wall_ns
        self._rows.setdefault(name, []).append((cpu_ns, wall_ns))
        return result

    def timings(self) -> dict[str, Timing]:
        """Without the first rounds."""
        found = {}
        for name, rows in self._rows.items():
            both = 1e-3 * np.array(rows[WARM_UP:] or rows, dtype=float)
            found[name] = Timing(name, both[:, 0], both[:, 1])
        return found


def measure_speed(rounds: int = 2000, rays: tuple[int, ...] = RAYS, cloud_points: int = CLOUD_POINTS) -> list[Timing]:
    """Every kind of call, the peer's way of judging in turns with the gate's on the same data."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as name:
        site = site_with_zones(Path(name))
        for count in rays:
            _drive(watch, site, count, 0, rounds)
        if cloud_points:
            _drive(watch, site, rays[0], cloud_points, max(rounds // 4, WARM_UP + 50))
    return list(watch.timings().values())


def _drive(watch: Stopwatch, site: Path, rays: int, cloud_points: int, rounds: int) -> None:
    """Along the lane through the clutter, at 20 scans a second; the data are made beforehand."""
    lidar, room, rng = Lidar(rays, seed=1), cluttered(3), np.random.default_rng(5)
    gate = GateCore(GateParameters(site=str(site), start_latched=False))
    mount, robot = gate.robot_body.mount("lidar"), load_robot("scout")
    planar = tuple(float(value) for value in mount.planar())
    peer = PeerMonitor(robot.footprint)
    kept: list[tuple[Any, ...]] = []
    gate_core: Any = core
    inside = gate_core.decide

    def decide(*arguments: Any) -> Any:  # what the last call was asked, to ask it again alone
        kept[:] = [arguments]
        return inside(*arguments)

    gate_core.decide = decide
    gc.collect()
    gc.disable()
    try:
        for k in range(rounds):
            stamp_s = 100.0 + 0.05 * k
            pose = (12.0 + (0.04 * k) % 18.0, LANE_Y_M, 0.02)
            scan = lidar.scan(room, pose, stamp_s)
            _settle(gate, pose, stamp_s)
            label = f"{rays} rays"
            if cloud_points:
                cloud = cloud_of(scan, cloud_points, rng)
                gate.handle("scan", scan, stamp_s)
                gate.settle()
                watch.time("cloud, whole core", _cloud_to_command, gate, cloud, stamp_s)
                watch.time("cloud, peer", peer.cloud, cloud.points_m, mount, SPEED_MPS, YAW_RATE_RPS)
                continue
            watch.time(f"{label}, whole core", gate.handle, "scan", scan, stamp_s)
            watch.time(f"{label}, decide", inside, *kept[0])
            watch.time(f"{label}, people", gate.settle)
            command = _command(stamp_s + 0.001)
            watch.time(f"{label}, command", gate.handle, "cmd_vel_nav", command, stamp_s + 0.001)
            watch.time(f"{label}, peer", peer.scan, scan, planar, SPEED_MPS, YAW_RATE_RPS)
            if k % 200 == 199:
                gc.collect()
    finally:
        gate_core.decide = inside
        gc.enable()
    assert gate.verdict is not None and gate.verdict.state in ("clear", "limited"), gate.verdict


def _cloud_to_command(gate: GateCore, cloud: m.PointCloud, stamp_s: float) -> Outputs:
    """The gate takes a cloud without an answer; the next command is judged by it."""
    gate.handle("points", cloud, stamp_s)
    return gate.handle("cmd_vel_nav", _command(stamp_s + 0.001), stamp_s + 0.001)


def _settle(gate: GateCore, pose: tuple[float, float, float], stamp_s: float) -> None:
    """Everything but the scan, so that the gate is at its ordinary work."""
    gate.handle("wheel/odometry", odometry(stamp_s, pose, SPEED_MPS, 0.0), stamp_s)
    gate.handle("state/odometry", odometry(stamp_s, pose, SPEED_MPS, 0.0), stamp_s)
    gate.handle("state/map_to_odom", link(stamp_s), stamp_s)
    gate.handle("cmd_vel_nav", _command(stamp_s), stamp_s)
    gate.tick(stamp_s)


def _command(stamp_s: float) -> m.Twist:
    return m.Twist(stamp_s, "base_link", SPEED_MPS, YAW_RATE_RPS)
