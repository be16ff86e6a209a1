"""What one sweep looked at, and what is followed from one to the next: each bound at both of its sides."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_safety.groups import Group
from physical_ai_safety.looks import FULL_HALF_RAD, Look, View
from physical_ai_safety.walkers import Track, WalkerTracker

AHEAD = View(0.0, 0.0, 0.0, 2.0)
BACK = View(5.0, -3.0, 3.0, 1.0)  # looks over the seam of the angles


def from_back(bearing: float, away: float) -> tuple[float, float]:
    return 5.0 + away * math.cos(bearing), -3.0 + away * math.sin(bearing)


def look(*points: tuple[float, float], view: View = AHEAD) -> Look:
    return Look.of(1.0, np.array(points, dtype=float).reshape(-1, 2), view)


# --- views ---


@pytest.mark.parametrize(
    ("bearing", "hidden"),
    [(3.0, False), (-3.0, False), (3.85, False), (3.95, True), (2.15, False), (2.05, True), (0.0, True)],
)
def test_a_view_ends_a_tenth_of_a_radian_before_its_edge_on_either_side(bearing: float, hidden: bool) -> None:
    assert BACK.hides(*from_back(bearing, 2.0)) is hidden
    assert BACK.outside(np.array([bearing, bearing + 2.0 * math.pi])).tolist() == [hidden, hidden]


@pytest.mark.parametrize(("side", "edge"), [(1.0, 3.95), (-1.0, 2.05)])
def test_the_nearest_hideout_lies_round_the_sensor_within_the_edge(side: float, edge: float) -> None:
    """0.05 rad within the sweep's end; the way there is an arc."""
    seen = edge - side * 0.2
    assert BACK.hideout(*from_back(seen, 2.0), 0.41) == pytest.approx(from_back(edge, 2.0))
    assert BACK.hideout(*from_back(seen, 2.0), 0.39) is None
    assert BACK.hideout(*from_back(edge - side * 0.2 - 2.0 * math.pi, 2.0), 0.41) == pytest.approx(from_back(edge, 2.0))


def test_a_full_circle_has_no_edge_and_no_hideout() -> None:
    full, almost = View(0.0, 0.0, 0.0, FULL_HALF_RAD), View(0.0, 0.0, 0.0, math.radians(174.9))
    assert full.half_rad == math.radians(175.0)
    assert not full.hides(-2.0, 0.0) and almost.hides(-2.0, 0.0)
    assert full.hideout(-2.0, 0.0, 9.0) is None and almost.hideout(-2.0, 0.0, 9.0) is not None


def test_who_is_nearer_than_a_body_is_wide_is_hidden_and_at_that_distance_not() -> None:
    assert not AHEAD.hides(0.45, 0.0) and AHEAD.hides(0.4499, 0.0)


# --- looks ---


@pytest.mark.parametrize("bearing", [0.001, 1.0, 3.14, -3.14, -1.0, -0.001])
def test_what_stands_in_the_way_of_looking_does_so_in_its_half_degree_and_those_beside(bearing: float) -> None:
    nearest = look(
        (2.0 * math.cos(bearing), 2.0 * math.sin(bearing)), (9.0 * math.cos(bearing), 9.0 * math.sin(bearing))
    )
    middle = math.floor(math.degrees(bearing) * 2.0) % 720
    assert len(nearest.nearest_m) == 720
    assert np.flatnonzero(np.isfinite(nearest.nearest_m)).tolist() == sorted((middle + k) % 720 for k in (-1, 0, 1))
    assert nearest.nearest_m[middle] == pytest.approx(2.0)


def test_what_was_met_within_a_hand_is_not_new_and_beside_it_is() -> None:
    """0.08 m, on things no farther than a metre from the middle of the returns."""
    x, y = np.array([2.0, 2.0, 2.0]), np.array([0.0, 0.0799, 0.0801])
    assert look((2.0, 0.0)).fresh(x, y).tolist() == [False, False, True]
    from_behind = look((0.0, 0.0), view=View(-2.0, 0.0, 0.0, 2.0))
    assert from_behind.fresh(np.array([0.0]), np.array([0.08])).tolist() == [True]
    aside, along = np.array([2.0, 2.0]), np.array([2.0, 4.4])
    for reach, new in ((1.2, True), (1.0, True), (0.99, False)):
        assert look((2.0, reach)).fresh(aside, np.array([-reach, reach])).tolist() == [True, new]
    assert look((2.0, 0.0)).fresh(along, np.zeros(2)).tolist() == [True, False]  # behind it nothing was looked at


