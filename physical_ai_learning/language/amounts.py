# ruff: noqa: E501  (lists of phrases read better long)
"""Spoken amounts for the training sentences; `physical_ai_planner.language.quantities` must be able to read each.

Words such as "about" or 約 stand around the quoted amount, never in it.
"""

from __future__ import annotations

from collections.abc import Callable

from physical_ai_learning.language.phrases import Chance

_ONES = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "fifteen", "sixteen", "eighteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_KANJI = "一二三四五六七八九"
_DIGIT_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
Maker = Callable[[Chance], str]


def kanji(n: int) -> str:
    """n in kanji, 1..999."""
    hundreds, rest = divmod(n, 100)
    tens, ones = divmod(rest, 10)
    text = "" if hundreds == 0 else ("" if hundreds == 1 else _KANJI[hundreds - 1]) + "百"
    text += "" if tens == 0 else ("" if tens == 1 else _KANJI[tens - 1]) + "十"
    return text + ("" if ones == 0 else _KANJI[ones - 1])


def _en_count(c: Chance, highest: int = 60) -> str:
    if c.under(0.42):
        return c.one(_ONES) if highest <= 20 or c.under(0.7) else c.one(_TENS) + (c.one(["", "", "-five", " five", "-two"]))
    return str(c.rng.randint(2, highest))


def _ja_count(c: Chance, highest: int = 60) -> str:
    n = c.rng.randint(1, highest) if c.under(0.5) else c.one([x for x in (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 45, 50) if x <= highest])
    return kanji(n) if c.under(0.33) else str(n)


def duration_en(c: Chance) -> str:
    draw = c.random()
    if draw < 0.2:
        return c.one(["a minute", "half a minute", "an hour", "one minute", "two and a half minutes", "half an hour", "one hour", "ten seconds",
                      "five minutes", "one and a half minutes", "one and a half hours", "an hour and a half", "thirty seconds",
                      "1 minute 30 seconds", "two minutes and thirty seconds", "1.5 minutes", "one second", "a quarter of an hour", "three quarters of an hour", "another minute", "another ten seconds"])
    if draw < 0.26:
        return f"{c.rng.randint(1, 5)} {c.one(['minutes', 'min'])} {c.one(['', 'and '])}{c.one([10, 15, 20, 30, 45])} {c.one(['seconds', 'sec'])}"
    if draw < 0.4:
        return f"{c.rng.randint(2, 90)}{c.one(['', ' ', ' '])}{c.one(['s', 'sec', 'min', 'secs', 'mins'])}" if c.under(0.9) else f"{c.rng.randint(2, 12)}{c.one(['', ' '])}{c.one(['h', 'hrs', 'hr'])}"
    if draw < 0.45:
        return f"{c.one([*_ONES[:5], '2', '3', '4', '5', '6', '8', '12', '24'])} hours"
    return f"{_en_count(c, 90)} {c.one(['seconds', 'seconds', 'seconds', 'minutes', 'minutes', 'minutes', 'secs', 'mins'])}"


def duration_ja(c: Chance) -> str:
    draw = c.random()
    if draw < 0.1:
        return c.one(["1分30秒", "一分半", "1分半", "2分半", "30分間", "1時間半", "一時間", "十秒", "三十秒", "十秒間", "5分間", "二分三十秒", "1時間30分", "十五分", "90秒"])
    n = _ja_count(c)
    unit = c.one(["秒", "秒", "秒間", "分", "分", "分間", "分間", "時間", "秒"])
    if unit == "時間" and len(n) > 1:
        n = c.one(["1", "2", "3", "一", "二", "三"])
    return n + ("分半" if unit.startswith("分") and c.under(0.08) else unit)


def moment_ja(c: Chance) -> str:
    """A duration that 後 may follow: without 間."""
    words = duration_ja(c)
    return words.removesuffix("間") if words.endswith(("秒間", "分間")) else words


def length_en(c: Chance) -> str:
    draw = c.random()
    metre = c.one(["metres", "meters"])
    if draw < 0.2:
        one = metre[:-1]
        return c.one([f"half a {one}", f"one {one}", f"a {one}", f"one and a half {metre}", f"two and a half {metre}", f"half a {one}", f"1 {one}"])
    if draw < 0.4:
        return f"{c.one([10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90])}{c.one(['', ' ', ' '])}{c.one(['cm', 'centimetres', 'centimeters', 'cm'])}" if c.under(0.7) else f"{c.one(_TENS)} {c.one(['centimetres', 'centimeters'])}"
    if draw < 0.48:
        return c.one([f"{c.rng.randint(5, 40)} inches", f"{c.one(_ONES[:9])} yards", f"{c.one(_ONES[:9])} feet", f"{c.rng.randint(2, 12)} ft", f"{c.one(_ONES[:9])} steps", f"{c.rng.randint(2, 9)} feet", f"{c.one(_ONES[:6])} paces", "a foot", "one step"])
    if draw < 0.54:
        return f"{c.one(_DIGIT_WORDS[:5])} point {c.one(_DIGIT_WORDS[1:])} {metre}"
    n = f"{c.rng.randint(0, 9)}.{c.rng.randint(1, 9)}" if c.under(0.3) else _en_count(c, 20)
    if c.under(0.35):
        return f"{n}{c.one(['', ' ', ' ']) if n[-1].isdigit() else ' '}m"
    return f"{n} {metre}"


