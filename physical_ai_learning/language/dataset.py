# ruff: noqa: E501  (lists of phrases read better long)
"""Sentences with their compact goals, for training and for a template-disjoint test.

`python -m physical_ai_learning.language.dataset --count 20 --split test` prints some; the training script draws its
own. Deterministic in (seed, split). Names, amounts and noise are drawn anew for every sentence.
"""

from __future__ import annotations

import argparse
import json
import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from physical_ai_core.goal import Task
from physical_ai_learning.language import english, japanese
from physical_ai_learning.language.clause import CLOSE, OPEN, Clause, Pick, outside, unmarked
from physical_ai_planner.language.compact import Compact, Named, Plan, write
from physical_ai_planner.language.normalise import normalise

_KINDS = {"go": 40, "inspect": 9, "dock": 8, "cover": 9, "patrol": 8, "follow": 6, "move": 10, "wait": 7, "start": 3}
_NEXT = {"go": 40, "inspect": 12, "dock": 10, "cover": 6, "patrol": 5, "move": 4, "wait": 18, "start": 5}


@dataclass(frozen=True)
class Example:
    """A normalised sentence and the line the model has to write for it."""

    text: str
    target: str
    language: str


def _kind(rng: random.Random, weights: dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def _english(rng: random.Random, pick: Pick) -> tuple[str, Compact]:
    en, draw = english.English(rng, pick), rng.random()
    if draw < 0.07:
        return en.ask()
    if draw < 0.21:
        return en.no()
    if draw < 0.25:
        clause = en.whole()
    elif draw < 0.29:
        clause = en.corrected()
    elif draw < 0.34:
        clause = en.conditional(getattr(en, _kind(rng, _NEXT))())
    elif draw < 0.37:
        clause = en.reversed_pair(getattr(en, rng.choice(["patrol", "patrol", "go", "inspect"]))(), getattr(en, rng.choice(["go", "dock"]))())
    else:
        length = rng.choices([1, 2, 3, 4, 5], [60, 26, 9, 4, 1])[0]
        parts: list[Clause] = []
        for i in range(length):
            kind = _kind(rng, _KINDS if i == 0 else _NEXT)
            last = parts[-1].drafts[-1] if parts else None
            if i == length - 1 and last is not None and last.task is Task.NAVIGATE and isinstance(last.aim, Named) and rng.random() < 0.35:
                tail = en.tail(last)
                if tail is not None:
                    parts.append(tail)
                    break
            parts.append(getattr(en, kind)())
        clause = Clause(en.join([p.text for p in parts]), tuple(d for p in parts for d in p.drafts))
    return en.dress(clause.text), Plan(clause.drafts)


def _japanese(rng: random.Random, pick: Pick) -> tuple[str, Compact]:
    ja, draw = japanese.Japanese(rng, pick), rng.random()
    if draw < 0.07:
        return ja.ask()
    if draw < 0.21:
        return ja.no()
    if draw < 0.25:
        clause = ja.whole()
    elif draw < 0.29:
        clause = ja.corrected()
    elif draw < 0.34:
        clause = ja.conditional(ja.clause([_kind(rng, _NEXT)]))
    elif draw < 0.37:
        clause = ja.reversed_pair()
    else:
        length = rng.choices([1, 2, 3, 4, 5], [60, 26, 9, 4, 1])[0]
        kinds = [_kind(rng, _KINDS if i == 0 else _NEXT) for i in range(length)]
        if length > 1 and kinds[-2] == "go" and rng.random() < 0.45:
            clause = ja.with_tail(kinds[:-1])
        else:
            clause = ja.clause(kinds)
    return ja.dress(clause.text), Plan(clause.drafts)


_SWAPS_JA = [("行って", "いって"), ("ください", "下さい"), ("下さい", "ください"), ("待って", "まって"), ("戻って", "もどって"), ("進んで", "すすんで"), ("止まって", "とまって"),
             ("お願いします", "おねがいします"), ("まで", "まで "), ("前", "まえ"), ("後ろ", "うしろ"), ("近く", "ちかく"), ("来て", "きて"), ("ゆっくり", "ユックリ"), ("向かって", "むかって")]


def _noise(rng: random.Random, text: str, language: str) -> str:
    """Speech-recognition and typing noise, outside the quoted words."""
    pieces: list[str] = []
    for piece, free in outside(text):
        if free and language == "en" and rng.random() < 0.08 and len(piece) > 6:
            i = rng.randrange(1, len(piece) - 2)
            a, b = piece[i], piece[i + 1]
            if a.isalpha() and b.isalpha():
                typo = rng.choice([b + a, a, a + a + b, a + b])
                piece = piece[:i] + typo + piece[i + 2 :]
        if free and language == "ja" and rng.random() < 0.15:
            old, new = rng.choice(_SWAPS_JA)
            piece = piece.replace(old, new, 1)
        if free and rng.random() < 0.05:
            if language == "en" and " " in piece.strip():
                at = piece.index(" ", 1) if " " in piece[1:] else len(piece)
                piece = f"{piece[:at]} {rng.choice(english.FILLERS)}{rng.choice(['', ','])}{piece[at:]}"
            elif language == "ja":
                piece = rng.choice(japanese.FILLERS) + rng.choice(["", "、"]) + piece if pieces == [] else piece + rng.choice(["", "、"]) + rng.choice(japanese.FILLERS)
        pieces.append(piece)
    text = "".join(pieces)
    if rng.random() < 0.25:
        text = "".join(p if not free else p.translate(str.maketrans("", "", ",.、。？?!")) for p, free in outside(text))
    elif language == "en" and rng.random() < 0.4:
        text = text.rstrip(" .!?") + rng.choice([".", ".", "!", "?"])
    elif language == "ja" and rng.random() < 0.25:
        text = text.rstrip("。？ ") + rng.choice(["。", "。", "！"])
    return text


def _cased(rng: random.Random, text: str, language: str) -> str:
    """One casing for the whole sentence, quoted words included."""
    draw = rng.random()
    if language == "en" and draw < 0.3:
        return text.lower()
    if language == "en" and draw < 0.33:
        return text.upper()
    if language == "en" and draw < 0.75:
        for i, c in enumerate(text):
            if c not in (OPEN, " "):
                return text[:i] + c.upper() + text[i + 1 :]
    return text


def _recased(target: str, quotes: dict[str, str]) -> str:
    for old, new in quotes.items():
        target = target.replace(f"<{old}>", f"<{new}>")
    return target


def examples(seed: int, split: str, language: str | None = None) -> Iterator[Example]:
    """Endless examples; `split` is "train" or "test"; half of each language unless one is named."""
    rng = random.Random(f"{seed}/{split}/{language}")
    pick = Pick(rng, split)
    while True:
        tongue = language or rng.choice(["en", "ja"])
        text, compact = (_english if tongue == "en" else _japanese)(rng, pick)
        text = unicodedata.normalize("NFKC", " ".join(text.split()))
        before = _quoted(text)
        text = _cased(rng, _noise(rng, text, tongue), tongue)
        target = _recased(unicodedata.normalize("NFKC", write(compact)), dict(zip(before, _quoted(text), strict=True)))
        sentence = normalise(unmarked(text))
        if sentence and all(words in sentence for words in _spans(target)):
            yield Example(sentence, target, tongue)


def _quoted(text: str) -> list[str]:
    return [piece.strip(OPEN + CLOSE) for piece, free in outside(text) if not free]


def _spans(target: str) -> list[str]:
    return [part.split(">")[0] for part in target.split("<")[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=("train", "test"), default="train")
    parser.add_argument("--language", choices=("en", "ja"))
    parser.add_argument("--count", type=int, default=20)
    options = parser.parse_args()
    stream = examples(options.seed, options.split, options.language)
    for _ in range(options.count):
        example = next(stream)
        print(json.dumps({"language": example.language, "text": example.text, "target": example.target}, ensure_ascii=False))


if __name__ == "__main__":
    main()
