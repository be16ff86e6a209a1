"""What people did to the robot is told with who, what, why, and from when to when."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_run import write_bag

from physical_ai_core import messages as m
from physical_ai_core.goal import GoalState, PlaceTarget, Step, Task
from physical_ai_core.reports import PeopleReport, PersonsAnswer, Takeover, Verdict
from physical_ai_telemetry.interventions import (
    InterventionTracker,
    interventions_of_bag,
    interventions_of_events,
)


def goal(t: float, goal_id: str, task: Task) -> tuple[str, GoalState, float]:
    target = PlaceTarget(name="x") if task is Task.NAVIGATE else None
    return "goal_state", GoalState(goal_id=goal_id, steps=(Step(task=task, target=target),)), t


def people(t: float, driver: str = "", *notes: dict[str, object]) -> tuple[str, PeopleReport, float]:
    return "safety/people", PeopleReport(t, driver, [], [], list(notes)), t


def note(t: float, what: str, person: str, id_: str = "", context: str = "") -> dict[str, object]:
    return {"stamp_s": t, "what": what, "id": id_, "person": person, "action": "", "context": context}


def by_hand(t: float) -> tuple[str, m.Twist, float]:
    return "cmd_vel_teleop", m.Twist(t, "base_link", 0.5, 0.0), t


def verdict(t: float, source: str = "autonomy") -> tuple[str, Verdict, float]:
    return "safety/verdict", Verdict(t, "clear", source, [0.0, 0.0], [0.0, 0.0]), t


def test_a_takeover_is_told_by_the_gates_notes_with_the_reason_the_person_gave() -> None:
    run = [
        people(1.0),
        ("safety/driver", Takeover("Ann", True, why="child on the path"), 2.0),
        people(2.1, "ann", note(2.05, "took_over", "ann", "takeover", "from autonomy")),
        *(people(t, "ann") for t in (3.0, 4.0, 5.0, 6.0, 7.0)),
        ("safety/driver", Takeover("ann", False), 7.9),
        people(8.0, "", note(7.95, "handed_back", "ann", "hand_back")),
    ]
    (one,) = interventions_of_events(run)
    assert (one.what, one.who, one.role, one.begin_s, one.end_s) == ("takeover", "ann", "driver", 2.05, 7.95)
    assert one.why == "child on the path" and one.counts


def test_a_takeover_that_the_gate_denied_is_none() -> None:
    run = [
        people(1.0, "ann"),
        ("safety/driver", Takeover("bob", True), 2.0),
        people(2.1, "ann", note(2.05, "denied", "bob", "takeover", "held by ann")),
    ]
    found = interventions_of_events(run)
    assert [(one.what, one.who, one.counts) for one in found] == [("takeover", "ann", True), ("denied", "bob", False)]


def test_without_a_gate_the_persons_own_message_counts() -> None:
    run = [("safety/driver", Takeover("Ann", True), 2.0), ("safety/driver", Takeover("Ann", False), 4.0)]
    (one,) = interventions_of_events(run)
    assert (one.who, one.begin_s, one.end_s) == ("Ann", 2.0, 4.0)


def test_driving_by_hand_lasts_from_the_first_to_the_last_command() -> None:
    run = [by_hand(t) for t in (1.0, 1.1, 1.2)] + [verdict(1.25, "teleop"), verdict(2.0), by_hand(5.0), verdict(6.0)]
    found = interventions_of_events(run)
    assert [(one.begin_s, one.end_s) for one in found] == [(1.0, 1.25), (5.0, 5.0)]
    assert all(one.what == "teleop" and one.counts for one in found)


def test_driving_within_a_takeover_is_part_of_it() -> None:
    tracker = InterventionTracker()
    for event in [people(1.0, "ann", note(0.9, "took_over", "ann")), by_hand(1.5), verdict(3.0)]:
        tracker.hear(*event)
    assert tracker.count == 1
    assert [(one.what, one.who) for one in tracker.interventions()] == [("takeover", "ann"), ("teleop", "ann")]


def test_a_spoken_stop_names_the_sentence_and_lasts_until_the_next_goal_that_moves() -> None:
    run = [
        goal(1.0, "a", Task.NAVIGATE),
        ("instruction", m.Text("止まって"), 4.8),
        goal(5.0, "b", Task.STOP),
        goal(9.0, "c", Task.NAVIGATE),
    ]
    (one,) = interventions_of_events(run)
    assert (one.what, one.begin_s, one.end_s, one.about, one.mission) == ("stop", 4.8, 9.0, "止まって", "a")


def test_the_button_is_an_intervention_from_press_to_release_and_a_repeated_press_is_none() -> None:
    run = [("emergency_stop", m.Flag(flag), t) for t, flag in ((1.0, False), (2.0, True), (3.0, True), (4.0, False))]
    (one,) = interventions_of_events(run)
    assert (one.what, one.begin_s, one.end_s, one.role) == ("emergency_stop", 2.0, 4.0, "anyone")


def test_an_answer_and_a_reset_are_told_and_do_not_count() -> None:
    tracker = InterventionTracker()
    answer = ("safety/answer", PersonsAnswer("gate_2", "Bob", True, why="I can see it"), 2.0)
    run = [people(1.0), answer, people(2.2, "", note(2.1, "yes", "bob", "gate_2"), note(2.15, "reset", "operator"))]
    for event in run:
        tracker.hear(*event)
    yes, reset = tracker.interventions()
    assert (yes.what, yes.role, yes.who, yes.why, yes.about) == ("yes", "approver", "bob", "I can see it", "gate_2")
    assert (reset.what, reset.role, tracker.count) == ("reset", "operator", 0)


def test_what_lasts_at_the_end_of_a_bag_has_no_end(tmp_path: Path) -> None:
    folder, _ = write_bag(tmp_path, [verdict(1.0), ("emergency_stop", m.Flag(True), 2.0), verdict(3.0)])
    (one,) = interventions_of_bag(folder)
    assert one.end_s is None and one.begin_s == pytest.approx(2.0)


anything = st.floats(allow_nan=True, allow_infinity=True)
odd = st.one_of(
    st.builds(lambda t, s: verdict(t, s), anything, st.sampled_from(["autonomy", "teleop", "none", "?"])),
    st.builds(by_hand, anything),
    st.builds(lambda t, flag: ("emergency_stop", m.Flag(flag), t), anything, st.booleans()),
    st.builds(
        lambda t, driver, what, at: people(t, driver, note(at, what, driver)),
        anything, st.sampled_from(["", "ann", "Ａnn", "bob"]),
        st.sampled_from(["took_over", "handed_back", "yes", "no", "denied", "reset", "?"]), anything,
    ),
    st.builds(lambda t, who, takes: ("safety/driver", Takeover(who, takes), t), anything,
              st.sampled_from(["", "ann"]), st.booleans()),
    st.builds(lambda t, name, task: goal(t, name, task), anything, st.sampled_from(["a", "b"]),
              st.sampled_from([Task.NAVIGATE, Task.STOP, Task.CANCEL])),
)  # fmt: skip


@given(st.lists(odd, max_size=60))
def test_no_order_of_events_gives_an_intervention_that_ends_before_it_begins(run: list) -> None:
    tracker = InterventionTracker()
    for event in run:
        tracker.hear(*event)
    found = tracker.interventions()
    for one in found:
        assert math.isfinite(one.begin_s) and (one.end_s is None or one.end_s >= one.begin_s)
        assert one.en and one.ja
    assert tracker.count == sum(one.counts for one in found)
    assert len({one.what for one in found if one.end_s is None}) == sum(one.end_s is None for one in found)
