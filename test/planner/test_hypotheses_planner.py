"""Several readings of one sentence: each is tried out, the best is obeyed, doubt becomes a question, never a guess."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planner_driver import COARSE, Drive, go, goal, scout, yard

from physical_ai_core import layouts
from physical_ai_core.core import Output
from physical_ai_core.forecast import Crowd
from physical_ai_core.goal import (
    DisplacementTarget,
    GoalState,
    Limits,
    PlaceTarget,
    PoseTarget,
    Question,
    Refusal,
    RefusalReason,
    Relation,
    Step,
    Task,
    Until,
    Words,
    ZoneTarget,
)
from physical_ai_core.messages import Odometry, Pose, Prediction, Text
from physical_ai_core.site import Site, ZoneKind
from physical_ai_planner.core import PlannerCore
from physical_ai_planner.hypotheses import Choose, Confirm, Obey, Reply, Rules, decide, weigh
from physical_ai_planner.interpreter import InterpreterStatus, Readiness, Reading
from physical_ai_planner.judge import seen_speed
from physical_ai_planner.language.compact import EVENT_WORDS, Deictic, Draft, Move, Named, Plan, Pointed, write
from physical_ai_planner.language.names import NameBook
from physical_ai_planner.language.nbest import Budget, Continuations, Line, search
from physical_ai_planner.language.readings import MISREAD, readings
from physical_ai_planner.people_ahead import PredictedPeople, conflict
from physical_ai_planner.refused import Refused
from physical_ai_planner.rollout import AHEAD_S, LimitsDrive, Rehearsal

WORDS = Words(en="?", ja="?")


class Model:
    """An interpreter that can say several readings; the test hands them in."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str | None]] = []
        self._goals: list[GoalState] = []
        self._readings: dict[str, tuple[Reading, ...]] = {}

    def submit(self, instruction_id: str, text: str, present: str | None = None) -> None:
        self.heard.append((instruction_id, text, present))

    def poll(self) -> list[GoalState]:
        goals, self._goals = self._goals, []
        return goals

    def readings(self, instruction_id: str) -> tuple[Reading, ...]:
        return self._readings.pop(instruction_id, ())

    def status(self) -> InterpreterStatus:
        return InterpreterStatus(Readiness.READY)

    def answer(self, *every: Reading, which: int = -1) -> None:
        instruction_id = self.heard[which][0]
        self._goals.append(every[0].goal.model_copy(update={"instruction_id": instruction_id}))
        self._readings[instruction_id] = every


def asked(drive: Drive, text: str, *every: Reading) -> Drive:
    """Say a sentence; the model reads it in these ways."""
    drive.say(text)
    drive.interpreter.answer(*every)
    return drive.run(0.2 * len(every))  # a reading a tick


def drive_with_model(**parameters: object) -> Drive:
    return Drive(interpreter=Model(), **parameters)


# --- the search for readings ---


@dataclass
class Toy:
    """A grammar over letters: `lines` with the probability of each; every letter is a token, "." ends."""

    lines: dict[str, float]
    ends: frozenset[int] = frozenset({ord(".")})
    passes: int = 0
    room: int = 1000
    nodes: list[str] = field(default_factory=list)

    @dataclass
    class Place:
        text: str = ""

        def deep_copy(self) -> Toy.Place:
            return Toy.Place(self.text)

        def consume_token(self, token: int) -> bool:
            self.text += chr(token)
            return True

        consume_tokens = compute_ff_tokens = lambda self, *tokens: []
        is_stopped = is_error = lambda self: False

    def matcher(self) -> Place:
        return Toy.Place()

    def begin(self, matcher: Place) -> Continuations:
        self.passes += 1
        return self._after("")

    def grow(self, chains):
        self.passes += 1
        self.nodes += [chain.matcher.text for chain in chains]
        return [(len(self.nodes) - 1, self._after(chain.matcher.text)) for chain in chains]

    def text(self, ids) -> str:
        return "".join(map(chr, ids)).lower()

    def _after(self, begun: str) -> Continuations:
        mass: dict[str, float] = {}
        for line, share in self.lines.items():
            if (line + ".").startswith(begun):
                mass[(line + ".")[len(begun)]] = mass.get((line + ".")[len(begun)], 0.0) + share
        ranked = sorted(mass.items(), key=lambda item: -item[1])
        total = sum(mass.values())
        return Continuations(tuple(ord(c) for c, _ in ranked), tuple(p / total for _, p in ranked))


LINES = {"go a": 0.5, "go b": 0.3, "wait": 0.15, "stop": 0.05}


