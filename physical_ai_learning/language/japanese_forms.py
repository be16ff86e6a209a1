# ruff: noqa: E501  (tables read better long)
"""Forms of Japanese verbs from a dictionary form with its class: 行く5, 着ける1, 移動するs, 戻ってくるk, 動かないでx.

Class 5 is godan, 1 ichidan, s する, k くる, x a て-form that takes no other form (negative requests).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

_GODAN = {"う": "わいえおって", "く": "かきけこいて", "ぐ": "がぎげごいで", "す": "さしせそして", "つ": "たちてとって", "ぬ": "なにねのんで", "ぶ": "ばびべぼんで", "む": "まみめもんで", "る": "らりれろって"}

_NO_NOUN = frozenset({"", "お願い", "じっと", "きれいに", "ダッシュ", "ゴー", "ひとっ走り", "足を延ば", "フォロー"})


@dataclass(frozen=True)
class Forms:
    """One verb; empty strings where it has no such form."""

    te: str
    ta: str = ""
    plain: str = ""  # dictionary form
    stem: str = ""  # before ます, なさい
    order: str = ""  # imperative
    will: str = ""  # volitional
    nai: str = ""  # before ない
    noun: str = ""  # of a する verb
    ba: str = ""


@lru_cache(maxsize=4096)
def forms(verb: str) -> Forms:
    """All forms of `verb`, which ends with its class."""
    word, kind = verb[:-1], verb[-1]
    if kind == "x":
        return Forms(te=word)
    if kind == "s":
        n = word[:-2]
        bare = n[:-1] if n.endswith("を") else n
        return Forms(n + "して", n + "した", word, n + "し", n + "しろ", n + "しよう", n + "し", "" if n in _NO_NOUN else bare, n + "すれば")
    if kind == "k":
        n, kanji = word[:-2], word.endswith("来る")
        ki, ko, ku = ("来", "来", "来") if kanji else ("き", "こ", "く")
        return Forms(n + ki + "て", n + ki + "た", word, n + ki, n + ko + "い", n + ko + "よう", n + ko, "", n + ku + "れば")
    if kind == "1":
        n = word[:-1]
        return Forms(n + "て", n + "た", word, n, n + "ろ", n + "よう", n, "", n + "れば")
    row, n = _GODAN[word[-1]], word[:-1]
    te = "って" if word.endswith(("行く", "いく")) else row[4:]
    return Forms(n + te, n + te[:-1] + ("た" if te[-1] == "て" else "だ"), word, n + row[1], n + row[2], n + row[3] + "う", n + row[0], "", n + row[2] + "ば")
