# ruff: noqa: E501  (templates read best on one line)
"""English steps in order: joins, requests, conditions, first and last words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from physical_ai_core.goal import Event, Task
from physical_ai_learning.language import amounts
from physical_ai_learning.language import english_orders as o
from physical_ai_learning.language import english_replies as r
from physical_ai_learning.language import english_talk as t
from physical_ai_learning.language.clause import Sentence, clause
from physical_ai_learning.language.english_forms import gerund, has_forms
from physical_ai_learning.language.english_places import DOCKS, Spoken
from physical_ai_learning.language.english_steps import EnglishSteps
from physical_ai_learning.language.phrases import Chance
from physical_ai_planner.language.compact import Draft, Named, Pointed

FIRST = {"go": 36, "inspect": 10, "dock": 8, "cover": 10, "patrol": 8, "follow": 7, "move": 12, "wait": 6, "start": 3, "wait_at": 3, "point": 2.5}
LATER = {"go": 36, "inspect": 13, "dock": 9, "cover": 7, "patrol": 5, "move": 7, "wait": 15, "start": 6, "wait_at": 3, "point": 1, "follow": 2}
DELAYS = {True: o.DELAY_BACK, False: o.DELAY_FRONT}


class EnglishChains:
    """Puts steps together in the order in which they are done."""

    def __init__(self, chance: Chance) -> None:
        self.c, self.steps = chance, EnglishSteps(chance)

    def _step(self, kinds: Mapping[str, float]) -> Spoken:
        spoken: Spoken = getattr(self.steps, self.c.weighted(kinds))()
        return spoken

    def _plain(self, kinds: Mapping[str, float]) -> Spoken:
        """A step that is nothing but a verb phrase."""
        while True:
            spoken = self._step(kinds)
            if spoken.plain and has_forms(spoken.core):
                return spoken

    def _draw_steps(self, length: int) -> list[Spoken]:
        steps: list[Spoken] = []
        for i in range(length):
            if steps and self.c.under(0.3 if i == length - 1 else 0.12):
                about = self.steps.about(steps[-1].drafts[-1])
                if about is not None and (i == length - 1 or about.drafts[-1].task is not Task.STOP):
                    steps.append(about)
                    continue
            if i == length - 1 and i and steps[-1].drafts[-1].task is Task.WAIT and self.c.under(0.08):
                steps.append(Spoken(self.c.pick(t.RESUME_TAIL), (Draft(Task.RESUME),)))
                continue
            step = self._step(FIRST if i == 0 else LATER)
            while steps and charges_where_it_went(steps[-1].drafts[-1], step.drafts[0]):
                step = self._step(LATER)
            steps.append(step)
        return steps

    def _conditioned(self, spoken: Spoken, late: bool) -> Spoken:
        """The step behind a condition or a delay: a wait before it."""
        c = self.c
        if c.under(0.3):
            time, quoted = self.steps.amount(amounts.duration_en)
            wait, back = Draft(Task.WAIT, duration=quoted), c.under(0.4)
            words = c.fill(DELAYS[back], t=time)
        else:
            event = c.one([Event.PATH_CLEAR, Event.PATH_CLEAR, Event.INSTRUCTION, Event.INSTRUCTION, *o.WHEN])
            words, wait, back = c.pick(o.WHEN[event]), Draft(Task.WAIT, event=event), c.under(0.45)
        drafts = (wait, *spoken.drafts)
        if back and (spoken.drafts[-1].event or spoken.drafts[-1].duration):
            back = False
            words = c.pick(o.WHEN[wait.event]) if wait.event else c.fill(o.DELAY_FRONT, t=time)
        if back:
            return replace(spoken, after=f"{spoken.after} {words}", drafts=drafts)
        if spoken.front or (late and spoken.sentence):
            return spoken
        return replace(spoken, front=words, drafts=drafts)

    def _text(self, i: int, spoken: Spoken) -> str:
        """Step i as words, marked as a clause."""
        front = ""
        if spoken.front:
            joint = "" if spoken.front.endswith((" then", " and")) else self.c.one([", ", ", ", " "])
            front = f"{spoken.front}{joint or ' '}"
        return clause(i, front + spoken.phrase + (f"{self.c.one([', ', ', ', '. ', ' - '])}{spoken.comma}" if spoken.comma else ""))

    def _joined(self, steps: list[Spoken], request: bool = True, ordinal: bool = True) -> str:
        """Steps in order in one sentence or several."""
        c = self.c
        if len(steps) > 1 and c.under(0.07) and all(s.plain for s in steps):
            join = c.pick(t.TELEGRAPH_JOINS)
            return join.join(self._text(i, s) for i, s in enumerate(steps))
        text = self._text(0, steps[0])
        first = ordinal and len(steps) > 1 and c.under(0.16)
        if first:
            word = c.pick(t.FIRST_WORDS)
            text = f"{word}{text}"
        rest = ""
        for i, step in enumerate(steps[1:], 1):
            last = i == len(steps) - 1
            join = c.pick(t.LAST_JOINS if last and i > 1 and c.under(0.4) else t.JOINS)
            if step.sentence and not join.startswith((".", ";")):
                join = c.one([". ", "; ", ". then ", ". after that, ", ", then "])
            words = self._text(i, step)
            if join.startswith(".") and not step.sentence and not step.front and c.under(0.25):
                words = c.fill(t.REQUESTS_LATER, x=words)
            rest += join + words
        if request and not first and not steps[0].sentence and not steps[0].front and c.under(0.42):
            return self._request(steps, text, rest)
        return text + rest

    def _request(self, steps: list[Spoken], text: str, rest: str) -> str:
        frame = self.c.pick(t.REQUESTS)
        if "{g}" in frame:
            if len(steps) > 1 or not steps[0].plain or not has_forms(steps[0].core):
                return f"please {text}{rest}"
            return frame.format(g=clause(0, gerund(steps[0].phrase)))
        return frame.format(x=text) + rest

    def chain(self, length: int) -> Sentence:
        steps = self._draw_steps(length)
        category = "one step" if length == 1 else "sequence"
        if self.c.under(0.13):
            at = self.c.rng.randrange(length)
            if at == length - 1 or not steps[at].sentence:
                steps[at] = self._conditioned(steps[at], late=at > 0)
                category = "condition"
        if length == 1 and steps[0].drafts[0].task is Task.NAVIGATE and not steps[0].comma and self.c.under(0.04):
            solid, human = self.c.pick(r.SOLID), self.c.pick(r.HUMANS)
            steps[0] = replace(steps[0], after=f"{steps[0].after} {self.c.fill(r.SAFE_BUT_CLOSE, s=solid, h=human)}")
        return Sentence(self._joined(steps), tuple(d for s in steps for d in s.drafts), category)

    def _wrapped(self, text: str) -> str:
        frame = self.c.pick(t.REQUESTS)
        return frame.format(x=text) if "{g}" not in frame else f"please {text}"


def charges_where_it_went(before: Draft, then: Draft) -> bool:
    """ "go to dock B and charge": is that one docking or two steps? Left out, since people mean either."""
    named = isinstance(before.aim, Named) and before.task is Task.NAVIGATE and DOCKS.search(before.aim.words)
    return bool(named) and then.task is Task.DOCK and isinstance(then.aim, Pointed)
