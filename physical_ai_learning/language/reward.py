"""What a written line is worth: plain code grounds it on a site and compares the goal with the one that was meant."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from physical_ai_core.errors import GoalError
from physical_ai_core.goal import GoalState, Question
from physical_ai_learning.language.evaluate import signature
from physical_ai_learning.language.worlds import Kind, World, spoken, world
from physical_ai_planner.language import words as said
from physical_ai_planner.language.compact import Compact, Plan, read
from physical_ai_planner.language.ground import ground
from physical_ai_planner.language.left_out import unread_number
from physical_ai_planner.language.names import NameBook


class Verdict(str, Enum):
    RIGHT = "right"
    ASKED = "asked"  # a question where a goal, or a refusal, was meant
    REFUSED = "refused"  # a refusal where something else was meant
    WRONG = "wrong"  # steps that were not meant: the error that matters
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Rewards:
    right: float = 1.0
    asked: float = -0.25
    refused: float = -0.4
    wrong: float = -2.0
    unreadable: float = -1.0

    def of(self, verdict: Verdict) -> float:
        return float(getattr(self, verdict.value))


def goal_of(text: str, line: str, place: World, book: NameBook, doubts: bool = True) -> GoalState | None:
    """The goal of a written line, None where it cannot be read. `doubts`: a number nobody used becomes a question."""
    try:
        compact: Compact = read(line.rpartition("\n")[2])
    except GoalError:
        return None
    try:
        grounded = ground(compact, place.site, book, place.present)
    except ValueError:  # a step that the schema does not allow: "go vehicle", drawn without the grammar's help
        return None
    if not isinstance(grounded, tuple):
        return GoalState(question=grounded) if isinstance(grounded, Question) else GoalState(refusal=grounded)
    left = unread_number(text, compact) if doubts else None
    if left is not None:
        return GoalState(question=said.unread(left))
    return GoalState(steps=grounded, queue=isinstance(compact, Plan) and compact.queue)


def verdict_of(found: GoalState | None, meant: GoalState) -> Verdict:
    """How a goal compares with the one meant. Any question is right where a question is."""
    if found is None:
        return Verdict.UNREADABLE
    same_kind = found.question is not None and meant.question is not None
    if same_kind or (signature(found) == signature(meant) and found.queue == meant.queue):
        return Verdict.RIGHT
    if found.steps is not None:
        return Verdict.WRONG
    return Verdict.ASKED if found.question is not None else Verdict.REFUSED


def judge(
    text: str, target: str, lines: Sequence[str], seed: int | str, others: Sequence[tuple[str, Kind]] = ()
) -> list[Verdict]:
    """Verdicts on several lines for one order whose right line is `target`.

    On every second site the names that wrong lines quote exist too, so that a wrong quote leads somewhere.
    """
    rng = random.Random(f"{seed}/{text}")
    beside = [pair for pair in others if rng.random() < 0.7]
    if rng.random() < 0.5:
        own = world(target, rng)
        book = NameBook(own.site)
        for line in lines:
            beside += [pair for pair in spoken(line.rpartition("\n")[2]) if not _known(book, pair[0])]
    place = world(target, rng, beside)
    book = NameBook(place.site)
    meant = goal_of(text, target, place, book)
    if meant is None:
        return [Verdict.UNREADABLE for _ in lines]
    seen: dict[str, Verdict] = {}
    for line in lines:
        if line not in seen:
            seen[line] = verdict_of(goal_of(text, line, place, book), meant)
    return [seen[line] for line in lines]


def _known(book: NameBook, words: str) -> bool:
    """Whether words already mean something there ("the dock" beside "dock"): then they are no other name."""
    return bool(book.find(words, frozenset(book.kind_of.values())).sure)
