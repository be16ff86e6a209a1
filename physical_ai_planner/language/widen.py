"""A quoted name that stands inside a longer name of the site, which the sentence holds whole: the longer one is meant.

The model sometimes quotes 置き場 of ロボット置き場, or "dock" of "supply dock". The sentence decides. Where it holds
several such names (船 of 船首 and 船尾), the one that the line does not quote anyhow is meant. In the same way "once"
of "once all the way round" is the whole turn, `dock` at a place that has a dock is done there, and a wait behind a wait
is no step of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from physical_ai_core.goal import Relation, Task
from physical_ai_planner.language.compact import Compact, Deictic, Draft, Move, Named, Plan, Pointed
from physical_ai_planner.language.names import NameBook, occurrences

_CHARGE = re.compile(r"charg|plug|power|batter|juice|top[ -]up|充電|給電|電池|バッテリ", re.IGNORECASE)
_IN_NAME = {
    Relation.FRONT: re.compile(r"前$|\bfront\b", re.IGNORECASE),
    Relation.BEHIND: re.compile(r"(?:裏|後ろ)$|\b(?:rear|back)\b", re.IGNORECASE),
    Relation.NEAR: re.compile(r"(?:横|脇|そば)$|\bside\b", re.IGNORECASE),
}
_FULL_TURN = re.compile(r"(?:once )?all the way a?round(?: once)?|ぐるっと一周|ぐるりと?一周", re.IGNORECASE)


def widened(compact: Compact, sentence: str, book: NameBook) -> Compact:
    """`compact` with its quoted names as long as the sentence has them, and the other steps as it has them."""
    if not isinstance(compact, Plan):
        return compact
    names = [span for entry in book.spoken for span in occurrences(entry.name, sentence)]
    told = {draft.aim.words for draft in compact.drafts if isinstance(draft.aim, Named)}

    def wide(words: str) -> str:
        return _whole(words, sentence, names, told)

    called = {(entry.name, entry.id) for entry in book.spoken}
    drafts = [_widened(draft, wide, called) if names else draft for draft in compact.drafts]
    drafts = _docked_there(_once([_turned(draft, sentence) for draft in drafts]), sentence, book)
    return replace(compact, drafts=tuple(drafts))


def _widened(draft: Draft, wide: Callable[[str], str], called: set[tuple[str, str]]) -> Draft:
    aim = draft.aim
    if isinstance(aim, Named):
        whole = wide(aim.words)
        inside = _IN_NAME.get(aim.relation)
        same = any(name == whole and (aim.words, key) in called for name, key in called)
        if not same and whole != aim.words and not aim.distance and inside is not None and inside.search(whole):
            aim = Named(whole)  # 冷蔵庫前 is a name, and not that of 冷蔵庫: its 前 is no relation
        else:
            aim = replace(aim, words=whole)
    return replace(draft, aim=aim, avoid=tuple(wide(words) for words in draft.avoid))


def _turned(draft: Draft, sentence: str) -> Draft:
    """A turn whose amount is a piece of "all the way round" is that whole turn."""
    aim = draft.aim
    if isinstance(aim, Move) and aim.amount and aim.direction.startswith("turn"):
        full = _FULL_TURN.search(sentence)
        if full is not None and aim.amount in [*full.group().split(), "once"]:
            return replace(draft, aim=replace(aim, amount=full.group()))
    return draft


def _once(drafts: list[Draft]) -> list[Draft]:
    """Without a wait of no end behind a wait: standing on is no step of its own."""
    kept: list[Draft] = []
    for draft in drafts:
        if not (kept and draft == Draft(Task.WAIT) and kept[-1].task is Task.WAIT):
            kept.append(draft)
    return kept


def _docked_there(drafts: list[Draft], sentence: str, book: NameBook) -> list[Draft]:
    """`dock` behind going to a place with a dock means that dock, where nobody speaks of charging."""
    if _CHARGE.search(sentence):
        return drafts
    found = list(drafts)
    for at in range(1, len(found)):
        before, aim = found[at - 1], found[at].aim
        if found[at].task is not Task.DOCK or found[at].event is not None or before.task is not Task.NAVIGATE:
            continue
        if aim == Pointed(Deictic.CHARGE) and isinstance(before.aim, Named):
            sure = book.find(before.aim.words, frozenset({"place"})).sure
            if len(sure) == 1 and sure[0] in book.docks:
                found[at] = replace(found[at], aim=Pointed(Deictic.THERE))
    return found


def _whole(words: str, sentence: str, names: list[tuple[int, int]], told: set[str]) -> str:
    """The one longer name that every occurrence of `words` lies in; of several the one not `told`; else `words`."""
    found: set[str] = set()
    for spot in re.finditer(re.escape(words), sentence):
        around = [(a, b) for a, b in names if a <= spot.start() and spot.end() <= b]
        longest = max(around, key=lambda span: span[1] - span[0], default=spot.span())
        found.add(sentence[slice(*longest)])
    if len(found) > 1 and words not in found:
        found -= told
    return found.pop() if len(found) == 1 else words
