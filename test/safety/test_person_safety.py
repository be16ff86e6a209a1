"""A person and the gate: release after a start, bumper, a base that does not stop, approvals, take-over, implements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from gate_world import Drive, Person, World, twist

from physical_ai_core import messages as m
from physical_ai_core.reports import (
    ApprovalRequest,
    ImplementOrder,
    ImplementStates,
    PeopleReport,
    PersonsAnswer,
    Takeover,
)  # fmt: skip
from physical_ai_core.share import share_path
from physical_ai_safety.core import GateCore
from physical_ai_safety.ladder import FREE, POWER_UP, Latched
from physical_ai_safety.parameters import GateParameters

MEADOW = {"x": 6.0, "y": 17.0}  # surely inside the work zone


def rules_with(folder: Path, **more: Any) -> GateParameters:
    """The yard's rules and what is given besides."""
    content = yaml.safe_load((share_path("config/rules") / "yard.yaml").read_text(encoding="utf-8"))
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump({**content, **more}), encoding="utf-8")
    return GateParameters(rules=str(path))


def said(outputs: Any, topic: str) -> list[Any]:
    return [output.data for output in outputs if output.topic == topic]


def rule(drive: Drive) -> str:
    assert drive.gate.verdict is not None
    notes = drive.gate.verdict.interventions
    return str(notes[-1].rule) if notes else ""


def tell(drive: Drive, topic: str, data: Any) -> Any:
    """Say something that has no stamp, now."""
    outputs = drive.gate.handle(topic, data, drive.world.t)
    drive.take(outputs)
    return outputs


# --- power-up, restart ---


@pytest.mark.proves("start")
def test_a_robot_that_starts_stands_until_a_person_releases_it() -> None:
    drive = Drive(World(y=14.5))
    drive.person = False
    drive.run(2.0, 0.8)
    assert set(drive.outs[-1][1:]) == {0.0} and rule(drive) == "start" and drive.states[-1] == "waiting"
    assert drive.gate.verdict is not None and drive.gate.verdict.category == -1, "it stands under power"
    done, text = drive.gate.reset("Ann")
    assert done and "解除" in text
    drive.run(1.0, 0.8)
    assert drive.outs[-1][1] > 0.5


@pytest.mark.proves("start")
def test_a_gate_that_is_started_anew_after_a_crash_is_latched_so_no_emergency_stop_is_lost_with_it() -> None:
    drive = Drive(World(y=14.5))
    drive.run(1.0, 0.5)
    tell(drive, "emergency_stop", m.Flag(True))
    drive.run(1.5, 0.5)
    reborn = Drive(drive.world)  # a new process: nothing of the old memory, and the button was let go meanwhile
    reborn.person = False
    assert reborn.gate.memory.latched == POWER_UP
    reborn.run(1.0, 0.8)
    assert reborn.outs[-1][1] == 0.0 and rule(reborn) == "start"


def test_where_a_test_bench_says_so_it_starts_free() -> None:
    assert GateCore(GateParameters(start_latched=False)).memory.latched == FREE


def test_a_release_before_the_wheels_were_heard_is_refused() -> None:
    gate = GateCore(GateParameters())
    gate.tick(10.0)
    done, text = gate.reset()
    assert not done and "wheel/odometry" in text and gate.memory.latched == POWER_UP


def test_a_button_pressed_while_the_gate_is_not_active_is_not_forgotten() -> None:
    drive = Drive(World(y=14.5))
    drive.gate.hear_asleep("emergency_stop", m.Flag(True))
    drive.gate.hear_asleep("cmd_vel_nav", twist(100.0, 1.0))  # anything else is
    drive.run(0.5, 0.5)
    assert rule(drive) == "emergency_stop" and not drive.gate.reset()[0]


# --- bumper, lift, a base that does not stop, someone else at the wheel ---


