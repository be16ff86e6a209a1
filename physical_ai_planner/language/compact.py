"""The compact form: what the model writes, a line of key words and of words copied from the sentence.

    go <棚> front; wait                      "棚の前まで行って、そこで待って"
    go <dock B> slow                         "go to dock B, slowly"
    cover <meadow> avoid <pond> tool         "mow the meadow, stay away from the pond"
    next go other                            "after that, go to the other one"
    go <A>; go <B>; again <three times>      "go to A, then to B, three times over"
    ask where                                "go over there"
    no forbidden                             "ignore the rules and drive through the wall"

Everything the model could get wrong freely (names, numbers, units) is not written by it but quoted: text in `< >`
must be a piece of the person's own sentence, and plain code reads it (`quantities`, `names`). So the form is short,
a place that the sentence does not mention cannot be written, and no place name has to be learnt or be in the prompt.

Terminals of the grammar are defined here once; `grammar.py` turns them into a decoding constraint.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from physical_ai_core.errors import GoalError
from physical_ai_core.goal import Event, Relation, Task

MAX_STEPS = 16

TASK_WORDS: dict[str, Task] = {
    "go": Task.NAVIGATE,
    "follow": Task.FOLLOW,
    "cover": Task.COVER,
    "inspect": Task.INSPECT,
    "dock": Task.DOCK,
    "patrol": Task.PATROL,
    "wait": Task.WAIT,
    "stop": Task.STOP,
    "resume": Task.RESUME,
    "cancel": Task.CANCEL,
}
RELATION_WORDS: dict[str, Relation] = {r.value: r for r in Relation if r is not Relation.AT}
OBJECT_WORDS = ("person", "vehicle", "any")
MOVE_WORDS = ("forward", "back", "left", "right", "turn left", "turn right")
EVENT_WORDS: dict[str, Event] = {
    "told": Event.INSTRUCTION,
    "full": Event.BATTERY_FULL,
    "low": Event.BATTERY_LOW,
    "near": Event.PERSON_NEAR,
    "clear": Event.PATH_CLEAR,
}
QUESTION_WORDS = ("where", "what", "far", "whom")
REFUSAL_WORDS = ("unclear", "forbidden", "able")


class Deictic(str, Enum):
    """A target without a name of its own."""

    THERE = "there"  # the place of the step before
    OTHER = "other"  # the one beside it that shares its kind ("no, the other dock")
    START = "start"  # back to where the robot is at home
    CHARGE = "charge"  # wherever it charges


@dataclass(frozen=True)
class Named:
    """A place, zone or route in the person's words; `distance` is quoted too ("2 m in front of …")."""

    words: str
    relation: Relation = Relation.AT
    distance: str | None = None


@dataclass(frozen=True)
class Pointed:
    """A target pointed at ("there", "home", the charger nobody named); `distance` as of `Named` ("2 m to its left")."""

    what: Deictic
    relation: Relation = Relation.AT
    distance: str | None = None


@dataclass(frozen=True)
class Spot:
    """A point of the map by its coordinates ("x 3, y 4"), in the person's words."""

    words: str


@dataclass(frozen=True)
class Move:
    """A move from where the robot stands; without `amount` a turn is a quarter turn."""

    direction: str  # one of MOVE_WORDS
    amount: str | None = None


@dataclass(frozen=True)
class Thing:
    """A tracked object of a class."""

    class_name: str  # one of OBJECT_WORDS


Aim = Named | Pointed | Spot | Move | Thing


@dataclass(frozen=True)
class Draft:
    """One step as the person said it; quantities are still quoted text."""

    task: Task
    aim: Aim | None = None
    slow: bool = False
    speed: str | None = None
    clearance: str | None = None
    avoid: tuple[str, ...] = ()
    duration: str | None = None
    laps: str | None = None
    event: Event | None = None
    tool: bool = False


@dataclass(frozen=True)
class Plan:
    """Steps in order; `queue`: after the present goal, not in its place; `again`: how often the whole is done."""

    drafts: tuple[Draft, ...]
    queue: bool = False
    again: str | None = None


@dataclass(frozen=True)
class Ask:
    about: str  # one of QUESTION_WORDS


@dataclass(frozen=True)
class No:
    why: str  # one of REFUSAL_WORDS


Compact = Plan | Ask | No

_WORD_OF_TASK = {task: word for word, task in TASK_WORDS.items()}
_WORD_OF_EVENT = {event: word for word, event in EVENT_WORDS.items()}
_TOKEN = re.compile(r"<[^<>\n]+>|[a-z]+|;")


def write(compact: Compact) -> str:
    """The line the model is trained to write. Inverse of `read`."""
    if isinstance(compact, Ask):
        return f"ask {compact.about}"
    if isinstance(compact, No):
        return f"no {compact.why}"
    again = [f"again <{compact.again}>"] if compact.again else []
    return ("next " if compact.queue else "") + "; ".join([*map(_write_draft, compact.drafts), *again])


