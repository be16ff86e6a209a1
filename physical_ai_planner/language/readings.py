"""All readings of a sentence on a site: the most probable goal lines, grounded, and held against the words they leave.

A line that leaves a number or a name of the site unread, or takes words for an amount that are none, is not carried
out, and is less probable than the model says, by MISREAD: the model drops a clause, or quotes a word too many, more
often than a person says a number or a place in vain. (Who says "not to A but to B" takes A back: that leaves nothing.)
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
from physical_ai_planner.language.left_out import left_name, unread_number
from physical_ai_planner.language.names import NameBook
from physical_ai_planner.language.nbest import Line
from physical_ai_planner.language.widen import widened

MISREAD = 0.05  # factor on the probability of a line that leaves words out, or whose amounts are none
UNSAID = 0.3  # factor on one that is slow without a word for it, beside the same line without
_THERE = re.compile(r"\bthere\b|そこ|そちら", re.IGNORECASE)
_HERE = re.compile(r"\b(?:here|there(?:'s| is| are| was))\b|ここ|その場", re.IGNORECASE)
_PACE = re.compile(
    r"\b(?:slow|care|caut|gentl|gingerl|crawl|creep|inch|tip-?toe|eas(?:y|e|ily)|stead|calm|quiet|soft|smooth|delicate"
    r"|leisure|relax|stroll|snail|tortoise|turtle|walk|pace|speed|fast|quick|rush|hurr|rac(?:e|ing)|haste|time|watch"
    r"|mind|pussyfoot|low|reduc|throttle|nice|safe|attent|alert|fragile|prudent|brisk|dawdl|amble|loiter)"
    r"|ゆっく|ゆっ+くり|ゆる|緩|そろ|徐|のろ|のんびり|慎重|注意|気を|気遣|丁寧|ていねい|静|しずか|そっ|そうっ|低速|スロー|遅|おそ"
    r"|急|いそ|あわて|慌て|落と|落ち着|おちつ|穏|おだやか|じわ|じっくり|焦|あせ|速|はや|早|スピード|ペース|安全|忍|優し|やさし"
    r"|ソフト|歩く|用心|余裕|とろとろ|ちんたら|ぼちぼち|まったり|減",
    re.IGNORECASE,
)


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
    found = _unhurried(sentence, [_reading(sentence, line, site, book, present) for line in flat])
    found = _at_place(sentence, found, present)
    total = sum(reading.probability for reading in found) + max(0.0, unread) ** (1.0 / temperature)
    scaled = [r._replace(probability=r.probability / total if total > 0.0 else 0.0) for r in found]
    return tuple(sorted(scaled, key=lambda reading: -reading.probability))


def _unhurried(sentence: str, found: list[Reading]) -> list[Reading]:
    """The readings, those less probable that are slow where nobody said so and another one differs by that alone."""
    if _PACE.search(sentence):
        return found
    lines = {reading.line for reading in found}
    return [
        r._replace(probability=r.probability * UNSAID) if r.line.replace(" slow", "") in lines - {r.line} else r
        for r in found
    ]


def _at_place(sentence: str, found: list[Reading], present: str | None) -> list[Reading]:
    """The readings, one that does something "there" at once being the same as one that goes there first.

    Where the robot stands at the present place already, the way there is none.
    """
    if present is None or _HERE.search(sentence) or not _THERE.search(sentence):
        return found
    goals = {reading.line: reading.goal for reading in found}
    return [r._replace(goal=goals.get(f"go there; {r.line}", r.goal)) for r in found]


def _reading(sentence: str, line: Line, site: Site, book: NameBook, present: str | None) -> Reading:
    try:
        compact = widened(read(line.line), sentence, book)
        grounded = ground(compact, site, book, present)
    except (GoalError, ValueError):  # not in the form, or no step that the schema allows
        refusal = words.refuse(RefusalReason.NOT_UNDERSTOOD)
        return Reading(GoalState(refusal=refusal), line.probability * MISREAD, line.line)
    left = unread_number(sentence, compact)
    if left is None and isinstance(grounded, tuple):
        left = left_name(sentence, compact, book, grounded)
    misread = left is not None or (isinstance(grounded, Question) and words.is_unread(grounded))
    probability = line.probability * (MISREAD if misread else 1.0)
    if isinstance(grounded, Question):
        goal = GoalState(question=grounded)
    elif isinstance(grounded, Refusal):
        goal = GoalState(refusal=grounded)
    elif left is not None:
        goal = GoalState(question=words.unread(left))
    else:
        goal = GoalState(steps=grounded, queue=isinstance(compact, Plan) and compact.queue)
    return Reading(goal, probability, line.line)
