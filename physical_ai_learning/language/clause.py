"""A clause of an order: its text, with marks around quoted words, and the steps it stands for."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from physical_ai_planner.language.compact import Draft

OPEN, CLOSE = "\ue000", "\ue001"  # private-use characters: cannot occur in a sentence
_MARKED = re.compile(f"({OPEN}[^{CLOSE}]*{CLOSE})")


@dataclass(frozen=True)
class Clause:
    text: str
    drafts: tuple[Draft, ...]


def quote(words: str) -> str:
    """Mark words that the target quotes: noise must leave them whole."""
    return f"{OPEN}{words}{CLOSE}"


def unmarked(text: str) -> str:
    return text.replace(OPEN, "").replace(CLOSE, "")


def outside(text: str) -> list[tuple[str, bool]]:
    """Pieces of `text` with whether each lies outside the marks."""
    return [(piece, not piece.startswith(OPEN)) for piece in _MARKED.split(text) if piece]


class Pick:
    """Draws a template; every seventh of a list belongs to the test split and to no other.

    Lists shorter than six (units, joins) are shared.
    """

    def __init__(self, rng: random.Random, split: str) -> None:
        self.rng, self.test = rng, split == "test"

    def __call__(self, templates: Sequence[str]) -> str:
        if len(templates) < 6:
            return self.rng.choice(templates)
        while True:
            index = self.rng.randrange(len(templates))
            if (index % 7 == 4) == self.test:
                return templates[index].strip()
