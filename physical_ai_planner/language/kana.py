"""Amounts that are written in kana as they are said: にめーとる → 二メートル, さんじゅっぷん → 三十分.

Speech recognition and people in a hurry leave the conversion out. The words become the usual ones; what is no amount as
a whole stays as it was, so that に and し, which mean much else, are read as numbers only beside a unit.
"""

from __future__ import annotations

import re

_NUMBERS = {
    "ぜろ": "〇",
    "れい": "〇",
    "いち": "一",
    "いっ": "一",
    "ひと": "一",
    "に": "二",
    "ふた": "二",
    "さん": "三",
    "よん": "四",
    "よ": "四",
    "し": "四",
    "ご": "五",
    "ろく": "六",
    "ろっ": "六",
    "なな": "七",
    "しち": "七",
    "はち": "八",
    "はっ": "八",
    "きゅう": "九",
    "く": "九",
    "じゅう": "十",
    "じゅっ": "十",
    "じっ": "十",
    "ひゃく": "百",
    "びゃく": "百",
    "ぴゃく": "百",
    "ひゃっ": "百",
    "びゃっ": "百",
    "ぴゃっ": "百",
    "せん": "千",
    "ぜん": "千",
    "てん": "点",
}
_UNITS = {
    "びょうかん": "秒",
    "びょう": "秒",
    "ふんかん": "分",
    "ぷんかん": "分",
    "ふん": "分",
    "ぷん": "分",
    "じかん": "時間",
    "きろめーとる": "キロ",
    "きろ": "キロ",
    "せんちめーとる": "センチ",
    "せんち": "センチ",
    "みり": "ミリ",
    "めーとる": "メートル",
    "めーたー": "メートル",
    "かいてん": "回転",
    "しゅう": "周",
    "かい": "回",
    "ほ": "歩",
    "ぽ": "歩",
    "ぱーせんと": "パーセント",
    "ど": "度",
    "はん": "半",
}
_BEFORE = {"じそく": "時速", "びょうそく": "秒速", "まいびょう": "毎秒", "ふんそく": "分速", "やく": "約"}
_KANA = re.compile(r"[\d.ぁ-ゖァ-ヶー]+")
_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}


def _any(words: dict[str, str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_NUMBER = rf"(?:\d+(?:\.\d+)?|(?:{_any(_NUMBERS)})+)"
_PART = re.compile(f"({_NUMBER})((?:{_any(_UNITS)}){{1,2}})")
_AMOUNT = re.compile(f"(?:{_any(_BEFORE)})?(?:{_NUMBER}(?:{_any(_UNITS)}){{1,2}}){{1,3}}")
_PLAIN = tuple((re.compile(_any(words)), words) for words in (_NUMBERS, _UNITS, _BEFORE))


def usual(text: str) -> str:
    """`text` in the usual writing where it is an amount in kana alone; else `text` itself."""
    plain = text.translate(_HIRAGANA)
    if not _KANA.fullmatch(text) or not _AMOUNT.fullmatch(plain):
        return text
    before = _PLAIN[2][0].match(plain)
    head = before.group() if before else ""
    numbers, units = _PLAIN[0], _PLAIN[1]
    parts = [
        numbers[0].sub(lambda m: _NUMBERS[m.group()], part.group(1))
        + units[0].sub(lambda m: _UNITS[m.group()], part.group(2))
        for part in _PART.finditer(plain[len(head) :])
    ]
    return _BEFORE.get(head, "") + "".join(parts)
