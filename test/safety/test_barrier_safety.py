"""The barrier with lateness, slopes and loads in its bound: it stops before contact, and it slows without chatter."""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from physical_ai_core.geometry import Array
from physical_ai_safety.footprint import Braking, Hull, sort_points
from physical_ai_safety.gate import decide
from physical_ai_safety.jerk import ramp_to_rest
from physical_ai_safety.ranges import Ranges
from physical_ai_safety.rules import load_rules
from physical_ai_safety.situation import Book, Command, Memory, RobotState, compile_rules
from physical_ai_safety.stability import LEAST_MPS2, Stability, firm
from physical_ai_safety.walkers import NOBODY
from physical_ai_safety.zones import MapPose

PLACE = MapPose(20.0, 14.5, 0.0, 0.03)
PERIOD_S = 0.02
TALL = Stability(0.5, 0.185, 0.2, 2.5)
RESIDUAL_M = 0.002  # straight ways are driven as arcs of 10 km
quick = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
long = settings(max_examples=100_000, deadline=None, suppress_health_check=list(HealthCheck))


@cache
def book() -> Book:
    return compile_rules(load_rules("yard", "yard", "scout"))


@cache
def bare() -> Hull:
    return book().hull.bare


def around(points: Array) -> Ranges:
    return Ranges(sort_points(book().hull, points[:, 0], points[:, 1]), NOBODY, True)


# --- no chatter ---


@quick
@given(
    st.floats(0.8, 3.0), st.floats(0.2, 2.0), st.sampled_from([0.02, 0.05]),
    st.sampled_from([0.0, 0.15, 0.3]),
)  # fmt: skip
def test_in_front_of_a_wall_it_slows_and_stands_and_never_speeds_up_again(
    distance: float, v: float, period: float, pitch: float
) -> None:
    wall = np.column_stack([np.full(81, distance), np.linspace(-4.0, 4.0, 81)])
    robot = RobotState(pose=PLACE, pitch_rad=pitch)
    x = y = yaw = 0.0
    memory, sent = Memory(stamp_s=0.0), [0.0]
    for k in range(round(4.0 / period)):
        c, s = math.cos(yaw), math.sin(yaw)
        dx, dy = wall[:, 0] - x, wall[:, 1] - y
        seen = around(np.column_stack([c * dx + s * dy, c * dy - s * dx]))
        out = decide(Command("autonomy", v), robot, seen, book(), memory, (k + 1) * period)
        memory = out.memory
        sent.append(out.v_mps)
        heading = yaw + 0.5 * out.w_rps * period
        x, y = x + out.v_mps * period * math.cos(heading), y + out.v_mps * period * math.sin(heading)
        yaw += out.w_rps * period
    falls = [k for k, (a, b) in enumerate(itertools.pairwise(sent)) if b < a - 1e-9]
    if falls:
        assert all(b <= a + 1e-6 for a, b in itertools.pairwise(sent[falls[0] :]))


# --- limits, with a load and on a slope ---

wild = st.one_of(st.floats(-3.0, 3.0), st.sampled_from([0.0, 2.0, -2.0, 50.0, -50.0]))
lean = st.one_of(st.just(0.0), st.floats(-0.3, 0.3))
pause = st.one_of(st.just(0.0), st.floats(1e-6, 0.3))  # a clock's ticks: finer, a speed over a step is but rounding
moments = st.tuples(wild, wild, pause, lean, lean, st.sampled_from([0.0, 0.3, math.nan]))


