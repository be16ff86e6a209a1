"""Which runs of neighbouring returns may be somebody, ray by ray, and where somebody is whom the sweep's edge cuts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from physical_ai_safety.groups import (
    FOREGROUND_M,
    GRAZED,
    JOIN_M,
    NOTCH_M,
    REACH_M,
    WIDEST_M,
    Group,
    foreground_groups,
    told_apart,
)
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


# --- side by side ---


def bodies(*across: float, away: float = 2.0, radius: float = 0.25, behind: float = NONE) -> list[float]:
    """Ranges of a sweep around ahead that meets round bodies `away` from the sensor, so far to the right or left."""
    ranges = []
    for angle in 0.01 * (np.arange(141) - 70):
        nearest = behind
        for y in across:
            b = away * math.cos(angle) + y * math.sin(angle)
            inside = radius**2 - (away**2 + y**2 - b**2)
            if inside > 0.0:
                nearest = min(nearest, b - math.sqrt(inside))
        ranges.append(nearest)
    return ranges


@pytest.mark.parametrize("behind", [NONE, 6.0])
@pytest.mark.parametrize("across", [(-0.28, 0.28), (-0.25, 0.25), (-0.55, 0.0, 0.55), (0.1, 0.65)])
def test_those_who_walk_side_by_side_are_told_apart(across: tuple[float, ...], behind: float) -> None:
    groups = seen(*bodies(*across, behind=behind))
    assert len(groups) == len(across) and all(group.free is None for group in groups)
    for group, y in zip(groups, across, strict=True):
        assert (group.x, group.y) == pytest.approx((2.0 - 0.2, y), abs=0.1) and group.radius < 0.3


@pytest.mark.parametrize("cut", [46, 52])
def test_of_those_side_by_side_only_the_outermost_is_cut_by_the_edge_of_the_sweep(cut: int) -> None:
    ranges = bodies(-0.28, 0.28)
    angles = 0.01 * (np.arange(len(ranges)) - len(ranges) // 2)
    for side in (1, -1):
        r = np.array(ranges)
        kept = slice(cut, None) if side > 0 else slice(None, len(r) - cut)
        hit, turned = np.isfinite(r[kept]), angles[kept]
        x, y = np.where(hit, r[kept], 0.0) * np.cos(turned), np.where(hit, r[kept], 0.0) * np.sin(turned)
        right, left = foreground_groups(np.where(hit, r[kept], 0.0), hit, x, y)
        outer, inner = (right, left) if side > 0 else (left, right)
        end = outer.rays[-1] if side > 0 else outer.rays[0]
        assert inner.free is None and outer.free == (x[end], y[end])


def row(*ranges: float) -> list[list[int]]:
    return [part.tolist() for part in told_apart(np.arange(len(ranges)) + 7, np.array([9.0] * 7 + list(ranges)))]


def test_a_notch_parts_a_row_and_belongs_to_neither() -> None:
    assert row(2.0, 2.0, 2.3, 2.0, 2.0) == [[7, 8], [10, 11]]
    assert row(2.0, 2.0 + NOTCH_M + 1e-9, 2.0) == [[7], [9]]
    assert row(2.0, 2.0 + NOTCH_M - 1e-9, 2.0) == [[7, 8, 9]]
    assert row(0.1, 0.1 + NOTCH_M, 0.1) == [[7], [9]], "so much is enough"
    assert row(2.0, 2.3, 2.25, 2.0 + 1e-9) == [[7], [9, 10]]
    assert row(2.0, 2.4, 1.9, 2.3, 2.1) == [[7], [9], [11]]
    assert row(1.5, 2.3, 2.25, 2.1) == [[7], [9, 10]] and row(1.5, 2.3, 2.25, 2.21) == [[7, 8, 9, 10]]
    assert row(2.1, 2.25, 2.3, 1.5) == [[7, 8], [10]] and row(2.21, 2.25, 2.3, 1.5) == [[7, 8, 9, 10]]


def test_a_row_that_only_goes_away_or_stands_out_is_one_thing() -> None:
    assert row(2.0, 2.2, 2.4, 2.6) == [[7, 8, 9, 10]] and row(2.6, 2.4, 2.0, 2.4, 2.6) == [[7, 8, 9, 10, 11]]
    assert row(2.0) == [[7]]


def notched(*x: float, step: float = 0.2) -> list[Group]:
    """Returns in a row across, `step` apart, at these distances."""
    away = np.array([0.0, *x, 0.0])
    hit = np.array([False, *(True for _ in x), False])
    return foreground_groups(np.where(hit, away, 0.0), hit, away, step * np.arange(len(away)))


def test_each_of_a_wide_row_is_as_wide_as_somebody_or_it_is_no_row_of_people() -> None:
    five = [2.0] * 5  # 0.8 m across
    assert [len(g.rays) for g in notched(*five, 2.11, *[2.0] * 3)] == [5, 3]
    assert notched(*five, 2.11, *[2.0] * 2) == [] and notched(*[2.0] * 2, 2.11, *five) == []
    assert notched(*[2.0] * 6, 2.11, *[2.0] * 3) == [] and notched(*[2.0] * 3, 2.11, *[2.0] * 6) == []  # 1.0 m
    assert len(notched(*five, 2.11, *[2.0] * 5, step=0.2249)) == 0 and len(notched(*five, 2.11, *five, step=0.19)) == 2
    assert notched(*[2.0] * 6) == []


@pytest.mark.parametrize("turn", [0.0, 0.7, 1.57, 2.2, -0.7, -1.3])
@pytest.mark.parametrize(("returns", "step", "count"), [
    (3, 0.1501, 2), (3, 0.1499, 0), (4, 0.1001, 2), (4, 0.0999, 0), (2, 0.2499, 0),
])  # fmt: skip
def test_somebody_beside_another_has_three_returns_and_is_so_wide(
    returns: int, step: float, count: int, turn: float
) -> None:
    """Beside one of 0.9 m less a hair, in any direction."""
    away = np.array([0.0, *[2.0] * returns, 2.11, *[2.0] * 9, 0.0])
    y = np.concatenate([[0.0], step * np.arange(returns), returns * step + 0.05 + 0.1 * np.arange(10), [0.0]])
    c, s = math.cos(turn), math.sin(turn)
    assert len(foreground_groups(away, away > 0.0, c * away - s * y, s * away + c * y)) == count


def test_somebody_beside_another_may_be_just_as_wide_as_a_body() -> None:
    away = np.array([0.0, *[2.0] * 3, 2.11, *[2.0] * 9, 0.0])
    y = np.array([0.0, 0.0, 0.15, 0.3, *(0.5 + 0.1 * np.arange(10)), 0.0])
    assert len(foreground_groups(away, away > 0.0, away, y)) == 2


@pytest.mark.parametrize(("step", "count"), [(0.2, 0), (0.1999, 2)])
def test_what_is_wider_than_three_abreast_is_no_row_of_people(step: float, count: int) -> None:
    assert len(notched(*[2.0] * 5, 2.11, *[2.0] * 5, step=step)) == count


def test_what_is_narrow_is_one_whatever_its_shape() -> None:
    """Two legs are one person."""
    assert [len(g.rays) for g in notched(2.0, 2.0, 2.0, 2.15, 2.0, 2.0, 2.0, step=0.1)] == [7]
