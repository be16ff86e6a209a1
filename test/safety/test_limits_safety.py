"""Each clause of the decision at its edge: the numbers, the words, and what is remembered."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from physical_ai_core.goal import Words
from physical_ai_core.reports import Intervention
from physical_ai_safety import words
from physical_ai_safety.footprint import sort_points
from physical_ai_safety.gate import Decision, decide, stopped_by_fault
from physical_ai_safety.ladder import Latched
from physical_ai_safety.motion import Motion
from physical_ai_safety.ranges import Ranges
from physical_ai_safety.rules import load_rules
from physical_ai_safety.situation import Book, Command, Memory, RobotState, compile_rules
from physical_ai_safety.walkers import NOBODY, Walkers
from physical_ai_safety.zones import MapPose

FREE = RobotState(0.7, -0.1, MapPose(20.0, 14.5, 0.0, 0.03))


@cache
def book() -> Book:
    return compile_rules(load_rules("yard", "yard", "scout"))


def around(*points: tuple[float, float], rear: bool = False, walkers: Walkers = NOBODY) -> Ranges:
    x, y = np.array(points, dtype=float).reshape(-1, 2).T
    return Ranges(sort_points(book().hull, x, y), walkers, rear)


def asked(
    v: float, w: float = 0.0, was: tuple[float, float] = (0.0, 0.0), dt: float = 0.02, ranges: Ranges | None = None
) -> Decision:  # fmt: skip
    pulling = Memory(*was, 1.0, drive_mps2=1.5)  # at full acceleration already
    return decide(Command("autonomy", v, w), FREE, ranges or around(), book(), pulling, 1.0 + dt)


def test_the_rules_of_the_yard_are_worked_out_once() -> None:
    rules = book()
    assert rules.braking == (0.2, 1.5, 3.0, 0.1) and rules.hull.margin_m == 0.05
    assert rules.limits.max_speed_mps == 1.5 and rules.zones.needs_pose and len(rules.hash) == 12


def test_a_motion_is_scaled_along_its_arc_and_never_up() -> None:
    motion = Motion(1.0, -0.5)
    assert motion.scaled(0.5) == (0.5, -0.25) and motion.scaled(1.0) is motion and motion.scaled(3.0) is motion


@pytest.mark.parametrize(
    ("v", "w", "rests"),
    [(0.019, 0.049, True), (-0.019, -0.049, True), (0.021, 0.0, False), (-0.021, 0.0, False), (0.0, 0.051, False),
     (0.02, 0.0, False), (0.0, 0.05, False)],
)  # fmt: skip
def test_below_creeping_is_rest(v: float, w: float, rests: bool) -> None:
    assert Motion(v, w).rests() is rests


@pytest.mark.proves("limit")
@pytest.mark.parametrize(
    ("v", "w", "rear", "out", "clause"),
    [
        (3.0, 0.0, False, (1.5, 0.0), "speed"),
        (3.0, 1.0, False, (1.5, 0.5), "speed"),
        (0.5, 4.0, False, (0.25, 2.0), "yaw rate"),
        (0.5, -4.0, False, (0.25, -2.0), "yaw rate"),
        (3.0, 8.0, False, (0.75, 2.0), "yaw rate"),
        (3.0, 3.0, False, (1.5, 1.5), "speed"),
        (3.0, 4.0, False, (1.5, 2.0), "speed"),  # alike
        (-0.8, 0.4, False, (-0.2, 0.1), "blind reverse"),
        (-0.8, 0.4, True, (-0.4, 0.2), "reverse"),
        (0.0, 3.0, False, (0.0, 2.0), "yaw rate"),
        (1.5, 2.0, False, (1.5, 2.0), ""),
        (1.501, 0.0, False, (1.5, 0.0), ""),  # less than a thousandth is not worth a word
        (1.503, 0.0, False, (1.5, 0.0), "speed"),
        (-0.2, 0.0, False, (-0.2, 0.0), ""),
        (-0.4, 0.0, True, (-0.4, 0.0), ""),
    ],
)
def test_the_limits_keep_the_arc_and_say_which_one_it_was(
    v: float, w: float, rear: bool, out: tuple[float, float], clause: str
) -> None:
    decision = asked(v, w, out, ranges=around(rear=rear))
    assert (decision.v_mps, decision.w_rps) == pytest.approx(out)
    notes = decision.verdict.interventions
    assert [(n.rule, n.clause) for n in notes] == ([("limit", clause)] if clause else [])
    if clause:
        assert notes[0].numbers == pytest.approx({"v_mps": out[0], "w_rps": out[1]})
    assert decision.verdict.state == ("limited" if clause else "clear")


@pytest.mark.parametrize(
    ("was", "want", "dt", "out"),
    [
        ((1.0, 0.0), (1.5, 0.0), 0.02, (1.03, 0.0)),  # 1.5 m/s² up
        ((1.0, 0.0), (0.5, 0.0), 0.02, (0.95, 0.0)),  # 2.5 m/s² down
        ((-0.1, 0.0), (-0.2, 0.0), 0.02, (-0.13, 0.0)),
        ((-0.2, 0.0), (-0.1, 0.0), 0.02, (-0.15, 0.0)),
        ((0.04, 0.0), (-0.2, 0.0), 0.02, (0.0, 0.0)),  # through rest: what comes after has its own limit
        ((0.0, 0.0), (-0.2, 0.0), 0.02, (-0.03, 0.0)),
        ((1.0, 0.0), (1.0, 1.0), 0.02, (1.0, 0.08)),  # 4 rad/s²
        ((1.0, 0.5), (1.0, -0.5), 0.02, (1.0, 0.42)),
        ((0.0, 0.0), (1.0, 0.5), 0.02, (0.03, 0.015)),  # from rest along the arc
        ((0.0, 0.0), (0.1, 2.0), 0.02, (0.004, 0.08)),  # the slower of the two sets the pace
        ((1.0, 0.0), (1.5, 2.0), 0.02, (1.02, 0.08)),  # speeding up waits for the turn
        ((1.0, 0.0), (0.5, 2.0), 0.02, (0.95, 0.08)),  # slowing down does not
        ((1.0, 0.0), (1.5, 0.0), 5.0, (1.15, 0.0)),  # a long pause counts as a tenth of a second
        ((1.0, 0.0), (1.5, 0.0), -1.0, (1.0, 0.0)),  # and one backwards as none
        ((1.0, 0.0), (1.01, 0.0), 0.02, (1.01, 0.0)),
        ((1.0, 0.5), (0.0, 0.0), 0.0, (0.0, 0.0)),  # a stop passes at once
        ((1.0, 0.5), (0.0, 0.4), 0.02, (0.95, 0.42)),
    ],
)
def test_the_ramps(was: tuple[float, float], want: tuple[float, float], dt: float, out: tuple[float, float]) -> None:
    decision = asked(*want, was, dt)
    assert (decision.v_mps, decision.w_rps) == pytest.approx(out)
    assert (decision.memory.v_mps, decision.memory.w_rps, decision.memory.stamp_s) == pytest.approx((*out, 1.0 + dt))


@pytest.mark.proves("acceleration")
@pytest.mark.parametrize(
    ("was", "want", "clause"),
    [
        ((1.0, 0.0), (1.07, 0.0), ""),  # 0.04 short
        ((1.0, 0.0), (1.09, 0.0), "speeding up"),
        ((1.0, 0.0), (0.91, 0.0), ""),
        ((1.0, 0.0), (0.89, 0.0), "slowing"),
        ((1.0, 0.0), (1.0, 0.22), ""),
        ((1.0, 0.0), (1.0, 0.24), "speeding up"),
        ((1.0, 0.0), (1.0, -0.24), "speeding up"),
    ],
)
def test_only_a_ramp_that_matters_is_told(was: tuple[float, float], want: tuple[float, float], clause: str) -> None:
    decision = asked(*want, was)
    expected = [("acceleration", clause)] if clause else []
    assert [(n.rule, n.clause) for n in decision.verdict.interventions] == expected


def test_before_the_first_decision_no_time_has_passed() -> None:
    out = decide(Command("autonomy", 1.0), FREE, around(), book(), Memory(), 5.0)
    assert out.v_mps == 0.0 and out.memory.stamp_s == 5.0


def test_the_verdict_carries_what_was_asked_sent_measured_and_approved() -> None:
    memory = Memory(0.5, 0.0, 1.0, approved=True, approval_s=0.3)
    out = decide(Command("teleop", 0.5, 0.1), FREE, around(), book(), memory, 1.05)
    verdict = out.verdict
    assert (verdict.stamp_s, verdict.state, verdict.source, verdict.tool) == (1.05, "clear", "teleop", False)
    assert verdict.command_in == [0.5, 0.1] and verdict.command_out == [out.v_mps, out.w_rps]
    assert verdict.measured == [0.7, -0.1] and verdict.rules == book().hash
    assert verdict.approved is True and verdict.approval_s == 0.3
    assert (verdict.en, verdict.ja) == (words.CLEAR.en, words.CLEAR.ja)


def test_numbers_that_are_none_are_shown_as_zero() -> None:
    robot = RobotState(math.nan, math.inf, FREE.pose)
    out = decide(
        Command("autonomy", math.nan, -math.inf), robot, around(), book(), Memory(approval_s=math.nan), math.nan
    )
    assert out.verdict.command_in == [0.0, 0.0] and out.verdict.measured == [0.0, 0.0]
    assert out.verdict.stamp_s == 0.0 and out.verdict.approval_s == 0.0 and out.memory.stamp_s == 0.0


def test_who_asks_for_nothing_waits() -> None:
    out = decide(Command(), FREE, around(), book(), Memory(stamp_s=1.0), 1.02)
    assert (out.verdict.state, out.verdict.source, out.verdict.en) == ("waiting", "none", words.IDLE.en)


@pytest.mark.parametrize(
    ("robot", "command", "rule", "clause", "numbers"),
    [
        ({"emergency": True}, {}, "emergency_stop", "input", {}),
        ({"missing": ("scan", "wheel/odometry")}, {}, "waiting", "scan, wheel/odometry", {}),
        ({"absent": ("controller", "planner")}, {}, "crew", "controller, planner", {}),
        ({"stale": (("scan", 0.4), ("imu/data", 0.9))}, {}, "stale_input", "scan", {"age_s": 0.4}),
        ({}, {"refused": "frame 'map'"}, "refused_command", "autonomy: frame 'map'", {}),
        ({}, {"w_rps": math.inf}, "refused_command", "autonomy: nan", {}),
        ({}, {"lost": True}, "stale_command", "autonomy", {}),
        ({"pose": None, "pose_fault": "far"}, {}, "pose_lost", "far", {}),
        ({"pose": MapPose(1.0, 1.0, math.inf, 0.1)}, {}, "pose_lost", "nan", {}),
        ({"v_mps": -100.1}, {}, "unsound_input", "impossible speed", {"v_mps": -100.1, "w_rps": -0.1}),
        ({"w_rps": 100.1}, {}, "unsound_input", "impossible speed", {"v_mps": 0.7, "w_rps": 100.1}),
        ({"v_mps": math.nan}, {}, "unsound_input", "impossible speed", {"v_mps": 0.0, "w_rps": -0.1}),
        ({"tilt_rad": 0.36}, {}, "tilt", "", {"tilt_rad": 0.36}),
        ({"tilt_rad": math.nan}, {}, "tilt", "", {"tilt_rad": 0.0}),
    ],
)
def test_each_reason_to_stand_has_its_clause_its_numbers_and_its_state(
    robot: dict[str, object], command: dict[str, object], rule: str, clause: str, numbers: dict[str, float]
) -> None:
    asked_for, here = Command("autonomy", 1.0)._replace(**command), FREE._replace(**robot)
    out = decide(asked_for, here, around(), book(), Memory(1.0, 0.0, 1.0), 1.01)
    note = out.verdict.interventions[0]
    assert (note.rule, note.clause, note.numbers) == (rule, clause, numbers)
    stops = rule not in ("emergency_stop", "waiting")
    assert out.verdict.state == ("protective_stop" if stops else rule)
    assert (out.memory.protective, out.memory.cause) == ((True, rule) if stops else (False, ""))
    controlled = rule in ("crew", "stale_command") or (rule == "tilt" and not math.isnan(here.tilt_rad))
    assert out.v_mps == out.memory.v_mps == (pytest.approx(0.985) if controlled else 0.0) and out.w_rps == 0.0


def test_at_the_largest_tilt_itself_it_still_drives() -> None:
    out = decide(Command("autonomy", 0.5), FREE._replace(tilt_rad=0.35), around(), book(), Memory(0.5, 0.0, 1.0), 1.01)
    assert out.verdict.state == "clear"


def test_a_latched_emergency_stop_says_that_it_is_latched_and_goes_before_all_else() -> None:
    robot = FREE._replace(missing=("scan",), stale=(("scan", 1.0),))
    out = decide(Command("autonomy", 0.5), robot, around(), book(), Memory(latched=Latched(emergency=True)), 1.0)
    assert out.verdict.interventions[0].clause == "latched" and out.memory.emergency


@pytest.mark.proves("hold")
def test_a_hold_counts_from_when_the_cause_had_gone_and_tells_what_is_left() -> None:
    memory = Memory(stamp_s=1.0, protective=True, cause="tilt")
    first = decide(Command("autonomy", 0.5), FREE, around(), book(), memory, 1.0)
    assert first.memory.clear_since_s == 1.0 and first.verdict.interventions[0].numbers == {"left_s": 0.25}
    later = decide(Command("autonomy", 0.5), FREE, around(), book(), first.memory, 1.15)
    note = later.verdict.interventions[0]
    assert (note.rule, note.clause) == ("hold", "tilt") and note.numbers["left_s"] == pytest.approx(0.1)
    back = decide(Command("autonomy", 0.5), FREE, around(), book(), later.memory, 0.8)
    assert back.memory.clear_since_s == 0.8 and back.verdict.state == "protective_stop"
    done = decide(Command("autonomy", 0.5), FREE, around(), book(), first.memory, 1.5)
    assert done.v_mps > 0.0
    assert (done.memory.protective, done.memory.cause, done.memory.clear_since_s) == (False, "", None)


@pytest.mark.proves("obstacle")
def test_an_obstacle_is_told_with_its_place_and_the_way_left() -> None:
    out = asked(1.0, 0.0, (1.0, 0.0), ranges=around((0.8, 0.0)))
    note = out.verdict.interventions[-1]
    assert (note.rule, note.clause) == ("obstacle", "stop distance") and out.verdict.state == "limited"
    allowed = 1.5 * (math.sqrt(0.04 + 2.0 * 0.4 / 1.5) - 0.2)
    assert note.numbers == pytest.approx({"free_m": 0.5, "x_m": 0.8, "y_m": 0.0, "v_mps": allowed}, abs=1e-3)
    assert out.v_mps == pytest.approx(allowed, abs=1e-3)


@pytest.mark.parametrize(("cause", "extra"), [("obstacle", 0.05), ("person", 0.0)])
def test_after_a_stop_for_an_obstacle_more_room_is_asked_for(cause: str, extra: float) -> None:
    memory = Memory(0.0, 0.0, 1.0, protective=True, cause=cause, clear_since_s=0.0)
    still = FREE._replace(v_mps=0.0, w_rps=0.0)
    for room, goes in ((0.30 + 0.10 + extra + 0.02, True), (0.30 + 0.10 + extra - 0.01, False)):
        out = decide(Command("autonomy", 0.5), still, around((room, 0.0)), book(), memory, 1.1)
        assert (out.v_mps > 0.0) is goes


def someone(x: float, vx: float) -> Walkers:
    return Walkers(*(np.array([value]) for value in (x, 0.0, vx, 0.0, 0.3)))


@pytest.mark.proves("person")
def test_a_person_who_comes_is_told_with_distance_speed_and_time() -> None:
    out = asked(1.2, 0.0, (1.2, 0.0), ranges=around(walkers=someone(2.2, -0.5)))
    note = out.verdict.interventions[-1]
    assert (note.rule, note.clause, out.verdict.state) == ("person", "approach", "limited")
    assert note.numbers["distance_m"] == 2.2 and note.numbers["speed_mps"] == 0.5
    assert note.numbers["v_mps"] == out.v_mps and 0.0 < out.v_mps < 1.2 and note.numbers["contact_s"] < 2.0


def test_a_stop_for_a_person_ends_when_the_way_is_free_at_a_walk_and_not_before() -> None:
    memory = Memory(0.0, 0.0, 1.0, protective=True, cause="person", clear_since_s=0.0)
    for distance, goes in ((1.3, False), (1.7, True)):
        ranges = around(walkers=someone(distance, -0.5))
        out = decide(Command("autonomy", 1.2), FREE, ranges, book(), memory, 1.1)
        assert (out.v_mps > 0.0) is goes
        assert out.verdict.state == ("limited" if goes else "protective_stop")
    turning = decide(Command("autonomy", 0.0, 1.0), FREE, around(walkers=someone(0.9, -0.5)), book(), memory, 1.1)
    assert (turning.v_mps, turning.w_rps) == (0.0, 0.0)


@pytest.mark.proves("zone")
def test_a_zone_is_told_with_its_speed_its_way_and_the_doubt() -> None:
    robot = FREE._replace(pose=MapPose(35.0, 8.0, 0.0, 0.04))
    out = decide(Command("autonomy", 1.2), robot, around(), book(), Memory(1.2, 0.0, 1.0), 1.02)
    note = out.verdict.interventions[-1]
    assert (note.rule, note.clause) == ("zone", "loading_bay") and out.v_mps == pytest.approx(0.8)
    assert note.numbers == pytest.approx({"v_mps": 0.8, "way_m": 0.0, "limit_mps": 0.8, "sigma_m": 0.04})


@pytest.mark.proves("fault")
def test_a_fault_stands_and_remembers_an_emergency_stop() -> None:
    out = stopped_by_fault(
        "ValueError: x", Command("teleop", 1.0), FREE, book(), Memory(1.0, latched=Latched(emergency=True)), 2.0
    )
    assert (out.verdict.state, out.verdict.source, out.verdict.interventions[0].clause) == (
        "protective_stop", "teleop", "ValueError: x",
    )  # fmt: skip
    assert (out.v_mps, out.memory.cause, out.memory.emergency) == (0.0, "fault", True)


def test_the_last_reason_speaks_in_both_languages_with_its_numbers() -> None:
    notes = [
        Intervention("limit", "speed", {"v_mps": 1.0, "w_rps": 0.0}),
        Intervention("stale_input", "scan", {"age_s": 0.4}),
    ]
    otherwise = Words(en="fine", ja="良好")
    assert words.say(notes, otherwise) == ("Stopped: scan is silent (0.40 s).", "停止:scan が途絶 (0.40 秒)。")
    assert words.say([], otherwise) == ("fine", "良好")


def test_an_obstacle_that_leaves_just_enough_room_is_not_spoken_of() -> None:
    out = asked(1.0, 0.0, (1.0, 0.0), ranges=around((1.0, 0.0)))  # 1.07 m/s would still do
    assert out.v_mps == 1.0 and out.verdict.interventions == [] and out.verdict.state == "clear"
