"""Benchmark `fine_tuning`: what each way of tuning the language model is worth, with and without the numeric check."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from physical_ai_bench.page import Page
from physical_ai_core.errors import GoalError, InputError
from physical_ai_core.goal import GoalState, Question, Refusal, RefusalReason
from physical_ai_core.site import Site
from physical_ai_learning.language.evaluate import Sentence, find_site, load_sentences, right, wilson
from physical_ai_planner.language import words
from physical_ai_planner.language.compact import Compact, Plan, read
from physical_ai_planner.language.doubt import Doubt, header_of
from physical_ai_planner.language.ground import ground
from physical_ai_planner.language.interpreter import LanguageInterpreter
from physical_ai_planner.language.model import Answer
from physical_ai_planner.language.names import NameBook
from physical_ai_planner.language.normalise import normalise
from physical_ai_planner.language.prompt import EXAMPLES

NAME: Final = "fine_tuning"
ABOUT: Final = (
    "`physical-ai bench fine_tuning`: {n} sentences of {files}, every way of tuning on the same ones. Greedy under the"
    " runtime's grammar. *zero-shot*: the pretrained model and the frame alone; *prompt*: ten examples before it;"
    " *LoRA*: a supervised adapter; *+ reinforcement*: then a policy gradient with grounding as judge. *Without check*:"
    " the line is grounded and carried out; *with*: stop words, rules, numbers nobody used and the adapter's own"
    " threshold of confidence may turn it into a question or a refusal. Wrong: steps that were not meant."
)
HEADER: Final = ("base", "tuned by", "writes", "n", "right", "wrong but executed", "right, with check", "95 % interval",
                 "wrong but executed, with check", "asked or refused wrongly, with check")  # fmt: skip
Report = Callable[[str, float, float], None]


class Way(NamedTuple):
    """A row: base by name or folder, what was done to it, its adapter, text before the prompt."""

    base: str
    tuned: str
    adapter: Path | None = None
    before: str = ""


@dataclass(frozen=True)
class Tally:
    """Counts of one row, without and with the check."""

    n: int
    right: int
    wrong: int

    def share(self, count: int) -> str:
        return f"{count / max(1, self.n):.1%}"


class Given:
    """Hands the interpreter lines that are written already."""

    def __init__(self, answers: dict[str, Answer], doubt: Doubt) -> None:
        self.answers, self.doubt = answers, doubt

    def write(self, text: str) -> Answer:
        return self.answers[text]


def unchecked(answer: Answer, text: str, site: Site, book: NameBook, present: str | None) -> GoalState:
    """The goal of a line that nobody doubts."""
    try:
        compact: Compact | None = read(answer.line) if answer.finished else None
    except GoalError:
        compact = None
    if compact is None:
        return GoalState(refusal=words.refuse(RefusalReason.NOT_UNDERSTOOD))
    found = ground(compact, site, book, present)
    if isinstance(found, Question):
        return GoalState(question=found)
    if isinstance(found, Refusal):
        return GoalState(refusal=found)
    return GoalState(steps=found, queue=isinstance(compact, Plan) and compact.queue)


def tallies(
    answers: dict[str, Answer], doubt: Doubt, sentences: Sequence[Sentence], sites: dict[str, Site]
) -> tuple[Tally, Tally]:
    """Without and with the numeric check, over sentences whose lines are given by their normalised text."""
    interpreter = LanguageInterpreter(writer=Given(answers, doubt))
    books = {name: NameBook(site) for name, site in sites.items()}
    plain, checked = [], []
    for s in sentences:
        answer = answers[normalise(s.text)]
        plain.append((s, unchecked(answer, s.text, sites[s.site], books[s.site], s.present)))
        checked.append((s, interpreter.interpret(s.text, sites[s.site], present=s.present)))
    return _tally(plain), _tally(checked)


def _tally(goals: Sequence[tuple[Sentence, GoalState]]) -> Tally:
    fine = [right(goal, s) for s, goal in goals]
    wrong = [not ok and goal.steps is not None for ok, (_, goal) in zip(fine, goals, strict=True)]
    return Tally(len(goals), sum(fine), sum(wrong))


def ways_of(adapters: Sequence[Path]) -> list[Way]:
    """The rows: for each base zero-shot and prompt, then its adapters. Raises InputError for a folder without one."""
    from physical_ai_learning.language.recipe import BASES

    found: dict[str, list[Way]] = {}
    for folder in adapters:
        try:
            name = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{folder} holds no adapter.", "Name folders that training wrote.") from error
        base = next((key for key in BASES if key in name.lower()), name)
        reinforced = (folder / "reinforce.json").exists()
        tuned = f"LoRA{' + reinforcement' if reinforced else ''}: {folder.name}"
        found.setdefault(base, []).append(Way(base, tuned, folder))
    rows = []
    for base, own in (found or {"gemma": []}).items():
        rows += [Way(base, "zero-shot"), Way(base, "prompt", None, EXAMPLES), *own]
    return rows


def written(way: Way, texts: Sequence[str], report: Report) -> tuple[dict[str, Answer], Doubt]:
    """Lines of one row for normalised sentences, and what its adapter says of its confidence."""
    from physical_ai_learning.language.confidence import bound_lines
    from physical_ai_learning.language.form import Form
    from physical_ai_learning.language.lora import CONFIG, FILE, Adapter
    from physical_ai_learning.language.recipe import base_folder
    from physical_ai_learning.language.step import load_base
    from physical_ai_learning.language.vocabulary import Vocabulary

    _, folder = base_folder(way.base)
    model: Any = load_base(folder, "cpu")
    adapter, doubt = None, Doubt(min_confidence=0.0)
    if way.adapter is not None:
        config = json.loads((way.adapter / CONFIG).read_text(encoding="utf-8"))
        adapter = Adapter(model, int(config["r"]), int(config["lora_alpha"]))
        adapter.load(way.adapter)
        doubt = Doubt.model_validate(header_of(way.adapter / FILE))
    vocabulary = Vocabulary(folder)
    form = Form(folder, vocabulary.size, vocabulary.end)
    lines = bound_lines(
        model, adapter, vocabulary, form, texts, doubt.variant, lambda _, done, of: report(way.tuned, done, of),
        before=way.before,
    )  # fmt: skip
    answers = {}
    for text, line in zip(texts, lines, strict=True):
        goal_line = vocabulary.text(line.ids).rpartition("\n")[2]
        answers[text] = Answer(goal_line, line.sure, len(line.ids), line.finished)
    return answers, doubt


def rows_of(
    ways: Sequence[Way], sentences: Sequence[Sentence], sites: dict[str, Site], report: Report
) -> Iterator[list[str]]:
    """A row of the table for each way."""
    texts = sorted({normalise(s.text) for s in sentences} - {""})
    kept = [s for s in sentences if normalise(s.text)]
    for way in ways:
        answers, doubt = written(way, texts, report)
        for language in sorted({s.language for s in kept}):
            part = [s for s in kept if s.language == language]
            plain, checked = tallies(answers, doubt, part, sites)
            low, high = wilson(checked.right, checked.n)
            beside = checked.n - checked.right - checked.wrong
            writes = "clauses, then goal" if doubt.variant == "reasoning" else "goal"
            yield [
                way.base, way.tuned, writes, f"{plain.n} {language}", plain.share(plain.right),
                f"{plain.wrong} ({plain.share(plain.wrong)})", checked.share(checked.right), f"{low:.1%} to {high:.1%}",
                f"{checked.wrong} ({checked.share(checked.wrong)})", checked.share(beside),
            ]  # fmt: skip


def fine_tuning_page(adapters: Sequence[Path], files: Sequence[Path], limit: int, report: Report) -> Page:
    """The table over at most `limit` sentences of each file, evenly over it. Raises InputError, ModelError."""
    sentences: list[Sentence] = []
    sites: dict[str, Site] = {}
    for file in files:
        if not file.exists():
            raise InputError(f"There is no file {file}.", "Name JSONL files of sentences with known goals.")
        whole = load_sentences(file)
        part = whole[:: max(1, -(-len(whole) // limit))]
        sites |= {s.site: find_site(s.site, file.parent) for s in part}
        sentences += part
    rows = list(rows_of(ways_of(adapters), sentences, sites, report))
    about = ABOUT.format(n=len(sentences), files=", ".join(file.name for file in files))
    return Page(NAME, "Ways of tuning the language model", about, HEADER, rows)