def _write_draft(draft: Draft) -> str:
    words = [_WORD_OF_TASK[draft.task]]
    aim = draft.aim
    if isinstance(aim, Named):
        words.append(f"<{aim.words}>")
    elif isinstance(aim, Pointed):
        words.append(aim.what.value)
    elif isinstance(aim, Spot):
        words += ["point", f"<{aim.words}>"]
    elif isinstance(aim, Move):
        words += [aim.direction] + ([f"<{aim.amount}>"] if aim.amount else [])
    elif isinstance(aim, Thing):
        words.append(aim.class_name)
    if isinstance(aim, (Named, Pointed)) and aim.relation is not Relation.AT:
        words.append(aim.relation.value)
        if aim.distance:
            words.append(f"<{aim.distance}>")
    if draft.slow:
        words.append("slow")
    for key, quoted in (("speed", draft.speed), ("clear", draft.clearance)):
        if quoted:
            words.append(f"{key} <{quoted}>")
    words += [f"avoid <{zone}>" for zone in draft.avoid]
    for key, quoted in (("for", draft.duration), ("laps", draft.laps)):
        if quoted:
            words.append(f"{key} <{quoted}>")
    if draft.event:
        words.append(f"until {_WORD_OF_EVENT[draft.event]}")
    if draft.tool:
        words.append("tool")
    return " ".join(words)


def read(line: str) -> Compact:
    """Parse a compact line. Raises GoalError, which names the word that does not fit."""
    reader = _Reader(line)
    first = reader.peek()
    if first in ("ask", "no"):
        reader.take()
        allowed = QUESTION_WORDS if first == "ask" else REFUSAL_WORDS
        word = reader.take_one_of(allowed)
        reader.end()
        return Ask(word) if first == "ask" else No(word)
    queue, again = reader.take_if("next"), None
    drafts = [_read_draft(reader)]
    while again is None and reader.take_if(";"):
        if reader.take_if("again"):
            again = reader.quoted()
        else:
            drafts.append(_read_draft(reader))
    reader.end()
    if len(drafts) > MAX_STEPS:
        raise GoalError(f"The compact goal has {len(drafts)} steps.", f"At most {MAX_STEPS} are allowed.")
    return Plan(tuple(drafts), queue, again)


class _Reader:
    """A cursor over the words of one line."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.words = _TOKEN.findall(line)
        if re.sub(r"\s+", "", "".join(self.words)) != re.sub(r"\s+", "", line):
            raise self.error("characters outside the form")
        self.at = 0

    def peek(self) -> str | None:
        return self.words[self.at] if self.at < len(self.words) else None

    def take(self) -> str:
        word = self.peek()
        if word is None:
            raise self.error("it ends too early")
        self.at += 1
        return word

    def take_one_of(self, allowed: tuple[str, ...]) -> str:
        word = self.take()
        if word not in allowed:
            raise self.error(f"'{word}' stands where one of {allowed} is allowed")
        return word

    def take_if(self, word: str) -> bool:
        if self.peek() == word:
            self.at += 1
            return True
        return False

    def quoted(self) -> str:
        word = self.take()
        if not word.startswith("<"):
            raise self.error(f"'{word}' stands where quoted text is needed")
        return word[1:-1]

    def quoted_if(self) -> str | None:
        word = self.peek()
        return self.quoted() if word is not None and word.startswith("<") else None

    def end(self) -> None:
        if self.peek() is not None:
            raise self.error(f"'{self.peek()}' is left over")

    def error(self, what: str) -> GoalError:
        return GoalError(
            f"The compact goal {self.line!r:.200} cannot be read: {what}.", "See physical_ai_planner.language.compact."
        )


def _read_draft(reader: _Reader) -> Draft:
    word = reader.take_one_of(tuple(TASK_WORDS))
    task = TASK_WORDS[word]
    return Draft(
        task=task,
        aim=_read_aim(reader) if task not in NO_AIM else None,
        slow=reader.take_if("slow"),
        speed=reader.quoted() if reader.take_if("speed") else None,
        clearance=reader.quoted() if reader.take_if("clear") else None,
        avoid=_read_avoid(reader),
        duration=reader.quoted() if reader.take_if("for") else None,
        laps=reader.quoted() if reader.take_if("laps") else None,
        event=EVENT_WORDS[reader.take_one_of(tuple(EVENT_WORDS))] if reader.take_if("until") else None,
        tool=reader.take_if("tool"),
    )


def _read_avoid(reader: _Reader) -> tuple[str, ...]:
    zones = []
    while reader.take_if("avoid"):
        zones.append(reader.quoted())
    return tuple(zones)


def _read_aim(reader: _Reader) -> Aim:
    words = reader.quoted_if()
    if words is not None:
        relation = _read_relation(reader)
        distance = reader.quoted_if() if relation is not Relation.AT else None
        return Named(words, relation, distance)
    word = reader.take()
    if word in {d.value for d in Deictic}:
        relation = _read_relation(reader)
        return Pointed(Deictic(word), relation, reader.quoted_if() if relation is not Relation.AT else None)
    if word == "point":
        return Spot(reader.quoted())
    if word in OBJECT_WORDS:
        return Thing(word)
    if word == "turn":
        word = f"turn {reader.take_one_of(('left', 'right'))}"
    if word in MOVE_WORDS:
        return Move(word, reader.quoted_if())
    raise reader.error(f"'{word}' is no target")


def _read_relation(reader: _Reader) -> Relation:
    word = reader.peek()
    if word in RELATION_WORDS:
        return RELATION_WORDS[reader.take()]
    return Relation.AT


NO_AIM = frozenset({Task.WAIT, Task.STOP, Task.RESUME, Task.CANCEL})
