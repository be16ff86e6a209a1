"""From a compact goal to checked steps of this site: the numeric side's word on what the model wrote.

Every name is matched to the site (`names`), every amount read (`quantities`). What cannot be grounded becomes a
question or a refusal as a whole: no part of an instruction is carried out with another part dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

import shapely

from physical_ai_core.goal import (
    DisplacementTarget,
    Limits,
    ObjectTarget,
    PlaceTarget,
    PoseTarget,
    Question,
    Refusal,
    RefusalReason,
    Relation,
    RouteTarget,
    Step,
    Target,
    Task,
    Until,
    ZoneTarget,
)
from physical_ai_core.site import Site, ZoneKind
from physical_ai_planner.language import quantities, words
from physical_ai_planner.language.compact import (
    MAX_STEPS,
    Aim,
    Ask,
    Compact,
    Deictic,
    Draft,
    Move,
    Named,
    No,
    Pointed,
    Spot,
    Thing,
)
from physical_ai_planner.language.names import Kind, NameBook
from physical_ai_planner.language.ranges import spread

LEAST_MPS = 0.01  # slower is no speed to drive at
SLOW_MPS = 0.5  # "slowly", where nobody gave a number
_KINDS: dict[Task, tuple[Kind, ...]] = {
    Task.NAVIGATE: ("place", "zone"),
    Task.COVER: ("zone",),
    Task.INSPECT: ("place", "zone"),
    Task.DOCK: ("place",),
    Task.PATROL: ("route", "zone"),
}
_HOME_WORDS = frozenset(
    {
        *("home", "home position", "base", "start", "starting point", "start position", "starting position", "origin"),
        *("出発点", "スタート地点", "元の場所", "元の位置", "最初の場所", "基地", "家", "定位置", "ホーム"),
    }
)
_CHARGE_WORDS = ("charg", "充電", "給電")
_NOT_ABLE = RefusalReason.NOT_ABLE
_REFUSALS = {
    "unclear": RefusalReason.NOT_UNDERSTOOD,
    "forbidden": RefusalReason.FORBIDDEN,
    "able": RefusalReason.NOT_ABLE,
}


class _Instead(Exception):
    """Carries the question or refusal that stands in place of the steps."""

    def __init__(self, reply: Question | Refusal) -> None:
        super().__init__()
        self.reply = reply


def ground(
    compact: Compact, site: Site, book: NameBook, present: str | None = None
) -> tuple[Step, ...] | Question | Refusal:
    """Steps on `site`, or what to say instead. `present` is the id of the place that "there" means at first."""
    if isinstance(compact, Ask):
        return words.ask(compact.about)
    if isinstance(compact, No):
        return words.refuse(_REFUSALS[compact.why])
    steps: list[Step] = []
    last = present
    try:
        drafts = [part for draft in compact.drafts for part in _each(draft, book)]
        if len(drafts) > MAX_STEPS:
            raise _Instead(words.ask("what"))
        for number, draft in enumerate(drafts):
            following = _first_named(drafts[number + 1 :], book)
            step = _Grounding(site, book, last, following).step(draft)
            if isinstance(step.target, (PlaceTarget, ZoneTarget)):
                last = step.target.name
            there = step.task is Task.NAVIGATE and isinstance(step.target, PlaceTarget) and steps[-1:] == [step]
            if not there:  # to go where one just went is no step of its own
                steps.append(step)
        return _repeated(steps, compact.again)
    except _Instead as instead:
        return instead.reply


def _each(draft: Draft, book: NameBook) -> list[Draft]:
    """A draft for each place of a quoted range; the draft itself where it quotes none."""
    if not isinstance(draft.aim, Named) or draft.task not in _KINDS:
        return [draft]
    ids = spread(draft.aim.words, frozenset(_KINDS[draft.task]), book)
    return [replace(draft, aim=replace(draft.aim, words=key.replace("_", " "))) for key in ids] or [draft]


def _first_named(drafts: Sequence[Draft], book: NameBook) -> str | None:
    """Id of the first target among `drafts` that is named without doubt."""
    for draft in drafts:
        if isinstance(draft.aim, Named):
            sure = book.find(draft.aim.words, frozenset(_KINDS[draft.task])).sure
            if len(sure) == 1:
                return sure[0]
    return None


def _repeated(steps: list[Step], again: str | None) -> tuple[Step, ...]:
    """All of it as often as asked for; a moment and a word about the goal are not repeated."""
    if again is None:
        return tuple(steps)
    times = _must(again, quantities.count(again))
    if not 1 <= times * len(steps) <= MAX_STEPS:
        raise _Instead(words.unread(again))
    return tuple(steps) * int(times)


class _Grounding:
    """One draft on one site."""

    def __init__(self, site: Site, book: NameBook, there: str | None, following: str | None = None) -> None:
        """`there`: the place before; `following`: the next place of the same order, for lists that share a word."""
        self.site, self.book, self.there, self.following = site, book, there, following

    def step(self, draft: Draft) -> Step:
        return Step(
            task=draft.task,
            target=self._target(draft.aim, draft.task) if draft.aim is not None else None,
            limits=self._limits(draft),
            until=_until(draft),
            tool=True if draft.tool else None,
        )

    def _target(self, aim: Aim, task: Task) -> Target:
        if isinstance(aim, Thing):
            return ObjectTarget(class_name=aim.class_name)  # type: ignore[arg-type]
        if isinstance(aim, Move):
            return _displacement(aim)
        if isinstance(aim, Pointed):
            return self._place(self._pointed(aim), task, aim.relation, _distance_m(aim))
        if isinstance(aim, Spot):
            return self._point(*(quantities.position_m(aim.words) or _unread(aim.words)))
        point = quantities.coordinates_m(aim.words)
        named = self.book.find(aim.words, frozenset(_KINDS[task])).sure
        if point is not None and not named and aim.relation is Relation.AT and task in (Task.NAVIGATE, Task.INSPECT):
            return self._point(*point)
        distance = _distance_m(aim)
        return self._place(self._named(aim.words, _KINDS[task]), task, aim.relation, distance, aim.words)

    def _named(self, spoken: str, kinds: tuple[Kind, ...]) -> str:
        match = self.book.find(spoken, frozenset(kinds))
        if len(match.sure) == 1:
            return match.sure[0]
        if match.sure:
            for neighbour in (self.there, self.following):
                meant = self.book.sibling(spoken, match.sure, neighbour) if neighbour is not None else None
                if meant is not None:
                    return meant
            raise _Instead(words.which(spoken, match.sure, self.site))
        elsewhere = self.book.find(spoken, frozenset(self.book.kind_of.values()))
        if elsewhere.sure:  # known, but not a thing one does this with
            options = [key for key, kind in self.book.kind_of.items() if kind == kinds[0] and self._nameable(key)]
            raise _Instead(words.which(spoken, options, self.site) if options else words.refuse(RefusalReason.NOT_ABLE))
        if spoken.lower().removeprefix("the ").strip() in _HOME_WORDS and "place" in kinds:
            return self.site.start
        if match.maybe:
            raise _Instead(words.did_you_mean(spoken, match.maybe, self.site))
        raise _Instead(words.unknown_place(spoken, self.book.alike(spoken, frozenset(kinds)), self.site))

    def _nameable(self, key: str) -> bool:
        zone = self.site.zones.get(key)
        return key in self.site.spoken_names() and (
            zone is None or zone.kind not in (ZoneKind.KEEP_OUT, ZoneKind.GEOFENCE)
        )

    def _pointed(self, aim: Pointed) -> str:
        if aim.what is Deictic.START:
            return self.site.start
        if aim.what is Deictic.THERE:
            if self.there is None:
                raise _Instead(words.ask("where"))
            return self.there
        if aim.what is Deictic.OTHER:
            others = self.book.beside(self.there) if self.there is not None else ()
            if not others:
                raise _Instead(words.ask("where"))
            if len(others) > 1:
                raise _Instead(words.which("the other one", others, self.site, "もう一つ"))
            return others[0]
        spoken = self.site.spoken_names()
        chargers = [
            key
            for key, place in self.site.places.items()
            if place.dock
            and any(mark in name.lower() for name in (key, *spoken.get(key, ())) for mark in _CHARGE_WORDS)
        ] or [key for key, place in self.site.places.items() if place.dock]
        if not chargers:
            raise _Instead(words.unknown_place("charger", ja="充電器"))
        if len(chargers) > 1:
            raise _Instead(words.which("charger", chargers, self.site, "充電器"))
        return chargers[0]

    def _place(
        self, key: str, task: Task, relation: Relation, distance_m: float | None, spoken: str | None = None
    ) -> Target:
        kind = self.book.kind_of[key]
        if kind == "route":
            return RouteTarget(name=key)
        if kind == "place":
            if task in (Task.COVER, Task.PATROL):
                raise _Instead(words.ask("where"))
            if task is Task.DOCK and not self.site.places[key].dock:
                docks = [name for name, place in self.site.places.items() if place.dock and self._nameable(name)]
                raise _Instead(words.which(spoken or key, docks, self.site) if docks else words.refuse(_NOT_ABLE))
            return PlaceTarget(name=key, relation=relation, distance_m=distance_m)
        zone = self.site.zones[key]
        if relation is not Relation.AT:
            raise _Instead(words.unread(f"{relation.value} {spoken or key}"))  # a zone has no front
        if zone.kind is ZoneKind.KEEP_OUT:
            raise _Instead(words.forbidden_zone(spoken or key))
        if task is Task.DOCK:
            raise _Instead(words.ask("where"))
        return ZoneTarget(name=key)

    def _point(self, x_m: float, y_m: float) -> PoseTarget:
        point = shapely.Point(x_m, y_m)
        for key, zone in self.site.zones.items():
            inside = bool(zone.shape.covers(point))
            if inside if zone.kind is ZoneKind.KEEP_OUT else not inside and zone.kind is ZoneKind.GEOFENCE:
                raise _Instead(words.forbidden_zone(key) if inside else words.refuse(RefusalReason.FORBIDDEN))
        return PoseTarget(x_m=x_m, y_m=y_m)

    def _limits(self, draft: Draft) -> Limits:
        speed = _must(draft.speed, quantities.speed_mps(draft.speed, self.site.max_speed_mps)) if draft.speed else None
        if draft.slow:
            speed = min(speed or SLOW_MPS, SLOW_MPS)
        clearance = _must(draft.clearance, quantities.length_m(draft.clearance)) if draft.clearance else None
        if speed is not None and not LEAST_MPS <= speed <= 20.0:
            _unread(draft.speed or "")
        if clearance is not None and clearance > 10.0:
            _unread(draft.clearance or "")
        return Limits(
            max_speed_mps=round(min(speed, self.site.max_speed_mps), 4) if speed else None,
            min_clearance_m=clearance,
            keep_out=tuple(dict.fromkeys(self._named(spoken, ("zone",)) for spoken in draft.avoid)),
        )


def _distance_m(aim: Named | Pointed) -> float | None:
    if not aim.distance:
        return None
    metres = _must(aim.distance, quantities.length_m(aim.distance))
    return metres if metres <= 50.0 else _unread(aim.distance)


def _displacement(move: Move) -> DisplacementTarget:
    if move.direction.startswith("turn"):
        angle = _must(move.amount, quantities.angle_rad(move.amount)) if move.amount else math.pi / 2
        return DisplacementTarget(turn_rad=angle if move.direction == "turn left" else -angle)
    if move.amount is None:
        raise _Instead(words.ask("far"))
    metres = _must(move.amount, quantities.length_m(move.amount))
    if not 0.0 < metres <= 100.0:
        _unread(move.amount)
    sign = 1.0 if move.direction in ("forward", "left") else -1.0
    if move.direction in ("forward", "back"):
        return DisplacementTarget(forward_m=sign * metres)
    return DisplacementTarget(left_m=sign * metres)


def _until(draft: Draft) -> Until | None:
    duration = _must(draft.duration, quantities.duration_s(draft.duration)) if draft.duration else None
    laps = int(_must(draft.laps, quantities.count(draft.laps))) if draft.laps else None
    if duration is None and laps is None and draft.event is None:
        return None
    return Until(duration_s=duration, laps=laps, event=draft.event)


def _unread(spoken: str) -> NoReturn:
    raise _Instead(words.unread(spoken))


def _must(spoken: str | None, amount: float | None) -> float:
    if amount is None:
        raise _Instead(words.unread(spoken or ""))
    return amount
