"""Approvals and take-over: a stateful search for any order of words and waiting that grants what nobody granted."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from physical_ai_safety.people_say import (
    ASK_AGAIN_S,
    MOST_OPEN,
    NOBODY,
    OPERATOR,
    Consent,
    Need,
    Note,
    answer,
    hand_back,
    passed,
    request,
    take_over,
    who,
    wish,
    withdraw,
)  # fmt: skip

IDS = ("gate", "field", "night")
PEOPLE = ("Ann", "ann ", "Ben", "Ｂｅｎ", "Chi", "")  # five spellings of three people, and nobody
TWO = Need(persons=2, timeout_s=10.0, valid_s=30.0)


class People(RuleBasedStateMachine):
    """The book against a model that only keeps what people said, with the time of it."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 100.0
        self.consent = NOBODY
        self.asked: dict[str, tuple[float, Need, str]] = {}  # open: until, need, context
        self.yes: dict[str, set[str]] = {}
        self.granted: dict[str, float] = {}
        self.driver = ""
        self.notes: list[Note] = []

    def take(self, said: tuple[Consent, tuple[Note, ...]]) -> None:
        self.consent = said[0]
        self.notes += said[1]

    def time_passes(self) -> None:
        for id, (until_s, _, _) in list(self.asked.items()):
            if self.now_s >= until_s:
                del self.asked[id], self.yes[id]
        self.granted = {id: until_s for id, until_s in self.granted.items() if self.now_s < until_s}

    @rule(dt=st.sampled_from([0.5, 4.0, 9.99, 10.0, 31.0]))
    def wait(self, dt: float) -> None:
        self.now_s += dt
        self.take(passed(self.consent, self.now_s))
        self.time_passes()

    @rule(id=st.sampled_from(IDS), context=st.sampled_from(["at dusk", "in rain"]), persons=st.integers(0, 3))
    def ask(self, id: str, context: str, persons: int) -> None:
        need = Need(persons, 10.0, 30.0)
        self.take(request(self.consent, id, "enter", context, need, self.now_s))
        self.time_passes()
        if persons and self.asked.get(id, ())[1:] != (need, context):
            self.asked[id], self.yes[id] = (self.now_s + 10.0, need, context), set()

    @rule(id=st.sampled_from(IDS), person=st.sampled_from(PEOPLE), yes=st.booleans())
    def say(self, id: str, person: str, yes: bool) -> None:
        self.take(answer(self.consent, id, person, yes, self.now_s))
        self.time_passes()
        if not who(person):
            return
        if not yes:
            self.asked.pop(id, None)
            self.yes.pop(id, None)
            self.granted.pop(id, None)
        elif id in self.asked:
            self.yes[id].add(who(person))
            if len(self.yes[id]) >= self.asked[id][1].persons:
                del self.asked[id], self.yes[id]
                self.granted[id] = self.now_s + 30.0

    @rule()
    def a_stop_latches(self) -> None:
        self.take(withdraw(self.consent, self.now_s))
        self.asked, self.yes, self.granted = {}, {}, {}

    @rule(person=st.sampled_from(PEOPLE), silent=st.booleans())
    def takes_over(self, person: str, silent: bool) -> None:
        self.consent, notes, why = take_over(self.consent, person, silent, self.now_s)
        self.notes += notes
        allowed = bool(who(person)) and (self.driver in ("", who(person)) or silent)
        assert (why == "") is allowed
        self.driver = who(person) if allowed else self.driver

    @rule(person=st.sampled_from(PEOPLE), at_rest=st.booleans())
    def hands_back(self, person: str, at_rest: bool) -> None:
        self.consent, notes, why = hand_back(self.consent, person, at_rest, self.now_s)
        self.notes += notes
        allowed = not self.driver or (self.driver == who(person) and at_rest)
        assert (why == "") is allowed
        self.driver = "" if allowed else self.driver

    @invariant()
    def granted_is_what_enough_different_people_said_in_time_and_nobody_took_back(self) -> None:
        assert self.consent.approvals == set(self.granted)
        assert {one.id: set(one.yes) for one in self.consent.open} == self.yes
        assert {one.id: one.until_s for one in self.consent.open} == {id: a[0] for id, a in self.asked.items()}

    @invariant()
    def only_the_person_who_has_the_robot_gives_it_back(self) -> None:
        assert self.consent.driver == self.driver

    @invariant()
    def every_grant_names_the_people_and_what_they_decided_on(self) -> None:
        for note in self.notes:
            if note.what == "granted":
                assert note.person and note.action == "enter" and note.context in ("at dusk", "in rain")