def length_ja(c: Chance) -> str:
    draw = c.random()
    if draw < 0.26:
        return c.one(["10", "15", "20", "25", "30", "40", "50", "60", "80", "五十", "三十", "二十", "十"]) + c.one(["センチ", "センチ", "cm", "センチメートル"])
    if draw < 0.31:
        return c.one([f"{c.rng.randint(2, 9)}歩", f"{kanji(c.rng.randint(1, 9))}歩", "一歩"])
    if draw < 0.37:
        return c.one(["一メートル半", "1メートル半", "2メートル半", "二メートル半", "一点五メートル", "二点五メートル", "零点五メートル", "1m半"])
    n = f"{c.rng.randint(0, 9)}.{c.rng.randint(1, 9)}" if c.under(0.25) else _ja_count(c, 20)
    return n + c.one(["メートル", "メートル", "m", "メーター", "メートル"])


def little_en(c: Chance) -> str:
    return c.one(["a bit", "a little", "a little bit", "slightly", "a bit", "a tad", "a touch"])


def little_ja(c: Chance) -> str:
    return c.one(["少し", "ちょっと", "もう少し", "すこし", "もうちょっと", "もうすこし", "ほんの少し", "もうちょい"])


def angle_en(c: Chance) -> str:
    draw = c.random()
    if draw < 0.06:
        return c.one(["90", "45", "180", "30", "60", "ninety", "forty-five"])  # degrees are understood
    if draw < 0.2:
        return c.one(["half a turn", "a quarter turn", "one turn", "two turns", "a quarter turn", "one turn"])
    if draw < 0.42:
        return c.one(["ninety", "forty-five", "thirty", "sixty", "forty five", "twenty", "ten", "fifteen", "one hundred and eighty", "a hundred and eighty"]) + " degrees"
    return f"{c.one([5, 10, 15, 20, 25, 30, 35, 45, 60, 75, 80, 90, 100, 120, 135, 150, 180, 270, 360])}{c.one([' degrees', ' degrees', ' deg', ' degrees', '°'])}"


def angle_ja(c: Chance) -> str:
    if c.under(0.15):
        return c.one(["一回転", "半回転", "1回転", "半周", "二回転"])
    n = c.one([5, 10, 15, 20, 30, 35, 45, 60, 75, 90, 100, 120, 135, 150, 180, 270, 360])
    return (kanji(n) if c.under(0.33) else str(n)) + "度"


def laps_en(c: Chance) -> str:
    if c.under(0.42):
        return c.one(["once", "twice", "three times", "two laps", "one lap", "one round", "thrice", "two times", "four times", "twice"])
    return f"{_en_count(c, 12)} {c.one(['times', 'times', 'laps', 'rounds', 'loops'])}"


def laps_ja(c: Chance) -> str:
    return _ja_count(c, 12) + c.one(["周", "周", "回", "回", "周"])


def times_en(c: Chance) -> str:
    """How often a whole list is done."""
    return c.one(["twice", "twice", "three times", "two times", "four times", "five times", "thrice", f"{c.rng.randint(2, 5)} times", "3 times", "2 times"])


def times_ja(c: Chance) -> str:
    n = c.rng.randint(2, 5)
    return (kanji(n) if c.under(0.35) else str(n)) + c.one(["回", "回", "回", "度"])


def round_trips_ja(c: Chance) -> str:
    n = c.rng.randint(2, 5)
    return (kanji(n) if c.under(0.4) else str(n)) + c.one(["往復", "往復", "回"])


