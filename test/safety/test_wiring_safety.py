"""What the gate does with each message, by the smallest worlds that show it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from gate_world import Drive, World, odometry, twist

from physical_ai_core import messages as m
from physical_ai_safety import words
from physical_ai_safety.core import GateCore
from physical_ai_safety.parameters import GateParameters


def site_without_zones(tmp_path: Path) -> str:
    path, nowhere = tmp_path / "bare.yaml", dict.fromkeys(("x_m", "y_m", "yaw_rad"), 0.0)
    path.write_text(
        yaml.safe_dump({
            "schema_version": 1, "name": "bare", "start": "home", "max_speed_mps": 1.0,
            "datum": {"latitude_deg": 0.0, "longitude_deg": 0.0, "altitude_m": 0.0},
            "places": {"home": {"names": {"en": ["home"], "ja": ["家"]}, "pose": nowhere}},
        }),
        encoding="utf-8",
    )  # fmt: skip
    return str(path)


def test_on_a_site_without_zones_no_place_is_waited_for(tmp_path: Path) -> None:
    drive = Drive(World(), GateCore(GateParameters(site=site_without_zones(tmp_path))))
    drive.silent.update(("state/odometry", "state/map_to_odom"))
    drive.run(0.8, 0.4)
    assert drive.outs[-1][1] == pytest.approx(0.4)


def test_an_imu_message_out_of_order_is_refused_and_turns_nothing() -> None:
    gate = GateCore(GateParameters())
    gate.tick(10.0)
    for stamp, rate in ((10.0, 0.5), (9.0, 9.0)):
        gate.handle("imu/data", m.Imu(stamp, "imu", np.array([0.0, 0.0, rate]), np.zeros(3)), stamp)
    assert gate.health().values["last_refusal"] == "imu/data: order"
    gate.handle("wheel/odometry", odometry(10.01, 0, 0, 0, 0.3, 0.1), 10.01)
    assert (gate.hearing.reckoning.v_mps, gate.hearing.reckoning.w_rps) == (0.3, 0.5)


def test_the_gyroscope_is_believed_before_the_wheels_while_it_is_fresh() -> None:
    gate = GateCore(GateParameters())
    gate.tick(10.0)
    gate.handle("imu/data", m.Imu(10.0, "imu", np.array([0.0, 0.0, 0.5]), np.zeros(3)), 10.0)
    for stamp, rate in ((10.04, 0.5), (10.06, 0.1)):
        gate.handle("wheel/odometry", odometry(stamp, 0, 0, 0, 0.3, 0.1), stamp)
        assert gate.hearing.reckoning.w_rps == rate


def test_wheels_out_of_order_move_nothing() -> None:
    gate = GateCore(GateParameters())
    gate.tick(10.0)
    for stamp, v in ((10.0, 0.3), (9.5, 2.0)):
        gate.handle("wheel/odometry", odometry(stamp, 0, 0, 0, v, 0.0), stamp)
    assert gate.hearing.reckoning.v_mps == 0.3 and gate.health().values["last_refusal"] == "wheel/odometry: order"


@pytest.mark.parametrize(
    ("v", "w", "released"),
    [
        (0.0, 0.0, True), (0.019, 0.049, True), (0.021, 0.0, False), (-0.021, 0.0, False), (0.0, 0.051, False),
        (0.0, -0.051, False),
    ],
)  # fmt: skip
def test_the_reset_is_refused_while_the_robot_moves_or_turns(v: float, w: float, released: bool) -> None:
    gate = GateCore(GateParameters(start_latched=False))
    assert gate.reset() == (True, words.both(words.RESET["free"]))
    gate.handle("emergency_stop", m.Flag(True), 0.0)
    gate.handle("emergency_stop", m.Flag(False), 0.0)
    assert not gate.reset()[0]  # nothing was heard of the wheels yet
    gate.tick(10.0)
    gate.handle("wheel/odometry", odometry(10.0, 0, 0, 0, v, w), 10.0)
    done, text = gate.reset()
    assert done is released and text.startswith("Released") is released and gate.memory.emergency is not released


def test_a_yes_and_a_no_are_answered_and_stamped() -> None:
    gate = GateCore(GateParameters())
    assert gate.approve(True) == (True, "Approved.") and gate.memory.approval_s == 0.0
    gate.tick(7.0)
    assert gate.approve(False) == (True, "Refused by the operator.")
    assert gate.memory.approved is False and gate.memory.approval_s == 7.0


def test_health_is_well_while_it_passes_and_limits_and_a_warning_while_it_stands() -> None:
    drive = Drive(World(y=14.5))
    health = drive.gate.health()
    assert (health.level, health.message) == (1, "no decision yet") and "last_refusal" not in health.values
    drive.run(0.5, 0.3)
    assert (drive.gate.health().level, drive.gate.health().values["state"]) == (0, "clear")
    drive.run(0.3, 9.0)
    assert (drive.gate.health().level, drive.gate.health().values["state"]) == (0, "limited")
    drive.silent.add("scan")
    drive.run(0.4, 0.3)
    assert drive.gate.health().level == 1
    bad = twist(drive.world.t, math.nan)
    before = int(drive.gate.health().values["refused"])
    drive.gate.handle("cmd_vel_nav", bad, bad.stamp_s)
    assert drive.gate.health().values["refused"] == str(before + 1)
    drive.gate.handle("emergency_stop", m.Flag(True), drive.world.t)
    assert drive.gate.health().level == 2


def test_a_tick_just_after_an_answer_adds_nothing_but_a_later_one_speaks() -> None:
    drive = Drive(World(y=14.5))
    drive.run(0.51, 0.3)
    gate, t = drive.gate, drive.world.t
    quiet = 0
    for k in range(20):
        command = twist(t + 0.02 * k, 0.3)
        assert gate.handle("cmd_vel_nav", command, command.stamp_s)[0].topic == "cmd_vel"
        quiet += not gate.tick(command.stamp_s + 0.005)
        assert "cmd_vel" in [o.topic for o in gate.tick(command.stamp_s + 0.016)]
    assert quiet == 8  # of twenty; in twelve a verdict or the tool was due
    outs = [gate.tick(t + 1.0) for _ in range(20)]  # the clock stands: every tick speaks
    assert all("cmd_vel" in [o.topic for o in out] for out in outs)
    assert sum("safety/verdict" in [o.topic for o in out] for out in outs) == 5
    assert sum("tool" in [o.topic for o in out] for out in outs) == 2


def test_a_message_a_little_ahead_moves_the_clock_and_one_far_ahead_does_not() -> None:
    gate = GateCore(GateParameters())
    gate.tick(10.0)
    for stamp, now in ((10.04, 10.04), (10.02, 10.04), (10.2, 10.04), (math.nan, 10.04)):
        gate.handle("heartbeat", m.Diagnostics(stamp, ()), stamp)
        assert gate.hearing.now() == now
    for stamp, now in ((9.6, 10.04), (9.0, 9.0), (math.nan, 9.0), (20.0, 20.0)):
        gate.tick(stamp)
        assert gate.hearing.now() == now


@pytest.mark.parametrize("frame", ["base_link", "base_footprint", ""])
def test_wheels_may_speak_of_the_base_by_its_names(frame: str) -> None:
    gate = GateCore(GateParameters())
    gate.tick(10.0)
    said = odometry(10.0, 0, 0, 0, 0.3, 0.0)
    gate.handle("wheel/odometry", m.Odometry(10.0, "odom", frame, said.position_m, said.orientation_xyzw,
                                             said.linear_mps, said.angular_rps), 10.0)  # fmt: skip
    assert gate.hearing.reckoning.v_mps == 0.3


def test_a_command_of_no_frame_is_one_of_the_base() -> None:
    gate = GateCore(GateParameters())
    gate.tick(10.0)
    gate.handle("cmd_vel_nav", twist(10.0, 0.3, frame=""), 10.0)
    assert "last_refusal" not in gate.health().values


def test_a_teleop_stop_outlives_autonomy_for_its_own_time_and_no_longer() -> None:
    gate = GateCore(GateParameters(start_latched=False))
    gate.tick(10.0)
    gate.handle("cmd_vel_teleop", twist(10.0, 0.2), 10.0)
    gate.handle("cmd_vel_nav", twist(10.0, 0.9), 10.0)
    for now, source in ((10.2, "teleop"), (10.5, "teleop"), (10.51, "none")):
        gate.tick(now)
        assert gate.verdict is not None and gate.verdict.source == source
    assert gate.hearing.command("", 10.51).lost
