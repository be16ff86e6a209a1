"""Orders to practise on, and their judging: what worker processes do for reinforcement."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from physical_ai_learning.language.dataset import Example, examples
from physical_ai_learning.language.reward import Verdict, judge
from physical_ai_learning.language.vocabulary import Vocabulary, line_of
from physical_ai_learning.language.worlds import Kind, spoken


class Order(NamedTuple):
    """An order with the ids of its prompt and of its right line."""

    example: Example
    head: list[int]
    line: list[int]


def orders_of(folder: Path, variant: str, longest: int, seed: int, split: str, count: int) -> list[Order]:
    """Orders whose prompts are short enough; runs in a worker."""
    words = Vocabulary(folder)
    part = list(itertools.islice(examples(seed, split), count))
    heads = words.heads([e.text for e in part])
    lines = words.lines([line_of(e, variant) for e in part])
    return [
        Order(e, h, t)
        for e, h, t in zip(part, heads, lines, strict=True)
        if len(h) <= longest and (words.kept is None or words.kept.issuperset([*h, *t]))
    ]


def judged(jobs: Sequence[tuple[Example, list[str], int]], seed: str) -> list[list[Verdict]]:
    """Verdicts on each order's lines; names of the other orders stand on its site too. Runs in a worker."""
    rng = random.Random(seed)
    names: list[tuple[str, Kind]] = [pair for example, _, _ in jobs for pair in spoken(example.target)]
    return [
        judge(example.text, example.target, lines, f"{seed}/{number}", rng.sample(names, min(6, len(names))))
        for example, lines, number in jobs
    ]