def keeps_its_feet(stream: list[tuple]) -> None:  # type: ignore[type-arg]
    """Whatever is asked of a tall robot: lateral acceleration, jerk and acceleration stay within what lean leaves."""
    tall, memory, stamp = book()._replace(body=TALL), Memory(stamp_s=0.0), 0.0
    limits = tall.limits
    for v, w, dt, roll, pitch, reaction in stream:
        stamp += dt
        before = memory
        robot = RobotState(
            before.v_mps, before.w_rps, PLACE, roll_rad=roll, pitch_rad=pitch, reaction_s=reaction
        )  # fmt: skip
        out = decide(Command("autonomy", v, w), robot, around(np.empty((0, 2))), tall, before, stamp)
        memory = out.memory
        forward = v >= 0.0 if before.v_mps == 0.0 else before.v_mps > 0.0
        found = firm(TALL, roll, pitch, tall.braking.linear_mps2, forward)
        side = out.v_mps * out.w_rps
        assert abs(side) <= (found.left_mps2 if side > 0.0 else found.right_mps2) + 1e-9
        assert abs(side) <= limits.max_lateral_mps2 + 1e-9
        assert found.braking_mps2 >= LEAST_MPS2 or out.v_mps == 0.0
        if 0.0 < dt <= 0.1:
            gained = (abs(out.v_mps) - abs(before.v_mps)) / dt
            assert gained <= min(limits.max_acceleration_mps2, before.drive_mps2 + limits.max_jerk_mps3 * dt) + 1e-6


@quick
@given(st.lists(moments, min_size=1, max_size=15))
def test_a_tall_robot_keeps_its_feet_whatever_is_asked(stream: list[tuple]) -> None:  # type: ignore[type-arg]
    keeps_its_feet(stream)


# --- room to stop, late and on a slope ---


class Late(NamedTuple):
    """Points (N, 2) where the robot starts, what is asked for every fifth of a second, its lateness and slope; and how
    much better than declared it speeds up."""

    points: Array
    asked: list[tuple[float, float]]
    reaction_s: float
    pitch_rad: float
    push: float = 1.0


def free_points(rows: list[tuple[float, float]]) -> Array:
    points = np.array(rows, dtype=float).reshape(-1, 2)
    return points[book().hull.heights(points[:, 0], points[:, 1]).max(axis=0) > 0.0]


place = st.one_of(
    st.tuples(st.floats(-1.2, 1.2), st.floats(-1.2, 1.2)), st.tuples(st.floats(-5.0, 5.0), st.floats(-2.0, 2.0))
)  # fmt: skip
episodes = st.builds(
    Late, st.lists(place, max_size=12).map(free_points), st.lists(st.tuples(wild, wild), min_size=1, max_size=8),
    st.sampled_from([0.1, 0.25, 0.4, 0.6]), st.sampled_from([0.0, 0.1, 0.2, -0.15]), st.sampled_from([1.0, 2.0]),
)  # fmt: skip


def towards(value: float, target: float, slower: float, faster: float) -> float:
    """One step of a base that brakes by `slower` and speeds up by `faster`; through rest in two steps."""
    step = slower if (target - value) * value < 0.0 else faster
    after = value + min(max(target - value, -step), step)
    return 0.0 if after * value < 0.0 else after


