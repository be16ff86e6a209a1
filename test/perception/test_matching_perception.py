"""Scan matching: likelihood field, refinement, search of a window."""

from __future__ import annotations

import numpy as np
import pytest
from flat_world import World
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_world import box, furnished_room, points_at

from physical_ai_core.geometry import Array
from physical_ai_perception.mapping import field as fields
from physical_ai_perception.mapping import se2
from physical_ai_perception.mapping.correlative import Window, search, thin
from physical_ai_perception.mapping.matching import Prior, refine
from physical_ai_perception.mapping.parameters import MappingParameters
from physical_ai_perception.mapping.scan import points_of, surfaces

P = MappingParameters()
WEIGHT = 2.0 / P.point_sigma_m**2


def drawn(world: World, *poses: Array) -> tuple[fields.Field, fields.Field]:
    """Fine and coarse field of what is seen from some poses."""
    seen = [se2.place(pose, surfaces(points_at(world, pose), P)) for pose in poses]
    points = np.vstack(seen)
    fine = fields.build(points, P.fine_cell_m, P.fine_sigma_m)
    return fine, fields.build(points, P.coarse_cell_m, P.coarse_sigma_m)


@pytest.fixture(scope="module")
def room() -> tuple[World, fields.Field, fields.Field]:
    world = furnished_room()
    return (world, *drawn(world, *(np.array([0.0, 0.0, yaw]) for yaw in (0.0, 1.5, 3.0, 4.5))))


def test_the_field_is_one_on_a_wall_and_falls_with_distance() -> None:
    wall = np.column_stack([np.linspace(-2, 2, 401), np.full(401, 0.3)])
    field = fields.build(wall, 0.05, 0.08)
    value, _, along_y = field.sample(np.array([[0.0, 0.3], [0.0, 0.38], [0.0, 0.9], [50.0, 50.0]]))
    assert value[0] > 0.9
    assert value[1] == pytest.approx(np.exp(-0.5), abs=0.06)
    assert value[2] == 0.0 and value[3] == 0.0
    assert along_y[1] < -3.0


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
@settings(max_examples=30, deadline=None)
def test_the_gradient_is_that_of_the_value(x: float, y: float) -> None:
    field = fields.build(np.array([[0.0, 0.0], [0.4, -0.3], [-0.7, 0.6]]), 0.1, 0.25)
    step = 1e-6
    here, right, up = np.array([[x, y]]), np.array([[x + step, y]]), np.array([[x, y + step]])
    value, along_x, along_y = field.sample(here)
    # Away from the lines between cell centres, where the slope changes.
    assert (field.sample(right)[0] - value)[0] / step == pytest.approx(along_x[0], abs=1e-3) or _on_a_line(x)
    assert (field.sample(up)[0] - value)[0] / step == pytest.approx(along_y[0], abs=1e-3) or _on_a_line(y)


def _on_a_line(value: float) -> bool:
    return abs(value / 0.1 - round(value / 0.1)) < 1e-4


def test_adding_points_is_the_same_as_drawing_them_at_once() -> None:
    points = np.random.default_rng(0).uniform(-3, 3, (200, 2))
    whole = fields.build(points, 0.05, 0.08)
    grown = fields.empty(points.min(axis=0), points.max(axis=0), 0.05, 0.08)
    assert fields.add(grown, points[:90]) and fields.add(grown, points[90:])
    assert np.array_equal(whole.cells, grown.cells)
    assert not fields.add(grown, np.array([[9.0, 0.0]])), "what does not fit is refused"


