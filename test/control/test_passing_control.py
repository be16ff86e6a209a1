"""Passing people: behind them is cheap, before them only with room to stop; a robot that crosses many loses little."""

from __future__ import annotations

import math

import numpy as np
import pytest
from closed_loop import World, straight

from physical_ai_control.body import body_of
from physical_ai_control.choice import Chooser, Pace, Progress
from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.passing import Room, closeness, lessened, unsafety
from physical_ai_control.people import People, nobody
from physical_ai_control.route import Route
from physical_ai_control.surroundings import Surroundings
from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.robot import load_robot

DT_S, STAGES, LATER = 0.1, 26, 48
BRAKING_MPS2, REST_S = 1.5, 0.75
EMPTY = Surroundings(
    m.OccupancyGrid(0.0, "odom", 0.1, np.array([-8.0, -8.0, 0.0]), np.zeros((160, 160), dtype=np.int8)),
    np.zeros(3), 50, np.zeros((0, 3)), 0.2,
)  # fmt: skip


def walker(x: float, y: float, vx: float, vy: float, sigma: float = 0.1) -> People:
    t = np.arange(LATER) * DT_S
    mean = np.stack([x + vx * t, y + vy * t], axis=-1)[None]
    return People(mean, np.full((1, LATER), sigma), np.array([0.25]), np.array([1.0]))


def room() -> Room:
    return Room(ControllerParameters(), body_of(load_robot("scout")), BRAKING_MPS2, 1.2)


def choose(people: People, speed_mps: float = 1.2) -> tuple[float, float]:
    """Share of the speed, and shift, on a straight route along x."""
    chooser = Chooser(STAGES - 1, DT_S, 0.3, REST_S)
    route = Route(straight(20.0), 0.7, 1.4, 0.6)
    near = people.until(STAGES)
    found = chooser.choose(
        route, Progress(0.0, 0.0, speed_mps), Pace(1.2, 0.9, BRAKING_MPS2), np.zeros(3), people,
        room().kept(near, 0.0), EMPTY, room().contact(people),
    )  # fmt: skip
    return found.share, found.shift_m


def test_less_room_is_kept_behind_a_back_and_the_whole_of_it_before_and_beside() -> None:
    people = walker(0.0, 0.0, 0.0, 1.2).until(1 + 1)
    keep, contact = np.full((1, 2), 1.2), np.full((1, LATER), 0.6)
    for x, y, less in ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.3), (0.0, -0.3, 0.15)):
        place = np.array([[x, y], [x, y + 0.12]])
        assert lessened(people, place, keep, contact, DT_S)[0, 0] == pytest.approx(1.2 - less), (x, y)
    place = np.array([[0.0, -1.0], [0.0, -0.88]])
    assert lessened(people, place, keep, contact + 0.5, DT_S)[0, 0] == pytest.approx(1.1)  # no less than contact


def test_who_stands_has_no_back() -> None:
    keep, contact = np.full((1, 2), 1.2), np.full((1, LATER), 0.6)
    place = np.array([[0.0, -1.0], [0.0, -1.0]])
    np.testing.assert_allclose(lessened(walker(0.0, 0.0, 0.0, 0.0).until(2), place, keep, contact, DT_S), keep)


def along(speed_mps: float) -> tuple[Array, Array]:
    """One candidate straight along x: places (1, 1, t, 2) and speeds (1, t)."""
    t = np.arange(STAGES) * DT_S
    return np.stack([speed_mps * t, 0.0 * t], axis=-1)[None, None], np.full((1, STAGES), speed_mps)


@pytest.mark.parametrize(
    ("people", "unsafe"),
    [
        (walker(2.0, -2.4, 0.0, 1.2), True),  # at the crossing at the same time
        (walker(1.2, -2.6, 0.0, 1.2), True),  # the robot is through, but could not stop before it on the way
        (walker(2.0, 0.8, 0.0, 1.2), False),  # gone when the robot comes
        (walker(2.0, -9.0, 0.0, 1.2), False),  # far
    ],
)
def test_what_is_unsafe_is_where_braking_would_end_in_somebodys_way(people: People, unsafe: bool) -> None:
    contact = room().contact(people)
    cost = unsafety(*along(1.2), people, contact, BRAKING_MPS2, REST_S, DT_S)
    assert cost.shape == (1, 1) and (cost[0, 0] > 0.3) == unsafe
    assert unsafety(*along(0.0), people, contact, BRAKING_MPS2, REST_S, DT_S)[0, 0] == 0.0


def test_a_likely_way_counts_more_than_an_unlikely_one() -> None:
    likely = walker(2.0, -2.4, 0.0, 1.2)
    rare = likely._replace(weight=np.array([0.1]))
    costs = [
        unsafety(*along(1.2), people, room().contact(people), BRAKING_MPS2, REST_S, DT_S)[0, 0]
        for people in (likely, rare)
    ]
    assert costs[1] == pytest.approx(0.2 * costs[0])


@pytest.mark.parametrize(("x_m", "costs"), [(0.5, True), (-0.5, False), (1.4, False)])
def test_who_is_in_contact_is_not_driven_towards_even_while_they_go_away(x_m: float, costs: bool) -> None:
    people = walker(x_m, 0.0, math.copysign(1.5, x_m), 0.0)
    keep, contact = room().kept(people.until(STAGES), 0.0), room().contact(people)
    cost = closeness(*along(0.4), people.until(STAGES), keep, contact, 0, DT_S)
    assert (cost[0, 0] > 1.0) == costs


def test_it_goes_on_behind_somebody_who_has_crossed() -> None:
    assert choose(walker(2.2, 0.4, 0.0, 1.2)) == (1.0, 0.0)


def test_it_slows_down_or_goes_behind_for_somebody_who_comes_to_cross() -> None:
    share, shift = choose(walker(2.4, -2.2, 0.0, 1.2))
    assert share < 1.0 or shift < 0.0  # behind is where they came from


def test_with_nobody_it_drives_the_route() -> None:
    assert choose(nobody(LATER)) == (1.0, 0.0)


def test_four_people_who_cross_cost_little_time_and_nobody_is_touched() -> None:
    world = World(seed=3, people=np.array([(3.0, -3.2, 0.0, 1.2), (5.0, 4.5, 0.0, -1.1), (7.0, -7.0, 0.2, 1.2),
                                           (8.5, 8.0, 0.0, -1.0)]))  # fmt: skip
    world.plan(straight(11.0))
    outcome = world.run(30.0)
    assert outcome.contacts == 0 and outcome.standing_contacts == 0
    assert outcome.arrived_s < 1.4 * 11.0 / 1.2 + 1.5