@pytest.mark.proves("bumper")
def test_a_bumper_latches_asks_for_category_1_and_is_released_only_when_it_is_free() -> None:
    drive = Drive(World(y=14.5))
    drive.run(1.0, 0.8)
    outputs = tell(drive, "bumper", m.Flag(True))
    assert said(outputs, "safety/hardware_stop") == [m.Whole(1)] and drive.outs[-1][1:] == (0.0, 0.0)
    drive.run(1.5, 0.8)
    assert not drive.gate.reset()[0]
    tell(drive, "bumper", m.Flag(False))
    drive.run(0.5, 0.8)
    assert drive.outs[-1][1] == 0.0 and rule(drive) == "bumper" and drive.gate.health().level == 2
    assert drive.gate.reset()[0]
    outputs = drive.gate.tick(drive.world.t + 0.01)
    assert said(outputs, "safety/hardware_stop") == [m.Whole(-1)]
    drive.run(1.0, 0.8)
    assert drive.outs[-1][1] > 0.5


@pytest.mark.proves("lifted")
def test_a_lifted_robot_stands_until_it_is_back_on_the_ground_and_goes_on_by_rule() -> None:
    drive = Drive(World(y=14.5))
    drive.run(1.0, 0.8)
    tell(drive, "lifted", m.Flag(True))
    drive.run(0.5, 0.8)
    assert drive.outs[-1][1] == 0.0 and rule(drive) == "lifted"
    tell(drive, "lifted", m.Flag(False))
    drive.run(1.5, 0.8)
    assert drive.outs[-1][1] > 0.5


def test_a_base_that_rolls_on_after_it_had_to_stand_is_asked_to_lose_its_power_and_stays_latched() -> None:
    drive = Drive(World(y=14.5))
    drive.run(1.0, 0.8)
    drive.world.move = lambda dt, v, w: setattr(drive.world, "t", round(drive.world.t + dt, 6))  # type: ignore[method-assign]
    tell(drive, "emergency_stop", m.Flag(True))
    tell(drive, "emergency_stop", m.Flag(False))
    drive.run(1.6, 0.8)
    assert rule(drive) == "emergency_stop", "braking 0.8 m/s at 1.5 m/s², a reaction of 0.2 s and a second besides"
    assert not drive.gate.memory.latched.overrun
    drive.run(0.3, 0.8)
    assert drive.gate.memory.latched == Latched(emergency=True, overrun=True)
    assert drive.gate.verdict is not None and drive.gate.verdict.category == 0
    assert not drive.gate.reset()[0], "it moves"
    drive.world.v = 0.0
    drive.run(0.1, 0.8)
    assert drive.gate.reset()[0] and drive.gate.memory.latched == FREE


@pytest.mark.proves("overrun")
def test_an_overrun_alone_latches_too_and_is_named(tmp_path: Path) -> None:
    for watched in (True, False):
        stopping = {} if watched else {"overrun_s": 0.0}
        drive = Drive(World(y=14.5), GateCore(rules_with(tmp_path, stopping=stopping)))
        drive.run(0.5, 0.0)
        drive.world.move = lambda dt, v, w, w_=drive.world: setattr(w_, "t", round(w_.t + dt, 6))  # type: ignore[method-assign]
        drive.world.v = 0.4  # pushed, or rolling down a slope, while it was told to stand
        drive.run(2.0, 0.0)
        assert (rule(drive) == "overrun") is watched and (drive.states[-1] == "emergency_stop") is watched


def test_while_the_wheels_are_silent_nobody_says_that_the_base_does_not_stop() -> None:
    drive = Drive(World(y=14.5))
    drive.run(1.0, 0.8)
    drive.silent.add("wheel/odometry")
    drive.run(3.0, 0.8)
    assert rule(drive) == "stale_input" and not drive.gate.memory.latched.held


@pytest.mark.proves("intruder")
@pytest.mark.parametrize("stops", [True, False])
def test_a_second_publisher_is_a_protective_stop_where_the_rules_say_so(tmp_path: Path, stops: bool) -> None:
    drive = Drive(World(y=14.5), GateCore(rules_with(tmp_path, second_publisher_stops=stops)))
    drive.run(1.0, 0.8)
    drive.gate.intruders(("/stranger on cmd_vel",))
    drive.run(0.2, 0.8)
    assert (drive.outs[-1][1] == 0.0) is stops and (rule(drive) == "intruder") is stops
    drive.gate.intruders(())
    drive.run(1.0, 0.8)
    assert drive.outs[-1][1] > 0.4


