"""Groups of returns, who is followed, and how much of a motion an approach leaves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from physical_ai_safety.footprint import Braking, Hull
from physical_ai_safety.groups import foreground_groups
from physical_ai_safety.looks import Look, View
from physical_ai_safety.walkers import (
    HITS_TO_BELIEVE,
    MISSES_TO_FORGET,
    NOBODY,
    Track,
    Walkers,
    WalkerTracker,
    meeting,
)

HULL = Hull([(0.25, 0.21), (-0.25, 0.21), (-0.25, -0.21), (0.25, -0.21)], 0.05)
BRAKING = Braking(0.2, 1.5, 3.0, 0.1)
STEP = 0.01
AHEAD = View(0.0, 0.0, 0.0, 2.0)
ALL_ROUND = View(0.0, 0.0, 0.0, math.pi)


def sweep(things: list[tuple[float, float, float]], half: float = 2.0, background: float = math.inf):  # type: ignore[no-untyped-def]
    """Ranges, hits, x, y of rays; each thing is (bearing, range, half width in radians)."""
    angles = np.arange(-half, half + STEP / 2, STEP)
    r = np.full(len(angles), background)
    for bearing, distance, wide in things:
        turn = np.abs((angles - bearing + math.pi) % (2 * math.pi) - math.pi)
        r = np.where(turn <= wide + 1e-9, np.minimum(r, distance), r)
    hit = np.isfinite(r)
    r = np.where(hit, r, 0.0)
    return r, hit, r * np.cos(angles), r * np.sin(angles)


def test_a_small_thing_before_a_wall_is_a_group_with_its_middle_and_radius() -> None:
    groups = foreground_groups(*sweep([(0.3, 2.0, 0.05)], background=4.0))
    assert len(groups) == 1 and len(groups[0].rays) == 11
    group = groups[0]
    assert (group.x, group.y) == pytest.approx((2.0 * math.cos(0.3), 2.0 * math.sin(0.3)), abs=0.01)
    assert group.radius == pytest.approx(2.0 * 0.05, abs=0.003)


@pytest.mark.parametrize(
    ("things", "background", "count"),
    [
        ([(0.3, 2.0, 0.01)], math.inf, 1),  # three returns are the fewest
        ([(0.3, 2.0, 0.005)], math.inf, 0),
        ([(0.3, 2.0, 0.22)], math.inf, 1),  # 0.88 m across
        ([(0.3, 2.0, 0.24)], math.inf, 0),  # 0.96 m: furniture
        ([(0.3, 3.7, 0.05)], 4.0, 1),  # it stands out from the wall by 0.3 m
        ([(0.3, 3.8, 0.05)], 4.0, 0),  # and by 0.2 m it does not
        ([(0.3, 8.9, 0.03)], math.inf, 1),
        ([(0.3, 9.1, 0.03)], math.inf, 0),  # out of reach
        ([(0.30, 2.0, 0.05), (0.40, 1.6, 0.05)], math.inf, 1),  # what is cut off by another is not judged
        ([(0.30, 2.0, 0.05), (0.20, 1.6, 0.05)], math.inf, 1),
        ([(0.30, 2.0, 0.05), (0.60, 2.0, 0.05)], math.inf, 2),
        ([(1.9, 2.0, 0.05), (-1.9, 2.0, 0.05)], math.inf, 2),
        ([(2.0, 2.0, 0.05), (-2.0, 2.0, 0.05)], math.inf, 2),  # cut by the ends of the sweep
        ([(2.0, 3.8, 0.05)], 4.0, 0),
        ([], math.inf, 0),
        ([], 4.0, 0),
    ],
)
def test_which_runs_of_returns_are_followed(
    things: list[tuple[float, float, float]], background: float, count: int
) -> None:
    assert len(foreground_groups(*sweep(things, background=background))) == count


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_of_what_the_edge_of_the_sweep_cuts_the_middle_is_reckoned_from_its_free_end(side: float) -> None:
    distance, radius = 2.0, 0.25
    for bearing in (1.95, 2.0, 2.05):
        angles = np.arange(-2.0, 2.0 + STEP / 2, STEP)
        turn = angles - side * bearing
        across = distance * np.sin(turn)
        hit = (np.abs(across) < radius) & (np.cos(turn) > 0.0)
        r = np.where(hit, distance * np.cos(turn) - np.sqrt(np.maximum(radius**2 - across**2, 0.0)), 0.0)
        view = View(0.3, -0.2, 0.0, 2.0)
        x, y = view.x + r * np.cos(angles), view.y + r * np.sin(angles)
        [group] = foreground_groups(r, hit, x, y)
        assert group.free is not None
        found, mean = group.middle(radius, view), distance - 0.785 * radius
        assert math.hypot(found[0] - view.x, found[1] - view.y) == pytest.approx(mean, abs=0.06)
        assert math.atan2(found[1] - view.y, found[0] - view.x) == pytest.approx(side * bearing, abs=0.02)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_what_the_edge_of_the_sweep_cuts_is_followed_and_believed_once_it_was_whole(side: float) -> None:
    """A body 0.4 m across comes into view at 0.75 m/s, 2 m away: in the first ten sweeps ever more of it."""
    tracker = WalkerTracker()
    for k in range(16):
        bearing = side * (2.05 - 0.0375 * 0.5 * k)
        tracker.sweep(1.0 + 0.05 * k, *sweep([(bearing, 2.0, 0.1)]), AHEAD)
        cut = abs(bearing) + 0.1 > 2.0 - 1e-6  # the outermost ray is the edge
        [track] = tracker.tracks
        assert track.hits == k + 1 and math.hypot(track.x, track.y) == pytest.approx(2.0, abs=0.15)
        if k >= 3:
            assert len(tracker.walking(1.0 + 0.05 * k, 0.3, 3.0)) == (0 if cut else 1)


def test_of_a_thing_that_begins_cut_the_middle_is_its_own_radius_from_the_free_end() -> None:
    tracker = WalkerTracker()
    r, hit, x, y = sweep([(2.0, 2.0, 0.1)])
    [group] = foreground_groups(r, hit, x, y)
    tracker.sweep(1.0, r, hit, x, y, AHEAD)
    [track] = tracker.tracks
    assert (track.x, track.y) == pytest.approx(group.middle(group.radius, AHEAD)) and track.radius == group.radius
    assert (track.x, track.y) != pytest.approx((group.x, group.y), abs=0.01)


def test_who_walks_out_of_sight_is_led_on_by_what_the_edge_cuts() -> None:
    tracker = WalkerTracker()
    for k in range(24):  # 0.75 m/s around the robot, whole until the 15th sweep, gone from sight after the 20th
        tracker.sweep(1.0 + 0.1 * k, *sweep([(1.3 + 0.0375 * k, 2.0, 0.1)]), AHEAD)
        if k >= 10:
            [(x, y, vx, vy, _)] = tracker.walking(1.0 + 0.1 * k, 0.3, 3.0)
            assert math.hypot(vx, vy) == pytest.approx(0.75, abs=0.15)
            assert math.hypot(x - 2.0 * math.cos(1.3 + 0.0375 * k), y - 2.0 * math.sin(1.3 + 0.0375 * k)) < 0.3


def test_who_does_not_come_back_into_view_as_soon_as_thought_waits_at_its_edge() -> None:
    tracker = WalkerTracker()
    stamp = follow(tracker, 12, 0.0, 1.0)  # at (3.0, 1.1), on to the left; the next sweeps look to the left of it
    left = View(2.0, 4.0, math.pi / 2, 1.6)  # its edge crosses the way near y = 4
    places = []
    for k in range(1, 35):
        tracker.sweep(stamp + 0.1 * k, *sweep([]), left)
        places += [row[:2] for row in tracker.walking(stamp + 0.1 * k, 0.3, 3.0)]
    assert len(places) == 34 and places[20][1] == pytest.approx(1.1 + 2.1, abs=0.1)
    assert all(left.hides(x, y) for x, y in places)
    for k in range(35, 50):
        tracker.sweep(stamp + 0.1 * k, *sweep([]), left)
    assert tracker.tracks == []  # nor where it could not be any more


def test_where_nothing_out_of_sight_is_near_nobody_waits() -> None:
    assert AHEAD.hideout(2.0 * math.cos(1.8), 2.0 * math.sin(1.8), 0.6) == pytest.approx(
        (2.0 * math.cos(1.95), 2.0 * math.sin(1.95))
    )
    assert AHEAD.hideout(2.0 * math.cos(-1.8), 2.0 * math.sin(-1.8), 0.6) == pytest.approx(
        (2.0 * math.cos(1.95), -2.0 * math.sin(1.95))
    )
    assert AHEAD.hideout(2.0 * math.cos(1.8), 2.0 * math.sin(1.8), 0.25) is None
    assert ALL_ROUND.hideout(-2.0, 0.0, 9.0) is None


@pytest.mark.parametrize(("other", "kept"), [((2.0, 0.0), True), ((4.0, 0.0), False), ((2.0, 1.0), False)])
def test_who_is_hidden_by_another_is_not_forgotten(other: tuple[float, float], kept: bool) -> None:
    tracker = WalkerTracker()
    bearing, away = math.atan2(other[1], other[0]), math.hypot(*other)
    for k in range(10):  # comes from 4 m, straight on
        tracker.sweep(1.0 + 0.1 * k, *sweep([(0.0, 4.0 - 0.1 * k, 0.06)]), AHEAD)
    for k in range(10, 22):
        tracker.sweep(1.0 + 0.1 * k, *sweep([(bearing, away, 0.12)]), AHEAD)
    assert (len(tracker.walking(3.1, 0.3, 3.0)) == 1) is kept


@pytest.mark.parametrize("bearing", [math.pi, 3.0, 0.0])
def test_who_stands_at_the_seam_of_a_full_circle_is_one_group(bearing: float) -> None:
    rays = sweep([(bearing, 2.0, 0.05)], half=math.pi - STEP / 2)
    tracker = WalkerTracker()
    tracker.sweep(1.0, *rays, ALL_ROUND)
    assert [(t.x, t.y) for t in tracker.tracks] == [
        pytest.approx((2.0 * math.cos(bearing), 2.0 * math.sin(bearing)), abs=0.02)
    ]


def test_a_group_lasts_over_two_rays_that_fail_and_not_over_three() -> None:
    for failing, count in ((2, 1), (3, 2)):
        r, hit, x, y = sweep([(0.3, 2.0, 0.05)])
        rays = np.flatnonzero(hit)
        hit[rays[4 : 4 + failing]] = False
        assert len(foreground_groups(r, hit, x, y)) == count


def follow(
    tracker: WalkerTracker, count: int, bearing: float, speed: float, half: float = 2.0, start: int = 0
) -> float:
    """A body that walks away to the left at `speed` along y, seen ten times a second; returns the last stamp."""
    x0 = 3.0
    view = View(0.0, 0.0, 0.0, half)
    stamp = 0.0
    for k in range(start, start + count):
        stamp = 1.0 + 0.1 * k
        at = bearing + math.atan2(speed * 0.1 * k, x0)
        tracker.sweep(stamp, *sweep([(at, math.hypot(x0, speed * 0.1 * k), 0.06)], half), view)
    return stamp


def test_who_walks_is_believed_after_five_sweeps_with_place_speed_and_radius() -> None:
    tracker = WalkerTracker()
    stamp = follow(tracker, HITS_TO_BELIEVE - 1, 0.0, 1.0)
    assert len(tracker.walking(stamp, 0.3, 3.0)) == 0
    tracker = WalkerTracker()
    stamp = follow(tracker, 12, 0.0, 1.0)
    [(x, y, vx, vy, radius)] = tracker.walking(stamp, 0.3, 3.0)
    assert (x, y, vx, vy) == pytest.approx((3.0, 1.1, 0.0, 1.0), abs=0.12)
    assert radius == pytest.approx(0.06 * 3.2 + 0.10, abs=0.03)
    [later] = tracker.walking(stamp + 0.5, 0.3, 3.0)
    assert later[1] - y == pytest.approx(0.5 * vy) and later[0] - x == pytest.approx(0.5 * vx)
    assert later[4] - radius == pytest.approx(0.05)
    assert len(tracker.walking(stamp, 0.3, 0.5)) == 0 and len(tracker.walking(stamp, 1.5, 3.0)) == 0


def test_who_counted_counts_until_half_as_slow_as_the_slowest_and_then_as_any_other() -> None:
    tracker = WalkerTracker()
    track = Track(3.0, 0.0, 0.2, 1.0)
    track.hits, track.standing = HITS_TO_BELIEVE, False
    tracker.tracks = [track]

    def counts(vx: float, vy: float = 0.0) -> bool:
        track.vx, track.vy = vx, vy
        return len(tracker.walking(1.0, 0.4, 3.0)) == 1

    assert not track.counted and not counts(0.39)
    assert counts(0.4) and counts(0.2) and counts(0.0, -0.2) and not counts(0.199) and not counts(0.39)
    assert counts(0.24, 0.32) and counts(3.0) and not counts(3.1) and not counts(0.3)
    assert counts(1.0)
    track.standing = True
    assert not counts(1.0)
    track.standing = False
    assert not counts(0.3) and counts(0.4)


def test_who_stands_is_no_walker() -> None:
    tracker = WalkerTracker()
    stamp = follow(tracker, 20, 0.0, 0.0)
    assert len(tracker.tracks) == 1 and len(tracker.walking(stamp, 0.0, 3.0)) == 0


def test_on_a_full_circle_who_walks_across_the_seam_is_one_walker() -> None:
    tracker = WalkerTracker()
    stamp = follow(tracker, 14, math.pi - 0.2, 1.0, half=math.pi - STEP / 2)
    assert len(tracker.tracks) == 1
    [(x, y, vx, vy, _)] = tracker.walking(stamp, 0.3, 3.0)
    assert math.hypot(vx, vy) == pytest.approx(1.0, abs=0.12) and math.hypot(x, y) == pytest.approx(3.27, abs=0.12)


def test_who_is_not_seen_in_plain_view_is_forgotten_after_seven_sweeps() -> None:
    tracker = WalkerTracker()
    stamp = follow(tracker, 10, 0.0, 1.0)
    for k in range(1, MISSES_TO_FORGET + 2):
        assert len(tracker.tracks) == 1
        tracker.sweep(stamp + 0.1 * k, *sweep([]), AHEAD)
    assert tracker.tracks == []


def test_who_walks_out_of_sight_is_thought_to_walk_on_for_four_seconds() -> None:
    tracker = WalkerTracker()
    stamp = follow(tracker, 12, 0.0, 1.0)
    away = View(0.0, 0.0, math.pi, 2.0)
    for k in range(1, 39):
        tracker.sweep(stamp + 0.1 * k, *sweep([]), away)
    assert len(tracker.walking(stamp + 3.8, 0.3, 3.0)) == 1
    for k in range(39, 50):
        tracker.sweep(stamp + 0.1 * k, *sweep([]), away)
    assert tracker.tracks == []


@pytest.mark.parametrize(("pause", "kept"), [(1.0, True), (1.1, False), (0.0, False), (-1.0, False)])
def test_a_pause_or_a_step_back_in_time_begins_anew(pause: float, kept: bool) -> None:
    tracker = WalkerTracker()
    stamp = follow(tracker, 6, 0.0, 0.0)
    tracker.sweep(stamp + pause, *sweep([(0.0, 3.0, 0.06)]), AHEAD)
    assert (tracker.tracks[0].hits > 1) is kept


def test_the_filter_of_a_track_finds_a_constant_velocity_exactly() -> None:
    track = Track(0.0, 0.0, 0.2, 0.0)
    for k in range(1, 8):
        track.take(0.1 * k, -0.05 * k, 0.1, 0.1 * k)
    assert (track.x, track.y, track.vx, track.vy) == pytest.approx((0.7, -0.35, 1.0, -0.5), abs=0.03)
    assert track.hits == 8 and track.misses == 0 and track.stamp_s == pytest.approx(0.7)
    assert track.radius == pytest.approx(max(0.1, 0.2 * 0.9**7))


def test_what_lies_behind_a_nearer_return_was_not_looked_at() -> None:
    look = Look.of(1.0, np.array([[2.0, 0.0]]), AHEAD)
    x, y = np.array([1.0, 1.95, 2.05, 3.0, 1.0, -1.0]), np.array([0.0, 0.0, 0.0, 0.0, 0.5, 0.1])
    assert look.fresh(x, y).tolist() == [True, False, False, False, True, False]
    assert look.through(x, y).tolist() == [True, False, False, False, True, False]
    assert Look.of(1.0, np.empty((0, 2)), ALL_ROUND).fresh(x, y).all()


def test_what_is_near_a_place_is_a_matter_of_a_circle() -> None:
    look = Look.of(1.0, np.array([[2.0, 0.0], [2.0, 0.5], [-1.0, 0.0]]), AHEAD)
    assert look.around(2.0, 0.1, 0.2).tolist() == [[2.0, 0.0]]
    assert len(look.around(2.0, 0.2, 0.35)) == 2


@pytest.mark.parametrize(
    ("x", "y", "hidden"),
    [(1.0, 0.0, False), (0.44, 0.0, True), (0.46, 0.0, False), (-1.0, 0.0, True),
     (math.cos(1.85), math.sin(1.85), False), (math.cos(1.95), math.sin(1.95), True),
     (math.cos(1.85), -math.sin(1.85), False), (math.cos(1.95), -math.sin(1.95), True)],
)  # fmt: skip
def test_a_place_is_hidden_when_it_is_beyond_the_sweep_or_too_near(x: float, y: float, hidden: bool) -> None:
    assert AHEAD.hides(x, y) is hidden
    moved = View(5.0, -3.0, 1.0, 2.0)
    c, s = math.cos(1.0), math.sin(1.0)
    assert moved.hides(5.0 + c * x - s * y, -3.0 + s * x + c * y) is hidden
    assert ALL_ROUND.hides(x, y) is (math.hypot(x, y) < 0.45)


def someone(x: float, y: float, vx: float, vy: float, radius: float = 0.3) -> Walkers:
    return Walkers(*(np.array([value]) for value in (x, y, vx, vy, radius)))


def test_nobody_or_no_motion_leaves_the_whole_motion() -> None:
    near = someone(0.6, 0.0, -1.0, 0.0)
    assert meeting(HULL, NOBODY, 1.0, 0.0, BRAKING, 0.6, 0.2).factor == 1.0
    assert meeting(HULL, near, 0.0, 0.0, BRAKING, 0.6, 0.2).factor == 1.0
    assert meeting(HULL, near, 0.0, 1.0, BRAKING, 0.6, 0.2).factor == 0.0
    assert meeting(HULL, someone(30.0, 0.0, -1.0, 0.0), 1.0, 0.0, BRAKING, 0.6, 0.2).factor == 1.0


def test_an_approach_is_told_by_distance_speed_and_time() -> None:
    found = meeting(HULL, someone(1.5, 0.8, -1.2, -0.9), 1.0, 0.0, BRAKING, 0.6, 0.2)
    assert found.factor < 1.0 and found.distance_m == pytest.approx(1.7) and found.speed_mps == pytest.approx(1.5)
    assert 0.0 < found.contact_s < 1.5


@pytest.mark.parametrize("speed", [0.5, 1.0, 1.6])
def test_head_on_the_robot_has_stood_for_the_demanded_time(speed: float) -> None:
    """The largest distance at which the whole motion is refused is that of the worked-out meeting."""
    v, rest, spread, radius = 1.0, 0.6, 0.2, 0.3
    until = BRAKING.reaction_s + v / BRAKING.linear_mps2 + rest
    way = v * BRAKING.reaction_s + v * v / (2.0 * BRAKING.linear_mps2)
    needed = 0.30 + radius + way + (speed + spread) * until
    for distance, free in ((needed + 0.02, True), (needed - 0.02, False)):
        found = meeting(HULL, someone(distance, 0.0, -speed, 0.0, radius), v, 0.0, BRAKING, rest, spread)
        assert (found.factor == 1.0) is free
    mirrored = meeting(HULL, someone(-(needed - 0.02), 0.0, speed, 0.0, radius), -v, 0.0, BRAKING, rest, spread)
    assert mirrored.factor < 1.0


def test_a_slower_motion_is_allowed_where_it_is_enough_and_none_where_it_is_not() -> None:
    factors = [
        meeting(HULL, someone(d, 0.0, -0.5, 0.0), 1.0, 0.0, BRAKING, 0.6, 0.2).factor for d in (2.1, 1.9, 1.6, 1.4, 1.1)
    ]
    assert factors == sorted(factors, reverse=True) and len(set(factors)) >= 4 and factors[-1] == 0.0


def test_of_several_the_nearest_in_time_is_named() -> None:
    both = Walkers(*(np.array(v) for v in ([3.0, 1.0], [0.0, 0.0], [-0.5, -1.0], [0.0, 0.0], [0.3, 0.3])))
    found = meeting(HULL, both, 1.0, 0.0, BRAKING, 0.6, 0.2)
    assert found.distance_m == pytest.approx(1.0)


def test_turning_on_the_spot_counts_the_corner_that_comes_round() -> None:
    beside = someone(0.0, 0.49, 0.0, 0.0, 0.15)
    assert meeting(HULL, beside, 0.0, 1.5, BRAKING, 0.6, 0.0).factor < 1.0
    assert meeting(HULL, beside, 0.5, 0.0, BRAKING, 0.6, 0.0).factor == 1.0


def test_two_who_stand_close_together_stay_two() -> None:
    tracker = WalkerTracker()
    for k in range(8):
        tracker.sweep(1.0 + 0.1 * k, *sweep([(0.0, 3.0, 0.03), (0.16, 3.0, 0.03)]), AHEAD)
    assert [track.hits for track in tracker.tracks] == [8, 8]
    assert math.hypot(*(a - b for a, b in zip(*((t.x, t.y) for t in tracker.tracks), strict=True))) > 0.4