def test_just_before_a_return_and_beside_it_was_looked_through() -> None:
    """Half a degree is a hand's breadth at ten metres: beside a return, no farther away, was looked."""
    far = look((10.0, 0.0))
    beside = np.array([9.95, 10.05, 10.1]), np.array([0.12, 0.12, 0.12])
    assert far.fresh(*beside).tolist() == [True, True, False]
    assert far.through(np.array([9.9, 9.95, 9.9]), np.array([0.0, 0.0, 0.12])).tolist() == [True, False, True]
    assert not look((10.0, 0.0), view=View(0.0, 0.0, 3.0, 1.0)).through(np.array([5.0]), np.array([0.0])).any()


def test_around_a_place_is_nearer_than_the_radius() -> None:
    assert len(look((2.5, 0.0), (2.0, 0.4999)).around(2.0, 0.0, 0.5)) == 1


# --- what is followed ---


def test_a_track_begins_at_rest_in_plain_view_and_met_once() -> None:
    track = Track(1.0, 2.0, 0.3, 4.0)
    assert (track.x, track.y, track.vx, track.vy, track.radius, track.stamp_s) == (1.0, 2.0, 0.0, 0.0, 0.3, 4.0)
    assert (track.hits, track.misses, track.standing, track.hidden, track.waits) == (1, 0, True, False, None)
    assert not track.walks()


def walker(x: float = 3.0, y: float = 0.0, vx: float = 0.0, vy: float = 1.0, stamp_s: float = 1.0) -> Track:
    track = Track(x, y, 0.2, stamp_s)
    track.vx, track.vy, track.hits, track.standing = vx, vy, 5, False
    return track


def test_five_hits_are_believed_and_four_are_not() -> None:
    track = walker()
    assert track.walks()
    track.hits = 4
    assert not track.walks()


@pytest.mark.parametrize(
    ("hits", "alpha", "beta"),
    [
        (1, 1.0, 1.0), (2, 5.0 / 6.0, 0.5), (3, 0.7, 0.3), (4, 0.6, 0.2), (5, 11.0 / 21.0, 1.0 / 7.0),
        (6, 13.0 / 28.0, 6.0 / 56.0), (7, 5.0 / 12.0, 0.1), (8, 0.4, 0.1), (50, 0.4, 0.1),
    ],
)  # fmt: skip
def test_the_filter_trusts_a_new_place_the_less_the_longer_it_followed(hits: int, alpha: float, beta: float) -> None:
    """The least squares of a growing past, then of a fixed one; expected is (2, 3) after half a second."""
    track = walker(1.0, 2.0, 2.0, 2.0)
    track.hits, track.hidden, track.waits, track.misses = hits, True, (2.0, 3.0), 3
    track.take(2.4, 2.8, 0.1, 1.5)
    assert (track.x, track.y) == pytest.approx((2.0 + alpha * 0.4, 3.0 - alpha * 0.2))
    assert (track.vx, track.vy) == pytest.approx((2.0 + beta * 0.8, 2.0 - beta * 0.4))
    assert track.radius == pytest.approx(0.18) and track.stamp_s == 1.5
    assert (track.hits, track.misses, track.hidden) == (hits + 1, 0, False) and not track.waits


@pytest.mark.parametrize(
    ("x", "y", "shades"),
    [
        (3.0, 2.49, True), (3.0, 1.51, True), (3.0, 2.5, False), (3.0, 1.5, False),  # aside, by both radii
        (1.01, 2.0, True), (1.0, 2.4, False), (0.5, 2.0, False), (4.99, 2.0, True), (5.0, 2.0, False),
        (6.0, 2.0, False),
    ],
)  # fmt: skip
def test_who_stands_between_hides(x: float, y: float, shades: bool) -> None:
    """Seen from (1, 2), of a thing of 0.3 m at (5, 2); it is 0.2 m itself."""
    view = View(1.0, 2.0, 0.0, 2.0)
    other = Track(x, y, 0.2, 1.0)
    assert other.shades(5.0, 2.0, 0.3, view) is shades
    turned = Track(1.0 + 0.6 * (x - 1.0) - 0.8 * (y - 2.0), 2.0 + 0.8 * (x - 1.0) + 0.6 * (y - 2.0), 0.2, 1.0)
    if y not in (1.5, 2.5, 2.4) and x != 5.0:  # the same, turned; there rounding would decide
        assert turned.shades(1.0 + 2.4, 2.0 + 3.2, 0.3, view) is shades


