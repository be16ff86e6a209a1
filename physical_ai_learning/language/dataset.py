# ruff: noqa: E501  (tables read better long)
"""Sentences with their compact goals, for training and for a test whose phrases no training sentence has.

    python -m physical_ai_learning.language.dataset --count 20 --split test
    python -m physical_ai_learning.language.dataset --stats --count 20000

Deterministic in (seed, split, language, mix). Phrases, names, amounts and noise are drawn anew for every sentence;
docs/language_data.md says how.
"""

from __future__ import annotations

import argparse
import json
import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from physical_ai_learning.language.clause import Sentence, clauses, quoted, unmarked
from physical_ai_learning.language.english import English
from physical_ai_learning.language.japanese import Japanese
from physical_ai_learning.language.noise import cased, noisy
from physical_ai_learning.language.phrases import Chance
from physical_ai_planner.language.compact import MAX_STEPS, Plan, write
from physical_ai_planner.language.forbidden import is_forbidden
from physical_ai_planner.language.normalise import normalise


@dataclass(frozen=True)
class Example:
    """A normalised sentence and the line the model has to write for it."""

    text: str
    target: str
    language: str
    category: str = ""
    clauses: tuple[str, ...] = ()  # pieces of `text`, in the order in which they are to be done


@dataclass(frozen=True)
class Mix:
    """Shares of what is drawn; `lengths` weighs sentences of 1, 2, … 6 clauses where their number is free.

    `said` is a share of all sentences, the others are shares of what is composed.
    """

    lengths: tuple[float, ...] = (46, 26, 14, 8, 4, 2)
    ask: float = 0.08
    no: float = 0.14
    whole: float = 0.035  # stop, resume, cancel
    other: float = 0.012
    corrected: float = 0.075
    pair: float = 0.06
    listed: float = 0.05
    via: float = 0.013
    again: float = 0.03
    queued: float = 0.055
    said: float = 0.5  # whole sentences written by hand


MIX = Mix()
LONGER = Mix(lengths=(16, 22, 22, 18, 13, 9), said=0.2)  # for the end of a training, or for a harder test


def _sentence(speaker: English | Japanese, mix: Mix, kinds: dict[str, float]) -> Sentence:
    c = speaker.c
    kind = c.weighted(kinds)
    if kind in ("chain", "queued", "again"):
        length = c.rng.choices(range(1, len(mix.lengths) + 1), mix.lengths)[0]
        if kind == "chain":
            return speaker.chain(length)
        return speaker.queued(min(length, 4)) if kind == "queued" else speaker.again(max(2, length))
    sentence: Sentence = getattr(speaker, kind)()
    return sentence


def examples(seed: int, split: str, language: str | None = None, mix: Mix = MIX) -> Iterator[Example]:
    """Endless examples; half of each language unless one is named.

    `split` is "train", "test" (every phrase that can be held out is one that training never sees) or "all" (both, for
    a last training whose test is elsewhere).
    """
    rng = random.Random(f"{seed}/{split}/{language}/{mix if mix != MIX else ''}")
    chance = Chance(rng, split)
    speakers: dict[str, English | Japanese] = {"en": English(chance), "ja": Japanese(chance)}
    shares = {k: getattr(mix, k) for k in ("ask", "no", "whole", "other", "corrected", "pair", "listed", "via", "again", "queued")}
    kinds = {**shares, "chain": max(0.0, 1.0 - sum(shares.values()))}
    kinds = {kind: share * (1.0 - mix.said) for kind, share in kinds.items()} | {"said": mix.said}
    while True:
        tongue = language or chance.one(["en", "ja"])
        chance.held_out = 0
        speaker = speakers[tongue]
        sentence = _sentence(speaker, mix, kinds)
        if split == "test" and not chance.held_out:
            continue
        example = _finished(chance, speaker.dress(sentence), sentence, tongue)
        if example is not None:
            yield example


def _finished(c: Chance, marked: str, sentence: Sentence, language: str) -> Example | None:
    """Noise, one written form, and the target as it stands then; None where the draw cannot be used."""
    if len(sentence.drafts) > MAX_STEPS:
        return None
    text = unicodedata.normalize("NFKC", " ".join(marked.split()))
    before = quoted(text)
    text = cased(c, noisy(c, text, language), language)
    plan = Plan(sentence.drafts, sentence.queue, sentence.again)
    target = sentence.reply or unicodedata.normalize("NFKC", write(plan))
    for old, new in dict(zip(before, quoted(text), strict=True)).items():
        if old != new:
            target = target.replace(f"<{old}>", f"<{new}>")
    words = normalise(unmarked(text))
    if not words or not all(span in words for span in spans(target)) or (sentence.reply is None and is_forbidden(words)):
        return None
    parts = tuple(part for part in (normalise(piece) for piece in clauses(text)) if part in words and part)
    return Example(words, target, language, sentence.category, parts if sentence.reply is None and parts else (words,))


def spans(target: str) -> list[str]:
    """The quoted words of a goal line."""
    return [part.split(">")[0] for part in target.split("<")[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=("train", "test", "all"), default="train")
    parser.add_argument("--language", choices=("en", "ja"))
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--longer", action="store_true", help="more sentences of several clauses")
    parser.add_argument("--stats", action="store_true", help="a table of what is drawn in place of the sentences")
    options = parser.parse_args()
    stream = examples(options.seed, options.split, options.language, LONGER if options.longer else MIX)
    drawn = (next(stream) for _ in range(options.count))
    if options.stats:
        from physical_ai_learning.language.stats import table

        print(table(list(drawn)))
        return
    for example in drawn:
        print(json.dumps({"language": example.language, "category": example.category, "text": example.text, "target": example.target, "clauses": example.clauses}, ensure_ascii=False))


if __name__ == "__main__":
    main()
