"""A spoken clause and the marks that follow its words through every change of the sentence.

Marks are characters of the private-use area, which no sentence can hold: around words that the target quotes, and
around each clause with its place in time, so that after reordering and noise both are found again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from physical_ai_planner.language.compact import Draft

OPEN, CLOSE = "\ue000", "\ue001"
CLAUSE_END = "\ue002"
_CLAUSE_FIRST = 0xE010  # the n-th clause in time opens with this plus n
MOST_CLAUSES = 16
_MARKED = re.compile(f"({OPEN}[^{CLOSE}]*{CLOSE})")
_MARKS = re.compile("[\ue000-\ue0ff]")
_CLAUSE_OPEN = re.compile(f"[{chr(_CLAUSE_FIRST)}-{chr(_CLAUSE_FIRST + MOST_CLAUSES - 1)}]")


@dataclass(frozen=True)
class Clause:
    """A finished piece of a sentence: its marked text and the steps it stands for."""

    text: str
    drafts: tuple[Draft, ...]


@dataclass
class Sentence:
    """What a language's speaker hands back: marked text, steps in order of time, and what kind of thing it is."""

    text: str
    drafts: tuple[Draft, ...]
    category: str
    queue: bool = False
    again: str | None = None
    reply: str | None = None  # "ask where", "no able" … in place of steps
    plain: bool = field(default=False)  # nothing may be put around it


def quote(words: str) -> str:
    """Mark words that the target quotes."""
    return f"{OPEN}{words}{CLOSE}"


def clause(index: int, text: str) -> str:
    """Mark the `index`-th clause in time."""
    return f"{chr(_CLAUSE_FIRST + min(index, MOST_CLAUSES - 1))}{text}{CLAUSE_END}"


def unmarked(text: str) -> str:
    return _MARKS.sub("", text)


def outside(text: str) -> list[tuple[str, bool]]:
    """Pieces of `text` with whether each lies outside the quotes."""
    return [(piece, not piece.startswith(OPEN)) for piece in _MARKED.split(text) if piece]


def quoted(text: str) -> list[str]:
    return [piece.strip(OPEN + CLOSE) for piece in _MARKED.findall(text)]


def clauses(text: str) -> tuple[str, ...]:
    """The marked clauses in order of time, without any marks."""
    found: dict[int, list[str]] = {}
    for start in _CLAUSE_OPEN.finditer(text):
        end = text.find(CLAUSE_END, start.end())
        found.setdefault(ord(start.group()), []).append(unmarked(text[start.end() : end if end >= 0 else len(text)]))
    return tuple(piece for key in sorted(found) for piece in found[key])
