"""Localisation in a prior map."""

from __future__ import annotations

import numpy as np
import pytest
from mapping_world import around, furnished_room, grid_of, points_at, ring_corridor, wheels_along

from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_perception.mapping import se2
from physical_ai_perception.mapping.localiser import Localised, Localiser, Tracking

START = np.diag([0.5**2, 0.5**2, 0.3**2])


def off(truth: np.ndarray, said: Localised) -> tuple[float, float]:
    error = se2.between(truth, said.pose)
    return float(np.hypot(error[0], error[1])), abs(float(error[2]))


@pytest.fixture(scope="module")
def room_map() -> m.OccupancyGrid:
    return grid_of(furnished_room(), 5.0)


@pytest.mark.parametrize("seed", range(6))
def test_a_start_half_a_metre_and_a_third_of_a_radian_wrong_is_mended(room_map: m.OccupancyGrid, seed: int) -> None:
    rng, truth = np.random.default_rng(seed), np.array([0.3, -0.4, 0.5 * seed])
    bearing = rng.uniform(-np.pi, np.pi)
    wrong = truth + np.array([0.5 * np.cos(bearing), 0.5 * np.sin(bearing), 0.3 * rng.choice([-1, 1])])
    localiser = Localiser(room_map)
    localiser.start(wrong, START)
    for number in range(5):
        said = localiser.step(0.1 * number, np.zeros(3), points_at(furnished_room(), truth, rng))
    assert said.state is Tracking.TRACKING and said.measured
    assert off(truth, said)[0] < 0.06 and off(truth, said)[1] < 0.02
    assert np.sqrt(np.diag(said.covariance)).max() < 0.1
    assert (np.linalg.eigvalsh(said.covariance) > 0.0).all()


def test_a_drive_is_followed_with_poor_odometry() -> None:
    world, rng = ring_corridor(), np.random.default_rng(2)
    truth = around(np.array([[-7, -7], [7, -7], [7, 0]], dtype=float), 0.2, 0.2)
    wheels = wheels_along(truth, rng, turn_bias=0.1)
    localiser = Localiser(grid_of(world))
    localiser.start(truth[0], START)
    errors = []
    for number, pose in enumerate(truth):
        said = localiser.step(0.1 * number, wheels[number], points_at(world, pose, rng))
        errors.append(off(pose, said)[0])
        assert said.state is Tracking.TRACKING
    assert np.mean(errors) < 0.08 and max(errors) < 0.4
    assert errors[-1] < 0.1


def test_a_kidnapped_robot_says_so_and_is_found_again(room_map: m.OccupancyGrid) -> None:
    world, rng = furnished_room(), np.random.default_rng(4)
    here, there = np.array([-1.5, 0.5, 0.0]), np.array([1.0, -0.6, 2.4])
    localiser = Localiser(room_map)
    localiser.start(here, START)
    for number in range(5):
        said = localiser.step(0.1 * number, np.zeros(3), points_at(world, here, rng))
    assert said.state is Tracking.TRACKING
    states = []
    for number in range(5, 90):
        said = localiser.step(0.1 * number, np.zeros(3), points_at(world, there, rng))
        states.append(said.state)
        if said.state is Tracking.LOST:
            assert not said.measured
    assert Tracking.LOST in states[:10]
    assert states[-1] is Tracking.TRACKING
    assert off(there, said)[0] < 0.06 and off(there, said)[1] < 0.02


def test_a_lost_robot_says_a_large_covariance(room_map: m.OccupancyGrid) -> None:
    localiser = Localiser(room_map)
    localiser.start(np.zeros(3), START)
    elsewhere = points_at(ring_corridor(), np.array([-7.0, -7.0, 0.0]))
    for number in range(30):
        said = localiser.step(0.1 * number, np.zeros(3), elsewhere)
    assert said.state is Tracking.LOST and not said.measured
    assert np.sqrt(said.covariance[0, 0]) >= 1.0


def test_nothing_is_claimed_without_a_start_pose(room_map: m.OccupancyGrid) -> None:
    said = Localiser(room_map).step(0.0, np.zeros(3), points_at(furnished_room(), np.zeros(3)))
    assert said.state is Tracking.UNKNOWN and not said.measured


def test_an_empty_scan_is_no_measurement(room_map: m.OccupancyGrid) -> None:
    localiser = Localiser(room_map)
    localiser.start(np.zeros(3), START)
    said = localiser.step(0.0, np.zeros(3), np.zeros((0, 2)))
    assert not said.measured and np.isfinite(said.covariance).all()


def test_a_map_with_a_turned_origin_is_read_where_it_lies() -> None:
    world, rng = furnished_room(), np.random.default_rng(0)
    plain = grid_of(world, 5.0)
    placed = np.array([20.0, -3.0, 0.7])
    turned = m.OccupancyGrid(0.0, "map", plain.resolution_m, se2.compose(placed, plain.origin), plain.cells)
    localiser, truth = Localiser(turned), np.array([0.5, 0.2, 1.0])
    localiser.start(se2.compose(placed, truth) + np.array([0.2, -0.2, 0.1]), START)
    for number in range(4):
        said = localiser.step(0.1 * number, np.zeros(3), points_at(world, truth, rng))
    assert said.measured and off(se2.compose(placed, truth), said)[0] < 0.06


@pytest.mark.parametrize("cells", [np.zeros((0, 0)), np.zeros((20, 20)), np.full((20, 20), -1)])
def test_a_map_without_walls_is_refused(cells: np.ndarray) -> None:
    with pytest.raises(InputError):
        Localiser(m.OccupancyGrid(0.0, "map", 0.05, np.zeros(3), cells.astype(np.int8)))


def test_bad_numbers_are_refused(room_map: m.OccupancyGrid) -> None:
    localiser = Localiser(room_map)
    for pose, covariance in ((np.array([np.nan, 0, 0]), START), (np.zeros(3), -START), (np.zeros(2), START)):
        with pytest.raises(InputError):
            localiser.start(pose, covariance)
    localiser.start(np.zeros(3), START)
    with pytest.raises(InputError):
        localiser.step(0.0, np.array([0.0, np.inf, 0.0]), np.zeros((0, 2)))
