"""What leaves the gate after a decision: the command always, the rest at its own pace and at once on change."""

from __future__ import annotations

from typing import Any

import pytest

from physical_ai_core import messages as m
from physical_ai_core.core import Output
from physical_ai_core.reports import ImplementStates, Intervention, PersonsAnswer, Takeover
from physical_ai_safety import telling
from physical_ai_safety.desk import Desk, Question
from physical_ai_safety.gate import Decision
from physical_ai_safety.implements import Around, Implements
from physical_ai_safety.inputs import Inputs
from physical_ai_safety.people_say import Need
from physical_ai_safety.schema import ImplementRule
from physical_ai_safety.situation import GateVerdict, Memory
from physical_ai_safety.telling import Telling

HEARD = {"scan": 1.0, "cmd_vel_nav": 1.125, "cmd_vel_teleop": 1.25, "imu/data": 1.375}  # stamps


class Gate:
    """What a decision is told with: implements, desk and inputs, as they would be around it."""

    def __init__(self) -> None:
        self.implements = Implements({"blade": ImplementRule(by_tool=True), "arm": ImplementRule()})
        self.desk = Desk({"road": Question("enter", "law: traffic", Need())})
        self.inputs = Inputs(dict.fromkeys(HEARD, 9.0), 0.2, 0.0)
        for name, stamp_s in HEARD.items():
            self.inputs.note(name, stamp_s)
        self.telling = Telling(self.implements, self.desk, self.inputs)

    def say(self, *notes: Intervention, now_s: float = 2.0, **verdict: Any) -> list[Output]:
        return self.telling.outputs(self.decision(*notes, **verdict), now_s)[0]

    def decision(self, *notes: Intervention, **verdict: Any) -> Decision:
        said = {"state": "clear", "source": "autonomy", "interventions": list(notes), "category": -1, **verdict}
        return Decision(0.5, -0.25, GateVerdict(1.5, command_in=[], command_out=[], **said), Memory())


ALL = ["cmd_vel", "tool", "implements", "safety/hardware_stop", "safety/verdict"]


def topics(outputs: list[Output]) -> list[str]:
    return [output.topic for output in outputs]


def data(outputs: list[Output], topic: str) -> Any:
    (found,) = (output.data for output in outputs if output.topic == topic)
    return found


@pytest.fixture
def gate() -> Gate:
    """One that has said everything once."""
    gate = Gate()
    assert topics(gate.say()) == ALL
    return gate


def test_the_first_word_holds_everything_and_the_next_alike_is_only_the_command() -> None:
    gate = Gate()
    assert gate.telling.tool_due
    outputs = gate.say()
    assert topics(outputs) == ALL and not gate.telling.tool_due
    assert outputs[0].data == m.Twist(1.5, "base_link", 0.5, -0.25)
    assert (data(outputs, "tool"), data(outputs, "safety/hardware_stop")) == (m.Flag(False), m.Whole(-1))
    idle = {"blade": False, "arm": False}
    assert data(outputs, "implements") == ImplementStates(1.5, idle, {"blade": [], "arm": []})
    assert topics(gate.say()) == topics(gate.say()) == ["cmd_vel"]


def test_the_verdict_is_due_every_fourth_tick_and_the_tool_every_tenth(gate: Gate) -> None:
    assert (telling.VERDICT_TICKS, telling.TOOL_TICKS) == (4, 10)
    for tick in range(1, 41):
        due = gate.telling.tick()
        assert due is (tick % 4 == 0 or tick % 10 == 0) and gate.telling.tool_due is (tick % 10 == 0)
        expected = ["cmd_vel", *(ALL[1:4] if tick % 10 == 0 else ()), *(ALL[4:] if tick % 4 == 0 else ())]
        assert topics(gate.say()) == expected and topics(gate.say()) == ["cmd_vel"]


@pytest.mark.parametrize(
    ("notes", "change"),
    [
        ((), {"state": "waiting"}), ((), {"source": "teleop"}), ((Intervention("lifted", ""),), {}),
        ((Intervention("zone", "bed"),), {}),
    ],
)  # fmt: skip
def test_a_verdict_that_changes_is_told_at_once_and_numbers_alone_are_no_change(
    gate: Gate, notes: tuple[Intervention, ...], change: dict[str, Any]
) -> None:
    assert topics(gate.say(*notes, **change)) == ["cmd_vel", "safety/verdict"]
    again = tuple(Intervention(note.rule, note.clause, {"v_mps": 0.3}) for note in notes)
    assert topics(gate.say(*again, **change)) == ["cmd_vel"]
    assert topics(gate.say()) == ["cmd_vel", "safety/verdict"]


