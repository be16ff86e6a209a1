"""All readings of a sentence on a site: the most probable goal lines, grounded, and held against the words they leave.

A line that leaves a number of the sentence unread is not carried out. One that leaves out a name of the site is less
probable than the model says, by LEFT_OUT: the model drops a clause more often than a person names a place in vain
("not to A but to B" does, and stays the likeliest, since every other line leaves something out too, or is unlikely).
"""

from __future__ import annotations

from collections.abc import Sequence

from physical_ai_core.errors import GoalError
from physical_ai_core.goal import GoalState, Question, Refusal, RefusalReason
from physical_ai_core.site import Site
from physical_ai_planner.interpreter import Reading
from physical_ai_planner.language import words
from physical_ai_planner.language.compact import Plan, read
from physical_ai_planner.language.ground import ground
from physical_ai_planner.language.left_out import leaves_name, unread_number
from physical_ai_planner.language.names import NameBook
from physical_ai_planner.language.nbest import Line
from physical_ai_planner.language.widen import widened

LEFT_OUT = 0.2  # factor on the probability of a line for a number or a name that it leaves out


def readings(
    sentence: str,
    lines: Sequence[Line],
    unread: float,
    site: Site,
    book: NameBook,
    present: str | None,
    temperature: float = 1.0,
) -> tuple[Reading, ...]:
    """Readings by falling probability, one a line.

    `unread`: probability of all other lines; `temperature`: above 1 the model is too sure of itself.
    """
    flat = [line._replace(probability=line.probability ** (1.0 / temperature)) for line in lines]
    found = [_reading(sentence, line, site, book, present) for line in flat]
    total = sum(reading.probability for reading in found) + max(0.0, unread) ** (1.0 / temperature)
    scaled = [r._replace(probability=r.probability / total if total > 0.0 else 0.0) for r in found]
    return tuple(sorted(scaled, key=lambda reading: -reading.probability))


def _reading(sentence: str, line: Line, site: Site, book: NameBook, present: str | None) -> Reading:
    try:
        compact = widened(read(line.line), sentence, book)
        grounded = ground(compact, site, book, present)
    except (GoalError, ValueError):  # not in the form, or no step that the schema allows
        refusal = words.refuse(RefusalReason.NOT_UNDERSTOOD)
        return Reading(GoalState(refusal=refusal), line.probability * LEFT_OUT, line.line)
    left = unread_number(sentence, compact)
    doubted = left is not None or leaves_name(sentence, compact, book)
    probability = line.probability * (LEFT_OUT if doubted else 1.0)
    if isinstance(grounded, Question):
        goal = GoalState(question=grounded)
    elif isinstance(grounded, Refusal):
        goal = GoalState(refusal=grounded)
    elif left is not None:
        goal = GoalState(question=words.unread(left))
    else:
        goal = GoalState(steps=grounded, queue=isinstance(compact, Plan) and compact.queue)
    return Reading(goal, probability, line.line)
