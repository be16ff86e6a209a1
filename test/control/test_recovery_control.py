"""Out of a tight place: turns and straight stretches where the outline fits, slowly, and never with somebody near."""

from __future__ import annotations

import numpy as np
import pytest

from physical_ai_control.body import body_of
from physical_ai_control.manoeuvre import Move, search
from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.people import Forecast
from physical_ai_control.recovery import ANEW_M, MOST_TRIES, Recovery
from physical_ai_control.surroundings import Surroundings
from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, rotation
from physical_ai_core.robot import load_robot

STAGES = np.arange(26) * 0.1
HALF_M = np.array([0.255, 0.215])
CIRCLES_M = (0.1275, -0.1275, 0.28)
CELL_M = 0.05


def around(*occupied: tuple[float, float], unknown_behind_m: float = 9.0) -> Surroundings:
    cells = np.zeros((160, 160), dtype=np.int8)
    cells[:, : int((4.0 - unknown_behind_m) / CELL_M) if unknown_behind_m < 4.0 else 0] = -1
    for x, y in occupied:
        cells[int((y + 4.0) / CELL_M), int((x + 4.0) / CELL_M)] = 100
    grid = m.OccupancyGrid(0.0, "odom", CELL_M, np.array([-4.0, -4.0, 0.0]), cells)
    return Surroundings(grid, np.zeros(3), 50, np.zeros((0, 3)), 0.1)


def wall(x1: float, y1: float, x2: float, y2: float) -> list[tuple[float, float]]:
    count = int(np.hypot(x2 - x1, y2 - y1) / (0.6 * CELL_M)) + 2
    return [(float(x), float(y)) for x, y in zip(np.linspace(x1, x2, count), np.linspace(y1, y2, count), strict=True)]


POCKET = wall(0.45, -0.4, 0.45, 0.4) + wall(-0.6, 0.4, 0.45, 0.4) + wall(-0.6, -0.4, 0.45, -0.4)  # open behind
BACK: Array = np.array([[-1.0 - 0.1 * k, 0.9, np.pi] for k in range(5)])  # a route that leads back


def people(*at: tuple[float, float]) -> Forecast:
    rows = layouts.empty(layouts.PREDICTION, 2 * len(at))
    for i, (x, y) in enumerate(at):
        for k in (0, 1):
            rows[2 * i + k]["id"], rows[2 * i + k]["weight"], rows[2 * i + k]["t_s"] = i + 1, 1.0, 0.5 * k
            rows[2 * i + k]["x"], rows[2 * i + k]["y"] = x, y
    return Forecast(m.Prediction(0.0, "odom", rows))


def recovery(patience_s: float = 1.5) -> Recovery:
    return Recovery(body_of(load_robot("jackal")), STAGES, patience_s, 0.06)


def touches(pose: Array, occupied: list[tuple[float, float]]) -> bool:
    inside = (np.array(occupied) - pose[:2]) @ rotation(float(pose[2]))
    return bool((np.abs(inside) < HALF_M).all(axis=1).any())


STANDING: Array = np.zeros(5)


def test_out_of_a_pocket_it_goes_back_before_it_turns() -> None:
    moves = search(np.zeros(3), BACK, HALF_M, CIRCLES_M, around(*POCKET))
    assert moves[0].along == -1 and moves[0].pose[0] < -0.3
    assert np.hypot(*(moves[-1].pose[:2] - BACK[:, :2]).T).min() < 0.15 + CELL_M
    assert any(move.along == 0 for move in moves)


def test_where_nothing_stands_it_turns_and_drives_on() -> None:
    moves = search(np.zeros(3), np.array([[0.0, 0.5 + 0.1 * k, 0.5 * np.pi] for k in range(5)]), HALF_M, CIRCLES_M,
                   around())  # fmt: skip
    assert [move.along for move in moves] == [0, 1]
    assert moves[0].pose[2] == pytest.approx(0.5 * np.pi)


def test_it_stays_where_it_is_when_walled_in_or_where_nothing_is_known_of_the_way_out() -> None:
    assert search(np.zeros(3), BACK, HALF_M, CIRCLES_M, around(*POCKET, *wall(-0.6, -0.4, -0.6, 0.4))) == []
    assert search(np.zeros(3), BACK, HALF_M, CIRCLES_M, around(*POCKET, unknown_behind_m=0.4)) == []


def test_driven_to_its_end_it_touches_nothing_and_comes_to_the_route() -> None:
    out, state, now_s, surroundings = recovery(), STANDING.copy(), 10.0, around(*POCKET)
    for _ in range(1500):
        now_s += 0.02
        drive = out.drive(now_s, state, 2.0, BACK, surroundings, people())
        if drive is None:
            break
        assert drive.states[-1, 3] == drive.states[-1, 4] == 0.0, "every trajectory ends at rest"
        v, w = drive.states[0, 3:]
        state[2] += 0.02 * w
        state[:2] += 0.02 * v * np.array([np.cos(state[2]), np.sin(state[2])])
        assert not touches(state[:3], POCKET)
    assert np.hypot(*(state[:2] - BACK[:, :2]).T).min() < 0.35


def test_it_waits_for_its_patience_and_never_begins_where_that_is_off() -> None:
    assert recovery().drive(10.0, STANDING, 1.0, BACK, around(*POCKET), people()) is None
    assert recovery(0.0).drive(10.0, STANDING, 1e3, BACK, around(*POCKET), people()) is None


def test_with_somebody_near_or_something_new_in_the_way_it_stands() -> None:
    assert recovery().drive(10.0, STANDING, 2.0, BACK, around(*POCKET), people((-2.0, 1.0))) is None
    out = recovery()
    assert out.drive(10.0, STANDING, 2.0, BACK, around(*POCKET), people()) is not None
    assert out.drive(10.02, STANDING, 2.0, BACK, around(*POCKET, *wall(-0.29, -0.2, -0.29, 0.2)), people()) is None


def test_its_tries_come_to_an_end_unless_it_comes_on() -> None:
    out, now_s, tries, driving = recovery(), 10.0, 0, False
    for _ in range(2000):
        now_s += 0.1
        was, driving = driving, out.drive(now_s, STANDING, 2.0, BACK, around(*POCKET), people()) is not None
        tries += driving and not was
    assert tries == MOST_TRIES
    elsewhere = STANDING + np.array([-1.1 * ANEW_M, 0.0, 0.0, 0.0, 0.0])
    assert out.drive(now_s + 5.0, elsewhere, 2.0, BACK, around(*POCKET), people()) is not None


def test_a_try_does_not_outlive_something_else_that_was_done() -> None:
    out = recovery()
    assert out.drive(10.0, STANDING, 2.0, BACK, around(*POCKET), people()) is not None
    assert out.drive(14.0, STANDING, 0.0, BACK, around(*POCKET), people()) is None, "it has only just stopped again"


def test_who_is_beside_his_stretch_gives_it_up() -> None:
    out = recovery()
    assert out.drive(10.0, STANDING, 2.0, BACK, around(*POCKET), people()) is not None
    carried = STANDING + np.array([0.0, 0.3, 0.0, 0.0, 0.0])
    assert out.drive(10.02, carried, 2.0, BACK, around(), people()) is None


def test_it_is_off_unless_somebody_asks_for_it() -> None:
    assert ControllerParameters().back_off_after_s == 0.0
    assert Move(np.zeros(3), 0).along == 0
