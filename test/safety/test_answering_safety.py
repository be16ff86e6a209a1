"""How the gate answers each topic and each person, and with what it asks for a decision."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from gate_world import ANGLES, odometry, scan_of, twist

from physical_ai_core import messages as m
from physical_ai_core.core import ERROR, NOTHING, OK, WARN, Health
from physical_ai_core.reports import ApprovalRequest, ImplementOrder, Intervention, PersonsAnswer, Takeover
from physical_ai_core.robot import Mount, load_robot
from physical_ai_core.site import load_site
from physical_ai_safety import core, words
from physical_ai_safety.core import GateCore
from physical_ai_safety.footprint import sort_points
from physical_ai_safety.gate import decide
from physical_ai_safety.implements import Around
from physical_ai_safety.ladder import FREE, POWER_UP, Latched
from physical_ai_safety.motion import Motion
from physical_ai_safety.parameters import GateParameters
from physical_ai_safety.ranges import Ranges
from physical_ai_safety.rules import Rules, combine
from physical_ai_safety.schema import RulesFile
from physical_ai_safety.walkers import Walkers
from physical_ai_safety.zones import MapPose

ASKS = {"kind": "approval", "id": "out", "clause": "site order 3", "hazard": "traffic crosses"}


@cache
def rules_of(key: str) -> Rules:
    """Made once each: the yard's, and what some tests want besides."""
    more: dict[str, dict[str, Any]] = {
        "plain": {},
        "asks": {"rules": [ASKS]},
        "crate": {"payloads": {"crate": {"mass_kg": 5.0}}},
        "strangers": {"second_publisher_stops": False},
        "careful": {"implements": {
            "blade": {"by_tool": True, "clear_m": 5.0, "needs_work_zone": False},
            "arm": {"clear_m": 1.0, "person_m": 2.0},
        }},
        "people": {"implements": {"blade": {"by_tool": True, "person_m": 2.0, "needs_work_zone": False}}},
    }  # fmt: skip
    file = RulesFile.model_validate({"name": key, **more[key]})
    return combine(file, load_site("yard"), load_robot("scout"), "crate" if key == "crate" else "")


def new(key: str = "plain", **parameters: Any) -> GateCore:
    parameters.setdefault("payload", "crate" if key == "crate" else "")
    return GateCore(GateParameters(start_latched=False, **parameters), rules_of(key))


def hears(gate: GateCore, stamp_s: float, x: float = 20.0, y: float = 14.5, v: float = 0.0) -> None:
    """All that it waits for: a robot in free ground."""
    gate.tick(stamp_s)
    link = m.Pose(stamp_s, "map", np.zeros(3), np.array([0, 0, 0, 1.0]), 1e-4 * np.eye(6))
    gate.handle("scan", scan_of(np.full(len(ANGLES), 20.0), stamp_s), stamp_s)
    gate.handle("wheel/odometry", odometry(stamp_s, 0.0, 0.0, 0.0, v, 0.0), stamp_s)
    gate.handle("state/odometry", odometry(stamp_s, x, y, 0.0, v, 0.0), stamp_s)
    gate.handle("state/map_to_odom", link, stamp_s)


def ready(key: str = "plain", **parameters: Any) -> GateCore:
    gate = new(key, **parameters)
    hears(gate, 10.0)
    return gate