def test_who_walked_out_of_sight_is_believed_to_be_there_for_less_than_four_seconds() -> None:
    for late_s, misses in ((3.999, 0), (4.0, 1)):
        track = walker(-3.0, 0.0, -0.1, 0.0)
        track.missed(1.0 + late_s, AHEAD, [])
        assert track.misses == misses and track.hidden is (misses == 0)


def test_the_past_is_kept_for_a_second_and_one_look_more() -> None:
    tracker = WalkerTracker()
    nothing = np.empty(0), np.empty(0, dtype=bool), np.empty(0), np.empty(0)
    for k in range(9):
        tracker.sweep(1.0 + 0.25 * k, *nothing, AHEAD)
    assert [past.stamp_s for past in tracker._past] == [2.0, 2.25, 2.5, 2.75, 3.0]
    tracker.sweep(2.5, *nothing, AHEAD)
    assert [past.stamp_s for past in tracker._past] == [2.5]


def seen(
    *bearings: float, half: float = 2.0, away: float = 3.0
) -> tuple[Array, NDArray[np.bool_], Array, Array]:  # fmt: skip
    """Rays, hits, x, y of a sweep with a thing of nine rays at each of the bearings."""
    angles = np.arange(-half, half + 0.005, 0.01)
    near = np.zeros(len(angles), dtype=bool)
    for bearing in bearings:
        near |= np.abs((angles - bearing + math.pi) % (2.0 * math.pi) - math.pi) < 0.045
    r = np.where(near, away, 5.0)
    return r, np.ones(len(r), dtype=bool), r * np.cos(angles), r * np.sin(angles)


def test_a_sweep_that_meets_a_thing_leaves_no_miss_and_seven_without_end_it() -> None:
    tracker = WalkerTracker()
    for k in range(3):
        tracker.sweep(1.0 + 0.1 * k, *seen(0.5), AHEAD)
        assert [(track.hits, track.misses) for track in tracker.tracks] == [(1 + k, 0)]
    for k in range(6):
        tracker.sweep(2.0 + 0.1 * k, *seen(), AHEAD)
        assert [track.misses for track in tracker.tracks] == [1 + k]
    tracker.sweep(2.7, *seen(), AHEAD)
    assert tracker.tracks == []


@pytest.mark.parametrize("bearing", [*np.arange(-2.9, 3.0, 0.2).tolist(), 3.02, -3.02, -0.98])
def test_on_a_full_circle_a_thing_is_whole_in_every_direction(bearing: float) -> None:
    """Where the farthest ray is, at 1 rad, the sweep begins."""
    r, hit, x, y = seen(bearing, half=FULL_HALF_RAD)
    r[round((1.0 + FULL_HALF_RAD) / 0.01)] = 9.5
    tracker = WalkerTracker()
    tracker.sweep(1.0, r, hit, x, y, View(0.0, 0.0, 0.0, FULL_HALF_RAD))
    assert len(tracker.tracks) == 1


def test_no_more_than_so_many_are_followed() -> None:
    tracker = WalkerTracker()
    angles = np.arange(0.0, 0.02 * 200, 0.02)
    hit = np.arange(200) % 4 != 0  # three returns, and a ray that sees nothing
    tracker.sweep(1.0, np.full(200, 8.0), hit, 8.0 * np.cos(angles), 8.0 * np.sin(angles), View(0.0, 0.0, 2.0, 2.0))
    assert len(tracker.tracks) == 48


@pytest.mark.parametrize(("speed", "told"), [(0.2999, 0), (0.3, 1), (3.0, 1), (3.0001, 0)])
def test_who_walks_neither_slower_nor_faster_than_people_do_is_told(speed: float, told: int) -> None:
    tracker = WalkerTracker()
    tracker.tracks = [walker(vx=speed, vy=0.0)]
    assert tracker.walking(1.5, 0.3, 3.0) == pytest.approx(
        np.array([[3.0 + 0.5 * speed, 0.0, speed, 0.0, 0.2 + 0.10 + 0.05]] * told).reshape(-1, 5)
    )


def test_what_the_edge_cuts_leads_a_track_on_keeps_its_radius_and_tells_nothing_of_whether_it_walks() -> None:
    """At the left edge of the sweep half of a thing is in view."""
    cut = seen(2.0)
    for walking in (True, False):
        tracker = WalkerTracker()
        track = walker(3.0 * math.cos(1.98), 3.0 * math.sin(1.98), 0.0, 0.0, 0.9)
        track.standing = not walking
        tracker.tracks, tracker._stamp_s = [track], 0.9
        tracker.sweep(1.0, *cut, AHEAD)
        assert tracker.tracks == [track]
        assert (track.hits, track.radius) == (6, 0.2)
        assert track.standing is not walking
    whole = walker(3.0, 0.0, 0.0, 0.0, 0.9)
    tracker.tracks, tracker._stamp_s = [whole], 0.9
    tracker.sweep(1.0, *seen(0.0), AHEAD)
    assert whole.hits == 6 and whole.radius == pytest.approx(0.18)