TestPeople = People.TestCase
TestPeople.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_the_same_person_twice_is_one_person_however_the_name_is_spelled() -> None:
    consent, _ = request(NOBODY, "gate", "enter", "", TWO, 0.0)
    for name in ("Ann", " ANN", "Ａｎｎ"):
        consent, notes = answer(consent, "gate", name, True, 1.0)
    assert not consent.approvals and notes[-1].what == "denied"
    consent, notes = answer(consent, "gate", "Ben", True, 2.0)
    assert consent.approvals == {"gate"} and notes[-1] == Note(2.0, "granted", "gate", "ann, ben", "enter", "")


def test_silence_is_a_refusal_and_a_yes_at_the_last_moment_is_too_late() -> None:
    asked, _ = request(NOBODY, "gate", "enter", "dusk", Need(timeout_s=10.0), 0.0)
    assert answer(asked, "gate", "ann", True, 9.9)[0].approvals == {"gate"}
    late, notes = answer(asked, "gate", "ann", True, 10.0)
    assert not late.approvals and [note.what for note in notes] == ["timed_out", "denied"]
    assert passed(asked, 10.0)[1] == (Note(10.0, "timed_out", "gate", "", "enter", "dusk"),)


def test_another_question_under_the_same_id_needs_everybody_again() -> None:
    consent, _ = request(NOBODY, "gate", "enter", "empty yard", TWO, 0.0)
    consent, _ = answer(consent, "gate", "ann", True, 1.0)
    assert request(consent, "gate", "enter", "empty yard", TWO, 2.0)[0] == consent
    other, notes = request(consent, "gate", "enter", "yard full of people", TWO, 2.0)
    assert [note.what for note in notes] == ["ended", "asked"] and other.open[0].yes == ()
    assert not answer(other, "gate", "ben", True, 3.0)[0].approvals


def test_a_no_takes_back_what_was_granted() -> None:
    consent, _ = request(NOBODY, "gate", "enter", "", Need(), 0.0)
    consent, _ = answer(consent, "gate", "ann", True, 1.0)
    consent, notes = answer(consent, "gate", "ben", False, 2.0)
    assert not consent.approvals and notes[-1][1:4] == ("withdrawn", "gate", "ben")


def test_the_gates_own_question_is_asked_once_and_after_a_no_not_again_too_soon() -> None:
    def asks(consent: Consent, now_s: float) -> tuple[Consent, int]:
        consent, notes = wish(consent, "gate", "enter", "", Need(timeout_s=5.0, valid_s=20.0), now_s)
        return consent, [note.what for note in notes].count("asked")

    consent, asked = asks(NOBODY, 0.0)
    assert asked == 1 and asks(consent, 1.0)[1] == 0, "open: not asked twice"
    refused, _ = answer(consent, "gate", "ann", False, 2.0)
    assert asks(refused, 2.0 + ASK_AGAIN_S - 0.1)[1] == 0 and asks(refused, 2.0 + ASK_AGAIN_S)[1] == 1
    ignored, _ = passed(consent, 5.0)
    assert asks(ignored, 5.0 + ASK_AGAIN_S - 0.1)[1] == 0 and asks(ignored, 5.0 + ASK_AGAIN_S)[1] == 1
    granted, _ = answer(consent, "gate", "ann", True, 2.0)
    assert asks(granted, 21.9)[1] == 0 and asks(granted, 22.0)[1] == 1, "granted: asked when it has ended"


