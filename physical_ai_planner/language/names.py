"""From quoted words to the ids of a site: plain matching, no model, so that no place is ever guessed.

Words match a name exactly (after folding case, width, kana, articles, plural, number words), as a part of it ("dock" of
"dock B"), or by sound (`sound`). Anything looser is only similar: similar names are asked about, never driven to.
"""

from __future__ import annotations

import difflib
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from physical_ai_core.site import Site
from physical_ai_planner.language import sound
from physical_ai_planner.language.likeness import Likeness
from physical_ai_planner.language.quantities import english_number, kanji_number

Kind = Literal["place", "zone", "route"]

_ARTICLES = {"the", "a", "an", "our", "my", "your", "that", "this", "their", "its", "to", "at"}
_NEUTRAL = {
    "area",
    "spot",
    "place",
    "location",
    "point",
    "position",
    "zone",
    "site",
    "side",
    "one",
    "over",
    "there",
    "robot",
    "please",
}
_KANJI_NUMBER = re.compile("[〇一二三四五六七八九十百千]+")
_COUNTER = re.compile(r"第(?=\d)|(?<=\d)(?:号機|号|番目|番)")
_SIDES = "東西南北上下左右前後内外新旧大小"
_SIDE_WORDS = frozenset(
    {
        *("north", "south", "east", "west", "upper", "lower", "left", "right", "front", "rear", "back"),
        *("inner", "outer", "new", "old", "main", "big", "small"),
    }
)
_TAILS = (
    "のところ",
    "の所",
    "のほう",
    "の方",
    "のあたり",
    "あたり",
    "付近",
    "周辺",
    "エリア",
    "地点",
    "の場所",
    "の中",
    "の内側",
    "の真ん中",
    "のまんなか",
    "の下",
    "のとこ",
    "んとこ",
    "さん",
)
_HEADS = ("あの", "その", "この", "うちの", "例の", "the ")
_KANA = str.maketrans({chr(c): chr(c + 0x60) for c in range(0x3041, 0x3097)})
_SIMILAR = 0.74


@dataclass(frozen=True)
class Entry:
    id: str
    kind: Kind
    name: str
    spoken: bool = True  # false: the id itself, which counts only where no spoken name fits


@dataclass(frozen=True)
class Match:
    """`sure` ids are meant by the words; `maybe` ids only resemble them."""

    sure: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()


def is_japanese(text: str) -> bool:
    return bool(re.search(r"[぀-ヿ一-鿿]", text))


def tokens(name: str) -> tuple[str, ...]:
    """A name's words in one form: English split and singular, a Japanese name as one piece."""
    text = unicodedata.normalize("NFKC", name).lower().strip()
    if is_japanese(text):
        for head in _HEADS:
            text = text.removeprefix(head)
        for tail in _TAILS:
            text = text.removesuffix(tail) or text
        text = _KANJI_NUMBER.sub(lambda run: f"{kanji_number(run.group()):g}", text).replace("の", "")
        return (re.sub(r"[\s・\-_「」『』。、]", "", text.translate(_KANA)),)
    words = re.findall(r"[a-z]+|\d+|[^\W\d_a-z]+", re.sub(r"'s\b", "s", text))
    kept = words
    while len(kept) > 1 and kept[0] in _ARTICLES:  # at the head only: the a of "dock A" is a label
        kept = kept[1:]
    kept = _with_digits([w for w in kept if w not in ("number", "no", "nr")] or kept)
    return tuple(w.removesuffix("s") if len(w) > 3 and not w.endswith("ss") else w for w in kept)


def _with_digits(words: list[str]) -> list[str]:
    """Number words as digits: "stand twenty three" is stand 23."""
    found: list[str] = []
    at = 0
    while at < len(words):
        for length in (2, 1):
            run = words[at : at + length]
            value = english_number(" ".join(run)) if len(run) == length and run[0] not in ("a", "an", "and") else None
            if value is not None and (length == 1 or (value > 20.0 and value % 10.0)):
                found.append(f"{value:g}")
                at += length
                break
        else:
            found.append(words[at])
            at += 1
    return found