def test_at_the_fifth_sweep_who_walked_is_believed() -> None:
    tracker = WalkerTracker()
    for k in range(5):
        assert tracker.walking(1.0 + 0.1 * (k - 1), 0.3, 3.0).tolist() == []
        tracker.sweep(1.0 + 0.1 * k, *seen(0.05 * k), AHEAD)
    assert len(tracker.walking(1.4, 0.3, 3.0)) == 1


# --- whether it stood there all the time ---

GROUP = [(3.5, 2.0 + 0.2 * k) for k in range(5)]  # so far apart that each is met or not by itself
WAS = [(3.0, 0.6 + 0.2 * k) for k in range(5)]  # where it was a second ago


def stood(
    past: dict[float, list[tuple[float, float]]], group: list[tuple[float, float]] | None = None,
    radius: float = 0.0, stamp_s: float = 2.0,
) -> bool:  # fmt: skip
    """Whether a thing that is met as `group` stood there, by what was met before and now."""
    tracker = WalkerTracker()
    tracker._stamp_s = stamp_s
    tracker._past.extend(Look.of(t, np.array(points).reshape(-1, 2), AHEAD) for t, points in past.items())
    track = walker(3.5, 2.4, 0.5, 1.4, stamp_s)
    track.radius = radius
    x, y = np.array(group or GROUP).T
    return tracker._stood_here(track, Group(3.5, 2.4, 0.4, np.arange(len(x))), x, y)


@pytest.mark.parametrize(
    ("new", "moved"), [((1, 3), True), ((1,), False), ((), False), ((0, 2), True), ((0, 1, 2, 3, 4), True)]
)
def test_of_a_thing_that_stood_there_less_than_two_fifths_are_new(new: tuple[int, ...], moved: bool) -> None:
    met = [place for k, place in enumerate(GROUP) if k not in new]
    assert stood({1.0: met, 2.0: GROUP}) is not moved


def test_of_many_returns_a_dozen_and_some_are_looked_at() -> None:
    many = [(3.5, 0.085 * k - 0.9775) for k in range(24)]
    for new, moved in ((5, True), (4, False)):
        met = [place for k, place in enumerate(many) if k % 2 or k >= 2 * new]
        assert stood({1.0: met, 2.0: many}, many) is not moved


@pytest.mark.parametrize("empty", [0.5, 1.0, 1.3, 1.6, 1.7, 1.8, 1.9])
def test_it_is_asked_of_a_second_ago_and_of_four_and_two_tenths(empty: float) -> None:
    """At the latest: of the looks that are so old the newest."""
    past = {t: [] if t == empty else GROUP for t in (0.5, 1.0, 1.3, 1.6, 1.7, 1.8, 1.9, 2.0)}
    assert stood(past) is (empty not in (1.0, 1.6, 1.8))


@pytest.mark.parametrize(("empty", "moved"), [(1.85, True), (1.95, False)])
def test_of_a_short_past_the_oldest_is_asked(empty: float, moved: bool) -> None:
    assert stood({t: [] if t == empty else GROUP for t in (1.85, 1.95, 2.0)}) is not moved


@pytest.mark.parametrize(
    ("were", "hidden", "moved"),
    [(WAS, 2, True), (WAS, 3, False), (WAS[:3], 0, True), (WAS[:2], 0, False), (WAS, 0, True), (WAS, 5, False)],
)
def test_it_has_moved_where_most_of_where_it_was_is_looked_through_now(
    were: list[tuple[float, float]], hidden: int, moved: bool
) -> None:
    """Three returns at least, three fifths of them; something nearer hides the others now."""
    nearer = [(0.5 * x, 0.5 * y) for x, y in were[:hidden]]
    before = {1.0: [*GROUP, *were], 1.6: GROUP, 1.8: [*GROUP, *[(0.5 * x, 0.5 * y) for x, y in were]]}
    assert stood({**before, 2.0: [*GROUP, *nearer]}, radius=0.45) is not moved
    assert stood({1.0: GROUP, 1.6: GROUP, 1.8: GROUP, 2.0: GROUP}, radius=0.45)
