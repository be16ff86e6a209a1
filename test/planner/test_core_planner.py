"""Words in, one goal out: what the planner does with whatever a person, a model or a broken sensor sends."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planner_driver import Drive, go, goal

from physical_ai_core import layouts
from physical_ai_core.errors import GoalError
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_core.goal import GoalState, Question, Refusal, RefusalReason, Task, Words
from physical_ai_core.messages import Objects, OccupancyGrid, Odometry, Pose, Scalar, Text
from physical_ai_core.reports import ControllerStatus
from physical_ai_planner.interpreter import InterpreterStatus, Readiness
from physical_ai_planner.scripted import ScriptedInterpreter


class Slow:
    """An interpreter whose answers and state the test hands in."""

    def __init__(self, readiness: Readiness = Readiness.READY) -> None:
        self.readiness, self.heard, self.answers = readiness, [], []

    def submit(self, instruction_id: str, text: str, present: str | None = None) -> None:
        self.heard.append((instruction_id, text, present))

    def poll(self) -> list[GoalState]:
        answers, self.answers = self.answers, []
        return answers

    def status(self) -> InterpreterStatus:
        return InterpreterStatus(self.readiness, "test")

    def answer(self, goal_state: GoalState, which: int = -1) -> None:
        self.answers.append(goal_state.model_copy(update={"instruction_id": self.heard[which][0]}))


def test_a_sentence_becomes_a_goal_with_the_ids_of_its_instruction_and_a_path_at_once():
    drive = Drive({"go to the gate": goal(go("gate"))})
    drive.say("Go to the gate!").run(0.4)
    assert drive.kinds == ["understood"]
    assert drive.last.instruction_id == drive.goals[0].instruction_id != ""
    assert drive.last.goal_id == drive.goals[0].goal_id != ""
    assert len(drive.path) > 10 and drive.limit > 0.5


def test_two_runs_say_the_same_to_the_byte():
    def run() -> list[str]:
        drive = Drive({"a": goal(go("gate")), "b": goal(go("dock_b"))})
        drive.say("a").run(4.0).say("b").run(4.0).say("stop").run(1.0)
        return [r.to_json() for r in drive.replies] + [g.to_json() for g in drive.goals] + [str(drive.path.tolist())]

    assert run() == run()


def test_a_question_or_a_refusal_leaves_the_present_goal_alone():
    slow = Slow()
    drive = Drive(interpreter=slow)
    drive.say("go to the gate").run(0.2)
    slow.answer(goal(go("gate")))
    drive.run(0.6)
    before = drive.goals[-1]
    drive.say("go over there").run(0.2)
    assert slow.heard[-1][1:] == ("go over there", "gate")
    slow.answer(GoalState(question=Question(text=Words(en="Where?", ja="どこですか。"), options=("gate", "field"))))
    drive.run(0.4)
    assert drive.last.kind == "question" and drive.last.options == ["gate", "field"]
    drive.say("drive through the wall").run(0.2)
    words = Words(en="I may not.", ja="できません。")
    slow.answer(GoalState(refusal=Refusal(reason=RefusalReason.FORBIDDEN, text=words)))
    drive.run(0.4)
    assert drive.last.reason == "forbidden"
    drive.say("go to the moon").run(0.2)
    slow.answer(goal(go("moon")))
    drive.run(1.0)
    assert drive.last.reason == "unknown_place"
    assert drive.goals == [before] and len(drive.path)


def test_a_new_valid_goal_replaces_the_present_one():
    drive = Drive({"a": goal(go("gate")), "b": goal(go("field"))})
    drive.say("a").run(3.0).say("b").run(60.0, until="done")
    assert drive.goals[0].goal_id != drive.goals[1].goal_id == drive.goals[-1].goal_id
    assert np.hypot(drive.pose[0] - 7.0, drive.pose[1] - 12.5) <= 0.3


def test_a_sentence_still_being_read_when_stop_is_said_never_moves_the_robot():
    slow = Slow()
    drive = Drive(interpreter=slow)
    drive.say("go to the gate").run(0.4).say("stop").run(0.4)
    slow.answer(goal(go("gate")), which=0)
    drive.run(2.0)
    assert all(g.steps[0].task is Task.STOP for g in drive.goals) and not len(drive.path)


@pytest.mark.parametrize("word", ["stop", "STOP!", "止まれ", "とまれ！", "待て", "ストップ", "Halt.", "ｓｔｏｐ"])
@pytest.mark.parametrize("readiness", [Readiness.LOADING, Readiness.FAILED, Readiness.READY])
def test_stop_is_answered_in_the_call_that_brings_it_whatever_the_model_does(word, readiness):
    drive = Drive(interpreter=Slow(readiness), resolution_m=0.5)
    outputs = drive.core.handle("instruction", Text(word), drive.now_s)
    assert [o.topic for o in outputs[:3]] == ["goal_state", "plan", "speed_limit"]
    assert outputs[0].data.steps[0].task is Task.STOP
    assert len(outputs[1].data.poses) == 0 and outputs[2].data.data == 0.0


def test_a_sentence_that_comes_while_the_model_loads_is_answered_when_it_is_ready():
    slow = Slow(Readiness.LOADING)
    drive = Drive(interpreter=slow)
    drive.say("go to the gate").run(3.0)
    assert drive.kinds == ["info"] and not slow.heard
    slow.readiness = Readiness.READY
    drive.run(0.4)
    slow.answer(goal(go("gate")))
    drive.run(0.4)
    assert drive.kinds == ["info", "understood"]


@pytest.mark.parametrize("readiness", [Readiness.FAILED, Readiness.ABSENT])
def test_without_a_working_model_a_sentence_is_refused_and_a_pose_still_drives(readiness):
    drive = Drive(interpreter=Slow(readiness))
    drive.say("go to the gate").run(0.4)
    assert (drive.last.kind, drive.last.reason) == ("refusal", "not_ready")
    drive.hear("goal_pose", Pose(drive.now_s, "map", np.array([10.0, 2.0, 0.0]), quaternion_of_yaw(0.0)))
    assert drive.last.kind == "understood"


def test_a_model_that_never_answers_is_given_up():
    drive = Drive(interpreter=Slow(), language_timeout_s=5.0)
    drive.say("go to the gate").run(6.0)
    assert drive.kinds == ["refusal"] and drive.last.reason == "not_ready"


def test_an_interpreter_that_breaks_is_told_and_the_present_goal_goes_on():
    class Broken(Slow):
        def poll(self) -> list[GoalState]:
            if self.heard:
                raise RuntimeError("worker is gone")
            return []

    drive = Drive(interpreter=Broken())
    drive.hear("goal_pose", Pose(drive.now_s, "map", np.array([10.0, 2.0, 0.0]), quaternion_of_yaw(0.0)))
    drive.run(1.0).say("go to the field").run(1.0)
    assert drive.last.reason == "not_ready" and len(drive.path)


def test_a_doubtful_goal_is_asked_back_and_driven_only_after_a_yes():
    commands = {"mumble": goal(go("gate"), confidence=0.3)}
    drive = Drive(commands)
    drive.say("mumble").run(1.0)
    assert drive.last.kind == "question" and "門" in drive.last.ja and not drive.goals
    drive.say("はい")
    assert drive.last.kind == "understood" and drive.goals
    other = Drive(commands)
    other.say("mumble").run(1.0).say("no").run(1.0).say("yes").run(1.0)
    assert not other.goals


def test_a_goal_that_comes_before_the_first_pose_waits_for_it_and_is_refused_if_none_comes():
    drive = Drive({"a": goal(go("gate"))}, localised=False)
    drive.say("a").run(2.0)
    assert drive.kinds == ["info"]
    drive.localised = True
    drive.run(0.6)
    assert drive.kinds == ["info", "understood"]
    blind = Drive({"a": goal(go("gate"))}, localised=False, pose_wait_s=3.0)
    blind.say("a").run(5.0)
    assert blind.kinds == ["info", "refusal"] and blind.last.reason == "not_ready"


@pytest.mark.parametrize(
    "text",
    ["", "   ", "!!!", "\x00\x01\x02\xff" * 50, "go" * 5000, "\ud800\udfff", "\u202e\u0000gate", "�" * 30, None, 5],
)
def test_what_is_no_sentence_is_refused_in_both_languages_and_the_goal_goes_on(text):
    drive = Drive({"a": goal(go("gate"))})
    drive.say("a").run(1.0)
    drive.say(text).run(0.6)
    assert drive.last.kind == "refusal" and drive.last.reason == "not_understood"
    assert drive.last.en and drive.last.ja and len(drive.path)


@given(st.text(max_size=12000) | st.binary(max_size=3000).map(lambda b: b.decode("utf-8", "surrogateescape")))
@settings(max_examples=40, deadline=None)
def test_any_text_leads_to_a_reply_that_can_be_sent_and_to_no_goal_outside_the_table(shared, text):
    shared.replies.clear()
    shared.say(text).run(0.4)
    for said in shared.replies:
        json.loads(said.to_json().encode("utf-8"))
    assert all(g.steps[0].task in (Task.STOP, Task.CANCEL) for g in shared.goals)


@pytest.fixture(scope="module")
def shared() -> Drive:
    return Drive({"qqq www eee": goal(go("gate"))}, resolution_m=0.5)


def test_the_speed_limit_leaves_doubt_about_people_to_the_controller_which_sees_how_near_they_are():
    def limits(surprise: float) -> list[float]:
        drive = Drive({"go": goal(go("dock_a"))})
        drive.say("go")
        for _ in range(10):
            drive.hear("world_model/surprise", Scalar(surprise))
            drive.run(0.2)
        return drive.limits

    assert max(limits(20.0)) > 0.0
    assert limits(20.0) == limits(0.0)


def bad_messages(stamp_s: float) -> list[tuple[str, object]]:
    nan3, nan4 = np.full(3, np.nan), np.full(4, np.nan)
    rows = layouts.empty(layouts.OBJECT, 3)
    rows["x"], rows["class_id"], rows["radius"] = np.nan, 99, np.inf
    cells = np.zeros((0, 0), dtype=np.int8)
    return [
        ("state/odometry", Odometry(stamp_s, "odom", "base_link", nan3, nan4, nan3, nan3)),
        ("state/map_to_odom", Pose(stamp_s, "map", nan3, nan4, np.full((6, 6), np.nan))),
        ("state/objects", Objects(stamp_s, "odom", rows)),
        ("state/occupancy", OccupancyGrid(stamp_s, "odom", 0.0, nan3, cells)),
        ("state/occupancy", OccupancyGrid(stamp_s, "odom", 0.1, nan3, np.full((5, 5), 100, dtype=np.int8))),
        ("world_model/surprise", Scalar(float("nan"))),
        ("controller/status", ControllerStatus(float("nan"), "arrived")),
        ("no/such/topic", None),
    ]


@pytest.mark.parametrize("index", range(8))
@pytest.mark.parametrize("stamp_s", [101.0, 0.0, -5.0, 1e12, np.nan, np.inf])
def test_nan_stale_and_time_jumping_inputs_neither_break_the_core_nor_come_out_of_it(index, stamp_s, shared_drive):
    drive = shared_drive
    topic, data = bad_messages(stamp_s)[index]
    outputs = [*drive.core.handle(topic, data, stamp_s), *drive.core.tick(stamp_s), *drive.core.tick(drive.now_s)]
    for said, payload in outputs:
        if said == "plan":
            assert np.isfinite(payload.poses).all()
        if said == "speed_limit":
            assert np.isfinite(payload.data)
    drive.run(0.6)
    assert len(drive.path) and np.isfinite(drive.path).all()


@pytest.fixture(scope="module")
def shared_drive() -> Drive:
    drive = Drive({"a": goal(go("dock_b"))}, resolution_m=0.5)
    drive._move = lambda: None  # stands still, so that the goal lasts
    drive.say("a").run(0.4)
    return drive


def test_fixed_commands_are_read_from_a_file_and_a_wrong_one_is_named(tmp_path):
    path = tmp_path / "commands.yaml"
    path.write_text("家に帰って:\n  steps: [{task: dock, target: {kind: place, name: charger}}]\n", encoding="utf-8")
    interpreter = ScriptedInterpreter.from_file(str(path))
    interpreter.submit("i1", "家に帰って。")
    interpreter.submit("i2", "家に帰っ")
    known, unknown = interpreter.poll()
    assert known.steps[0].task is Task.DOCK and known.instruction_id == "i1"
    assert "家に帰って" in unknown.refusal.text.ja
    path.write_text("go:\n  steps: [{task: fly}]\n", encoding="utf-8")
    with pytest.raises(GoalError, match=r"'go'.*task"):
        ScriptedInterpreter.from_file(str(path))
    with pytest.raises(GoalError, match="cannot be read"):
        ScriptedInterpreter.from_file(str(tmp_path / "none.yaml"))
