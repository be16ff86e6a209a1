"""Reads files of sayings: whole sentences with slots, and the goal line of each.

    (swing|drop) by {p}, have a look round and be back => go <p>; inspect there; go start
    {d} behind {p}, that's where I want you => go <p> behind <d>
    follow the white van until your battery is low => follow vehicle until low

A slot is filled anew for every draw: `p` a place, `z` a zone, `r` a route, `t` a duration, `d` a length, `a` an angle,
`v` a speed, `n` laps, `k` how often, `x` a point of the map; a digit tells several apart (`p`, `p2`). In the goal line
`<p>` quotes what fills the slot, any other `<words>` quote words of the sentence. `(a|b|)` are alternatives, `#` begins
a remark.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from physical_ai_core.errors import GoalError, InputError
from physical_ai_core.goal import Task
from physical_ai_learning.language import amounts, names
from physical_ai_learning.language.clause import Sentence, clause, quote
from physical_ai_learning.language.phrases import Chance, Phrases
from physical_ai_planner.language.compact import Plan, read

FOLDER: Final = Path(__file__).parent
_SLOT = re.compile(r"\{([a-z]\d?)\}")
_QUOTED = re.compile(r"<([^<>]+)>")
_NAMES: Final = {"p": "place", "z": "zone", "r": "route"}
_AMOUNTS: Final[dict[str, dict[str, amounts.Maker]]] = {
    "en": {"t": amounts.duration_en, "d": amounts.length_en, "a": amounts.angle_en, "v": amounts.speed_en,
           "n": amounts.laps_en, "k": amounts.times_en},
    "ja": {"t": amounts.duration_ja, "d": amounts.length_ja, "a": amounts.angle_ja, "v": amounts.speed_ja,
           "n": amounts.laps_ja, "k": amounts.times_ja},
}  # fmt: skip
_POINTS: Final = {"en": amounts.point_en, "ja": amounts.point_ja}
JOINED: Final = 0.1  # share of draws that are two sayings
WHOLE: Final = frozenset({Task.STOP, Task.RESUME, Task.CANCEL})  # orders with nothing before or behind them
SLOTS: Final = frozenset("pzrtdavnkx")


@dataclass(frozen=True)
class Saying:
    """One line of a file."""

    text: str
    goal: str


@cache
def sayings(language: str) -> tuple[Saying, ...]:
    """All sayings of a language ("en", "ja"): the lines of the files `LANGUAGE_*.txt`. Raises InputError."""
    return tuple(s for file in sorted(FOLDER.glob(f"{language}_*.txt")) for s in read_file(file))


def read_file(path: Path) -> list[Saying]:
    """The sayings of one file, each checked. Raises InputError that names the line."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        text, arrow, goal = (part.strip() for part in line.partition("=>"))
        wrong = _wrong(text, goal) if arrow else "it has no '=>'"
        if wrong:
            raise InputError(f"{path.name}, line {number}: {wrong}: {line!r:.200}", "Mend the line.")
        found.append(Saying(text, goal))
    return found


def _wrong(text: str, goal: str) -> str | None:
    """What keeps a line from being a saying."""
    slots = set(_SLOT.findall(text))
    if not text or "<" in text or ">" in text:
        return "the sentence is empty, or holds angle brackets"
    if text.count("(") != text.count(")") or re.search(r"\([^()]*\(", text):
        return "its brackets do not close, or stand within each other"
    if unknown := {s for s in slots if s[0] not in SLOTS} | set(re.findall(r"\{[^}]*\}", _SLOT.sub("", text))):
        return f"there is no slot {sorted(unknown)}"
    try:
        read(_QUOTED.sub("<w>", goal))
    except GoalError as error:
        return str(error)
    for words in _QUOTED.findall(goal):
        if words not in slots and (_is_slot(words) or words not in text):
            return f"<{words}> is neither a slot of the sentence nor words of it"
    idle = {s for s in slots if s[0] in "tdavnkx" and f"<{s[0]}" not in goal}  # one of a kind may be taken back
    if idle and not goal.startswith(("ask ", "no ")):
        return f"the goal leaves out {sorted(idle)}"
    return None