def test_the_most_probable_lines_come_out_in_order_with_their_probabilities():
    found = search(Toy(LINES), Budget(lines=4))
    assert [(line.line, round(line.probability, 6)) for line in found.lines] == list(LINES.items())
    assert found.first.line == "go a" and found.unread == pytest.approx(0.0, abs=1e-9)


def test_a_line_that_is_spelt_in_two_ways_is_one_line_with_the_probability_of_both():
    found = search(Toy({"go a": 0.4, "go A": 0.3, "go b": 0.3}), Budget(lines=3))
    assert [(line.line, round(line.probability, 6)) for line in found.lines] == [("go a", 0.7), ("go b", 0.3)]


def test_without_time_the_first_line_is_still_finished_and_it_is_the_greedy_one():
    # greedily "b…" is followed although "ax" is the most probable whole line
    lines = {"ax": 0.4, "b1": 0.3, "b2": 0.3}
    hurried = search(Toy(lines), Budget(lines=4, seconds=0.0, width=1))
    assert hurried.first.line.startswith("b") and len(hurried.lines) == 1
    calm = search(Toy(lines), Budget(lines=4))
    assert calm.lines[0].line == "ax" and calm.first.line.startswith("b")


def test_a_larger_budget_never_finds_less():
    several = [search(Toy(LINES), Budget(lines=4, passes=passes)) for passes in (1, 6, 8, 64)]
    shares = [sum(line.probability for line in found.lines) for found in several]
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=4), st.floats(0.05, 1.0), min_size=1, max_size=6))
def test_probabilities_are_those_of_the_lines_whatever_they_are(shares):
    total = sum(shares.values())
    found = search(Toy({line: share / total for line, share in shares.items()}), Budget(lines=8))
    for line in found.lines:
        assert line.probability == pytest.approx(shares[line.line] / total, rel=1e-6)
    assert sum(line.probability for line in found.lines) + found.unread == pytest.approx(1.0)


# --- readings held against the sentence ---


def lines_read(sentence: str, *lines: tuple[str, float]) -> tuple[Reading, ...]:
    every = [Line(line, share, share) for line, share in lines]
    rest = 1.0 - sum(share for _, share in lines)
    return readings(sentence, every, rest, yard(), NameBook(yard()), None)


def test_a_reading_that_drops_a_place_loses_to_one_that_does_not():
    found = lines_read(
        "go to the gate, wait two minutes, then return to dock B",
        ("wait for <two minutes>; go <dock B>", 0.55),
        ("go <gate>; wait for <two minutes>; go <dock B>", 0.4),
    )
    assert found[0].line.startswith("go <gate>")


def test_a_reading_that_drops_a_number_is_never_carried_out():
    found = lines_read("go to the gate at 0.3 m/s", ("go <gate>", 0.9), ("go <gate> speed <0.3 m/s>", 0.1))
    unread = next(r for r in found if r.line == "go <gate>")
    assert unread.goal.steps is None and unread.goal.question is not None
    assert unread.probability == pytest.approx(0.9 * MISREAD / (0.9 * MISREAD + 0.1))


def test_a_reading_that_drops_a_name_of_the_site_is_never_carried_out():
    lines = ("go <gate>", 0.9), ("go <gate> avoid <flower bed>", 0.1)
    found = lines_read("keep off the flower bed on the way to the gate", *lines)
    lost = next(r for r in found if r.line == "go <gate>")
    assert lost.goal.steps is None and lost.goal.question is not None


def test_a_name_that_was_taken_back_is_not_dropped():
    (only,) = lines_read("not to dock B but to the gate", ("go <gate>", 1.0))
    assert only.goal.steps is not None and only.probability == 1.0


def test_a_reading_that_takes_a_name_for_a_point_of_the_map_is_hardly_probable():
    found = lines_read("go to the gate", ("go point <gate>", 0.6), ("go <gate>", 0.4))
    assert found[0].line == "go <gate>" and found[0].probability > 0.9


def test_a_line_that_cannot_be_read_is_a_refusal_and_no_error():
    (only,) = lines_read("go", ("go <>", 1.0))
    assert only.goal.refusal is not None


# --- the decision ---


def reading(name: str, probability: float, **more: object) -> Reading:
    return Reading(goal(go(name), **more), probability, f"go <{name}>")


def judged(*every: Reading, drive: Drive | None = None):
    drive = drive or Drive(resolution_m=0.5)
    return drive.core.judge.judge(every, drive.now_s)


def test_the_best_reading_that_can_be_carried_out_is_obeyed():
    decision = judged(reading("gate", 0.9), reading("dock_b", 0.1))
    assert isinstance(decision, Obey) and decision.best.goal.steps[0].target.name == "gate"
    assert [check.name for check in decision.best.checks][:4] == ["site rules", "way", "time", "stopping distance"]
    assert all(check.passed for check in decision.best.checks)


