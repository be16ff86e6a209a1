"""What was sent and is not obeyed yet is driven out before more is let through."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_safety.footprint import Braking, Hull, Near, first_contact, sort_points
from physical_ai_safety.motion import Motion
from physical_ai_safety.under_way import (
    ALL,
    MOST_POSES,
    NEXT_S,
    SHARES,
    Base,
    Followed,
    Led,
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


def rests(around: Near, motion: Motion, here: Base, sent: tuple[Sent, ...] = (), now_s: float = 0.0) -> Followed:
    return share_that_rests(HULL, around, Led(motion, here, sent, now_s, HULL.radius_m))


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


def test_with_nothing_in_reach_all_of_it_can_be_followed() -> None:
    assert rests(near((9.0, 0.0)), Motion(1.0, 1.0), base(1.0, 1.0), SPINS, 0.1) is ALL
    assert rests(near(), Motion(1.0, 1.0), base(1.0, 1.0), SPINS, 0.1) is ALL


def test_straight_on_a_late_base_does_what_it_was_told_before_it_slows_down() -> None:
    """Within the way of the arc of what it is told now, and not of what it still does first."""
    ahead, slower = (Sent(0.0, 1.0, 0.0),), Motion(0.5, 0.0)
    post = near((0.25 + 0.6, 0.0))
    assert first_contact(HULL, post, *slower, BRAKING).factor >= 1.0
    assert rests(post, slower, base(1.0, late_s=0.1), ahead, 0.1).share == 1.0
    assert rests(post, slower, base(1.0, late_s=0.5), ahead, 0.1).share == 0.0


def test_however_late_it_ends() -> None:
    """For a minute the base goes on with what it was told: looked at for as many steps as are allowed, each 4 cm."""
    ahead = (Sent(0.0, 1.0, 0.0),)
    poses, way_m = Led(Motion(1.0, 0.0), base(1.0, late_s=60.0), ahead, 0.0, HULL.radius_m).way(1.0)
    assert len(poses) == 2 * MOST_POSES and way_m == pytest.approx(0.04 * MOST_POSES)


def test_a_turn_under_way_leads_ahead_to_where_no_arc_of_the_command_does() -> None:
    """Told to spin for half a second more, then straight at speed: the post stands where it will head by then."""
    post = near((0.75 * math.cos(0.55), 0.75 * math.sin(0.55)))
    fast = Motion(1.2, 0.0)
    prompt = rests(post, fast, base(0.0, 1.0, late_s=0.0), SPINS, 0.5)
    late = rests(post, fast, base(0.0, 1.0), SPINS, 0.5)
    assert prompt.share == 1.0 and late.share in (*SHARES[1:], 0.0) and late.left_m < 0.025 < prompt.left_m


def test_beside_a_wall_it_may_leave_and_may_not_swing_its_corner_in() -> None:
    wall = near(*((x, 0.23) for x in np.arange(-0.6, 0.6, 0.05)))
    away = rests(wall, Motion(0.2, 0.0), base(0.0, 0.03))
    swing = rests(wall, Motion(0.0, 1.0), base())
    assert away.share == 1.0 and swing.share < 1.0


def test_what_touches_already_must_only_not_go_deeper() -> None:
    touching = near((0.24, 0.0))
    assert rests(touching, Motion(-0.3, 0.05), base()).share == 1.0
    assert rests(touching, Motion(0.3, 0.05), base()).share == 0.0


# --- a turn that dies out sooner than declared ---


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_post_that_only_the_straighter_way_meets_is_met(side: float) -> None:
    """In full turn, told to stop: as declared it bends past the post; a base that ends its turn sooner drives on."""
    here, sent = base(1.5, side * 1.5, late_s=0.0), (Sent(0.0, 1.5, side * 1.5),)
    declared, _, _ = _driven(Motion(0.0, 0.0), here, sent, 0.5, HULL.radius_m, math.inf)
    sooner = here._replace(braking=BRAKING._replace(yaw_rps2=6.0))
    straighter, _, _ = _driven(Motion(0.0, 0.0), sooner, sent, 0.5, HULL.radius_m, math.inf)
    assert abs(straighter[-1][2]) < 0.7 * abs(declared[-1][2]) and straighter[-1][0] > declared[-1][0]
    x, y, yaw = straighter[-1]
    corner = complex(x, y) + complex(0.26, -side * 0.18) * cmath.exp(1j * yaw)  # a centimetre before its outer corner
    assert rests(near((corner.real, corner.imag)), Motion(0.0, 0.0), here, sent, 0.5).left_m < 0.011
    for x, y, yaw in declared:
        off = (corner - complex(x, y)) * cmath.exp(-1j * yaw)
        assert max(abs(off.real) - 0.25, abs(off.imag) - 0.21) > 0.012
    assert set(straighter) | set(declared) == set(Led(Motion(0.0, 0.0), here, sent, 0.5, HULL.radius_m).way(1.0)[0])


# --- where it is led ---


def test_all_ways_are_there_the_longest_is_told_and_each_is_driven_once() -> None:
    here, asked = base(0.2, -0.5), Motion(1.0, 0.8)
    led = Led(asked, here, SPINS, 0.5, 0.33)
    straighter = here._replace(braking=BRAKING._replace(yaw_rps2=6.0))
    for share in (1.0, 0.4, 0.0):
        ways = [
            _driven(asked.scaled(share), one, SPINS, 0.5, 0.33, better)
            for one, better in ((here, math.inf), (here, 1.0), (straighter, math.inf))
        ]
        poses, way_m = led.way(share)
        assert poses == [pose for way in ways for pose in way[0]]
        assert way_m == max(ways[0][1], ways[2][1]) and led.way(share)[0] is poses


def test_who_never_speeds_up_faster_than_declared_has_no_way_between() -> None:
    here = base(1.0, 1.0)
    told = (Sent(0.0, 1.0, 1.0),)
    poses, way_m = Led(Motion(0.5, 0.5), here, told, 0.5, 0.33).way(1.0)
    straighter = here._replace(braking=BRAKING._replace(yaw_rps2=6.0))
    ways = [_driven(Motion(0.5, 0.5), one, told, 0.5, 0.33, math.inf) for one in (here, straighter)]
    assert poses == ways[0][0] + ways[1][0] and way_m == ways[0][1] > ways[1][1]


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_the_reach_is_that_of_the_swiftest_and_the_fastest_turn(side: float, which: int) -> None:
    speeds, turns = [0.3, 0.2, 0.1], [0.1, 0.4, 0.2]
    speeds[which], turns[(which + 1) % 3] = 1.2, 2.0
    (v, told_v, asked_v), (w, told_w, asked_w) = [side * x for x in speeds], [side * x for x in turns]
    sent = (Sent(0.0, 0.0, 0.0), Sent(0.1, told_v, told_w), Sent(0.2, 0.0, 0.0))
    led = Led(Motion(asked_v, asked_w), base(v, w, late_s=0.25, age_s=0.05), sent, 0.5, 0.33)
    until_s = 0.05 + 0.25 + 0.04 + 0.5 * 0.8
    assert led.reach_m == pytest.approx(0.33 + (1.2 + 2.0 * 0.33) * until_s)
    assert led.way(1.0)[1] + 0.33 <= led.reach_m + 1e-9


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
