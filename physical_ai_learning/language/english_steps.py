# ruff: noqa: E501  (tables of weights read better long)
"""Spoken English steps of the other tasks: patrol, follow, move, wait, and steps that point back."""

from __future__ import annotations

from dataclasses import replace

from physical_ai_core.goal import Event, Relation, Task
from physical_ai_learning.language import amounts
from physical_ai_learning.language import english_orders as o
from physical_ai_learning.language.clause import quote
from physical_ai_learning.language.english_places import EnglishPlaces, Spoken
from physical_ai_learning.language.english_talk import STOP_THERE
from physical_ai_planner.language.compact import Deictic, Draft, Move, Named, Pointed, Spot, Thing

CORE_AMOUNT_FIRST = ("\ue000", "left turn", "right turn", "forward ", "forwards ", "backward ", "left \ue000", "right \ue000")


class EnglishSteps(EnglishPlaces):
    """All steps; every list of words knows its split."""

    def patrol(self) -> Spoken:
        c = self.c
        zone = c.under(0.1)
        text, words = self.name("zone" if zone else "route")
        draft = Draft(Task.PATROL, Named(words))
        if c.under(0.1):
            spoken = Spoken(c.fill(o.PATROL_SENTENCE, p=text), (draft,), sentence=True)
        else:
            spoken = Spoken(c.fill(o.PATROL_ZONE if zone else o.PATROL, p=text), (draft,), short=text)
        draw = c.random()
        if draw < 0.40:
            times, quoted = self.amount(amounts.laps_en)
            fields = (replace(draft, laps=quoted),)
            if c.under(0.1) and not spoken.sentence:
                return replace(spoken, front=times, drafts=fields)
            if c.under(0.1):
                return replace(spoken, comma=c.one([f"{times} please", f"{times} in total", f"do it {times}", f"make it {times}"]), drafts=fields)
            spoken = replace(spoken, after=f"{c.one([' ', ' ', ' ', ', '])}{times}", drafts=fields)
        elif draw < 0.68 and not spoken.sentence:
            spoken = self._until(spoken, [Event.INSTRUCTION, Event.INSTRUCTION, Event.BATTERY_LOW, Event.PERSON_NEAR])
        return self.with_limits(spoken, 0.25)

    def follow(self) -> Spoken:
        c = self.c
        kind = c.one(["person", "person", "person", "person", "vehicle", "vehicle", "any"])
        me = kind == "person" and c.under(0.4)
        core = c.pick(o.FOLLOW_ME) if me else c.fill(o.FOLLOW, w=c.pick(o.WHOM[kind]))
        spoken = Spoken(core, (Draft(Task.FOLLOW, Thing(kind)),))
        if c.under(0.3):
            return self._until(spoken, [Event.INSTRUCTION, Event.INSTRUCTION, Event.INSTRUCTION, Event.BATTERY_LOW])
        return self.with_limits(spoken, 0.3, zones=c.under(0.4))

    def move(self) -> Spoken:
        c, draw = self.c, self.c.random()
        if draw < 0.12:
            direction = c.one(list(o.TURN_PLAIN))
            return Spoken(c.pick(o.TURN_PLAIN[direction]), (Draft(Task.NAVIGATE, Move(direction)),))
        if draw < 0.17:
            text = c.pick(o.TURN_AROUND)
            words = text[text.index("[") + 1 : text.index("]")]
            return Spoken(text.replace(f"[{words}]", quote(words)), (Draft(Task.NAVIGATE, Move("turn left", words)),))
        direction = c.one(["forward", "forward", "forward", "back", "back", "left", "right", "turn left", "turn right"])
        turn = direction.startswith("turn")
        little = c.under(0.1)
        text, words = self.amount(amounts.little_en if little else amounts.angle_en if turn else amounts.length_en)
        draft = Draft(Task.NAVIGATE, Move(direction, words))
        phrases = o.TURN_BARE if direction == "turn left" and c.under(0.12) else o.MOVES[direction]
        core = c.fill(phrases, q=text)
        if core.startswith(CORE_AMOUNT_FIRST):
            return Spoken(core, (draft,), sentence=True)
        spoken = Spoken(core, (draft,))
        if c.under(0.12):
            return replace(spoken, after=f" {c.pick(o.SLOW)}", drafts=(replace(draft, slow=True),))
        return spoken

    def wait(self) -> Spoken:
        c, draw = self.c, self.c.random()
        if draw < 0.42:
            t, quoted = self.amount(amounts.duration_en)
            draft = (Draft(Task.WAIT, duration=quoted),)
            if c.under(0.24):
                passed = quoted.endswith("s") and c.under(0.2)
                return Spoken(c.fill(o.WAIT_UNTIL_PASSED if passed else o.WAIT_FOR, t=t), draft)
            return Spoken(f"{c.pick(o.WAIT)} {'for ' if quoted.startswith('another') else c.one(['for ', 'for ', 'for ', 'for about ', ''])}{t}", draft)
        if draw < 0.62:
            event = c.one([Event.INSTRUCTION, Event.INSTRUCTION, *o.EVENTS])
            return Spoken(f"{c.pick(o.WAIT)} {c.pick(o.EVENTS[event])}", (Draft(Task.WAIT, event=event),))
        if draw < 0.72:
            event = c.one(list(o.WAIT_SIGNAL))
            return Spoken(c.pick(o.WAIT_SIGNAL[event]), (Draft(Task.WAIT, event=event),))
        return Spoken(c.pick(o.WAIT), (Draft(Task.WAIT),))

    def wait_at(self) -> Spoken:
        """Wait at a place: two steps in one clause."""
        c = self.c
        text, aim, prepositional = self.place()
        where = text if prepositional else f"{c.one(['at', 'at', 'at', 'over at', 'in'])} {text}"
        core, tail, draw = c.fill(o.WAIT_AT, at=where), Draft(Task.WAIT), c.random()
        if draw < 0.4:
            t, quoted = self.amount(amounts.duration_en)
            core, tail = f"{f'stop {where}' if c.under(0.25) else core} for {t}", replace(tail, duration=quoted)
        elif draw < 0.75:
            event = c.one([Event.INSTRUCTION, Event.INSTRUCTION, Event.PATH_CLEAR, Event.PERSON_NEAR])
            core, tail = f"{core} {c.pick(o.EVENTS[event])}", replace(tail, event=event)
        return Spoken(core, (Draft(Task.NAVIGATE, aim), tail))

    def about(self, before: Draft) -> Spoken | None:
        """A step that points back at the place of the step before."""
        c, draw = self.c, self.c.random()
        named = isinstance(before.aim, (Named, Spot)) and before.task in (Task.NAVIGATE, Task.INSPECT)
        plain = named and isinstance(before.aim, Named) and before.aim.relation is Relation.AT
        if draw < 0.28 and before.task in (Task.NAVIGATE, Task.FOLLOW):
            return Spoken(c.pick(STOP_THERE), (Draft(Task.STOP),))
        if draw < 0.50 and plain and before.task is Task.NAVIGATE:
            return Spoken(c.pick(o.INSPECT_THERE), (Draft(Task.INSPECT, Pointed(Deictic.THERE)),))
        if draw < 0.68 and plain:
            relation = c.one(list(o.THERE_BARE))
            verb = c.pick(o.PARK if c.under(0.6) else o.NEXT_TO_VERBS)
            if relation in o.THERE_SIDES and c.under(0.6):
                d, quoted = self.amount(amounts.length_en)
                return Spoken(f"{verb} {c.fill(o.THERE_SIDES[relation], d=d)}", (Draft(Task.NAVIGATE, Pointed(Deictic.THERE, relation, quoted)),))
            return Spoken(f"{verb} {c.pick(o.THERE_BARE[relation])}", (Draft(Task.NAVIGATE, Pointed(Deictic.THERE, relation)),))
        if draw < 0.80 and plain:
            task = c.one([Task.NAVIGATE, Task.NAVIGATE, Task.INSPECT, Task.DOCK] if before.task is not Task.INSPECT else [Task.INSPECT])
            words = {Task.NAVIGATE: "(go to|drive to|visit|head for|move on to|continue to)", Task.INSPECT: "(inspect|check|look at|have a look at)", Task.DOCK: "(dock at|charge at)"}[task]
            verb = c.one(words.strip("()").split("|"))
            return Spoken(f"{verb} {c.one(['the other one', 'the other one', 'the other one as well', 'the other', 'the other one too'])}", (Draft(task, Pointed(Deictic.OTHER)),))
        return self.wait() if named else None
