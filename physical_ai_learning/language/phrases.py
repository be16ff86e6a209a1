
"""Lists of phrases with a built-in split, and the one source of chance for the training sentences.

A phrase is text with alternations `(go|drive|)` and slots `{p}`; phrases are separated by `|` or by a new line.
`!` before a phrase marks a core word: it is drawn three times as often and never held out.
About every eighth other phrase belongs to the test split, decided by a checksum of its text, so that the same text
never stands on both sides, whichever list it is in and however lists grow.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TypeVar

HELD_OUT = 8  # one phrase in so many
_SHORTEST = 6  # lists shorter than this are shared: particles, units, joins
_ALTERNATION = re.compile(r"\(([^()]*)\)")
Parts = tuple[str | tuple[str, ...], ...]
T = TypeVar("T")


def is_held_out(phrase: str) -> bool:
    """Whether a phrase belongs to the test split by its text alone."""
    return zlib.crc32(phrase.encode()) % HELD_OUT == 0


def split_phrases(block: str) -> list[str]:
    """The phrases of a block: separated by new lines and by `|` outside of brackets."""
    found = [""]
    depth = 0
    for c in block:
        depth += (c == "(") - (c == ")")
        if c == "\n" or (c == "|" and depth == 0):
            found.append("")
        else:
            found[-1] += c
    return [text for text in (f.strip(" \t") for f in found) if text]


def _compiled(phrase: str) -> Parts:
    parts = _ALTERNATION.split(phrase.replace("_", " "))
    return tuple(tuple(p.split("|")) if i % 2 else p for i, p in enumerate(parts) if p or i % 2)


_KEPT: set[str] = set()  # core words and words of shared lists: in no list are they held out


class Phrases:
    """The phrases of one list for each split; `shared` lists are not split. `_` stands for a blank at an end.

    Who is held out is settled at the first draw, when every list is known.
    """

    def __init__(self, block: str | Sequence[str], shared: bool = False) -> None:
        marked = split_phrases(block) if isinstance(block, str) else list(block)
        self.texts = tuple(text.removeprefix("!") for text in marked)
        self._weights = tuple(3 if text.startswith("!") else 1 for text in marked)
        self._shared = shared or len(marked) < _SHORTEST
        _KEPT.update(t for t, w in zip(self.texts, self._weights, strict=True) if w > 1 or self._shared)

    @cached_property
    def of(self) -> dict[str, tuple[Parts, ...]]:
        """The compiled phrases of each split, core words several times."""
        return {split: tuple(parts for parts, _ in drawn) for split, drawn in self.drawn.items()}

    @cached_property
    def drawn(self) -> dict[str, tuple[tuple[Parts, str], ...]]:
        """The compiled phrases of each split with their text as written, core words several times."""
        drawn = [(text, _compiled(text)) for text, w in zip(self.texts, self._weights, strict=True) for _ in range(w)]
        held = [not self._shared and text not in _KEPT and is_held_out(text) for text, _ in drawn]
        whole = tuple((parts, text) for text, parts in drawn)
        if not any(held):
            return dict.fromkeys(SPLITS, whole)
        train = tuple(pair for pair, out in zip(whole, held, strict=True) if not out)
        test = tuple(pair for pair, out in zip(whole, held, strict=True) if out)
        return {"train": train, "test": test, "all": whole}

    @cached_property
    def split(self) -> bool:
        """Whether some phrases of the list belong to the test split only."""
        return self.drawn["test"] is not self.drawn["train"]


SPLITS = ("train", "test", "all")


class Chance:
    """All draws of one stream of sentences; `held_out` counts the phrases that only the test split has."""

    def __init__(self, rng: random.Random, split: str) -> None:
        if split not in SPLITS:
            raise ValueError(f"split is one of {SPLITS}, not {split!r}")
        self.rng, self.split, self.held_out = rng, split, 0
        self.random = rng.random

    def pick(self, phrases: Phrases) -> str:
        """One phrase of the split, its alternations drawn; slots stay."""
        if phrases.split and self.split == "test":
            self.held_out += 1
        options = phrases.of[self.split]
        return self._said(options[int(self.random() * len(options))])

    def pick_with_text(self, phrases: Phrases) -> tuple[str, str]:
        """One phrase of the split with its alternations drawn, and as it is written in the list."""
        if phrases.split and self.split == "test":
            self.held_out += 1
        options = phrases.drawn[self.split]
        parts, text = options[int(self.random() * len(options))]
        return self._said(parts), text

    def _said(self, parts: Parts) -> str:
        return "".join([p if isinstance(p, str) else p[int(self.random() * len(p))] for p in parts])

    def fill(self, phrases: Phrases, **slots: str) -> str:
        """One phrase with its slots filled."""
        text = self.pick(phrases)
        return text.format(**slots) if "{" in text else text

    def one(self, options: Sequence[T]) -> T:
        """One of a short list that is not split."""
        return options[int(self.random() * len(options))]

    def under(self, share: float) -> bool:
        return self.random() < share

    def weighted(self, weights: Mapping[T, float]) -> T:
        return self.rng.choices(list(weights), list(weights.values()))[0]
