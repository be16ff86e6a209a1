"""Backing off out of a dead end: only where the robot has been, slowly, a little, and never towards anybody."""

from __future__ import annotations

import numpy as np
import pytest

from physical_ai_control.body import body_of
from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.people import Forecast
from physical_ai_control.recovery import MOST_M, SPEED_MPS, STEP_M, Recovery
from physical_ai_control.surroundings import Surroundings
from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.robot import load_robot

STAGES = np.arange(26) * 0.1


def around(*occupied: tuple[float, float]) -> Surroundings:
    cells = np.zeros((80, 80), dtype=np.int8)
    for x, y in occupied:
        cells[int((y + 4.0) / 0.1), int((x + 4.0) / 0.1)] = 100
    grid = m.OccupancyGrid(0.0, "odom", 0.1, np.array([-4.0, -4.0, 0.0]), cells)
    return Surroundings(grid, np.zeros(3), 50, np.zeros((0, 3)), 0.1)


def people(*at: tuple[float, float]) -> Forecast:
    rows = layouts.empty(layouts.PREDICTION, 2 * len(at))
    for i, (x, y) in enumerate(at):
        for k in (0, 1):
            rows[2 * i + k]["id"], rows[2 * i + k]["weight"], rows[2 * i + k]["t_s"] = i + 1, 1.0, 0.5 * k
            rows[2 * i + k]["x"], rows[2 * i + k]["y"] = x, y
    return Forecast(m.Prediction(0.0, "odom", rows))


def came(patience_s: float = 1.5) -> Recovery:
    """A robot that came along the x axis to the origin."""
    recovery = Recovery(body_of(load_robot("scout")), STAGES, patience_s, 0.06)
    for x in np.arange(-1.5, 0.01, 0.1):
        recovery.notice(np.array([x, 0.0, 0.0, 1.0, 0.0]), 3.0)
    return recovery


STANDING: Array = np.zeros(5)


def test_it_backs_off_the_way_it_came_and_ends_at_rest() -> None:
    drive = came().drive(10.0, STANDING, 2.0, around((0.5, 0.0)), people())
    assert drive is not None
    assert drive.states[-1, 0] == pytest.approx(-STEP_M, abs=0.03)
    assert abs(drive.states[:, 1]).max() < 0.05
    assert drive.states[:, 3].min() == -SPEED_MPS and drive.states[-1, 3] == 0.0


def test_it_waits_for_its_patience_and_never_backs_off_where_that_is_off() -> None:
    assert came().drive(10.0, STANDING, 1.0, around(), people()) is None
    assert came(0.0).drive(10.0, STANDING, 1e3, around(), people()) is None


def test_it_does_not_back_off_into_what_stands_there_nor_with_somebody_near_nor_where_it_has_not_been() -> None:
    assert came().drive(10.0, STANDING, 2.0, around((-0.55, 0.0)), people()) is None
    assert came().drive(10.0, STANDING, 2.0, around(), people((-2.0, 1.0))) is None
    fresh = Recovery(body_of(load_robot("scout")), STAGES, 1.5, 0.06)
    fresh.notice(STANDING, 3.0)
    assert fresh.drive(10.0, STANDING, 2.0, around(), people()) is None


def test_its_tries_come_to_an_end_unless_it_comes_on() -> None:
    recovery, state, now_s, way_m = came(), STANDING.copy(), 10.0, 0.0
    for _ in range(4000):
        now_s += 0.05
        recovery.notice(state, 3.0 - state[0])
        if recovery.drive(now_s, state, 2.0, around(), people()) is not None:
            state[0] -= 0.05 * SPEED_MPS
            way_m += 0.05 * SPEED_MPS
    assert STEP_M < way_m <= MOST_M + STEP_M


def test_off_its_track_or_turned_away_from_it_it_does_not_reverse() -> None:
    carried = np.array([0.0, 0.6, 0.0, 0.0, 0.0])
    turned = np.array([0.0, 0.0, 0.6, 0.0, 0.0])
    assert came().drive(10.0, carried, 2.0, around(), people()) is None
    assert came().drive(10.0, turned, 2.0, around(), people()) is None


def test_a_try_does_not_outlive_something_else_that_was_done() -> None:
    recovery = came()
    assert recovery.drive(10.0, STANDING, 2.0, around(), people()) is not None
    assert recovery.drive(14.0, STANDING, 0.0, around(), people()) is None, "it has only just stopped again"


def test_it_is_off_unless_somebody_asks_for_it() -> None:
    assert ControllerParameters().back_off_after_s == 0.0
