"""What was sent and is not obeyed yet is driven out before more is let through."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_safety.footprint import Braking, Hull, Near, sort_points
from physical_ai_safety.motion import Motion
from physical_ai_safety.under_way import (
    ALL,
    NEXT_S,
    SHARES,
    Base,
    Sent,
    _driven,
    remember,
    share_that_rests,
)

HULL = Hull([(0.25, 0.21), (-0.25, 0.21), (-0.25, -0.21), (0.25, -0.21)], 0.05)
BRAKING = Braking(0.2, 1.5, 3.0, 0.1)
SPINS = (Sent(0.0, 0.0, 1.0),)


def base(v: float = 0.0, w: float = 0.0, late_s: float = 0.5, age_s: float = 0.0) -> Base:
    return Base(v, w, late_s, age_s, BRAKING, 1.5, 4.0)


def near(*points: tuple[float, float]) -> Near:
    x, y = np.array(points, dtype=float).reshape(-1, 2).T
    return sort_points(HULL, x, y)


def test_it_keeps_what_the_base_obeys_now_and_all_that_came_after() -> None:
    sent: tuple[Sent, ...] = ()
    for k in range(10):
        sent = remember(sent, 0.1 * k, 0.1 * k, 0.0, 0.25)
    assert [round(one.stamp_s, 1) for one in sent] == [0.6, 0.7, 0.8, 0.9]  # 0.6 is obeyed until 0.7 + 0.25


def test_the_same_word_again_is_kept_once_and_a_clock_that_goes_back_begins_anew() -> None:
    sent: tuple[Sent, ...] = ()
    for k in range(5):
        sent = remember(sent, 0.1 * k, 1.0, 0.5, 9.0)
    assert [one.stamp_s for one in sent] == [0.0, 0.1]
    assert remember(sent, 0.05, 0.0, 0.0, 9.0) == (Sent(0.05, 0.0, 0.0),)


def test_straight_ahead_and_with_nothing_in_reach_the_arc_tells_the_same() -> None:
    ahead = (Sent(0.0, 1.0, 0.0),)
    assert share_that_rests(HULL, near((0.4, 0.0)), Motion(1.0, 0.0), base(1.0), ahead, 0.1) is ALL
    assert share_that_rests(HULL, near((9.0, 0.0)), Motion(1.0, 1.0), base(1.0, 1.0), SPINS, 0.1) is ALL
    assert share_that_rests(HULL, near(), Motion(1.0, 1.0), base(1.0, 1.0), SPINS, 0.1) is ALL


def test_a_turn_under_way_leads_ahead_to_where_no_arc_of_the_command_does() -> None:
    """Told to spin for half a second more, then straight at speed: the post stands where it will head by then."""
    post = near((0.75 * math.cos(0.55), 0.75 * math.sin(0.55)))
    fast = Motion(1.2, 0.0)
    prompt = share_that_rests(HULL, post, fast, base(0.0, 1.0, late_s=0.0), SPINS, 0.5)
    late = share_that_rests(HULL, post, fast, base(0.0, 1.0), SPINS, 0.5)
    assert prompt.share == 1.0 and late.share in (*SHARES[1:], 0.0) and late.left_m < 0.025 < prompt.left_m


def test_beside_a_wall_it_may_leave_and_may_not_swing_its_corner_in() -> None:
    wall = near(*((x, 0.23) for x in np.arange(-0.6, 0.6, 0.05)))
    away = share_that_rests(HULL, wall, Motion(0.2, 0.0), base(0.0, 0.03), (), 0.0)
    swing = share_that_rests(HULL, wall, Motion(0.0, 1.0), base(), (), 0.0)
    assert away.share == 1.0 and swing.share < 1.0


def test_what_touches_already_must_only_not_go_deeper() -> None:
    touching = near((0.24, 0.0))
    assert share_that_rests(HULL, touching, Motion(-0.3, 0.05), base(), (), 0.0).share == 1.0
    assert share_that_rests(HULL, touching, Motion(0.3, 0.05), base(), (), 0.0).share == 0.0


words = st.lists(
    st.tuples(st.floats(0.0, 0.5), st.floats(-1.0, 1.5), st.floats(-1.5, 1.5)), min_size=1, max_size=6
).map(lambda rows: tuple(sorted(Sent(*row) for row in rows)))
moves = st.builds(Motion, st.floats(-1.0, 1.5), st.floats(-1.5, 1.5))


# The same draws every time: whether a base comes to rest within the millisecond in which a command ends is a hair that
# the steps of both ways split differently, and the ends then lie a braking's turn apart.
@settings(max_examples=60, deadline=None, derandomize=True)
@given(words, moves, st.floats(-1.0, 1.5), st.floats(-1.5, 1.5), st.floats(0.0, 0.5), st.floats(0.0, 0.2))
def test_the_way_is_that_of_a_base_followed_in_steps_of_a_millisecond(
    sent: tuple[Sent, ...], motion: Motion, v: float, w: float, late_s: float, age_s: float
) -> None:
    """Also for one that speeds up as declared: the end of the way, and where it stands half-way."""
    for better in (1.0, 1e9):
        here = base(v, w, late_s, age_s)
        poses, way_m, _ = _driven(motion, here, sent, 0.5, HULL.radius_m, better)
        x, y, yaw = fine(motion, here, sent, 0.5, better)
        assert poses[-1] == pytest.approx((x, y, yaw), abs=0.06)
        assert math.hypot(x, y) <= way_m + 0.06


def fine(motion: Motion, here: Base, sent: tuple[Sent, ...], now_s: float, better: float) -> tuple[float, float, float]:
    """Where a base ends that is told by what was sent `late_s` before, then `motion`, then rest."""
    x = y = yaw = 0.0
    v, w, at_s, step_s = here.v_mps, here.w_rps, now_s - here.age_s, 0.001
    while at_s < now_s + here.late_s + NEXT_S + 2.0:
        told = Motion(0.0, 0.0)
        if at_s < now_s + here.late_s:
            told = Motion(*[one for one in sent if one.stamp_s + here.late_s <= at_s][-1:][0][1:]) if any(
                one.stamp_s + here.late_s <= at_s for one in sent
            ) else Motion(*sent[0][1:])  # fmt: skip
        elif at_s < now_s + here.late_s + NEXT_S:
            told = motion
        v = towards(v, told.v_mps, BRAKING.linear_mps2 * step_s, better * 1.5 * step_s)
        w = towards(w, told.w_rps, BRAKING.yaw_rps2 * step_s, better * 4.0 * step_s)
        x, y, yaw = x + v * step_s * math.cos(yaw), y + v * step_s * math.sin(yaw), yaw + w * step_s
        at_s += step_s
    return x, y, yaw


def towards(value: float, target: float, slower: float, faster: float) -> float:
    slows = (target - value) * value < 0.0
    step = min(slower if slows else faster, abs(target - value))
    after = value + math.copysign(step, target - value)
    return 0.0 if slows and after * value < 0.0 else after
