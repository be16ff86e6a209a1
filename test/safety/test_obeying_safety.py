"""A base that obeys late: where it is led to, leg by leg, and how near that leads it to what stands around."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from physical_ai_safety.footprint import Braking, Hull, Near, sort_points
from physical_ai_safety.motion import Motion
from physical_ai_safety.under_way import ALL, Base, Followed, Led, Sent, _driven, remember, share_that_rests

HULL = Hull([(0.25, 0.21), (-0.25, 0.21), (-0.25, -0.21), (0.25, -0.21)], 0.05)
ODD = Hull([(0.6, 0.1), (0.2, -0.3), (-0.2, -0.1), (-0.1, 0.4)], 0.05)  # no side like another
BRAKING = Braking(0.2, 1.5, 3.0, 0.1)
AT_ONCE = math.inf


def base(v: float = 0.0, w: float = 0.0, late_s: float = 0.5, age_s: float = 0.0, brakes: Braking = BRAKING) -> Base:
    return Base(v, w, late_s, age_s, brakes, 1.5, 4.0)


def near(*points: tuple[float, float], hull: Hull = HULL) -> Near:
    x, y = np.array(points, dtype=float).reshape(-1, 2).T
    return sort_points(hull, x, y)


def followed(hull: Hull, near: Near, motion: Motion, here: Base, sent: tuple[Sent, ...], now_s: float) -> Followed:
    return share_that_rests(hull, near, Led(motion, here, sent, now_s, hull.radius_m))


# --- what is remembered ---


def said(*words: tuple[float, float], keep_s: float = 9.0) -> list[tuple[float, float]]:
    """Which words (stamp, turn) of these are kept."""
    sent: tuple[Sent, ...] = ()
    for stamp_s, turn in words:
        sent = remember(sent, stamp_s, 0.5, turn, keep_s)
    return [(one.stamp_s, one.w_rps) for one in sent]


def test_each_change_of_the_word_is_kept_also_back_to_an_earlier_one() -> None:
    for turns in ((1.0, 2.0, 1.0), (0.0, 1.0, 3.0, 1.0, 2.0, 1.0), (1.0, 1.0, 2.0, 2.0, 1.0, 1.0)):
        words = list(enumerate(turns))
        assert said(*words) == words


def test_two_words_of_one_moment_are_both_kept() -> None:
    assert said((1.0, 0.2), (1.0, 0.4)) == [(1.0, 0.2), (1.0, 0.4)]


@pytest.mark.parametrize(("now_s", "kept"), [
    (1.0, [0.0, 0.25, 0.5, 1.0]), (1.24, [0.0, 0.25, 0.5, 1.24]), (1.25, [0.25, 0.5, 1.25]), (1.5, [0.5, 1.5]),
    (9.0, [0.5, 9.0]),
])  # fmt: skip
def test_of_what_was_obeyed_a_second_ago_only_the_last_is_kept(now_s: float, kept: list[float]) -> None:
    words = said((0.0, 0.1), (0.25, 0.2), (0.5, 0.3), (now_s, 0.4), keep_s=1.0)
    assert [stamp_s for stamp_s, _ in words] == kept


# --- where it is led ---

# Words at odd moments, half a second late, from 0.5 s on; then the new one for 0.04 s, then rest within 0.4 s.
LEGS = (Sent(0.0, 0.0, 0.5), Sent(0.0505, 0.0, 0.8), Sent(0.3107, 0.0, 1.0))
WAY = 0.5 * 0.0505 + 0.8 * 0.2602 + 1.0 * 0.1893 + 1.2 * 0.04 + 0.5 * 1.2 * 0.4


@pytest.mark.parametrize("sense", [1.0, -1.0])
@pytest.mark.parametrize("age_s", [0.0, 0.1])
def test_each_word_is_obeyed_from_its_moment_to_that_of_the_next(sense: float, age_s: float) -> None:
    turns = tuple(Sent(t, 0.0, sense * w) for t, _, w in LEGS)
    poses, way_m, _ = _driven(Motion(0.0, sense * 1.2), base(0.0, sense * 0.5, age_s=age_s), turns, 0.5, 0.3, AT_ONCE)
    turned = WAY + 0.5 * age_s
    assert poses[-1] == pytest.approx((0.0, 0.0, sense * turned), abs=1e-9) and way_m == pytest.approx(0.3 * turned)
    straight = tuple(Sent(t, sense * w, 0.0) for t, _, w in LEGS)
    here = base(sense * 0.5, age_s=age_s, brakes=BRAKING._replace(linear_mps2=3.0))
    poses, way_m, _ = _driven(Motion(sense * 1.2, 0.0), here, straight, 0.5, 0.3, AT_ONCE)
    assert poses[-1] == pytest.approx((sense * turned, 0.0, 0.0), abs=1e-9) and way_m == pytest.approx(turned)


def test_it_is_looked_at_every_four_hundredths_of_a_second_and_where_the_word_changes() -> None:
    poses, _, _ = _driven(Motion(0.0, 1.2), base(0.0, 0.5), LEGS, 0.5, 0.3, AT_ONCE)
    assert 20 <= len(poses) <= 21  # 2 and 7 and 5, the new one, 5 of braking and perhaps what rounding leaves of it
    straight = tuple(Sent(t, w, 0.0) for t, _, w in LEGS)
    there, _, _ = _driven(Motion(1.2, 0.0), base(0.5), straight, 0.5, 0.3, AT_ONCE)
    assert 25 <= len(there) <= 26  # ten of braking


def test_a_word_of_after_now_is_not_waited_for() -> None:
    """The clock went back: what is told now ends what was told."""
    words = (Sent(0.0, 0.0, 0.5), Sent(0.9, 0.0, 0.8))
    poses, _, _ = _driven(Motion(0.0, 1.2), base(0.0, 0.5, late_s=0.25), words, 0.5, 0.3, AT_ONCE)
    assert poses[-1][2] == pytest.approx(0.5 * 0.25 + 1.2 * 0.04 + 0.5 * 1.2 * 0.4, abs=1e-9)


@pytest.mark.parametrize(("v", "w"), [(1.0, 1.5), (1.0, -1.5), (-0.8, 1.2)])
def test_a_bend_is_driven_as_an_arc(v: float, w: float) -> None:
    poses, _, _ = _driven(Motion(v, w), base(v, w, late_s=1.0), (Sent(0.0, v, w),), 0.5, 0.3, AT_ONCE)
    for k in (4, 14, 24):
        turned = w * 0.04 * (k + 1)
        arc = (v / w * math.sin(turned), v / w * (1.0 - math.cos(turned)), turned)
        assert poses[k] == pytest.approx(arc, abs=5e-4)


@pytest.mark.parametrize(("was", "told", "better", "behind"), [
    ((1.0, 1.0), (1.0, 1.0), AT_ONCE, False), ((0.5, 0.0), (1.0, 0.0), AT_ONCE, True),
    ((0.0, 0.5), (0.0, 1.0), AT_ONCE, True), ((-0.5, 0.0), (-1.0, 0.0), AT_ONCE, True),
    ((0.0, -0.5), (0.0, -1.0), AT_ONCE, True), ((0.0, 0.0), (1.0, 0.0), 1.0, False),
    ((0.0, 0.0), (0.0, 1.0), 1.0, False), ((0.0, 0.0), (1.0, 0.0), 1.1, True), ((0.0, 0.0), (0.0, 1.0), 1.1, True),
    ((1.0, 1.0), (0.0, 0.0), AT_ONCE, False), ((0.5, 0.5), (-0.5, -0.5), 1.0, False),
])  # fmt: skip
def test_only_who_speeds_up_faster_than_declared_runs_ahead_of_the_base(
    was: tuple[float, float], told: tuple[float, float], better: float, behind: bool
) -> None:
    assert _driven(Motion(*told), base(*was), (Sent(0.0, *told),), 0.5, 0.3, better)[2] is behind


# --- until it rests, however long that takes ---

SLIPPERY = BRAKING._replace(linear_mps2=0.25)


def test_a_base_that_brakes_slowly_is_followed_until_it_rests() -> None:
    """Down a slope: four seconds and two metres from 1 m/s, after half a second of what was sent."""
    ahead = (Sent(0.0, 1.0, 0.03),)
    far, near_by = near((3.0, 0.08)), near((2.5, 0.08))
    here = base(1.0, 0.03, brakes=SLIPPERY)
    assert followed(HULL, far, Motion(1.0, 0.03), here, ahead, 0.5).share == 1.0
    found = followed(HULL, near_by, Motion(1.0, 0.03), here, ahead, 0.5)
    assert found.share < 1.0 and found.left_m < 0.0
    x, _, _ = _driven(Motion(1.0, 0.0), here._replace(w_rps=0.0), (Sent(0.0, 1.0, 0.0),), 0.5, 0.3, AT_ONCE)[0][-1]
    assert x == pytest.approx(0.54 + 2.0, abs=1e-3)


def test_a_speed_that_no_base_has_takes_no_longer_to_follow() -> None:
    """A hundred steps of one second each to rest: 100 m/s less 1 m/s a second."""
    glides = base(100.0, late_s=0.0, brakes=BRAKING._replace(linear_mps2=1.0))
    poses, way_m, _ = _driven(Motion(100.0, 0.0), glides, (), 0.5, 0.3, AT_ONCE)
    assert len(poses) == 1 + 100 and way_m == pytest.approx(4.0 + 5000.0)
    assert len(_driven(Motion(1e9, 1.0), base(1e9, 1.0), (), 0.5, 0.3, AT_ONCE)[0]) < 130


# --- how near that leads ---


def passing(here: Base, word: Sent, hull: Hull, post: tuple[float, float], pushes: float) -> Iterator[float]:
    """Distances of a post while a base goes on with one word, told again just now, and then stops; in fine steps."""
    x = y = yaw = 0.0
    (v, w), step_s = here[:2], 0.001
    for k in range(4000):
        told_v, told_w = word[1:] if k * step_s < here.late_s + 0.04 else (0.0, 0.0)
        v += float(np.clip(told_v - v, -here.braking.linear_mps2 * step_s, pushes * here.push_mps2 * step_s))
        w += float(np.clip(told_w - w, -here.braking.yaw_rps2 * step_s, pushes * here.push_rps2 * step_s))
        x, y, yaw = x + v * step_s * math.cos(yaw), y + v * step_s * math.sin(yaw), yaw + w * step_s
        dx, dy = post[0] - x, post[1] - y
        px, py = math.cos(yaw) * dx + math.sin(yaw) * dy, math.cos(yaw) * dy - math.sin(yaw) * dx
        yield float(hull.bare.heights(np.array([px]), np.array([py])).max())


def nearest(here: Base, word: Sent, hull: Hull, post: tuple[float, float]) -> float:
    return min(min(passing(here, word, hull, post, pushes)) for pushes in (1.0, 1e9))


@pytest.mark.parametrize("push", [0.5, 1.0, 2.0])
def test_a_base_that_turns_in_slowly_comes_nearer_to_what_it_should_turn_away_from(push: float) -> None:
    word, post = Sent(0.0, 1.0, 1.0), (1.3, -0.15)
    here = base(1.0, 0.0, late_s=0.7)._replace(push_rps2=push)
    found = followed(HULL, near(post), Motion(*word[1:]), here, (word,), 0.0)
    expected = nearest(here, word, HULL, post)
    assert found.left_m == pytest.approx(expected, abs=0.02)  # its own steps are coarser
    assert nearest(here._replace(push_rps2=2.0 * push), word, HULL, post) > expected + 0.04


AROUND = [(0.45, -0.25), (0.0, -0.35), (-0.3, 0.15), (0.35, 0.4), (0.62, 0.3), (-0.15, -0.3)]


@pytest.mark.parametrize("post", AROUND)
@pytest.mark.parametrize("w", [0.4, -0.4])
def test_each_side_of_the_body_turns_with_it(post: tuple[float, float], w: float) -> None:
    word = Sent(0.0, 0.0, w)
    here = base(0.0, w, late_s=1.0)
    found = followed(ODD, near(post, hull=ODD), Motion(0.0, w), here, (word,), 0.0)
    assert found.left_m == pytest.approx(nearest(here, word, ODD, post), abs=0.01)


def test_of_several_returns_the_nearest_is_told() -> None:
    post, word = (0.45, 0.0), (Sent(0.0, 0.3, 0.05),)
    alone = followed(HULL, near(post), Motion(0.3, 0.05), base(0.3, 0.05), word, 0.0)
    with_others = near(post, (0.1, 0.5), (-0.4, 0.2), (0.95, 0.1))
    assert followed(HULL, with_others, Motion(0.3, 0.05), base(0.3, 0.05), word, 0.0) == alone
    assert 0.0 < alone.left_m < 0.1


def test_the_nearer_a_post_the_less_of_the_motion_is_left() -> None:
    word = (Sent(0.0, 0.5, 0.1),)
    shares = []
    for gap in np.arange(1.2, 0.1, -0.004):
        found = followed(HULL, near((0.25 + gap, 0.0)), Motion(1.5, 0.1), base(0.5, 0.1, 0.1), word, 0.0)
        shares.append(found.share)
    assert sorted(set(shares), reverse=True) == [1.0, 0.7, 0.4, 0.2, 0.0] == list(dict.fromkeys(shares))


# --- who leads it there ---


def test_all_of_a_motion_is_one_share_and_nothing_is_near() -> None:
    assert tuple(ALL) == (1.0, math.inf)


@pytest.mark.parametrize("who", ["motion", "base", "sent"])
def test_the_motion_the_base_and_what_was_sent_are_each_looked_at_straight_on_too(who: str) -> None:
    moves = {name: 0.2 if name == who else 0.0 for name in ("motion", "base", "sent")}
    sent = (Sent(0.0, moves["sent"], 0.0),)
    found = followed(HULL, near((0.34, 0.0)), Motion(moves["motion"], 0.0), base(moves["base"], 0.0), sent, 0.0)
    assert found is not ALL and math.isfinite(found.left_m)


RADIUS_M = math.hypot(0.3, 0.26)


@pytest.mark.parametrize(("v", "w", "late_s", "age_s", "braking_s"), [
    (1.0, 0.02, 0.5, 0.0, 1.0 / 1.5), (-2.0, 0.5, 0.3, 0.2, 2.0 / 1.5), (0.0, 2.0, 0.2, 0.1, 2.0 / 3.0),
    (0.3, -2.4, 0.0, 0.4, 0.8),
])  # fmt: skip
@pytest.mark.parametrize("who", ["motion", "base", "sent"])
def test_what_stands_beyond_the_way_of_the_swiftest_part_until_it_could_rest_is_not_looked_at(
    v: float, w: float, late_s: float, age_s: float, braking_s: float, who: str
) -> None:
    until_s = age_s + late_s + 0.04 + 0.5 * braking_s
    reach_m = RADIUS_M + (abs(v) + abs(w) * RADIUS_M) * until_s
    still = (0.0, 0.0)
    moves = {name: (v, w) if name == who else still for name in ("motion", "base", "sent")}
    here, sent = base(*moves["base"], late_s, age_s), (Sent(0.0, *moves["sent"]),)
    for gap_m, looks in ((-1e-3, True), (1e-3, False)):
        found = followed(HULL, near((0.0, reach_m + gap_m)), Motion(*moves["motion"]), here, sent, 0.0)
        assert (found is not ALL) is looks and found.share == 1.0


@pytest.mark.parametrize(("x", "y"), [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)])
def test_what_lies_beyond_the_box_around_its_ways_needs_no_second_look(x: float, y: float) -> None:
    """The body turning on the spot reaches no farther than its corner and the margin."""
    here, word = base(0.0, 0.5), Sent(0.0, 0.0, 0.5)
    reach_m = HULL.radius_m + HULL.margin_m
    for away_m, seen in ((reach_m - 1e-3, True), (reach_m + 1e-3, False)):
        found = followed(HULL, near((away_m * x, away_m * y), hull=HULL), Motion(0.0, 0.5), here, (word,), 0.0)
        assert found.share == 1.0 and math.isfinite(found.left_m) is seen
