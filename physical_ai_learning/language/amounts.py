# ruff: noqa: E501  (lists of phrases read better long)
"""Spoken amounts for the training sentences; `physical_ai_planner.language.quantities` must be able to read each."""

from __future__ import annotations

import random

_EN_NUMBERS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "fifteen", "twenty", "thirty", "forty", "fifty"]
_KANJI = "一二三四五六七八九"


def kanji(n: int) -> str:
    """n in kanji, 1..99."""
    tens, ones = divmod(n, 10)
    return ("" if tens == 0 else ("" if tens == 1 else _KANJI[tens - 1]) + "十") + ("" if ones == 0 else _KANJI[ones - 1])


def _en_count(rng: random.Random, highest: int = 60) -> str:
    return rng.choice(_EN_NUMBERS) if rng.random() < 0.4 else str(rng.randint(2, highest))


def _ja_count(rng: random.Random, highest: int = 60) -> str:
    n = rng.randint(1, highest) if rng.random() < 0.5 else rng.choice([1, 2, 3, 5, 10, 15, 20, 30, 45])
    return kanji(n) if rng.random() < 0.35 else str(n)


def duration(rng: random.Random, language: str) -> str:
    if language == "ja":
        n = _ja_count(rng)
        unit = rng.choice(["秒", "秒", "秒間", "分", "分", "分間", "時間"])
        if unit.startswith("分") and rng.random() < 0.15:
            return n + "分半"
        return n + unit + ("くらい" if rng.random() < 0.06 else "")
    if rng.random() < 0.2:
        return rng.choice(["a minute", "half a minute", "an hour", "one minute", "two and a half minutes", "half an hour",
                           "one hour", "a second"])
    sep = "" if rng.random() < 0.04 else " "
    if rng.random() < 0.15:
        return f"{rng.randint(2, 90)}{sep}{rng.choice(['s', 'sec', 'min', 'h'])}"
    return f"{_en_count(rng, 90)} {rng.choice(['seconds', 'seconds', 'minutes', 'minutes', 'hours', 'secs', 'mins'])}"


def length(rng: random.Random, language: str, little: bool = True) -> str:
    if language == "ja":
        if little and rng.random() < 0.12:
            return rng.choice(["少し", "ちょっと", "もう少し"])
        if rng.random() < 0.3:
            return rng.choice(["10", "20", "30", "50", "80", "五十", "三十", "二十"]) + rng.choice(["センチ", "cm", "センチメートル"])
        n = f"{rng.randint(0, 9)}.{rng.randint(1, 9)}" if rng.random() < 0.25 else _ja_count(rng, 20)
        return n + rng.choice(["メートル", "メートル", "m", "メーター"]) + ("ほど" if rng.random() < 0.06 else "")
    if little and rng.random() < 0.1:
        return rng.choice(["a bit", "a little", "a little bit", "slightly"])
    if rng.random() < 0.25:
        return rng.choice(["half a metre", "half a meter", "one metre", "a meter", "one meter", "one and a half metres", "a metre"])
    if rng.random() < 0.25:
        return f"{rng.choice([10, 20, 30, 40, 50, 60, 80])} {rng.choice(['cm', 'centimetres', 'centimeters'])}"
    n = f"{rng.randint(0, 9)}.{rng.randint(1, 9)}" if rng.random() < 0.3 else _en_count(rng, 20)
    return f"{n}{rng.choice(['', ' ', ' '])}m" if rng.random() < 0.35 else f"{n} {rng.choice(['metres', 'meters'])}"


def angle(rng: random.Random, language: str) -> str:
    if language == "ja":
        if rng.random() < 0.2:
            return rng.choice(["一回転", "半回転", "1回転", "少し", "ちょっと", "半周", "二回転"])
        n = rng.choice([10, 15, 30, 45, 60, 90, 120, 180])
        return (kanji(n) if n < 100 and rng.random() < 0.35 else str(n)) + "度" + ("ほど" if rng.random() < 0.05 else "")
    if rng.random() < 0.2:
        return rng.choice(["half a turn", "a quarter turn", "a bit", "one turn", "slightly"])
    if rng.random() < 0.25:
        return rng.choice(["ninety", "forty-five", "thirty", "sixty", "forty five", "twenty"]) + " degrees"
    return f"{rng.choice([10, 15, 30, 45, 60, 90, 120, 135, 180])} {rng.choice(['degrees', 'degrees', 'deg'])}"


def laps(rng: random.Random, language: str) -> str:
    if language == "ja":
        return _ja_count(rng, 12) + rng.choice(["周", "周", "回", "回"])
    return rng.choice(["once", "twice", "three times", "two laps", "one lap"]) if rng.random() < 0.4 else (
        f"{_en_count(rng, 12)} {rng.choice(['times', 'times', 'laps', 'rounds', 'loops'])}"
    )


def speed(rng: random.Random, language: str) -> str:
    value = f"{rng.randint(0, 1)}.{rng.randint(1, 9)}"
    if language == "ja":
        return rng.choice([
            f"毎秒{value}メートル", f"秒速{value}メートル", f"秒速{value}m", f"{value}m/s", f"{value} m/s", f"毎秒{value}m",
            f"時速{rng.randint(1, 5)}キロ", f"{rng.randint(1, 5)}km/h", f"{rng.choice([10, 20, 30, 50, 70])}%",
            f"{rng.choice([20, 30, 50])}パーセント", "半分の速度", "半分の速さ", "半分のスピード", f"秒速{rng.choice([20, 30, 50])}センチ",
        ])
    return rng.choice([
        f"{value} m/s", f"{value} m/s", f"{value}m/s", f"{value} meters per second", f"{value} metres per second", f"{value} mps",
        f"{rng.randint(1, 5)} km/h", f"{rng.randint(1, 5)} kph", f"{rng.choice([10, 20, 30, 50, 70])} percent",
        f"{rng.choice([10, 25, 50, 80])}%", "half speed", "half the normal speed", "half a meter per second",
        f"{rng.choice([20, 30, 50])} cm/s", "walking speed", "walking pace",
    ])
