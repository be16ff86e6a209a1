"""Faults that would let the robot go on by mistake: each of them leaves it standing, or as slow as before."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from gate_world import Drive, World

from physical_ai_core import messages as m
from physical_ai_core.robot import load_robot
from physical_ai_core.site import load_site
from physical_ai_safety.rules import combine
from physical_ai_safety.schema import RulesFile


@pytest.fixture
def drive() -> Drive:
    """A robot under way at 0.8 m/s in the open yard."""
    drive = Drive(World(y=14.5))
    drive.run(0.8, 0.8)
    assert drive.outs[-1][1] > 0.5
    return drive


def rule_of(drive: Drive) -> str:
    assert drive.gate.verdict is not None
    notes = drive.gate.verdict.interventions
    return str(notes[-1].rule) if notes else ""


def test_a_frozen_lidar_is_noticed_though_some_of_its_rays_are_invalid(drive: Drive) -> None:
    drive.world.walls.append((0.0, 24.0, 40.0, 24.0))
    frozen = drive.world.scan()
    frozen.ranges_m[::50] = math.nan
    drive.world.scan = lambda: dataclasses.replace(frozen, stamp_s=drive.world.t)  # type: ignore[method-assign]
    drive.run(0.6, 0.8)
    assert drive.outs[-1][1] == 0.0 and rule_of(drive) == "stale_input"


def test_an_emergency_stop_pressed_and_released_during_a_fault_is_latched(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(drive.gate.hearing.ranges, "now", lambda: 1 / 0)
        for pressed in (True, False):
            drive.take(drive.gate.handle("emergency_stop", m.Flag(pressed), drive.world.t))
    drive.run(1.0, 0.8)
    assert drive.outs[-1][1] == 0.0 and rule_of(drive) == "emergency_stop"


def test_a_tool_asked_for_during_an_emergency_stop_stays_off_after_the_reset() -> None:
    drive = Drive(World(x=5.0, y=18.0))
    drive.run(0.5, 0.0)
    gate, t = drive.gate, drive.world.t
    for topic, value in (("emergency_stop", True), ("tool_nav", True), ("emergency_stop", False), ("tool_nav", True)):
        gate.handle(topic, m.Flag(value), t)
    assert gate.reset()[0]
    drive.run(0.2, 0.0)
    assert gate.verdict is not None and not gate.verdict.tool
    drive.run(0.6, 0.3)
    gate.handle("tool_nav", m.Flag(True), drive.world.t)
    assert gate.verdict.tool


@pytest.mark.proves("tilt")
def test_an_imu_that_falls_silent_does_not_make_the_robot_upright(drive: Drive) -> None:
    t, tilted = drive.world.t, np.array([math.sin(0.3), 0.0, 0.0, math.cos(0.3)])
    drive.gate.handle("imu/data", m.Imu(t, "imu", np.zeros(3), np.zeros(3), tilted), t)
    drive.run(2.0, 0.8)
    assert drive.outs[-1][1] == 0.0 and rule_of(drive) == "tilt"


@pytest.mark.parametrize(
    "geometry",
    [
        {"angle_min_rad": math.nan}, {"angle_increment_rad": math.nan}, {"angle_increment_rad": 0.0},
        {"angle_min_rad": math.inf}, {"angle_increment_rad": 1.0},
    ],
)  # fmt: skip
def test_a_sweep_whose_rays_have_no_direction_is_refused(drive: Drive, geometry: dict[str, float]) -> None:
    broken = dataclasses.replace(drive.world.scan(), **geometry)
    assert drive.gate.handle("scan", broken, broken.stamp_s) == ()
    assert drive.gate.health().values["last_refusal"] == "scan: geometry"


def test_the_top_speed_of_a_site_or_of_the_rules_binds_backwards_too() -> None:
    robot, site = load_robot("scout"), load_site("yard")
    slow = site.model_copy(update={"max_speed_mps": 0.3})
    assert combine(RulesFile(name="x"), slow, robot).limits.max_reverse_mps == 0.3
    assert combine(RulesFile.model_validate({"name": "x", "limits": {"max_speed_mps": 0.25}}), site, robot).limits == (
        robot.limits.model_copy(update={"max_speed_mps": 0.25, "max_reverse_mps": 0.25})
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"people": {"min_speed_mps": 3.5}}, ("min_speed_mps", "max_speed_mps")),
        ({"localisation": {"min_sigma_m": 0.8}}, ("min_sigma_m", "max_sigma_m")),
    ],
)
def test_two_bounds_that_leave_nothing_between_them_are_refused_by_name(
    content: dict[str, dict[str, float]], words: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError) as caught:
        RulesFile.model_validate({"name": "x", **content})
    assert all(word in str(caught.value) for word in words)
