"""Ranges in a person's words: "rows 4 to 7" and 1号から3号 mean each of them, also those that nobody named.

The model quotes the range as it stands; which names lie between its ends, the site decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from physical_ai_planner.language.names import Kind, NameBook, labels, tokens, unlabelled

MOST = 12  # longer ranges are asked about
_BETWEEN = re.compile(r"\s*(?:\b(?:up )?(?:to|through|thru|till|until)\b|から|ないし|[〜～~–-])\s*", re.IGNORECASE)
_END = re.compile(r"\s*まで$")


def spread(words: str, kinds: frozenset[Kind], book: NameBook) -> tuple[str, ...]:
    """Ids from the first to the last of a quoted range, in the order said; empty where `words` are no range of names
    that differ by one number or letter, or where either end is not of the site."""
    sides = _BETWEEN.split(_END.sub("", words.strip()))
    if len(sides) != 2 or not all(sides) or book.find(words, kinds).sure:
        return ()
    ends = [_label(side) for side in sides]
    if "" in ends or ends[0].isdigit() != ends[1].isdigit():
        return ()
    families = [_families(book, book.find(side, kinds).sure) for side in sides]
    found = {_members(book, kinds, family, *ends) for family in families[0] & families[1]} - {()}
    return found.pop() if len(found) == 1 else ()


def _members(book: NameBook, kinds: frozenset[Kind], family: str, first: str, last: str) -> tuple[str, ...]:
    """Ids of one family of names from label to label; empty where it lacks either."""
    own = [e for e in book.spoken if e.kind in kinds and unlabelled(e.name) == family and _label(e.name)]
    ranks = {_rank(_label(entry.name)): entry.id for entry in own}
    low, high = sorted((_rank(first), _rank(last)))
    if low == high or low not in ranks or high not in ranks:
        return ()
    every = sorted((rank for rank in ranks if low <= rank <= high), reverse=_rank(last) < _rank(first))
    return tuple(ranks[rank] for rank in every) if len(every) <= MOST else ()


def _label(words: str) -> str:
    """The one number or letter in them; empty where there is none, or several."""
    found = labels(" ".join(tokens(words)))
    return found[0] if len(found) == 1 else ""


def _families(book: NameBook, ids: Iterable[str]) -> set[str]:
    wanted = set(ids)
    return {unlabelled(entry.name) for entry in book.spoken if entry.id in wanted} - {""}


def _rank(label: str) -> int:
    """Numbers by their value, letters by the alphabet; the two never meet in one range."""
    return int(label) if label.isdigit() else ord(label)
