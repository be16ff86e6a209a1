"""A random site for one order: the names it speaks of, others beside them, a place to stand. Judges lines by it.

What a written line means shows only on a site: two lines may differ and lead to the same goal, or look alike and lead
elsewhere. So every order gets a site of its own, from the names that its right line quotes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from physical_ai_core.errors import GoalError
from physical_ai_core.goal import Relation, Task
from physical_ai_core.site import Site
from physical_ai_planner.language.compact import Deictic, Draft, Named, Plan, Pointed, read
from physical_ai_planner.language.names import is_japanese

Kind = Literal["place", "dock", "zone", "keep_out", "route"]
START = "home"
_LABEL = re.compile(r"(?<![A-Za-z])[A-Z](?![A-Za-z])|\d+")
_ZONES: frozenset[Kind] = frozenset({"zone", "keep_out"})


@dataclass(frozen=True)
class World:
    """A site, and the id of the place that "there" means before the order names one."""

    site: Site
    present: str | None


def spoken(line: str) -> list[tuple[str, Kind]]:
    """Names that a goal line quotes, with what they have to be; none where the line cannot be read."""
    try:
        compact = read(line)
    except GoalError:
        return []
    return [pair for draft in compact.drafts for pair in _of_draft(draft)] if isinstance(compact, Plan) else []


def _of_draft(draft: Draft) -> list[tuple[str, Kind]]:
    found: list[tuple[str, Kind]] = [(zone, "keep_out") for zone in draft.avoid]
    if isinstance(draft.aim, Named):
        kinds: dict[Task, Kind] = {Task.DOCK: "dock", Task.COVER: "zone", Task.PATROL: "route"}
        found.insert(0, (draft.aim.words, kinds.get(draft.task, "place")))
    return found


def world(target: str, rng: random.Random, others: Sequence[tuple[str, Kind]] = ()) -> World:
    """A site for the order whose right line is `target`; `others` are names that stand on it beside the order's own."""
    site = _Builder(rng)
    site.add(START, "dock" if rng.random() < 0.2 else "place", ("home base", "ホームベース"))
    aims = _aims(target)
    named: dict[str, Kind] = {}
    for words, kind in spoken(target):
        before = named.get(words)
        if kind == "place" and before is None and rng.random() < 0.15 and _may_be_zone(words, aims):
            kind = "zone"
        if before is None or (before == "place" and kind == "dock"):
            named[words] = kind
    for words, kind in named.items():
        site.named(words, kind)
    for words, kind in others:
        if words not in named:
            site.named(words, kind)
    if any(isinstance(a, Pointed) and a.what is Deictic.CHARGE for a in aims) or rng.random() < 0.3:
        site.add("charger", "dock", ("charger", "充電器"))
    present = _present(site, target, aims, named, rng)
    return World(site.site(), present)


def _aims(target: str) -> list[Any]:
    try:
        compact = read(target)
    except GoalError:
        return []
    return [draft.aim for draft in compact.drafts] if isinstance(compact, Plan) else []


def _may_be_zone(words: str, aims: Iterable[Any]) -> bool:
    """A zone has no front: where a relation is said, the name is of a place."""
    return all(a.relation is Relation.AT for a in aims if isinstance(a, Named) and a.words == words)


def _present(site: _Builder, target: str, aims: list[Any], named: dict[str, Kind], rng: random.Random) -> str | None:
    """Where the robot is bound for now. "The other one" needs a place, and its like beside it."""
    if not any(isinstance(a, Pointed) and a.what in (Deictic.OTHER, Deictic.THERE) for a in aims):
        return START if rng.random() < 0.5 else None
    area = re.match(r"(?:next )?(?:cover|patrol) (?:there|other)", target) is not None
    kind: Kind = "zone" if area else "dock"
    for words in named:  # "go to dock A, then to the other one"
        label = _LABEL.search(words)
        if label and any(isinstance(a, Pointed) and a.what is Deictic.OTHER for a in aims):
            other = chr(65 + (ord(label[0]) - 64) % 26) if label[0].isalpha() else str(int(label[0]) + 1)
            site.named(words[: label.start()] + other + words[label.end() :], named[words])
    site.add("pair_a", kind, ("stand A", "スタンドA"))
    site.add("pair_b", kind, ("stand B", "スタンドB"))
    return "pair_a"


class _Builder:
    """Collects names and lays everything out on a grid, zones far from places."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.kinds: dict[str, Kind] = {}
        self.names: dict[str, dict[str, tuple[str, ...]]] = {}
        self._known: set[str] = set()

    def add(self, key: str, kind: Kind, names: tuple[str, str]) -> None:
        self.kinds[key] = kind
        self.names[key] = {"en": (names[0],), "ja": (names[1],)}
        self._known.update(names)

    def named(self, words: str, kind: Kind) -> None:
        if words in self._known:
            return
        self._known.add(words)
        key = f"n{len(self.kinds)}"
        self.kinds[key] = kind
        self.names[key] = {"ja" if is_japanese(words) else "en": (words,)}

    def site(self) -> Site:
        places: dict[str, Any] = {}
        zones: dict[str, Any] = {}
        routes: dict[str, Any] = {}
        for i, (key, kind) in enumerate(self.kinds.items()):
            names, x, y = self.names[key], float(10 * (i % 6)), float(10 * (i // 6))
            if kind == "route":
                routes[key] = {"names": names, "places": (START, START)}
            elif kind in _ZONES:
                corners = ((x, y + 500.0), (x + 8.0, y + 500.0), (x + 8.0, y + 508.0), (x, y + 508.0))
                zones[key] = {"names": names, "kind": "work", "polygon": corners}
                if kind == "keep_out" and self.rng.random() < 0.5:
                    zones[key]["kind"] = "keep_out"
            else:
                places[key] = {"names": names, "pose": {"x_m": x, "y_m": y}, "dock": kind == "dock"}
        return Site.model_validate(
            {"name": "practice", "start": START, "places": places, "zones": zones, "routes": routes}
        )
