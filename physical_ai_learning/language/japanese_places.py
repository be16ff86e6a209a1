# ruff: noqa: E501  (tables of weights read better long)
"""Spoken Japanese steps that concern a place or an area: the words before the verb, the verb, and the drafts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from physical_ai_core.goal import Event, Relation, Task
from physical_ai_learning.language import amounts, names
from physical_ai_learning.language import japanese_orders as o
from physical_ai_learning.language.clause import quote
from physical_ai_learning.language.english_places import DOCKS
from physical_ai_learning.language.japanese_talk import NAMED
from physical_ai_learning.language.phrases import Chance
from physical_ai_planner.language.compact import Deictic, Draft, Named, Pointed, Spot, Thing

CHARGER_WORDS = ("充電器", "充電ステーション", "充電スポット", "充電スタンド", "充電台", "充電パッド", "充電ドック")

HASTE = ("急", "駆け", "ダッシュ", "飛んで", "ひとっ走り")  # nobody does these slowly


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


class JapanesePlaces:
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
        if draw < 0.36 and not draft.slow and not draft.speed and not spoken.verb.startswith(HASTE):
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
            spoken = Spoken((where + particle + c.one(["", "", "", "", "、"]),), verb, draft, short=where + c.one(["", "へ", "まで"]))
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
