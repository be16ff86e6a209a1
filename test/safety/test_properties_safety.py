"""For any stream of commands, any state and any surroundings: every limit is kept, and there is room left to stop.

The room is the gate's own: it assumes that the base stops after `reaction_s` at the braking values. What is left over
by the sampling of walkers and zones is no part of this; the swept footprint of obstacles is exact to a millimetre.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from gate_world import rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from physical_ai_core.geometry import Array
from physical_ai_safety.footprint import Hull, sort_points
from physical_ai_safety.gate import Decision, decide
from physical_ai_safety.ranges import Ranges
from physical_ai_safety.rules import load_rules
from physical_ai_safety.situation import Book, Command, Memory, RobotState, compile_rules
from physical_ai_safety.walkers import NOBODY, Walkers
from physical_ai_safety.zones import MapPose

RESIDUAL_M = 0.002  # straight ways are driven as arcs of 10 km
PERIOD_S = 0.02
BOUNDED, LONG = 60, 100_000


@cache
def book() -> Book:
    return compile_rules(load_rules("yard", "yard", "scout"))


@cache
def bare() -> Hull:
    return Hull(load_rules("yard", "yard", "scout").robot.footprint)


class Episode(NamedTuple):
    """Points (N, 2) where the robot starts, what is asked for every fifth of a second, and how late the base is."""

    points: Array
    asked: list[tuple[float, float]]
    late_s: float
    rear: bool
    period_s: float


def free_points(rows: list[tuple[float, float]]) -> Array:
    """Those that leave the widened footprint free: a state in which the robot may be."""
    points = np.array(rows, dtype=float).reshape(-1, 2)
    return points[book().hull.heights(points[:, 0], points[:, 1]).max(axis=0) > 0.0]


wild = st.one_of(st.floats(-3.0, 3.0), st.sampled_from([0.0, 2.0, -2.0, 50.0, -50.0]))
close = st.tuples(st.floats(-1.2, 1.2), st.floats(-1.2, 1.2))
wide = st.tuples(st.floats(-4.0, 4.0), st.floats(-4.0, 4.0))
episodes = st.builds(
    Episode, st.lists(st.one_of(close, wide), max_size=12).map(free_points),
    st.lists(st.tuples(wild, wild), min_size=1, max_size=12), st.floats(0.0, 0.12), st.booleans(),
    st.sampled_from([0.01, 0.02, 0.05]),
)  # fmt: skip
any_float = st.floats(allow_nan=True, allow_infinity=True)
speeds = st.one_of(*[st.floats(-2.0, 2.0)] * 7, any_float)


def rarely(mostly: object, else_: object) -> st.SearchStrategy[object]:
    """What stops the robot comes seldom, else no draw would get as far as the limits."""
    return st.sampled_from([mostly] * 15 + [else_])


walkers_ = st.lists(
    st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.floats(-2, 2), st.floats(-2, 2), st.floats(0.1, 0.5)), max_size=3
).map(lambda rows: Walkers(*np.array(rows, dtype=float).reshape(-1, 5).T))
poses = st.builds(MapPose, st.floats(-5, 45), st.floats(-5, 29), st.floats(-4, 4), st.floats(0.03, 0.7))
robots = rows(
    RobotState, speeds, speeds, st.one_of(*[poses] * 15, st.none()), st.just("lost"),
    st.one_of(*[st.just(0.0)] * 15, any_float), rarely((), ("scan",)), rarely((), (("scan", 0.4),)),
    rarely(False, True), rarely((), ("planner",)),
)  # fmt: skip
commands = rows(
    Command, st.sampled_from(["autonomy", "teleop", "none"]), st.one_of(wild, any_float), st.one_of(wild, any_float),
    rarely("", "nan"), rarely(False, True),
)  # fmt: skip
moments = st.tuples(commands, robots, st.lists(close, max_size=6), st.booleans(), walkers_, st.floats(-0.05, 0.3))


def within_limits(out: Decision, before: Memory, dt: float, rear: bool) -> None:
    """Nothing but finite numbers within every limit; a change of speed within the acceleration where it speeds up."""
    limits, v, w = book().limits, out.v_mps, out.w_rps
    assert math.isfinite(v) and math.isfinite(w)
    assert -(limits.max_reverse_mps if rear else book().file.stopping.blind_reverse_mps) - 1e-9 <= v
    assert v <= limits.max_speed_mps + 1e-9 and abs(w) <= limits.max_yaw_rate_rps + 1e-9
    step = min(max(dt, 0.0), 0.1)
    assert abs(v) <= abs(before.v_mps) + limits.max_acceleration_mps2 * step + 1e-9
    assert abs(w) <= abs(before.w_rps) + limits.max_yaw_acceleration_rps2 * step + 1e-9
    assert v * before.v_mps >= 0.0  # never through rest within one step
    if out.verdict.state in ("protective_stop", "emergency_stop"):
        assert out.verdict.interventions
        ramp = out.verdict.state == "protective_stop" and out.memory.cause in book().file.stopping.controlled
        assert (v, w) == (0.0, 0.0) or (
            ramp and abs(v) < abs(before.v_mps) + (w != 0.0) and abs(w) <= abs(before.w_rps)
        )


def stream_stays_within_limits(stream: list[tuple]) -> None:  # type: ignore[type-arg]
    memory, stamp, latched = Memory(), 0.0, False
    for command, robot, cloud, rear, walkers, dt in stream:
        stamp += dt
        x, y = np.array(cloud, dtype=float).reshape(-1, 2).T
        out = decide(command, robot, Ranges(sort_points(book().hull, x, y), walkers, rear), book(), memory, stamp)
        within_limits(out, memory, dt if memory.stamp_s is not None else 0.0, rear)
        latched = latched or robot.emergency
        assert out.memory.emergency is latched and (not latched or (out.v_mps, out.w_rps) == (0.0, 0.0))
        memory = out.memory


class Base(NamedTuple):
    """Where the base is, and how fast, in the frame in which the points stand."""

    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0
    v: float = 0.0
    w: float = 0.0

    def moved(self, v: float, w: float, dt: float) -> Base:
        """Towards (v, w) at the braking values, which are all that the gate counts on."""
        braking = book().braking
        v = self.v + min(max(v - self.v, -braking.linear_mps2 * dt), braking.linear_mps2 * dt)
        w = self.w + min(max(w - self.w, -braking.yaw_rps2 * dt), braking.yaw_rps2 * dt)
        heading = self.yaw + 0.5 * w * dt
        return Base(self.x + v * dt * math.cos(heading), self.y + v * dt * math.sin(heading), self.yaw + w * dt, v, w)

    def sees(self, points: Array) -> tuple[Array, Array]:
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        dx, dy = points[:, 0] - self.x, points[:, 1] - self.y
        return c * dx + s * dy, c * dy - s * dx


def stops_before_contact(episode: Episode) -> None:
    """The gate in the loop with a base that is late: nothing ever enters the bare footprint."""
    base, memory, sent = Base(), Memory(stamp_s=0.0), [(0.0, 0.0, 0.0)]
    per_command = round(0.2 / episode.period_s)
    for k in range(per_command * len(episode.asked) + round(1.5 / episode.period_s)):
        stamp = (k + 1) * episode.period_s
        v, w = episode.asked[min(k // per_command, len(episode.asked) - 1)]
        x, y = base.sees(episode.points)
        ranges = Ranges(sort_points(book().hull, x, y), NOBODY, episode.rear)
        robot = RobotState(base.v, base.w, MapPose(20.0, 14.5, 0.0, 0.03))
        out = decide(Command("autonomy", v, w), robot, ranges, book(), memory, stamp)
        memory = out.memory
        sent.append((stamp + episode.late_s, out.v_mps, out.w_rps))
        while len(sent) > 1 and sent[1][0] <= stamp:
            sent.pop(0)
        base = base.moved(*sent[0][1:], episode.period_s)
        if len(episode.points):
            x, y = base.sees(episode.points)
            gap = float(bare().heights(x, y).max(axis=0).min())
            assert gap > -RESIDUAL_M, f"{gap:.4f} m at {stamp:.2f} s, {base}"


quick = settings(max_examples=BOUNDED, deadline=None, suppress_health_check=list(HealthCheck))
long = settings(max_examples=LONG, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.proves("limit")
@pytest.mark.proves("acceleration")
@quick
@given(st.lists(moments, min_size=1, max_size=12))
def test_whatever_stream_comes_in_every_limit_is_kept(stream: list[tuple]) -> None:  # type: ignore[type-arg]
    stream_stays_within_limits(stream)


@pytest.mark.proves("obstacle")
@quick
@given(episodes)
def test_from_any_state_in_which_the_robot_may_be_it_stops_before_contact(episode: Episode) -> None:
    stops_before_contact(episode)


@pytest.mark.slow
@pytest.mark.timeout(36000)
@long
@given(st.lists(moments, min_size=1, max_size=12))
def test_a_hundred_thousand_streams_keep_every_limit(stream: list[tuple]) -> None:  # type: ignore[type-arg]
    stream_stays_within_limits(stream)


@pytest.mark.slow
@pytest.mark.timeout(36000)
@long
@given(episodes)
def test_in_a_hundred_thousand_episodes_the_robot_stops_before_contact(episode: Episode) -> None:
    stops_before_contact(episode)
