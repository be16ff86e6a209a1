"""A surprised world model: near people the robot slows down, far from them it drives on."""

from __future__ import annotations

import numpy as np
import pytest
from closed_loop import World, straight

from physical_ai_control.choice import Pace
from physical_ai_control.doubt import SLOWEST_SHARE, WALK_MPS, doubted, rests_before
from physical_ai_core import messages as m

PACE = Pace(1.2, 0.9, 1.5)
NOBODY = np.zeros(0)
REST_S = 0.75


def speed_after(seconds: float, surprise: float, person: tuple[float, float]) -> float:
    """Of a robot on a straight route beside one person, whose model is `surprise`d all the while."""
    world = World(people=np.array([(*person, 0.2, 0.0)]))
    world.silent.add("world_model/surprise")
    world.plan(straight(12.0))
    for _ in range(round(seconds / 0.01)):
        world.controller.handle("world_model/surprise", m.Scalar(surprise), world.t)
        world.step()
    return float(world.state[3])


def test_a_surprise_about_somebody_far_away_costs_no_time() -> None:
    assert speed_after(3.0, 20.0, (2.0, 6.5)) == pytest.approx(PACE.speed_mps, abs=0.05)


def test_a_surprise_about_somebody_near_slows_the_robot_down() -> None:
    beside = (2.0, 1.8)
    assert speed_after(2.0, 1.0, beside) > 1.1
    assert speed_after(2.0, 20.0, beside) < 1.5 * SLOWEST_SHARE * PACE.speed_mps


@pytest.mark.parametrize("gap_m", [1.7, 2.5, 4.0, 7.0])
def test_the_speed_that_is_left_comes_to_rest_before_a_walker_is_there(gap_m: float) -> None:
    v = rests_before(gap_m, PACE.deceleration_mps2, REST_S)
    robot_m = 0.2 * v + 0.5 * v**2 / PACE.deceleration_mps2
    walker_m = WALK_MPS * (0.2 + v / PACE.deceleration_mps2 + REST_S)
    assert v > 0.0 and robot_m + walker_m == pytest.approx(gap_m)


@pytest.mark.parametrize("surprise", [0.0, 1.0, 1.6, 3.0, 100.0, float("inf"), float("nan")])
def test_doubt_never_raises_the_speed_nor_falls_below_its_share_and_nearer_people_never_make_it_faster(
    surprise: float,
) -> None:
    speeds = [doubted(PACE, surprise, 1.5, np.array([gap_m, 9.0]), REST_S).speed_mps for gap_m in (0.0, 1.8, 3.0, 8.0)]
    assert speeds == sorted(speeds)
    assert all(SLOWEST_SHARE * PACE.speed_mps <= speed <= PACE.speed_mps for speed in speeds)


def test_a_surprise_that_is_no_number_slows_the_robot_down_even_with_nobody_in_sight() -> None:
    assert doubted(PACE, 100.0, 1.5, NOBODY, REST_S) == PACE
    for surprise in (float("inf"), float("nan")):
        assert doubted(PACE, surprise, 1.5, NOBODY, REST_S).speed_mps == SLOWEST_SHARE * PACE.speed_mps
