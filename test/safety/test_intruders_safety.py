"""Who else publishes what moves the robot: strangers at once, a second gate when it cannot be a ghost any more."""

from __future__ import annotations

from physical_ai_safety.intruders import GHOST_S, Suspects

OWN = ("cmd_vel", "/safety_gate")


def test_the_gate_alone_is_no_intruder() -> None:
    assert Suspects("/safety_gate").look([OWN, ("tool", "/safety_gate")], 0.0) == []


def test_a_stranger_is_found_at_once_and_named_once() -> None:
    stranger = ("cmd_vel", "/joystick")
    assert Suspects("/safety_gate").look([OWN, stranger, stranger], 0.0) == [stranger]


def test_the_gate_of_another_robot_is_a_stranger() -> None:
    assert Suspects("/robot1/safety_gate").look([("cmd_vel", "/safety_gate")], 0.0) == [("cmd_vel", "/safety_gate")]


def test_a_second_gate_counts_when_it_has_outlasted_the_ghost_of_a_dead_one() -> None:
    suspects = Suspects("/safety_gate")
    assert suspects.look([OWN, OWN], 0.0) == []
    assert suspects.look([OWN, OWN], GHOST_S) == []
    assert suspects.look([OWN, OWN], GHOST_S + 0.1) == [OWN]
    assert suspects.look([OWN], GHOST_S + 0.2) == [], "it has gone"
    assert suspects.look([OWN, OWN], GHOST_S + 0.3) == [], "and the next one is a ghost again, at first"


def test_a_ghost_is_believed_for_half_a_minute() -> None:
    suspects = Suspects("/safety_gate")
    assert suspects.look([OWN, OWN], 0.0) == suspects.look([OWN, OWN], 30.0) == []
    assert suspects.look([OWN, OWN], 30.1) == [OWN]