def test_two_likely_readings_that_differ_become_one_question():
    decision = judged(reading("dock_a", 0.5), reading("dock_b", 0.45))
    assert isinstance(decision, Choose)
    assert [rival.goal.steps[0].target.name for rival in decision.rivals] == ["dock_a", "dock_b"]


def test_readings_that_make_the_robot_do_the_same_are_one():
    decision = judged(reading("dock_a", 0.45), reading("dock A", 0.5))  # its id, and what people call it
    assert isinstance(decision, Obey) and decision.best.probability == pytest.approx(0.95)


def test_nothing_is_obeyed_below_the_threshold():
    decision = judged(reading("gate", 0.55))
    assert isinstance(decision, Confirm)


def test_when_nothing_can_be_done_the_most_likely_reading_says_why():
    pond = goal(Step(task=Task.NAVIGATE, target=PoseTarget(x_m=11.0, y_m=7.0)))  # the flower bed
    decision = judged(Reading(pond, 0.6), reading("moon", 0.3))
    assert isinstance(decision, Reply) and decision.why.refused.refusal.reason is RefusalReason.FORBIDDEN


def test_a_likely_reading_that_is_refused_is_not_replaced_by_an_unlikely_one_that_is_not():
    decision = judged(reading("moon", 0.8), reading("gate", 0.15))
    assert isinstance(decision, Reply) and decision.why.goal.steps[0].target.name == "moon"


def test_a_likely_reading_beside_one_that_is_refused_is_asked_back():
    decision = judged(reading("gate", 0.65), Reading(GoalState(refusal=Refusal(reason="forbidden", text=WORDS)), 0.35))
    assert isinstance(decision, Confirm)


def test_a_drive_for_a_time_is_less_likely_meant_than_a_drive_and_a_wait():
    timed = Reading(goal(go("workbench", until=Until(duration_s=30.0))), 0.5)
    apart = Reading(goal(go("workbench"), Step(task=Task.WAIT, until=Until(duration_s=30.0))), 0.4)
    decision = judged(timed, apart)
    assert isinstance(decision, (Obey, Confirm)) and len(decision.best.goal.steps) == 2


def test_a_candidate_that_raises_anything_does_not_take_the_others_with_it():
    good = Drive(resolution_m=0.5)
    broken = goal(go("field"))

    def try_out(candidate: GoalState):
        if candidate is broken:
            raise ZeroDivisionError("a bug")
        return good.core.judge.try_out(candidate, good.now_s)

    weighed = weigh([Reading(broken, 0.6), reading("gate", 0.4)], try_out)
    assert [h.feasible for h in weighed] == [False, True]
    assert weighed[0].refused.refusal.reason is RefusalReason.NOT_ABLE
    assert isinstance(decide(weighed, Rules()), Confirm)


@pytest.mark.parametrize("probability", [math.nan, -1.0, 2.0, math.inf])
def test_a_probability_that_is_none_counts_as_nothing(probability):
    decision = judged(reading("dock_b", probability), reading("gate", 0.9))
    assert isinstance(decision, Obey) and decision.best.goal.steps[0].target.name == "gate"


def test_an_adviser_may_tighten_ask_or_refuse_and_is_heard_before_the_checks():
    question = GoalState(question=Question(text=WORDS))

    def adviser(candidate: GoalState) -> GoalState:
        if candidate.steps[0].target.name == "gate":
            return question
        steps = tuple(s.model_copy(update={"limits": Limits(max_speed_mps=0.2)}) for s in candidate.steps)
        return candidate.model_copy(update={"steps": steps})

    drive = Drive({"a": goal(go("field")), "b": goal(go("gate"))})
    drive.core.judge.adviser = adviser
    drive.say("a").run(0.4)
    assert drive.goals[-1].steps[0].limits.max_speed_mps == 0.2 and drive.limit <= 0.2
    drive.say("b").run(0.4)
    assert drive.last.kind == "question" and drive.goals[-1].steps[0].target.name == "field"


# --- the rehearsal ---


def rehearsal(people=None) -> Rehearsal:
    core = Drive(resolution_m=COARSE).core
    return Rehearsal(yard(), scout(), core.pursuit.site_map, 0.8, people)


def test_what_a_goal_takes_is_known_before_it_is_begun():
    drive = Drive()
    trial = drive.core.judge.try_out(goal(go("gate"), go("dock_b")), drive.now_s)
    straight = math.hypot(10.0 - 2.5, 2.0 - 4.0) + math.hypot(36.5 - 10.0, 11.0 - 2.0)
    assert straight <= trial.rolled.length_m <= 1.3 * straight
    assert trial.rolled.time_s >= trial.rolled.length_m / 1.5
    assert trial.rolled.energy_j > 0.0 and math.isnan(trial.rolled.conflict)  # nobody predicts people


