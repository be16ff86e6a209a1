"""`physical-ai goal`: sentences in, goals out, line by line, without a graph and without a language model here."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from physical_ai_cli import goal as command
from physical_ai_cli.main import app
from physical_ai_core.errors import InputError
from physical_ai_core.goal import GoalState, PlaceTarget, PoseTarget, Question, Step, Task, Words, ZoneTarget
from physical_ai_planner.offline import LanguageAlone, OfflinePlanner
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.scripted import ScriptedInterpreter

GATE = GoalState(steps=(Step(task=Task.NAVIGATE, target=PlaceTarget(name="gate")),), confidence=0.9)
OUTSIDE = GoalState(steps=(Step(task=Task.NAVIGATE, target=PoseTarget(x_m=500.0, y_m=0.0)),))
ASK = GoalState(question=Question(text=Words(en="Which dock?", ja="どのドック?"), options=("dock_a", "dock_b")))
MOW = GoalState(steps=(Step(task=Task.COVER, target=ZoneTarget(name="meadow"), tool=True),), confidence=0.9)
COMMANDS = {"to the gate": GATE, "far away": OUTSIDE, "dock": ASK, "mow the field": MOW}


@pytest.fixture(scope="module")
def planner() -> OfflinePlanner:
    return OfflinePlanner(PlannerParameters(site="yard", resolution_m=0.25), ScriptedInterpreter(COMMANDS))


def test_each_sentence_is_the_first_one(planner: OfflinePlanner) -> None:
    for _ in range(2):
        found = planner.read("to the gate").goal
        assert found.steps is not None and found.steps[0].target == PlaceTarget(name="gate")
        asked = planner.read("dock").goal
        assert asked.question is not None and asked.question.options == ("dock_a", "dock_b")
        assert planner.read("yes").goal.refusal is not None  # no question is open any more


def test_a_field_to_be_worked_is_told_with_the_tool_though_it_is_not_on_yet(planner: OfflinePlanner) -> None:
    found = planner.read("mow the field").goal
    assert found.steps is not None and found.steps[0].tool is True


def test_the_check_refuses_what_cannot_be_reached_and_language_alone_does_not(planner: OfflinePlanner) -> None:
    refused = planner.read("far away").goal
    assert refused.refusal is not None and refused.steps is None
    alone = LanguageAlone(ScriptedInterpreter(COMMANDS)).read("far away")
    assert alone.goal.steps == OUTSIDE.steps and alone.seconds >= 0.0


@pytest.mark.parametrize(("word", "task"), [("stop", Task.STOP), ("再開", Task.RESUME), ("cancel", Task.CANCEL)])
def test_words_about_the_present_goal_are_goals(planner: OfflinePlanner, word: str, task: Task) -> None:
    found = planner.read(word).goal
    assert found.steps is not None and found.steps[0].task is task


BAD = [b"not json", b"[1]", b'{"id": "x"}', b'{"text": 3}', b'{"id": [1], "text": "a"}', b'{"text": "\xff"}', b'{"id": true, "text": "a"}', b'{"text": "a", "present": 1}', b"[" * 5000]  # noqa: E501  # fmt: skip


def test_bad_lines_are_named_by_number_and_the_others_kept(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    good = b'{"text": "to the gate"}'
    path.write_bytes(b"\n".join([good, *BAD, b"", b"  ", b'{"id": 7, "text": "", "present": "gate"}']))
    sentences, bad = command.load_sentences(path)
    assert [s.id for s in sentences] == [1, 7] and sentences[1].present == "gate"
    assert [line.split(":")[0] for line in bad] == [f"line {n}" for n in range(2, 2 + len(BAD))]
    with pytest.raises(InputError):
        command.load_sentences(tmp_path / "none")


class Worker(ScriptedInterpreter):
    """Stands for the language worker."""

    budget = (1, 0.0)

    def __init__(self, *_: Any) -> None:
        super().__init__(COMMANDS)

    def start(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_the_command_writes_a_line_for_each_sentence_and_says_2_for_bad_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "LanguageWorker", Worker)
    into, out = tmp_path / "in.jsonl", tmp_path / "deep" / "out.jsonl"
    into.write_text('{"id": "a", "text": "to the gate"}\nbad\n{"id": "b", "text": "dock"}\n', encoding="utf-8")
    args = ["goal", "--site", "yard", "--in", str(into), "--out", str(out), "--no-check", "--model", "scripted"]
    result = CliRunner().invoke(app, args)
    assert isinstance(result.exception, InputError) and result.exception.exit_code == 2
    assert "line 2" in str(result.exception)
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["id"] for line in lines] == ["a", "b"] and lines[0]["confidence"] == 0.9
    assert GoalState.model_validate(lines[0]["goal"]).steps and GoalState.model_validate(lines[1]["goal"]).question
    assert all(0.0 <= line["seconds"] < time.monotonic() for line in lines)


@pytest.mark.parametrize("change", [{"--site": "nowhere"}, {"--in": "none.jsonl"}])
def test_a_missing_site_or_file_is_told_before_a_model_is_loaded(tmp_path: Path, change: dict[str, str]) -> None:
    into = tmp_path / "in.jsonl"
    into.write_text("{}")
    options = {"--site": "yard", "--in": str(into), "--out": str(tmp_path / "out"), **change}
    result = CliRunner().invoke(app, ["goal", *(word for pair in options.items() for word in pair)])
    assert isinstance(result.exception, InputError)
    same = {**options, "--site": "yard", "--in": str(into), "--out": str(into)}
    result = CliRunner().invoke(app, ["goal", *(word for pair in same.items() for word in pair)])
    assert isinstance(result.exception, InputError) and "input" in str(result.exception)
