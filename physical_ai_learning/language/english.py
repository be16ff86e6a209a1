# ruff: noqa: E501
"""English sentences: steps put together by chains, lists, reorderings, corrections, conditions and talk around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from physical_ai_core.goal import Event, Task
from physical_ai_learning.language import amounts
from physical_ai_learning.language import english_orders as o
from physical_ai_learning.language import english_replies as r
from physical_ai_learning.language import english_talk as t
from physical_ai_learning.language.clause import Sentence, clause
from physical_ai_learning.language.english_forms import gerund, has_forms, participle
from physical_ai_learning.language.english_steps import EnglishSteps, Spoken
from physical_ai_learning.language.phrases import Chance, Phrases
from physical_ai_planner.language.compact import Deictic, Draft, Move, Named, Pointed

FIRST = {"go": 36, "inspect": 10, "dock": 8, "cover": 10, "patrol": 8, "follow": 7, "move": 12, "wait": 6, "start": 3, "wait_at": 3, "point": 2.5}
LATER = {"go": 36, "inspect": 13, "dock": 9, "cover": 7, "patrol": 5, "move": 7, "wait": 15, "start": 6, "wait_at": 3, "point": 1, "follow": 2}


def _ending(phrases: Phrases) -> Phrases:
    """Those that end with their name, so that a list of names can stand there."""
    return Phrases([text for text in phrases.texts if text.endswith("{p}") and not text.startswith("give")])


LIST_OF = {Task.INSPECT: _ending(o.INSPECT), Task.COVER: _ending(o.COVER_TOOL), Task.PATROL: _ending(o.PATROL)}
VERBS = {"inspect": Task.INSPECT, "check": Task.INSPECT, "go to": Task.NAVIGATE, "drive to": Task.NAVIGATE, "dock at": Task.DOCK, "mow": Task.COVER, "spray": Task.COVER, "patrol": Task.PATROL, "sweep": Task.COVER}


class English:
    """Makes English sentences with the words of one split."""

    language = "en"

    def __init__(self, chance: Chance) -> None:
        self.c, self.steps = chance, EnglishSteps(chance)

    # --- chains ------------------------------------------------------------------------------------------------
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
            steps.append(self._step(FIRST if i == 0 else LATER))
        return steps

    def _conditioned(self, spoken: Spoken, late: bool) -> Spoken:
        """The step behind a condition or a delay: a wait before it."""
        c = self.c
        if c.under(0.3):
            time, quoted = self.steps.amount(amounts.duration_en)
            wait, back = Draft(Task.WAIT, duration=quoted), c.under(0.4)
            words = c.fill(t_delay[back], t=time)
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

    # --- constructions -----------------------------------------------------------------------------------------
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

    def _wrapped(self, text: str) -> str:
        frame = self.c.pick(t.REQUESTS)
        return frame.format(x=text) if "{g}" not in frame else f"please {text}"

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
        if draw < 0.75:
            direction = c.one(["forward", "back", "left", "right", "turn left", "turn right"])
            make = amounts.angle_en if direction.startswith("turn") else amounts.length_en
            wrong, (right, words) = self.steps.amount(make)[0], self.steps.amount(make)
            text = c.fill(t.CORRECT_AMOUNT, x=c.fill(o.MOVES[direction], q=wrong), q=right)
            return Sentence(clause(0, text), (Draft(Task.NAVIGATE, Move(direction, words)),), "correction")
        wrong, (right, words) = self.steps.amount(amounts.duration_en)[0], self.steps.amount(amounts.duration_en)
        text = c.fill(t.CORRECT_AMOUNT, x=f"{c.pick(o.WAIT)} for {wrong}", q=right)
        return Sentence(clause(0, text), (Draft(Task.WAIT, duration=words),), "correction")

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
        elif c.under(0.14):
            text = f"{text}{c.one(['', ','])} {c.pick(t.CLOSERS)}"
        if order and c.under(0.03):
            text = f"{c.pick(t.CHATTER)}{c.one(['. ', ', ', '! ', '. so '])}{text}"
        elif c.under(0.28):
            text = f"{c.pick(t.OPENERS)}{c.one([', ', ', ', ' ', '. ', '! '])}{text}"
        return text


t_delay = {True: o.DELAY_BACK, False: o.DELAY_FRONT}
WRAPPABLE = frozenset(["go", "move", "drive", "park", "mow", "inspect", "clean", "sweep", "spray", "start", "check", "come", "bring", "drive", "head", "take", "have", "get", "make", "put", "position", "line", "stay", "find", "choose", "reverse", "advance", "shift", "roll", "creep", "inch", "follow", "tail", "track", "accompany", "escort", "shadow", "pick", "carry", "lift", "open", "close", "climb", "fly", "jump", "fetch", "throw", "grab", "hand", "load", "push", "weld", "paint", "build", "dig", "call", "send", "turn", "cook", "swim", "dive", "dance", "shake", "press", "unscrew", "tighten", "repair", "cut", "pull", "unload", "give", "deliver", "tow", "replace", "phone", "switch", "ignore", "disable", "run", "hit", "ram", "crash", "override", "bypass", "attack", "hurt", "chase", "knock", "smash", "break", "disregard", "kill", "scare", "block", "destroy", "crush", "catch", "drop", "drag", "haul", "stack", "order"])
QUESTION_WORDS = frozenset(["what", "who", "where", "when", "why", "how", "is", "are", "did", "do", "does", "can", "have", "has", "was", "were", "which", "would", "should", "shall", "may", "am"])
