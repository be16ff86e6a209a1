# ruff: noqa: E501  (tables of weights read better long)
"""Spoken English steps that concern a place or an area: their words without the sentence around them, and their drafts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from physical_ai_core.goal import Event, Relation, Task
from physical_ai_learning.language import amounts, names
from physical_ai_learning.language import english_orders as o
from physical_ai_learning.language.clause import quote
from physical_ai_learning.language.phrases import Chance
from physical_ai_planner.language.compact import Deictic, Draft, Named, Pointed, Spot, Thing

CHARGER_WORDS = ("charger", "charging station", "charging pad", "charging bay", "charging point", "charge point")
DOCKS = re.compile("dock|charg|充電|ドック|給電", re.IGNORECASE)  # places where one charges, by their name

HASTE = ("hurry", "race", "dash", "rush", "speed", "zip", "whizz", "nip", "pop", "scoot", "get a move", "run")  # nobody does these slowly


@dataclass(frozen=True)
class Spoken:
    """A step as a bare verb phrase `core`, with what may stand in front of it and after it."""

    core: str
    drafts: tuple[Draft, ...]
    adverb: str = ""  # right before the verb: "slowly"
    front: str = ""  # before everything, with a comma: "at 0.5 m/s"
    after: str = ""
    comma: str = ""  # a remark of its own at the very end: ", keep it under 1 m/s"
    sentence: bool = False  # a whole sentence: takes no request around it
    short: str = ""  # what is left without the verb: "to the barn"

    @property
    def phrase(self) -> str:
        return f"{self.adverb} {self.core}{self.after}" if self.adverb else self.core + self.after

    @property
    def plain(self) -> bool:
        return not self.sentence and not self.adverb and not self.front and not self.comma


class EnglishPlaces:
    """Draws steps; every list of words knows its split."""

    def __init__(self, chance: Chance) -> None:
        self.c = chance

    # --- words -------------------------------------------------------------------------------------------------
    def name(self, kind: str) -> tuple[str, str]:
        """`(text with article and marks, quoted words)`."""
        c = self.c
        if c.under(0.02):
            word = names.japanese(c, kind)
            return quote(word), word
        word, article = names.english(c, kind)
        the = c.one(["the ", "the ", "the ", "the ", "the ", "the ", "our ", "that ", "my "]) if article and c.under(0.94) else ""
        if the == "that " and word[:1].isupper():
            the = "the "
        text = quote(word)
        if c.under(0.012):
            text = c.one(['"{}"', "'{}'", "“{}”"]).format(text)
        return the + text, word

    def amount(self, make: amounts.Maker) -> tuple[str, str]:
        words = make(self.c)
        return quote(words), words

    def with_limits(self, spoken: Spoken, share: float = 0.4, zones: bool = True) -> Spoken:
        """The step with one limit or two, in some position, or with a word that means nothing to the goal."""
        if not self.c.under(share):
            return spoken
        spoken = self._limited(spoken, zones)
        return self._limited(spoken, zones) if self.c.under(0.18) else spoken

    def _limited(self, spoken: Spoken, zones: bool) -> Spoken:
        c, draw = self.c, self.c.random()
        draft = spoken.drafts[-1]
        place = c.one(["after", "after", "after", "front", "comma"])
        if spoken.sentence and place == "front":
            place = "comma"
        if place != "after" and getattr(spoken, place):
            place = "after"
        if draw < 0.36 and not draft.slow and not draft.speed and not spoken.core.startswith(HASTE):
            given: dict[str, Any] = {"slow": True}
            if c.under(0.3) and not spoken.sentence and not spoken.adverb:
                return replace(spoken, adverb="slowly" if draft.task is Task.INSPECT else c.pick(o.SLOW_ADV), drafts=(*spoken.drafts[:-1], replace(draft, **given)))
            words = "slowly" if draft.task is Task.INSPECT and place != "comma" else c.pick(o.SLOW if place == "after" else o.SLOW_ADV if place == "front" else o.SLOW_SENTENCE)
        elif draw < 0.60 and not draft.speed and not draft.slow:
            text, quoted = self.amount(amounts.speed_en)
            given = {"speed": quoted}
            words = c.fill(o.SPEED_SENTENCE if place == "comma" else o.SPEED, v=text)
        elif draw < 0.73 and not draft.clearance:
            text, quoted = self.amount(amounts.length_en)
            given = {"clearance": quoted}
            words = c.fill(o.CLEAR_SENTENCE if place == "comma" else o.CLEAR, v=text)
        elif draw < 0.90 and zones and len(draft.avoid) < 3:
            text, quoted = self.name("zone")
            if c.under(0.15):
                text2, quoted2 = self.name("zone")
                text, given = f"{text} {c.one(['and', 'or'])} {text2}", {"avoid": (*draft.avoid, quoted, quoted2)}
            else:
                given = {"avoid": (*draft.avoid, quoted)}
            words = c.fill(o.AVOID_SENTENCE if place == "comma" else o.AVOID, z=text)
        else:
            return replace(spoken, after=f"{spoken.after} {c.pick(o.FAST)}") if not spoken.sentence else spoken
        if place == "front" and words.startswith(("but ", "and ")):
            place = "after"
        drafts = (*spoken.drafts[:-1], replace(draft, **given))
        if place == "after":
            link = c.one(["", "", ","]) if words.startswith(("but", "and", "with", "not", "no")) else ""
            return replace(spoken, after=f"{spoken.after}{link} {words}", drafts=drafts)
        return replace(spoken, drafts=drafts, front=words) if place == "front" else replace(spoken, drafts=drafts, comma=words)

    # --- steps -------------------------------------------------------------------------------------------------
    def place(self) -> tuple[str, Named, bool]:
        """A location: text, aim, and whether the text already begins with its preposition."""
        c = self.c
        text, words = self.name("place" if c.under(0.85) else "zone")
        if c.under(0.70):
            return text, Named(words), False
        relation = c.one(list(o.RELATIONS))
        if c.under(0.28):
            distance, quoted = self.amount(amounts.length_en)
            plain = o.RELATIONS_PLAIN[relation].format(p=text)
            return f"{c.one(['', '', 'about ', 'exactly '])}{distance} {plain}", Named(words, relation, quoted), True
        return c.fill(o.RELATIONS[relation], p=text), Named(words, relation), True

    def go(self) -> Spoken:
        c = self.c
        text, aim, prepositional = self.place()
        draft = (Draft(Task.NAVIGATE, aim),)
        draw = c.random()
        if prepositional:
            verb = c.pick(o.NEXT_TO_VERBS if draw < 0.5 else o.PARK)
            if draw < 0.05:
                return Spoken(text, draft, sentence=True)
            spoken = Spoken(f"{verb} {text}", draft, short=text)
        elif draw < 0.60:
            verb, to = c.pick(o.TO_VERBS), "to" if draw < 0.55 else c.one(["into", "towards", "over to", "up to", "down to", "back to", "across to"])
            if c.under(0.07) and not verb.startswith(HASTE):
                if c.under(0.6):
                    return Spoken(f"{verb} {c.pick(o.SLOW_ADV)} {to} {text}", (replace(draft[0], slow=True),))
                v, quoted = self.amount(amounts.speed_en)
                return Spoken(f"{verb} at {v} {to} {text}", (replace(draft[0], speed=quoted),))
            spoken = Spoken(f"{verb} {to} {text}", draft, short=f"to {text}")
        elif draw < 0.86:
            spoken = Spoken(c.fill(o.GO_AT, p=text), draft, short=f"to {text}")
        else:
            return self.with_limits(Spoken(c.fill(o.GO_SENTENCE, p=text), draft, sentence=True), 0.2)
        return self.with_limits(spoken)

    def point(self) -> Spoken:
        before, words, after = amounts.point_en(self.c)
        where = before + quote(words) + after
        draft = (Draft(Task.NAVIGATE, Spot(words)),)
        if self.c.under(0.12):
            return Spoken(where, draft, sentence=True)
        return self.with_limits(Spoken(f"{self.c.pick(o.TO_VERBS)} to {where}", draft, short=f"to {where}"), 0.2)

    def start(self) -> Spoken:
        return self.with_limits(Spoken(self.c.pick(o.START), (Draft(Task.NAVIGATE, Pointed(Deictic.START)),)), 0.2)

    def inspect(self) -> Spoken:
        c = self.c
        if c.under(0.04):
            kind = c.one(list(o.INSPECT_THING))
            words = c.one(o.INSPECT_THING[kind])
            return Spoken(c.fill(o.INSPECT, p=words), (Draft(Task.INSPECT, Thing(kind)),))
        text, words = self.name("place" if c.under(0.75) else "zone")
        if c.under(0.05):
            relation = c.one([Relation.BEHIND, Relation.FRONT, Relation.LEFT, Relation.RIGHT])
            where = o.RELATIONS_PLAIN[relation].format(p=text)
            return Spoken(f"{c.one(['check', 'look', 'have a look', 'take a photo', 'inspect', 'take a look'])} {where}", (Draft(Task.INSPECT, Named(words, relation)),))
        draft = (Draft(Task.INSPECT, Named(words)),)
        if c.under(0.16):
            return Spoken(c.fill(o.INSPECT_SENTENCE, p=text), draft, sentence=True)
        spoken = Spoken(c.fill(o.INSPECT, p=text), draft, short=text)
        if c.under(0.05):
            t, quoted = self.amount(amounts.duration_en)
            return replace(spoken, after=f" for {t}", drafts=(replace(draft[0], duration=quoted),))
        return self.with_limits(spoken, 0.22)

    def dock(self) -> Spoken:
        c = self.c
        event = Event.BATTERY_FULL if c.under(0.26) else None
        until, duration = (f" {c.pick(o.EVENTS[event])}" if event else ""), None
        if event is None and c.under(0.1):
            t, duration = self.amount(amounts.duration_en)
            until = f" for {t}"
        if c.under(0.42):
            draft = Draft(Task.DOCK, Pointed(Deictic.CHARGE), event=event, duration=duration)
            if not until and c.under(0.15):
                return Spoken(c.pick(o.CHARGE_SENTENCE), (draft,), sentence=True)
            return Spoken(c.pick(o.CHARGE) + until, (draft,))
        text, words = self.name("place")
        if c.under(0.2):
            words = c.one(CHARGER_WORDS) + c.one(["", "", " 2", " A", " B"])
            text = "the " + quote(words) if words in CHARGER_WORDS else quote(words)
            if c.under(0.35):
                return Spoken(f"park {c.one(['at', 'on', 'in'])} {text}{until}", (Draft(Task.DOCK, Named(words), event=event, duration=duration),))
        phrase = c.pick(o.DOCK)
        if phrase.startswith(("go to", "drive to", "return to", "head to")) and not DOCKS.search(words):
            words = c.one(("dock", *CHARGER_WORDS)) + c.one([" A", " B", " 1", " 2", " 3", " north"])  # "go to the barn and charge" are two steps
            text = quote(words)
        draft = Draft(Task.DOCK, Named(words), event=event, duration=duration)
        if not until and c.under(0.1):
            return Spoken(c.fill(o.DOCK_SENTENCE, p=text), (draft,), sentence=True)
        return self.with_limits(Spoken(phrase.format(p=text) + until, (draft,)), 0.15)

    def cover(self) -> Spoken:
        c = self.c
        text, words = self.name("zone")
        tool = c.under(0.68)
        draft = Draft(Task.COVER, Named(words), tool=tool)
        if c.under(0.14):
            spoken = Spoken(c.fill(o.COVER_TOOL_SENTENCE if tool else o.COVER_SENTENCE, p=text), (draft,), sentence=True)
        else:
            spoken = Spoken(c.fill(o.COVER_TOOL if tool else o.COVER, p=text), (draft,), short=text if tool else "")
        draw = c.random()
        if draw < 0.08:
            z, zone = self.name("zone")
            return replace(spoken, after=f" {c.fill(o.COVER_EXCEPT, z=z)}", drafts=(replace(draft, avoid=(zone,)),))
        if draw < 0.13 and not spoken.sentence:
            return self._until(spoken, [Event.INSTRUCTION, Event.BATTERY_LOW, Event.PERSON_NEAR])
        return self.with_limits(spoken, 0.38)

    def _until(self, spoken: Spoken, events: list[Event], duration: float = 0.4) -> Spoken:
        """The step with a time or an event that ends it, after it or in front of it."""
        c, draft = self.c, spoken.drafts[-1]
        if c.under(duration):
            t, quoted = self.amount(amounts.duration_en)
            words, draft = f"for {'' if quoted.startswith('another') else c.one(['', '', '', 'about ', 'the next '])}{t}", replace(draft, duration=quoted)
        else:
            event = c.one(events)
            words, draft = c.pick(o.EVENTS[event]), replace(draft, event=event)
        drafts = (*spoken.drafts[:-1], draft)
        if c.under(0.12) and not spoken.front and not spoken.sentence:
            return replace(spoken, front=words, drafts=drafts)
        return replace(spoken, after=f"{spoken.after} {words}", drafts=drafts)
