"""What a goal line leaves out of its sentence: numbers, and names of the site. A lost limit is a lost limit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from physical_ai_core.goal import Event, Step, Task
from physical_ai_planner.language.compact import Compact, Deictic, Draft, Move, Named, Plan, Pointed, Spot
from physical_ai_planner.language.names import Entry, NameBook, occurrences
from physical_ai_planner.language.taken_back import is_avoided, is_condition, is_taken_back

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_TO = re.compile(
    r"\b(?:go|going|come|get|drive|head|move|run|walk|roll|back|over|return|on|next|want|then|straight|home|round|up|down"
    r"|out|off|along)$"
)
_PERCENT = re.compile(r"\s*(?:%|percent|パーセント)")
_WHOLE = frozenset({Task.STOP, Task.RESUME, Task.CANCEL})  # "cancel the order to go to A" names A in vain


def unread_number(sentence: str, compact: Compact) -> str | None:
    """A number of the sentence that no quoted text of the goal holds (a limit lost?); None where all are used."""
    if not isinstance(compact, Plan) or all(draft.task in _WHOLE for draft in compact.drafts):
        return None
    used = " ".join([part for draft in compact.drafts for part in quoted(draft)] + [compact.again or ""])
    numbers = _NUMBER.findall(used)
    charge = any(draft.event in (Event.BATTERY_FULL, Event.BATTERY_LOW) for draft in compact.drafts)
    for found in _NUMBER.finditer(sentence):
        start, end = found.span()
        percent = charge and _PERCENT.match(sentence, end)  # "until 100 percent": the event says it
        if found.group() in numbers or percent or _is_word(sentence, start, end, compact):
            continue
        following = _NUMBER.search(sentence, end)
        if is_taken_back(sentence, start, end, following.start() if following else None):
            continue
        if not (_waits(compact) and is_condition(sentence, start, end)):
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
    entries = sorted(book.spoken, key=lambda entry: -len(entry.name))
    spans = {entry: occurrences(entry.name, sentence) for entry in entries}
    starts = sorted({first for found in spans.values() for first, _ in found})
    waits = _waits(compact)
    taboo = _avoided_target(sentence, spans, steps)
    if taboo is not None:
        return taboo
    for entry in entries:
        for first, last in spans[entry]:
            if any(first < end and start < last for start, end in used):
                continue
            used.append((first, last))  # what lies within a longer name is no name of its own
            following = next((start for start in starts if start >= last), None)
            if entry.id in aims or is_taken_back(sentence, first, last, following):
                continue
            if not (waits and is_condition(sentence, first, last)):
                return entry.name
    return None


def _avoided_target(
    sentence: str, spans: Mapping[Entry, Sequence[tuple[int, int]]], steps: Sequence[Step]
) -> str | None:
    """A name that the sentence lists among what to keep away from, and that a step is at; None where there is none."""
    targets = {getattr(step.target, "name", None) for step in steps}
    every = [span for found in spans.values() for span in found]
    for entry, found in spans.items():
        if entry.id in targets and len(found) == 1 and is_avoided(sentence, *found[0], every):
            return entry.name
    return None


def _waits(plan: Plan) -> bool:
    """Whether a step ends when the way is clear: what has to be free is then no target."""
    return any(draft.event is Event.PATH_CLEAR for draft in plan.drafts)


def _is_word(sentence: str, start: int, end: int, plan: Plan) -> bool:
    """Whether a lone digit is a texted word ("go 2 the barn", "wait 4 10 minutes") before what the line quotes."""
    digit, behind = sentence[start:end], sentence[end:]
    before = sentence[:start].rstrip().lower()
    if digit == "2" and _TO.search(before):
        texts = [draft.aim.words for draft in plan.drafts if isinstance(draft.aim, Named)]
    elif digit == "4" and re.search(r"[a-z]$", before):
        texts = [draft.duration for draft in plan.drafts if draft.duration]
    else:
        return False
    rest = re.sub(r"^\s+(?:(?:the|a|my|our)\s+)?", "", behind)
    return rest != behind and any(rest.startswith(text) and not _counts(text, digit) for text in texts)


def _counts(text: str, digit: str) -> bool:
    """Whether the digit before `text` may be its number ("4 minutes")."""
    return digit == "4" and _NUMBER.match(text) is None and not re.match(r"(?:a|an|half|one|two|ten)\b", text)


def _points(draft: Draft) -> bool:
    """Whether a step is at a place that the words before it name."""
    return isinstance(draft.aim, Pointed) and draft.aim.what in (Deictic.THERE, Deictic.OTHER)


def quoted(draft: Draft) -> list[str]:
    aim = draft.aim
    own: list[str | None] = []
    if isinstance(aim, (Named, Pointed)):
        own = [aim.words if isinstance(aim, Named) else None, aim.distance]
    elif isinstance(aim, (Move, Spot)):
        own = [aim.amount if isinstance(aim, Move) else aim.words]
    return [part for part in (*own, draft.speed, draft.clearance, *draft.avoid, draft.duration, draft.laps) if part]
