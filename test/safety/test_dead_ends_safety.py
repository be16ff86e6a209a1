"""Ways through an area for a robot that may not reverse: corridors and slits, at any angle and anywhere on the site."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely
from shapely import affinity

from physical_ai_safety.dead_ends import DIRECTIONS, way_through

HALF_WIDTH_M = 0.3
RADIUS_M = 0.5
NOTHING = shapely.Polygon()
PLACES = [(0.0, 0.0), (30.0, 12.0), (-25.0, 8.0), (-7.0, -40.0)]


def passes(
    room: Any, closed: Any, fixed: Any = None, turned_rad: float = 0.0, to: tuple[float, float] = (0, 0)
) -> bool:
    """With all of it turned about the origin and moved."""

    def moved(shape: Any) -> Any:
        return affinity.translate(affinity.rotate(shape, turned_rad, origin=(0, 0), use_radians=True), *to)

    return way_through(moved(room), moved(closed), moved(room if fixed is None else fixed), HALF_WIDTH_M, RADIUS_M)


def corridor(width: float, *ends: Any, longer: float = 2.0) -> tuple[Any, Any]:
    """Three metres of corridor, and the walls beside it, which go on for a while."""
    room = shapely.box(-1.5, -width / 2, 1.5, width / 2)
    side = 1.5 + longer
    walls = [shapely.box(-side, edge, side, edge + 1.0) for edge in (width / 2, -width / 2 - 1.0)]
    return room, shapely.unary_union([*walls, *ends])


def slit(angle: float, wide: float, beside: float = 0.0) -> Any:
    """A thick wall all around the square, with a straight cut through all of it, somewhat beside the middle."""
    ring = shapely.box(-5.0, -5.0, 5.0, 5.0).difference(SQUARE)
    cut = shapely.box(-9.0, beside - wide / 2, 9.0, beside + wide / 2)
    return ring.difference(affinity.rotate(cut, angle, origin=(0, 0), use_radians=True))


SQUARE = shapely.box(-1.5, -1.5, 1.5, 1.5)


# --- turning round ---


@pytest.mark.parametrize(("half", "room_to_turn"), [(0.51, True), (0.49, False)])
def test_a_bay_is_left_where_the_robot_has_room_to_turn_and_may(half: float, room_to_turn: bool) -> None:
    bay = shapely.box(-half, -half, half, half)
    shut = bay.buffer(1.0, join_style="mitre").difference(bay)
    assert passes(bay, shut, NOTHING) is room_to_turn
    assert not passes(bay, shut) and not passes(bay, shut, shapely.box(-0.2, -0.2, 0.2, 0.2))


# --- straight through ---


@pytest.mark.parametrize("to", PLACES)
@pytest.mark.parametrize("turned", np.radians([0.0, 17.0, 33.0, 48.0, 61.0, 77.0, 90.0, 104.0, 141.0, 163.0]))
def test_a_corridor_as_wide_as_the_robot_is_driven_through_whichever_way_it_runs(
    turned: float, to: tuple[float, float]
) -> None:
    assert passes(*corridor(2 * HALF_WIDTH_M), turned_rad=turned, to=to)
    assert not passes(*corridor(2 * HALF_WIDTH_M - 0.003), turned_rad=turned, to=to)


@pytest.mark.parametrize("k", range(DIRECTIONS))
def test_a_slit_in_any_of_so_many_directions_is_found(k: int) -> None:
    """The area itself lies square; turning is forbidden in it."""
    angle = math.pi * k / 36
    assert passes(SQUARE, slit(angle, 0.62)) and not passes(SQUARE, slit(angle, 0.58))
    assert passes(SQUARE, slit(angle, 0.62), to=(-13.0, 21.0))


@pytest.mark.parametrize("beside", np.arange(-1.1, 1.2, 0.17))
@pytest.mark.parametrize("turned", np.radians([0.0, 45.0, 70.0, 90.0, 135.0]))
def test_a_slit_somewhat_wider_than_the_robot_is_found_wherever_it_cuts_the_area(turned: float, beside: float) -> None:
    """By an eighth of its width: so near to each other are the lanes that are tried."""
    assert passes(SQUARE, slit(turned, 0.60 + 0.075, beside))


def test_of_a_long_area_the_ends_are_looked_at_too() -> None:
    """A wall along all of it but the last metre, across which the only way leads."""
    long = shapely.box(-20.0, -0.4, 20.0, 0.4)
    for open_ in (shapely.box(18.5, -9.0, 19.2, 9.0), shapely.box(-19.2, -9.0, -18.5, 9.0)):
        assert passes(long, long.buffer(2.0, join_style="mitre").difference(long).difference(open_))


@pytest.mark.parametrize("to", PLACES)
@pytest.mark.parametrize("x", [-1.0, 1.0])
def test_a_corridor_with_a_wall_at_either_end_is_no_way_through(x: float, to: tuple[float, float]) -> None:
    end = shapely.box(x * 2.0 - 0.1, -0.3, x * 2.0 + 0.1, 0.3)
    assert passes(*corridor(0.7), to=to) and not passes(*corridor(0.7, end), to=to)


@pytest.mark.parametrize(("away", "through"), [(0.75, False), (0.85, True)])
def test_behind_the_area_there_must_be_as_much_ground_as_the_robot_is_long(away: float, through: bool) -> None:
    """The wall stands so far behind it, of which half of the robot's width is for its body."""
    wall = shapely.box(1.5 + away, -1.0, 1.6 + away, 1.0)
    assert passes(*corridor(0.7, wall, longer=0.0)) is through


@pytest.mark.parametrize("long", [0.01, 0.3])
def test_however_short_the_area_is_a_way_through_it_is_found(long: float) -> None:
    room, walls = corridor(2 * HALF_WIDTH_M)
    assert passes(room.intersection(shapely.box(0.0, -1.0, long, 1.0)), walls)


def test_open_ground_that_is_no_part_of_the_area_is_no_way_through_it() -> None:
    """Beside the closed bay a free lane runs past."""
    bay = shapely.box(-0.4, -0.4, 0.4, 0.4)
    assert not passes(bay, bay.buffer(0.5, join_style="mitre").difference(bay))


def test_a_corridor_that_a_wall_cuts_in_two_has_two_dead_ends() -> None:
    room, walls = corridor(0.7)
    cut = shapely.box(-0.1, -1.0, 0.1, 1.0)
    assert not passes(room.difference(cut), walls.union(cut))