def speed_en(c: Chance) -> str:
    value = f"{c.rng.randint(0, 1)}.{c.rng.randint(1, 9)}"
    draw = c.random()
    if draw < 0.45:
        return value + c.one([" m/s", " m/s", "m/s", " meters per second", " metres per second", " mps", " meters a second", " metres a second"])
    if draw < 0.6:
        return f"{c.one([1, 2, 3, 4, 5, 2.5, 1.5])}{c.one([' km/h', 'km/h', ' kph', ' kilometres per hour', ' kilometers an hour', ' kmh'])}"
    if draw < 0.64:
        return f"{c.one([1, 2, 3])} mph" if c.under(0.6) else c.one(["one mile an hour", "two miles per hour", "2 miles an hour"])
    if draw < 0.75:
        return c.one([f"{c.one([10, 20, 30, 50, 70, 80])}{c.one([' percent', '%', ' percent of full speed', '% speed'])}", f"{c.one(_TENS)} percent", "fifty percent speed"])
    if draw < 0.88:
        return c.one(["half speed", "half the normal speed", "half your speed", "half your normal speed", "half speed", "half the speed"])
    return c.one(["half a meter per second", "one meter per second", "half a metre per second", "zero point five metres per second", f"{c.one([20, 30, 40, 50, 80])} cm/s", "walking speed", "walking pace", "a walking pace", "1 m/s", "two kilometres per hour"])


def speed_ja(c: Chance) -> str:
    value = f"{c.rng.randint(0, 1)}.{c.rng.randint(1, 9)}"
    draw = c.random()
    if draw < 0.5:
        return c.one([f"毎秒{value}メートル", f"秒速{value}メートル", f"秒速{value}m", f"{value}m/s", f"{value} m/s", f"毎秒{value}m", f"秒速{c.one([20, 30, 50])}センチ", "秒速零点五メートル", "秒速一メートル", "毎秒1メートル", "秒速1メートル"])
    if draw < 0.72:
        return c.one([f"時速{c.rng.randint(1, 5)}キロ", f"{c.rng.randint(1, 5)}km/h", f"時速{kanji(c.rng.randint(1, 5))}キロ", f"時速{c.rng.randint(1, 5)}km", f"時速{c.rng.randint(1, 5)}キロメートル", "時速1.5キロ"])
    return c.one([f"{c.one([10, 20, 30, 50, 70])}%", f"{c.one([20, 30, 50])}パーセント", "半分の速度", "半分の速さ", "半分のスピード", "歩く速さ", "歩く速度", "人が歩く速さ", f"{c.one([30, 50])}%の速度", "五十パーセント"])


def point_en(c: Chance) -> tuple[str, str, str]:
    """A point of the map: what stands before, the quoted words, what stands after."""
    x, y = _coordinate(c), _coordinate(c)
    before, after = c.one([("", ""), ("", ""), ("the point ", ""), ("point ", ""), ("coordinates ", ""), ("the coordinates ", ""), ("position ", ""), ("(", ")"), ("the point (", ")"), ("map position ", ""), ("the position ", " on the map"), ("coordinate ", "")])
    if c.under(0.4) and "(" not in before:
        unit = c.one(["", "", "", " m", " metres", " meters"])
        words = c.one([f"x {x}{unit}, y {y}{unit}", f"x {x}{unit} y {y}{unit}", f"x = {x}, y = {y}", f"x={x}, y={y}", f"x {x}{unit} and y {y}{unit}", f"x equals {x} and y equals {y}", f"x={x} y={y}", f"x: {x}, y: {y}", f"x of {x} and y of {y}"])
    else:
        before = before or c.one(["the point ", "coordinates ", "position ", "map coordinates "])
        words = c.one([f"{x}, {y}", f"{x}, {y}", f"{x},{y}", f"{x} {y}", f"{x} / {y}", f"{x} and {y}"])
    return before, words.replace("-", c.one(["-", "minus ", "-"])), after


def point_ja(c: Chance) -> tuple[str, str, str]:
    x, y = _coordinate(c), _coordinate(c)
    before, after = c.one([("座標", ""), ("座標", ""), ("座標(", ")"), ("地図の", "の地点"), ("", "の地点"), ("", "の座標"), ("", "の位置"), ("地点(", ")"), ("ポイント", ""), ("マップ上の", ""), ("座標は", "、そこ"), ("", "")])
    if (c.under(0.55) and "(" not in before) or not (before or after):
        unit = c.one(["", "", "", "メートル", "m"])
        words = c.one([f"xが{x}{unit}、yが{y}{unit}", f"x{x}、y{y}", f"x {x} y {y}", f"x={x}, y={y}", f"x={x}、y={y}", f"Xが{x}でYが{y}", f"x座標{x}、y座標{y}", f"x{x}{unit}y{y}{unit}", f"エックス{x}、ワイ{y}", f"x軸{x}{unit}、y軸{y}{unit}"])
    else:
        before = before or "座標"
        words = c.one([f"{x}, {y}", f"{x}、{y}", f"{x},{y}", f"{x} {y}"])
    return before, words.replace("-", c.one(["-", "マイナス", "-"])), after


def _coordinate(c: Chance) -> str:
    n = c.rng.randint(0, 9) if c.under(0.4) else c.rng.randint(0, 60)
    sign = "-" if n and c.under(0.22) else ""
    return f"{sign}{n}.{c.rng.randint(1, 9)}" if c.under(0.3) else f"{sign}{n}"
