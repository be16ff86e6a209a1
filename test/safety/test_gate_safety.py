"""The pure decision: for any command, surroundings and memory."""

from __future__ import annotations

import dataclasses
import json
import math
from functools import cache

import numpy as np
import pytest
from gate_world import rows
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_safety.footprint import sort_points
from physical_ai_safety.gate import Decision, decide, stopped_by_fault
from physical_ai_safety.ladder import FREE as LATCHED_FREE
from physical_ai_safety.ladder import Latched, Stop, category
from physical_ai_safety.ranges import Ranges
from physical_ai_safety.rules import load_rules
from physical_ai_safety.situation import Book, Command, Memory, RobotState, compile_rules
from physical_ai_safety.under_way import Sent
from physical_ai_safety.walkers import NOBODY, Walkers
from physical_ai_safety.zones import MapPose


@cache
def book() -> Book:
    return compile_rules(load_rules("yard", "yard", "scout"))


def around(*points: tuple[float, float], rear: bool = False, walkers: Walkers = NOBODY) -> Ranges:
    x, y = np.array(points, dtype=float).reshape(-1, 2).T
    return Ranges(sort_points(book().hull, x, y), walkers, rear)


FREE_PLACE = MapPose(20.0, 14.5, 0.0, 0.03)
HERE = RobotState(pose=FREE_PLACE)
any_float = st.floats(allow_nan=True, allow_infinity=True)

commands = rows(
    Command, st.sampled_from(["autonomy", "teleop", "none"]), any_float, any_float,
    st.sampled_from(["", "", "", "nan", "future"]), st.booleans(),
)  # fmt: skip
robots = rows(
    RobotState, any_float, any_float,
    st.one_of(st.none(), st.builds(MapPose, any_float, any_float, any_float, st.floats(0.0, 0.7))), st.text(max_size=5),
    any_float, st.sampled_from([(), (), ("scan",)]), st.sampled_from([(), (), (("scan", 0.4),)]), st.booleans(),
    st.just(()), st.booleans(), st.booleans(), st.sampled_from([(), (), ("/stranger on cmd_vel",)]),
)  # fmt: skip
good_robots = st.builds(
    lambda x, y, yaw: RobotState(pose=MapPose(x, y, yaw, 0.03)), st.floats(0.0, 40.0), st.floats(0.0, 24.0),
    st.floats(-4.0, 4.0),
)  # fmt: skip
clouds = st.lists(st.tuples(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0)), max_size=12)
walkers_ = st.lists(
    st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.floats(-2, 2), st.floats(-2, 2), st.floats(0.1, 0.5)), max_size=4
).map(lambda rows: Walkers(*np.array(rows, dtype=float).reshape(-1, 5).T))
under_way = st.lists(st.tuples(st.floats(0.0, 20.0), st.floats(-2.0, 2.0), st.floats(-3.0, 3.0)), max_size=5).map(
    lambda words: tuple(sorted(Sent(*word) for word in words))
)
held = st.one_of(st.just(LATCHED_FREE), st.builds(Latched, st.booleans(), st.booleans(), st.booleans(), st.booleans()))
times = st.one_of(st.none(), st.floats(0.0, 20.0))
memories = rows(
    lambda sent, *others: Memory(*others, sent=sent), under_way, st.floats(-0.5, 2.0), st.floats(-2.0, 2.0), times,
    held, st.booleans(), st.sampled_from(["", "obstacle", "person", "zone"]), times,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(commands, st.one_of(robots, good_robots), clouds, st.booleans(), walkers_, memories, st.floats(0.0, 20.0))
def test_whatever_comes_in_what_goes_out_is_finite_and_explained(
    command: Command, robot: RobotState, cloud: list[tuple[float, float]], rear: bool, walkers: Walkers,
    memory: Memory, stamp: float,
) -> None:  # fmt: skip
    decision = decide(command, robot, around(*cloud, rear=rear, walkers=walkers), book(), memory, stamp)
    assert math.isfinite(decision.v_mps) and math.isfinite(decision.w_rps)
    verdict = decision.verdict
    json.loads(verdict.to_json())
    assert verdict.en and verdict.ja
    if verdict.state in ("waiting", "protective_stop", "emergency_stop"):
        assert (
            (decision.v_mps, decision.w_rps) == (0.0, 0.0)
            or (verdict.state == "waiting" and command.source == "none")
            or decision.memory.cause in book().file.stopping.controlled
        )
    if memory.emergency or robot.emergency:
        assert decision.memory.emergency
    if decision.memory.latched.held:
        assert verdict.state == ("emergency_stop" if decision.memory.latched.stopped else "waiting")
    assert verdict.category == category(Stop(verdict.step))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-5.0, 5.0), st.floats(-5.0, 5.0), st.floats(0.001, 0.2)), min_size=1, max_size=30),
    st.booleans(),
)
def test_any_stream_of_commands_stays_within_speed_turn_and_acceleration(
    stream: list[tuple[float, float, float]], rear: bool
) -> None:
    memory, stamp, limits = Memory(stamp_s=0.0), 0.0, book().limits
    for v, w, dt in stream:
        stamp += dt
        out = decide(Command("autonomy", v, w), HERE, around(rear=rear), book(), memory, stamp)
        assert -(limits.max_reverse_mps if rear else 0.2) - 1e-9 <= out.v_mps <= limits.max_speed_mps + 1e-9
        assert abs(out.w_rps) <= limits.max_yaw_rate_rps + 1e-9
        step = min(dt, 0.1)
        gained = abs(out.v_mps) - abs(memory.v_mps)
        assert gained <= limits.max_acceleration_mps2 * step + 1e-9
        memory = out.memory


