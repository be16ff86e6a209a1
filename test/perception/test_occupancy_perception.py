"""The rolling grid: walls stay, free space is free, what moves leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from flat_world import World, imu, room, scan, wheels

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.parameters import PerceptionParameters

Weather = Callable[[m.LaserScan, np.random.Generator], m.LaserScan]


def fair(seen: m.LaserScan, rng: np.random.Generator) -> m.LaserScan:
    return seen


def speckle(share: float, low_m: float, high_m: float) -> Weather:
    """A share of all rays ends on a drop or a blade somewhere before the thing behind it."""

    def spoil(seen: m.LaserScan, rng: np.random.Generator) -> m.LaserScan:
        ranges = seen.ranges_m.copy()
        drops = rng.uniform(low_m, high_m, len(ranges)).astype(np.float32)
        hit = (rng.random(len(ranges)) < share) & (drops < ranges)
        ranges[hit] = drops[hit]
        return replace(seen, ranges_m=ranges)

    return spoil


class Watcher:
    """A robot that stands at a place; keeps the last grid and the last objects."""

    weather: Weather = staticmethod(fair)
    objects: m.Objects | None = None

    def __init__(self, **changes: float) -> None:
        self.core = PerceptionCore(replace(PerceptionParameters(), **changes))  # type: ignore[arg-type]
        self.rng = np.random.default_rng(0)
        self.time_s = 100.0
        self.stamps: list[float] = []
        self.grid: m.OccupancyGrid | None = None

    def look(self, world: World, seconds: float = 0.1, pose: Array | None = None) -> m.OccupancyGrid:
        for _ in range(max(1, round(seconds * 20))):
            self.time_s += 0.05
            self.core.handle("imu/data", imu(self.time_s), self.time_s)
            self.core.handle("wheel/odometry", wheels(self.time_s), self.time_s)
            if pose is not None and self.core.localisation.local is not None:
                self.core.localisation.local.state.position[:2] = pose[:2]
                self.core.localisation._record()
            seen = scan(world, np.zeros(3) if pose is None else pose, self.time_s, self.rng)
            for output in self.core.handle("scan", self.weather(seen, self.rng), self.time_s):
                if output.topic == "state/objects":
                    self.objects = output.data
                if output.topic == "state/occupancy":
                    self.grid = output.data
                    self.stamps.append(output.data.stamp_s)
        assert self.grid is not None
        return self.grid


def cell(grid: m.OccupancyGrid, x: float, y: float) -> int:
    column, row = np.floor((np.array([x, y]) - grid.origin[:2]) / grid.resolution_m).astype(int)
    return int(grid.cells[row, column])


def around(grid: m.OccupancyGrid, x: float, y: float) -> int:
    """The highest of the 3 x 3 cells around a point: a wall may fall on either side of a cell's edge."""
    column, row = np.floor((np.array([x, y]) - grid.origin[:2]) / grid.resolution_m).astype(int)
    return int(grid.cells[row - 1 : row + 2, column - 1 : column + 2].max())


def test_a_wall_is_occupied_before_it_is_free_and_behind_it_is_unknown() -> None:
    grid = Watcher().look(World(walls=np.array([[5.0, -3.0, 5.0, 3.0]])), 1.0)
    assert grid.frame_id == "odom" and grid.cells.shape == (240, 240)
    for y in (-2.0, 0.0, 2.0):
        assert around(grid, 5.0, y) > 90
        assert 0 <= cell(grid, 3.0, y) < 10
        assert cell(grid, 6.0, y) == -1
    assert 0 <= cell(grid, 8.0, 8.0) < 10  # nothing was hit: free as far as the sensor sees
    assert cell(grid, -8.0, 0.0) == -1  # the sector behind the robot is not seen


def test_grids_come_at_ten_hertz_for_scans_at_twenty() -> None:
    watcher = Watcher()
    watcher.look(World(walls=room()), 2.0)
    np.testing.assert_allclose(np.diff(watcher.stamps), 0.1, atol=0.001)


