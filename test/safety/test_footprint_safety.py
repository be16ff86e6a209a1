"""Swept footprint: the closed form against driving the motion in small steps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from physical_ai_safety.footprint import Braking, Hull, factor_within, first_contact, sort_points

SCOUT = [(0.25, 0.21), (-0.25, 0.21), (-0.25, -0.21), (0.25, -0.21)]
KITE = [(0.4, 0.0), (0.0, 0.25), (-0.2, 0.0), (0.0, -0.25)]
BRAKING = Braking(0.2, 1.5, 3.0, 0.1)

speeds = st.floats(-2.0, 2.0)
turns = st.floats(-2.0, 2.0)
points = st.lists(st.tuples(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0)), min_size=1, max_size=20)


def deepest(hull: Hull, x: np.ndarray, y: np.ndarray, v: float, w: float, factor: float) -> float:
    """Least height of the points over the hull while the robot drives (v, w)·factor and brakes, in small steps."""
    braking_s = factor * BRAKING.duration_s(v, w)
    t = np.linspace(0.0, BRAKING.reaction_s + braking_s, 400)
    slowed = np.clip(t - BRAKING.reaction_s, 0.0, braking_s)
    way = factor * (np.minimum(t, BRAKING.reaction_s) + slowed - 0.5 * slowed**2 / max(braking_s, 1e-9))
    yaw = w * way
    px = v * way * np.sinc(yaw / math.pi)
    py = v * way * np.sinc(0.5 * yaw / math.pi) * np.sin(0.5 * yaw)
    dx, dy = x[None, :] - px[:, None], y[None, :] - py[:, None]
    c, s = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    return float(hull.heights(c * dx + s * dy, c * dy - s * dx).max(axis=0).min())


@settings(deadline=None)
@given(points, speeds, turns, st.sampled_from([SCOUT, KITE]))
@example([(1.0, 0.0)], 2.0, 0.0, SCOUT)
@example([(-1.0, 0.0)], -1.0, 0.0, SCOUT)
@example([(0.3, 0.25)], 0.0, 1.0, SCOUT)
@example([(0.5, 0.0)], 5e-324, 0.0, SCOUT)
@example([(0.3, 0.25)], 0.0, -1.0, SCOUT)
def test_the_allowed_motion_never_enters_a_point(
    cloud: list[tuple[float, float]], v: float, w: float, corners: list[tuple[float, float]]
) -> None:
    hull = Hull(corners, 0.05)
    x, y = np.array(cloud).T
    near = sort_points(hull, x, y)
    contact = first_contact(hull, near, v, w, BRAKING)
    factor = min(1.0, contact.factor)
    if len(near.x):
        assert deepest(hull, near.x, near.y, v, w, factor) > -2e-3


@settings(deadline=None)
@given(st.floats(0.5, 3.0), st.floats(0.1, 2.0))
def test_straight_ahead_the_factor_is_the_textbook_stopping_distance(distance: float, v: float) -> None:
    hull = Hull(SCOUT, 0.05)
    contact = first_contact(hull, sort_points(hull, np.array([distance]), np.array([0.0])), v, 0.0, BRAKING)
    room = max(0.0, distance - 0.30 - 0.1)
    allowed = 1.5 * (math.sqrt(0.2**2 + 2.0 * room / 1.5) - 0.2)
    if allowed < v:
        assert contact.factor * v == pytest.approx(allowed, abs=1e-3)
        assert contact.free_m == pytest.approx(distance - 0.30, abs=1e-3)
    else:
        assert contact.factor >= 1.0


@settings(deadline=None)
@given(st.floats(0.3, 2.0), st.sampled_from([-1.0, 1.0]))
def test_a_wall_beside_the_robot_does_not_limit_driving_along_it(v: float, side: float) -> None:
    hull = Hull(SCOUT, 0.05)
    x = np.linspace(-3.0, 3.0, 300)
    near = sort_points(hull, x, np.full(300, side * 0.27))
    assert first_contact(hull, near, v, 0.0, BRAKING).factor >= 1.0


def test_turning_on_the_spot_is_free_outside_the_swept_circle_and_limited_inside() -> None:
    hull = Hull(SCOUT, 0.05)
    outside = sort_points(hull, np.array([0.0]), np.array([hull.radius_m + 0.01]))
    inside = sort_points(hull, np.array([0.0]), np.array([0.28]))
    assert first_contact(hull, outside, 0.0, 1.5, BRAKING).factor >= 1.0
    assert first_contact(hull, inside, 0.0, 1.5, BRAKING).factor < 1.0


def test_a_point_within_the_margin_blocks_closing_on_it_and_frees_leaving_it() -> None:
    hull = Hull(SCOUT, 0.05)
    near = sort_points(hull, np.array([0.27]), np.array([0.0]))
    assert len(near.inside_x) == 1
    ahead = first_contact(hull, near, 0.5, 0.0, BRAKING)
    assert ahead.factor * 0.5 <= 0.021  # dies out with the 2 cm that are left
    assert first_contact(hull, near, -0.5, 0.0, BRAKING).factor >= 1.0
    touching = sort_points(hull, np.array([0.24]), np.array([0.0]))
    assert first_contact(hull, touching, 0.5, 0.0, BRAKING).factor == 0.0


def test_nothing_near_and_no_motion_are_free() -> None:
    hull = Hull(SCOUT, 0.05)
    nothing = sort_points(hull, np.empty(0), np.empty(0))
    assert first_contact(hull, nothing, 1.0, 0.3, BRAKING).factor == math.inf
    one = sort_points(hull, np.array([0.5]), np.array([0.0]))
    assert first_contact(hull, one, 0.0, 0.0, BRAKING).factor == math.inf


def test_a_point_in_the_swept_ring_that_the_hull_never_reaches_is_free() -> None:
    """Between the nearest and the farthest distance of the hull from the centre of the motion, but past its corners."""
    kite = Hull([(0.4, 0.0), (0.0, 0.05), (-0.4, 0.0), (0.0, -0.05)])
    near = sort_points(kite, np.array([0.0]), np.array([0.2]))
    assert first_contact(kite, near, 0.0, 0.3, BRAKING).factor == pytest.approx(
        first_contact(kite, near, 0.0, -0.3, BRAKING).factor
    )
    ahead = sort_points(kite, np.array([0.0]), np.array([0.06]))
    assert first_contact(kite, ahead, 0.5, 0.0, BRAKING).factor == math.inf


@given(speeds, turns, st.floats(0.3, 3.0), st.floats(-3.1, 3.1))
@settings(deadline=None)
def test_what_is_mirrored_is_limited_alike(v: float, w: float, r: float, bearing: float) -> None:
    hull = Hull(SCOUT, 0.05)

    def factor(side: float, way: float) -> float:
        x, y = np.array([way * r * math.cos(bearing)]), np.array([side * r * math.sin(bearing)])
        return min(1.0, first_contact(hull, sort_points(hull, x, y), way * v, side * way * w, BRAKING).factor)

    assert factor(1.0, 1.0) == pytest.approx(factor(-1.0, 1.0), abs=2e-3)
    assert factor(1.0, 1.0) == pytest.approx(factor(1.0, -1.0), abs=2e-3)


def test_braking_takes_as_long_as_the_slower_of_its_two_parts() -> None:
    assert BRAKING.duration_s(1.5, 0.0) == 1.0 and BRAKING.duration_s(-1.5, 0.0) == 1.0
    assert BRAKING.duration_s(0.3, -1.5) == 0.5 and BRAKING.duration_s(0.0, 0.0) == 1e-6


def test_the_factor_solves_the_way_of_reaction_and_braking() -> None:
    for free, reaction, braking in ((0.5, 0.2, 1.0), (0.1, 0.0, 0.5), (2.0, 0.3, 0.7)):
        k = factor_within(free, reaction, braking)
        assert k * reaction + 0.5 * k * k * braking == pytest.approx(free)
    assert factor_within(0.0, 0.2, 1.0) == factor_within(-1.0, 0.2, 1.0) == 0.0


def test_a_hull_knows_its_edges_and_the_nearest_points_come_first() -> None:
    hull = Hull(SCOUT, 0.05)
    assert hull.radius_m == pytest.approx(math.hypot(0.30, 0.26)) and hull.margin_m == 0.05
    assert hull.heights(np.array([0.5]), np.array([0.0])).max() == pytest.approx(0.2)
    near = sort_points(hull, np.array([2.0, 0.28, 1.0, 0.24]), np.array([0.0, 0.0, 0.0, 0.0]))
    assert near.x.tolist() == [1.0, 2.0] == near.r.tolist()
    assert near.inside_x.tolist() == [0.24, 0.28] and near.inside_m.tolist() == pytest.approx([-0.01, 0.03])


@pytest.mark.parametrize(
    ("x", "y", "v", "w", "allowed"),
    [
        (0.27, 0.0, 0.5, 0.0, 0.02), (-0.27, 0.0, -0.5, 0.0, 0.02), (0.27, 0.0, 0.01, 0.0, math.inf),
        (0.2, 0.23, 0.0, 0.5, 0.02 / 0.2), (-0.2, 0.23, 0.0, 0.5, math.inf), (-0.2, 0.23, 0.0, -0.5, 0.02 / 0.2),
        (0.2, -0.23, 0.0, -0.5, 0.02 / 0.2), (0.27, 0.1, 0.0, -0.5, 0.02 / 0.1), (0.27, 0.1, 0.0, 0.5, math.inf),
    ],
)  # fmt: skip
def test_within_the_margin_closing_in_dies_out_with_the_gap(
    x: float, y: float, v: float, w: float, allowed: float
) -> None:
    hull = Hull(SCOUT, 0.05)
    contact = first_contact(hull, sort_points(hull, np.array([x]), np.array([y])), v, w, BRAKING)
    if math.isinf(allowed):
        assert contact.factor >= 1.0
    else:
        assert contact.factor * abs(v or w) == pytest.approx(allowed)
        assert (contact.free_m, contact.x_m, contact.y_m) == pytest.approx((0.02, x, y))


def test_of_a_point_within_the_margin_and_one_ahead_the_stricter_binds() -> None:
    hull = Hull(SCOUT, 0.05)
    for ahead, binding in ((2.0, 0.27), (0.401, 0.401)):
        near = sort_points(hull, np.array([0.27 if binding == 0.27 else 0.299, ahead]), np.array([0.0, 0.0]))
        contact = first_contact(hull, near, 1.0, 0.0, Braking(0.2, 1.5, 3.0, 0.1))
        assert contact.x_m == binding


def test_a_point_that_only_rounding_leaves_on_the_circle_of_a_corner_is_free() -> None:
    hull = Hull(SCOUT, 0.05)
    x, y = -0.3837572500208733, -0.10163844280791086
    assert math.hypot(x, y) == pytest.approx(hull.radius_m, rel=1e-12)
    near = sort_points(hull, np.array([x]), np.array([y]))
    assert first_contact(hull, near, 0.0, 1.0, BRAKING).factor == math.inf


def turned_past(leg: tuple[float, float], v: float, w: float, late_s: float) -> float:
    """Least gap of the bare footprint to a thin leg while the robot is told (v, w) and its base is late."""
    hull, x, y, yaw, dt = Hull(SCOUT, 0.05), 0.0, 0.0, 0.0, 0.01
    sent, told, now, least = [(0.0, 0.0, 0.0)], (0.0, 0.0), (0.0, 0.0), math.inf

    def towards(a: float, b: float, rate: float) -> float:
        return a + min(max(b - a, -rate * dt), rate * dt)

    for k in range(300):
        c, s = math.cos(yaw), math.sin(yaw)
        at = (
            np.array([c * (leg[0] - x) + s * (leg[1] - y)]), np.array([c * (leg[1] - y) - s * (leg[0] - x)])
        )  # fmt: skip
        least = min(least, float(hull.bare.heights(*at).max()))
        told = (towards(told[0], v, 1.5), towards(told[1], w, 4.0))
        factor = min(1.0, first_contact(hull, sort_points(hull, *at), *told, BRAKING).factor)
        told = (told[0] * factor, told[1] * factor)
        if abs(told[0]) < 0.02 and abs(told[1]) < 0.05:  # as the gate does: so slow a rest is a stop
            told = (0.0, 0.0)
        sent.append((k * dt + late_s, *told))
        while len(sent) > 1 and sent[1][0] <= k * dt:
            sent.pop(0)
        now = (towards(now[0], sent[0][1], 1.5), towards(now[1], sent[0][2], 3.0))
        heading = yaw + 0.5 * now[1] * dt
        x, y, yaw = x + now[0] * dt * math.cos(heading), y + now[0] * dt * math.sin(heading), yaw + now[1] * dt
    return least


@pytest.mark.parametrize("beside", [-0.1, 0.0, 0.1])
@pytest.mark.parametrize("gap", [0.005, 0.02, 0.04])
@pytest.mark.parametrize("w", [2.0, -2.0])
def test_turning_beside_a_thin_leg_within_the_margin_never_touches_it(beside: float, gap: float, w: float) -> None:
    """The normal speed alone lets it touch: beside the middle of a side nothing comes nearer at first."""
    for v in (0.0, 0.3):
        assert turned_past((beside, 0.21 + gap), v, w, 0.1) >= 0.0


def test_a_widened_hull_knows_the_bare_one_and_a_bare_one_itself() -> None:
    bare = Hull(SCOUT)
    assert bare.bare is bare and Hull(SCOUT, 0.05).bare.offsets.tolist() == bare.offsets.tolist()


def test_a_hull_without_margin_has_room_for_a_point_on_its_very_edge() -> None:
    hull = Hull(SCOUT)
    near = sort_points(hull, np.array([0.25]), np.array([0.0]))
    assert len(near.inside_x) == 1 and first_contact(hull, near, 0.5, 0.0, BRAKING).factor == 0.0
    assert first_contact(hull, near, -0.5, 0.0, BRAKING).factor >= 1.0


def test_nothing_beyond_the_reach_is_met_and_the_reach_is_no_longer_than_the_stop() -> None:
    hull = Hull(SCOUT, 0.05)
    assert BRAKING.reach_m(hull, 1.5, 0.0) == pytest.approx(0.3 + 0.75 + 0.1 + hull.radius_m)
    assert BRAKING.reach_m(hull, -1.5, 0.0) == BRAKING.reach_m(hull, 1.5, 0.0)
    assert BRAKING.reach_m(hull, 0.0, -3.0) == pytest.approx(3.0 * hull.radius_m * 0.7 + 0.1 + hull.radius_m)


@given(st.floats(0.02, 1.0), st.floats(0.3, 4.0), st.floats(0.05, 3.0))
def test_the_way_to_rest_is_what_it_drives_before_it_brakes_and_while(
    reaction: float, braking: float, v: float
) -> None:
    one = Braking(reaction, braking, 3.0, 0.1)
    steps = 1000
    driven = v * reaction + sum(v * (k + 0.5) / steps for k in range(steps)) * (v / braking) / steps
    assert one.way_m(v) == one.way_m(-v) == pytest.approx(driven)
    assert one.speed_within_mps(driven) == pytest.approx(v) and one.speed_within_mps(0.0) == pytest.approx(0.0)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(st.floats(-1.2, 1.2), st.floats(-1.0, 1.0)), min_size=2, max_size=6), st.floats(-1.5, 1.5),
    st.floats(-2.0, 2.0),
)  # fmt: skip
def test_among_several_points_the_one_that_alone_allows_least_binds(
    points: list[tuple[float, float]], v: float, w: float
) -> None:
    hull = Hull(SCOUT, 0.05)
    x, y = np.array(points).T
    alone = [first_contact(hull, sort_points(hull, x[k : k + 1], y[k : k + 1]), v, w, BRAKING) for k in range(len(x))]
    least, found = min(one.factor for one in alone), first_contact(hull, sort_points(hull, x, y), v, w, BRAKING)
    assert min(found.factor, 1.0) == pytest.approx(min(least, 1.0), abs=1e-9)