class NameBook:
    """Every name of a site, place, zone and route, in all its languages, and the ids themselves."""

    def __init__(self, site: Site, likeness: Callable[[Sequence[str]], Likeness | None] | None = None) -> None:
        """`likeness`: makes the judge of meaning over the spoken names, where one is wanted."""
        spoken = site.spoken_names()
        kinds: tuple[tuple[Kind, Iterable[str]], ...] = (
            ("place", site.places),
            ("zone", site.zones),
            ("route", site.routes),
        )
        self.kind_of: dict[str, Kind] = {key: kind for kind, ids in kinds for key in ids}
        self.docks = frozenset(key for key, place in site.places.items() if place.dock)
        self.entries = tuple(
            entry
            for key, kind in self.kind_of.items()
            if key in spoken
            for entry in (
                *(Entry(key, kind, name) for name in spoken[key]),
                Entry(key, kind, key.replace("_", " "), spoken=False),
            )
        )
        self._tokens = {entry: tokens(entry.name) for entry in self.entries}
        self._labels = {entry: labels(" ".join(words)) for entry, words in self._tokens.items()}
        self.spoken = tuple(entry for entry in self.entries if entry.spoken)
        self._likeness = likeness([entry.name for entry in self.spoken]) if likeness is not None else None

    def find(self, words: str, kinds: frozenset[Kind]) -> Match:
        """The ids of `kinds` that `words` mean: exact names first, then names they are a part of."""
        asked = tokens(words)
        plain = tuple(t for t in asked if t not in _NEUTRAL) or asked
        entries = [entry for entry in self.entries if entry.kind in kinds]
        for wanted, spoken in itertools.product(dict.fromkeys((asked, plain)), (True, False)):
            exact = _ids(e for e in entries if e.spoken is spoken and self._tokens[e] == wanted)
            if exact:
                return Match(sure=exact)
        if len(plain) > 1 and re.search(r"\bones?$", words.strip().lower()):  # "the south one"
            plain = plain[:-1]
        part = _ids(e for e in entries if _part_of(plain, self._tokens[e]))
        if part:
            return Match(sure=part)
        for other in (_reordered, _without_endings):
            same = _ids(e for e in entries if other(plain) and other(plain) == other(self._tokens[e]))
            if same:
                return Match(sure=same)
        told = labels(" ".join(plain))
        alike = [e for e in entries if e.spoken and self._labels[e] == told]
        heard = _ids(e for e in alike if sound.same(plain, self._tokens[e]))
        if heard:
            return Match(sure=heard)
        if len(plain) == 1 and len(plain[0]) == 1 and is_japanese(plain[0]):  # 門 of 正門: one sign is asked about
            return Match(maybe=_ids(e for e in entries if plain[0] in self._tokens[e][0]))
        maybe = _ids(e for e in entries if _resembles(plain, self._tokens[e]))
        return Match(maybe=maybe or _ids(e for e in alike if sound.alike(plain, self._tokens[e])))

    def alike(self, words: str, kinds: frozenset[Kind]) -> tuple[str, ...]:
        """Ids of `kinds` that are near in meaning to words no name fits; empty where nothing judges meaning."""
        if self._likeness is None:
            return ()
        near = (self.spoken[index] for index, _ in self._likeness.nearest(words, 6))
        return _ids(entry for entry in near if entry.kind in kinds)[:3]

    def beside(self, key: str) -> tuple[str, ...]:
        """Ids of the same kind whose spoken names differ from those of `key` by their label or number only."""
        own = {unlabelled(e.name) for e in self.entries if e.id == key and e.spoken} - {""}
        same = (e for e in self.entries if e.kind == self.kind_of.get(key) and e.id != key and e.spoken)
        return _ids(e for e in same if unlabelled(e.name) in own)

    def sibling(self, words: str, sure: Sequence[str], neighbour: str) -> str | None:
        """Of several ids that a mere label means ("dock A and B", 「第1、第2ポンプ」), the one beside its neighbour."""
        if not labels(" ".join(tokens(words))):
            return None
        beside = set(self.beside(neighbour))
        fitting = [key for key in sure if key in beside]
        return fitting[0] if len(fitting) == 1 else None