def _is_slot(words: str) -> bool:
    return len(words) <= 2 and words[0] in SLOTS and (len(words) == 1 or words[1].isdigit()) and words.isascii()


class Sayer:
    """Draws sayings of one language; `name` gives (text with article and marks, words) for a kind of name."""

    def __init__(self, chance: Chance, language: str, name: Callable[[str], tuple[str, str]]) -> None:
        self.c, self.language, self._name = chance, language, name
        said = sayings(language)
        self._goals = {s.text: s.goal for s in said}
        self._texts = Phrases([s.text for s in said]) if said else None

    @property
    def empty(self) -> bool:
        return self._texts is None

    def sentence(self, joins: Phrases) -> Sentence:
        """A saying, or now and then two orders joined."""
        first = self.say()
        if not self.c.under(JOINED) or first.reply or first.again or first.drafts[-1].task in WHOLE:
            return first
        for _ in range(8):
            then = self.say()
            if not (then.reply or then.queue or then.again or then.drafts[0].task in WHOLE):
                text = first.text.rstrip(".。!?") + self.c.pick(joins) + then.text
                return replace(first, text=text, drafts=first.drafts + then.drafts)
        return first

    def say(self) -> Sentence:
        """A saying with its slots filled."""
        assert self._texts is not None
        text, template = self.c.pick_with_text(self._texts)
        goal = self._goals[template]
        filled: dict[str, str] = {}
        for slot in dict.fromkeys(_SLOT.findall(template)):
            before, words, after = self._fill(slot, filled)
            filled[slot] = words
            text = text.replace(f"{{{slot}}}", before + after)
        line = _QUOTED.sub(lambda m: f"<{filled.get(m.group(1), m.group(1))}>", goal)
        for words in _QUOTED.findall(goal):
            if words not in filled:
                text = text.replace(words, quote(words), 1)
        plan = read(line)
        if not isinstance(plan, Plan):
            return Sentence(text, (), goal, reply=goal, plain=goal == "no unclear" and self.c.under(0.7))
        return Sentence(clause(0, text), plan.drafts, "saying", queue=plan.queue, again=plan.again)

    def _fill(self, slot: str, filled: dict[str, str]) -> tuple[str, str, str]:
        """What a slot says: marked text, the words that are quoted, and what stands behind them."""
        kind = slot[0]
        if kind in _NAMES:
            for _ in range(20):
                text, words = self._name(_NAMES[kind])
                if not any(words in w or w in words for w in filled.values()):
                    break
            return text, words, ""
        if kind == "x":
            before, words, after = _POINTS[self.language](self.c)
            return before + quote(words), words, after
        words = _AMOUNTS[self.language][kind](self.c)
        return quote(words), words, ""


def main() -> None:
    """Check files and print what they say: `python -m physical_ai_learning.language.sayings.book FILE…`."""
    import random
    import sys

    from physical_ai_learning.language.clause import unmarked

    for path in map(Path, sys.argv[1:]):
        said = read_file(path)
        japanese = path.name.startswith("ja")
        chance = Chance(random.Random(0), "all")

        def plain(kind: str, c: Chance = chance, japanese: bool = japanese) -> tuple[str, str]:
            word, article = (names.japanese(c, kind), False) if japanese else names.english(c, kind)
            return ("the " if article else "") + quote(word), word

        sayer = Sayer(chance, "ja" if japanese else "en", plain)
        sayer._goals = {s.text: s.goal for s in said}
        sayer._texts = Phrases([s.text for s in said], shared=True)
        from physical_ai_planner.language.compact import write

        for _ in range(12):
            s = sayer.say()
            print(unmarked(s.text), "=>", s.reply or write(Plan(s.drafts, s.queue, s.again)))
        print(f"{path.name}: {len(said)} sayings, {len({s.text for s in said})} different")


if __name__ == "__main__":
    main()
