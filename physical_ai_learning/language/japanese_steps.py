# ruff: noqa: E501  (tables of weights read better long)
"""One spoken Japanese step for each task: the words before the verb, the verb, and its drafts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from physical_ai_core.goal import Event, Relation, Task
from physical_ai_learning.language import amounts, names
from physical_ai_learning.language import japanese_orders as o
from physical_ai_learning.language.clause import quote
from physical_ai_learning.language.english_steps import DOCKS
from physical_ai_learning.language.japanese_talk import NAMED, STOP_THERE, STOP_WHERE
from physical_ai_learning.language.phrases import Chance, Phrases
from physical_ai_planner.language.compact import Deictic, Draft, Move, Named, Pointed, Spot, Thing

CHARGER_WORDS = ("充電器", "充電ステーション", "充電スポット", "充電スタンド", "充電台", "充電パッド", "充電ドック")


@dataclass(frozen=True)
class Spoken:
    """A step before its verb is put in the form that its position asks for."""

    args: tuple[str, ...]  # in their usual order; the last is the verb's own
    verb: str  # with its class; "" where the words end without one
    drafts: tuple[Draft, ...]
    remark: str = ""  # said after the verb: "ゆっくりね"
    noun: str = ""  # the same as a noun: "ポンプの点検"
    short: str = ""  # without its verb: "棚へ"

    @property
    def head(self) -> str:
        return "".join(self.args)


class JapaneseSteps:
    """Draws steps; every list of words knows its split."""

    def __init__(self, chance: Chance) -> None:
        self.c = chance

    # --- words -------------------------------------------------------------------------------------------------
    def name(self, kind: str) -> tuple[str, str]:
        c = self.c
        word = names.english(c, kind)[0] if c.under(0.05) else names.japanese(c, kind)
        text = quote(word)
        if c.under(0.012):
            text = c.one(["「{}」", "『{}』", "\"{}\""]).format(text)
        if c.under(0.02):
            text = c.fill(NAMED, p=text)
        elif c.under(0.03):
            text = c.one(["あの", "その", "うちの", "例の"]) + text
        return text, word

    def amount(self, make: amounts.Maker) -> tuple[str, str]:
        words = make(self.c)
        return quote(words), words

    def _wo(self, words: str) -> str:
        """An object's を, which people drop or turn into は."""
        if words.endswith("を"):
            draw = self.c.random()
            if draw < 0.13:
                return words[:-1]
            if draw < 0.17:
                return words[:-1] + "は"
            if draw < 0.20:
                return words[:-1] + "、"
        return words

    def with_limits(self, spoken: Spoken, share: float = 0.4, zones: bool = True) -> Spoken:
        if not self.c.under(share):
            return spoken
        spoken = self._limited(spoken, zones)
        return self._limited(spoken, zones) if self.c.under(0.18) else spoken

    def _limited(self, spoken: Spoken, zones: bool) -> Spoken:
        """The step with one more limit, before or behind its own words or after the verb."""
        c, draw, draft = self.c, self.c.random(), spoken.drafts[-1]
        after = not spoken.remark and c.under(0.14) and spoken.verb != ""
        if draw < 0.36 and not draft.slow and not draft.speed:
            given: dict[str, Any] = {"slow": True}
            words = "ゆっくり" if draft.task is Task.INSPECT else c.pick(o.SLOW_AFTER if after else o.SLOW)
        elif draw < 0.60 and not draft.speed and not draft.slow:
            text, quoted = self.amount(amounts.speed_ja)
            given, words = {"speed": quoted}, c.fill(o.SPEED_AFTER if after else o.SPEED, v=text)
        elif draw < 0.73 and not draft.clearance:
            text, quoted = self.amount(amounts.length_ja)
            given, words = {"clearance": quoted}, c.fill(o.CLEAR_AFTER if after else o.CLEAR, v=text)
        elif draw < 0.90 and zones and len(draft.avoid) < 3:
            text, quoted = self.name("zone")
            given = {"avoid": (*draft.avoid, quoted)}
            if c.under(0.15):
                text2, quoted2 = self.name("zone")
                text, given = f"{text}{c.one(['と', 'や', 'も'])}{text2}", {"avoid": (*draft.avoid, quoted, quoted2)}
            words = c.fill(o.AVOID_AFTER if after else o.AVOID, z=text)
        else:
            given, words, after = {}, c.pick(o.FAST), False
        drafts = (*spoken.drafts[:-1], replace(draft, **given))
        if after:
            return replace(spoken, remark=words, drafts=drafts, noun="")
        words += c.one(["", "", "", "、"])
        if spoken.verb and c.under(0.28) and not spoken.head.endswith(("が", "か")):
            args = (*spoken.args, words)
        else:
            args = (words, *spoken.args)
        return replace(spoken, args=args, drafts=drafts, noun="")

    # --- steps -------------------------------------------------------------------------------------------------
    def place(self) -> tuple[str, Named]:
        c = self.c
        text, words = self.name("place" if c.under(0.85) else "zone")
        if c.under(0.66):
            return text + (c.pick(o.BARE) if c.under(0.13) else ""), Named(words)
        relation = c.one(list(o.RELATIONS))
        if c.under(0.28):
            distance, quoted = self.amount(amounts.length_ja)
            return text + c.fill(o.SIDES[relation], d=distance), Named(words, relation, quoted)
        return c.fill(o.RELATIONS[relation], p=text), Named(words, relation)

    def go(self) -> Spoken:
        c = self.c
        where, aim = self.place()
        draft = (Draft(Task.NAVIGATE, aim),)
        draw = c.random()
        if aim.relation is not Relation.AT and draw < 0.30:
            verb = c.pick(o.PARK)
            particle = "で" if verb.startswith(("止", "停", "と", "立って")) and c.under(0.5) else c.one(["に", "に", "へ"])
            spoken = Spoken((where + particle,), verb, draft, short=where)
        elif draw < 0.74:
            particle = c.one(["まで", "まで", "に", "に", "へ"])
            verb = c.pick(o.GO_MADE if particle == "まで" else o.GO)
            if c.under(0.1) and not verb.startswith(("入", "渡")):
                particle = ""
            spoken = Spoken((where + particle + c.one(["", "", "", "", "、"]),), verb, draft, short=where + c.one(["", "へ", "に", "まで"]))
        elif draw < 0.80:
            spoken = Spoken((where + "を",), c.pick(o.AT_WO), draft, short=where)
        elif draw < 0.87:
            spoken = Spoken((where + "に",), c.pick(o.AT_NI), draft, short=where)
        else:
            return self.with_limits(Spoken((where + c.pick(o.GO_TAIL),), "", draft, short=where), 0.15)
        return self.with_limits(spoken)

    def point(self) -> Spoken:
        c = self.c
        before, words, after = amounts.point_ja(c)
        where = before + quote(words) + after
        draft = (Draft(Task.NAVIGATE, Spot(words)),)
        particle = c.one(["まで", "に", "へ", "に"])
        return self.with_limits(Spoken((where + particle,), c.pick(o.GO_MADE if particle == "まで" else o.GO), draft, short=where), 0.15)

    def start(self) -> Spoken:
        return self.with_limits(Spoken((), self.c.pick(o.START), (Draft(Task.NAVIGATE, Pointed(Deictic.START)),)), 0.2)

    def inspect(self) -> Spoken:
        c = self.c
        if c.under(0.035):
            kind = c.one(list(o.INSPECT_THING))
            return Spoken((self._wo(c.one(o.INSPECT_THING[kind]) + "を"),), c.pick(o.INSPECT_WO), (Draft(Task.INSPECT, Thing(kind)),))
        text, words = self.name("place" if c.under(0.75) else "zone")
        draft = (Draft(Task.INSPECT, Named(words)),)
        draw = c.random()
        if draw < 0.10:
            noun = c.fill(o.INSPECT_NOUN, p=text)
            return Spoken((noun + c.pick(o.NOUN_TAIL),), "", draft, noun=noun)
        if draw < 0.16:
            return Spoken((self._wo(c.fill(o.PHOTO, p=text)),), c.pick(o.PHOTO_VERBS), draft)
        if draw < 0.20:
            relation = c.one([Relation.BEHIND, Relation.FRONT, Relation.LEFT, Relation.RIGHT])
            return Spoken((self._wo(c.fill(o.RELATIONS[relation], p=text) + "を"),), c.pick(o.INSPECT_WO), (Draft(Task.INSPECT, Named(words, relation)),))
        if draw < 0.26:
            return Spoken((c.fill(o.INSPECT_SENTENCE, p=text),), "", draft, noun=text + "の点検")
        words_before = c.fill(o.INSPECT_OBJ, p=text)
        verb = c.pick(o.INSPECT_KA if words_before.endswith("か") else o.INSPECT_WO)
        spoken = Spoken((self._wo(words_before),), verb, draft, noun=text + c.one(["の点検", "の確認", "点検", "のチェック"]), short=text)
        return self.with_limits(spoken, 0.2)

    def dock(self) -> Spoken:
        c = self.c
        event = Event.BATTERY_FULL if c.under(0.26) else None
        until, duration = (c.pick(o.EVENTS[event]) if event else ""), None
        if event is None and c.under(0.1):
            until, duration = self.amount(amounts.duration_ja)
        front = (until,) if until else ()
        if c.under(0.42):
            draft = Draft(Task.DOCK, Pointed(Deictic.CHARGE), event=event, duration=duration)
            if not until and c.under(0.2):
                return Spoken((c.pick(o.CHARGE_SENTENCE),), "", (draft,), noun="充電")
            return Spoken(front, c.pick(o.CHARGE), (draft,), noun="充電" if not front else "")
        text, words = self.name("place")
        if c.under(0.22):
            words = c.one(CHARGER_WORDS) + c.one(["", "", "2", "A", "B"])
            text = quote(words)
            if c.under(0.3) and not until:
                return Spoken((text + "に",), c.one(["駐車するs", "停車するs", "入る5", "停まる5"]), (Draft(Task.DOCK, Named(words)),))
        draft = Draft(Task.DOCK, Named(words), event=event, duration=duration)
        if until or c.under(0.45):
            args = (*front, text + "で") if c.under(0.5) else (text + "で", *front)
            return Spoken(args, c.pick(o.DOCK_DE), (draft,))
        if c.under(0.1):
            return Spoken((text + c.one(["で充電", "でドッキング", "で充電お願い", "で充電をお願いします", "へドッキング", "にドッキングお願いします"]),), "", (draft,))
        verb = c.pick(o.DOCK_NI)
        if verb.startswith(("行って", "戻って", "入って", "充電")) and not DOCKS.search(words):
            words = c.one(("ドック", *CHARGER_WORDS)) + c.one(["A", "B", "1", "2", "北"])  # 倉庫に行って充電して are two steps
            text, draft = quote(words), Draft(Task.DOCK, Named(words))
        return self.with_limits(Spoken((text + c.one(["に", "に", "へ"]),), verb, (draft,)), 0.15)

    def cover(self) -> Spoken:
        c = self.c
        text, words = self.name("zone")
        tool = c.under(0.68)
        draft = Draft(Task.COVER, Named(words), tool=tool)
        drawn = c.random()
        work = c.pick(o.COVER_WORK)
        if tool and drawn < 0.08:
            return Spoken((c.fill(o.COVER_TOOL_SENTENCE, p=text),), "", (draft,))
        if drawn < 0.16:
            noun = c.fill(o.COVER_TOOL_NOUN if tool else o.COVER_NOUN, p=text, w=work)
            return Spoken((noun + c.pick(o.NOUN_TAIL),), "", (draft,), noun=noun)
        frames, verbs = (o.COVER_TOOL if c.under(0.6) else o.COVER_TOOL[:1])[0] if tool and c.under(0.4) else c.one(o.COVER_TOOL) if tool else o.COVER[0]
        head = self._wo(c.fill(frames, p=text, s=c.pick(o.COVER_STUFF), w=work, m=c.pick(o.MACHINES)))
        spoken = Spoken((head,), c.pick(verbs), (draft,), noun=f"{text}の{work}" if tool else "")
        if c.under(0.08):
            z, zone = self.name("zone")
            return replace(spoken, args=(c.fill(o.COVER_EXCEPT, z=z) + c.one(["", "、"]), *spoken.args), drafts=(replace(draft, avoid=(zone,)),), noun="")
        if c.under(0.06):
            return self._until(spoken, [Event.INSTRUCTION, Event.BATTERY_LOW, Event.PERSON_NEAR])
        return self.with_limits(spoken, 0.36)

    def _until(self, spoken: Spoken, events: list[Event], duration: float = 0.4) -> Spoken:
        c, draft = self.c, spoken.drafts[-1]
        if c.under(duration):
            t, quoted = self.amount(amounts.duration_ja)
            words, draft = t + c.one(["", "", "", "だけ", "ほど", "くらい", "" if quoted.endswith("間") else "の間"]), replace(draft, duration=quoted)
        else:
            event = c.one(events)
            words, draft = c.pick(o.EVENTS[event]), replace(draft, event=event)
        drafts = (*spoken.drafts[:-1], draft)
        args = (words + c.one(["", "、"]), *spoken.args) if c.under(0.5) or not spoken.verb else (*spoken.args, words)
        return replace(spoken, args=args, drafts=drafts, noun="")

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


NEAR_VERBS = Phrases("行く5|移動するs|来るk|進む5|動く5|回る5|向かう5", shared=True)
LAP_FRAMES = Phrases("!{r}を{n}|!{n}{r}を|{r}{n}|{r}を、{n}|{r}で{n}|{r}に沿って{n}|{r}を合計{n}|{r}、{n}|{r}は{n}|{n}、{r}を|{r}の巡回を{n}|{r}のほうを{n}|{r}をぐるっと{n}")
