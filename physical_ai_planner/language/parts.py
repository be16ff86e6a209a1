"""The parts that an explanation speaks of: words of a sentence, and parts of the goal line written for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from physical_ai_planner.language.compact import RELATION_WORDS, TASK_WORDS

_WORD = re.compile(r"[一-鿿々〆]+[ぁ-ゖ]*|[ァ-ヺー]+|[ぁ-ゖ]+|[^\W\d_ぁ-ヿ一-鿿]+(?:'\w+)?|\d+(?:\.\d+)?|[^\w\s]")
_PIECE = re.compile(r"<[^<>]+>|[a-z]+")
_WITH_AMOUNT = ("speed", "clear", "avoid", "for", "laps", "again")


@dataclass(frozen=True)
class Part:
    """A part of the goal line: `name` says of which step and what, `start` and `end` are characters of the line."""

    name: str
    start: int
    end: int

    @property
    def kind(self) -> str:
        """The name without its step."""
        return self.name.split()[-1]


def words_of(sentence: str) -> list[tuple[int, int]]:
    """Characters (start, end) of the words; Japanese is cut where the script changes, endings stay with their kanji."""
    return [match.span() for match in _WORD.finditer(sentence)]


def parts_of(line: str) -> list[Part]:
    """The parts of a goal line, in order: task, target, relation, limits and ends of each step."""
    found: list[Part] = []
    step, key, begun = 0, "", 0
    for match in _PIECE.finditer(line):
        word, first = match.group(), match.start()
        if key:
            found.append(Part(f"{key}", begun, match.end()))
            key = ""
            continue
        if word == "next":
            found.append(Part("queue", first, match.end()))
        elif word in TASK_WORDS and _begins_step(line, first):
            step += 1
            found.append(Part(f"{step} task", first, match.end()))
        elif word in (*_WITH_AMOUNT, "until"):
            key, begun = ("again" if word == "again" else f"{step} {word}"), first
        elif word in ("slow", "tool"):
            found.append(Part(f"{step} {word}", first, match.end()))
        elif word in RELATION_WORDS and found and found[-1].name == f"{step} target" and _relates(line, found[-1]):
            found.append(Part(f"{step} relation", first, match.end()))
        elif found and found[-1].name in (f"{step} target", f"{step} relation"):
            found[-1] = Part(found[-1].name, found[-1].start, match.end())  # a move and its amount, a distance
        else:
            found.append(Part(f"{step} target", first, match.end()))
    return found


def _begins_step(line: str, at: int) -> bool:
    before = line[:at].strip()
    return not before or before.endswith(";") or before == "next"


def _relates(line: str, target: Part) -> bool:
    """Whether a word like "left" after this target is where at it, and not the side to turn to."""
    text = line[target.start : target.end]
    return text.startswith("<") or text in ("there", "start", "charge", "other")
