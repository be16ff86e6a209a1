"""How words sound: for names that a speech recogniser wrote with other signs (正問 for 正門, "farmacy").

Japanese readings come from a dictionary (SudachiPy with its small dictionary), English sounds from Metaphone
(jellyfish): the extra `sounds`. Both are loaded when the first words fit no name; where one is missing, words of its
language have no sound, and are as unknown as before. Words are those of `names.tokens`; whoever calls has seen to it
that their numbers and labels are the same.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Callable

LEAST = 3  # sounds of a name, kana or letters of its code; less may be anything
_LONGEST = 24  # signs; longer words are no name
_SIMILAR = 0.74  # of two English spellings with one sound
_KANJI = re.compile("[一-鿿]")
_WEAK = re.compile("[ーッ]")  # モータ and モーター, バッテリ and バテリー

Words = tuple[str, ...]


def same(one: Words, other: Words) -> bool:
    """Whether two names are heard as one: equal readings, one sign that can be read the same, equal English sounds."""
    if len(one) != len(other):
        return False
    if all(word.isascii() for word in (*one, *other)):
        return all(a == b or _one_sound(a, b) for a, b in zip(one, other, strict=True))
    if len(one) != 1 or one[0].isascii() or other[0].isascii():
        return False
    a, b = one[0], other[0]
    plain = _firm(a)
    return (plain == _firm(b) and len(plain) >= LEAST) or _one_reading(a, b) or _one_sign(a, b)


def alike(one: Words, other: Words) -> bool:
    """Whether two names sound nearly alike: one kana more, less or other; English words as one word of equal sound."""
    a, b = "".join(one), "".join(other)
    if a.isascii() and b.isascii():
        return _code(a) == _code(b) and len(_code(a)) >= LEAST
    if a.isascii() or b.isascii():
        return False
    first, second = _reading(a), _reading(b)
    return abs(len(first) - len(second)) < 2 and min(len(first), len(second)) > LEAST and _one_apart(first, second)


def _one_reading(one: str, other: str) -> bool:
    reading = _reading(one)
    return len(reading) >= LEAST and reading == _reading(other)


def _one_sign(one: str, other: str) -> bool:
    """Whether two names differ in one kanji only, and both kanji can be read in the same way."""
    if len(one) != len(other):
        return False
    differing = list(itertools.islice(((a, b) for a, b in zip(one, other, strict=True) if a != b), 2))
    if len(differing) != 1 or not all(_KANJI.fullmatch(sign) for sign in differing[0]):
        return False
    first, second = map(_readings, differing[0])
    return any(len(reading) > 1 for reading in first & second)


def _one_sound(one: str, other: str) -> bool:
    close = difflib.SequenceMatcher(None, one, other).ratio() >= _SIMILAR
    return close and _code(one) == _code(other) and len(_code(one)) >= LEAST


def _one_apart(one: str, other: str) -> bool:
    """Whether one sign put in, left out or put for another makes the two equal."""
    short, long = sorted((one, other), key=len)
    if short == long or len(long) - len(short) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return short[at + (len(short) == len(long)) :] == long[at + 1 :]


@functools.lru_cache(maxsize=8192)
def _reading(words: str) -> str:
    """The reading in katakana, without long marks and small tsu; empty where no dictionary knows one."""
    dictionary = _dictionary()
    if dictionary is None or not 0 < len(words) <= _LONGEST:
        return ""
    reading = "".join(dictionary[0](words))
    return _firm(reading) if re.fullmatch("[ァ-ヶー]+", reading) else ""


@functools.lru_cache(maxsize=8192)
def _firm(kana: str) -> str:
    return _WEAK.sub("", kana)


@functools.lru_cache(maxsize=2048)
def _readings(sign: str) -> frozenset[str]:
    """All readings of one sign; empty without the dictionary."""
    dictionary = _dictionary()
    return frozenset() if dictionary is None else frozenset(dictionary[1](sign))


@functools.lru_cache(maxsize=8192)
def _code(word: str) -> str:
    """The Metaphone code; empty where the word has none, or the library is not installed."""
    code = _metaphone()
    return code(word) if code is not None and re.fullmatch("[a-z]{3,24}", word) else ""


_Read = Callable[[str], list[str]]


@functools.lru_cache(maxsize=1)
def _dictionary() -> tuple[_Read, _Read] | None:
    """Readings of the parts of some words, and of all entries for one word."""
    try:
        from sudachipy import Dictionary

        book = Dictionary(dict="small")
        tokenizer = book.tokenizer()
    except Exception:  # absent, without its dictionary, or with one of another form: names are then matched by signs
        return None
    return (
        lambda words: [part.reading_form() for part in tokenizer.tokenize(words)],
        lambda word: [entry.reading_form() for entry in book.lookup(word)],
    )


@functools.lru_cache(maxsize=1)
def _metaphone() -> Callable[[str], str] | None:
    try:
        from jellyfish import metaphone
    except ImportError:
        return None
    found: Callable[[str], str] = metaphone
    return found