def spied(gate: GateCore, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The arguments of each decision from now on."""
    seen: list[tuple[Any, ...]] = []

    def spy(*given: Any) -> Any:
        seen.append(given)
        return decide(*given)

    monkeypatch.setattr(core, "decide", spy)
    return seen


def said(outputs: Any, topic: str) -> list[Any]:
    return [output.data for output in outputs if output.topic == topic]


# --- what it is made of ---


def test_it_sees_as_far_as_it_needs_to_stop_or_an_implement_wants_to_be_clear() -> None:
    gate = new()
    radius, sight = gate.rules.hull.radius_m, gate.rules.sight_m
    assert gate.hearing.ranges._how[0] == max(sight + 0.1 + 2.0 * radius, radius) == sight + 0.1 + 2.0 * radius
    assert new("careful").hearing.ranges._how[0] == 5.0 + radius > sight + 0.1 + 2.0 * radius


def test_a_start_is_latched_unless_the_parameters_say_otherwise_and_nothing_is_pressed() -> None:
    assert GateCore(GateParameters(), rules_of("plain")).memory.latched == POWER_UP
    gate = new()
    assert gate.memory.latched == FREE and gate.verdict is None and gate.reflexes == 0
    assert gate.health() == Health(
        WARN, "no decision yet", {"state": "waiting", "rules": gate.rules.hash, "refused": "0", "reflexes": "0"}
    )


def test_of_what_a_rules_file_names_the_parameters_choose() -> None:
    chosen = GateCore(GateParameters(site="yard", robot="scout", rules="yard"))
    assert chosen.rules.file.name == "yard" and chosen.rules.hash != new().rules.hash


def test_a_topic_that_it_does_not_hear_is_nothing() -> None:
    assert ready().handle("plan", None, 10.0) is NOTHING


def test_health_is_of_the_newest_verdict_with_what_was_refused_last() -> None:
    gate = ready()
    levels = {"clear": OK, "limited": OK, "waiting": WARN, "protective_stop": WARN, "emergency_stop": ERROR, "?": WARN}
    assert gate.verdict is not None
    for state, level in levels.items():
        object.__setattr__(gate.verdict, "state", state)
        health = gate.health()
        assert (health.level, health.message, health.values["state"]) == (level, gate.verdict.en, state)
    gate.refuse("a", "x")
    gate.refuse("b", "y")
    assert gate.health().values["last_refusal"] == "b: y" and gate.health().values["refused"] == "2"


# --- messages ---


def test_people_are_looked_for_before_each_message_and_tick_and_when_it_is_told_to_settle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, looks = ready(), []
    monkeypatch.setattr(gate.hearing.ranges, "follow", lambda: looks.append(1))
    gate.handle("heartbeat", m.Diagnostics(10.0, ()), 10.0)
    assert len(looks) == 1
    gate.tick(10.01)
    assert len(looks) == 2
    assert gate.settle() is NOTHING and len(looks) == 3


def test_a_message_that_is_answered_says_so_and_a_tick_right_after_it_adds_nothing() -> None:
    for answered_s, tick_s, speaks in ((0.0, 0.0, True), (0.0, 0.014, False), (0.0, 0.015, True), (0.0, 0.02, True)):
        gate = new()
        gate.tick(-1.0)
        hears(gate, answered_s)
        gate.handle("cmd_vel_nav", twist(answered_s, 0.1), answered_s)
        gate.telling._ticks = 0  # neither verdict nor tool is due by the next tick
        assert bool(gate.tick(tick_s)) is speaks, (answered_s, tick_s)


def test_what_is_due_is_told_however_fresh_the_answer_and_a_clock_that_stood_or_jumped_back_speaks() -> None:
    gate = ready()
    for ticks, speaks in ((0, False), (3, True), (9, True)):
        gate.handle("cmd_vel_nav", twist(10.0, 0.1), 10.0)
        gate.telling._ticks = ticks
        assert bool(gate.tick(gate.hearing.now() + 0.001)) is speaks
        gate.handle("cmd_vel_nav", twist(gate.hearing.now(), 0.1), gate.hearing.now())
    gate.telling._ticks = 0
    assert gate.tick(gate.hearing.now()), "it stands"
    gate.telling._ticks = 0
    assert gate.tick(2.0), "it was set back"


def test_a_clock_that_goes_back_forgets_what_is_remembered_in_time_and_what_people_said() -> None:
    gate = ready("asks")
    gate.memory = gate.memory._replace(clear_since_s=9.0, rest_due_s=11.0)
    gate.handle("safety/request", ApprovalRequest("x", "enter"), 10.0)
    gate.arrive(10.01)
    assert gate.memory.stamp_s is not None and gate.desk.asked == ["x"]
    gate.arrive(5.0)
    assert gate.memory.stamp_s is gate.memory.clear_since_s is gate.memory.rest_due_s is None
    assert gate.desk.asked == [] and gate.hearing.now() == 5.0


def test_the_age_of_the_picture_is_part_of_the_reaction_from_the_first_scan_on(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, noted = new(), []
    monkeypatch.setattr(gate.hearing.reaction, "note", lambda *given: noted.append(given))
    gate.tick(10.0)
    assert noted == []
    gate.handle("scan", scan_of(np.full(len(ANGLES), 20.0), 10.0), 10.0)
    gate.tick(10.125)
    assert noted == [(10.125, 0.125)]


@pytest.mark.parametrize("topic", ["emergency_stop", "bumper", "lifted"])
def test_a_button_counts_from_when_it_was_pressed_first_until_it_is_pressed_anew(topic: str) -> None:
    gate = ready()
    events = gate.telling.event_s
    gate.handle(topic, m.Flag(False), 10.01)
    assert topic not in events
    outputs = gate.handle(topic, m.Flag(True), 10.02)
    assert outputs[0].data.linear_x_mps == 0.0 and events[topic] == 10.02
    assert gate.verdict is not None and gate.verdict.interventions[0].rule == topic
    gate.handle(topic, m.Flag(True), 10.03)
    assert events[topic] == 10.02
    gate.handle(topic, m.Flag(False), 10.04)
    gate.handle(topic, m.Flag(True), 10.05)
    assert events[topic] == 10.05


@pytest.mark.parametrize("topic", ["emergency_stop", "bumper", "lifted"])
def test_what_is_pressed_while_it_sleeps_counts_when_it_wakes_and_nothing_else_does(topic: str) -> None:
    gate = ready()
    gate.hear_asleep(topic, m.Flag(True))
    gate.hear_asleep("cmd_vel_nav", twist(10.0, 0.5))
    gate.hear_asleep("unheard of", None)
    assert gate.hearing.inputs.never(("cmd_vel_nav",)) == ("cmd_vel_nav",)
    gate.tick(10.02)
    assert gate.verdict is not None and gate.verdict.interventions[0].rule == topic
    assert gate.memory.latched == Latched(topic == "emergency_stop", topic == "bumper")


def test_the_first_decision_of_all_may_be_a_latched_stop_and_ends_what_people_granted_once() -> None:
    gate = new("asks")
    gate.desk.request(ApprovalRequest("x", "enter"), 0.0)
    gate.handle("emergency_stop", m.Flag(True), 0.0)
    assert gate.desk.asked == []
    gate.desk.request(ApprovalRequest("y", "enter"), 0.0)
    gate.handle("emergency_stop", m.Flag(True), 0.0)
    assert gate.desk.asked == ["y"], "it was latched before"
    gate.memory = gate.memory._replace(latched=FREE)
    gate.handle("emergency_stop", m.Flag(False), 0.0)
    gate.handle("bumper", m.Flag(True), 0.0)
    assert gate.desk.asked == []


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (ImplementOrder([("tool", True)]), "form"), (ImplementOrder({"tool": True, "x": "on"}), "form"),  # type: ignore[arg-type,dict-item]
        (ImplementOrder({"tool": 1}), "form"), (ImplementOrder(None), "form"),  # type: ignore[arg-type,dict-item]
    ],
)  # fmt: skip
def test_an_order_that_is_no_map_of_names_to_yes_and_no_turns_nothing_on(order: ImplementOrder, why: str) -> None:
    gate = ready()
    assert gate.handle("implements_nav", order, 10.0) is NOTHING
    assert gate.hearing.last_refusal == f"implements_nav: {why}" and not gate.implements.asked


def test_of_an_order_the_known_names_count_and_the_others_are_refused_by_name() -> None:
    gate = ready()
    outputs = gate.handle("implements_nav", ImplementOrder({"x" * 99: True, "tool": True}), 10.0)
    assert outputs and gate.implements.asked and gate.hearing.refused == {"implements_nav": 1}
    assert gate.hearing.last_refusal == f"implements_nav: no implement '{'x' * 40}'"
    gate.handle("implements_nav", ImplementOrder({"tool": False}), 10.0)
    assert not gate.implements.asked and gate.hearing.refused == {"implements_nav": 1}


@pytest.mark.parametrize(("topic", "on", "off"), [("tool_nav", m.Flag(True), m.Flag(False)),
                                                  ("implements_nav", ImplementOrder({"tool": True}),
                                                   ImplementOrder({"tool": False}))])  # fmt: skip
def test_no_implement_is_asked_for_while_something_is_latched(topic: str, on: Any, off: Any) -> None:
    gate = ready()
    for latched, asked in ((FREE, True), (POWER_UP, False), (Latched(bumper=True), False)):
        gate.memory = gate.memory._replace(latched=latched)
        assert gate.handle(topic, off, 10.0)
        assert gate.handle(topic, on, 10.0) and gate.implements.asked is asked


def test_who_else_publishes_stops_the_robot_only_where_the_rules_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, seen_by in (("plain", ("/x",)), ("strangers", ())):
        gate = ready(key)
        seen = spied(gate, monkeypatch)
        gate.tick(10.1)
        gate.intruders(("/x",))
        gate.tick(10.2)
        assert [robot.intruders for _, robot, *_ in seen] == [(), seen_by]


def test_a_death_of_the_crew_is_answered_with_its_moment_and_of_others_is_none() -> None:
    gate = ready()
    alive = m.Status(0, "planner", "", {"active": "true", "pid": "7"})
    gate.handle("heartbeat", m.Diagnostics(10.0, (alive,)), 10.0)
    assert gate.died("coffee", "7") is NOTHING and "heartbeat" not in gate.telling.event_s
    gate.tick(10.1)
    (verdict,) = said(gate.died("planner", "7"), "safety/verdict")
    assert (verdict.cause_s, verdict.interventions[0].clause) == (10.1, "planner")


# --- the reflex ---


def board(stamp_s: float, frame: str = "lidar") -> m.LaserScan:
    """A sweep through the open, with a return 5 cm before the widened footprint."""
    ranges = np.full(len(ANGLES), 20.0)
    ranges[np.abs(ANGLES) < 0.02] = 0.2
    return scan_of(ranges, stamp_s, frame)


def test_a_glance_at_a_return_too_near_is_zero_now_for_a_robot_that_was_told_to_move() -> None:
    gate = ready()
    assert gate.glance(board(10.05)) is NOTHING, "it stands"
    gate.memory = gate.memory._replace(v_mps=0.5)
    free = scan_of(np.full(len(ANGLES), 20.0), 10.05)
    assert gate.glance(free) is NOTHING and gate.reflexes == 0
    for count, (scan_s, said_s) in enumerate(((10.05, 10.05), (10.0, 10.0)), 1):
        (only,) = gate.glance(board(scan_s))
        assert only.topic == "cmd_vel" and only.data == m.Twist(said_s, "base_link", 0.0, 0.0)
        assert gate.reflexes == count and gate.health().values["reflexes"] == str(count)
    gate.tick(10.1)
    gate.memory = gate.memory._replace(v_mps=0.5)
    assert gate.glance(board(10.05))[0].data.stamp_s == 10.1, "never before the newest word"
    for stamp_s, frame in ((9.9, "lidar"), (10.9, "lidar"), (math.nan, "lidar"), (10.05, "unheard")):
        assert gate.glance(board(stamp_s, frame)) is NOTHING
    assert gate.reflexes == 3


def test_a_sweep_is_known_to_the_reflex_from_when_it_was_taken_and_the_field_is_laid_when_it_settles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, learnt, prepared = ready(), list[tuple[m.LaserScan, Mount]](), list[Motion]()
    monkeypatch.setattr(gate.reflex, "learn", lambda *given: learnt.append(given))
    monkeypatch.setattr(gate.reflex, "prepare", prepared.append)
    fresh, late = board(10.05), board(9.0)
    gate.handle("scan", fresh, 10.05)
    gate.handle("scan", late, 9.0)
    assert [(scan.stamp_s, mount) for scan, mount in learnt] == [(10.05, gate.robot_body.mount("lidar"))]
    gate.memory = gate.memory._replace(v_mps=0.5, w_rps=0.25)
    monkeypatch.setattr(gate.hearing.ranges, "follow", lambda: False)
    gate.settle()
    assert prepared == []
    monkeypatch.setattr(gate.hearing.ranges, "follow", lambda: True)
    assert gate.settle() is NOTHING and prepared == [Motion(0.5, 0.25)]


def test_the_zones_are_measured_anew_as_soon_as_the_place_is_told() -> None:
    gate = ready()
    for x in (20.0, 25.0):
        gate.handle("state/odometry", odometry(10.1, x, 14.5, 0.0, 0.0, 0.0), 10.1)
        anchor = gate.memory.anchor
        assert anchor is not None and (anchor.x_m, anchor.y_m) == (x, 14.5)


# --- people ---


def test_a_reset_is_on_record_with_what_it_released_or_why_it_did_not() -> None:
    gate = ready()
    for latched, pressed, done, record in (
        (Latched(True, True, True, True), False, True, "emergency, bumper, overrun, start"),
        (POWER_UP, False, True, "start"),
        (FREE, False, True, ""), (Latched(emergency=True), True, False, "emergency_stop"),
    ):  # fmt: skip
        gate.handle("emergency_stop", m.Flag(pressed), 10.0)
        gate.desk.report(10.0)
        gate.memory = gate.memory._replace(latched=latched)
        answer = gate.reset("Ann")
        report = gate.desk.report(10.0)
        assert report is not None and [(n["what"], n["person"], n["context"], n["stamp_s"]) for n in report.notes] == [
            ("reset", "ann", record, 10.0)
        ]
        words_of = words.RESET["emergency_stop" if pressed else "" if record else "free"]
        assert answer == (done, words.both(words_of)) and gate.memory.latched == (latched if pressed else FREE)
    gate.reset()
    report = gate.desk.report(10.0)
    assert report is not None and report.notes[0]["person"] == "operator"


def test_a_pressed_bumper_holds_the_reset_back() -> None:
    gate = ready()
    gate.handle("bumper", m.Flag(True), 10.0)
    assert gate.reset() == (False, words.both(words.RESET["bumper"]))


def test_a_nameless_word_is_answered_with_the_request_it_went_to() -> None:
    gate = ready()
    assert gate.approve(True) == (True, "Approved.")
    assert (gate.memory.approved, gate.memory.approval_s) == (True, 10.0)
    gate.handle("safety/request", ApprovalRequest("x", "enter"), 10.0)
    gate.tick(10.25)
    assert gate.approve(False) == (True, "Refused by the operator: x.")
    assert (gate.memory.approved, gate.memory.approval_s) == (False, 10.25)
    assert gate.approve(False) == (True, "Refused by the operator.")
    gate.handle("safety/request", ApprovalRequest("y", "enter"), 10.25)
    assert gate.approve(True) == (True, "Approved: y.")


def test_who_takes_over_and_hands_back_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = ready()

    def answer(why: str) -> str:
        return words.both(words.DRIVER[why])

    assert gate.drive("", True) == (False, answer("nobody")) and gate.drive("Ann", True) == (True, answer("took"))
    gate.handle("cmd_vel_teleop", twist(10.0, 0.1), 10.0)
    assert gate.drive("Ben", True) == (False, answer("held")), "Ann is heard"
    gate.tick(10.6)
    assert gate.drive("Ann", False) == (False, answer("moves")), "it is not known that it stands"
    hears(gate, 10.7)
    assert gate.drive("Ben", True) == (True, answer("took")), "Ann fell silent"
    hears(gate, 10.8, v=0.3)
    assert gate.drive("Ben", False) == (False, answer("moves"))
    hears(gate, 10.9)
    assert gate.drive("Ben", False) == (True, answer("gave")) and gate.desk.driver == ""


@pytest.mark.parametrize(
    ("topic", "data", "why"),
    [
        ("safety/request", ApprovalRequest(3), "form"), ("safety/answer", PersonsAnswer("x", "ann", 1), "form"),  # type: ignore[arg-type]
        ("safety/answer", PersonsAnswer("x", "ann", True), "denied"), ("safety/driver", Takeover("", True), "nobody"),
        ("safety/request", ApprovalRequest("x"), ""), ("safety/driver", Takeover("ann", True), ""),
    ],
)  # fmt: skip
def test_what_people_say_is_answered_at_once_and_counted_where_it_does_not_count(
    topic: str, data: Any, why: str
) -> None:
    gate = ready()
    assert gate.handle(topic, data, 10.0)[0].topic == "cmd_vel"
    assert gate.hearing.refused == ({topic: 1} if why else {})
    assert gate.hearing.last_refusal == (f"{topic}: {why}" if why else "")


# --- what a decision is given ---


def test_the_robot_of_a_decision_is_what_was_heard_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = ready()
    seen = spied(gate, monkeypatch)
    hears(gate, 10.1, v=0.25)
    gate.hearing.tilt_rad = 0.125
    gate.handle("lifted", m.Flag(True), 10.1)
    command, robot, ranges, rules, _, stamp, _ = seen[-1]
    assert (command.source, stamp, rules) == ("none", 10.1, gate.rules) and ranges is gate.hearing.ranges.now()
    assert (robot.v_mps, robot.w_rps, robot.tilt_rad, robot.perceived_mps) == (0.25, 0.0, 0.125, 0.25)
    assert robot.pose == pytest.approx(MapPose(20.0, 14.5, 0.0, 0.03)) and robot.pose_fault == ""
    assert (robot.missing, robot.stale, robot.absent, robot.faults) == ((), (), (), ())
    assert (robot.emergency, robot.bumper, robot.lifted) == (False, False, True)
    assert robot.reaction_s == gate.hearing.reaction.reaction_s and (robot.roll_rad, robot.pitch_rad) == (0.0, 0.0)
    gate.handle("bumper", m.Flag(True), 10.1)
    gate.handle("emergency_stop", m.Flag(True), 10.1)
    assert (seen[-2][1].bumper, seen[-2][1].emergency, seen[-1][1].emergency) == (True, False, True)


@pytest.mark.parametrize(("since_s", "age_s"), [(0.0, 0.0), (0.125, 0.125), (0.25, 0.25), (0.3, 0.25), (-0.0625, 0.0)])
def test_returns_are_placed_by_the_wheels_last_word_and_no_older_one_than_stops_the_robot(
    monkeypatch: pytest.MonkeyPatch, since_s: float, age_s: float
) -> None:
    gate = ready()
    seen = spied(gate, monkeypatch)
    gate.handle("wheel/odometry", odometry(10.125, 0.0, 0.0, 0.0, 0.0, 0.0), 10.125)
    gate.tick(10.125 + since_s)
    assert seen[-1][1].place_age_s == age_s
    unheard = new()
    unheard.tick(10.0)
    assert seen[-1][1].place_age_s == 0.25


def test_the_hour_is_the_graphs_clock_and_the_offset_that_the_parameters_give(monkeypatch: pytest.MonkeyPatch) -> None:
    for offset_s, known in ((1.7e9, True), (0.0, False), (-1.7e9, False)):
        gate = ready(wall_offset_s=offset_s)
        seen = spied(gate, monkeypatch)
        gate.tick(10.5)
        hour = seen[-1][6]
        expected = ((1.7e9 + 10.5 + 9 * 3600.0) % 86_400.0, 2) if known else (None, None)  # 15 November 2023, in Japan
        assert (hour.day_s, hour.weekday) == expected


@pytest.mark.parametrize(
    ("key", "weighed", "load"), [("plain", None, None), ("plain", 3.0, 3.0), ("crate", None, 5.0), ("crate", 3.0, 5.0),
                                 ("crate", 7.0, 7.0)]
)  # fmt: skip
def test_the_load_is_the_heavier_of_what_is_declared_and_what_is_weighed(
    monkeypatch: pytest.MonkeyPatch, key: str, weighed: float | None, load: float | None
) -> None:
    gate = ready(key)
    seen = spied(gate, monkeypatch)
    if weighed is not None:
        kilograms = m.Status(0, "payload", "", {"kg": str(weighed)})
        gate.handle("site/state", m.Diagnostics(10.0, (kilograms,)), 10.0)
    gate.tick(10.1)
    assert seen[-1][6].payload_kg == load


def test_people_are_asked_with_where_the_robot_is_and_what_it_wants() -> None:
    gate = ready("asks")
    gate.handle("cmd_vel_nav", twist(10.0, 0.5, -0.25), 10.0)
    gate.tick(10.04)
    (asked,) = gate.desk.consent.open
    assert (asked.id, asked.action) == ("out", "move")
    assert asked.context == (
        "site order 3: traffic crosses; at x 20.0 m, y 14.5 m, autonomy asks for 0.50 m/s, -0.25 rad/s"
    )


def test_a_robot_that_does_not_know_its_place_says_so_to_whom_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = ready("asks")
    monkeypatch.setattr(gate.hearing.place, "pose", None)
    verdict = gate.verdict
    assert verdict is not None
    object.__setattr__(verdict, "command_in", [0.5, 0.0])
    object.__setattr__(verdict, "source", "teleop")
    object.__setattr__(verdict, "interventions", [Intervention("slope", "out"), Intervention("approval", "out")])
    gate._ask_people(verdict, 10.0)
    (asked,) = gate.desk.consent.open
    assert asked.context.endswith("; place unknown, teleop asks for 0.50 m/s, 0.00 rad/s")


# --- implements ---


def judged(gate: GateCore, monkeypatch: pytest.MonkeyPatch) -> list[Around]:
    seen: list[Around] = []
    decide = gate.implements.decide

    def spy(around: Around) -> None:
        seen.append(around)
        decide(around)

    monkeypatch.setattr(gate.implements, "decide", spy)
    return seen


def around(gate: GateCore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A return 2 m and a walker's edge 3 m from base_link."""
    near = sort_points(gate.rules.hull, np.array([0.0]), np.array([2.0]))
    walkers = Walkers(*(np.array([value]) for value in (0.0, 3.25, 0.0, 0.0, 0.25)))
    monkeypatch.setattr(gate.hearing.ranges, "now", lambda: Ranges(near, walkers, False))


@pytest.mark.parametrize("key", ["plain", "people", "careful"])
def test_distances_are_from_the_footprint_and_only_of_what_a_rule_asks_and_someone_wants(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    gate = ready(key)
    seen = judged(gate, monkeypatch)
    around(gate, monkeypatch)
    radius = gate.rules.hull.radius_m
    gate.telling._ticks = 9
    gate.tick(10.01)
    assert len(seen) == 1 and (seen[0].person_m, seen[0].nearest_m) == (math.inf, math.inf), "nobody asks for one"
    gate.tick(10.03)
    assert len(seen) == 1, "off and not asked for: looked at with the tool only"
    gate.handle("tool_nav", m.Flag(True), 10.03)
    assert len(seen) == 2
    assert seen[1].person_m == (math.inf if key == "plain" else 3.0 - radius)
    assert seen[1].nearest_m == (2.0 - radius if key == "careful" else math.inf)


def test_an_implement_knows_whether_the_gate_stands_waits_or_lets_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = ready()
    seen = judged(gate, monkeypatch)

    def now(latched: bool = False, stopped: bool = False, idle: bool = False) -> None:
        gate.tick(gate.hearing.now() + 0.03)
        last = seen[-1]
        assert (last.latched, last.stopped, last.idle) == (latched, stopped, idle)

    gate.handle("tool_nav", m.Flag(True), 10.0)
    monkeypatch.setattr(gate.implements, "_asked", {"tool": True})
    now(idle=True)
    assert seen[-1].at_rest and not seen[-1].in_work_zone and not seen[-1].lifted and seen[-1].tilt_rad == 0.0
    gate.handle("implements_nav", ImplementOrder({"tool": True}), gate.hearing.now())
    gate.handle("cmd_vel_nav", twist(gate.hearing.now(), 0.0), gate.hearing.now())
    now()
    gate.handle("lifted", m.Flag(True), gate.hearing.now())
    gate.handle("implements_nav", ImplementOrder({"tool": True}), gate.hearing.now())
    assert seen[-1].lifted and seen[-1].stopped and not seen[-1].idle
    gate.handle("lifted", m.Flag(False), gate.hearing.now())
    hears(gate, 10.2, x=6.0, y=17.0, v=0.3)
    gate.handle("emergency_stop", m.Flag(True), gate.hearing.now())
    gate.implements._asked["tool"] = True
    gate.hearing.tilt_rad = 0.125
    now(latched=True, stopped=True)
    assert seen[-1].in_work_zone and not seen[-1].at_rest and seen[-1].tilt_rad == 0.125


# --- faults inside ---


def test_a_fault_inside_is_counted_told_and_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = ready()
    gate.implements.on["tool"] = True
    monkeypatch.setattr(core, "decide", lambda *_: [][0])
    outputs = gate.tick(10.1)
    assert outputs[0].data == m.Twist(10.1, "base_link", 0.0, 0.0) and gate.implements.on == {"tool": False}
    assert gate.verdict is not None and gate.verdict.interventions == [
        Intervention("fault", "IndexError: list index out of range")
    ]
    assert gate.hearing.refused == {"gate": 1}
    assert gate.health().values["last_refusal"] == "gate: IndexError: list index out of range"