# --- take over, hand back ---


@pytest.mark.proves("dead_man")
def test_after_a_take_over_autonomy_does_not_move_the_robot_and_a_silent_stick_is_a_dead_man() -> None:
    drive = Drive(World(y=14.5))
    drive.run(1.0, 0.8)
    outputs = tell(drive, "safety/driver", Takeover("Ann", True))
    assert drive.outs[-1][1] == 0.0 and said(outputs, "safety/people")[0].driver == "ann"
    drive.run(1.0, 0.8)
    assert drive.outs[-1][1] == 0.0 and drive.states[-1] == "waiting"
    assert drive.gate.verdict is not None and "ann" in drive.gate.verdict.en and drive.told.driver == "ann"
    drive.run(0.6, 0.3, topic="cmd_vel_teleop")
    assert drive.outs[-1][1] == pytest.approx(0.3)
    drive.run(0.7, 0.8)  # she lets go while autonomy speaks on
    assert drive.outs[-1][1] == 0.0 and rule(drive) == "dead_man"
    tell(drive, "safety/driver", Takeover("Ben", False))
    assert drive.gate.desk.driver == "ann", "only who has it gives it back"
    tell(drive, "safety/driver", Takeover("ann", False))
    drive.run(1.5, 0.8)
    assert drive.outs[-1][1] > 0.5 and drive.gate.desk.driver == ""


def test_the_robot_is_handed_back_only_from_rest_and_taken_from_another_person_only_when_that_one_is_silent() -> None:
    drive = Drive(World(y=14.5))
    assert drive.gate.drive("", True)[0] is False
    assert drive.gate.drive("Ann", True) == (True, drive.gate.drive("ann", True)[1])
    drive.run(0.5, 0.3, topic="cmd_vel_teleop")
    assert not drive.gate.drive("Ann", False)[0], "it moves"
    assert not drive.gate.drive("Ben", True)[0], "Ann drives"
    drive.run(1.0, 0.3)
    assert drive.gate.drive("Ben", True)[0] and drive.gate.desk.driver == "ben"
    assert drive.gate.drive("Ben", False)[0] and drive.gate.drive("Ben", False)[0]


@pytest.mark.proves("emergency_stop")
def test_an_emergency_stop_goes_before_the_person_who_has_taken_over() -> None:
    drive = Drive(World(y=14.5))
    drive.gate.drive("Ann", True)
    drive.run(1.0, 0.3, topic="cmd_vel_teleop")
    assert drive.outs[-1][1] == pytest.approx(0.3)
    tell(drive, "emergency_stop", m.Flag(True))
    drive.run(0.5, 0.3, topic="cmd_vel_teleop")
    assert drive.outs[-1][1] == 0.0 and rule(drive) == "emergency_stop" and drive.gate.desk.driver == "ann"


# --- approvals ---

TWO = {
    "kind": "approval", "id": "over_the_road", "clause": "site order 3", "hazard": "traffic crosses", "persons": 2,
    "timeout_s": 5.0, "valid_s": 20.0, "polygon": [[22.0, 10.0], [30.0, 10.0], [30.0, 18.0], [22.0, 18.0]],
}  # fmt: skip


@pytest.fixture
def before_the_road(tmp_path: Path) -> Drive:
    """A robot that stands where two people have to say yes."""
    drive = Drive(World(y=14.5), GateCore(rules_with(tmp_path, rules=[TWO])))
    drive.run(4.0, 0.8)
    assert drive.outs[-1][1] < 0.02 and drive.world.x < 21.9
    return drive


