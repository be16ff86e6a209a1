# ruff: noqa: E501  (templates read best on one line)
"""English sentences: chains, lists, reorderings, repeats, replies and the talk around them."""

from __future__ import annotations

from physical_ai_core.goal import Task
from physical_ai_learning.language import amounts
from physical_ai_learning.language import english_orders as o
from physical_ai_learning.language import english_replies as r
from physical_ai_learning.language import english_talk as t
from physical_ai_learning.language.clause import Sentence, clause
from physical_ai_learning.language.english_chains import FIRST, LATER
from physical_ai_learning.language.english_corrections import EnglishCorrections
from physical_ai_learning.language.english_forms import gerund, participle
from physical_ai_learning.language.phrases import Phrases
from physical_ai_learning.language.sayings.book import Sayer
from physical_ai_planner.language.compact import Deictic, Draft, Named, Pointed


def _ending(phrases: Phrases) -> Phrases:
    """Those that end with their name, so that a list of names can stand there."""
    return Phrases([text for text in phrases.texts if text.endswith("{p}") and not text.startswith("give")])


LIST_OF = {Task.INSPECT: _ending(o.INSPECT), Task.COVER: _ending(o.COVER_TOOL), Task.PATROL: _ending(o.PATROL)}


class English(EnglishCorrections):
    """Makes English sentences with the words of one split."""

    language = "en"
    _sayer: Sayer | None = None

    def said(self) -> Sentence:
        """A whole sentence somebody wrote, or two of them one after the other."""
        if self._sayer is None:
            self._sayer = Sayer(self.c, self.language, self.steps.name)
        return self._sayer.sentence(t.JOINS)

    def pair(self) -> Sentence:
        """Two steps said in another order than they are done, or joined by before and after."""
        c = self.c
        while True:
            a = self._plain({"go": 4, "inspect": 4, "cover": 1, "dock": 2, "patrol": 1, "wait": 1.2, "move": 0.7})
            b = self._plain({"go": 6, "dock": 2, "start": 1.5, "cover": 1, "patrol": 1, "inspect": 2, "follow": 0.4})
            if a.drafts[0].task is not Task.WAIT or a.drafts[0].duration:
                break
        bp = b.phrase
        text = c.fill(t.PAIRS, a=clause(0, a.phrase), ag=clause(0, gerund(a.phrase)), ap=clause(0, participle(a.phrase)), b=clause(1, bp), bg=clause(1, gerund(bp)))
        drafts = a.drafts + b.drafts
        if c.under(0.12):
            then = self._plain(LATER)
            text, drafts = text + ". then " + clause(2, then.phrase), drafts + then.drafts
        return Sentence(text, drafts, "reordered")

    def listed(self) -> Sentence:
        """One verb, several places."""
        c = self.c
        task = c.one([Task.NAVIGATE, Task.NAVIGATE, Task.NAVIGATE, Task.INSPECT, Task.INSPECT, Task.COVER, Task.PATROL])
        kind = {Task.COVER: "zone", Task.PATROL: "route"}.get(task, "place")
        count = c.rng.choices([2, 3, 4, 5], [40, 38, 16, 6])[0]
        drawn = [self.steps.name(kind) for _ in range(count)]
        drafts = tuple(Draft(task, Named(words), tool=task is Task.COVER) for _, words in drawn)
        texts = [clause(i, text) for i, (text, _) in enumerate(drawn)]
        to = "to " if task is Task.NAVIGATE and c.under(0.3) else ""
        if c.under(0.45):
            joins = [", "] * (count - 2) + [c.one([" and ", " and then ", ", then ", ", and ", " and finally ", ", and finally "])]
            to = "" if count > 2 else to
            if count == 2 and joins == [" and "] and c.under(0.2) and not to:
                texts[0] = "both " + texts[0]
        else:
            joins = [c.pick(t.LIST_JOINS) for _ in range(count - 1)]
        names = texts[0] + "".join(join + to + text for join, text in zip(joins, texts[1:], strict=True))
        if task is Task.NAVIGATE and c.under(0.12):
            text = c.fill(t.ROUND_ALL, l=names)
        elif task is Task.NAVIGATE:
            text = f"{c.pick(t.LIST_VERBS) if not to else 'go to'} {names}"
        else:
            text = c.pick(LIST_OF[task]).replace("{p}", names)
        if c.under(0.35):
            text += c.pick(t.LIST_AFTER)
        if c.under(0.4):
            text = self._wrapped(text)
        if c.under(0.2):
            then = self._step(LATER)
            text += c.one([", then ", ". then ", " and then ", ". after that, ", ", and at the end "]) + self._text(count, then)
            drafts += then.drafts
        return Sentence(text, drafts, "list")

    def via(self) -> Sentence:
        (a, first), (b, second) = self.steps.name("place"), self.steps.name("place")
        text = self.c.fill(t.VIA, a=clause(0, a), b=clause(1, b))
        return Sentence(text, (Draft(Task.NAVIGATE, Named(first)), Draft(Task.NAVIGATE, Named(second))), "list")

    def again(self, length: int) -> Sentence:
        """Several steps, the whole list several times."""
        c = self.c
        times, quoted = self.steps.amount(amounts.times_en)
        if c.under(0.35):
            (a, first), (b, second) = self.steps.name("place"), self.steps.name("place")
            text = c.fill(t.SHUTTLE, a=clause(0, a), b=clause(1, b), n=times)
            return Sentence(text, (Draft(Task.NAVIGATE, Named(first)), Draft(Task.NAVIGATE, Named(second))), "again", again=quoted)
        steps = [self._plain({"go": 5, "inspect": 2, "wait": 1.5, "move": 1.5, "start": 0.5}) for _ in range(max(2, min(length, 4)))]
        joins = [c.one([", then ", " and then ", " and ", ", and ", ", ", ", go on and "][:5]) for _ in steps[1:]]
        x = self._text(0, steps[0]) + "".join(j + self._text(i, s) for i, (j, s) in enumerate(zip(joins, steps[1:], strict=True), 1))
        return Sentence(c.fill(t.AGAIN, x=x, n=times), tuple(d for s in steps for d in s.drafts), "again", again=quoted)

    def queued(self, length: int) -> Sentence:
        """Behind the present goal."""
        frame = self.c.pick(t.QUEUE)
        while True:
            steps = self._draw_steps(length)
            first = steps[0]
            if not first.front and not (first.sentence and not frame.startswith(("then", "after", "next", "when", "once"))) and (frame.endswith("{x}") or not (steps[-1].comma or steps[-1].drafts[-1].event)):
                break
        request = frame.endswith(", {x}") and self.c.under(0.5)
        text = frame.format(x=self._joined(steps, request, ordinal=False))
        return Sentence(text, tuple(d for s in steps for d in s.drafts), "queue", queue=True)

    def other(self) -> Sentence:
        task, phrases = self.c.one([(Task.NAVIGATE, t.OTHER_GO), (Task.NAVIGATE, t.OTHER_GO), (Task.INSPECT, t.OTHER_INSPECT), (Task.DOCK, t.OTHER_DOCK)])
        text = self.c.fill(phrases, n=self.c.pick(t.OTHER_NOUNS))
        return Sentence(clause(0, text), (Draft(task, Pointed(Deictic.OTHER)),), "other one")

    def whole(self) -> Sentence:
        """Stop, resume, cancel as the sentence; or something dropped for something new."""
        c = self.c
        if c.under(0.16):
            step = self._plain(FIRST)
            return Sentence(c.fill(t.THEN_WHOLE, x=clause(0, step.phrase)), step.drafts, "correction")
        task, phrases = c.one([(Task.STOP, t.STOP), (Task.RESUME, t.RESUME), (Task.CANCEL, t.CANCEL)])
        return Sentence(clause(0, c.pick(phrases)), (Draft(task),), "stop, resume, cancel", plain=c.under(0.5))

    # --- replies -----------------------------------------------------------------------------------------------
    def ask(self) -> Sentence:
        c = self.c
        about = c.one(["where", "where", "where", "far", "what", "what", "whom"])
        text = c.fill(r.ASK[about], p=self.steps.name("place")[0], p2=self.steps.name("place")[0], z=self.steps.name("zone")[0])
        if about in ("far", "whom") and c.under(0.15):
            text = f"{self._plain({'go': 3, 'inspect': 1}).phrase}{c.one([', then ', ' and then ', ' and '])}{text}"
        if text.split(" ")[0] in WRAPPABLE and c.under(0.35):
            text = self._wrapped(text)
        return Sentence(text, (), f"ask {about}", reply=f"ask {about}")

    def no(self) -> Sentence:
        c = self.c
        why = c.one(["unclear", "unclear", "forbidden", "forbidden", "forbidden", "able", "able"])
        frame = c.pick({"unclear": r.UNCLEAR, "forbidden": r.FORBIDDEN, "able": r.NOT_ABLE}[why])
        solid = c.pick(r.SOLID) if c.under(0.8) else self.steps.name("place")[0]
        text = frame.format(
            p=self.steps.name("place")[0], p2=self.steps.name("place")[0], z=self.steps.name("zone")[0],
            o=c.pick(r.THINGS), o2=c.pick(r.THINGS).split(" ", 1)[-1], s=solid, h=c.pick(r.HUMANS), g=c.fill(r.GO_RECKLESSLY, p=self.steps.name("place")[0]),
        )  # fmt: skip
        if why != "unclear":
            if c.under(0.2):
                step = self._plain(FIRST).phrase
                text = step + c.one([", then ", " and ", " and then ", ". then "]) + text if c.under(0.6) else text + c.one([" and then ", ", then "]) + step
            if text.split(" ")[0] in WRAPPABLE and c.under(0.35):
                text = self._wrapped(text)
        elif c.under(0.3):
            text += "?" if text.split(" ")[0] in QUESTION_WORDS else c.one([".", "!", ""])
        return Sentence(text, (), f"no {why}", reply=f"no {why}", plain=why == "unclear" and c.under(0.7))

    # --- what stands around ------------------------------------------------------------------------------------
    def dress(self, sentence: Sentence) -> str:
        """Openers, closers, chatter and reasons, none of which changes the goal."""
        c, text = self.c, sentence.text
        if sentence.plain:
            return text
        order = sentence.reply is None and sentence.category not in ("stop, resume, cancel", "other one")
        if order and c.under(0.07):
            reason = c.pick(t.REASONS_AFTER)
            if c.under(0.35) and not sentence.queue:
                text = c.fill(t.REASONS_BEFORE, r=reason, x=text)
            else:
                text += c.fill(t.REASON_LINKS, r=reason)
        elif sentence.reply != "no unclear" and c.under(0.14):
            text = f"{text}{c.one(['', ','])} {c.pick(t.CLOSERS)}"
        if order and c.under(0.03):
            text = f"{c.pick(t.CHATTER)}{c.one(['. ', ', ', '! ', '. so '])}{text}"
        elif c.under(0.28):
            text = f"{c.pick(t.OPENERS)}{c.one([', ', ', ', ' ', '. ', '! '])}{text}"
        return text


WRAPPABLE = frozenset(["go", "move", "drive", "park", "mow", "inspect", "clean", "sweep", "spray", "start", "check", "come", "bring", "drive", "head", "take", "have", "get", "make", "put", "position", "line", "stay", "find", "choose", "reverse", "advance", "shift", "roll", "creep", "inch", "follow", "tail", "track", "accompany", "escort", "shadow", "pick", "carry", "lift", "open", "close", "climb", "fly", "jump", "fetch", "throw", "grab", "hand", "load", "push", "weld", "paint", "build", "dig", "call", "send", "turn", "cook", "swim", "dive", "dance", "shake", "press", "unscrew", "tighten", "repair", "cut", "pull", "unload", "give", "deliver", "tow", "replace", "phone", "switch", "ignore", "disable", "run", "hit", "ram", "crash", "override", "bypass", "attack", "hurt", "chase", "knock", "smash", "break", "disregard", "kill", "scare", "block", "destroy", "crush", "catch", "drop", "drag", "haul", "stack", "order"])
QUESTION_WORDS = frozenset(["what", "who", "where", "when", "why", "how", "is", "are", "did", "do", "does", "can", "have", "has", "was", "were", "which", "would", "should", "shall", "may", "am"])