@given(
    st.floats(-1.0, 1.0), st.floats(-0.5, 0.5), st.floats(-3.1, 3.1),
    st.floats(-0.15, 0.15), st.floats(-0.15, 0.15), st.floats(-0.1, 0.1), st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_refining_recovers_a_random_motion(
    room: tuple[World, fields.Field, fields.Field], x: float, y: float, yaw: float,
    dx: float, dy: float, dyaw: float, seed: int,
) -> None:  # fmt: skip
    world, fine, coarse = room
    truth = np.array([x, y, yaw])
    points = points_at(world, truth, np.random.default_rng(seed))
    rough = refine(coarse, points, truth + np.array([dx, dy, dyaw]), WEIGHT * P.coarse_sigma_m**2)
    found = refine(fine, points, rough.pose, WEIGHT * P.fine_sigma_m**2)
    off = se2.between(truth, found.pose)
    assert np.hypot(off[0], off[1]) < 0.03
    assert abs(off[2]) < 0.012


@given(st.floats(-1.0, 1.0), st.floats(-0.5, 0.5), st.floats(-0.6, 0.6), st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_the_search_finds_the_best_pose_of_the_whole_window(
    room: tuple[World, fields.Field, fields.Field], x: float, y: float, yaw: float, seed: int
) -> None:
    world, _, coarse = room
    truth = np.array([x, y, yaw])
    points = thin(points_at(world, truth, np.random.default_rng(seed)), 0.2)
    found = search(coarse, points, Window(np.zeros(3), 1.2, 0.7), 0.3)
    assert found is not None
    at_truth = float(coarse.sample(se2.place(truth, points))[0].mean())
    assert found.score >= at_truth - 0.05
    off = se2.between(truth, found.pose)
    assert np.hypot(off[0], off[1]) < 0.2 and abs(off[2]) < 0.05


def test_branch_and_bound_leaves_nothing_out() -> None:
    rng = np.random.default_rng(3)
    field = fields.build(rng.uniform(-2, 2, (40, 2)), 0.1, 0.15)
    points = rng.uniform(-1, 1, (25, 2))
    found = search(field, points, Window(np.zeros(3), 0.8, 0.0), 0.0)
    assert found is not None
    best = 0.0
    for row in range(-8, 9):
        for column in range(-8, 9):
            cells = np.rint((points - field.corner) / 0.1).astype(int) + np.array([column, row])
            inside = (cells >= 0).all(axis=1) & (cells < field.cells.shape[::-1]).all(axis=1)
            best = max(best, float(field.cells[cells[inside, 1], cells[inside, 0]].sum()) / 25)
    assert found.score == pytest.approx(best, abs=1e-6)


def test_nothing_is_found_where_nothing_fits(room: tuple[World, fields.Field, fields.Field]) -> None:
    points = points_at(World(walls=box(-1.1, -1.3, 1.7, 7.9)), np.zeros(3))
    assert search(room[1], thin(points, 0.2), Window(np.zeros(3), 1.0, 0.5), 0.6) is None
    assert search(room[1], np.zeros((0, 2)), Window(np.zeros(3), 1.0, 0.5), 0.1) is None


@given(st.floats(-np.pi, np.pi))
@settings(max_examples=12, deadline=None)
def test_covariance_is_largest_along_a_corridor(yaw: float) -> None:
    corridor = World(walls=np.array([[-60.0, -1.0, 60.0, -1.0], [-60.0, 1.0, 60.0, 1.0]]))
    fine, _ = drawn(corridor, np.array([-2.0, 0.0, 0.0]), np.array([2.0, 0.0, np.pi]))
    points = points_at(corridor, np.array([0.0, 0.0, yaw]), reach_m=12.0)
    found = refine(fine, points, np.array([0.02, 0.02, yaw]), WEIGHT * P.fine_sigma_m**2)
    covariance = se2.inverse(found.information + 1e-3 * np.eye(3))
    values, vectors = np.linalg.eigh(covariance[:2, :2])
    assert values[1] > 30.0 * values[0]
    assert abs(vectors[0, 1]) > 0.98, "the doubt points along the corridor"


def test_where_surfaces_say_nothing_the_prior_holds() -> None:
    corridor = World(walls=np.array([[-60.0, -1.0, 60.0, -1.0], [-60.0, 1.0, 60.0, 1.0]]))
    fine, _ = drawn(corridor, np.zeros(3), np.array([0.0, 0.0, np.pi]))
    points = points_at(corridor, np.zeros(3), reach_m=8.0)
    expected = np.array([0.4, 0.05, 0.01])
    prior = Prior(expected, np.diag([1 / 0.05**2, 1 / 0.05**2, 1 / 0.02**2]))
    found = refine(fine, points, expected, WEIGHT * P.fine_sigma_m**2, prior)
    assert found.pose[0] == pytest.approx(0.4, abs=0.05)
    assert found.pose[1] == pytest.approx(0.0, abs=0.01)


def test_surfaces_join_neighbours_and_bridge_no_gap() -> None:
    points = np.array([[1.0, 0.0], [1.0, 0.2], [1.1, 2.0]])
    drawn_points = surfaces(points, P)
    assert len(drawn_points) == 3 + 3
    assert len(surfaces(points_at(World(walls=np.array([[-9.0, 2.0, 9.0, 2.0]])), np.zeros(3), reach_m=6.0), P)) > 100
    assert drawn_points[:, 1].max() == 2.0
    assert not ((drawn_points[:, 1] > 0.21) & (drawn_points[:, 1] < 1.9)).any()


def test_returns_that_say_nothing_are_left_out() -> None:
    ranges = np.array([np.nan, np.inf, -1.0, 0.0, 81.83, 2.0])
    points = points_of(ranges, np.zeros(6), P, mount=np.array([0.5, 0.0, np.pi / 2]))
    assert points == pytest.approx(np.array([[0.5, 2.0]]))


def test_a_closed_room_is_known_in_every_direction() -> None:
    world = World(walls=box(-3, -2, 3, 2))
    fine, _ = drawn(world, np.zeros(3), np.array([0.0, 0.0, np.pi]))
    found = refine(fine, points_at(world, np.zeros(3)), np.array([0.01, 0.01, 0.0]), WEIGHT * P.fine_sigma_m**2)
    assert np.sqrt(np.diag(se2.inverse(found.information))).max() < 0.05
