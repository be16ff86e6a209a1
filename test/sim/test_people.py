"""The recorded people walk as they were recorded, clear of what stands in the yard, and never out of nothing."""

from __future__ import annotations

import numpy as np
import pytest
from shapely import Point, Polygon, union_all

from physical_ai_core.site import load_site
from physical_ai_sim import physics as p
from physical_ai_sim.people import PLACEMENT, STEP_S, lively_moments, load_people, read_points, read_recording

FAR = np.array([-100.0, -100.0])


@pytest.mark.parametrize("scene", sorted(PLACEMENT))
def test_a_person_is_where_the_recording_says_when_it_says(scene: str) -> None:
    person, step, xy = read_points(scene)
    people = load_people(scene, 0, start_s=0.0)
    seen = 0
    for k in range(0, 300, 7):
        crowd = people.at(k * STEP_S + 1e-9, FAR)
        for number, position in zip(crowd.ids, crowd.position_m, strict=True):
            recorded = xy[(person == number) & (step == k)]
            assert np.allclose(position, recorded, atol=1e-3)
            seen += 1
    assert seen > 100


@pytest.mark.parametrize("scene", sorted(PLACEMENT))
def test_the_velocity_told_is_the_velocity_walked(scene: str) -> None:
    people, h = load_people(scene, 3), 0.01
    for time_s in np.arange(0.0, 60.0, 0.73):
        now, soon = people.at(float(time_s), FAR), people.at(float(time_s) + h, FAR)
        both, i, j = np.intersect1d(now.ids, soon.ids, return_indices=True)
        moved = (soon.position_m[j] - now.position_m[i]) / h
        assert np.allclose(moved, now.velocity_mps[i], atol=0.15), both
        assert np.hypot(*now.velocity_mps.T).max(initial=0.0) < 3.5  # someone runs for the tram at Hotel


@pytest.mark.parametrize("scene", sorted(PLACEMENT))
def test_no_recorded_way_crosses_a_structure_of_the_yard(scene: str) -> None:
    solids = union_all([Polygon(s.outline()) for s in load_site("yard").structures.values()])
    recording = read_recording(scene)
    for since_s in (0.0, 0.5 * STEP_S):
        powers = since_s ** np.array([3, 2, 1, 0])
        there = recording.ids >= 0
        for xy in np.einsum("nkd,k->nd", recording.curves[there], powers)[::3]:
            assert solids.distance(Point(xy)) > 0.99 * p.PERSON_RADIUS_M


@pytest.mark.parametrize("seed", range(10))
def test_a_run_of_any_seed_has_people_about(seed: int) -> None:
    people = load_people("yard", seed)
    crowd = [len(people.at(float(t), FAR)) for t in np.arange(0.0, p.LIVELY_S, 0.5)]
    fewest, most = p.LIVELY_PEOPLE
    assert fewest - 0.5 <= np.mean(crowd) <= most + 0.5
    assert max(crowd) <= people.capacity


def test_the_recording_is_repeated_when_it_ends() -> None:
    length_s = read_recording("zara01").length_s
    first, later = load_people("zara01", 0, start_s=3.0), load_people("zara01", 0, start_s=3.0 + length_s)
    assert np.allclose(first.at(5.0, FAR).position_m, later.at(5.0, FAR).position_m)
    assert len(lively_moments(read_recording("zara01"))) > 100


def test_fewer_people_when_fewer_are_asked_for() -> None:
    people = load_people("zara02", 0, at_once=3)
    assert people.capacity == 3
    assert max(len(people.at(float(t), FAR)) for t in np.arange(0.0, 60.0, 0.5)) == 3
    assert load_people("none", 0).capacity == len(load_people("none", 0).at(0.0, FAR)) == 0


def test_nobody_appears_beside_the_robot() -> None:
    people = load_people("zara01", 1)
    robot = np.array([14.0, 7.0])
    before: set[int] = set()
    seen = 0
    for time_s in np.arange(0.0, 60.0, 0.02):
        crowd = people.at(float(time_s), robot)
        for number, position in zip(crowd.ids, crowd.position_m, strict=True):
            if int(number) not in before:
                seen += 1
                assert np.hypot(*(position - robot)) >= p.SPAWN_DISTANCE_M
        before = {int(number) for number in crowd.ids}
    assert seen > 5