@pytest.mark.parametrize(
    ("id", "need"),
    [("", Need()), ("a", Need(persons=0)), ("a", Need(timeout_s=0.0)), ("a", Need(timeout_s=float("nan"))),
     ("a", Need(timeout_s=1e9)), ("a", Need(valid_s=0.0)), ("a", Need(valid_s=float("nan")))],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_denied_and_recorded(id: str, need: Need) -> None:
    consent, notes = request(NOBODY, id, "enter", "", need, 0.0)
    assert consent == NOBODY and [note.what for note in notes] == ["denied"]


def test_a_flood_of_requests_is_denied_not_kept() -> None:
    consent, notes = NOBODY, ()
    for number in range(MOST_OPEN + 3):
        consent, notes = request(consent, f"id {number}", "a" * 1000, "c" * 1000, Need(), 0.0)
    assert len(consent.open) == MOST_OPEN and notes[-1].what == "denied"
    assert len(consent.open[0].action) == len(consent.open[0].context) == 400


def test_words_of_nobody_and_to_nothing_are_denied_and_recorded() -> None:
    asked, _ = request(NOBODY, "gate", "enter", "", Need(), 0.0)
    assert answer(asked, "gate", "  ", True, 1.0)[1] == (Note(1.0, "denied", "gate"),)
    assert answer(asked, "door", "ann", True, 1.0)[1] == (Note(1.0, "denied", "door", "ann"),)
    assert answer(asked, "door", "ann", False, 1.0)[1] == (Note(1.0, "denied", "door", "ann"),)
    assert hand_back(NOBODY, "ann", False, 1.0) == (NOBODY, (), ""), "nobody has it: autonomy has"


def test_a_clock_that_jumps_or_a_latched_stop_ends_all_consent_but_not_the_take_over() -> None:
    consent, _ = request(NOBODY, "gate", "enter", "", Need(), 0.0)
    consent, _ = answer(consent, "gate", "ann", True, 1.0)
    consent, _ = request(consent, "field", "spray", "", Need(), 1.0)
    consent, _, _ = take_over(consent, "Ann", False, 1.0)
    after, notes = withdraw(consent, 2.0)
    assert after == Consent(driver="ann") and [note.what for note in notes] == ["ended", "ended"]


@pytest.mark.slow
def test_in_a_hundred_thousand_steps_no_order_of_words_grants_what_nobody_granted() -> None:
    run_state_machine_as_test(People, settings=settings(max_examples=2_000, stateful_step_count=50, deadline=None))


def test_each_word_about_who_drives_is_on_record_with_whom_it_concerned() -> None:
    ann, took, why = take_over(NOBODY, "Ann", False, 1.0)
    assert (took, why) == ((Note(1.0, "took_over", "takeover", "ann", "", "from autonomy"),), "")
    kept, denied, why = take_over(ann, "Ben", False, 2.0)
    assert (kept, why) == (ann, "held") and denied == (Note(2.0, "denied", "takeover", "ben", "", "held by ann"),)
    ben, took, _ = take_over(ann, "Ben", True, 3.0)
    assert ben.driver == "ben" and took == (Note(3.0, "took_over", "takeover", "ben", "", "from ann"),)
    assert take_over(NOBODY, " ", False, 3.0) == (NOBODY, (Note(3.0, "denied", "takeover"),), "nobody")
    kept, denied, why = hand_back(ben, "Ben", False, 4.0)
    assert (kept, why) == (ben, "moves") and denied == (Note(4.0, "denied", "hand_back", "ben", "", "moves"),)
    assert hand_back(ben, "Ann", True, 4.0)[1:] == ((Note(4.0, "denied", "hand_back", "ann", "", "held"),), "held")
    free, given, why = hand_back(ben, "Ben", True, 5.0)
    assert (free, given, why) == (NOBODY, (Note(5.0, "handed_back", "hand_back", "ben"),), "")


def test_each_word_about_an_approval_is_on_record_with_what_was_asked() -> None:
    consent, notes = request(NOBODY, "gate", "enter", "at noon", TWO, 1.0)
    assert [note[1:] for note in notes] == [("asked", "gate", "", "enter", "at noon")]
    consent, notes = answer(consent, "gate", "ann", True, 2.0)
    assert [note[1:] for note in notes] == [("yes", "gate", "ann", "enter", "at noon")]
    assert answer(consent, "gate", "ann", True, 2.0)[1] == (Note(2.0, "denied", "gate", "ann", "enter", "at noon"),)
    granted, notes = answer(consent, "gate", "ben", True, 3.0)
    assert [note.what for note in notes] == ["yes", "granted"] and notes[1].person == "ann, ben"
    _, notes = answer(consent, "gate", "ben", False, 3.0)
    assert [note[1:] for note in notes] == [("no", "gate", "ben", "enter", "at noon")]
    _, notes = answer(granted, "gate", "ben", False, 4.0)
    assert [note[1:] for note in notes] == [("withdrawn", "gate", "ben", "enter", "at noon")]


@pytest.mark.parametrize(
    ("need", "good"),
    [(Need(timeout_s=0.01), True), (Need(timeout_s=3600.0), True), (Need(timeout_s=3600.1), False),
     (Need(valid_s=0.01), True), (Need(valid_s=86400.0), True), (Need(valid_s=86400.1), False)],
)  # fmt: skip
def test_a_question_may_stay_open_for_an_hour_and_hold_for_a_day(need: Need, good: bool) -> None:
    assert bool(request(NOBODY, "a", "enter", "", need, 0.0)[0].open) is good


def test_a_plain_question_asks_one_person_for_a_minute_and_holds_for_ten() -> None:
    assert Need() == (1, 60.0, 600.0)


def test_of_two_approvals_one_that_is_asked_anew_or_refused_leaves_the_other_alone() -> None:
    consent = NOBODY
    for id in ("gate", "field"):
        consent, _ = answer(request(consent, id, "enter", "", Need(), 0.0)[0], id, "ann", True, 1.0)
    assert consent.approvals == {"gate", "field"}
    again, _ = answer(request(consent, "gate", "enter", "", Need(), 2.0)[0], "gate", "ben", True, 3.0)
    assert again.approvals == {"gate", "field"} and len(again.granted) == 2
    refused, _ = answer(again, "gate", "ann", False, 4.0)
    refused, _ = answer(refused, "field", "ann", False, 5.0)
    assert dict(refused.quiet) == {"gate": 4.0 + ASK_AGAIN_S, "field": 5.0 + ASK_AGAIN_S} and not refused.approvals
    twice, _ = answer(request(refused, "gate", "enter", "", Need(), 6.0)[0], "gate", "ann", False, 6.0)
    assert sorted(twice.quiet) == [("field", 15.0), ("gate", 16.0)]


def test_names_and_texts_are_cut_and_a_flood_ends_at_sixteen() -> None:
    assert len(who("n" * 100)) == 64 and MOST_OPEN == 16 and ASK_AGAIN_S == 10.0


def test_a_question_that_is_open_holds_back_no_other() -> None:
    consent, _ = request(NOBODY, "field", "spray", "", Need(), 0.0)
    consent, notes = wish(consent, "gate", "enter", "dusk", Need(), 0.0)
    assert [one.id for one in consent.open] == ["field", "gate"] and notes[-1].what == "asked"


def test_a_request_that_is_denied_is_on_record_with_what_was_asked_and_by_nobody() -> None:
    denied = (Note(1.0, "denied", "gate", "", "enter", "dusk"),)
    assert request(NOBODY, "gate", "enter", "dusk", Need(persons=0), 1.0)[1] == denied
    full = NOBODY
    for number in range(MOST_OPEN):
        full, _ = request(full, f"id {number}", "enter", "", Need(), 0.0)
    assert request(full, "gate", "enter", "dusk", Need(), 1.0) == (full, denied)
    again, notes = request(full, "id 3", "leave", "", Need(), 1.0)
    assert len(again.open) == MOST_OPEN and [note.what for note in notes] == ["ended", "asked"], "one of those known"


def test_what_cannot_be_written_becomes_a_question_mark_and_the_nameless_person_is_the_operator() -> None:
    assert who("\ud800nn") == "?nn" and who("Operator") == OPERATOR == "operator"