def test_a_robot_that_sees_little_drives_slowly_enough_to_stop_within_it():
    drive = Drive({"a": goal(go("gate"))}, sight_m=0.6)
    drive.say("a").run(4.0)
    most = seen_speed(0.6, 0.8)
    assert max(drive.limits) <= most + 1e-6 < 1.0
    assert most * 0.3 + most**2 / 1.6 == pytest.approx(0.6)


def crowd_at(x_m: float, y_m: float) -> Crowd:
    mean = np.tile([x_m, y_m], (1, len(AHEAD_S), 1))
    return Crowd(
        mean, np.tile(0.01 * np.eye(2), (1, len(AHEAD_S), 1, 1)), np.ones(1), np.ones(1, dtype=int), np.array([0.3])
    )


def test_a_person_on_the_way_is_a_conflict_and_one_beside_it_is_none():
    line = np.column_stack([np.linspace(0.0, 8.0, 17), np.zeros(17), np.zeros(17)])
    driven = LimitsDrive(rehearsal().limits).drive(line, np.full(17, 1.0), 0.0)
    assert driven.speeds_mps[0] == driven.speeds_mps[-1] == 0.0 and np.all(np.diff(driven.times_s) > 0.0)
    assert conflict(driven, AHEAD_S, crowd_at(3.0, 0.0), 0.5) > 0.99
    assert conflict(driven, AHEAD_S, crowd_at(3.0, 4.0), 0.5) < 0.01


def prediction(stamp_s: float, y: float) -> Prediction:
    rows = layouts.empty(layouts.PREDICTION, 6)
    rows["id"], rows["weight"], rows["t_s"] = 7, 1.0, np.arange(6)
    rows["x"], rows["y"], rows["sxx"], rows["syy"], rows["radius"] = 2.6, y, 0.02, 0.02, 0.3
    return Prediction(stamp_s, "odom", rows)


def test_the_world_models_people_count_and_stale_or_broken_predictions_do_not():
    drive = Drive()
    tank = goal(go("water_tank"))  # five metres to the north

    def seen(stamp_s: float, y: float) -> float:
        drive.hear("world_model/prediction", prediction(stamp_s, y))
        drive.core.tick(drive.now_s)
        return drive.core.judge.try_out(tank, drive.now_s).rolled.conflict

    assert seen(drive.now_s, 6.5) > 0.9
    assert seen(drive.now_s, 20.0) < 0.01
    assert seen(drive.now_s, math.nan) == 0.0
    assert math.isnan(seen(drive.now_s - 60.0, 6.5))
    assert PredictedPeople().at(0.0, AHEAD_S) is None


def test_a_lent_model_that_breaks_costs_its_word_and_not_the_goal():
    class Broken:
        def at(self, stamp_s: float, ahead_s: np.ndarray) -> Crowd:
            raise RuntimeError("no weights")

        drive = at

    drive = Drive({"a": goal(go("gate"))})
    drive.core.judge.rehearsal.people = drive.core.judge.rehearsal.driver = Broken()
    drive.say("a").run(0.4)
    assert drive.kinds == ["understood"] and len(drive.path)


# --- questions and their answers ---

WHICH = Question(text=Words(en="Which dock?", ja="どのドックですか。"), options=("dock_a", "dock_b"))


def which_dock(line: str = "go <dock> slow; wait for <30 seconds>") -> Reading:
    return Reading(GoalState(question=WHICH), 0.95, line)


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("B", "dock_b"), ("the second one", "dock_b"), ("最初の方", "dock_a"), ("Aの方", "dock_a"),
        ("Bの方でお願いします", "dock_b"), ("dock B, please", "dock_b"), ("搬入口A", "dock_a"), ("2番目", "dock_b"),
        ("no, B", "dock_b"), ("一つ目で", "dock_a"), ("the latter", "dock_b"), ("loading dock a", "dock_a"),
    ],
)  # fmt: skip
def test_an_answer_that_names_an_option_completes_the_asked_goal(said, place):
    drive = asked(drive_with_model(), "go to the dock slowly and wait 30 seconds", which_dock())
    assert drive.last.kind == "question" and drive.last.options == ["dock_a", "dock_b"]
    drive.say(said)
    steps = drive.goals[-1].steps
    assert steps[0].target.name == place and steps[0].limits.max_speed_mps == 0.5
    assert steps[1].until.duration_s == 30.0
    assert len(drive.interpreter.heard) == 1  # the model was not asked again
    assert drive.last.instruction_id == drive.interpreter.heard[0][0]