@settings(max_examples=80, deadline=None)
@given(st.floats(0.36, 4.0), st.floats(0.0, 3.0), st.floats(0.0, 2.0))
def test_with_an_obstacle_straight_ahead_the_robot_can_always_stop_before_it(d: float, v: float, was: float) -> None:
    out = decide(Command("autonomy", v), HERE, around((d, 0.0)), book(), Memory(was, 0.0, 1.0), 1.05)
    s = book().file.stopping
    assert out.v_mps * s.reaction_s + out.v_mps**2 / (2.0 * s.braking_mps2) <= max(0.0, d - 0.25) + 1e-6


def straight(v: float, ranges: Ranges, memory: Memory, stamp: float, robot: RobotState = HERE) -> Decision:
    return decide(Command("autonomy", v), robot, ranges, book(), memory, stamp)


@pytest.mark.proves("acceleration")
def test_a_commanded_stop_passes_at_once_and_a_slower_speed_is_ramped() -> None:
    fast = Memory(1.5, 0.0, 1.0)
    assert straight(0.0, around(), fast, 1.01).v_mps == 0.0
    slower = straight(0.5, around(), fast, 1.02)
    assert slower.v_mps == pytest.approx(1.45) and slower.verdict.interventions[0].rule == "acceleration"


def test_speeding_up_from_rest_keeps_the_commanded_arc() -> None:
    out = decide(Command("autonomy", 1.0, 0.5), HERE, around(), book(), Memory(stamp_s=1.0), 1.02)
    assert out.w_rps / out.v_mps == pytest.approx(0.5) and 0.0 < out.v_mps <= 0.031


def test_limits_keep_the_arc() -> None:
    out = decide(Command("autonomy", 3.0, 1.0), HERE, around(), book(), Memory(1.5, 0.5, 1.0), 1.01)
    assert (out.v_mps, out.w_rps) == (pytest.approx(1.5), pytest.approx(0.5))
    turned = decide(Command("autonomy", 0.5, 4.0), HERE, around(), book(), Memory(0.25, 2.0, 1.0), 1.01)
    assert turned.verdict.interventions[0].clause == "yaw rate" and abs(turned.w_rps) <= 2.0


def test_backwards_is_slow_while_nothing_looks_backwards() -> None:
    memory = Memory(-0.2, 0.0, 1.0)
    assert straight(-0.5, around(), memory, 1.05).v_mps == pytest.approx(-0.2)
    assert straight(-0.5, around(rear=True), Memory(-0.4, 0.0, 1.0), 1.05).v_mps == pytest.approx(-0.4)


@pytest.mark.proves("hold")
def test_a_protective_stop_ends_a_while_after_its_cause_has_gone() -> None:
    blocked, free = around((0.36, 0.0)), around()
    out = straight(0.5, blocked, Memory(stamp_s=0.99), 1.0)
    assert out.verdict.state == "protective_stop"
    out = straight(0.5, free, out.memory, 1.1)
    assert out.verdict.state == "protective_stop" and out.verdict.interventions[-1].rule == "hold"
    out = straight(0.5, blocked, out.memory, 1.3)  # back again: the time starts anew
    for stamp in (1.4, 1.5, 1.6, 1.64):
        out = straight(0.5, free, out.memory, stamp)
        assert out.v_mps == 0.0
    assert straight(0.5, free, out.memory, 1.66).v_mps > 0.0


