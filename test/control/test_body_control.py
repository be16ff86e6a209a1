"""The circles that stand for the footprint: they hold all of it, and are as few and as narrow as was asked."""

from __future__ import annotations

import numpy as np
import pytest
from closed_loop import World, straight
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from physical_ai_control.body import MOST_CIRCLES, body_of, excess
from physical_ai_control.parameters import ControllerParameters
from physical_ai_core.geometry import Array
from physical_ai_core.robot import Robot, RobotError, load_robot

RECTANGLE = ((0.5, 0.3), (-0.5, 0.3), (-0.5, -0.3), (0.5, -0.3))


def robot(footprint: Array, **more: object) -> Robot:
    return Robot.model_validate({"name": "any", "footprint": [tuple(corner) for corner in footprint.tolist()], **more})


def within(points: Array, polygon: Array) -> Array:
    """Which points (n, 2) lie in the polygon, by how often a ray from them crosses its edges."""
    found = np.zeros(len(points), dtype=bool)
    for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crosses = (a[1] > points[:, 1]) != (b[1] > points[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            found ^= crosses & (points[:, 0] < a[0] + (points[:, 1] - a[1]) * (b[0] - a[0]) / (b[1] - a[1]))
    return found


corner = st.tuples(st.floats(0.15, 1.2), st.floats(0.1, 0.9))


@settings(max_examples=60, deadline=None)
@given(st.lists(corner, min_size=3, max_size=9), st.floats(0.01, 0.1), st.integers(0, 2**31))
def test_the_circles_hold_every_point_of_any_footprint(
    corners: list[tuple[float, float]], tolerance_m: float, seed: int
) -> None:
    turn = 2.0 * np.pi * (np.arange(len(corners)) + [share - 0.5 for _, share in corners]) / len(corners)
    polygon = np.array([size for size, _ in corners])[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])
    assume(np.ptp(polygon[:, 0]) > 0.1)
    circles = body_of(robot(polygon), tolerance_m).circles
    rng = np.random.default_rng(seed)
    share = rng.uniform(size=(200, 1))
    first = rng.integers(len(polygon), size=200)
    on_edges = polygon[first] * share + polygon[(first + 1) % len(polygon)] * (1.0 - share)
    points = rng.uniform(polygon.min(axis=0), polygon.max(axis=0), (600, 2))
    points = np.vstack([points[within(points, polygon)], on_edges, polygon])
    gap = np.hypot(points[:, None, 0] - circles[:, 0], points[:, None, 1]) - circles[:, 1]
    assert gap.min(axis=1).max() < 1e-6
    assert len(circles) <= MOST_CIRCLES


@settings(max_examples=30, deadline=None)
@given(st.floats(0.2, 1.2), st.floats(0.15, 0.6), st.floats(0.02, 0.1))
def test_a_rectangle_gets_the_fewest_circles_that_are_as_narrow_as_asked(
    half_length: float, half_width: float, tolerance_m: float
) -> None:
    polygon = np.array([half_length, half_width]) * [[1, 1], [-1, 1], [-1, -1], [1, -1]]
    count = len(body_of(robot(polygon), tolerance_m).circles)

    def wider(circles: int) -> float:
        return float(np.hypot(half_length / circles, half_width) - half_width)

    assert count == MOST_CIRCLES or wider(count) <= tolerance_m + 1e-6
    assert count == 1 or wider(count - 1) > tolerance_m - 1e-6


def test_a_round_robot_is_one_circle() -> None:
    turn = np.linspace(0.0, 2.0 * np.pi, 32, endpoint=False)
    body = body_of(robot(0.2 * np.column_stack([np.cos(turn), np.sin(turn)])))
    np.testing.assert_allclose(body.circles, [[0.0, 0.2]], atol=1e-6)


def test_what_the_circles_add_is_told() -> None:
    polygon = np.array(RECTANGLE)
    body = body_of(robot(polygon), 1.0)
    radius = float(np.hypot(0.5, 0.3))
    told = excess(body.circles, polygon)
    assert told.beside_m == pytest.approx(radius - 0.3, abs=1e-4)
    assert told.lengthwise_m == pytest.approx(radius - 0.5, abs=1e-6)
    assert told.anywhere_m == pytest.approx(radius - 0.3, abs=1e-4)


@pytest.mark.parametrize("name", ["scout", "jackal"])
def test_the_small_robots_are_two_circles_at_their_quarters(name: str) -> None:
    own = load_robot(name)
    (x, y), body = own.footprint[0], body_of(own)
    np.testing.assert_allclose(body.circles, [[0.5 * x, np.hypot(0.5 * x, y)], [-0.5 * x, np.hypot(0.5 * x, y)]])


def test_circles_of_the_robot_file_are_taken_where_they_hold_the_footprint() -> None:
    body = body_of(robot(np.array(RECTANGLE), circles=[(-0.3, 0.4), (0.3, 0.4), (0.0, 0.5)]))
    np.testing.assert_allclose(body.circles[:, 0], [0.3, 0.0, -0.3])
    assert body.half_radius_m == 0.5
    with pytest.raises(RobotError, match=r"leave \(.*\) of its footprint uncovered"):
        body_of(robot(np.array(RECTANGLE), circles=[(-0.3, 0.35), (0.3, 0.35)]))


def test_with_more_circles_it_drives_as_safely() -> None:
    posts = np.array([[2.0, 0.5, 0.1], [2.0, -0.55, 0.1]])
    world = World(discs=posts, parameters=ControllerParameters(body_tolerance_m=0.02))
    world.plan(straight(3.2))
    outcome = world.run(15.0)
    assert len(world.controller._body.circles) == 3
    assert outcome.modes[-1] == "arrived" and outcome.contacts == 0