def test_another_clause_of_the_same_rule_is_a_change(gate: Gate) -> None:
    for zone in ("bed", "bay"):
        assert topics(gate.say(Intervention("zone", zone))) == ["cmd_vel", "safety/verdict"]


def test_an_implement_that_turns_on_or_off_is_told_at_once_with_what_forbids_the_others(gate: Gate) -> None:
    gate.implements.order("blade", True, False)
    gate.implements.decide(Around())
    outputs = gate.say()
    assert topics(outputs) == ALL and data(outputs, "tool") == m.Flag(True)
    assert data(outputs, "implements").on == {"blade": True, "arm": False}
    verdict = data(outputs, "safety/verdict")
    assert verdict.tool and verdict.implements == {"blade": True, "arm": False}
    gate.implements.decide(Around(lifted=True))
    outputs = gate.say()
    assert data(outputs, "implements").why == {"blade": ["lifted"], "arm": ["lifted"]}
    assert data(outputs, "tool") == m.Flag(False) and not data(outputs, "safety/verdict").tool
    gate.implements.order("arm", True, False)
    gate.implements.decide(Around())
    assert topics(gate.say()) == ALL[:4], "an arm is no part of the tool"


def test_what_is_asked_of_the_hardware_is_told_at_once(gate: Gate) -> None:
    for category in (1, 0, -1):
        outputs = gate.say(category=category)
        assert topics(outputs) == ALL[:4] and data(outputs, "safety/hardware_stop") == m.Whole(category)


def test_what_people_say_is_told_between_the_tool_and_the_verdict(gate: Gate) -> None:
    gate.desk.wish("road", "here", 1.0)
    gate.desk.drive(Takeover("Ann", True), True, True, 1.0)
    outputs = gate.say()
    assert topics(outputs) == ["cmd_vel", "safety/people", "safety/verdict"]
    verdict = data(outputs, "safety/verdict")
    assert (verdict.approvals, verdict.asked, verdict.driver) == ([], ["road"], "ann")
    gate.desk.answer(PersonsAnswer("road", "Ben", True), 1.0)
    verdict = data(gate.say(), "safety/verdict")
    assert (verdict.approvals, verdict.asked) == (["road"], [])
    gate.desk.consent = gate.desk.consent._replace(driver="")
    assert topics(gate.say()) == ["cmd_vel", "safety/verdict"]


@pytest.mark.parametrize(
    ("rule", "clause", "source", "cause_s"),
    [
        ("", "", "autonomy", 1.125), ("", "", "teleop", 1.25), ("", "", "none", None),
        ("limit", "speed", "teleop", 1.25), ("obstacle", "stop distance", "autonomy", 1.0),
        ("tilt", "", "autonomy", 1.375), ("start", "", "autonomy", None),
        ("stale_input", "scan", "autonomy", 1.0), ("stale_input", "imu/data", "autonomy", 1.375),
        ("stale_input", "never heard", "autonomy", None), ("bumper", "touched", "autonomy", 0.75),
        ("emergency_stop", "input", "autonomy", None),
    ],
)  # fmt: skip
def test_a_verdict_names_the_stamp_of_the_input_it_answers_and_the_time_since(
    rule: str, clause: str, source: str, cause_s: float | None
) -> None:
    gate = Gate()
    gate.telling.event_s["bumper"] = 0.75
    notes = (Intervention("limit", "yaw rate"), Intervention(rule, clause)) if rule else ()
    verdict = data(gate.say(*notes, source=source), "safety/verdict")
    assert verdict.cause_s == cause_s
    assert verdict.cause_ms == (None if cause_s is None else 1e3 * (2.0 - cause_s))


def test_an_input_that_is_a_little_ahead_took_no_time_and_a_button_goes_before_its_input() -> None:
    gate = Gate()
    assert data(gate.say(now_s=1.0), "safety/verdict").cause_ms == 0.0
    gate.telling.event_s["cmd_vel_nav"] = 0.5
    assert data(gate.say(state="waiting"), "safety/verdict").cause_s == 0.5


def test_the_verdict_of_now_is_given_back_with_the_words() -> None:
    gate = Gate()
    gate.desk.drive(Takeover("Ann", True), True, True, 1.0)
    said, verdict = gate.telling.outputs(gate.decision(), 2.0)
    assert verdict == data(said, "safety/verdict") and verdict.driver == "ann"
    gate.implements.order("blade", True, False)
    gate.implements.decide(Around())
    assert gate.telling.outputs(gate.decision(), 2.0)[1].tool
