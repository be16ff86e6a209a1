"""Measured lateness lengthens the reaction time that the barrier counts with, and nothing else."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from gate_world import Drive, World
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_safety.footprint import Braking, Hull, first_contact, sort_points
from physical_ai_safety.latency import LONGEST_S, WINDOW_S, Reaction

SCOUT = [(0.25, 0.21), (-0.25, 0.21), (-0.25, -0.21), (0.25, -0.21)]
ages = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=700)


def measured(rows: list[float], actuator_s: float = 0.06) -> float:
    reaction = Reaction(actuator_s)
    for tick, age in enumerate(rows):
        reaction.note(0.01 * tick, age)
    return reaction.reaction_s


@settings(deadline=None, max_examples=60)
@given(ages)
def test_it_is_the_ninety_ninth_percentile_of_the_last_seconds_and_the_actuators(rows: list[float]) -> None:
    window = sorted(rows[-(round(WINDOW_S / 0.01) + 1) :])
    assert measured(rows) == pytest.approx(window[math.ceil(0.99 * len(window)) - 1] + 0.06)


@settings(deadline=None, max_examples=60)
@given(ages, st.floats(0.0, 0.5))
def test_what_comes_later_is_reckoned_later(rows: list[float], more: float) -> None:
    assert measured([age + more for age in rows]) >= measured(rows)


@settings(deadline=None)
@given(st.floats(0.0, 1.5), st.floats(0.0, 0.5), st.floats(0.31, 3.0), st.floats(-1.0, 1.0))
def test_the_later_the_robot_the_less_of_a_motion_passes(late: float, more: float, x: float, w: float) -> None:
    hull = Hull(SCOUT, 0.05)
    near = sort_points(hull, np.array([x, 0.0]), np.array([0.0, x]))
    sooner, later = (first_contact(hull, near, 1.2, w, Braking(r, 1.5, 3.0, 0.1)).factor for r in (late, late + more))
    assert min(later, 1.0) <= min(sooner, 1.0) + 1e-9


def test_before_anything_was_measured_the_rule_holds_and_after_a_jump_of_the_clock_too() -> None:
    reaction = Reaction(0.06)
    assert reaction.reaction_s == 0.0
    reaction.note(1.0, 0.3)
    assert reaction.reaction_s == pytest.approx(0.36)
    reaction.forget()
    assert reaction.reaction_s == 0.0
    reaction.note(0.5, 0.1)
    assert reaction.reaction_s == pytest.approx(0.16)


@pytest.mark.parametrize(
    ("age", "counted"), [(math.nan, LONGEST_S), (math.inf, LONGEST_S), (99.0, LONGEST_S), (-1.0, 0.0)]
)
def test_an_age_that_is_none_counts_as_the_longest(age: float, counted: float) -> None:
    assert measured([age], 0.0) == counted


def test_while_the_clock_stands_nothing_is_counted_twice() -> None:
    reaction = Reaction(0.0)
    for now, age in ((1.0, 0.1), (1.0, 0.9), (0.9, 0.9)):
        reaction.note(now, age)
    assert reaction.reaction_s == 0.1


def test_five_seconds_count_and_no_age_is_more_than_two() -> None:
    reaction = Reaction(0.0)
    reaction.note(1.0, 0.9)
    reaction.note(6.0, 0.1)
    assert reaction.reaction_s == 0.9
    reaction.note(6.01, 0.1)
    assert reaction.reaction_s == 0.1
    assert measured([99.0], 0.0) == measured([2.0], 0.0) == 2.0


def test_a_hiccup_of_one_tick_in_a_hundred_is_left_to_the_watchdog() -> None:
    assert measured([0.03] * 199 + [0.2]) == pytest.approx(0.09)
    assert measured([0.03] * 100 + [0.2] * 2) == pytest.approx(0.26)


def test_a_gate_that_had_to_wait_for_its_first_scan_is_not_thought_to_be_late() -> None:
    drive = Drive(World(y=14.5))
    drive.silent.add("scan")
    drive.run(1.0, 1.5)
    assert drive.gate.hearing.reaction.reaction_s == 0.0
    drive.silent.clear()
    drive.run(1.8, 1.5)
    assert drive.gate.hearing.reaction.reaction_s == pytest.approx(0.04 + 0.06, abs=0.011)  # 20 scans a second
    assert drive.outs[-1][1] == pytest.approx(1.5)


def test_scans_that_come_late_slow_the_robot_near_an_obstacle_and_their_age_is_forgotten_with_the_clock() -> None:
    def speed(late_s: float) -> float:
        drive = Drive(World(y=14.5, walls=[(23.2, 0.0, 23.2, 24.0)]))
        scan = drive.world.scan
        drive.world.scan = lambda: dataclasses.replace(scan(), stamp_s=drive.world.t - late_s)  # type: ignore[method-assign]
        fastest = []
        drive.run(2.2, 1.5, each=lambda world: fastest.append((world.x, drive.outs[-1][1])))
        drive.gate.tick(1.0)
        assert drive.gate.hearing.reaction.reaction_s == 0.0
        return max(v for x, v in fastest if x > 21.9)

    assert speed(0.0) > speed(0.18) + 0.05