@pytest.mark.parametrize("said", ["no", "neither", "どちらでもない", "いいえ"])
def test_an_asked_goal_can_be_left(said):
    drive = asked(drive_with_model(), "go to the dock", which_dock("go <dock>"))
    drive.say(said)
    assert drive.last.kind == "info" and not drive.goals


def test_yes_to_a_question_with_several_options_asks_again():
    drive = asked(drive_with_model(), "go to the dock", which_dock("go <dock>"))
    drive.say("yes")
    assert drive.last.kind == "question" and drive.last.options == ["dock_a", "dock_b"] and not drive.goals
    drive.say("the first one")
    assert drive.goals[-1].steps[0].target.name == "dock_a"


def test_a_whole_sentence_withdraws_the_question_and_is_read_by_the_model():
    drive = asked(drive_with_model(), "go to the dock", which_dock("go <dock>"))
    asked(drive, "go to dock B slowly", reading("dock_b", 1.0))
    assert len(drive.interpreter.heard) == 2 and drive.goals[-1].steps[0].target.name == "dock_b"
    drive.say("A").run(0.2)
    assert len(drive.interpreter.heard) == 3


def test_two_likely_readings_are_named_and_the_answer_is_obeyed():
    drive = asked(drive_with_model(), "go to the dok", reading("dock_a", 0.5), reading("dock_b", 0.4))
    assert drive.last.kind == "question" and drive.last.options == ["dock_a", "dock_b"]
    assert "dock A" in drive.last.en and "dock B" in drive.last.en and "ドックB" in drive.last.ja
    drive.say("Bの方")
    assert drive.goals[-1].steps[0].target.name == "dock_b" and drive.goals[-1].confidence == 1.0


def test_readings_that_differ_in_more_than_a_place_are_named_by_letters():
    inspect = Reading(goal(Step(task=Task.INSPECT, target=PlaceTarget(name="gate"))), 0.4)
    drive = asked(drive_with_model(), "see to the gate", reading("gate", 0.5), inspect)
    assert drive.last.options == ["A", "B"] and "(A)" in drive.last.en and "(B)" in drive.last.ja
    drive.say("the second one")
    assert drive.goals[-1].steps[0].task is Task.INSPECT


def test_an_old_question_is_not_answered_by_a_late_word():
    drive = asked(drive_with_model(confirm_within_s=5.0), "go to the dock", which_dock("go <dock>"))
    drive.run(6.0).say("B").run(0.2)
    assert not drive.goals and len(drive.interpreter.heard) == 2


def test_no_the_other_one_is_relative_to_what_was_asked_about():
    drive = asked(drive_with_model(), "go to dock ay", reading("dock_a", 0.5))
    assert drive.last.options == ["yes", "no"]
    drive.say("no, the other one").run(0.2)
    assert drive.interpreter.heard[-1][1:] == ("no, the other one", "dock_a")


def test_sentences_are_answered_in_the_order_they_were_said():
    drive = drive_with_model()
    drive.say("first").say("second")
    drive.interpreter.answer(reading("dock_b", 1.0), which=1)
    drive.run(0.4)
    assert not drive.goals
    drive.interpreter.answer(reading("gate", 1.0), which=0)
    drive.run(0.4)
    assert [said.steps[0].target.name for said in drive.goals] == ["gate", "dock_b"]


def test_a_stop_waits_for_no_more_than_one_reading_and_drops_the_others():
    drive = drive_with_model()
    tried: list[GoalState] = []
    try_out = drive.core.judge.try_out
    drive.core.judge.try_out = lambda goal, *more: (tried.append(goal), try_out(goal, *more))[1]
    drive.say("mumble")
    drive.interpreter.answer(*(reading(name, 0.3) for name in ("gate", "field", "dock_b")))
    drive.run(0.2)
    assert len(tried) == 1 and not drive.replies
    drive.say("stop").run(2.0)
    assert len(tried) == 1 and drive.kinds == ["understood"] and not len(drive.path)


# --- goals in line ---


def then(name: str, **more: object) -> Reading:
    return reading(name, 1.0, queue=True, **more)


def until_goal(drive: Drive, name: str) -> Drive:
    """Drive until the goal is to go to a place, or for a minute."""
    for _ in range(300):
        drive.step()
        if getattr(drive.goals[-1].steps[0].target, "name", None) == name:
            return drive
    raise AssertionError(f"{name} has not become the goal")


def in_line(drive: Drive) -> list[str]:
    return [waiting.steps[0].target.name for waiting in drive.core.goals.line.goals]


