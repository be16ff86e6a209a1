"""Are test sentences in the training? Compares what the generator draws for a training with what is judged by."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from physical_ai_core.errors import InputError
from physical_ai_learning.language.dataset import LONGER, MIX, examples
from physical_ai_learning.language.recipe import Recipe
from physical_ai_learning.training.duplicates import Report, near_sentences

MOST: Final = 10_000  # of a training's sentences that are drawn again to be compared


def learnt(recipe: Recipe, count: int) -> Iterator[str]:
    """The first `count` sentences of a recipe, as its training draws them."""
    left = count
    for number in itertools.count():
        if left <= 0:
            return
        mix = LONGER if number % 3 == 2 else MIX
        seed = recipe.seed * 1_000_003 + number
        part = min(left, recipe.chunk)
        yield from (e.text for e in itertools.islice(examples(seed, recipe.split, mix=mix), part))
        left -= part


def judged_by(recipe: Recipe) -> list[str]:
    """The sentences of unseen phrases that a training of this recipe reports on."""
    return [
        e.text
        for language in ("en", "ja")
        for e in itertools.islice(examples(7, "test", language), recipe.test_sentences)
    ]


def generated_likeness(recipe: Recipe, most: int = MOST) -> Report:
    """Test sentences of the generator against a draw of its training sentences."""
    return near_sentences(judged_by(recipe), learnt(recipe, min(recipe.sentences, most)))


def file_likeness(files: Sequence[Path], recipe: Recipe, count: int) -> dict[str, Report]:
    """Each file of sentences ({"text": …} a line) against `count` sentences of a recipe. Raises InputError."""
    drawn = list(learnt(recipe, count))
    found = {}
    for path in files:
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
            texts = [str(json.loads(line)["text"]) for line in lines if line.strip()]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: {error}.", 'Give files of {"text": …} a line.') from error
        found[path.stem] = near_sentences(texts, drawn)
    return found
