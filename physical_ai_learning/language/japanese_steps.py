# ruff: noqa: E501  (tables of weights read better long)
"""Spoken Japanese steps of the other tasks: patrol, follow, move, wait, and steps that point back."""

from __future__ import annotations

from dataclasses import replace

from physical_ai_core.goal import Event, Relation, Task
from physical_ai_learning.language import amounts
from physical_ai_learning.language import japanese_orders as o
from physical_ai_learning.language.clause import quote
from physical_ai_learning.language.japanese_places import JapanesePlaces, Spoken
from physical_ai_learning.language.japanese_talk import STOP_THERE, STOP_WHERE
from physical_ai_learning.language.phrases import Phrases
from physical_ai_planner.language.compact import Deictic, Draft, Move, Named, Pointed, Spot, Thing

NEAR_VERBS = Phrases("行く5|移動するs|来るk|進む5|動く5|回る5|向かう5", shared=True)
LAP_FRAMES = Phrases("!{r}を{n}|!{n}{r}を|{r}{n}|{r}を、{n}|{r}で{n}|{r}に沿って{n}|{r}を合計{n}|{r}、{n}|{r}は{n}|{n}、{r}を|{r}の巡回を{n}|{r}のほうを{n}|{r}をぐるっと{n}")


class JapaneseSteps(JapanesePlaces):
    """All steps; every list of words knows its split."""

    def patrol(self) -> Spoken:
        c = self.c
        zone = c.under(0.1)
        text, words = self.name("zone" if zone else "route")
        draft = Draft(Task.PATROL, Named(words))
        draw = c.random()
        if draw < 0.40 and not zone:
            times, quoted = self.amount(amounts.laps_ja)
            about = c.one(["", "", "", "", "だけ", "ほど"])
            head = c.fill(LAP_FRAMES, r=text, n=times + about)
            verb = c.pick(o.PATROL_LAPS)
            return self.with_limits(Spoken((head,), verb if c.under(0.88) else "", (replace(draft, laps=quoted),)), 0.2)
        if draw < 0.48:
            noun = c.fill(o.PATROL_NOUN, p=text)
            return Spoken((noun + c.pick(o.NOUN_TAIL),), "", (draft,), noun=noun)
        if c.under(0.2) and not zone:
            spoken = Spoken((text + c.one(["の巡回を", "のパトロールを", "の見回りを", "の警備を", "を"]),), c.pick(o.PATROL_DO), (draft,), noun=text + c.one(["の巡回", "の見回り"]))
        else:
            spoken = Spoken((self._wo(text + c.one(["を", "を", "を", "を"])) if c.under(0.85) else text + c.one(["に沿って", "沿いを"]),), c.pick(o.PATROL_ZONE if zone else o.PATROL_WO), (draft,), noun=text + c.one(["の巡回", "のパトロール"]))
        if draw < 0.76:
            spoken = self._until(spoken, [Event.INSTRUCTION, Event.INSTRUCTION, Event.BATTERY_LOW, Event.PERSON_NEAR])
        return self.with_limits(spoken, 0.22)

    def follow(self) -> Spoken:
        c = self.c
        kind = c.one(["person", "person", "person", "person", "vehicle", "vehicle", "any"])
        draft = (Draft(Task.FOLLOW, Thing(kind)),)
        if kind == "person" and c.under(0.25):
            spoken = Spoken((), c.pick(o.FOLLOW_BARE), draft)
        else:
            whom = c.pick(o.ME) if kind == "person" and c.under(0.4) else c.pick(o.WHOM[kind])
            draw = c.random()
            if draw < 0.45:
                spoken = Spoken((whom + c.one(["に", "に", "にぴったり", "にしっかり"]),), c.pick(o.FOLLOW_NI), draft)
            elif draw < 0.72:
                spoken = Spoken((self._wo(whom + "を"),), c.pick(o.FOLLOW_WO), draft)
            else:
                spoken = Spoken((whom + c.one(["の後を", "の後ろを", "のあとを", "の後ろから", "のうしろを"]),), c.pick(o.FOLLOW_ATO), draft)
        if c.under(0.3):
            return self._until(spoken, [Event.INSTRUCTION, Event.INSTRUCTION, Event.INSTRUCTION, Event.BATTERY_LOW])
        return self.with_limits(spoken, 0.3, zones=c.under(0.4))

    def move(self) -> Spoken:
        c, draw = self.c, self.c.random()
        if draw < 0.11:
            direction = c.one(list(o.TURN_PLAIN))
            return Spoken((), c.pick(o.TURN_PLAIN[direction]), (Draft(Task.NAVIGATE, Move(direction)),))
        if draw < 0.17:
            text = c.pick(o.TURN_AROUND)
            words = text[text.index("[") + 1 : text.index("]")]
            before, after = text.split(f"[{words}]")
            if after in ("するs",):
                return Spoken((before + quote(words),), after, (Draft(Task.NAVIGATE, Move("turn left", words)),))
            particle_at = next((i + 1 for i, ch in enumerate(after) if ch in "をにきり" and after[: i + 1] in ("を", "に", "向きに", "方向を", "方向に", "側を")), 0)
            return Spoken((before + quote(words) + after[:particle_at],), after[particle_at:], (Draft(Task.NAVIGATE, Move("turn left", words)),))
        if draw < 0.23:
            words = c.one(["一回転", "半回転", "1回転", "二回転", "2回転", "半周"])
            frame = c.pick(o.SPIN)
            before = frame.split("{q}")[0] + quote(words)
            return Spoken((before,), "するs", (Draft(Task.NAVIGATE, Move("turn left", words)),))
        direction = c.one(["forward", "forward", "forward", "back", "back", "left", "right", "turn left", "turn right"])
        frames, verbs = o.MOVES[direction]
        little = c.under(0.1)
        text, words = self.amount(amounts.little_ja if little else amounts.angle_ja if direction.startswith("turn") else amounts.length_ja)
        head = c.fill(frames, q=text)
        if little and ("ほど" in head or "だけ" in head or "ぶん" in head or "あと" in head):
            head = head.replace("ほど", "").replace("だけ", "").replace("ぶん", "").replace("あと", "")
        draft = Draft(Task.NAVIGATE, Move(direction, words))
        if c.under(0.1):
            return Spoken((c.pick(o.SLOW), head), c.pick(verbs), (replace(draft, slow=True),))
        if direction != "back" and not head.endswith(("}", "\ue001")) and c.under(0.07):
            return Spoken((head,), "", (draft,))
        return Spoken((head,), c.pick(verbs), (draft,))

    def _waited(self, args: tuple[str, ...], drafts: tuple[Draft, ...]) -> Spoken:
        c = self.c
        if args and c.under(0.1):
            return Spoken((*args, c.pick(o.WAIT_NOUN)), "", drafts)
        return Spoken(args, c.pick(o.WAIT), drafts)

    def wait(self) -> Spoken:
        c, draw = self.c, self.c.random()
        where = (c.pick(o.WAIT_WHERE),) if c.under(0.45) else ()
        if draw < 0.45:
            t, quoted = self.amount(amounts.duration_ja)
            time = c.one(["", "", "", "", "あと", "約"]) + t + c.one(["", "", "", "だけ", "ほど", "くらい", "" if quoted.endswith("間") else "の間"])
            if c.under(0.05):
                return self._waited((t.removesuffix("間") + c.one(["経つまで", "たつまで", "過ぎるまで", "経過するまで"]), *where), (Draft(Task.WAIT, duration=quoted),)) if not quoted.endswith("間") or quoted.endswith("時間") else self._waited((t, *where), (Draft(Task.WAIT, duration=quoted),))
            args = (*where, time) if c.under(0.5) else (time, *where)
            return self._waited(args, (Draft(Task.WAIT, duration=quoted),))
        if draw < 0.66:
            event = c.one([Event.INSTRUCTION, Event.INSTRUCTION, *o.EVENTS])
            until = c.pick(o.EVENTS[event])
            return self._waited((*where, until) if c.under(0.5) else (until, *where), (Draft(Task.WAIT, event=event),))
        if draw < 0.75:
            event = c.one(list(o.WAIT_SIGNAL))
            return Spoken(where, c.pick(o.WAIT_SIGNAL[event]), (Draft(Task.WAIT, event=event),))
        return Spoken(where, c.pick(o.WAIT), (Draft(Task.WAIT),))

    def wait_at(self) -> Spoken:
        """Wait at a place: two steps in one clause."""
        c, draw = self.c, self.c.random()
        where, aim = self.place()
        at: tuple[str, ...] = (where + "で",)
        tail = Draft(Task.WAIT)
        if draw < 0.4:
            t, quoted = self.amount(amounts.duration_ja)
            at, tail = ((t, *at) if c.under(0.4) else (*at, t)), replace(tail, duration=quoted)
        elif draw < 0.75:
            event = c.one([Event.INSTRUCTION, Event.INSTRUCTION, Event.PATH_CLEAR, Event.PERSON_NEAR])
            until = c.pick(o.EVENTS[event])
            at, tail = ((until, *at) if c.under(0.4) else (*at, until)), replace(tail, event=event)
        return self._waited(at, (Draft(Task.NAVIGATE, aim), tail))

    def about(self, before: Draft) -> Spoken | None:
        """A step that points back at the place of the step before."""
        c, draw = self.c, self.c.random()
        named = isinstance(before.aim, (Named, Spot)) and before.task in (Task.NAVIGATE, Task.INSPECT)
        plain = named and isinstance(before.aim, Named) and before.aim.relation is Relation.AT
        if draw < 0.28 and before.task in (Task.NAVIGATE, Task.FOLLOW):
            return Spoken((c.pick(STOP_WHERE),) if c.under(0.75) else (), c.pick(STOP_THERE), (Draft(Task.STOP),))
        if draw < 0.50 and plain and before.task is Task.NAVIGATE:
            return Spoken((), c.pick(o.INSPECT_THERE), (Draft(Task.INSPECT, Pointed(Deictic.THERE)),))
        if draw < 0.68 and plain:
            relation = c.one(list(o.THERE_BARE))
            verb = c.pick(o.PARK if c.under(0.5) else NEAR_VERBS)
            if relation in o.THERE_SIDES and c.under(0.6):
                d, quoted = self.amount(amounts.length_ja)
                return Spoken((c.one(o.THERE_SIDES[relation]).format(d=d) + "に",), verb, (Draft(Task.NAVIGATE, Pointed(Deictic.THERE, relation, quoted)),))
            return Spoken((c.one(o.THERE_BARE[relation]) + "に",), verb, (Draft(Task.NAVIGATE, Pointed(Deictic.THERE, relation)),))
        if draw < 0.80 and plain:
            task = c.one([Task.NAVIGATE, Task.NAVIGATE, Task.INSPECT, Task.DOCK] if before.task is not Task.INSPECT else [Task.INSPECT])
            which = c.one(["もう一つの方", "もう一つのほう", "もう片方", "もう一方", "もう一個の方"])
            args, verb = {Task.NAVIGATE: (which + c.one(["に", "へ", "にも"]), c.pick(o.GO)), Task.INSPECT: (which + c.one(["を", "も"]), c.pick(o.INSPECT_WO)), Task.DOCK: (which + "で", c.pick(o.DOCK_DE))}[task]
            return Spoken((args,), verb, (Draft(task, Pointed(Deictic.OTHER)),))
        return self.wait() if named else None
