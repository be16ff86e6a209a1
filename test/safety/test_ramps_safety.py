"""Ramps: speeding up gently, never slowing down gently, and a controlled stop that takes exactly its way."""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_safety.footprint import sort_points
from physical_ai_safety.gate import decide
from physical_ai_safety.jerk import drive_after, ramp_to_rest, speed_up
from physical_ai_safety.ranges import Ranges
from physical_ai_safety.rules import load_rules
from physical_ai_safety.situation import Book, Command, Memory, RobotState, compile_rules
from physical_ai_safety.walkers import NOBODY
from physical_ai_safety.zones import MapPose


@cache
def book() -> Book:
    return compile_rules(load_rules("yard", "yard", "scout"))


ACCELERATION, JERK = 1.5, 30.0
ASKED = Command("autonomy", 1.2)
HERE = RobotState(1.2, 0.0, MapPose(20.0, 14.5, 0.0, 0.03))
LOST = HERE._replace(absent=("planner",))
FREE = Ranges(sort_points(book().hull, np.empty(0), np.empty(0)), NOBODY, False)
steps = st.floats(0.001, 0.05)


def climb(target: float, dt: float, jerk: float = JERK) -> list[float]:
    """Speeds from rest to `target`."""
    v, drive, out = 0.0, 0.0, [0.0]
    while v < target and len(out) < 20_000:
        after = v + speed_up(target - v, drive, ACCELERATION, jerk, dt)
        drive, v = drive_after(v, after, drive, dt), after
        out.append(v)
    return out


@settings(deadline=None, max_examples=50)
@given(st.floats(0.01, 2.0), steps)
def test_speeding_up_keeps_acceleration_and_jerk_and_arrives(target: float, dt: float) -> None:
    speeds = climb(target, dt)
    assert speeds[-1] == pytest.approx(target)
    gained = [0.0, *((b - a) / dt for a, b in itertools.pairwise(speeds))]
    assert max(gained) <= ACCELERATION + 1e-9
    assert max(b - a for a, b in itertools.pairwise(gained)) <= JERK * dt + 1e-6
    assert all(a >= b - JERK * dt - 1e-6 for a, b in itertools.pairwise(gained))


def test_the_acceleration_falls_off_in_time_not_in_one_step() -> None:
    dt = 0.002
    speeds = climb(1.0, dt)
    gained = [(b - a) / dt for a, b in itertools.pairwise(speeds)]
    assert max(abs(b - a) for a, b in itertools.pairwise(gained)) <= 2.1 * JERK * dt
    assert len(speeds) * dt == pytest.approx(1.0 / ACCELERATION + ACCELERATION / JERK, abs=0.02)


def test_without_a_limit_of_jerk_the_full_acceleration_comes_at_once() -> None:
    assert speed_up(1.0, 0.0, 1.5, math.inf, 0.02) == pytest.approx(0.03)
    assert speed_up(0.01, 0.0, 1.5, math.inf, 0.02) == 0.01
    assert speed_up(1.0, 0.0, 1.5, 30.0, 0.02) == pytest.approx(0.012)
    assert speed_up(1.0, 1.5, 1.5, 30.0, 0.02) == pytest.approx(0.03)
    assert speed_up(1.0, 1.0, 1.5, 30.0, 0.0) == 0.0


@pytest.mark.parametrize(("acceleration", "jerk", "dt"), [(1.2, 30.0, 0.02), (0.9, 30.0, 0.02), (1.4, 4.0, 0.1)])
def test_it_begins_to_ease_off_where_the_gap_is_what_easing_off_uses_up(
    acceleration: float, jerk: float, dt: float
) -> None:
    gap = 0.5 * acceleration**2 / jerk + 0.5 * acceleration * dt
    assert speed_up(gap, 1.5, 1.5, jerk, dt) == pytest.approx(acceleration * dt)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0.0, 2.0), min_size=1, max_size=20), steps)
def test_with_jerk_limited_no_stop_is_longer_than_without(asked: list[float], dt: float) -> None:
    """Driven side by side: the gentler one is at no time the faster one, so it stands no later and no farther."""
    gentle, plain, drive = 0.0, 0.0, 0.0
    for target in (*asked, 0.0):
        for _ in range(15):
            before = gentle
            if target >= gentle:
                gentle += speed_up(target - gentle, drive, ACCELERATION, JERK, dt)
            else:
                gentle = max(target, gentle - 2.5 * dt)
            plain = min(target, plain + ACCELERATION * dt) if target >= plain else max(target, plain - 2.5 * dt)
            drive = drive_after(before, gentle, drive, dt)
            assert gentle <= plain + 1e-9


@pytest.mark.parametrize(
    ("before", "after", "dt", "drive"),
    [
        (0.5, 0.53, 0.02, 1.5), (-0.5, -0.53, 0.02, 1.5), (0.5, 0.5, 0.02, 0.0), (0.5, 0.49, 0.02, 0.0),
        (0.5, 0.5, 0.0, 0.7), (0.5, 0.4, 0.0, 0.0), (0.02, -0.03, 0.02, 0.0), (0.0, -0.03, 0.02, 1.5),
    ],
)  # fmt: skip
def test_what_a_step_leaves_of_the_acceleration(before: float, after: float, dt: float, drive: float) -> None:
    assert drive_after(before, after, 0.7, dt) == pytest.approx(drive)