def test_a_goal_for_later_waits_is_said_back_and_begins_when_the_present_one_is_done():
    drive = asked(drive_with_model(), "go to the gate", reading("gate", 1.0))
    asked(drive, "after that go to the field", then("field"))
    assert drive.last.kind == "understood" and "After this goal" in drive.last.en and "次に" in drive.last.ja
    assert drive.goals[-1].steps[0].target.name == "gate" and in_line(drive) == ["field"]
    until_goal(drive, "field")
    assert "done" in drive.kinds and not in_line(drive)
    drive.run(60.0, until="done")
    assert np.hypot(drive.pose[0] - 7.0, drive.pose[1] - 12.5) <= 0.3


def test_a_goal_for_later_begins_at_once_where_there_is_nothing_to_wait_for():
    drive = asked(drive_with_model(), "then go to the field", then("field"))
    assert drive.goals[-1].steps[0].target.name == "field" and not in_line(drive)


def test_the_line_is_short_and_a_full_one_is_told():
    drive = asked(drive_with_model(), "go to the gate", reading("gate", 1.0))
    for name in ("field", "dock_a", "dock_b", "charger"):
        asked(drive, f"then {name}", then(name))
    asked(drive, "then the workbench", then("workbench"))
    assert (drive.last.kind, drive.last.reason) == ("refusal", "not_able") and len(in_line(drive)) == 4


@pytest.mark.parametrize("word", ["stop", "cancel"])
def test_stop_and_cancel_drop_the_line_and_say_so(word):
    drive = asked(drive_with_model(), "go to the gate", reading("gate", 1.0))
    asked(drive, "then the field", then("field"))
    drive.say(word)
    assert any("dropped the goal that waited" in said.en for said in drive.replies) and not in_line(drive)
    drive.run(2.0)
    assert not len(drive.path)


def test_a_new_order_replaces_the_present_goal_and_the_line():
    drive = asked(drive_with_model(), "go to the gate", reading("gate", 1.0))
    asked(drive, "then the field", then("field"))
    asked(drive, "go to dock B", reading("dock_b", 1.0))
    assert drive.goals[-1].steps[0].target.name == "dock_b" and not in_line(drive)
    assert any("dropped the goal that waited" in said.en for said in drive.replies)


def test_a_correction_right_after_a_goal_for_later_replaces_that_one():
    drive = asked(drive_with_model(), "go to the gate", reading("gate", 1.0))
    asked(drive, "then dock A", then("dock_a"))
    asked(drive, "no, the other one", reading("dock_b", 1.0))
    assert drive.interpreter.heard[-1][2] == "dock_a"
    assert in_line(drive) == ["dock_b"] and drive.goals[-1].steps[0].target.name == "gate"


def test_a_goal_in_line_is_checked_from_where_the_one_before_it_ends():
    drive = asked(drive_with_model(), "go to the gate", reading("gate", 1.0))  # at (10, 2), facing south
    ahead = goal(Step(task=Task.NAVIGATE, target=DisplacementTarget(forward_m=3.0)), queue=True)
    asked(drive, "then 3 metres ahead", Reading(ahead, 1.0))
    assert drive.last.reason == "forbidden"  # out of the yard, though it is not from where the robot is now


def test_a_goal_in_line_that_cannot_be_done_any_more_is_told_and_the_next_begins():
    drive = asked(drive_with_model(), "go to the gate", reading("gate", 1.0))
    asked(drive, "then the field", then("field"))
    asked(drive, "then dock B", then("dock_b"))
    broken = drive.core.goals.line._waiting[0]
    gone = broken.goal.model_copy(update={"steps": (go("moon"),)})
    drive.core.goals.line._waiting[0] = type(broken)(gone, None)
    until_goal(drive, "dock_b")
    assert "unknown_place" in [said.reason for said in drive.replies]


def test_a_restarted_planner_keeps_the_line(tmp_path):
    first = asked(drive_with_model(state_dir=str(tmp_path)), "go to the gate", reading("gate", 1.0))
    asked(first, "then the field", then("field")).run(1.0)
    second = Drive(interpreter=Model(), at=tuple(first.pose), start_s=first.now_s + 5.0, state_dir=str(tmp_path))
    second.run(0.4)
    assert second.goals[-1].steps[0].target.name == "gate" and in_line(second) == ["field"]
    until_goal(second, "field")


# --- an emergency stop ---


def verdict(drive: Drive, state: str) -> None:
    from physical_ai_core.reports import Verdict

    drive.hear("safety/verdict", Verdict(drive.now_s, state, "autonomy", [0.0, 0.0], [0.0, 0.0]))


