"""Swept footprint: the closed form against driving the motion in small steps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from physical_ai_safety.footprint import Braking, Hull, first_contact, sort_points

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
