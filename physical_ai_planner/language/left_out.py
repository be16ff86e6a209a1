"""What a goal line leaves out of its sentence: numbers, and names of the site. A lost limit is a lost limit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from physical_ai_core.goal import Event, Step, Task
from physical_ai_planner.language.compact import Compact, Deictic, Draft, Move, Named, Plan, Pointed, Spot
from physical_ai_planner.language.names import NameBook, occurrences

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_TAKEN_BACK = re.compile(  # said after the words that it takes back
    r"\bno\b(?! (?:more|less|faster|slower|closer|further|farther|rush|need|hurry)\b)"
    r"|\b(?:sorry|rather|actually|instead|i mean|i meant|make (?:that|it)|correction|scratch that|forget|skip)\b"
    r"|違|ちが|じゃな|ではな|でな(?:く|い)|やっぱ|やはり|いや|間違|まちが|訂正|飛ばし|とばし|やめ",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"\s*(?:%|percent|パーセント)")
_EXCLUDED = re.compile(  # said before words that are not meant; "not through A" is a limit and means A
    r"\b(?:(?:not|don't|never)(?! (?:\w+ )?(?:through|via|into|across|over|near|past|enter)\b)"
    r"|instead of|rather than|skip|forget|except)\b[^.,;]{0,24}$",
    re.IGNORECASE,
)
_WHOLE = frozenset({Task.STOP, Task.RESUME, Task.CANCEL})  # "cancel the order to go to A" names A in vain
_REACH = 24  # characters between words and what takes them back


def unread_number(sentence: str, compact: Compact) -> str | None:
    """A number of the sentence that no quoted text of the goal holds (a limit lost?); None where all are used."""
    if not isinstance(compact, Plan) or all(draft.task in _WHOLE for draft in compact.drafts):
        return None
    used = " ".join([part for draft in compact.drafts for part in quoted(draft)] + [compact.again or ""])
    numbers = _NUMBER.findall(used)
    charge = any(draft.event in (Event.BATTERY_FULL, Event.BATTERY_LOW) for draft in compact.drafts)
    for found in _NUMBER.finditer(sentence):
        percent = charge and _PERCENT.match(sentence, found.end())  # "until 100 percent": the event says it
        if found.group() not in numbers and not percent and not _withdrawn(sentence, *found.span()):
            return found.group()
    return None


def left_name(sentence: str, compact: Compact, book: NameBook, steps: Sequence[Step]) -> str | None:
    """A name of the site in the sentence that no step uses (a place or a zone to avoid lost?); None where all are used.

    Not where the goal points back at a place ("Marie is at the barn, go there"), nor where the name was taken back.
    """
    if not isinstance(compact, Plan) or any(_points(draft) or draft.task in _WHOLE for draft in compact.drafts):
        return None
    pieces = [part for draft in compact.drafts for part in quoted(draft)]
    used = [m.span() for piece in pieces for m in re.finditer(re.escape(piece), sentence)]
    aims = {getattr(step.target, "name", None) for step in steps} | {z for step in steps for z in step.limits.keep_out}
    for entry in sorted(book.spoken, key=lambda entry: -len(entry.name)):
        for first, last in occurrences(entry.name, sentence):
            if any(first < end and start < last for start, end in used):
                continue
            used.append((first, last))  # what lies within a longer name is no name of its own
            if entry.id not in aims and not _withdrawn(sentence, first, last):
                return entry.name
    return None


def _points(draft: Draft) -> bool:
    """Whether a step is at a place that the words before it name."""
    return isinstance(draft.aim, Pointed) and draft.aim.what in (Deictic.THERE, Deictic.OTHER)


def _withdrawn(sentence: str, start: int, end: int) -> bool:
    """Whether the speaker took these words back: "2, no, 3 laps", 「2周、やっぱり3周」, "dock 3, not 2"."""
    after = sentence[end : end + _REACH]
    following = _NUMBER.search(after)
    before = sentence[max(0, start - _REACH) : start]
    taken_back = _TAKEN_BACK.search(after[: following.start()] if following else after)
    return taken_back is not None or _EXCLUDED.search(before) is not None


def quoted(draft: Draft) -> list[str]:
    aim = draft.aim
    own: list[str | None] = []
    if isinstance(aim, (Named, Pointed)):
        own = [aim.words if isinstance(aim, Named) else None, aim.distance]
    elif isinstance(aim, (Move, Spot)):
        own = [aim.amount if isinstance(aim, Move) else aim.words]
    return [part for part in (*own, draft.speed, draft.clearance, *draft.avoid, draft.duration, draft.laps) if part]
