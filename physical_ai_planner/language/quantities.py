"""Numbers and units in a person's words, Japanese and English: "30秒", "two and a half minutes", "0.5 m/s", "三周".

The model only quotes such words; reading them is plain code, so that no amount is ever made up.
Each reader returns SI units, or None where the words do not hold one amount it is sure of.
"""

from __future__ import annotations

import math
import re
import unicodedata

from physical_ai_planner.language.kana import usual
from physical_ai_planner.language.taken_back import CORRECTION

_DIGITS = {"〇": 0, "零": 0, "一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_KANJI = "".join(_DIGITS) + "".join(_UNITS) + "万"
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {word: i for i, word in enumerate(_ONES)} | {word: 10 * (i + 2) for i, word in enumerate(_TENS)}
_HALF = r"(?:\s*(?:and\s+)?(?:a\s+)?half|半)"

_SECONDS_PER = {"s": 1.0, "min": 60.0, "h": 3600.0}
_TIME_UNIT = (
    (r"seconds?|secs?|(?<=[\d ])s\b|秒間?", "s"),
    (r"minutes?|mins?|分間?", "min"),
    (r"hours?|(?<![a-z])hrs?\b|(?<=[\d ])h\b|時間", "h"),  # not the hr of "three"
)
_LENGTH_UNIT = (
    (r"km|kilomet(?:er|re)s?|キロメートル|キロ", 1000.0),
    (r"cm|centimet(?:er|re)s?|センチメートル|センチ", 0.01),
    (r"mm|millimet(?:er|re)s?|ミリメートル|ミリ", 0.001),
    (r"met(?:er|re)s?|m\b|m(?=[^a-z/])|メートル|メーター", 1.0),
    (r"feet|foot|ft", 0.3048),
    (r"inch(?:es)?", 0.0254),
    (r"yards?|yds?", 0.9144),
    (r"steps?|paces?|歩", 0.5),
)
_HALF_TURN = frozenset({
    *("around", "round", "the other way", "half a turn", "半回転", "半周"),
    *("真後ろ", "まうしろ", "後ろ", "うしろ", "反対", "逆"),
})  # fmt: skip
A_LITTLE_M = 0.5  # "a bit", "少し"
A_LITTLE_RAD = math.radians(20.0)
_A_LITTLE = frozenset(
    {
        *("a bit", "a little", "a little bit", "slightly", "a touch", "a tad"),
        *("少し", "ちょっと", "すこし", "もう少し", "もうちょっと", "もうすこし", "ほんの少し"),
        *("もうちょい", "ちょい", "すこしだけ", "少しだけ", "ちょっとだけ", "こころもち", "心持ち", "気持ち"),
    }
)


_COMMA = re.compile(r"[,、]\s*(?=[^\d\s])")  # "three, metres"; never within 1,5


def _fold(words: str) -> str:
    """One written form of the last thing said: of "two, I mean three, metres" that is "three metres"."""
    parts = [part for part in CORRECTION.split(words) if part.strip(" ,、")]
    text = unicodedata.normalize("NFKC", parts[-1] if parts else words).strip(" ,、").lower()
    return usual(_COMMA.sub(" ", text))


def kanji_number(text: str) -> float | None:
    """三十五 → 35, 百二十 → 120, 一〇 → 10; None where `text` is not one number."""
    if not text or any(c not in _KANJI for c in text):
        return None
    total = section = digit = 0
    positional = all(c in _DIGITS for c in text)
    for c in text:
        if c in _DIGITS:
            digit = digit * 10 + _DIGITS[c] if positional else _DIGITS[c]
        elif c == "万":
            total, section, digit = (total + section + digit or 1) * 10_000, 0, 0
        else:
            section, digit = section + (digit or 1) * _UNITS[c], 0
    return float(total + section + digit)


def english_number(text: str) -> float | None:
    """twenty-three → 23, a hundred and five → 105; None where `text` is not one number."""
    total: float | None = None
    for word in re.split(r"[\s-]+", text):
        if word in ("a", "an"):
            total = 1.0 if total is None else total
        elif word == "hundred":
            total = (total or 1.0) * 100.0
        elif word in _WORDS:
            total = (total or 0.0) + _WORDS[word]
        elif word != "and":
            return None
    return total


def number(words: str) -> float | None:
    """The one number in `words`: "2.5", "三", "twenty five", "a", "half", "二分の一" is not read (None)."""
    text = _fold(words)
    text = re.sub(r"^(?:about|around|roughly|approximately|約|およそ|だいたい)\s*|\s*(?:ぐらい|くらい|ほど)$", "", text)
    if text in ("half", "half a", "half an", "半"):
        return 0.5
    if re.fullmatch(r"(?:a |one )?quarter(?: of)?(?: an?)?", text):
        return 0.25
    if re.fullmatch(r"(?:point |\.)(?:\w+|\d+)", text):
        text = re.sub(r"^(?:point |\.)", "0.", text) if text[-1].isdigit() else f"zero {text}"
    digits = re.fullmatch(r"(\d+(?:[.,]\d+)?)", text)
    if digits:
        return float(digits.group(1).replace(",", "."))
    if text in ("a couple of", "a couple", "couple of", "couple", "a pair of", "a pair"):
        return 2.0
    point = re.fullmatch(rf"(.+?)\s*(?:point|点|・|\.)\s*([{_KANJI}\d]+|[a-z ]+)", text)
    if point:
        whole, part = number(point.group(1)), number(point.group(2))
        if whole is None or part is None or part >= 1000:
            return None
        return whole + part / float(10 ** len(str(int(part))))
    japanese = re.fullmatch(rf"[{_KANJI}]+", text)
    return kanji_number(text) if japanese else english_number(text)


def _one_amount(text: str, unit: str) -> tuple[float | None, str]:
    """Leading amount before the unit pattern, and what follows it; the "half" may stand on either side."""
    match = re.match(rf"(.*?)({_HALF})?\s*(?:{unit})({_HALF})?", text)
    if match is None:
        return None, text
    head = match.group(1).strip().rstrip("の").removesuffix(" of").strip()
    head = re.sub(r"\s*(?:-|ヶ|か)$", "", head)
    value = number(head) if head else None
    if value is None and match.group(2) and not head:
        value = 0.0
    if value is None and head in ("half", "half a", "half an"):
        value = 0.5
    if value is None:
        return None, text
    if (match.group(2) or match.group(3)) and value != 0.5:
        value += 0.5
    return value, text[match.end() :].strip()


def duration_s(words: str) -> float | None:
    """Seconds: "30 s", "1分半", "two and a half minutes", "1時間30分", "a minute"; 数秒 and "a moment" → None."""
    text = re.sub(r"^(?:(?:for|about|around|roughly|the next)\b|約|およそ|あと)\s*", "", _fold(words))
    text = re.sub(r"^(?:an)?other\b(?=\s+[a-z])", "a", re.sub(r"^(?:an)?other\s+(?=\d)", "", text)).rstrip("'’")
    quarters = re.fullmatch(r"(?:a |one )?(three )?quarters? of an hour", text)
    if quarters:
        return 2700.0 if quarters.group(1) else 900.0
    text = re.sub(r"(?:ほど|くらい|ぐらい|だけ)$", "", text)
    total = 0.0
    while text:
        text = re.sub(r"^(?:and\b|,|と)\s*", "", text)
        found = [(m.start(), unit, key) for unit, key in _TIME_UNIT if (m := re.search(unit, text)) and m.start() > 0]
        if not found:
            return None
        _, unit, key = min(found)
        value, text = _one_amount(text, unit)
        if value is None:
            return None
        total += value * _SECONDS_PER[key]
    return total if 0.0 < total <= 86_400.0 else None


def length_m(words: str) -> float | None:
    """Metres: "2 m", "50センチ", "三メートル", "half a metre", "a bit" (0.5)."""
    text = _fold(words)
    if text in _A_LITTLE:
        return A_LITTLE_M
    text = re.sub(r"^(?:(?:by|at least|about|around|within|less than|up to)\b|約|およそ|最低でも|最低)\s*", "", text)
    text = re.sub(r"(?:ほど|くらい|ぐらい|だけ|以上|ぶん|分)$", "", text)
    for unit, metres in _LENGTH_UNIT:
        match = re.search(rf"(?:{unit})(?:{_HALF})?$", text)
        if match:
            value, rest = _one_amount(text, unit)
            return value * metres if value is not None and not rest else None
    return None


def angle_rad(words: str) -> float | None:
    """Radians, always positive: "90 degrees", "四十五度", "half a turn", "半回転", "一周", "a bit"."""
    text = re.sub(r"^(?:by|about|約)\s*", "", _fold(words))
    text = re.sub(r"(?:ほど|くらい|ぐらい|だけ)$", "", text)
    if text in _A_LITTLE:
        return A_LITTLE_RAD
    if re.fullmatch(r"(?:once )?all the way a?round(?: once)?|(?:a )?full (?:circle|turn)|ぐるっと一周|ぐるり", text):
        return math.tau
    if text in _HALF_TURN:
        return math.pi
    if text in ("a quarter turn", "quarter turn", "a right angle", "right angle", "直角"):
        return math.pi / 2
    bare = number(text)
    if bare is not None and 5.0 <= bare <= 360.0 and bare % 5.0 == 0.0:  # "turn left 90": only degrees can be meant
        return math.radians(bare)
    for unit, per in ((r"degrees?|deg|度|°", math.radians(1.0)), (r"turns?|回転|周|rotations?|circles?", math.tau)):
        value, rest = _one_amount(text, unit)
        if value is not None and not rest:
            angle = value * per
            return angle if angle <= 2 * math.tau else None
    return None


def count(words: str) -> int | None:
    """A number of laps or times: "3 times", "twice", "三周", "2回", "ten laps"."""
    text = re.sub(r"^(?:全部で|合計で?|計|in all|altogether|a total of)\s*", "", _fold(words))
    if text in ("another lap", "another round", "another loop", "もう一周", "もう一回"):
        return 1
    if text in ("once", "twice", "thrice"):
        return {"once": 1, "twice": 2, "thrice": 3}[text]
    text = re.sub(
        r"(?:\s*(?:times?(?: over)?|laps?|rounds?|loops?|circuits?|passes|sets?|周回|周|回|度|巡|往復|ラップ|セット)"
        r"(?:ほど|だけ|ずつ)?)$",
        "",
        text,
    )
    value = number(text)
    return int(value) if value is not None and value == int(value) and 1 <= value <= 1000 else None


def position_m(words: str) -> tuple[float, float] | None:
    """A point of the map: "x 3, y -4.5", "(3, 4)", "xが3、yが4", "12 by 7"; exactly two numbers, at most 100 km."""
    digits = re.sub(rf"[{_KANJI}]+", lambda run: f" {kanji_number(run.group()):g} ", _fold(words))
    found = re.findall(r"(?<![\d.])[-+−]?\d+(?:\.\d+)?", re.sub(r"(?:minus|マイナス)\s*", "-", digits))
    point = tuple(float(value.replace("−", "-")) for value in found)
    return point if len(point) == 2 and all(abs(value) <= 1e5 for value in point) else None


def coordinates_m(words: str) -> tuple[float, float] | None:
    """A point where the words are nothing but "x 12, y 3.5", "x=4 y=-2", X40、Y-8; None for all else."""
    sign, unit = r"(?:[=:]|は|が|is\b)?\s*(?:[-+−]|minus\s|マイナス)?", r"(?:m\b|met(?:er|re)s?|メートル)?"
    value = rf"\s*{sign}\s*\d+(?:\.\d+)?\s*{unit}\s*"
    form = rf"\(?\s*x{value}(?:,|、|and|と|で)?\s*y{value}\)?(?:の(?:位置|地点|場所|点|ところ))?"
    return position_m(words) if re.fullmatch(form, unicodedata.normalize("NFKC", words).strip().lower()) else None


def speed_mps(words: str, full_mps: float) -> float | None:
    """Metres a second: "0.5 m/s", "毎秒0.3メートル", "2 km/h", "時速2キロ", "half speed", "50%" (of `full_mps`)."""
    text = _fold(words)
    text = re.sub(r"^(?:at|about|under|below|at most|no more than|約|最大|最高)\s*", "", text)
    text = re.sub(r"(?:以下|以内|未満|くらい|ぐらい|ほど|の速度|の速さ)+$", "", text)
    percent = re.fullmatch(
        r"(.+?)\s*(?:%|percent|パーセント)(?:\s*(?:of\s+)?(?:the\s+|full\s+|max(?:imum)?\s+|your\s+)*speed|の速度|の速さ|の力)?",
        text,
    )
    if percent:
        value = number(percent.group(1))
        return value / 100.0 * full_mps if value is not None and 0 < value <= 100 else None
    if re.fullmatch(
        r"(?:at\s+)?half(?:\s+(?:the\s+|your\s+)?(?:normal\s+|full\s+)?(?:speed|pace))?"
        r"|(?:速度|スピード)?(?:を)?半分(?:の(?:速度|速さ|スピード))?",
        text,
    ):
        return 0.5 * full_mps
    if text in (
        "walking speed",
        "walking pace",
        "a walking pace",
        "歩く速さ",
        "歩く速度",
        "人が歩く速さ",
        "徒歩の速さ",
    ):
        return 1.2
    per_hour = re.fullmatch(
        r"時速\s*(.+?)\s*(?:キロメートル|キロ|km)"
        r"|(.+?)\s*(?:km/h|kmh|kph|km per hour|kilomet(?:er|re)s? (?:per|an) hour)",
        text,
    )
    if per_hour:
        value = number(per_hour.group(1) or per_hour.group(2))
        return value / 3.6 if value else None
    miles = re.fullmatch(r"(.+?)\s*(?:mph|miles? (?:per|an) hour)", text)
    if miles:
        value = number(miles.group(1))
        return value * 0.44704 if value else None
    per_second = re.fullmatch(
        r"(?:毎秒|秒速)\s*(.+)|(.+?)\s*(?:/\s*s(?:ec(?:ond)?)?|per second|a second|/秒|毎秒)", text
    )
    if per_second:
        return length_m(per_second.group(1) or per_second.group(2)) or None
    per_minute = re.fullmatch(r"(?:毎分|分速)\s*(.+)|(.+?)\s*(?:per minute|a minute|/\s*min)", text)
    if per_minute:
        metres = length_m(per_minute.group(1) or per_minute.group(2))
        return metres / 60.0 if metres else None
    short = re.fullmatch(r"(.+?)\s*mps", text)
    if short:
        return number(short.group(1)) or None
    return length_m(text) or None  # of a speed, "0.5 metres" can only be a second's