@pytest.mark.proves("approval")
def test_the_gate_asks_by_itself_where_a_rule_wants_people_and_goes_on_when_two_have_said_yes(
    before_the_road: Drive,
) -> None:
    drive = before_the_road
    (asked,) = drive.gate.desk.consent.open
    assert asked.id == "over_the_road" and "traffic crosses" in asked.context and "autonomy" in asked.context
    assert drive.gate.verdict is not None and drive.told.asked == ["over_the_road"]
    x = drive.world.x
    outputs = tell(drive, "safety/answer", PersonsAnswer("over_the_road", "Ann", True))
    assert said(outputs, "safety/people")[0].open[0]["yes"] == ["ann"]
    drive.run(0.5, 0.8)
    assert drive.world.x == pytest.approx(x, abs=1e-3)
    outputs = tell(drive, "safety/answer", PersonsAnswer("over_the_road", "Ben", True))
    (report,) = said(outputs, "safety/people")
    assert report.granted[0]["by"] == ("ann", "ben") and json.loads(report.to_json())["notes"][-1]["what"] == "granted"
    drive.run(2.0, 0.8)
    assert drive.world.x > x + 0.3
    assert drive.gate.verdict is not None and drive.told.approvals == ["over_the_road"]


def test_the_gate_asks_only_for_rules_that_it_has(before_the_road: Drive) -> None:
    before_the_road.gate.desk.wish("no_such_rule", "here", before_the_road.world.t)
    assert before_the_road.gate.desk.asked == ["over_the_road"]


def test_nobody_answers_and_that_is_a_no(before_the_road: Drive) -> None:
    drive = before_the_road
    drive.run(6.0, 0.0)
    assert not drive.gate.desk.consent.open and not drive.gate.desk.approvals
    tell(drive, "safety/answer", PersonsAnswer("over_the_road", "Ann", True))
    assert drive.gate.health().values["last_refusal"] == "safety/answer: denied"


def test_a_node_cannot_ask_fewer_people_than_the_rule_does(before_the_road: Drive) -> None:
    drive = before_the_road
    tell(drive, "safety/request", ApprovalRequest("over_the_road", "cross", "quick", 3000.0, 1, 80_000.0))
    assert drive.gate.desk.consent.open[0].need == (2, 5.0, 20.0)
    tell(drive, "safety/answer", PersonsAnswer("over_the_road", "Ann", True))
    assert not drive.gate.desk.approvals


def test_a_latched_stop_ends_what_was_approved(before_the_road: Drive) -> None:
    drive = before_the_road
    for name in ("Ann", "Ben"):
        tell(drive, "safety/answer", PersonsAnswer("over_the_road", name, True))
    assert drive.gate.desk.approvals
    tell(drive, "bumper", m.Flag(True))
    assert not drive.gate.desk.approvals


def test_a_clock_that_jumps_back_ends_it_too(before_the_road: Drive) -> None:
    drive = before_the_road
    drive.gate.tick(5.0)
    assert not drive.gate.desk.consent.open


def test_the_nameless_service_is_one_person_and_answers_the_oldest_request(before_the_road: Drive) -> None:
    drive = before_the_road
    assert drive.gate.approve(True)[1] == "Approved: over_the_road."
    assert drive.gate.approve(True)[1] == "Approved.", "the same person again counts for nothing"
    tell(drive, "safety/answer", PersonsAnswer("over_the_road", "Ben", True))
    assert drive.gate.desk.approvals == {"over_the_road"}
    assert drive.gate.approve(False)[1] == "Refused by the operator: over_the_road."
    assert not drive.gate.desk.approvals, "a no takes back what was granted"


@pytest.mark.parametrize(
    ("topic", "data"),
    [
        ("safety/answer", PersonsAnswer("over_the_road", "Ben", "no")),  # type: ignore[arg-type]
        ("safety/answer", PersonsAnswer("over_the_road", "Ben", 1)),  # type: ignore[arg-type]
        ("safety/answer", PersonsAnswer("over_the_road", 7, True)),  # type: ignore[arg-type]
        ("safety/answer", PersonsAnswer(None, "Ben", True)),  # type: ignore[arg-type]
        ("safety/request", ApprovalRequest(3)),  # type: ignore[arg-type]
        ("safety/request", ApprovalRequest("a", timeout_s="long")),  # type: ignore[arg-type]
        ("safety/request", ApprovalRequest("a", persons=1.5)),  # type: ignore[arg-type]
        ("safety/request", ApprovalRequest("a", persons=True)),
        ("safety/request", ApprovalRequest("a", timeout_s=float("nan"))),
        ("safety/driver", Takeover("Ann", "yes")),  # type: ignore[arg-type]
        ("safety/driver", Takeover(["Ann"], True)),  # type: ignore[arg-type]
        ("implements_nav", ImplementOrder([1])),  # type: ignore[arg-type]
        ("implements_nav", ImplementOrder({"tool": "on"})),  # type: ignore[dict-item]
        ("implements_nav", ImplementOrder({"laser": True})),
    ],
)
def test_what_has_not_the_form_of_a_persons_word_is_none(before_the_road: Drive, topic: str, data: Any) -> None:
    gate = before_the_road.gate
    before, consent = gate.hearing.refused.get(topic, 0), gate.desk.consent
    tell(before_the_road, topic, data)
    assert gate.hearing.refused[topic] == before + 1 and gate.desk.consent == consent
    assert not any(gate.implements.on.values())


