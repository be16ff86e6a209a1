"""Why the robot must stand, in the order in which one reason goes before another, with clause and numbers."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from physical_ai_core.reports import Intervention
from physical_ai_safety.footprint import sort_points
from physical_ai_safety.gate import decide
from physical_ai_safety.ladder import Latched
from physical_ai_safety.ranges import Ranges
from physical_ai_safety.rules import load_rules
from physical_ai_safety.situation import Book, Command, Memory, RobotState, compile_rules
from physical_ai_safety.walkers import NOBODY
from physical_ai_safety.zones import MapPose

HERE: dict[str, Any] = {"v_mps": 0.3, "w_rps": -0.2, "pose": MapPose(20.0, 14.5, 0.0, 0.03)}
MOVES = {"v_mps": 0.3, "w_rps": -0.2}


@cache
def book() -> Book:
    return compile_rules(load_rules("yard", "yard", "scout"))


def first(robot: dict[str, Any], command: dict[str, Any], **latched: bool) -> Intervention:
    """What decides, with the robot here and a command to drive at 0.3 m/s."""
    memory = Memory(0.3, 0.0, 1.0, latched=Latched(**latched))
    x, y = np.zeros((0, 2)).T
    given = Command(**({"source": "autonomy", "v_mps": 0.3, "w_rps": 0.0} | command))
    state = RobotState(**(HERE | robot))
    out = decide(given, state, Ranges(sort_points(book().hull, x, y), NOBODY, False), book(), memory, 1.01)
    assert (out.v_mps, out.w_rps) == (0.0, 0.0) or out.verdict.interventions[-1].rule in (
        "tilt",
        "crew",
        "stale_command",
    )
    return out.verdict.interventions[-1]


# What is wrong with the robot, with the command, what is latched; and what is said: rule, clause, numbers.
REASONS: list[tuple[dict[str, Any], dict[str, Any], dict[str, bool], tuple[str, str, dict[str, float]]]] = [
    ({"emergency": True}, {}, {"emergency": True}, ("emergency_stop", "input", {})),
    ({}, {}, {"emergency": True, "overrun": True}, ("emergency_stop", "latched", {})),
    ({}, {}, {"overrun": True, "bumper": True}, ("overrun", "", MOVES)),
    ({"bumper": True}, {}, {"bumper": True}, ("bumper", "touched", {})),
    ({"missing": ("scan", "imu/data")}, {}, {"bumper": True}, ("bumper", "latched", {})),
    ({"missing": ("scan", "imu/data")}, {}, {"start": True}, ("waiting", "scan, imu/data", {})),
    ({"absent": ("planner",)}, {}, {"start": True}, ("start", "", {})),
    ({"absent": ("planner", "controller"), "intruders": ("/x",)}, {}, {}, ("crew", "planner, controller", {})),
    ({"intruders": ("/x", "/y"), "lifted": True}, {}, {}, ("intruder", "/x, /y", {})),
    ({"lifted": True, "stale": (("scan", 0.4),)}, {}, {}, ("lifted", "", {})),
    ({"stale": (("scan", 0.4), ("imu/data", 0.5))}, {}, {}, ("stale_input", "scan", {"age_s": 0.4})),
    ({"faults": (("wheels leap", {"leaps": 3.0}), ("imu frozen", {}))}, {}, {},
     ("unsound_input", "wheels leap", {"leaps": 3.0})),
    ({"v_mps": 101.0}, {"refused": "nan"}, {}, ("unsound_input", "impossible speed", {"v_mps": 101.0, "w_rps": -0.2})),
    ({}, {"refused": "future"}, {}, ("refused_command", "autonomy: future", {})),
    ({}, {"v_mps": math.inf, "w_rps": -math.inf, "source": "teleop"}, {}, ("refused_command", "teleop: nan", {})),
    ({}, {"lost": True, "driver": "ann"}, {}, ("dead_man", "ann", {})),
    ({"pose": None}, {"lost": True}, {}, ("stale_command", "autonomy", {})),
    ({"pose": None, "pose_fault": "no link", "tilt_rad": 1.0}, {}, {}, ("pose_lost", "no link", {})),
    ({"pose": MapPose(math.nan, 0.0, 0.0, 0.0)}, {}, {}, ("pose_lost", "nan", {})),
    ({"tilt_rad": 1.0}, {}, {}, ("tilt", "", {"tilt_rad": 1.0})),
]  # fmt: skip


@pytest.mark.parametrize(("robot", "command", "latched", "said"), REASONS)
def test_each_reason_to_stand_is_named_before_the_next(
    robot: dict[str, Any], command: dict[str, Any], latched: dict[str, bool], said: tuple[str, str, dict[str, float]]
) -> None:
    found = first(robot, command, **latched)
    assert (found.rule, found.clause, dict(found.numbers)) == said


def test_what_nobody_said_is_rest_unlatched_and_on_level_ground() -> None:
    assert Command() == ("none", 0.0, 0.0, "", False, "")
    state, memory = RobotState(), Memory()
    assert (state.v_mps, state.w_rps, state.perceived_mps, state.reaction_s, state.place_age_s) == (0.0,) * 5
    assert (state.roll_rad, state.pitch_rad, state.tilt_rad) == (0.0, 0.0, 0.0) and state.pose is None
    assert (state.pose_fault, state.missing, state.stale, state.faults, state.absent, state.intruders) == (
        "",
        *((),) * 5,
    )
    assert not (state.emergency or state.bumper or state.lifted or memory.protective or any(memory.latched))
    assert (memory.v_mps, memory.w_rps, memory.cause, memory.approval_s, memory.drive_mps2) == (0.0, 0.0, "", 0.0, 0.0)
