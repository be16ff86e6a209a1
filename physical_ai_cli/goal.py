"""`physical-ai goal`: a file of sentences → a file of goals, one JSON line each."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from physical_ai_core.errors import InputError, ModelError
from physical_ai_planner.interpreter import Readiness
from physical_ai_planner.language.worker import LanguageWorker
from physical_ai_planner.offline import LanguageAlone, OfflinePlanner, Outcome, Reader
from physical_ai_planner.parameters import PlannerParameters


@dataclass(frozen=True)
class Sentence:
    """One line of the input."""

    id: str | int
    text: str
    present: str | None = None


def load_sentences(path: Path) -> tuple[list[Sentence], list[str]]:
    """The sentences of a file, and what is wrong with each line that holds none. Raises InputError."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Give a file of JSON lines.") from error
    sentences: list[Sentence] = []
    bad: list[str] = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            found = _sentence(line, number)
            if isinstance(found, Sentence):
                sentences.append(found)
            else:
                bad.append(f"line {number}: {found}")
    return sentences, bad


def _sentence(line: bytes, number: int) -> Sentence | str:
    """A sentence, or why the line is none."""
    try:
        said: Any = json.loads(line)
    except (ValueError, RecursionError):
        return "not JSON in UTF-8"
    if not isinstance(said, dict):
        return 'not an object like {"id": "1", "text": "go to the gate"}'
    name, text, present = said.get("id", number), said.get("text"), said.get("present")
    if not isinstance(text, str):
        return 'no "text"'
    if not isinstance(name, (str, int)) or isinstance(name, bool):
        return '"id" is neither text nor a whole number'
    if present is not None and not isinstance(present, str):
        return '"present" is no place id'
    return Sentence(name, text, present)


def line_of(sentence: Sentence, outcome: Outcome) -> str:
    """The output line of a sentence: goal state (steps, question or refusal), its confidence, seconds taken."""
    goal = json.loads(outcome.goal.to_json())
    told = {
        "id": sentence.id, "text": sentence.text, "goal": goal, "confidence": goal["confidence"],
        "seconds": round(outcome.seconds, 4),
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False)


@contextmanager
def reader(
    site: str, robot: str, model: str, threads: int, check: bool, experts: bool, console: Console
) -> Iterator[Reader]:
    """A planner with its language model loaded; `experts`: what they tighten and ask counts too.

    Raises ModelError with the reason where it cannot be.
    """
    parameters = PlannerParameters(site=site, robot=robot, experts_enabled=experts)
    worker = LanguageWorker(site, model, threads)
    worker.budget = (parameters.readings, parameters.readings_s) if check else worker.budget
    worker.start()
    try:
        # The checks' grids are built while the model loads.
        made: Reader = OfflinePlanner(parameters, worker) if check else LanguageAlone(worker)
        with console.status("loading the language model …"):
            while worker.status().readiness is Readiness.LOADING:
                worker.poll()
                time.sleep(0.02)
        if worker.status().readiness is not Readiness.READY:
            raise ModelError(worker.reason or "The language model did not start.", "")
        yield made
    finally:
        worker.close()


def write_goals(sentences: list[Sentence], made: Reader, out: Path, console: Console) -> None:
    """Read every sentence and write its line; a run that is broken off leaves the lines it had."""
    from physical_ai_cli.offline import progress_bar

    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", encoding="utf-8") as file, progress_bar(console, "sentences") as report:
        for done, sentence in enumerate(sentences, 1):
            file.write(line_of(sentence, made.read(sentence.text, sentence.present)) + "\n")
            file.flush()
            report(done, len(sentences))
