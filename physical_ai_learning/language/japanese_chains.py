# ruff: noqa: E501  (templates read best on one line)
"""Japanese steps in order: verb forms for each position, endings, joins, conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from physical_ai_core.goal import Event, Task
from physical_ai_learning.language import amounts
from physical_ai_learning.language import japanese_orders as o
from physical_ai_learning.language import japanese_replies as r
from physical_ai_learning.language import japanese_talk as t
from physical_ai_learning.language.clause import Sentence, clause
from physical_ai_learning.language.english_chains import FIRST, LATER, charges_where_it_went
from physical_ai_learning.language.japanese_forms import Forms, forms
from physical_ai_learning.language.japanese_places import Spoken
from physical_ai_learning.language.japanese_steps import JapaneseSteps
from physical_ai_learning.language.phrases import Chance
from physical_ai_planner.language.compact import Draft


class JapaneseChains:
    """Puts steps together in the order in which they are done."""

    def __init__(self, chance: Chance) -> None:
        self.c, self.steps = chance, JapaneseSteps(chance)

    def _ended(self, spoken: Spoken, i: int = 0) -> str:
        """The step at the end of a sentence, in some politeness."""
        c = self.c
        if not spoken.verb:
            return clause(i, spoken.head) + (self._remark(spoken) if spoken.remark else "")
        if spoken.noun and c.under(0.07):
            return clause(i, spoken.noun + c.pick(t.NOUN_END))
        f = forms(spoken.verb)
        if not spoken.remark and len(spoken.args) > 0 and c.under(0.025):
            return clause(i, f.te + c.one(["、", "、", "ね、", "ください、"]) + spoken.head.rstrip("、"))  # the rest said afterwards
        return clause(i, spoken.head + self._verb(f)) + (self._remark(spoken) if spoken.remark else "")

    def _verb(self, f: Forms) -> str:
        return ending(self.c, f)

    def _remark(self, spoken: Spoken) -> str:
        return self.c.one(["。", "、", "、"]) + spoken.remark

    def _before(self, spoken: Spoken, i: int) -> str:
        """The step before another one, with the join between."""
        c = self.c
        if not spoken.verb or spoken.remark or c.under(0.14):
            return self._ended(spoken, i) + c.pick(t.SENTENCE_JOINS)
        f, draw = forms(spoken.verb), c.random()
        if f.noun and not f.noun.endswith(("しに行", "に行", "に戻")) and draw < 0.09:
            return clause(i, spoken.head + f.noun) + c.pick(t.AFTER_NOUN)
        if f.ta and draw < 0.36:
            return clause(i, spoken.head + f.ta) + c.pick(t.AFTER_TA)
        if f.stem and draw < 0.43:
            stem = "おり" if f.stem.endswith("い") and f.te.endswith("いて") and spoken.verb.endswith("いる1") else f.stem
            return clause(i, spoken.head + stem) + c.pick(t.AFTER_STEM)
        if f.plain and draw < 0.47:
            return clause(i, spoken.head + f.plain) + c.one(["。次に", "。それから", "。その後", "、次に", "、それから"])
        if not f.plain:
            return clause(i, spoken.head + f.te) + c.one(["、", "、それから", "、その後", "、次に", "。次に"])
        return clause(i, spoken.head + f.te) + c.pick(t.AFTER_TE)

    # --- chains ------------------------------------------------------------------------------------------------
    def _step(self, kinds: Mapping[str, float]) -> Spoken:
        spoken: Spoken = getattr(self.steps, self.c.weighted(kinds))()
        return spoken

    def _plain(self, kinds: Mapping[str, float]) -> Spoken:
        while True:
            spoken = self._step(kinds)
            if spoken.verb and not spoken.remark and forms(spoken.verb).plain:
                return spoken

    def _draw_steps(self, length: int) -> list[Spoken]:
        steps: list[Spoken] = []
        for i in range(length):
            last = i == length - 1
            if steps and self.c.under(0.3 if last else 0.12):
                about = self.steps.about(steps[-1].drafts[-1])
                if about is not None and (last or about.drafts[-1].task is not Task.STOP):
                    steps.append(about)
                    continue
            if last and i and steps[-1].drafts[-1].task is Task.WAIT and self.c.under(0.08):
                steps.append(Spoken((), self.c.pick(t.RESUME_TAIL), (Draft(Task.RESUME),)))
                continue
            step = self._step(FIRST if i == 0 else LATER)
            while steps and charges_where_it_went(steps[-1].drafts[-1], step.drafts[0]):
                step = self._step(LATER)
            steps.append(step)
        return steps

    def _conditioned(self, spoken: Spoken) -> Spoken:
        c = self.c
        if c.under(0.3):
            time, quoted = self.steps.amount(amounts.moment_ja)
            words, wait = c.fill(o.DELAY, t=time), Draft(Task.WAIT, duration=quoted)
        else:
            event = c.one([Event.PATH_CLEAR, Event.PATH_CLEAR, Event.INSTRUCTION, Event.INSTRUCTION, *o.WHEN])
            words, wait = c.pick(o.WHEN[event]), Draft(Task.WAIT, event=event)
        drafts = (wait, *spoken.drafts)
        if wait.event and spoken.verb and not spoken.drafts[-1].event and spoken.args and c.under(0.06):
            return replace(spoken, args=(*spoken.args, words), drafts=drafts, noun="")
        return replace(spoken, args=(words + ("" if words.endswith("、") else c.one(["", "", "、"])), *spoken.args), drafts=drafts, noun="")

    def _joined(self, steps: list[Spoken], ordinal: bool = True) -> str:
        c, last = self.c, len(steps) - 1
        if last and c.under(0.05) and all(s.noun or s.short for s in steps):
            return c.one(["、", "。", "→", "、次に", "、それから", " "]).join(clause(i, s.noun or s.short) for i, s in enumerate(steps))
        text = "".join(self._before(s, i) for i, s in enumerate(steps[:-1]))
        if last > 1 and c.under(0.15) and not text.endswith(("に", "は", "で")):
            text += c.pick(t.LAST_WORDS)
        text += self._ended(steps[-1], last)
        return c.pick(t.FIRST_WORDS) + text if ordinal and last and c.under(0.18) else text

    def chain(self, length: int) -> Sentence:
        steps, category = self._draw_steps(length), "one step" if length == 1 else "sequence"
        if self.c.under(0.13):
            at = self.c.rng.randrange(length)
            steps[at], category = self._conditioned(steps[at]), "condition"
        if length == 1 and steps[0].drafts[0].task is Task.NAVIGATE and steps[0].verb and self.c.under(0.04):
            words = self.c.fill(r.SAFE_BUT_CLOSE, s=self.c.pick(r.SOLID), h=self.c.pick(r.HUMANS))
            steps[0] = replace(steps[0], args=(words + self.c.one(["", "、"]), *steps[0].args), noun="")
        return Sentence(self._joined(steps), tuple(d for s in steps for d in s.drafts), category)

    def _slots(self, spoken: Spoken, letter: str, index: int) -> dict[str, str]:
        f = forms(spoken.verb)
        return {letter: clause(index, spoken.head + self._verb(f))} | {
            letter + form: clause(index, spoken.head + words) for form, words in (("te", f.te), ("ta", f.ta), ("p", f.plain), ("nai", f.nai))
        }


def ending(c: Chance, f: Forms) -> str:
    """A verb in one of the forms that end an order."""
    draw = c.random()
    if not f.plain or draw < 0.74:
        if f.te.endswith("おいて"):
            return f.te + (c.pick(t.TE) if c.under(0.7) else "")
        if draw < 0.28:
            return f.te
        if draw < 0.32 and not f.te.endswith(("いて", "てて", "ってて")):
            return f.te[:-1] + ("とい" if f.te[-1] == "て" else "どい") + c.one(["て", "てね", "てください", "てくれる？"])  # 行っといて
        return f.te + c.pick(t.TE)
    if draw < 0.82:
        return f.order + (c.pick(t.ORDER) if c.under(0.35) else "")
    if draw < 0.90:
        return f.plain + (c.pick(t.PLAIN) if c.under(0.9) else "")
    if draw < 0.935:
        return f.stem + c.pick(t.STEM)
    if draw < 0.955:
        return f.will + c.one(["", "か", "ね", "よ"])
    if f.noun and f.noun[-1] not in "をにで":
        return f.noun + c.pick(t.NOUN_END)
    return f.te
