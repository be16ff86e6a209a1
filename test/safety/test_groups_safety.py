"""Which runs of neighbouring returns may be somebody, ray by ray, and where somebody is whom the sweep's edge cuts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from physical_ai_safety.groups import FOREGROUND_M, GRAZED, JOIN_M, REACH_M, WIDEST_M, Group, foreground_groups
from physical_ai_safety.looks import View

NONE = math.inf  # a ray that meets nothing
BODY = [2.0] * 5
FAR = 8.0


def seen(*ranges: float, closed: bool = False) -> list[Group]:
    """Groups in a sweep of these ranges, a ray every hundredth of a radian around ahead."""
    r = np.array(ranges)
    hit = np.isfinite(r)
    r = np.where(hit, r, 0.0)
    angles = 0.01 * (np.arange(len(r)) - len(r) // 2)
    return foreground_groups(r, hit, r * np.cos(angles), r * np.sin(angles), closed)


def standing(*y: float, x: float = 2.0) -> list[Group]:
    """Groups of returns in a row across, of which the outermost have nothing for neighbours."""
    across = np.array([0.0, *y, 0.0])
    hit = np.array([False, *(True for _ in y), False])
    return foreground_groups(np.where(hit, x, 0.0), hit, np.full(len(hit), x), across)


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        (NONE, NONE, 1), (9.5, 9.5, 1), (FAR + FOREGROUND_M, NONE, 0), (NONE, FAR + FOREGROUND_M, 0),
        (8.251, 8.251, 1), (8.24, NONE, 0), (NONE, 8.24, 0), (7.76, NONE, 0), (NONE, 7.76, 0), (2.0, NONE, 0),
        (NONE, 2.0, 0),
    ],
)  # fmt: skip
def test_somebody_stands_before_what_the_rays_on_both_sides_of_him_meet(
    before: float, after: float, count: int
) -> None:
    """So far away that the rays are 8 cm apart: what is a quarter of a metre behind him is another thing."""
    assert len(seen(NONE, before, *[FAR] * 5, after, NONE)) == count
    assert len(seen(before, NONE, *[FAR] * 5, NONE, after)) == 1, "only the very next ray counts"


@pytest.mark.parametrize(
    ("before", "after", "free"),
    [([NONE], [NONE], None), ([], [NONE], -1), ([NONE], [], 0), ([NONE, NONE], [NONE, NONE], None)],
)
def test_the_edge_of_the_sweep_cuts_only_what_has_the_outermost_ray(
    before: list[float], after: list[float], free: int | None
) -> None:
    [group] = seen(*before, *BODY, *after)
    angles = 0.01 * (group.rays - (len(before) + len(BODY) + len(after)) // 2)
    ends = None if free is None else (2.0 * math.cos(angles[free]), 2.0 * math.sin(angles[free]))
    assert group.free == (None if ends is None else pytest.approx(ends))


def test_what_the_sweep_holds_nothing_but_is_nobody_and_a_full_circle_has_no_edge() -> None:
    assert seen(*BODY) == []
    [group] = seen(NONE, *BODY, closed=True)
    assert group.free is None and seen(1.5, NONE, *BODY, closed=True) == []


@pytest.mark.parametrize(("returns", "count"), [(2, 0), (3, 1)])
def test_three_returns_are_the_fewest_wherever_in_the_sweep(returns: int, count: int) -> None:
    assert len(seen(NONE, *BODY, NONE, NONE, *[3.0] * returns, NONE)) == 1 + count


@pytest.mark.parametrize(("away", "count"), [(REACH_M, 0), (8.999, 1)])
def test_at_the_reach_nobody_is_looked_for(away: float, count: int) -> None:
    assert len(seen(NONE, *[away] * 5, NONE)) == count


@pytest.mark.parametrize(("apart", "count"), [(JOIN_M, 1), (0.251, 0)])
def test_so_far_apart_returns_are_still_one_thing(apart: float, count: int) -> None:
    assert len(standing(0.0, apart, 2.0 * apart)) == count


@pytest.mark.parametrize(("wide", "count"), [(WIDEST_M, 0), (0.899, 1)])
def test_who_is_as_wide_as_furniture_is_some(wide: float, count: int) -> None:
    assert len(standing(0.0, 0.2, 0.4, 0.6, 0.8, wide)) == count


@pytest.mark.parametrize("bearing", np.arange(-3.0, 3.2, 0.4))
@pytest.mark.parametrize("side", [-1.0, 1.0])
@pytest.mark.parametrize("nearer", [-0.15, 0.0, 0.15])
def test_the_middle_is_on_that_side_of_the_free_end_where_the_rest_was_seen(
    bearing: float, side: float, nearer: float
) -> None:
    view, radius = View(0.3, -0.2, 0.0, 2.0), 0.25
    u = np.array([math.cos(bearing), math.sin(bearing)])
    across = side * np.array([-u[1], u[0]])
    free = np.array([view.x, view.y]) + 2.0 * u
    mean = free + 0.1 * across - nearer * u
    group = Group(float(mean[0]), float(mean[1]), 0.1, np.arange(5), (float(free[0]), float(free[1])))
    assert group.middle(radius, view) == pytest.approx(tuple(free + radius * across - GRAZED * radius * u))
