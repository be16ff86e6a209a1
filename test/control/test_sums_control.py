"""The choice's sums in C are numpy's to the last bit, and what C will not answer numpy does."""

from __future__ import annotations

import numpy as np
import pytest

from physical_ai_control import choice, passing
from physical_ai_control.choice import Pace, Progress, timed, timed_plain
from physical_ai_control.passing import closeness, closeness_plain, unsafety, unsafety_plain
from physical_ai_control.people import People
from physical_ai_control.route import Route
from physical_ai_control.sums import functions
from physical_ai_control.surroundings import FAR_M, Surroundings
from physical_ai_core import messages as m
from physical_ai_core.geometry import Array

DT_S, STAGES, MOMENTS = 0.1, 26, 48
SHIFTS, SHARES = 7, 6

pytestmark = pytest.mark.skipif(not functions(), reason="no C compiler")


def candidates(rng: np.random.Generator) -> tuple[Array, Array]:
    """Ways that wander, at speeds that come to rest."""
    place = np.cumsum(rng.normal(0.05, 0.06, (SHIFTS, SHARES, STAGES, 2)), axis=2)
    speed = np.maximum(0.0, rng.uniform(0.0, 1.5, (SHARES, 1)) - np.arange(STAGES) * rng.uniform(0.0, 0.1))
    return place, np.asarray(speed)


def crowd(rng: np.random.Generator, count: int) -> People:
    walks = rng.normal(0.0, 1.0, (count, 1, 2)) * np.arange(MOMENTS)[:, None] * DT_S
    mean = rng.uniform(-0.5, 2.5, (count, 1, 2)) + walks
    return People(mean, np.full((count, MOMENTS), 0.1), np.full(count, 0.3), rng.uniform(0.05, 1.0, count))


@pytest.mark.parametrize("seed", range(8))
def test_closeness_and_unsafety_are_the_same_to_the_last_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    place, speed = candidates(rng)
    people = crowd(rng, 4 + seed)
    keep, contact = rng.uniform(0.7, 1.2, (4 + seed, STAGES)), rng.uniform(0.5, 0.8, (4 + seed, MOMENTS))
    found = closeness(place, speed, people, keep, contact, 8, DT_S)
    assert found.max() > 0.0
    np.testing.assert_array_equal(found, closeness_plain(place, speed, people, keep, contact, 8, DT_S))
    found = unsafety(place, speed, people, contact, 1.5, 0.75, DT_S)
    assert found.max() > 0.0
    np.testing.assert_array_equal(found, unsafety_plain(place, speed, people, contact, 1.5, 0.75, DT_S))


def test_timed_runs_are_the_same_to_the_last_bit() -> None:
    rng = np.random.default_rng(3)
    poses = np.column_stack([np.cumsum(rng.normal(0.0, 0.4, (40, 2)), axis=0), np.zeros(40)])
    route = Route(poses, 0.7, 1.4, 0.6)
    for s_m in (0.0, 0.4 * route.length_m, route.length_m):
        for speed_mps in (-0.1, 0.0, 0.7, 2.0):
            given = (route, Progress(s_m, 0.1, speed_mps), Pace(1.2, 0.9, 1.5), 25, DT_S, choice.SHARES_AMONG_PEOPLE)
            for found, right in zip(timed(*given), timed_plain(*given), strict=True):
                np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize("turn_rad", [0.0, 0.7])
def test_the_nearest_obstacle_is_the_same(turn_rad: float) -> None:
    rng = np.random.default_rng(5)
    cells = np.where(rng.random((120, 140)) < 0.02, 100, 0).astype(np.int8)
    grid = m.OccupancyGrid(0.0, "odom", 0.1, np.array([-7.0, -6.0, turn_rad]), cells)
    around = Surroundings(grid, np.array([0.3, -0.2, 0.0]), 50, np.zeros((0, 3)), 0.2)
    points = rng.uniform(-9.0, 9.0, (5, 40, 2))
    points[0, 0] = np.nan
    with np.errstate(invalid="ignore"):
        right = around.look_plain(points)
    for found, wanted in zip(around.look(points), right, strict=True):
        if turn_rad:
            np.testing.assert_allclose(found, wanted, rtol=0.0, atol=1e-9)
        else:
            np.testing.assert_array_equal(found, wanted)
    assert (right[0] < FAR_M).any()
    assert right[0][0, 0] == FAR_M


def test_what_is_not_finite_is_left_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    (place, speed), people = candidates(rng), crowd(rng, 2)
    place[0, 0, 3] = np.nan
    keep, contact = np.full((2, STAGES), 1.0), np.full((2, MOMENTS), 0.6)
    asked: list[str] = []
    for name in ("closeness_plain", "unsafety_plain"):
        monkeypatch.setattr(passing, name, lambda *given, name=name: asked.append(name) or np.zeros((SHIFTS, SHARES)))
    closeness(place, speed, people, keep, contact, 8, DT_S)
    unsafety(place, speed, people, contact, 1.5, 0.75, DT_S)
    assert asked == ["closeness_plain", "unsafety_plain"]
