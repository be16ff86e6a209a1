# ruff: noqa: E501  (tables read better long)
"""Invented names of places, zones and routes in both languages, far more varied than any one site has.

The model learns to quote a name out of a sentence, so what matters is that no list of names can be memorised: nouns are
combined with adjectives, directions, numbers, letters, people and made-up words, in both scripts.
"""

from __future__ import annotations

from physical_ai_learning.language import names_english as en
from physical_ai_learning.language import names_japanese as ja
from physical_ai_learning.language.phrases import Chance

_EN = {"place": en.PLACES, "zone": en.AREAS, "route": en.ROUTES}
_JA = {"place": ja.PLACES, "zone": ja.AREAS, "route": ja.ROUTES}
_KANA = "アイウエオカキクケコサシスセソタチツテトナニネノハヒフホマミムメモラリルレロガギグゴザジズゼゾダデドバビブベボパピプペポ"
_ONSETS = ["b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z"]
_ONSETS += ["br", "dr", "kr", "st", "tr", "pl", "gl", "sh", "th", "qu", "sk"]
_CODAS = ["", "", "", "n", "r", "l", "s", "m", "x", "k", "rd", "nt"]
_KANJI = "一二三四五六七八九十"


def invented(c: Chance, language: str) -> str:
    """A word that is in no dictionary."""
    if language == "ja":
        word = "".join(c.one(_KANA) for _ in range(c.rng.randint(2, 4)))
        return word + c.one(["", "ー", "ン"])
    syllables = "".join(c.one(_ONSETS) + c.one("aeiou") for _ in range(c.rng.randint(1, 3)))
    return (syllables + c.one(_CODAS)).capitalize()


def _letter(c: Chance) -> str:
    return c.one("ABCDEFGHIJKLMNPQRSTUVWXYZ") if c.under(0.5) else c.one("ABCD")


def _number(c: Chance) -> str:
    return str(c.rng.randint(1, 12) if c.under(0.7) else c.rng.randint(1, 320))


def _label(c: Chance) -> str:
    draw = c.random()
    if draw < 0.42:
        return _letter(c)
    if draw < 0.84:
        return _number(c)
    return c.one([f"{_letter(c)}{c.rng.randint(1, 30)}", f"{c.rng.randint(1, 9)}{_letter(c)}", f"{_letter(c)}-{c.rng.randint(1, 20)}"])


def english(c: Chance, kind: str) -> tuple[str, bool]:
    """A name and whether an article goes before it. `kind` is place, zone or route."""
    noun = c.one(_EN[kind])
    draw = c.random()
    if draw < 0.30:
        return noun, True
    if draw < 0.50:
        return f"{c.one(en.ADJECTIVES)} {noun}", True
    if draw < 0.70:
        label = c.one(en.COUNTED) if c.under(0.15) else _label(c)
        return (f"{noun} {label}", False) if c.under(0.85) else (f"{label} {noun}", False)
    if draw < 0.75:
        return f"{c.one(en.ADJECTIVES)} {noun} {_label(c)}", False
    if draw < 0.80:
        return f"{c.one(en.PEOPLE)}'s {noun}", False
    if draw < 0.83:
        return c.one([f"{_letter(c)}{c.rng.randint(1, 30)}", f"{_letter(c)}-{c.rng.randint(1, 30)}", f"{_letter(c)}{_letter(c)}{c.rng.randint(1, 9)}"]), False
    if draw < 0.87:
        label = c.one(en.LABELS)
        return c.one([(f"{label} {noun}", True), (f"{noun} {label}", False), (label, False)])
    if draw < 0.91:
        return f"{c.one(en.ADJECTIVES)} {c.one(en.ADJECTIVES)} {noun}", True
    if draw < 0.94:
        other = c.one(_EN[c.one(["place", "zone"])])
        return c.one([f"{other} {noun}", f"{noun} of the {other}", f"{noun} number {c.rng.randint(1, 9)}", f"{c.one(['north', 'south', 'east', 'west', 'left', 'right'])} side of the {other}", f"number {c.rng.randint(1, 9)} {noun}"]), True
    made = invented(c, "en")
    return c.one([(f"{made} {noun}", True), (f"{made} {noun}", True), (made, False), (f"{made}'s {noun}", False)])


def japanese(c: Chance, kind: str) -> str:
    """A name; `kind` is place, zone or route."""
    noun = c.one(_JA[kind])
    draw = c.random()
    if draw < 0.34:
        return noun
    if draw < 0.47:
        return c.one(ja.ADJECTIVES) + noun
    if draw < 0.60:
        return noun + _label(c)
    if draw < 0.66:
        return _label(c) + c.one(["", "", "の"]) + noun
    if draw < 0.76:
        number = str(c.rng.randint(1, 24)) if c.under(0.65) else c.one(_KANJI)
        return c.one([f"{number}号{noun}", f"第{number}{noun}", f"{number}番{noun}", f"{noun}{number}号機", f"{number}番の{noun}", f"{number}番目の{noun}", f"{noun}{number}番", f"{number}号棟", f"{number}階の{noun}"])
    if draw < 0.81:
        if c.under(0.2):
            return f"{c.one(ja.OWNERS)}の{noun}"
        return c.one(ja.PEOPLE) + c.one(["さんの", "さんの", "の", "家の", "さんちの"]) + noun
    if draw < 0.88:
        return c.one(ja.PREFIXES) + c.one(["", "", "の"]) + noun
    if draw < 0.91:
        return c.one(_JA["place"]) + c.one(["横の", "前の", "裏の", "脇の"]) + noun
    if draw < 0.93:
        return c.one([f"{_letter(c)}{c.rng.randint(1, 30)}", f"{_letter(c)}棟", f"{_letter(c)}-{c.rng.randint(1, 20)}", f"{c.one(_KANJI)}の{c.one(_KANJI)}", f"ライン{c.rng.randint(1, 9)}"])
    made = invented(c, "ja")
    return c.one([made + noun, made + "の" + noun, made, noun + made])
