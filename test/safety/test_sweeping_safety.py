"""How far a motion takes the footprint until it touches a point: against driving it in small steps, edge by edge."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from physical_ai_safety.footprint import FREE, INSIDE_M, STILL, Braking, Contact, Hull, first_contact, sort_points

ASIDE = [(0.75, 1.0), (-0.75, 1.0), (-0.75, -0.5), (0.75, -0.5)]  # `base_link` is nearer to the right side
SCOUT = [(0.25, 0.21), (-0.25, 0.21), (-0.25, -0.21), (0.25, -0.21)]
SQUARE = [(0.75, 1.0), (-0.75, 1.0), (-0.75, -1.0), (0.75, -1.0)]  # in numbers that have no rounding
PLAIN = Braking(0.2, 1.5, 3.0, 0.0)  # keeps nothing ahead of it
FAR = 1000.0  # 1/s: so fast that all around is within the way to rest


def met(hull: Hull, v: float, w: float, *points: tuple[float, float], braking: Braking = PLAIN) -> Contact:
    x, y = np.array(points).T
    return first_contact(hull, sort_points(hull, x, y), v, w, braking)


def driven_m(hull: Hull, v: float, w: float, point: tuple[float, float]) -> float:
    """Way of the point around the middle of the turn until it is in the hull, in steps of 0.1 mrad."""
    middle, turned = v / w, np.arange(0.0, 2.0 * math.pi, 1e-4)
    c, s = np.cos(-np.sign(w) * turned), np.sin(-np.sign(w) * turned)
    x, y = point[0], point[1] - middle
    within = hull.heights(c * x - s * y, s * x + c * y + middle).max(axis=0) <= 0.0
    return float(math.hypot(x, y) * turned[within.argmax()]) if within.any() else math.inf


@pytest.mark.parametrize("corners", [ASIDE, SCOUT])
@pytest.mark.parametrize(
    ("v", "w"), [(0.0, 1.0), (0.0, -1.0), (0.3, 1.0), (-0.3, -1.0), (1.5, 1.0), (1.5, -1.0), (-1.5, 1.0), (-1.5, -1.0)]
)
def test_the_way_left_is_what_is_driven_until_the_hull_has_the_point(
    corners: list[tuple[float, float]], v: float, w: float
) -> None:
    hull, seen = Hull(corners), 0
    for bearing, r in product(np.arange(-3.1, 3.2, 0.3), (0.3, 0.7, 1.1, 1.6)):
        point = (r * math.cos(bearing), r * math.sin(bearing))
        if hull.heights(*np.array([point]).T).max() < 1e-3:
            continue
        found, driven = met(hull, v * FAR, w * FAR, point), driven_m(hull, v, w, point)
        assert found.free_m == pytest.approx(driven, abs=1e-3), point
        assert math.isinf(driven) or (found.x_m, found.y_m) == point
        seen += math.isfinite(driven)
    assert seen > 5


@pytest.mark.parametrize("w", [1.0, -1.0])
def test_a_point_on_the_very_circle_of_a_corner_is_met(w: float) -> None:
    assert met(Hull(SQUARE), 0.0, w, (1.25, 0.0)).free_m == pytest.approx(1.25 * math.atan2(1.0, 0.75))
    assert met(Hull(SQUARE), 0.0, w, (math.nextafter(1.25, 2.0), 0.0)) == FREE


@pytest.mark.parametrize("way", [1.0, -1.0])
def test_a_point_that_a_side_only_grazes_is_met(way: float) -> None:
    """The turn is about a point half a metre beside the robot; on its circle the middle of the side is nearest."""
    hull = Hull(SQUARE)
    assert met(hull, 1.5 * way, 1.0 * way, (0.5 * way, 1.5)).free_m == pytest.approx(0.25 * math.pi)
    assert met(hull, 1.5 * way, 1.0 * way, (0.499 * way, 1.5)) == FREE


@pytest.mark.parametrize("v", [0.02, 0.05, 1.5])
def test_driving_straight_it_passes_what_is_a_millimetre_beside_it_however_slowly(v: float) -> None:
    hull = Hull(SCOUT, 0.05)
    assert met(hull, v, 0.0, (0.4, 0.261)) == met(hull, v, 0.0, (0.4, -0.261)) == FREE
    assert met(hull, v, 0.0, (0.305, 0.259)).free_m == pytest.approx(0.005, abs=1e-5)


@pytest.mark.parametrize(("v", "w"), [(0.5, 0.0), (0.5, 1.0), (-0.5, 2.0), (0.5, 0.25)])
def test_the_margin_ahead_counts_as_far_as_driving_has_a_part_in_the_motion(v: float, w: float) -> None:
    """Turning on the spot has the side margin alone: the robot may turn as close to a wall as that."""
    hull, point = Hull(SCOUT, 0.05), (math.copysign(0.45, v), 0.0)
    found = met(hull, v, w, point, braking=PLAIN._replace(margin_m=0.1))
    left = found.free_m - 0.1 * 0.5 / (0.5 + abs(w) * hull.radius_m)
    pace = abs(w) * math.hypot(point[0], v / w) if w else 0.5
    way = found.factor * pace * 0.2 + 0.5 * found.factor**2 * pace * PLAIN.duration_s(v, w)
    assert way == pytest.approx(left, rel=1e-3)


def test_in_a_bend_that_one_binds_whose_margin_is_reached_first() -> None:
    """The one near the middle of the turn is met later, but there the margin is more of a turn."""
    hull, braking = Hull(SCOUT), PLAIN._replace(margin_m=0.1)
    near, far = (0.3, 0.3), (0.45, -0.1)
    alone = [met(hull, 0.5, 1.0, one, braking=braking) for one in (near, far)]
    turned = [one.free_m / math.hypot(one.x_m, one.y_m - 0.5) for one in alone]
    assert alone[0].factor < alone[1].factor < 1.0 and turned[0] > turned[1]
    assert met(hull, 0.5, 1.0, near, far, braking=braking) == alone[0]


def test_of_two_that_both_forbid_the_motion_the_one_within_the_margin_is_told() -> None:
    hull = Hull(SCOUT, 0.05)
    found = met(hull, 0.5, 0.0, (0.24, 0.0), (0.35, 0.0), braking=PLAIN._replace(margin_m=0.1))
    assert (found.factor, found.x_m) == (0.0, 0.24)


@pytest.mark.parametrize(("v", "factor"), [(STILL, 0.0), (0.999 * STILL, math.inf)])
def test_a_micrometre_a_second_is_a_motion_and_less_is_none(v: float, factor: float) -> None:
    assert met(Hull(SCOUT, 0.05), v, 0.0, (0.35, 0.0), braking=PLAIN._replace(margin_m=0.1)).factor == factor


@pytest.mark.parametrize(("v", "forbidden"), [(1e-6, False), (1.001e-6, True)])
def test_who_comes_nearer_by_more_than_a_micrometre_a_second_closes_in(v: float, forbidden: bool) -> None:
    assert (met(Hull(SCOUT, 0.05), v, 0.0, (0.24, 0.0)).factor == 0.0) == forbidden


@pytest.mark.parametrize(("x", "inside"), [(INSIDE_M, 1), (1.001 * INSIDE_M, 0)])
def test_a_point_up_to_a_micrometre_outside_is_one_on_the_edge(x: float, inside: int) -> None:
    """The front of this robot goes through `base_link`, so that the distance has no rounding."""
    hull = Hull([(0.0, 0.5), (-1.0, 0.5), (-1.0, -0.5), (0.0, -0.5)])
    assert len(sort_points(hull, np.array([x]), np.array([0.0])).inside_x) == inside


@pytest.mark.parametrize(("apart_m", "edges"), [(1e-9, 3), (1.001e-9, 4)])
def test_corners_a_nanometre_apart_are_one(apart_m: float, edges: int) -> None:
    assert len(Hull([(1.0, 0.0), (1.0, apart_m), (0.0, 1.0), (0.0, -1.0)]).offsets) == edges
