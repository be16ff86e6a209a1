"""Answers to an open question: which of its options a few words name, and the asked goal completed with it.

Only an answer that is nothing but a choice counts ("B", "the first one", 「最初の方」, 「Aの方」, the option's name);
whatever says more is a sentence of its own. Plain matching, no model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from physical_ai_core.errors import GoalError
from physical_ai_core.goal import GoalState, Question
from physical_ai_core.site import Site
from physical_ai_planner.interpreter import Reading
from physical_ai_planner.language.compact import Draft, Named, Plan, Pointed, read, write
from physical_ai_planner.language.ground import ground
from physical_ai_planner.language.names import Kind, NameBook, tokens
from physical_ai_planner.scripted import plain

_ORDINALS = (
    "1|one|first|former|number one|最初|一番目|1番目|一つ目|1つ目|ひとつ目|前者|1番|一番|一",
    "2|two|second|number two|二番目|2番目|二つ目|2つ目|ふたつ目|2番|二番|二",
    "3|three|third|number three|三番目|3番目|三つ目|3つ目|みっつ目|3番|三番|三",
    "4|four|fourth|四番目|4番目|四つ目|4つ目|4番|四番|四",
    "5|five|fifth|五番目|5番目|五つ目|5つ目|5番|五番|五",
    "6|six|sixth|六番目|6番目|六つ目|6つ目|6番|六番|六",
)
_PLACE_OF = {word: index for index, words in enumerate(_ORDINALS) for word in words.split("|")}
_LAST = frozenset(("last", "latter", "最後", "後者", "後の"))
_NONE = frozenset(
    word
    for words in ("neither|none|neither of them|none of them", "どちらでもない|どれでもない|どちらも違う|どっちも違う")
    for word in words.split("|")
)
_HEAD = re.compile(
    r"^(?:(?:no|uh|um|er|well|i mean|i meant|i said|the|it s|its|that s|option|please)\b"
    r"|いや|えーと|ええと|あの|じゃあ|では)\s*"
)
_TAIL = re.compile(
    r"\s*(?:\b(?:one|please|then|thanks|thank you)|お願いします|おねがいします|にしてください|にして|ください|頼む"
    r"|の(?:方|ほう)|でいい|です|だよ|だ|ね|よ|で|を|に|へ)$"
)
_CORRECTION = re.compile(
    r"^\s*(?:no\b(?!\s+one)|nope\b|not that\b|sorry\b|wait,? no\b|i meant?\b|actually\b|wrong\b|いや|違う|違います"
    r"|ちがう|そうじゃな|じゃなくて|ではなく|間違え|まちがえ|ごめん|すみません、?(?:違|間違))",
    re.IGNORECASE,
)
NEITHER = -1


@dataclass(frozen=True)
class Choice:
    """One option of a question: what it is called, and the goal that choosing it gives."""

    option: str  # id of a place, zone or route; or a letter
    names: tuple[str, ...]
    reading: Reading


def pick(sentence: str, choices: tuple[Choice, ...]) -> int | None:
    """Index of the choice that a sentence names, NEITHER, or None where it is no answer."""
    said = plain(sentence)
    if said in _NONE:
        return NEITHER
    for short in _shortened(said):
        named = _named(short, choices)
        if named is not None:
            return named
        if short in _LAST and len(choices) > 1:
            return len(choices) - 1
        place = _PLACE_OF.get(short)
        if place is None and re.fullmatch("[a-f]", short):
            place = ord(short) - ord("a")
        if place is not None:
            return place if place < len(choices) else None
    return None


def is_correction(sentence: str) -> bool:
    """Whether a sentence begins by taking back what was said before ("no, the other one", 「いや、Bの方」)."""
    return _CORRECTION.match(sentence) is not None


def choices_of(question: Question, line: str, site: Site, book: NameBook, present: str | None) -> tuple[Choice, ...]:
    """The options of a question that came from a compact line, each with the goal completed by it.

    Empty where the question has no options or its line cannot be completed by every one of them.
    """
    found = []
    for option in question.options:
        reading = complete(line, option, site, book, present)
        if reading is None:
            return ()
        found.append(Choice(option, _names(option, site), reading))
    return tuple(found)


def complete(line: str, option: str, site: Site, book: NameBook, present: str | None) -> Reading | None:
    """The goal of a line with `option` in place of the words that were asked about; None where that cannot be."""
    kind = book.kind_of.get(option)
    words = None if kind is None else _unique_words(option, kind, book)
    try:
        plan = read(line)
        filled = _filled(plan, words, site, book, present) if isinstance(plan, Plan) and words is not None else None
        if filled is None:
            return None
        grounded = ground(filled, site, book, present)
    except (GoalError, ValueError):  # not in the form, or no step that the schema allows
        return None
    if isinstance(grounded, tuple):
        return Reading(GoalState(steps=grounded, queue=filled.queue), 1.0, write(filled))
    if isinstance(grounded, Question):
        return Reading(GoalState(question=grounded), 1.0, write(filled))
    return Reading(GoalState(refusal=grounded), 1.0, write(filled))


def _filled(plan: Plan, words: str, site: Site, book: NameBook, present: str | None) -> Plan | None:
    """The plan with `words` where grounding stumbled."""

    def stumbles(*drafts: Draft) -> bool:
        return isinstance(ground(Plan(drafts), site, book, present), Question)

    for index, draft in enumerate(plan.drafts):
        before, after = plan.drafts[:index], plan.drafts[index + 1 :]
        if not stumbles(*before, draft):
            continue
        bare = replace(draft, avoid=())
        if stumbles(*before, bare):
            aim = draft.aim
            if not isinstance(aim, (Named, Pointed)):
                return None
            filled = replace(draft, aim=Named(words, aim.relation, aim.distance))
            return replace(plan, drafts=(*before, filled, *after))
        for zone in range(len(draft.avoid)):
            if stumbles(*before, replace(draft, avoid=draft.avoid[: zone + 1])):
                avoid = (*draft.avoid[:zone], words, *draft.avoid[zone + 1 :])
                return replace(plan, drafts=(*before, replace(draft, avoid=avoid), *after))
        return None
    return None


def _unique_words(option: str, kind: Kind, book: NameBook) -> str | None:
    """A name that means this option and no other, fit to be quoted in a compact line."""
    spoken = [entry.name for entry in book.entries if entry.id == option]
    for name in spoken:
        if not re.search(r"[<>\n]", name) and book.find(name, frozenset((kind,))).sure == (option,):
            return name
    return None


def _names(option: str, site: Site) -> tuple[str, ...]:
    return (*site.spoken_names().get(option, ()), option.replace("_", " "))


def _shortened(said: str) -> list[str]:
    """The sentence, and what is left of it with polite words and particles taken off, longest first."""
    forms = [said] if said else []
    while forms:
        last = forms[-1]
        shorter = _HEAD.sub("", last, count=1)
        if not shorter or shorter == last:
            shorter = _TAIL.sub("", last, count=1)
        if not shorter.strip() or shorter.strip() == last:
            return forms
        forms.append(shorter.strip())
    return forms


def _named(said: str, choices: tuple[Choice, ...]) -> int | None:
    """The one choice with a name that is `said`, else with a name that `said` is a part or the label of."""
    wanted = tokens(said)
    for fits in (_same, _part, _label):
        found = [i for i, choice in enumerate(choices) if any(fits(said, wanted, name) for name in choice.names)]
        if len(found) == 1:
            return found[0]
    return None


def _same(said: str, wanted: tuple[str, ...], name: str) -> bool:
    return plain(name) == said or tokens(name) == wanted


def _part(said: str, wanted: tuple[str, ...], name: str) -> bool:
    known = tokens(name)
    whole = any(known[i : i + len(wanted)] == wanted for i in range(len(known) - len(wanted) + 1))
    return whole or (len(said) >= 2 and not said.isascii() and said in plain(name))


def _label(said: str, wanted: tuple[str, ...], name: str) -> bool:
    """The letter or number that tells "dock B" and ドックB from their like."""
    return said in re.findall(r"\d+|(?<![a-z])[a-z](?![a-z])", plain(name))