@settings(deadline=None)
@given(st.floats(-2.0, 2.0), st.floats(-2.0, 2.0), steps)
def test_a_controlled_stop_keeps_the_arc_and_takes_the_way_that_the_barrier_counts_with(
    v: float, w: float, dt: float
) -> None:
    duration = max(abs(v) / 1.5, abs(w) / 3.0)
    now, way, turned, taken = (v, w), 0.0, 0.0, 0.0
    while now != (0.0, 0.0):
        later = ramp_to_rest(*now, 1.5, 3.0, dt)
        assert abs(later[0]) <= abs(now[0]) and abs(later[1]) <= abs(now[1])
        assert later[0] * w == pytest.approx(later[1] * v, abs=1e-9)
        now, taken = later, taken + dt
        way, turned = way + abs(now[0]) * dt, turned + abs(now[1]) * dt
    assert taken <= duration + 2.0 * dt
    assert way <= 0.5 * abs(v) * duration + 1e-9 and turned <= 0.5 * abs(w) * duration + 1e-9


def test_a_controlled_stop_stands_still_while_no_time_passes_and_at_rest() -> None:
    assert ramp_to_rest(0.0, 0.0, 1.5, 3.0, 0.02) == ramp_to_rest(0.0, 0.0, 1.5, 3.0, 0.0) == (0.0, 0.0)
    assert ramp_to_rest(1.0, 0.5, 1.5, 3.0, 0.0) == (1.0, 0.5)
    assert ramp_to_rest(1.0, 0.5, 1.5, 3.0, -1.0) == (1.0, 0.5)
    assert ramp_to_rest(1.0, 0.0, 1.5, 3.0, 0.02) == pytest.approx((0.97, 0.0))
    assert ramp_to_rest(0.0, -1.0, 1.5, 3.0, 0.02) == pytest.approx((0.0, -0.94))


# --- the controlled stop in the gate ---


def stopping(
    robot: RobotState, command: Command = ASKED, obstacle_m: float = 9.0, rules: Book | None = None, dt: float = 0.02
) -> list[float]:  # fmt: skip
    """Speeds that are sent from 1.2 m/s on, until the robot is told to stand."""
    rules, memory, speeds = rules or book(), Memory(1.2, 0.0, 1.0), [1.2]
    while speeds[-1] > 0.0 and len(speeds) < 2000:
        travelled = 0.02 * sum(speeds[1:])
        near = sort_points(rules.hull, np.array([obstacle_m - travelled]), np.array([0.0]))
        out = decide(command, robot, Ranges(near, NOBODY, False), rules, memory, (memory.stamp_s or 0.0) + dt)
        memory = out.memory
        speeds.append(out.v_mps)
        assert out.verdict.state == "protective_stop" and out.w_rps == 0.0
    return speeds


@pytest.mark.parametrize(
    ("robot", "command"),
    [
        (HERE._replace(absent=("planner",)), ASKED), (HERE, Command("autonomy", lost=True)),
        (HERE._replace(tilt_rad=0.5), ASKED),
    ],
)  # fmt: skip
def test_a_stop_that_leaves_the_robot_its_sight_is_a_ramp_at_the_braking_of_the_rules(
    robot: RobotState, command: Command
) -> None:
    speeds = stopping(robot, command)
    assert all(a - b == pytest.approx(1.5 * 0.02) for a, b in itertools.pairwise(speeds[:-1]))
    assert 0.02 * (len(speeds) - 1) == pytest.approx(1.2 / 1.5, abs=0.03)
    assert 0.02 * sum(speeds[1:]) <= 0.5 * 1.2**2 / 1.5


@pytest.mark.parametrize(
    "robot",
    [
        HERE._replace(stale=(("scan", 0.4),)), HERE._replace(absent=("planner",), stale=(("scan", 0.4),)),
        HERE._replace(tilt_rad=math.nan), HERE._replace(lifted=True), HERE._replace(pose=None),
        HERE._replace(intruders=("x",)),
    ],
)  # fmt: skip
def test_a_stop_without_sight_or_that_bears_no_delay_sends_zero_at_once(robot: RobotState) -> None:
    assert stopping(robot) == [1.2, 0.0]


def test_what_comes_in_the_way_of_a_controlled_stop_makes_it_harder() -> None:
    free, blocked = stopping(LOST), stopping(LOST, obstacle_m=0.75)
    assert len(blocked) < len(free) and 0.02 * sum(blocked[1:]) <= 0.75 - 0.25
    assert stopping(LOST, obstacle_m=0.36) == [1.2, 0.0]


def test_a_controlled_stop_goes_on_where_its_cause_has_gone_meanwhile_and_where_the_clock_stands() -> None:
    out = decide(ASKED, LOST, FREE, book(), Memory(1.2, 0.0, 1.0), 1.02)
    back = decide(ASKED, HERE, FREE, book(), out.memory, 1.04)
    assert back.verdict.interventions[0].rule == "hold" and 0.0 < back.v_mps < out.v_mps < 1.2
    assert stopping(LOST, dt=0.0)[-1] == 0.0


def test_on_a_slope_the_ramp_is_as_steep_as_ever() -> None:
    assert len(stopping(LOST._replace(pitch_rad=0.3))) <= len(stopping(LOST))


def test_rules_that_name_no_controlled_cause_stop_at_once() -> None:
    rules = book()
    stopping_ = rules.file.stopping.model_copy(update={"controlled": ()})
    hard = rules._replace(file=rules.file.model_copy(update={"stopping": stopping_}))
    assert stopping(LOST, rules=hard) == [1.2, 0.0]