def test_an_order_under_an_emergency_stop_waits_for_a_person_to_say_resume():
    drive = drive_with_model()
    verdict(drive, "emergency_stop")
    asked(drive, "go to the gate", reading("gate", 1.0)).run(1.0)
    assert not len(drive.path) and any("emergency stop is on" in said.en for said in drive.replies)
    drive.say("resume")
    assert drive.last.reason == "not_ready" and not len(drive.path)
    verdict(drive, "clear")
    drive.run(2.0)
    assert not len(drive.path)  # nobody said so
    drive.say("resume").run(0.4)
    assert len(drive.path) and drive.goals[-1].steps[0].target.name == "gate"


# --- whatever a model writes ---

NAMES = ("Alpha 1", "Alpha 2", "Bay", "Den", "Elm")
coordinate = st.floats(1.0, 19.0)


@st.composite
def sites(draw) -> Site:
    """A fenced square with a wall, a pillar, forbidden and slow squares, and places wherever they may be."""

    def square(x: float, y: float, half: float) -> list[tuple[float, float]]:
        return [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]

    zones = {"fence": {"kind": "geofence", "polygon": square(10.0, 10.0, 10.0)}}
    for index in range(draw(st.integers(0, 2))):
        x, y, half = draw(coordinate), draw(coordinate), draw(st.floats(0.5, 3.0))
        zones[f"no{index}"] = {"kind": "keep_out", "polygon": square(x, y, half), "names": {"en": [f"Pond {index}"]}}
    x, y = draw(coordinate), draw(coordinate)
    zones["work"] = {"kind": "work", "polygon": square(x, y, 2.5), "names": {"en": ["Meadow"]}}
    zones["slow"] = {"kind": "speed", "max_speed_mps": 0.4, "polygon": square(y, x, 2.0)}
    forbidden = shapely.union_all([shapely.Polygon(z["polygon"]) for z in zones.values() if z["kind"] == "keep_out"])
    places = {}
    for index, name in enumerate(NAMES):
        x, y = draw(coordinate), draw(coordinate)
        if not forbidden.covers(shapely.Point(x, y)):
            pose = {"x_m": x, "y_m": y, "yaw_rad": draw(st.floats(-3.1, 3.1))}
            places[f"p{index}"] = {"names": {"en": [name]}, "pose": pose, "dock": index == 3}
    places["start"] = {"names": {"en": ["home"]}, "pose": {"x_m": 10.0, "y_m": 0.8}}
    if forbidden.covers(shapely.Point(10.0, 0.8)):
        zones = {key: zone for key, zone in zones.items() if zone["kind"] != "keep_out"}
    wall = {"pose": {"x_m": draw(coordinate), "y_m": draw(coordinate)}, "length_m": 6.0, "width_m": 0.4}
    routes = {"round": {"names": {"en": ["Round"]}, "places": [*places][:3]}} if len(places) >= 3 else {}
    return Site.model_validate(
        {
            "name": "drawn", "start": "start", "max_speed_mps": 1.2, "places": places, "zones": zones,
            "routes": routes, "structures": {"wall": wall},
        }
    )  # fmt: skip


words_of_sites = st.sampled_from((*NAMES, "Alpha", "Meadow", "Pond 0", "Pond 1", "Round", "home", "moon"))
amounts = st.sampled_from(
    ("2 m", "30 m", "half a metre", "90 degrees", "0.3 m/s", "9 m/s", "10 s", "three", "x 3, y 4")
)
aims = st.one_of(
    st.builds(Named, words_of_sites, st.sampled_from(Relation), st.none() | amounts),
    st.builds(Pointed, st.sampled_from(Deictic)),
    st.builds(Move, st.sampled_from(("forward", "back", "left", "right", "turn left")), st.none() | amounts),
)
drafts = st.builds(
    Draft,
    st.sampled_from((Task.NAVIGATE, Task.COVER, Task.INSPECT, Task.DOCK, Task.PATROL)),
    aims,
    st.booleans(),
    st.none() | amounts,
    st.none() | amounts,
    st.lists(words_of_sites, max_size=1).map(tuple),
    st.none() | amounts,
    st.none() | st.just("three"),
    st.none() | st.sampled_from(tuple(EVENT_WORDS.values())),
)
plans = st.builds(Plan, st.lists(drafts, min_size=1, max_size=3).map(tuple), st.booleans())
free_steps = st.one_of(
    st.builds(lambda x, y: Step(task=Task.NAVIGATE, target=PoseTarget(x_m=x, y_m=y)), coordinate, coordinate),
    st.builds(lambda n: Step(task=Task.NAVIGATE, target=ZoneTarget(name=n)), st.sampled_from(("work", "no0", "fence"))),
    st.builds(lambda n: Step(task=Task.COVER, target=ZoneTarget(name=n)), st.sampled_from(("slow", "no1", "fence"))),
)