def unlabelled(name: str) -> str:
    """A name without what tells it from its like; empty where there is nothing of that sort."""
    whole = " ".join(tokens(name))
    bare = re.sub(r"\d+|(?<![a-z])[a-z](?![a-z])", "", _COUNTER.sub("", whole))
    if is_japanese(whole):
        bare = bare if bare != whole else re.sub(rf"^[{_SIDES}]|(?<=.)[{_SIDES}](?=側|口)", "", whole)
    else:
        bare = " ".join(word for word in bare.split() if word not in _SIDE_WORDS)
    return " ".join(bare.split()) if bare != whole else ""


def _reordered(name: tuple[str, ...]) -> tuple[str, ...] | None:
    """A Japanese name with one number as (rest, number), so that ドック1 is 1号ドック; None for others."""
    if len(name) != 1 or not is_japanese(name[0]):
        return None
    plain = _COUNTER.sub("", name[0])
    numbers, rest = re.findall(r"\d+", plain), re.sub(r"\d+", "", plain)
    return (rest, numbers[0]) if len(numbers) == 1 and len(rest) >= 2 else None


def _without_endings(name: tuple[str, ...]) -> tuple[str, ...] | None:
    """A Japanese name without the kana after its signs, so that 受け付け is 受付; None where less than two are left."""
    signs = re.sub(r"(?<=[一-鿿])[ァ-ヶ]{1,2}", "", name[0]) if len(name) == 1 else ""
    return (signs,) if len(re.findall(r"[一-鿿]", signs)) >= 2 else None


def _ids(entries: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry.id for entry in entries))


def _part_of(words: tuple[str, ...], name: tuple[str, ...]) -> bool:
    """Whether the words stand in the name, in order and together."""
    if len(words) == 1 and len(name) == 1 and is_japanese(words[0]):
        return (
            len(words[0]) >= 2 and re.search(rf"(?<!\d(?=\d)){re.escape(words[0])}(?!(?<=\d)\d)", name[0]) is not None
        )
    return any(name[i : i + len(words)] == words for i in range(len(name) - len(words) + 1))


def _resembles(words: tuple[str, ...], name: tuple[str, ...]) -> bool:
    """Whether the words hold the whole name and more, or differ by spelling only; never by a label or a number."""
    one, other = " ".join(words), " ".join(name)
    if labels(one) != labels(other):
        return False
    if _part_of(name, words):
        return True
    if is_japanese(one) and is_japanese(other):
        return _misheard(one, other)
    return (
        difflib.SequenceMatcher(None, one, other).ratio() >= _SIMILAR
        and min(len(one), len(other)) >= 4
        and not is_japanese(one)
    )


def _misheard(one: str, other: str) -> bool:
    """Whether two Japanese names of three signs and more differ in one sign, as 性米所 does from 精米所."""
    differing = [pair for pair in zip(one, other, strict=False) if pair[0] != pair[1]]
    return len(one) == len(other) >= 3 and len(differing) == 1 and not set(differing[0]) & set(_SIDES)


def occurrences(name: str, sentence: str) -> list[tuple[int, int]]:
    """Where a name stands whole in a sentence, in any casing, in the plural too: (first, behind the last) of each."""
    if is_japanese(name):
        return [m.span() for m in re.finditer(re.escape(name), sentence)] if len(name) >= 2 else []
    if len("".join(tokens(name))) < 3:
        return []
    pattern = rf"(?<![a-z0-9]){re.escape(name)}s?(?![a-z0-9])"
    return [m.span() for m in re.finditer(pattern, sentence, re.IGNORECASE)]


def labels(text: str) -> list[str]:
    """What tells "dock A" from "dock B" and 1号 from 2号."""
    return re.findall(r"\d+|(?<![a-z])[a-z](?![a-z])", text)
