# ruff: noqa: E501  (templates read best on one line)
"""Japanese sentences: chains, lists, reorderings, repeats, replies and the talk around them."""

from __future__ import annotations

from dataclasses import replace

from physical_ai_core.goal import Task
from physical_ai_learning.language import amounts
from physical_ai_learning.language import japanese_orders as o
from physical_ai_learning.language import japanese_replies as r
from physical_ai_learning.language import japanese_talk as t
from physical_ai_learning.language.clause import Sentence, clause
from physical_ai_learning.language.english_chains import FIRST, LATER
from physical_ai_learning.language.japanese_corrections import JapaneseCorrections
from physical_ai_learning.language.japanese_forms import forms
from physical_ai_learning.language.sayings.book import Sayer
from physical_ai_planner.language.compact import Deictic, Draft, Named, Pointed


class Japanese(JapaneseCorrections):
    """Makes Japanese sentences with the words of one split."""

    language = "ja"
    _sayer: Sayer | None = None

    def said(self) -> Sentence:
        """A whole sentence somebody wrote, or two of them one after the other."""
        if self._sayer is None:
            self._sayer = Sayer(self.c, self.language, self.steps.name)
        return self._sayer.sentence(t.SENTENCE_JOINS)

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
        elif sentence.reply != "no unclear" and c.under(0.07):
            text = text.rstrip("。") + c.one(t.CLOSER_JOINS) + c.pick(t.CLOSERS)
        if order and c.under(0.03):
            text = c.pick(t.CHATTER) + text
        elif c.under(0.28):
            text = c.pick(t.OPENERS) + text
        return text
