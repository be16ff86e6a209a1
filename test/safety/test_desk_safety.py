"""The people's side of the gate by itself: what has the form of a word, who is asked what, and what is told of it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from physical_ai_core.reports import ApprovalRequest, PeopleReport, PersonsAnswer, Takeover
from physical_ai_safety.desk import Desk, Question, questions
from physical_ai_safety.people_say import NOBODY, OPERATOR, Consent, Grant, Need, Note, Request
from physical_ai_safety.schema import RulesFile

ROAD = Question("enter the road", "site order 3: traffic", Need(2, 5.0, 20.0))


def desk() -> Desk:
    return Desk({"road": ROAD})


def asks(id: Any = "gate", action: Any = "enter", context: Any = "dusk", **more: Any) -> ApprovalRequest:
    return ApprovalRequest(id, action, context, **more)


def approval(id: str, **more: Any) -> dict[str, Any]:
    return {"kind": "approval", "id": id, "clause": "site order 3", "hazard": "traffic crosses", **more}


def test_a_rule_asks_for_its_zone_its_area_or_any_motion_at_all() -> None:
    square = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
    file = RulesFile.model_validate({
        "name": "test",
        "rules": [
            approval("zone", zone="loading_bay", persons=3, timeout_s=7.0, valid_s=9.0),
            approval("area", polygon=square),
            approval("anywhere"),
            {"kind": "keep_out", "id": "pond", "clause": "site order 4", "hazard": "water", "polygon": square},
        ],
    })  # fmt: skip
    why = "site order 3: traffic crosses"
    assert questions(file) == {
        "zone": Question("enter loading_bay", why, Need(3, 7.0, 9.0)),
        "area": Question("enter the area", why, Need(1, 60.0, 600.0)),
        "anywhere": Question("move", why, Need(1, 60.0, 600.0)),
    }


@pytest.mark.parametrize(
    "said",
    [
        asks(id=3), asks(action=None), asks(context=b"dusk"), asks(persons=1.0), asks(persons="2"), asks(persons=True),
        asks(timeout_s="60"), asks(timeout_s=True), asks(timeout_s=None), asks(valid_s=True), asks(valid_s="1"),
    ],
)  # fmt: skip
def test_a_request_that_has_not_the_form_of_one_asks_nobody(said: ApprovalRequest) -> None:
    here = desk()
    assert here.request(said, 1.0) == "form" and here.asked == [] and here.report(1.0) is None


@pytest.mark.parametrize("said", [PersonsAnswer(1, "ann", True), PersonsAnswer("gate", None, True),  # type: ignore[arg-type]
                                  PersonsAnswer("gate", "ann", 1)])  # type: ignore[arg-type]  # fmt: skip
def test_an_answer_that_has_not_the_form_of_one_is_none(said: PersonsAnswer) -> None:
    here = desk()
    here.request(asks(), 1.0)
    assert here.answer(said, 2.0) == "form" and here.asked == ["gate"]


@pytest.mark.parametrize("said", [Takeover(7, True), Takeover("ann", "yes"), Takeover("ann", 0)])  # type: ignore[arg-type]
def test_a_take_over_that_has_not_the_form_of_one_is_none(said: Takeover) -> None:
    here = desk()
    assert here.drive(said, True, True, 1.0) == "form" and here.driver == ""


def test_times_may_be_whole_numbers_and_what_makes_no_sense_is_denied() -> None:
    here = desk()
    assert here.request(asks(timeout_s=30, valid_s=300, persons=2), 1.0) == ""
    assert here.consent.open == (Request("gate", "enter", "dusk", 1.0, 31.0, Need(2, 30.0, 300.0)),)
    assert here.request(asks(id="other", timeout_s=math.nan), 1.0) == "denied"
    assert here.answer(PersonsAnswer("nothing", "ann", True), 1.0) == "denied" and here.asked == ["gate"]
    assert here.answer(PersonsAnswer("gate", "ann", True), 31.0) == "denied" and here.asked == [], "time refused it"


@pytest.mark.parametrize(
    ("persons", "timeout_s", "valid_s", "need"),
    [
        (1, 60.0, 600.0, Need(2, 5.0, 20.0)), (3, 4.0, 10.0, Need(3, 4.0, 10.0)), (2, 5.0, 20.0, Need(2, 5.0, 20.0)),
        (1, 4.0, 600.0, Need(2, 4.0, 20.0)), (5, 60.0, 10.0, Need(5, 5.0, 10.0)),
    ],
)  # fmt: skip
def test_a_node_asks_as_many_people_as_the_rule_at_least_and_for_no_longer(
    persons: int, timeout_s: float, valid_s: float, need: Need
) -> None:
    here = desk()
    assert here.request(asks(id=" road ", persons=persons, timeout_s=timeout_s, valid_s=valid_s), 1.0) == ""
    assert here.consent.open[0].need == need and here.asked == ["road"]


def test_the_gates_own_wish_says_why_and_where_and_only_for_a_rule_that_asks_people() -> None:
    here = desk()
    here.wish("pond", "at x 1.0 m", 1.0)
    assert here.consent == NOBODY
    here.wish("road", "at x 1.0 m", 1.0)
    asked = Request("road", "enter the road", "site order 3: traffic; at x 1.0 m", 1.0, 6.0, ROAD.need)
    assert here.consent.open == (asked,)
    here.wish("road", "at x 2.0 m", 2.0)
    assert here.consent.open == (asked,), "asked once"


def test_the_nameless_word_goes_to_the_oldest_request_that_waits_for_it() -> None:
    here = desk()
    assert here.approve(True, 1.0) == here.approve(False, 1.0) == ""
    assert here.report(1.0) is None, "a word to nothing is no event"
    here.request(asks("first", persons=2), 1.0)
    here.request(asks("second"), 1.0)
    assert here.approve(True, 2.0) == "first" and set(here.asked) == {"first", "second"}
    assert here.consent.open[-1].yes == (OPERATOR,) == ("operator",)
    assert here.approve(True, 3.0) == "second" and here.approvals == {"second"}
    assert here.approve(True, 4.0) == "", "what waits for others is not asked of the same person"
    assert here.approve(False, 5.0) == "first" and here.asked == []
    assert here.approve(False, 6.0) == "second" and here.approvals == frozenset()


def test_a_nameless_no_takes_back_the_newest_grant_only() -> None:
    here = desk()
    for id in ("first", "second"):
        here.request(asks(id), 1.0)
        assert here.approve(True, 2.0) == id
    assert here.approve(False, 3.0) == "second" and here.approvals == {"first"}


def test_a_nameless_word_is_not_given_to_a_request_that_time_has_refused() -> None:
    here = desk()
    here.request(asks("late", timeout_s=5.0), 1.0)
    here.request(asks("open", timeout_s=50.0), 1.0)
    assert here.approve(True, 6.0) == "open" and here.approvals == {"open"}


def test_silence_refuses_grants_end_and_the_gate_may_ask_anew() -> None:
    here = desk()
    here.pass_time(0.0)
    here.wish("road", "here", 1.0)
    here.pass_time(6.0)
    assert here.asked == [] and here.consent.quiet == (("road", 16.0),)
    here.pass_time(16.0)
    assert here.consent == NOBODY
    here.request(asks("gate", valid_s=2.0), 20.0)
    here.answer(PersonsAnswer("gate", "ann", True), 21.0)
    here.pass_time(22.9)
    assert here.approvals == {"gate"}
    here.pass_time(23.0)
    assert here.approvals == frozenset()


def test_who_drives_is_told_with_what_was_refused() -> None:
    here = desk()
    assert here.drive(Takeover("Ann", True), False, False, 1.0) == "" and here.driver == "ann"
    assert here.drive(Takeover("Ben", True), False, True, 2.0) == "held"
    assert here.drive(Takeover("Ann", False), True, False, 3.0) == "moves"
    assert here.drive(Takeover("Ann", False), False, True, 4.0) == "" and here.driver == ""
    report = here.report(5.0)
    assert report is not None
    assert [(note["stamp_s"], note["what"]) for note in report.notes] == [
        (1.0, "took_over"), (2.0, "denied"), (3.0, "denied"), (4.0, "handed_back"),
    ]  # fmt: skip


def test_a_stop_ends_what_was_asked_and_granted_and_says_so() -> None:
    here = desk()
    here.request(asks("gate"), 1.0)
    here.stopped(2.0)
    report = here.report(2.0)
    assert here.consent == NOBODY and report is not None
    assert [note["what"] for note in report.notes] == ["asked", "ended"]


def test_what_a_person_did_besides_is_on_record_under_its_name() -> None:
    here = desk()
    here.note("reset", " ANN ", "start", 3.0)
    assert here.report(4.0) == PeopleReport(
        4.0, "", [], [], [Note(3.0, "reset", "reset", "ann", "", "start")._asdict()]
    )
    assert here.report(4.5) is None, "told once"


def test_a_report_shows_every_open_question_and_every_grant_whole() -> None:
    here = desk()
    here.request(asks("gate", persons=2, timeout_s=30.0), 1.0)
    here.request(asks("field", valid_s=100.0), 1.0)
    here.answer(PersonsAnswer("gate", "Ann", True), 2.0)
    here.answer(PersonsAnswer("field", "Ben", True), 3.0)
    here.drive(Takeover("Ann", True), True, True, 3.0)
    report = here.report(4.0)
    assert report is not None and (report.stamp_s, report.driver) == (4.0, "ann")
    assert report.open == [
        {"id": "gate", "action": "enter", "context": "dusk", "until_s": 31.0, "persons": 2, "yes": ["ann"]}
    ]
    assert report.granted == [Grant("field", "enter", "dusk", ("ben",), 103.0)._asdict()]
    assert [note["what"] for note in report.notes] == ["asked", "asked", "yes", "yes", "granted", "took_over"]


@pytest.mark.parametrize(
    "standing",
    [
        Consent(open=(Request("gate", "enter", "", 0.0, 99.0, Need()),)),
        Consent(granted=(Grant("gate", "enter", "", ("ann",), 99.0),)),
        Consent(driver="ann"),
    ],
)
def test_what_stands_is_told_each_second_and_what_is_over_no_more(standing: Consent) -> None:
    here = desk()
    assert here.report(0.0) is None
    here.consent = standing
    told = [now for now in (1.0, 1.5, 1.99, 2.0, 2.5, 3.0, 1.0) if here.report(now) is not None]
    assert told == [1.0, 2.0, 3.0, 1.0], "and at once where the clock went back"
    assert here.report(1.0) is None, "once at one moment"
    here.consent = NOBODY
    assert here.report(9.0) is None
    here.consent = standing
    here.note("reset", "ann", "", 9.1)
    assert here.report(9.1) is not None and here.report(9.2) is None
    here.note("reset", "ann", "", 9.3)
    assert here.report(9.3) is not None, "a change is told at once"