def planner_on(site: Site, folder) -> tuple[PlannerCore, Model]:
    import yaml

    from physical_ai_planner.parameters import PlannerParameters

    file = folder / "drawn.yaml"
    file.write_text(yaml.safe_dump(site.model_dump(mode="json", exclude_none=True)), encoding="utf-8")
    model = Model()
    core = PlannerCore(PlannerParameters(site=str(file), resolution_m=0.4, clearance_m=0.1), model)
    zero, turn = np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0])
    core.handle(
        "state/odometry", Odometry(50.0, "odom", "base_link", np.array([10.0, 0.8, 0.0]), turn, zero, zero), 50.0
    )
    core.handle("state/map_to_odom", Pose(50.0, "map", zero, turn, np.eye(6) * 1e-4), 50.0)
    return core, model


def broken_rules(outputs: list[Output], site: Site) -> list[str]:
    """What leaves the planner and breaks a rule of the site; plain geometry that shares nothing with the planner."""
    fence = site.zones["fence"].shape
    forbidden = [zone.shape for zone in site.zones_of(ZoneKind.KEEP_OUT).values()]
    solid = shapely.Polygon(site.structures["wall"].outline())
    found = []
    for topic, data in outputs:
        if topic == "plan" and len(data.poses):
            line = shapely.LineString(data.poses[:, :2]) if len(data.poses) > 1 else shapely.Point(data.poses[0, :2])
            if not np.isfinite(data.poses).all():
                found.append("path is not finite")
            if not fence.covers(line):
                found.append("path leaves the fence")
            if line.intersects(solid):
                found.append("path goes through the wall")
            if any(line.intersects(shape) for shape in forbidden):
                found.append("path enters a forbidden zone")
        if topic == "speed_limit" and not 0.0 <= data.data <= site.max_speed_mps:
            found.append(f"speed {data.data}")
        for step in data.steps or () if topic == "goal_state" else ():
            name = getattr(step.target, "name", None)
            if name is not None and name in site.zones_of(ZoneKind.KEEP_OUT):
                found.append(f"goal {name}")
            if isinstance(step.target, PoseTarget):
                spot = shapely.Point(step.target.x_m, step.target.y_m)
                if not fence.covers(spot) or any(shape.covers(spot) for shape in forbidden):
                    found.append("goal pose outside the rules")
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(site=sites(), written=st.lists(plans, min_size=1, max_size=3), loose=st.lists(free_steps, max_size=2))
def test_whatever_lines_a_model_writes_no_goal_leaves_that_breaks_a_rule_of_the_site(site, written, loose, tmp_path):
    core, model = planner_on(site, tmp_path)
    every = [Line(write(plan), 0.8 / (1 + index), 0.9) for index, plan in enumerate(written)]
    book = NameBook(site)
    read = readings("Alpha 1 Bay Meadow", every, 0.05, site, book, "start")
    read += tuple(Reading(GoalState(steps=(step,)), 0.9) for step in loose)
    outputs: list[Output] = []
    for index, one in enumerate((read, *((r,) for r in read))):
        outputs += core.handle("instruction", Text(f"order {index}"), 50.0)
        model.answer(*(r._replace(probability=1.0) if index else r for r in one))
        for _ in one:
            outputs += core.tick(50.0)
        outputs += core.handle("instruction", Text("yes"), 50.0)
    assert broken_rules(outputs, site) == []


def test_the_property_above_can_fail():
    from physical_ai_core.messages import Path

    site = yard().model_copy(
        update={
            "zones": {**yard().zones, "fence": yard().zones["yard_limits"]},
            "structures": {"wall": next(iter(yard().structures.values()))},
        }
    )
    through = Path(0.0, "map", np.array([[8.0, 7.5, 0.0], [14.0, 7.5, 0.0]]))  # the flower bed
    assert broken_rules([Output("plan", through)], site) == ["path enters a forbidden zone"]


def test_a_goal_pose_that_is_no_pose_is_refused_and_a_forbidden_one_too():
    drive = Drive(resolution_m=0.5)
    turn = np.array([0.0, 0.0, 0.0, 1.0])
    for xy, reason in (
        ((math.nan, 1.0), "not_understood"), ((11.0, 7.0), "forbidden"), ((-5.0, 2.0), "forbidden"),
        ((1e30, 0.0), "not_understood"),
    ):  # fmt: skip
        drive.hear("goal_pose", Pose(drive.now_s, "map", np.array([*xy, 0.0]), turn))
        assert (drive.last.kind, drive.last.reason) == ("refusal", reason)
    assert not drive.goals and Refused is not None
