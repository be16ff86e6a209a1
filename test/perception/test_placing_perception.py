"""Scans as a sensor of the own state, in the yard without GNSS: SLAM holds the place, a prior map finds it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, compose, wrap
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.parameters import PerceptionParameters
from physical_ai_sim.core import SimulatorCore
from physical_ai_sim.parameters import SimulatorParameters

FRAME_S = 0.005


class Drive:
    """The simulator and perception, tick by tick; `error()` is [m, rad] between said and true place in `map`."""

    def __init__(self, mode: str, wheel_scale: float = 1.0) -> None:
        self.wheel_scale = wheel_scale
        self.world = SimulatorCore(SimulatorParameters(people="none", noise=3.0))
        self.core = PerceptionCore(PerceptionParameters(lidar_pose=mode))
        self.said: dict[str, object] = {}
        self.truth = np.zeros(3)

    def run(self, duration_s: float, v_mps: float = 0.0, w_rps: float = 0.0) -> None:
        for frame in range(round(duration_s / FRAME_S)):
            stamp_s = self.world.stamp_s + FRAME_S
            if frame % 10 == 0:
                self.world.handle("cmd_vel", m.Twist(stamp_s, "base_link", v_mps, w_rps), stamp_s)
            outputs = self.world.advance(stamp_s)
            for topic, data in outputs:
                if topic == "ground_truth/odometry":
                    self.truth = data.planar_pose()
                if topic == "wheel/odometry":
                    data = replace(data, linear_mps=data.linear_mps * self.wheel_scale)
                if topic != "gps/fix":
                    self._keep(self.core.handle(topic, data, getattr(data, "stamp_s", stamp_s)))
            if frame % 2:
                self._keep(self.core.tick(stamp_s))

    def _keep(self, outputs: object) -> None:
        self.said.update({output.topic: output.data for output in outputs})  # type: ignore[attr-defined]

    def place(self) -> Array:
        link, odometry = self.said["state/map_to_odom"], self.said["state/odometry"]
        return compose(link.planar(), odometry.planar_pose())  # type: ignore[attr-defined]

    def error(self) -> tuple[float, float]:
        away = self.place() - self.truth
        return float(np.hypot(away[0], away[1])), abs(float(wrap(away[2])))


def test_slam_holds_the_place_that_wheels_of_a_wrong_radius_lose() -> None:
    errors = {}
    for mode in ("off", "slam"):
        drive = Drive(mode, wheel_scale=1.06)
        drive.run(0.5)
        drive.run(4.0, 1.0, 0.25)
        errors[mode] = drive.error()[0]
    assert errors["off"] > 0.12 and errors["slam"] < 0.4 * errors["off"]


def test_a_prior_map_corrects_a_wrong_start_pose() -> None:
    scout = Drive("off")
    scout.run(1.5)
    grid = scout.said["state/occupancy"]
    assert isinstance(grid, m.OccupancyGrid)
    link = scout.said["state/map_to_odom"].planar()  # type: ignore[attr-defined]
    prior = replace(grid, frame_id="map", origin=compose(link, grid.origin))
    drive = Drive("map")
    drive.run(0.5)
    drive.core.handle("map", prior, 0.0)
    wrong = drive.place() + np.array([0.35, -0.25, 0.12])
    turn = np.array([0.0, 0.0, np.sin(0.5 * wrong[2]), np.cos(0.5 * wrong[2])])
    cov = np.diag([0.25, 0.25, 0.0, 0.0, 0.0, 0.07])
    drive.core.handle("initialpose", m.Pose(0.0, "map", np.array([wrong[0], wrong[1], 0.0]), turn, cov), 0.0)
    drive.run(0.02)
    assert drive.error()[0] > 0.3
    drive.run(3.0, 0.5)
    metres, radians = drive.error()
    assert metres < 0.12 and radians < 0.03


def test_without_a_map_health_says_what_is_missing_and_a_map_without_walls_is_refused_by_name() -> None:
    drive = Drive("map")
    drive.run(0.5)
    assert "map: not heard yet" in drive.core.health().message
    scout = Drive("off")
    scout.run(0.5)
    grid = scout.said["state/occupancy"]
    assert isinstance(grid, m.OccupancyGrid)
    drive.core.handle("map", replace(grid, cells=np.zeros_like(grid.cells)), 0.0)
    assert drive.core.guard.source("map").refused_total == 1
