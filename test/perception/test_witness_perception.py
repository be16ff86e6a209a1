"""A thing has moved when it left or took open space; a track that hops between standing posts has not."""

from __future__ import annotations

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_perception.objects.sweep import Sweep
from physical_ai_perception.objects.witness import Witness, open_at

RAYS, INCREMENT = 720, 2.0 * np.pi / 720
NONE = np.zeros((0, 2))


def sweep_of(discs: list[tuple[float, float, float]], stamp_s: float) -> Sweep:
    """What a sensor at the origin sees of discs (x, y, radius)."""
    bearing = -np.pi + INCREMENT * np.arange(RAYS)
    ranges: Array = np.full(RAYS, np.inf)
    for x, y, radius in discs:
        along = x * np.cos(bearing) + y * np.sin(bearing)
        half2 = radius**2 - (x * np.sin(bearing) - y * np.cos(bearing)) ** 2
        hit = (along > 0.0) & (half2 >= 0.0)
        ranges[hit] = np.minimum(ranges[hit], along[hit] - np.sqrt(half2[hit]))
    return Sweep(stamp_s, ranges, 25.0, NONE, np.zeros(0, dtype=np.intp), np.zeros(2), -np.pi, INCREMENT)


def told(then: list[tuple[float, float, float]], now: list[tuple[float, float, float]]) -> bool:
    """Whether the first disc counts as the same thing moved, half a second apart."""
    witness = Witness()
    witness.remember(sweep_of(then, 1.0), np.array([7], dtype=np.uint32), np.array([then[0][:2]]))
    return witness.moved(sweep_of(now, 1.5), 7, np.array(now[0][:2]), now[0][2])


def test_who_walks_across_towards_or_away_has_moved() -> None:
    assert told([(3.0, 0.0, 0.25)], [(3.0, 0.5, 0.25)])
    assert told([(3.0, 0.0, 0.25)], [(2.5, 0.0, 0.25)])
    assert told([(3.0, 0.0, 0.25)], [(3.5, 0.0, 0.25)])


def test_a_track_handed_on_from_post_to_post_has_not_moved() -> None:
    posts = [(3.0, 0.8, 0.1), (3.0, 0.0, 0.1)]
    assert not told(posts[::-1], posts)


def test_a_post_that_comes_out_from_behind_another_has_not_moved() -> None:
    screen = (2.0, 0.0, 0.6)
    assert not told([(3.2, 0.1, 0.1), screen], [(3.2, 0.7, 0.1), screen])


def explained(then: list[tuple[float, float, float]], now: list[tuple[float, float, float]]) -> bool:
    """Whether standing things explain the first disc, half a second apart."""
    witness = Witness()
    witness.remember(sweep_of(then, 1.0), np.array([7], dtype=np.uint32), np.array([then[0][:2]]))
    return witness.explained(sweep_of(now, 1.5), 7, np.array(now[0][:2]), now[0][2])


def test_standing_things_explain_what_hops_between_them_or_comes_into_view_but_not_who_walks() -> None:
    posts, screen = [(3.0, 0.8, 0.1), (3.0, 0.0, 0.1)], (2.0, 0.0, 0.6)
    assert explained(posts[::-1], posts)
    assert explained([(3.2, 0.1, 0.1), screen], [(3.2, 0.7, 0.1), screen])
    assert not explained([(3.0, 0.0, 0.25)], [(3.0, 0.5, 0.25)])
    assert not explained([(3.0, 0.0, 0.25)], [(2.5, 0.0, 0.25)])
    assert not explained([(3.0, 0.0, 0.25)], [(3.5, 0.0, 0.25)])
    assert not Witness().explained(sweep_of([(3.0, 0.0, 0.25)], 1.0), 7, np.array([3.0, 0.0]), 0.25)


def test_without_a_past_nobody_has_moved_and_the_sensors_own_place_is_not_open() -> None:
    assert not Witness().moved(sweep_of([], 1.0), 1, np.array([3.0, 0.0]), 0.2)
    assert not open_at(sweep_of([], 1.0), np.array([0.1, 0.0]), 0.2)