def test_a_message_that_could_not_be_decoded_is_counted() -> None:
    gate = GateCore(GateParameters())
    gate.refuse("safety/answer", "no JSON")
    assert gate.health().values["last_refusal"] == "safety/answer: no JSON"


def test_text_that_is_no_unicode_leaves_as_text_that_is() -> None:
    drive = Drive(World(y=14.5))
    drive.run(0.2)
    outputs = tell(drive, "safety/request", ApprovalRequest("x\ud800", "\udfff", "\ud801"))
    for report in said(outputs, "safety/people"):
        report.to_json().encode("utf-8")


def test_everything_people_do_is_reported_once_and_what_is_open_each_second(before_the_road: Drive) -> None:
    drive = before_the_road
    reports: list[PeopleReport] = []
    for _ in range(220):
        drive.world.t = round(drive.world.t + 0.01, 6)
        reports += said(drive.gate.tick(drive.world.t), "safety/people")
    assert len(reports) in (2, 3) and all(not report.notes and report.open for report in reports)
    drive.gate.reset("Chi")
    reports = said(drive.gate.tick(drive.world.t + 0.05), "safety/people")
    assert [(note["what"], note["person"]) for note in reports[0].notes] == [("reset", "chi")]


# --- implements ---

IMPLEMENTS = {
    "blade": {"by_tool": True, "person_m": 3.0, "clear_m": 0.6, "anew_after": ["lifted", "tilted", "person"]},
    "sprayer": {"person_m": 2.0},
    "arm": {"needs_work_zone": False, "base_at_rest": True},
}


@pytest.fixture
def mower(tmp_path: Path) -> Drive:
    drive = Drive(World(**MEADOW), GateCore(rules_with(tmp_path, implements=IMPLEMENTS)))
    drive.run(0.5, 0.2)
    return drive


def on(drive: Drive) -> set[str]:
    return {name for name, runs in drive.gate.implements.on.items() if runs}


def test_implements_are_asked_for_by_name_and_tool_nav_asks_for_those_that_listen_to_it(mower: Drive) -> None:
    outputs = tell(mower, "tool_nav", m.Flag(True))
    assert on(mower) == {"blade"} and said(outputs, "tool") == [m.Flag(True)]
    outputs = tell(mower, "implements_nav", ImplementOrder({"sprayer": True, "arm": True}))
    assert on(mower) == {"blade", "sprayer"}, "the arm works only while the base stands"
    (states,) = said(outputs, "implements")
    assert isinstance(states, ImplementStates) and states.why["arm"] == ["moving"]
    mower.run(0.6, 0.0)
    assert on(mower) == {"arm", "blade", "sprayer"}
    mower.silent.add("cmd_vel_nav")
    mower.run(0.5)
    assert on(mower) == {"arm"}, "no command comes: only what works at rest goes on"


def test_after_an_emergency_stop_each_must_be_asked_for_anew(mower: Drive) -> None:
    tell(mower, "tool_nav", m.Flag(True))
    tell(mower, "implements_nav", ImplementOrder({"sprayer": True}))
    tell(mower, "emergency_stop", m.Flag(True))
    assert on(mower) == set()
    tell(mower, "emergency_stop", m.Flag(False))
    tell(mower, "tool_nav", m.Flag(True))
    mower.run(1.0, 0.0)
    assert mower.gate.reset()[0]
    mower.run(1.0, 0.2)
    assert on(mower) == set()
    tell(mower, "tool_nav", m.Flag(True))
    assert on(mower) == {"blade"}


