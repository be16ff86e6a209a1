# ruff: noqa: E501
"""Japanese sentences: steps put together by chains, lists, reorderings, corrections, conditions and talk around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from physical_ai_core.goal import Event, Task
from physical_ai_learning.language import amounts
from physical_ai_learning.language import japanese_orders as o
from physical_ai_learning.language import japanese_replies as r
from physical_ai_learning.language import japanese_talk as t
from physical_ai_learning.language.clause import Sentence, clause
from physical_ai_learning.language.english import FIRST, LATER
from physical_ai_learning.language.japanese_forms import Forms, forms
from physical_ai_learning.language.japanese_steps import LAP_FRAMES, JapaneseSteps, Spoken
from physical_ai_learning.language.phrases import Chance, Phrases
from physical_ai_planner.language.compact import Deictic, Draft, Move, Named, Pointed


class Japanese:
    """Makes Japanese sentences with the words of one split."""

    language = "ja"

    def __init__(self, chance: Chance) -> None:
        self.c, self.steps = chance, JapaneseSteps(chance)

    # --- one step in its position ----------------------------------------------------------------------------------
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
            steps.append(self._step(FIRST if i == 0 else LATER))
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
        if spoken.verb and not spoken.drafts[-1].event and not words.endswith("、") and spoken.args and c.under(0.06):
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

    # --- constructions -----------------------------------------------------------------------------------------
    def _slots(self, spoken: Spoken, letter: str, index: int) -> dict[str, str]:
        f = forms(spoken.verb)
        return {letter: clause(index, spoken.head + self._verb(f))} | {
            letter + form: clause(index, spoken.head + words) for form, words in (("te", f.te), ("ta", f.ta), ("p", f.plain), ("nai", f.nai))
        }

    def pair(self) -> Sentence:
        """Two steps said in another order than they are done, or joined by before and after."""
        c, draw = self.c, self.c.random()
        if draw < 0.14:
            return self._later_first()
        while True:
            a = self._plain({"go": 4, "inspect": 4, "cover": 1, "dock": 2, "patrol": 1, "wait": 1.2, "move": 0.7})
            if a.drafts[0].task is not Task.WAIT or a.drafts[0].duration:
                break
        b = self._plain({"go": 6, "dock": 2, "start": 1.5, "cover": 1, "patrol": 1, "inspect": 2, "follow": 0.4})
        slots = self._slots(a, "a", 0) | self._slots(b, "b", 1)
        if b.noun and draw < 0.32:
            text = c.fill(t.PAIR_NOUNS, bn=clause(1, b.noun), **slots)
        else:
            text = c.fill(t.PAIRS, **slots)
        drafts = a.drafts + b.drafts
        if c.under(0.12):
            then = self._step(LATER)
            text, drafts = text + "。" + c.one(["その後", "それから", "最後に", "次に"]) + self._ended(then, 2), drafts + then.drafts
        return Sentence(text, drafts, "reordered")

    def _later_first(self) -> Sentence:
        """ "The pump later, first the valve": two places under one verb, the second said first."""
        c = self.c
        (first, a), (second, b) = self.steps.name("place"), self.steps.name("place")
        text = c.fill(t.LATER_FIRST, A=clause(0, first), B=clause(1, second), v=self._verb(forms(c.pick(o.INSPECT_WO))))
        text = text.replace("を", c.one(["を", "を", ""]), 1)
        return Sentence(text, (Draft(Task.INSPECT, Named(a)), Draft(Task.INSPECT, Named(b))), "reordered")

    def listed(self) -> Sentence:
        """One verb, several places."""
        c = self.c
        task = c.one([Task.NAVIGATE, Task.NAVIGATE, Task.NAVIGATE, Task.INSPECT, Task.INSPECT, Task.COVER, Task.PATROL])
        kind = {Task.COVER: "zone", Task.PATROL: "route"}.get(task, "place")
        count = c.rng.choices([2, 3, 4, 5], [40, 38, 16, 6])[0]
        drawn = [self.steps.name(kind) for _ in range(count)]
        drafts = tuple(Draft(task, Named(words), tool=task is Task.COVER) for _, words in drawn)
        texts = [clause(i, text) for i, (text, _) in enumerate(drawn)]
        draw = c.random()
        if draw < 0.55:
            join = c.one(["、", "、", "と", "と", "→", "、次に", "、それから", "・"])
            names = join.join(texts)
        elif draw < 0.8 or count == 2:
            names = texts[0] + "".join(c.pick(t.LIST_JOINS) + text for text in texts[1:])
        else:
            names = "まず" + "、次に".join(texts[:-1]) + "、最後に" + texts[-1]
        if task is Task.NAVIGATE:
            text = names + (c.pick(t.LIST_GO) if draw < 0.8 else c.one(["に行って", "へ", "へ行ってください", "に行く", "に向かって", "に行ってほしい"]))
        else:
            verb = {Task.INSPECT: o.INSPECT_WO, Task.COVER: o.COVER_TOOL[0][1], Task.PATROL: o.PATROL_WO}[task]
            particle = "を" if draw >= 0.8 else c.pick(t.LIST_WO)
            text = names + particle + self._verb(forms(c.pick(verb)))
        if c.under(0.2):
            then = self._step(LATER)
            text, drafts = text + c.pick(t.SENTENCE_JOINS) + self._ended(then, count), drafts + then.drafts
        return Sentence(text, drafts, "list")

    def via(self) -> Sentence:
        (a, first), (b, second) = self.steps.name("place"), self.steps.name("place")
        text = self.c.fill(t.VIA, a=clause(0, a), b=clause(1, b))
        return Sentence(text, (Draft(Task.NAVIGATE, Named(first)), Draft(Task.NAVIGATE, Named(second))), "list")

    def again(self, length: int) -> Sentence:
        """Several steps, the whole list several times."""
        c = self.c
        if c.under(0.42):
            trips = c.under(0.65)
            times, quoted = self.steps.amount(amounts.round_trips_ja if trips else amounts.times_ja)
            trips = quoted.endswith("往復")
            (a, first), (b, second) = self.steps.name("place"), self.steps.name("place")
            text = c.fill(t.SHUTTLE if trips else t.SHUTTLE_TIMES, a=clause(0, a), b=clause(1, b), n=times)
            return Sentence(text, (Draft(Task.NAVIGATE, Named(first)), Draft(Task.NAVIGATE, Named(second))), "again", again=quoted)
        times, quoted = self.steps.amount(amounts.times_ja)
        steps = [self._plain({"go": 5, "inspect": 2, "wait": 1.5, "move": 1.5, "start": 0.5}) for _ in range(max(2, min(length, 4)))]
        text, draw = "".join(clause(i, s.head + forms(s.verb).te) + c.one(["、", "、", "", "、それから", "、次に"]) for i, s in enumerate(steps[:-1])), c.random()
        final = clause(len(steps) - 1, steps[-1].head + forms(steps[-1].verb).te)
        if draw < 0.45:
            text += final + c.fill(t.AGAIN_TE, n=times)
        elif draw < 0.6:
            text += clause(len(steps) - 1, steps[-1].head + forms(steps[-1].verb).plain) + c.one([f"のを{times}繰り返して", f"のを{times}", f"、これを{times}", f"のを{times}お願い", f"、という流れを{times}", f"のを{times}やってください"])
        elif draw < 0.85:
            text += self._ended(replace(steps[-1], noun=""), len(steps) - 1) + c.fill(t.AGAIN_END, n=times)
        else:
            text = c.fill(t.AGAIN_FRONT, n=times) + text + self._ended(replace(steps[-1], noun=""), len(steps) - 1)
        return Sentence(text, tuple(d for s in steps for d in s.drafts), "again", again=quoted)

    def queued(self, length: int) -> Sentence:
        steps = self._draw_steps(length)
        text = self._joined(steps, ordinal=False)
        if self.c.under(0.12) and length == 1:
            text += self.c.pick(t.QUEUE_BACK)
        else:
            front = self.c.pick(t.QUEUE_FRONT)
            text = front + (self.c.one(["", "", "、"]) if not front.endswith("、") else "") + text
        return Sentence(text, tuple(d for s in steps for d in s.drafts), "queue", queue=True)

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

    def other(self) -> Sentence:
        task, phrases = self.c.one([(Task.NAVIGATE, t.OTHER_GO), (Task.NAVIGATE, t.OTHER_GO), (Task.INSPECT, t.OTHER_INSPECT), (Task.DOCK, t.OTHER_DOCK)])
        text = self.c.fill(phrases, n=self.c.pick(t.OTHER_NOUNS))
        return Sentence(clause(0, text), (Draft(task, Pointed(Deictic.OTHER)),), "other one")

    def whole(self) -> Sentence:
        c = self.c
        if c.under(0.16):
            step = self._plain(FIRST)
            return Sentence(c.fill(t.THEN_WHOLE, x=self._ended(step)), step.drafts, "correction")
        task, phrases = c.one([(Task.STOP, t.STOP), (Task.RESUME, t.RESUME), (Task.CANCEL, t.CANCEL)])
        return Sentence(clause(0, c.pick(phrases)), (Draft(task),), "stop, resume, cancel", plain=c.under(0.5))

    # --- replies -----------------------------------------------------------------------------------------------
    def _finished(self, text: str) -> str:
        """A て-form marked with ~ with some request ending."""
        if not text.endswith("~"):
            return text
        return text[:-1] + ("" if self.c.under(0.45) else self.c.pick(t.TE))

    def ask(self) -> Sentence:
        c = self.c
        about = c.one(["where", "where", "where", "far", "what", "what", "whom"])
        text = self._finished(c.fill(r.ASK[about], p=self.steps.name("place")[0], p2=self.steps.name("place")[0], z=self.steps.name("zone")[0]))
        if about in ("far", "whom") and c.under(0.15):
            text = self._before(self._plain({"go": 3, "inspect": 1}), 0) + text
        return Sentence(text, (), f"ask {about}", reply=f"ask {about}")

    def no(self) -> Sentence:
        c = self.c
        why = c.one(["unclear", "unclear", "forbidden", "forbidden", "forbidden", "able", "able"])
        frame = c.pick({"unclear": r.UNCLEAR, "forbidden": r.FORBIDDEN, "able": r.NOT_ABLE}[why])
        solid = c.pick(r.SOLID) if c.under(0.8) else self.steps.name("place")[0]
        text = self._finished(frame.format(
            p=self.steps.name("place")[0], p2=self.steps.name("place")[0], z=self.steps.name("zone")[0],
            o=c.pick(r.THINGS), s=solid, h=c.pick(r.HUMANS), g=c.fill(r.GO_RECKLESSLY, p=self.steps.name("place")[0]),
        ))  # fmt: skip
        if why == "unclear":
            text += c.one(["", "", "", "？", "？", "ですか" if text.endswith(("は", "どこ", "誰", "何")) else "", "。"])
        elif c.under(0.2):
            text = self._before(self._plain(FIRST), 0) + text
        return Sentence(text, (), f"no {why}", reply=f"no {why}", plain=why == "unclear" and c.under(0.7))

    # --- what stands around ------------------------------------------------------------------------------------
    def dress(self, sentence: Sentence) -> str:
        """Openers, closers, chatter and reasons, none of which changes the goal."""
        c, text = self.c, sentence.text
        if sentence.plain:
            return text
        order = sentence.reply is None and sentence.category not in ("stop, resume, cancel", "other one")
        if order and c.under(0.07):
            reason = c.pick(t.REASONS)
            if c.under(0.6) and not sentence.queue:
                text = reason + c.one(["", "、", "、"]) + text
            else:
                text = text.rstrip("。") + c.one(t.REASON_AFTER).format(r=reason)
        elif c.under(0.07):
            text = text.rstrip("。") + c.one(t.CLOSER_JOINS) + c.pick(t.CLOSERS)
        if order and c.under(0.03):
            text = c.pick(t.CHATTER) + text
        elif c.under(0.28):
            text = c.pick(t.OPENERS) + text
        return text


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
