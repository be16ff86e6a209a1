"""What stands in for the language model in a replay: sentence -> readings, as recorded; or the model itself, at once.

A language model takes longer than the rest of the graph together. Its greedy answers are the same each time, so they
are recorded once, raw, as a file beside the bag (`readings.json`): sentence -> [{goal, probability, line}], most
probable first. A bag without that file is read from its own `instruction` and `goal_state`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from physical_ai_bench.regression.feed import arrivals
from physical_ai_core.errors import InputError, PhysicalAIError
from physical_ai_core.goal import GoalState, Refusal, RefusalReason, Words
from physical_ai_core.site import Site, load_site
from physical_ai_planner.interpreter import InterpreterStatus, Readiness, Reading
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.scripted import plain
from physical_ai_telemetry.bag import Bag

FILE: Final = "readings.json"
ReaderKind = Literal["recorded", "model", "none"]
Readings = Mapping[str, Sequence[Reading]]
Read = Callable[[str, str | None], tuple[GoalState, tuple[Reading, ...]]]
NOT_RECORDED: Final = GoalState(
    refusal=Refusal(
        reason=RefusalReason.NOT_UNDERSTOOD,
        text=Words(en="No reading of this sentence is recorded.", ja="この文の読み取り結果は記録されていません。"),
    )
)


class RecordedReader:
    """An interpreter that looks sentences up; it answers at the next poll."""

    def __init__(self, readings: Readings) -> None:
        self._read: dict[str, tuple[Reading, ...]] = {plain(text): tuple(each) for text, each in readings.items()}
        self._answers: list[GoalState] = []
        self._by_id: dict[str, tuple[Reading, ...]] = {}

    def submit(self, instruction_id: str, text: str, present: str | None = None) -> None:
        goal, found = self.read(text, present)
        self._answers.append(goal.model_copy(update={"instruction_id": instruction_id}))
        self._by_id[instruction_id] = found

    def read(self, text: str, present: str | None) -> tuple[GoalState, tuple[Reading, ...]]:
        """The goal of a sentence, and all readings behind it."""
        found = self._read.get(plain(text), ())
        return (found[0].goal if found else NOT_RECORDED), found

    def poll(self) -> list[GoalState]:
        answers, self._answers = self._answers, []
        return answers

    def readings(self, instruction_id: str) -> tuple[Reading, ...]:
        return self._by_id.pop(instruction_id, ())

    def status(self) -> InterpreterStatus:
        return InterpreterStatus(Readiness.READY, f"{len(self._read)} recorded sentences")


class ModelReader(RecordedReader):
    """The planner's language model in this process: greedy, without a budget of time, and remembered as it reads."""

    def __init__(self, parameters: PlannerParameters) -> None:
        """Raises ModelError, DependencyError."""
        from physical_ai_planner.language.interpreter import LanguageInterpreter
        from physical_ai_planner.language.nbest import Budget
        from physical_ai_planner.language.weights import DEFAULT_MODEL

        super().__init__({})
        model = parameters.model_directory or parameters.model or DEFAULT_MODEL
        self._model = LanguageInterpreter(model, 1)  # one thread: sums in one order
        self._budget = Budget(lines=parameters.readings)
        self._site: Site = load_site(parameters.site)
        self.taken: dict[str, tuple[Reading, ...]] = {}

    def read(self, text: str, present: str | None) -> tuple[GoalState, tuple[Reading, ...]]:
        goal, found = self._model.read(text, self._site, present=present, budget=self._budget)
        self.taken[text] = found or (Reading(goal, goal.confidence),)
        return goal, self.taken[text]


def reader_for(kind: ReaderKind, bag: Bag, parameters: PlannerParameters) -> RecordedReader | None:
    """Raises InputError where `readings.json` is none, ModelError or DependencyError for the model."""
    if kind == "none":
        return None
    if kind == "model":
        return ModelReader(parameters)
    file = (bag.path if bag.path.is_dir() else bag.path.parent) / FILE
    return RecordedReader(load_readings(file) if file.exists() else readings_of(bag))


def readings_of(bag: Bag) -> Readings:
    """Of each recorded sentence the goal that the planner then said, before the next sentence."""
    found: dict[str, list[Reading]] = {}
    sentence: str | None = None
    for came in arrivals(bag, {"instruction", "goal_state"}):
        data = came.data.read()
        if came.topic == "instruction":
            sentence = data.data
        elif sentence is not None and data.steps is not None:
            found.setdefault(sentence, [Reading(data.model_copy(update={"goal_id": ""}), data.confidence)])
    return found


def load_readings(file: Path) -> Readings:
    """Raises InputError."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {str(text): [_reading(one) for one in each] for text, each in content.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, PhysicalAIError) as error:
        raise InputError(
            f"The recorded readings {file} cannot be used: {error}.",
            "Delete the file, or make it anew by `replay BAG --reader model`.",
        ) from error


def save_readings(file: Path, readings: Readings) -> Path:
    content = {
        text: [
            {"goal": json.loads(one.goal.to_json()), "probability": one.probability, "line": one.line} for one in each
        ]
        for text, each in sorted(readings.items())
    }
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return file


def _reading(one: Any) -> Reading:
    return Reading(GoalState.from_json(json.dumps(one["goal"])), float(one["probability"]), str(one.get("line", "")))
