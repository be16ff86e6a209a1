"""Who walks so close to others, or to a thing, that they look like one: followed, and no longer than they walk."""

from __future__ import annotations

import math

import numpy as np
import pytest
from test_walkers_safety import AHEAD, sweep

from physical_ai_safety.groups import Group, foreground_groups
from physical_ai_safety.looks import View
from physical_ai_safety.walkers import AMONG_M, BEFORE_M, HITS_TO_BELIEVE, Track, WalkerTracker, among_others

PERIOD_S = 0.05


def seen(tracker: WalkerTracker, k: int, things: list[tuple[float, float, float]]) -> list[list[float]]:
    tracker.sweep(1.0 + PERIOD_S * k, *sweep(things), AHEAD)
    return tracker.walking(1.0 + PERIOD_S * k, 0.3, 3.0).tolist()


def test_who_walks_beside_another_and_is_no_group_any_more_is_followed_on() -> None:
    tracker = WalkerTracker()
    for k in range(46):  # the last second of it so close
        bearing = -0.8 + 0.02 * k  # 0.8 m/s across, 2 m away
        things = [(bearing, 2.0, 0.1)]
        if k >= 25:
            things.append((bearing + 0.25, 2.05, 0.2))  # beside it somebody else: 1.1 m across, and no group
            assert foreground_groups(*sweep(things)) == []
        walking = seen(tracker, k, things)
        if k >= 12:
            x, y = 2.0 * math.cos(bearing), 2.0 * math.sin(bearing)
            nearest = min(walking, key=lambda row: math.hypot(row[0] - x, row[1] - y))
            assert math.hypot(nearest[0] - x, nearest[1] - y) < 0.25
            assert math.hypot(*nearest[2:4]) == pytest.approx(0.8, abs=0.25)


def test_who_walks_up_to_a_shelf_and_is_gone_behind_it_is_not_seen_in_the_shelf() -> None:
    tracker = WalkerTracker()
    shelf = (1.2, 2.0, 0.3)  # 1.2 m across
    for k in range(60):
        bearing = 0.2 + 0.02 * k
        things = [shelf] if bearing > 0.8 else [shelf, (bearing, 2.0, 0.1)]
        walking = seen(tracker, k, things)
        if k == 29:
            assert len(walking) == 1
    assert walking == []


def believed(x: float = 1.0, y: float = 0.5, radius: float = 0.2) -> Track:
    track = Track(x, y, radius, 1.0)
    track.hits, track.standing, track.vx = HITS_TO_BELIEVE, False, 0.5
    return track


def found_among(track: Track, x: np.ndarray, y: np.ndarray, view: View = AHEAD) -> Group | None:
    """Where every ray meets something and nobody else has taken any."""
    every = np.ones(len(x), dtype=np.bool_)
    return among_others(track, 1.1, every, every, x, y, view)


RAYS = np.array([[1.05, 0.5], [1.25, 0.4], [1.05, 0.75], [1.4, 0.5], [0.7, 0.5]])  # the last two 0.35 m away


@pytest.mark.parametrize(("left", "found"), [
    ([0, 1, 2, 3, 4], [0, 1, 2]), ([0, 1, 2], [0, 1, 2]), ([0, 1], None), ([1, 2, 3, 4], None), ([], None),
])  # fmt: skip
def test_three_returns_where_it_is_expected_are_enough(left: list[int], found: list[int] | None) -> None:
    mask = np.zeros(5, dtype=np.bool_)
    mask[left] = True
    group = among_others(believed(), 1.1, mask, mask, RAYS[:, 0], RAYS[:, 1], AHEAD)
    if found is None:
        assert group is None
    else:
        assert group is not None and group.rays.tolist() == found and group.free is None
        mean = RAYS[found].mean(axis=0)
        assert (group.x, group.y) == pytest.approx(tuple(mean))
        assert group.radius == pytest.approx(min(0.2, float(np.hypot(*(RAYS[found] - mean).T).max())))


def test_it_grows_no_wider_by_what_is_beside_it_and_is_looked_for_within_a_hand_of_its_radius() -> None:
    ring = 0.2 + AMONG_M - 1e-6
    x, y = 1.05 + ring * np.array([1.0, -1.0, 0.0]), 0.5 + ring * np.array([0.0, 0.0, 1.0])
    group = found_among(believed(), x, y)
    assert group is not None and group.radius == 0.2
    assert found_among(believed(), x + np.array([2e-6, 0.0, 0.0]), y) is None


def test_it_is_as_narrow_as_what_is_left_of_it_wherever_that_is() -> None:
    for ex, ey in ((3.0, 2.0), (-3.0, -2.0)):
        x, y = ex + 0.05 + np.array([0.04, -0.04, 0.0]), ey + np.array([0.0, 0.0, 0.03])
        group = found_among(believed(ex, ey), x, y)
        assert group is not None and group.radius == pytest.approx(math.hypot(0.04, 0.01))


@pytest.mark.parametrize("change", [{"standing": True}, {"hits": HITS_TO_BELIEVE - 1}])
def test_who_is_not_believed_to_walk_is_not_looked_for(change: dict[str, float]) -> None:
    track = believed()
    for name, value in change.items():
        setattr(track, name, value)
    assert found_among(track, RAYS[:, 0], RAYS[:, 1]) is None


