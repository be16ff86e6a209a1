"""The gate driven by topics: watchdogs, refusals, arbitration, emergency stop, tool, clocks."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from gate_world import ANGLES, Drive, Person, World, odometry, scan_of, twist

from physical_ai_core import messages as m
from physical_ai_safety import words
from physical_ai_safety.core import GateCore
from physical_ai_safety.parameters import GateParameters


@pytest.fixture
def drive() -> Drive:
    """A robot under way at 0.8 m/s in the open yard."""
    drive = Drive(World(y=14.5))
    drive.run(1.0, 0.8)
    assert drive.outs[-1][1] == pytest.approx(0.8) and drive.gate.verdict is not None
    return drive


def rule_of(drive: Drive) -> str:
    assert drive.gate.verdict is not None
    notes = drive.gate.verdict.interventions
    return str(notes[-1].rule) if notes else ""


@pytest.mark.proves("waiting")
def test_before_all_inputs_were_heard_it_says_zero_on_every_tick_and_command() -> None:
    gate = GateCore(GateParameters())
    outs = [*gate.tick(1.0), *gate.handle("cmd_vel_nav", twist(1.0, 1.0), 1.0), *gate.tick(1.02)]
    commands = [o.data for o in outs if o.topic == "cmd_vel"]
    assert len(commands) == 3 and all(c.linear_x_mps == 0.0 for c in commands)
    assert gate.verdict is not None and gate.verdict.state == "waiting" and "scan" in gate.verdict.en
    assert gate.health().values["state"] == "waiting"


@pytest.mark.proves("stale_input")
@pytest.mark.parametrize("topic", ["scan", "wheel/odometry", "state/odometry", "state/map_to_odom"])
def test_a_silent_input_stops_the_robot_and_its_return_lets_it_go_on(drive: Drive, topic: str) -> None:
    drive.silent.add(topic)
    drive.run(1.2, 0.8)
    assert drive.outs[-1][1] == 0.0 and rule_of(drive) == "stale_input"
    drive.silent.clear()
    drive.run(1.5, 0.8)
    assert drive.outs[-1][1] > 0.5


@pytest.mark.proves("stale_command")
def test_a_silent_controller_stops_the_robot(drive: Drive) -> None:
    drive.silent.add("cmd_vel_nav")
    drive.run(0.9, 0.8)
    assert drive.outs[-1][1] == 0.0 and rule_of(drive) == "stale_command"


def test_silence_after_a_standing_command_is_only_waiting() -> None:
    drive = Drive(World(y=14.5))
    drive.run(0.5, 0.0)
    drive.silent.add("cmd_vel_nav")
    drive.run(0.5)
    assert drive.gate.verdict is not None and drive.gate.verdict.state == "waiting"


@pytest.mark.proves("stale_input")
def test_a_scan_delayed_beyond_its_limit_stops_the_robot_though_it_still_arrives(drive: Drive) -> None:
    drive.silent.add("scan")
    for _ in range(10):
        drive.run(0.05, 0.8)
        late = dataclasses.replace(drive.world.scan(), stamp_s=drive.world.t - 0.4)
        drive.take(drive.gate.handle("scan", late, late.stamp_s))
    assert drive.outs[-1][1] == 0.0 and rule_of(drive) == "stale_input"


@pytest.mark.proves("refused_command")
@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (lambda t: twist(t, math.nan), "nan"),
        (lambda t: twist(t, 0.5, math.inf), "nan"),
        (lambda t: m.Twist(t, "base_link", 0.5, 0.0, math.nan), "nan"),
        (lambda t: twist(t, 0.5, frame="map"), "frame"),
        (lambda t: twist(t + 5.0, 0.5), "future"),
        (lambda t: twist(math.nan, 0.5), "nan"),
    ],
)
def test_an_unusable_command_stops_the_robot_at_once_and_says_why(drive: Drive, bad: Any, word: str) -> None:
    command = bad(drive.world.t)
    drive.take(drive.gate.handle("cmd_vel_nav", command, command.stamp_s))
    assert drive.outs[-1][1] == 0.0 and rule_of(drive) == "refused_command"
    assert drive.gate.verdict is not None and word in drive.gate.verdict.en


def test_a_command_older_than_the_last_is_dropped(drive: Drive) -> None:
    old = twist(drive.world.t - 1.0, 0.0)
    assert drive.gate.handle("cmd_vel_nav", old, old.stamp_s) == ()


def test_a_person_driving_wins_over_autonomy_until_half_a_second_after_the_last_word(drive: Drive) -> None:
    t = drive.world.t
    drive.take(drive.gate.handle("cmd_vel_teleop", twist(t, 0.0), t))
    assert drive.outs[-1][1] == 0.0
    drive.run(0.4, 0.8)
    assert drive.outs[-1][1] == 0.0
    drive.run(0.5, 0.8)
    assert drive.outs[-1][1] > 0.0


@pytest.mark.proves("emergency_stop")
def test_the_emergency_stop_latches_until_a_reset_that_is_refused_while_it_holds_or_the_robot_moves(
    drive: Drive,
) -> None:
    gate = drive.gate
    assert gate.reset()[0]
    drive.take(gate.handle("emergency_stop", m.Flag(True), drive.world.t))
    assert drive.outs[-1][1:] == (0.0, 0.0)
    assert gate.reset() == (False, words.both(words.RESET["emergency_stop"]))
    drive.take(gate.handle("emergency_stop", m.Flag(False), drive.world.t))
    moved, text = gate.reset()
    assert not moved and "moves" in text
    drive.run(1.5, 0.8)
    assert drive.outs[-1][1] == 0.0 and gate.health().level == 2
    drive.silent.add("wheel/odometry")
    drive.run(0.5, 0.8)
    assert "silent" in gate.reset()[1]
    drive.silent.clear()
    drive.run(0.1, 0.8)
    assert gate.reset()[0]
    drive.run(1.0, 0.8)
    assert drive.outs[-1][1] > 0.5


def test_approval_is_recorded_in_the_verdict(drive: Drive) -> None:
    drive.gate.approve(True)
    drive.run(0.05, 0.8)
    assert drive.gate.verdict is not None and drive.gate.verdict.approved is True
    assert drive.gate.verdict.approval_s > 0.0
    drive.gate.approve(False)
    drive.run(0.05, 0.8)
    assert drive.gate.verdict.approved is False


def test_the_tool_runs_in_a_work_zone_only_and_never_in_a_stop() -> None:
    drive = Drive(World(x=5.0, y=18.0))
    drive.run(0.5, 0.3)
    outs = drive.gate.handle("tool_nav", m.Flag(True), drive.world.t)
    assert [o.data.data for o in outs if o.topic == "tool"] == [True]
    outs = drive.gate.handle("emergency_stop", m.Flag(True), drive.world.t)
    assert [o.data.data for o in outs if o.topic == "tool"] == [False]
    outside = Drive(World(x=20.0, y=14.5))
    outside.run(0.5, 0.3)
    outside.gate.handle("tool_nav", m.Flag(True), outside.world.t)
    assert outside.gate.verdict is not None and not outside.gate.verdict.tool


def test_wrong_frames_and_numbers_of_sensors_are_refused_so_that_the_input_goes_stale(drive: Drive) -> None:
    gate, t = drive.gate, drive.world.t
    scan = drive.world.scan()
    cov = np.eye(6)
    for topic, data in {
        "scan": dataclasses.replace(scan, frame_id="elsewhere"),
        "points": m.PointCloud(t, "elsewhere", np.zeros((1, 3), np.float32)),
        "wheel/odometry": dataclasses.replace(drive.world.wheels(), child_frame_id="wheel"),
        "imu/data": m.Imu(t, "elsewhere", np.zeros(3), np.zeros(3)),
        "state/map_to_odom": m.Pose(t, "odom", np.zeros(3), np.array([0, 0, 0, 1.0]), cov),
    }.items():
        before = gate.hearing.refused.get(topic, 0)
        assert gate.handle(topic, data, t) == () and gate.hearing.refused[topic] == before + 1
    bad = [
        ("wheel/odometry", odometry(t, 0, 0, 0, math.nan, 0)),
        ("wheel/odometry", odometry(t, 0, 0, 0, -101.0, 0)),
        ("wheel/odometry", odometry(t, 0, 0, 0, 0, 1e300)),
        ("imu/data", m.Imu(t, "imu", np.array([0.0, 0.0, 101.0]), np.zeros(3))),
        ("state/odometry", odometry(t, math.nan, 0, 0, 0, 0)),
        ("imu/data", m.Imu(t, "imu", np.full(3, math.nan), np.zeros(3))),
        ("state/map_to_odom", m.Pose(t, "map", np.full(3, math.nan), np.array([0, 0, 0, 1.0]), cov)),
        ("state/map_to_odom", m.Pose(t, "map", np.zeros(3), np.array([0, 0, 0, 1.0]), None)),
        ("points", m.PointCloud(t + 9.0, "lidar", np.zeros((1, 3), np.float32))),
        ("scan", scan_of(np.full(len(ANGLES), math.nan), t)),
        ("scan", scan_of(np.full(len(ANGLES), 0.01), t)),
    ]
    for topic, data in bad:
        before = gate.hearing.refused.get(topic, 0)
        assert gate.handle(topic, data, data.stamp_s) == () and gate.hearing.refused[topic] == before + 1
    assert "scan: blinded" in gate.health().values["last_refusal"]
    assert gate.handle("plan", None, t) == ()


@pytest.mark.proves("stale_input")
def test_a_covered_lidar_stops_the_robot(drive: Drive) -> None:
    drive.world.scan = lambda: scan_of(np.full(len(ANGLES), 0.02), drive.world.t)  # type: ignore[method-assign]
    drive.run(0.5, 0.8)
    assert drive.outs[-1][1] == 0.0 and rule_of(drive) == "stale_input"


@pytest.mark.proves("pose_lost")
def test_a_lost_place_stops_the_robot(drive: Drive) -> None:
    drive.world.sigma = 2.0
    drive.run(0.3, 0.8)
    assert drive.outs[-1][1] == 0.0 and rule_of(drive) == "pose_lost"


def test_the_doubt_of_the_place_is_the_largest_axis_of_the_robots_own_covariance(drive: Drive) -> None:
    link = drive.world.link()
    assert link.cov is not None
    link.cov[:2, :2] = [[0.05, 0.04], [0.04, 0.05]]
    link.cov[5, 5] = 0.5**2  # a doubtful heading far from the origin of odom is no doubt of the place
    drive.gate.handle("state/map_to_odom", link, link.stamp_s)
    pose = drive.gate.hearing.place.pose
    assert pose is not None and pose.sigma_m == pytest.approx(0.3, rel=1e-3)


@pytest.mark.proves("tilt")
@pytest.mark.parametrize(("angle", "stops"), [(0.1, False), (0.6, True)])
def test_a_tilted_robot_stops(drive: Drive, angle: float, stops: bool) -> None:
    tilted = np.array([math.sin(angle / 2), 0.0, 0.0, math.cos(angle / 2)])
    t = drive.world.t
    drive.gate.handle("imu/data", m.Imu(t, "imu", np.zeros(3), np.zeros(3), tilted), t)
    drive.take(drive.gate.tick(t))
    assert (rule_of(drive) == "tilt") is stops
    for orientation in (None, np.zeros(4)):  # says nothing about tilt: what was known stays
        drive.gate.handle("imu/data", m.Imu(t, "imu", np.zeros(3), np.zeros(3), orientation), t)
        drive.take(drive.gate.tick(t))
        assert (rule_of(drive) == "tilt") is stops


def test_a_required_imu_is_watched() -> None:
    drive = Drive(World(y=14.5), GateCore(GateParameters(require_imu=True)))
    drive.run(0.3, 0.8)
    assert drive.gate.verdict is not None and "imu/data" in drive.gate.verdict.en


@pytest.mark.proves("obstacle")
def test_a_3d_return_at_body_height_is_an_obstacle_and_the_ground_is_none(drive: Drive) -> None:
    t, mount = drive.world.t, 0.30
    ground = np.array([[0.8, 0.0, -mount], [math.nan, 0.0, 0.0]], np.float32)
    drive.gate.handle("points", m.PointCloud(t, "lidar", ground), t)
    drive.run(0.1, 0.8)
    assert rule_of(drive) == ""
    box = np.array([[0.6, 0.0, 0.1], [0.6, 0.1, 0.1]], np.float32)
    drive.gate.handle("points", m.PointCloud(drive.world.t, "lidar", box), drive.world.t)
    drive.take(drive.gate.tick(drive.world.t))
    assert rule_of(drive) == "obstacle"


def test_when_the_graph_clock_stands_still_the_steady_clock_stops_the_robot(drive: Drive) -> None:
    gate, t = drive.gate, drive.world.t
    for steady in (10.0, 10.5):
        gate.watch(steady)
        assert gate.tick(t)[0].data.linear_x_mps > 0.0
    gate.watch(11.5)
    assert gate.tick(t)[0].data.linear_x_mps == 0.0


def test_a_clock_that_jumps_back_forgets_everything_and_waits(drive: Drive) -> None:
    outs = drive.gate.tick(5.0)
    assert outs[0].data.linear_x_mps == 0.0
    assert drive.gate.verdict is not None and drive.gate.verdict.state == "waiting"
    drive.world.t = 5.0
    drive.run(1.5, 0.8)
    assert drive.outs[-1][1] > 0.5


def test_a_clock_that_is_no_number_or_goes_back_a_little_changes_nothing(drive: Drive) -> None:
    for stamp in (math.nan, drive.world.t - 0.1):
        assert drive.gate.tick(stamp)[0].data.linear_x_mps == pytest.approx(0.8)


@pytest.mark.proves("fault")
def test_a_fault_inside_becomes_zero_and_a_verdict_that_names_it(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drive.gate.hearing.ranges, "now", lambda: 1 / 0)
    outs = drive.gate.tick(drive.world.t)
    assert outs[0].data.linear_x_mps == 0.0
    assert drive.gate.verdict is not None and "ZeroDivisionError" in drive.gate.verdict.en
    assert drive.gate.handle("cmd_vel_nav", None, drive.world.t)[0].data.linear_x_mps == 0.0


def test_verdicts_come_at_twenty_a_second_at_least_and_at_once_on_change(drive: Drive) -> None:
    t = drive.world.t
    verdicts = [o for k in range(100) for o in drive.gate.tick(t + 0.001 * k) if o.topic == "safety/verdict"]
    assert len(verdicts) >= 20
    outs = drive.gate.handle("emergency_stop", m.Flag(True), t)
    assert "safety/verdict" in [o.topic for o in outs]


@pytest.mark.proves("stale_input")
def test_a_frozen_lidar_stops_a_moving_robot(drive: Drive) -> None:
    drive.world.walls.append((0.0, 24.0, 40.0, 24.0))
    drive.run(0.5, 0.8)
    frozen = drive.world.scan()
    drive.world.scan = lambda: dataclasses.replace(frozen, stamp_s=drive.world.t)  # type: ignore[method-assign]
    drive.run(0.6, 0.8)
    assert drive.outs[-1][1] == 0.0 and rule_of(drive) == "stale_input"


@pytest.mark.proves("crew")
def test_a_dead_planner_stops_the_robot_until_it_is_active_again(drive: Drive) -> None:
    def beat(pid: str, active: str) -> None:
        status = m.Status(0, "planner", "", {"active": active, "pid": pid})
        drive.gate.handle("heartbeat", m.Diagnostics(drive.world.t, (status,)), drive.world.t)

    beat("7", "true")
    drive.run(0.5, 0.8)
    assert drive.outs[-1][1] > 0.0
    answer = drive.gate.died("planner", "7")
    assert 0.75 < answer[0].data.linear_x_mps < 0.8  # a controlled stop
    drive.run(0.6, 0.8)
    assert drive.outs[-1][1] == 0.0 and rule_of(drive) == "crew"
    beat("8", "true")
    drive.run(2.0, 0.8)
    assert drive.outs[-1][1] > 0.0


def test_a_command_that_was_under_way_while_a_tick_spoke_is_granted_at_its_arrival(drive: Drive) -> None:
    gate, sent_s = drive.gate, drive.world.t
    gate.tick(sent_s + 0.002)
    gate.arrive(sent_s + 0.004)
    assert gate.handle("cmd_vel_nav", twist(sent_s, 0.799), sent_s)[0].data.linear_x_mps == pytest.approx(
        0.799, abs=1e-9
    )
    gate.arrive(sent_s - 50.0)  # the clock was set back: as at a tick
    assert gate.memory.stamp_s is None


def test_a_scan_is_answered_before_its_people_are_looked_for_and_the_next_word_knows_them() -> None:
    def played(settles: bool) -> Drive:
        drive = Drive(World(y=14.5, people=[Person(24.0, 14.5, -1.0, 0.0)]))
        drive.run(2.5, v=0.8, each=lambda _: settles and drive.gate.settle())
        return drive

    drive, unsettled = played(True), played(False)
    assert drive.outs == unsettled.outs  # what nobody settles is done before the next word
    assert min(v for _, v, _ in drive.outs[-50:]) < 0.3
    (field,) = drive.gate.hearing.ranges.fields
    drive.feed("scan", drive.world.scan())
    answered, counted = len(drive.outs), field.version
    assert not drive.gate.settle() and field.version == counted + 1 and len(drive.outs) == answered
    assert not drive.gate.settle() and field.version == counted + 1
