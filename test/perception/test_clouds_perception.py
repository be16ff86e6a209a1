"""3D clouds: the ground is no wall, level or sloped; what stands on it is tracked like anything seen by a scan."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from cloud_world import cloud
from flat_world import World, imu, room, wheels

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.layouts import Rows
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.objects import ground
from physical_ai_perception.objects.kinds import Kinds
from physical_ai_perception.parameters import PerceptionParameters

SLOPES = [0.0, np.radians(10.0), -np.radians(10.0)]


def watch(points_at: Callable[[float], Array], seconds: float) -> tuple[list[tuple[float, Rows]], m.OccupancyGrid]:
    """Objects of each cloud at 10 Hz, seen by a robot that stands, and the last grid."""
    core, seen, grid = PerceptionCore(PerceptionParameters()), [], None
    for step in range(round(seconds * 10)):
        stamp_s = 100.0 + 0.1 * step
        core.handle("imu/data", imu(stamp_s), stamp_s)
        core.handle("wheel/odometry", wheels(stamp_s), stamp_s)
        for output in core.handle("points", m.PointCloud(stamp_s, "lidar", points_at(0.1 * step)), stamp_s):
            if output.topic == "state/objects":
                seen.append((0.1 * step, output.data.rows))
            elif output.topic == "state/occupancy":
                grid = output.data
    assert grid is not None
    return seen, grid


def occupied(grid: m.OccupancyGrid) -> Array:
    row, column = np.nonzero(grid.cells >= 65)
    return np.asarray((np.column_stack([column, row]) + 0.5) * grid.resolution_m + grid.origin[:2])


@pytest.mark.parametrize("slope_rad", SLOPES)
def test_ground_of_up_to_ten_degrees_is_free_and_what_stands_on_it_is_tracked(slope_rad: float) -> None:
    rng = np.random.default_rng(0)
    pole = np.array([4.0, 3.0, 0.05])

    def points(t: float) -> Array:
        return cloud(World(np.array([[5.0, -2.0 + 1.2 * t, 0.25], pole]), room(8.0)), rng, slope_rad)

    seen, grid = watch(points, 3.0)
    for t, rows in seen[12:]:
        walker = rows[np.argmin(np.hypot(rows["x"] - 5.0, rows["y"] + 2.0 - 1.2 * t))]
        assert np.hypot(walker["x"] - 5.0, walker["y"] + 2.0 - 1.2 * t) < 0.2
        assert walker["class_id"] == Kinds.PERSON and abs(walker["vy"] - 1.2) < 0.3
    still = rows[rows["class_id"] == Kinds.STATIC]
    assert np.hypot(still["x"] - 4.0, still["y"] - 3.0).min() < 0.15
    place = occupied(grid)
    to_wall = np.abs(8.0 - np.abs(place).max(axis=1))
    to_pole = np.hypot(*(place - pole[:2]).T)
    assert not ((to_wall > 0.3) & (to_pole > 0.3)).any()
    assert (to_pole < 0.3).any() and (to_wall < 0.3).sum() > 100
    centre = grid.cells.shape[0] // 2
    assert (grid.cells[centre - 20 : centre + 20, centre + 20 : centre + 40] >= 0).mean() > 0.5
    assert (grid.cells[centre - 20 : centre + 20, centre + 20 : centre + 40] < 35).all()


def test_the_robots_own_body_drops_and_mirror_images_below_the_ground_are_left_out() -> None:
    rng = np.random.default_rng(0)
    own = rng.uniform([-0.4, -0.2, -0.2], [0.1, 0.2, 0.4], (200, 3))  # in frame lidar, 0.15 m ahead of base_link

    def points(t: float) -> Array:
        drops = np.column_stack([rng.uniform(-4.0, 4.0, (30, 2)), rng.uniform(0.0, 1.0, 30)])
        below = np.column_stack([rng.uniform(1.0, 4.0, (30, 2)), np.full(30, -2.0)])
        return np.concatenate([cloud(World(walls=room(8.0)), rng), own, drops, below]).astype(np.float32)

    seen, grid = watch(points, 1.0)
    assert not any(len(rows) for _, rows in seen)
    assert (np.abs(occupied(grid)).max(axis=1) > 7.6).all()


def test_two_people_who_come_to_touch_stay_two() -> None:
    rng = np.random.default_rng(0)

    def people(t: float) -> Array:
        half = max(0.28, 1.5 - 0.8 * t)
        return np.array([[4.0 - 0.5 * t, half, 0.25], [4.0 - 0.5 * t, -half, 0.25]])

    seen, _ = watch(lambda t: cloud(World(people(t), room(8.0)), rng), 4.0)
    ids = {}
    for t, rows in seen[12:]:
        for person, (x, y, _) in enumerate(people(t)):
            away = np.hypot(rows["x"] - x, rows["y"] - y)
            assert away.min() < 0.3
            ids.setdefault(person, set()).add(int(rows["id"][away.argmin()]))
    assert len(ids[0]) == len(ids[1]) == 1 and ids[0] != ids[1]


def test_a_cloud_of_nothing_usable_is_refused_by_name() -> None:
    core = PerceptionCore(PerceptionParameters())
    core.handle("imu/data", imu(100.0), 100.0)
    for step, points in enumerate([np.zeros((0, 3)), np.full((9, 3), np.nan), np.full((9, 3), 1e30)]):
        stamp_s = 100.0 + 0.1 * step
        assert not list(core.handle("points", m.PointCloud(stamp_s, "lidar", points.astype(np.float32)), stamp_s))
    assert core.guard.source("points").refused == {"no point in range": 3}


def test_the_ground_between_the_rings_of_a_sparse_lidar_is_straight() -> None:
    distance = np.array([1.0, 5.0, 9.0, 5.0])
    slope = np.tan(0.15)
    above = ground.above(np.zeros(4, dtype=np.intp), distance, np.array([0.0, 4.0 * slope, 8.0 * slope, 1.0]), 0.21)
    np.testing.assert_allclose(above, [0.0, 0.0, 0.0, 1.0 - 4.0 * slope], atol=0.06)
