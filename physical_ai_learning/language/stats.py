# ruff: noqa: E501  (tables read better long)
"""What a draw of training sentences holds: categories, lengths, clauses, duplicates."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from physical_ai_learning.language.dataset import Example


def table(examples: Sequence[Example]) -> str:
    """Markdown: shares by category and by number of steps for each language, length of texts and targets, repeats."""
    languages = sorted({e.language for e in examples})
    of = {language: [e for e in examples if e.language == language] for language in languages}
    lines = ["| | " + " | ".join(languages) + " |", "|---|" + "---|" * len(languages)]

    def row(name: str, values: dict[str, str]) -> None:
        lines.append(f"| {name} | " + " | ".join(values.get(language, "") for language in languages) + " |")

    row("sentences", {k: f"{len(v):,}" for k, v in of.items()})
    counts = {k: Counter(e.category for e in v) for k, v in of.items()}
    for category in sorted({e.category for e in examples}):
        row(category, {k: f"{100 * counts[k][category] / len(of[k]):.1f} %" for k in languages})
    steps: dict[str, Counter[str]] = defaultdict(Counter)
    for e in examples:
        if not e.target.startswith(("ask ", "no ")):
            n = e.target.count("; ") + 1 - e.target.count("; again")
            steps[e.language][str(n) if n < 6 else "6 or more"] += 1
    for count in ("1", "2", "3", "4", "5", "6 or more"):
        row(f"goals of {count} steps", {k: f"{100 * steps[k][count] / max(1, sum(steps[k].values())):.1f} %" for k in languages})
    for name, lengths in (("characters", {k: [len(e.text) for e in v] for k, v in of.items()}), ("characters of the goal", {k: [len(e.target) for e in v] for k, v in of.items()})):
        row(f"{name}, median (longest)", {k: f"{statistics.median(v):.0f} ({max(v)})" for k, v in lengths.items()})
    row("different sentences", {k: f"{100 * len({e.text for e in v}) / len(v):.1f} %" for k, v in of.items()})
    names = {k: [s.split(">")[0] for e in v for s in e.target.split("<")[1:]] for k, v in of.items()}
    row("different quoted words", {k: f"{len(set(v)):,} of {len(v):,}" for k, v in names.items()})
    return "\n".join(lines)