def test_the_blade_stops_when_someone_walks_up_and_waits_to_be_asked_and_the_sprayer_goes_on_when_they_have_left(
    mower: Drive,
) -> None:
    mower.run(0.5, 0.0)
    tell(mower, "tool_nav", m.Flag(True))
    tell(mower, "implements_nav", ImplementOrder({"sprayer": True}))
    mower.world.people.append(Person(mower.world.x + 5.0, mower.world.y, -1.0, 0.0))
    mower.run(3.2, 0.0)
    assert on(mower) == set() and "person" in mower.gate.implements.causes["blade"]
    mower.world.people.clear()
    mower.run(8.0, 0.0)
    assert on(mower) == {"sprayer"}


def test_the_blade_stops_for_what_stands_close_person_or_not(mower: Drive) -> None:
    mower.run(0.3, 0.0)
    tell(mower, "tool_nav", m.Flag(True))
    assert on(mower) == {"blade"}
    x = mower.world.x + 0.7
    mower.world.walls.append((x, mower.world.y - 0.2, x, mower.world.y + 0.2))
    mower.run(0.3, 0.0)
    assert on(mower) == set() and mower.gate.implements.causes["blade"][0].value == "clear"


def test_a_fault_inside_the_gate_turns_implements_off(mower: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(mower, "tool_nav", m.Flag(True))
    monkeypatch.setattr(mower.gate.hearing.ranges, "now", lambda: 1 / 0)
    outputs = mower.gate.tick(mower.world.t + 0.02)
    assert said(outputs, "tool") == [m.Flag(False)] and on(mower) == set()


# --- time from cause to output ---


@pytest.mark.parametrize(
    ("topic", "data"), [("emergency_stop", m.Flag(True)), ("bumper", m.Flag(True)), ("lifted", m.Flag(True))]
)
def test_the_verdict_says_how_long_ago_its_cause_was(topic: str, data: Any) -> None:
    drive = Drive(World(y=14.5))
    drive.run(1.0, 0.5)
    pressed_s = drive.world.t
    outputs = tell(drive, topic, data)
    assert said(outputs, "safety/verdict")[0].cause_s == pytest.approx(pressed_s)
    for k in range(1, 31):
        drive.take(drive.gate.tick(pressed_s + 0.01 * k))
    assert drive.told.cause_s == pytest.approx(pressed_s) and 250.0 < drive.told.cause_ms <= 300.5


def test_a_dead_node_a_silent_sensor_an_obstacle_and_a_command_each_have_the_stamp_of_their_input() -> None:
    drive = Drive(World(y=14.5))
    drive.run(1.0, 0.5)
    assert drive.told.cause_s == pytest.approx(drive.world.t, abs=0.1)
    status = m.Status(0, "planner", "", {"active": "true", "pid": "7"})
    tell(drive, "heartbeat", m.Diagnostics(drive.world.t, (status,)))
    died_s = drive.gate.hearing.now()
    (verdict,) = said(drive.gate.died("planner", "7"), "safety/verdict")
    assert verdict.cause_s == died_s and drive.gate.died("nobody", "8") == ()
    status = m.Status(0, "planner", "", {"active": "true", "pid": "9"})
    tell(drive, "heartbeat", m.Diagnostics(drive.world.t, (status,)))
    drive.run(1.0, 0.5)
    heard_s = drive.gate.hearing.inputs.stamp_s("scan")
    drive.silent.add("scan")
    drive.run(0.5, 0.5)
    assert rule(drive) == "stale_input" and drive.told.cause_s == heard_s
    drive.silent.clear()
    drive.world.walls.append((drive.world.x + 0.4, 10.0, drive.world.x + 0.4, 20.0))
    drive.run(0.5, 0.5)
    assert rule(drive) == "obstacle" and drive.gate.hearing.inputs.stamp_s("scan") - drive.told.cause_s in (
        0.0,
        pytest.approx(0.05),
    )
    assert drive.gate.hearing.inputs.stamp_s("nonsense") is None
