# ruff: noqa: E501  (templates read best on one line)
"""English speakers who change their mind: only the last word counts."""

from __future__ import annotations

from physical_ai_core.goal import Relation, Task
from physical_ai_learning.language import amounts
from physical_ai_learning.language import english_orders as o
from physical_ai_learning.language import english_talk as t
from physical_ai_learning.language.clause import Sentence, clause
from physical_ai_learning.language.english_chains import FIRST, EnglishChains
from physical_ai_learning.language.english_forms import gerund
from physical_ai_planner.language.compact import Draft, Move, Named

VERBS = {"inspect": Task.INSPECT, "check": Task.INSPECT, "go to": Task.NAVIGATE, "drive to": Task.NAVIGATE, "dock at": Task.DOCK, "mow": Task.COVER, "spray": Task.COVER, "patrol": Task.PATROL, "sweep": Task.COVER}


class EnglishCorrections(EnglishChains):
    """Corrections of a place, an amount, a side, a verb, or of everything."""

    def corrected(self) -> Sentence:
        """The speaker changes a place, an amount, a verb or everything: only the last word counts."""
        c, draw = self.c, self.c.random()
        if draw < 0.38:
            kind = "place" if c.under(0.85) else "zone"
            wrong, (right, words) = self.steps.name(kind)[0], self.steps.name(kind)
            frame = c.pick(t.CORRECT_PLACE)
            text = clause(0, frame.format(a=wrong, b=right))
            drafts: tuple[Draft, ...] = (Draft(Task.NAVIGATE, Named(words)),)
            if frame.startswith(("go", "drive", "head", "move")) and c.under(0.3):
                first, then = self._plain(FIRST), c.under(0.6)
                if then:
                    text = clause(0, first.phrase) + c.one([", then ", " and then ", ". then "]) + clause(1, frame.format(a=wrong, b=right))
                    drafts = (*first.drafts, *drafts)
                else:
                    text, drafts = text + c.one([", then ", ", and then ", " and "]) + clause(1, first.phrase), (*drafts, *first.drafts)
            return Sentence(text, drafts, "correction")
        if draw < 0.58:
            return self._corrected_value()
        if draw < 0.66:
            v, u = c.rng.sample(list(VERBS), 2)
            while VERBS[u] is VERBS[v] and VERBS[v] is not Task.COVER:
                u = c.one(list(VERBS))
            task = VERBS[v]
            p, words = self.steps.name({Task.COVER: "zone", Task.PATROL: "route"}.get(task, "place"))
            frame = c.pick(t.CORRECT_VERB)
            return Sentence(clause(0, frame.format(u=u if "{u} {p}" in frame else u.split(" ")[0], v=v, p=p)), (Draft(task, Named(words), tool=task is Task.COVER),), "correction")
        wrong_step, right_step = self._plain(FIRST), self._plain(FIRST)
        text = c.fill(t.CORRECT_WHOLE, a=wrong_step.phrase, ag=gerund(wrong_step.phrase), b=right_step.phrase)
        return Sentence(clause(0, text), right_step.drafts, "correction")

    def _corrected_value(self) -> Sentence:
        """A name or an amount within a step is said twice."""
        c, draw = self.c, self.c.random()
        if draw < 0.45:
            task = c.one([Task.INSPECT, Task.INSPECT, Task.COVER, Task.DOCK, Task.PATROL])
            kind = {Task.COVER: "zone", Task.PATROL: "route"}.get(task, "place")
            wrong, (right, words) = self.steps.name(kind)[0], self.steps.name(kind)
            phrases = {Task.INSPECT: o.INSPECT, Task.COVER: o.COVER_TOOL, Task.DOCK: o.DOCK, Task.PATROL: o.PATROL}[task]
            text = c.fill(t.CORRECT_AMOUNT, x=c.fill(phrases, p=wrong), q=right)
            return Sentence(clause(0, text), (Draft(task, Named(words), tool=task is Task.COVER),), "correction")
        if draw < 0.55:
            return self._corrected_detail()
        if draw < 0.8:
            direction = c.one(["forward", "back", "left", "right", "turn left", "turn right"])
            make = amounts.angle_en if direction.startswith("turn") else amounts.length_en
            wrong, (right, words) = self.steps.amount(make)[0], self.steps.amount(make)
            text = c.fill(t.CORRECT_AMOUNT, x=c.fill(o.MOVES[direction], q=wrong), q=right)
            return Sentence(clause(0, text), (Draft(Task.NAVIGATE, Move(direction, words)),), "correction")
        wrong, (right, words) = self.steps.amount(amounts.duration_en)[0], self.steps.amount(amounts.duration_en)
        text = c.fill(t.CORRECT_AMOUNT, x=f"{c.pick(o.WAIT)} for {wrong}", q=right)
        return Sentence(clause(0, text), (Draft(Task.WAIT, duration=words),), "correction")

    def _corrected_detail(self) -> Sentence:
        """A speed, a number of laps or a side is said twice."""
        c, draw = self.c, self.c.random()
        p, words = self.steps.name("place")
        if draw < 0.35:
            wrong, (right, v) = self.steps.amount(amounts.speed_en)[0], self.steps.amount(amounts.speed_en)
            text = c.fill(t.CORRECT_AMOUNT, x=f"{c.pick(o.TO_VERBS)} to {p} at {wrong}", q=right)
            return Sentence(clause(0, text), (Draft(Task.NAVIGATE, Named(words), speed=v),), "correction")
        if draw < 0.65:
            p, words = self.steps.name("route")
            wrong, (right, n) = self.steps.amount(amounts.laps_en)[0], self.steps.amount(amounts.laps_en)
            text = c.fill(t.CORRECT_AMOUNT, x=f"{c.fill(o.PATROL, p=p)} {wrong}", q=right)
            return Sentence(clause(0, text), (Draft(Task.PATROL, Named(words), laps=n),), "correction")
        a, b = c.rng.sample([r for r in o.RELATIONS if r is not Relation.NEAR], 2)
        side = {Relation.LEFT: "to the left", Relation.RIGHT: "to the right", Relation.FRONT: "in front", Relation.BEHIND: "behind"}
        x, q = f"{c.pick(o.PARK)} {o.RELATIONS_PLAIN[a].format(p=p)}", (o.RELATIONS_PLAIN[b].format(p="it") if c.under(0.6) else side[b])
        if c.under(0.3):
            text = f"{c.pick(o.PARK)} {side[a]}{c.one([', no, ', ', i mean ', ' no ', ', sorry, ', ' or rather '])}{o.RELATIONS_PLAIN[b].format(p=p)}"
        else:
            text = c.fill(t.CORRECT_AMOUNT, x=x, q=q)
        return Sentence(clause(0, text), (Draft(Task.NAVIGATE, Named(words, b)),), "correction")