def test_a_protective_stop_for_an_obstacle_needs_more_room_to_end() -> None:
    stopped = Memory(stamp_s=1.0, protective=True, cause="obstacle")
    edge = around((0.30 + 0.10 + 0.03, 0.0))
    assert straight(0.5, edge, Memory(stamp_s=1.0), 1.01).verdict.state == "limited"
    assert straight(0.5, edge, stopped, 1.01).verdict.interventions[-1].rule == "obstacle"


def walker(x: float, y: float, vx: float, vy: float) -> Walkers:
    return Walkers(*(np.array([value]) for value in (x, y, vx, vy, 0.35)))


@pytest.mark.proves("person")
def test_someone_walking_towards_the_robot_makes_it_stand_and_someone_leaving_does_not() -> None:
    moving = Memory(1.2, 0.0, 1.0)
    coming = straight(1.2, around(walkers=walker(3.0, 0.0, -1.6, 0.0)), moving, 1.01)
    assert coming.verdict.interventions[-1].rule == "person" and coming.v_mps < 1.0
    close = straight(1.2, around(walkers=walker(1.2, 0.0, -1.6, 0.0)), moving, 1.01)
    assert close.verdict.state == "protective_stop" and close.v_mps == 0.0
    held = straight(1.2, around(walkers=walker(1.2, 0.0, -1.6, 0.0)), close.memory, 2.0)
    assert held.verdict.interventions[-1].rule == "person"
    leaving = straight(1.2, around(walkers=walker(1.2, 0.0, 1.6, 0.0)), moving, 1.01)
    assert leaving.verdict.state == "clear"


@pytest.mark.parametrize(
    ("robot", "command", "rule"),
    [
        (RobotState(pose=FREE_PLACE, missing=("scan",)), Command("autonomy", 1.0), "waiting"),
        (RobotState(pose=FREE_PLACE, stale=(("scan", 0.4),)), Command("autonomy", 1.0), "stale_input"),
        (HERE, Command("autonomy", 1.0, refused="frame 'map'"), "refused_command"),
        (HERE, Command("autonomy", math.nan), "refused_command"),
        (HERE, Command(lost=True), "stale_command"),
        (RobotState(pose=None, pose_fault="spread"), Command("autonomy", 1.0), "pose_lost"),
        (RobotState(pose=MapPose(math.nan, 0, 0, 0)), Command("autonomy", 1.0), "pose_lost"),
        (RobotState(pose=FREE_PLACE, tilt_rad=0.6), Command("autonomy", 1.0), "tilt"),
        (RobotState(pose=FREE_PLACE, tilt_rad=math.nan), Command("autonomy", 1.0), "tilt"),
        (RobotState(pose=FREE_PLACE, emergency=True), Command("autonomy", 1.0), "emergency_stop"),
    ],
)
def test_each_reason_to_stand_is_named(robot: RobotState, command: Command, rule: str) -> None:
    out = decide(command, robot, around(), book(), Memory(1.0, 0.0, 1.0), 1.01)
    controlled = rule == "stale_command" or (rule == "tilt" and not math.isnan(robot.tilt_rad))
    assert out.v_mps == (pytest.approx(0.985) if controlled else 0.0) and out.w_rps == 0.0
    assert out.verdict.interventions[0].rule == rule


def test_a_site_without_zones_needs_no_pose() -> None:
    rules = load_rules("yard", "yard", "scout")
    bare = dataclasses.replace(rules, site=rules.site.model_copy(update={"zones": {}}))
    bare = dataclasses.replace(bare, file=bare.file.model_copy(update={"zones": {}}))
    out = decide(Command("autonomy", 0.5), RobotState(), around(), compile_rules(bare), Memory(0.5, 0.0, 1.0), 1.01)
    assert out.verdict.state == "clear" and out.v_mps == pytest.approx(0.5)


def test_a_zone_limits_the_motion_and_is_named() -> None:
    bed = RobotState(pose=MapPose(8.9, 7.5, 0.0, 0.03))
    out = straight(1.0, around(), Memory(1.0, 0.0, 1.0), 1.01, bed)
    assert out.verdict.interventions[-1].clause == "flower_bed" and out.v_mps < 0.7


def test_a_fault_inside_stands_and_is_named() -> None:
    out = stopped_by_fault("ValueError: x", Command(), RobotState(), book(), Memory(1.0, 0.0, 1.0), 1.01)
    assert out.v_mps == 0.0 and "ValueError" in out.verdict.en
