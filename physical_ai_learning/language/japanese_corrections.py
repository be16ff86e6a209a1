# ruff: noqa: E501  (templates read best on one line)
"""Japanese speakers who change their mind: only the last word counts."""

from __future__ import annotations

from physical_ai_core.goal import Relation, Task
from physical_ai_learning.language import amounts
from physical_ai_learning.language import japanese_orders as o
from physical_ai_learning.language import japanese_talk as t
from physical_ai_learning.language.clause import Sentence, clause
from physical_ai_learning.language.english_chains import FIRST, LATER
from physical_ai_learning.language.japanese_chains import JapaneseChains
from physical_ai_learning.language.japanese_forms import forms
from physical_ai_learning.language.japanese_steps import LAP_FRAMES
from physical_ai_learning.language.phrases import Phrases
from physical_ai_planner.language.compact import Draft, Move, Named


class JapaneseCorrections(JapaneseChains):
    """Corrections of a place, an amount, a side, a verb, or of everything."""

    def corrected(self) -> Sentence:
        """The speaker changes a place, an amount, a verb or everything: only the last word counts."""
        c, draw = self.c, self.c.random()
        if draw < 0.38:
            kind = "place" if c.under(0.85) else "zone"
            wrong, (right, words) = self.steps.name(kind)[0], self.steps.name(kind)
            text = clause(0, c.fill(t.CORRECT_PLACE, a=wrong, b=right))
            drafts: tuple[Draft, ...] = (Draft(Task.NAVIGATE, Named(words)),)
            if c.under(0.25):
                if c.under(0.6) and not text.startswith(("違", "ごめん", "予定", "変更")):
                    first = self._plain(FIRST)
                    return Sentence(self._before(first, 0) + text.replace(text[0], clause(1, "")[0], 1), first.drafts + drafts, "correction")
                then = self._step(LATER)
                text, drafts = text + c.pick(t.SENTENCE_JOINS) + self._ended(then, 1), drafts + then.drafts
            return Sentence(text, drafts, "correction")
        if draw < 0.62:
            return self._corrected_value()
        if draw < 0.70:
            return self._corrected_verb()
        a, b = self._plain(FIRST), self._plain(FIRST)
        both = {**self._slots(a, "a", 0), **self._slots(b, "b", 0)}
        slots = {key: words[1:-1] for key, words in both.items()}  # one clause: the correction as a whole
        return Sentence(clause(0, c.fill(t.CORRECT_WHOLE, **slots)), b.drafts, "correction")

    def _corrected_verb(self) -> Sentence:
        c = self.c
        pools: dict[Task, Phrases] = {Task.INSPECT: o.INSPECT_WO, Task.COVER: o.COVER_TOOL[0][1], Task.PATROL: o.PATROL_WO, Task.NAVIGATE: o.AT_WO}
        wrong, task = c.rng.sample(list(pools), 2)
        p, words = self.steps.name({Task.COVER: "zone", Task.PATROL: "route"}.get(task, "place"))
        u, v = forms(c.pick(pools[wrong])), forms(c.pick(pools[task]))
        text = c.fill(t.CORRECT_VERB, p=p, ute=u.te, up=u.plain, unai=u.nai, v=self._verb(v))
        return Sentence(clause(0, text), (Draft(task, Named(words), tool=task is Task.COVER),), "correction")

    def _corrected_value(self) -> Sentence:
        """A name or an amount within a step is said twice."""
        c, draw = self.c, self.c.random()
        link = c.one(["、", "、", "…", ""]) + c.pick(t.CORRECT_TAIL)
        if draw < 0.12:
            return self._corrected_detail(link)
        if draw < 0.5:
            task = c.one([Task.INSPECT, Task.INSPECT, Task.COVER, Task.DOCK, Task.PATROL])
            kind = {Task.COVER: "zone", Task.PATROL: "route"}.get(task, "place")
            wrong, (right, words) = self.steps.name(kind)[0], self.steps.name(kind)
            phrases = {Task.INSPECT: o.INSPECT_WO, Task.COVER: o.COVER_TOOL[0][1], Task.DOCK: o.DOCK_NI, Task.PATROL: o.PATROL_WO}[task]
            particle, f = "に" if task is Task.DOCK else "を", forms(c.pick(phrases))
            text = f"{wrong}{particle}{f.te}{link}{right}{particle}{self._verb(f)}" if c.under(0.45) else f"{wrong}{c.one([particle, ''])}{link}{right}{particle}{self._verb(f)}"
            return Sentence(clause(0, text), (Draft(task, Named(words), tool=task is Task.COVER),), "correction")
        if draw < 0.78:
            direction = c.one(list(o.MOVES))
            make = amounts.angle_ja if direction.startswith("turn") else amounts.length_ja
            wrong, (right, words) = self.steps.amount(make)[0], self.steps.amount(make)
            frames, verbs = o.MOVES[direction]
            f, head = forms(c.pick(verbs)), c.pick(frames)
            a, b = head.format(q=wrong), (head.format(q=right) if c.under(0.3) else right)
            text = f"{a}{f.te}{link}{b}{c.one(['', 'で', 'だけ', self._verb(f)])}" if c.under(0.6) else f"{a}{link}{b}{self._verb(f)}"
            return Sentence(clause(0, text), (Draft(Task.NAVIGATE, Move(direction, words)),), "correction")
        if draw < 0.9:
            wrong, (right, words) = self.steps.amount(amounts.duration_ja)[0], self.steps.amount(amounts.duration_ja)
            f, draft = forms(c.pick(o.WAIT)), Draft(Task.WAIT, duration=words)
            a = wrong
        else:
            wrong, (right, words) = self.steps.amount(amounts.laps_ja)[0], self.steps.amount(amounts.laps_ja)
            p, route = self.steps.name("route")
            f, draft, a = forms(c.pick(o.PATROL_LAPS)), Draft(Task.PATROL, Named(route), laps=words), c.fill(LAP_FRAMES, r=p, n=wrong)
        text = f"{a}{f.te}{link}{right}{c.one(['', 'で', 'だけ', self._verb(f)])}" if c.under(0.6) else f"{a}{link}{right}{self._verb(f)}"
        return Sentence(clause(0, text), (draft,), "correction")

    def _corrected_detail(self, link: str) -> Sentence:
        """A speed or a side is said twice."""
        c = self.c
        p, words = self.steps.name("place")
        if c.under(0.45):
            wrong, (right, v) = self.steps.amount(amounts.speed_ja)[0], self.steps.amount(amounts.speed_ja)
            end = f"{p}{c.one(['に', 'まで', 'へ'])}{self._verb(forms(c.pick(o.GO_MADE)))}"
            text = f"{wrong}で{link}{right}で{end}" if c.under(0.6) else f"{p}まで{wrong}で行って{link}{right}で"
            return Sentence(clause(0, text), (Draft(Task.NAVIGATE, Named(words), speed=v),), "correction")
        a, b = c.rng.sample([x for x in o.RELATIONS if x is not Relation.NEAR], 2)
        one, other = c.fill(o.RELATIONS[a], p=p), c.fill(o.RELATIONS[b], p="")
        f = forms(c.pick(o.PARK))
        text = f"{one}{link}{other.removeprefix('の')}に{self._verb(f)}" if c.under(0.6) else f"{one}に{f.te}{link}{other.removeprefix('の')}に{self._verb(f)}"
        return Sentence(clause(0, text), (Draft(Task.NAVIGATE, Named(words, b)),), "correction")
