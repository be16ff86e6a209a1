"""Phrases that the experts' heads learn from, and orders to put them beside; each belongs to one split for ever.

`phrases.yaml` of an expert's folder: `slots` per language, and per topic the phrases `LANGUAGE` that are of it and
`no_LANGUAGE` that only sound like it. The hash of its template says which split a phrase or an order is of: a template
of the test split is in no training sentence.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from physical_ai_core.errors import InputError

FILE: Final = "phrases.yaml"
LANGUAGES: Final = ("en", "ja")
Split = Literal["train", "calibrate", "test"]
Slots = Mapping[str, Mapping[str, list[str]]]
_ALSO = re.compile(r"\s\+(\w+)$")


@dataclass(frozen=True)
class Phrase:
    """One template of a topic. `is_order`: holds a place of its own; `topics` empty: it only sounds like one."""

    text: str
    language: str
    expert: str
    topics: frozenset[str]
    split: Split

    @property
    def is_order(self) -> bool:
        return "{place}" in self.text


@dataclass(frozen=True)
class Order:
    """One template of an order and its goal in the short form of `cases.goal_of`."""

    text: str
    language: str
    goal: str
    split: Split


def splits_of(texts: Sequence[str]) -> dict[str, Split]:
    """Of each group of templates seven of ten to learn from, and at least two each to calibrate on and to test with."""
    ranked = sorted(set(texts), key=lambda text: hashlib.sha256(text.encode()).digest())
    held = max(2, round(0.15 * len(ranked)))
    return {
        text: "test" if k < held else "calibrate" if k < 2 * held else "train" for k, text in enumerate(ranked)
    }  # fmt: skip


def _parts(text: Any) -> list[str]:
    return [" ".join(part.split()) for part in str(text).split(";") if part.strip()]


def read_phrases(folder: Path, expert: str) -> tuple[list[Phrase], Slots]:
    """Phrases and slots of one expert's folder; none where it has no such file. Raises InputError."""
    path = folder / FILE
    if not path.exists():
        return [], {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = []
        for topic, groups in content["topics"].items():
            for key, texts in groups.items():
                language, no = key.removeprefix("no_"), key.startswith("no_")
                if language not in LANGUAGES:
                    raise ValueError(f"topic '{topic}' has '{key}'; known are en, ja, no_en, no_ja")
                parts = [(_ALSO.sub("", text), _ALSO.search(text)) for text in _parts(texts)]
                splits = splits_of([text for text, _ in parts])
                for text, also in parts:
                    topics = frozenset() if no else frozenset({topic, *([also[1]] if also else [])})
                    found.append(Phrase(text, language, expert, topics, splits[text]))
        return found, content.get("slots", {})
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"The phrases {path} cannot be used: {error}.", "docs/experts.md shows their form.") from error


@lru_cache(maxsize=1)
def commands() -> dict[str, Any]:
    """Content of `data/commands.yaml`."""
    path = Path(__file__).parent / "data" / "commands.yaml"
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


@lru_cache(maxsize=1)
def orders() -> tuple[Order, ...]:
    found = []
    for language in LANGUAGES:
        parts = [part.rsplit("=", 1) for part in _parts(commands()["orders"][language])]
        splits = splits_of([text.strip() for text, _ in parts])
        found += [Order(text.strip(), language, goal.strip(), splits[text.strip()]) for text, goal in parts]
    return tuple(found)
