"""What is laid before a decision and before the interlocks."""

from __future__ import annotations

import math

import pytest
from gate_world import Drive, Person, World

from physical_ai_safety.gate import OLDEST_S, Decision
from physical_ai_safety.implements import nearest_return, nearest_walker
from physical_ai_safety.ladder import Causes
from physical_ai_safety.picture import Buttons, around, robot_state
from physical_ai_safety.situation import GateVerdict


@pytest.fixture
def drive() -> Drive:
    """A robot under way in the open yard, with somebody who walks by."""
    drive = Drive(World(y=14.5, people=[Person(24.0, 16.5, -0.8, 0.0)]))
    drive.run(2.0, 0.5)
    return drive


def test_a_button_goes_down_once_and_only_two_of_them_latch() -> None:
    buttons = Buttons()
    assert buttons.causes == Causes(False, False)
    for topic, causes in (
        ("emergency_stop", Causes(True, False)), ("bumper", Causes(False, True)), ("lifted", Causes(False, False)),
    ):  # fmt: skip
        assert [buttons.take(topic, down) for down in (False, True, True, False, False, True)] == [
            False, True, False, False, False, True,
        ]  # fmt: skip
        assert buttons.causes == causes and [name for name, down in buttons.down.items() if down] == [topic]
        buttons.take(topic, False)


@pytest.mark.parametrize("age_s", [-0.5, 0.0, 0.1, OLDEST_S, OLDEST_S + 0.1, 5.0])
def test_returns_are_as_old_as_the_wheels_word_and_never_older_than_what_has_stopped_it(
    drive: Drive, age_s: float
) -> None:
    hearing = drive.gate.hearing
    robot = robot_state(hearing, Buttons(), (), hearing.reckoning.stamp_s + age_s)
    assert robot.place_age_s == pytest.approx(min(max(age_s, 0.0), OLDEST_S), abs=1e-9)


def test_buttons_and_intruders_reach_the_decision_each_in_its_place(drive: Drive) -> None:
    hearing, buttons = drive.gate.hearing, Buttons()
    for topic in ("emergency_stop", "bumper", "lifted"):
        buttons.take(topic, True)
        robot = robot_state(hearing, buttons, ("thief on cmd_vel",), hearing.now())
        assert (robot.emergency, robot.bumper, robot.lifted) == tuple(
            topic == name for name in ("emergency_stop", "bumper", "lifted")
        )
        assert robot.intruders == ("thief on cmd_vel",)
        buttons.take(topic, False)


class Asking:
    """What `around` reads of the implements."""

    def __init__(self, asked: bool, people: bool, things: bool) -> None:
        self.asked, self.looks_at_people, self.looks_around = asked, people, things


def look(drive: Drive, asking: Asking, state: str = "clear", lifted: bool = False) -> object:
    verdict = GateVerdict(drive.world.t, state, "autonomy", [0.0, 0.0], [0.0, 0.0], [], "", "", False)
    gate = drive.gate
    ranges = gate.hearing.ranges.now()
    decision = Decision(0.0, 0.0, verdict, gate.memory)
    return around(decision, ranges, asking, gate.rules, gate.hearing, lifted)  # type: ignore[arg-type]


def test_distances_to_people_and_things_are_from_the_outline_and_only_where_a_rule_asks(drive: Drive) -> None:
    ranges, radius_m = drive.gate.hearing.ranges.now(), drive.gate.rules.hull.radius_m
    person_m, thing_m = nearest_walker(ranges.walkers) - radius_m, nearest_return(ranges.near) - radius_m
    assert len(ranges.walkers.x) and 0.0 < person_m < 4.0 and 0.0 < thing_m < 9.0
    for asked in (False, True):
        for people in (False, True):
            for things in (False, True):
                seen = look(drive, Asking(asked, people, things))
                assert seen.person_m == (person_m if asked and people else math.inf)  # type: ignore[attr-defined]
                assert seen.nearest_m == (thing_m if asked and things else math.inf)  # type: ignore[attr-defined]


def test_only_clear_and_limited_motion_and_idleness_are_no_stop(drive: Drive) -> None:
    nothing = Asking(False, False, False)
    stopped = {
        state: look(drive, nothing, state).stopped  # type: ignore[attr-defined]
        for state in ("clear", "limited", "waiting", "protective_stop", "emergency_stop")
    }
    assert stopped == {
        "clear": False, "limited": False, "waiting": False, "protective_stop": True, "emergency_stop": True,
    }  # fmt: skip
    assert look(drive, nothing, lifted=True).lifted and not look(drive, nothing).lifted  # type: ignore[attr-defined]
