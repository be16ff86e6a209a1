"""All readings of a sentence on a site: the most probable goal lines, grounded, and held against the words they leave.

A line that leaves a number of the sentence unread is not carried out. One that leaves out a name of the site is less
probable than the model says, by LEFT_OUT: the model drops a clause more often than a person names a place in vain
("not to A but to B" does, and stays the likeliest, since every other line leaves something out too, or is unlikely).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from physical_ai_core.errors import GoalError
from physical_ai_core.goal import GoalState, Question, Refusal, RefusalReason
from physical_ai_core.site import Site
from physical_ai_planner.interpreter import Reading
from physical_ai_planner.language import words
from physical_ai_planner.language.compact import Plan, read
from physical_ai_planner.language.ground import ground
from physical_ai_planner.language.names import NameBook, is_japanese, tokens
from physical_ai_planner.language.nbest import Line

LEFT_OUT = 0.2  # factor on the probability of a line for a number or a name that it leaves out


def readings(
    sentence: str, lines: Sequence[Line], unread: float, site: Site, book: NameBook, present: str | None
) -> tuple[Reading, ...]:
    """Readings by falling probability; at least one where there is a line. `unread`: probability of all other lines."""
    found = [_reading(sentence, line, site, book, present) for line in lines]
    total = sum(reading.probability for reading in found) + max(0.0, unread)
    scaled = [r._replace(probability=r.probability / total if total > 0.0 else 0.0) for r in found]
    return tuple(sorted(scaled, key=lambda reading: -reading.probability))


def _reading(sentence: str, line: Line, site: Site, book: NameBook, present: str | None) -> Reading:
    from physical_ai_planner.language.interpreter import unread_number

    try:
        compact = read(line.line)
    except GoalError:
        refusal = words.refuse(RefusalReason.NOT_UNDERSTOOD)
        return Reading(GoalState(refusal=refusal), line.probability * LEFT_OUT, line.line)
    grounded = ground(compact, site, book, present)
    left = unread_number(sentence, compact)
    probability = line.probability * (LEFT_OUT if left is not None or _left_name(sentence, compact, book) else 1.0)
    if isinstance(grounded, Question):
        goal = GoalState(question=grounded)
    elif isinstance(grounded, Refusal):
        goal = GoalState(refusal=grounded)
    elif left is not None:
        goal = GoalState(question=words.unread(left))
    else:
        goal = GoalState(steps=grounded, queue=isinstance(compact, Plan) and compact.queue)
    return Reading(goal, probability, line.line)


def _left_name(sentence: str, compact: object, book: NameBook) -> bool:
    """Whether the sentence holds a whole name of the site that no quoted text of the plan touches."""
    if not isinstance(compact, Plan):
        return False
    quoted = _covered(sentence, compact)
    for entry in book.entries:
        for match in _occurrences(entry.name, sentence):
            if not any(first < match[1] and match[0] < last for first, last in quoted):
                return True
    return False


def _covered(sentence: str, plan: Plan) -> list[tuple[int, int]]:
    from physical_ai_planner.language.interpreter import _quoted

    pieces = [part for draft in plan.drafts for part in _quoted(draft)]
    return [(m.start(), m.end()) for piece in pieces for m in re.finditer(re.escape(piece), sentence)]


def _occurrences(name: str, sentence: str) -> list[tuple[int, int]]:
    if is_japanese(name):
        return [(m.start(), m.end()) for m in re.finditer(re.escape(name), sentence)] if len(name) >= 2 else []
    if len("".join(tokens(name))) < 3:
        return []
    pattern = rf"(?<![a-z0-9]){re.escape(name)}s?(?![a-z0-9])"
    return [(m.start(), m.end()) for m in re.finditer(pattern, sentence, re.IGNORECASE)]