def test_the_returns_of_one_who_is_followed_are_not_another_too() -> None:
    tracker = WalkerTracker()
    for k in range(12):
        seen(tracker, k, [(0.02 * k, 2.0, 0.1)])
    (own,) = tracker.tracks
    x, y = own.expected(1.6)
    gone = believed(x + 0.02, y + 0.25, 0.3)
    gone.vx, gone.stamp_s = 0.4, 1.55
    tracker.tracks.append(gone)
    seen(tracker, 12, [(0.24, 2.0, 0.1)])
    assert own.stamp_s == 1.6 and gone.stamp_s == 1.55


# --- half hidden ---

OWN = 1.0 + 0.001 * np.arange(5)  # rays of who is followed: the farther along the sweep, the farther away


def half_hidden(before: list[float], after: list[float], view: View = AHEAD) -> Group | None:
    """Rays along x at 1 m to 1.004 m, with others before and after them in the sweep, of which NaN met nothing."""
    away = np.array([*before, *OWN, *after])
    hit, mine = np.isfinite(away), np.zeros(len(away), dtype=np.bool_)
    mine[len(before) : len(before) + 5] = True
    x = view.x + np.where(hit, away, 0.0)
    return among_others(believed(view.x + 0.95, view.y, 0.2), 1.1, mine, hit, x, np.full(len(away), view.y), view)


NEARER = 1.0 - BEFORE_M - 1e-9
NO = math.nan


@pytest.mark.parametrize(
    ("before", "after", "free"),
    [
        ([NEARER], [], 1.004), ([NEARER], [2.0], 1.004), ([NEARER, NO, NO], [], 1.004), ([], [0.9], 1.0),
        ([3.0], [0.904 - 1e-9], 1.0), ([], [NO, NO, 0.5], 1.0), ([0.5], [0.5], None), ([], [], None),
        ([2.0], [2.0], None),
        ([1.0 - BEFORE_M + 1e-9], [], None), ([], [0.904 + 1e-9], None), ([0.5, NO, NO, NO], [], None),
        ([], [NO, NO, NO, 0.5], None), ([0.5, 2.0], [], None), ([], [2.0, 0.5], None), ([0.5] * 5 + [2.0], [], None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", [(0.0, 0.0), (2.0, -3.0), (-2.0, 3.0)])
def test_the_side_is_free_that_nothing_nearer_within_three_rays_hides(
    before: list[float], after: list[float], free: float | None, place: tuple[float, float]
) -> None:
    group = half_hidden(before, after, View(*place, 0.0, 2.0))
    assert group is not None and group.rays.tolist() == [len(before) + k for k in range(5)]
    ends = None if free is None else pytest.approx((place[0] + free, place[1]), abs=1e-12)
    assert group.free == ends


def test_how_far_away_a_return_is_counts_from_the_sensor_and_in_all_directions() -> None:
    """Along y as well as along x, on either side of a sensor that is not at the origin."""
    for turn in np.arange(-3.0, 3.1, 0.5):
        u, view = np.array([math.cos(turn), math.sin(turn)]), View(0.4, -0.7, 0.0, 2.0)
        away = np.array([0.85, *OWN])
        x, y = view.x + away * u[0], view.y + away * u[1]
        track, mine = believed(x[3], y[3], 0.2), np.array([False, *[True] * 5])
        track.vx = 0.01
        group = among_others(track, 1.1, mine, np.ones(6, dtype=np.bool_), x, y, view)
        assert group is not None and group.free == pytest.approx((x[5], y[5]))


def walks_past(bearing: float, away: float, radius: float) -> list[tuple[float, float, float]]:
    """As a row of rays of a round body (bearing, range, no width)."""
    half = math.asin(radius / away)
    turns = np.arange(-half, half, 0.01)
    return [
        (bearing + t, away * math.cos(t) - math.sqrt(max(radius**2 - (away * math.sin(t)) ** 2, 0.0)), 0.005)
        for t in turns.tolist()
    ]


def test_who_is_passed_before_by_another_keeps_speed_and_place_while_hidden() -> None:
    """0.8 m/s straight towards the sensor from 4 m; another crosses before him, hides him by and by, and goes on."""
    tracker, away = WalkerTracker(), 0.0
    for k in range(57):
        away = 4.0 - 0.8 * PERIOD_S * k
        crossing = -0.9 + 0.02 * k  # 0.5 m/s across, 1.3 m away
        walking = seen(tracker, k, [*walks_past(0.0, away, 0.25), *walks_past(crossing, 1.3, 0.2)])
        if k >= 15:
            nearest = min(walking, key=lambda row: math.hypot(row[0] - away, row[1]))
            assert math.hypot(nearest[0] - away, nearest[1]) < 0.3
            assert nearest[2] == pytest.approx(-0.8, abs=0.36) and nearest[3] == pytest.approx(0.0, abs=0.36)


def test_who_is_looked_for_half_hidden_and_stood_there_all_the_time_walks_no_more() -> None:
    """A counter 1.6 m across, of which a post before it hides one end: nobody who walked up to it is seen in it."""
    things = [(-0.1, 1.5, 0.1), (0.3, 2.0, 0.5)]
    tracker = WalkerTracker()
    for k in range(12):
        assert seen(tracker, k, things) == []
    track = believed(2.0 * math.cos(0.1), 2.0 * math.sin(0.1), 0.2)
    track.vx, track.vy, track.stamp_s = -0.3, 0.3, 1.0 + PERIOD_S * 11
    tracker.tracks.append(track)
    walking = seen(tracker, 12, things)
    assert track.stamp_s == 1.0 + PERIOD_S * 12, "its returns were found"
    assert walking == [] and track.standing