def stops_before_contact(episode: Late, residual_m: float = RESIDUAL_M) -> None:
    """A base as late as was measured, and that brakes no better than the slope lets it."""
    x = y = yaw = v = w = 0.0
    memory, sent = Memory(stamp_s=0.0), [(0.0, 0.0, 0.0)]
    late_s = max(episode.reaction_s, book().braking.reaction_s) - 2.0 * PERIOD_S
    rules = book()._replace(late_s=late_s)
    for k in range(10 * len(episode.asked) + 120):
        stamp = (k + 1) * PERIOD_S
        c, s = math.cos(yaw), math.sin(yaw)
        dx, dy = episode.points[:, 0] - x, episode.points[:, 1] - y
        seen = np.column_stack([c * dx + s * dy, c * dy - s * dx])
        if len(seen):
            gap = float(bare().heights(seen[:, 0], seen[:, 1]).max(axis=0).min())
            assert gap > -residual_m, f"{gap:.4f} m at {stamp:.2f} s"
        robot = RobotState(v, w, PLACE, reaction_s=episode.reaction_s, pitch_rad=episode.pitch_rad)
        asked = episode.asked[min(k // 10, len(episode.asked) - 1)]
        out = decide(Command("autonomy", *asked), robot, around(seen), rules, memory, stamp)
        memory = out.memory
        sent.append((stamp + late_s, out.v_mps, out.w_rps))
        while len(sent) > 1 and sent[1][0] <= stamp:
            sent.pop(0)
        braking = firm(book().body, 0.0, episode.pitch_rad, book().braking.linear_mps2, v > 0.0).braking_mps2
        limits, turning = book().limits, book().braking.yaw_rps2
        v = towards(v, sent[0][1], braking * PERIOD_S, episode.push * limits.max_acceleration_mps2 * PERIOD_S)
        w = towards(w, sent[0][2], turning * PERIOD_S, episode.push * limits.max_yaw_acceleration_rps2 * PERIOD_S)
        heading = yaw + 0.5 * w * PERIOD_S
        x, y, yaw = x + v * PERIOD_S * math.cos(heading), y + v * PERIOD_S * math.sin(heading), yaw + w * PERIOD_S


@quick
@given(episodes)
def test_late_and_on_a_slope_it_still_stops_before_contact(episode: Late) -> None:
    stops_before_contact(episode)


def test_what_a_late_base_was_told_before_is_reckoned_with() -> None:
    turned = Late(np.array([[1.0, 0.625]]), [(0.0, 1.0), (0.0, 1.0), (1.0, 0.0)], 0.6, 0.0)
    stops_before_contact(turned)


@pytest.mark.parametrize("ahead_m", [1.1875, 1.5, 2.0])
@pytest.mark.parametrize("way", [1.0, -1.0])
def test_straight_on_too_a_late_base_is_slowed_by_what_it_will_have_driven_by_then(ahead_m: float, way: float) -> None:
    stops_before_contact(Late(np.array([[way * ahead_m, 0.0]]), [(way, 0.0)], 0.6, 0.0), 0.0)


@pytest.mark.slow
@pytest.mark.timeout(36000)
@long
@given(episodes)
def test_late_and_on_a_slope_it_stops_before_contact_a_hundred_thousand_times(episode: Late) -> None:
    stops_before_contact(episode)


@pytest.mark.slow
@pytest.mark.timeout(36000)
@long
@given(st.lists(moments, min_size=1, max_size=15))
def test_a_tall_robot_keeps_its_feet_a_hundred_thousand_times(stream: list[tuple]) -> None:  # type: ignore[type-arg]
    keeps_its_feet(stream)


# --- what the robot reckons with ---


def test_where_braking_is_longer_than_the_rules_say_it_drives_no_faster_than_it_sees() -> None:
    speeds = []
    for pitch in (0.0, 0.2):
        memory = Memory(1.5, 0.0, 1.0)
        for k in range(1, 12):
            robot = RobotState(memory.v_mps, 0.0, PLACE, pitch_rad=pitch)
            free = around(np.empty((0, 2)))
            memory = decide(Command("autonomy", 1.5), robot, free, book(), memory, 1.0 + 0.05 * k).memory
        speeds.append(memory.v_mps)
    level, steep = speeds
    assert level == 1.5 and 0.2 < steep < 1.5
    found = firm(book().body, 0.0, 0.2, 1.5, True)
    late = Braking(0.2, found.braking_mps2, 3.0, 0.1)
    assert late.way_m(steep) == pytest.approx(book().sight_m)


def test_the_way_and_the_speed_within_it_are_each_others_inverse() -> None:
    braking = Braking(0.2, 1.5, 3.0, 0.1)
    assert braking.way_m(1.5) == braking.way_m(-1.5) == pytest.approx(0.3 + 0.75)
    for speed in (0.0, 0.3, 1.5):
        assert braking.speed_within_mps(braking.way_m(speed)) == pytest.approx(speed)
    assert ramp_to_rest(1.5, 0.0, 1.5, 3.0, 1.0) == (0.0, 0.0)