def test_a_box_that_is_taken_away_becomes_free() -> None:
    watcher, wall = Watcher(), room()
    box = np.array([[3.0, -1.0, 3.0, 1.0]])
    assert around(watcher.look(World(walls=np.concatenate([wall, box])), 3.0), 3.0, 0.0) > 90
    assert 0 <= around(watcher.look(World(walls=wall), 2.5), 3.0, 0.0) < 30


def test_a_walking_person_leaves_no_wall_behind() -> None:
    watcher = Watcher()
    for step in range(80):
        y = -3.0 + 0.05 * 1.2 * step
        grid = watcher.look(World(np.array([[4.0, y, 0.25]]), room()), 0.05)
    for behind in np.arange(-2.0, y - 1.0, 0.1):
        assert around(grid, 3.8, behind) < 50
    assert around(grid, 3.75, y) < 60  # nor where the person is: that is an object


def test_the_grid_moves_by_whole_cells_and_walls_stay_where_they_are() -> None:
    watcher, world = Watcher(), World(walls=room(7.0))
    first = watcher.look(world, 1.0)
    last = watcher.look(world, 0.1, np.array([1.234, -0.777, 0.0]))
    moved = (last.origin[:2] - first.origin[:2]) / last.resolution_m
    np.testing.assert_allclose(moved, np.round(moved), atol=1e-6)
    assert np.abs(moved).max() > 5
    for grid in (first, last):
        assert around(grid, 7.0, 1.0) > 80 and around(grid, 1.0, 7.0) > 80


def test_what_is_out_of_sight_fades_to_unknown() -> None:
    watcher = Watcher(occupancy_memory_s=1.0)
    assert around(watcher.look(World(walls=np.array([[5.0, -2.0, 5.0, 2.0]])), 1.0), 5.0, 0.0) > 90
    hiding = World(walls=np.array([[1.0, -6.0, 1.0, 6.0]]))
    assert around(watcher.look(hiding, 0.2), 5.0, 0.0) > 80
    assert around(watcher.look(hiding, 5.0), 5.0, 0.0) == -1


POLES = np.array([[3.0, 1.0, 0.05], [0.0, 6.0, 0.05], [8.0, -3.0, 0.05]])


@pytest.mark.parametrize("weather", [speckle(0.02, 0.3, 25.0), speckle(0.05, 0.3, 25.0), speckle(0.15, 1.0, 3.0)])
def test_speckle_of_rain_and_grass_never_becomes_a_wall_and_thin_poles_in_it_stay(weather: Weather) -> None:
    watcher, world = Watcher(), World(POLES, room())
    watcher.weather = weather
    for _ in range(40):
        grid = watcher.look(world, 0.1)
        row, column = np.nonzero(grid.cells >= 65)
        place = (np.column_stack([column, row]) + 0.5) * grid.resolution_m + grid.origin[:2]
        to_pole = np.min([np.hypot(*(place - pole[:2]).T) for pole in POLES], axis=0)
        to_wall = np.abs(9.0 - np.abs(place).max(axis=1))
        assert not ((to_pole > 0.25) & (to_wall > 0.25)).any()
    for pole in POLES:
        assert around(grid, *pole[:2]) > 90
    assert around(grid, 9.0, 2.0) > 90 and 0 <= cell(grid, 2.0, -2.0) < 10
    assert watcher.objects is not None and not (watcher.objects.rows["class_id"] >= 2).any()


def test_a_thin_pole_is_a_wall_within_a_second_even_where_only_one_ray_meets_it() -> None:
    far = np.array([[11.0, 0.0, 0.05]])
    grid = Watcher().look(World(far, room(11.8)), 1.0)
    assert around(grid, 11.0, 0.0) >= 65


def test_walls_are_inflated_where_that_is_wanted() -> None:
    wall = World(walls=np.array([[5.0, -3.0, 5.0, 3.0]]))
    plain, wide = Watcher().look(wall, 1.0), Watcher(occupancy_inflation_m=0.4).look(wall, 1.0)
    assert cell(plain, 4.65, 0.0) < 50 <= cell(wide, 4.65, 0.0)
    assert cell(wide, 4.35, 0.0) < 50
