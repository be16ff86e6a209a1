"""Where the rules leave the robot room, hour by hour of the week: contradictions that lie in the ground.

Only what nobody can lift counts as shut here: fences and keep-out areas, of site and rules, without conditions or with
hours alone. Gates open, loads are set down and people approve; then somebody can help.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import shapely

from physical_ai_core.robot import Robot
from physical_ai_core.site import Site, ZoneKind
from physical_ai_safety.areas import area_of, areas
from physical_ai_safety.clauses.hours import spans
from physical_ai_safety.contradiction import Conflict
from physical_ai_safety.dead_ends import way_through
from physical_ai_safety.rule_forms import DAY_MIN, DAYS, AnyRule, Approval, Forbid, Geofence, KeepOut, PlacedRule
from physical_ai_safety.schema import RulesFile
from physical_ai_safety.zones import SIGMAS, WORLD_M, outside, ways_out

GRID = 40  # points along either side of an area, where it is looked at point by point
TOUCH_M = 1e-6


class Shut(NamedTuple):
    """Ground that is shut, for the minutes of the week in `spans`; none: always. `told`: how it is named.

    `stays`: whoever is inside when the hour comes stands there until it is over, as the rule means it.
    """

    told: str
    shape: Any
    spans: tuple[tuple[int, int], ...] = ()
    stays: bool = False
    fence: bool = False

    def at(self, minute: int) -> bool:
        return not self.spans or any(start <= minute < end for start, end in self.spans)

    def meets(self, other: Shut) -> bool:
        """Both hold at the same time at some time."""
        starts = [start for start, _ in (*self.spans, *other.spans)] or [0]
        return any(self.at(minute) and other.at(minute) for minute in starts)


class Space:
    """The ground of a site under its own zones and a rules file."""

    def __init__(self, file: RulesFile, site: Site, robot: Robot) -> None:
        self._file, self._site, self._robot = file, site, robot
        self._shapes = areas(file.rules, site)
        beds, fences = site.zones_of(ZoneKind.KEEP_OUT), site.zones_of(ZoneKind.GEOFENCE)
        self._own: list[Shut] = []
        if fences:
            fence = shapely.unary_union([zone.shape for zone in fences.values()])
            self._own.append(Shut(f"zone '{'+'.join(sorted(fences))}' of the site", outside(fence)))
        self._own += [Shut(f"zone '{name}' of the site", zone.shape) for name, zone in beds.items()]
        self._ruled = [self._shut(rule) for rule in file.rules if rule.id in self._shapes and _shuts(rule)]
        hull = shapely.MultiPoint([tuple(corner) for corner in robot.footprint]).convex_hull
        doubt_m = SIGMAS * file.localisation.min_sigma_m
        self._half_width_m, self._radius_m = _half_width(hull) + doubt_m, robot.radius_m + doubt_m

    def conflicts(self) -> Iterator[Conflict]:
        yield from self._room()
        yield from self._places()
        yield from self._in_vain()
        yield from self._no_way_out()
        yield from self._dead_ends()

    def _shut(self, rule: AnyRule) -> Shut:
        hours = tuple(spans(rule.when.hours or ()))
        stays = bool(hours) and isinstance(rule, Forbid)
        return Shut(_say(rule), self._shapes[rule.id], hours, stays, isinstance(rule, Geofence))

    # --- room to be ---

    def _room(self) -> Iterator[Conflict]:
        """At every hour there must be a place where the robot fits."""
        found: set[tuple[str, str]] = set()
        for minute in sorted({0, *(start for shut in self._ruled for start, _ in shut.spans)}):
            shut = [one for one in (*self._own, *self._ruled) if one.at(minute) and not one.stays]
            pair = self._emptied(shut)
            if pair is None or pair in found:
                continue
            found.add(pair)
            when = "" if not any(one.spans for one in shut) else f" on {DAYS[minute // DAY_MIN]} {_clock(minute)}"
            yield Conflict(
                *pair, f"together they leave no place where the robot fits{when}",
                "move or shrink one of them; to keep the robot standing at such an hour, say"
                " `kind: forbid, actions: [move]` with these hours",
            )  # fmt: skip

    def _emptied(self, shut: Sequence[Shut]) -> tuple[str, str] | None:
        """The first that leaves no room, and the last of those before it that have a part in that; none: the robot."""
        if self._fits(shut):
            return None
        last = next(k for k in range(len(shut)) if not self._fits(shut[: k + 1]))
        part = list(shut[:last])
        for one in shut[:last]:
            others = [other for other in part if other is not one]
            if not self._fits([*others, shut[last]]):
                part = others
        return shut[last].told, part[-1].told if part else f"robot '{self._robot.name}'"

    def _fits(self, shut: Iterable[Shut]) -> bool:
        closed = shapely.unary_union([one.shape for one in shut])
        world = shapely.box(-WORLD_M, -WORLD_M, WORLD_M, WORLD_M)
        return not world.difference(closed).buffer(-self._half_width_m, join_style="mitre").is_empty

    # --- what the site promises ---

    def _places(self) -> Iterator[Conflict]:
        """Places of the site that a rule shuts for good. A fence may leave out some, but not the start."""
        for shut in self._ruled:
            for name, place in self._site.places.items():
                starts = name == self._site.start
                asked = not shut.spans and (starts or not shut.fence)
                if asked and shut.shape.covers(shapely.Point(place.pose.x_m, place.pose.y_m)):
                    what = "starts" if starts else "is sent"
                    yield Conflict(
                        shut.told, f"place '{name}' of site '{self._site.name}'", f"it shuts where the robot {what}",
                        "leave the place out of the area, or move the place",
                    )  # fmt: skip

    def _in_vain(self) -> Iterator[Conflict]:
        """Areas that people or gates open, where something else stays shut for good."""
        for rule in self._file.rules:
            shape = area_of(rule, self._site)
            if shape is None or not (isinstance(rule, Approval) or rule.when.gates_closed):
                continue
            for shut in (*self._own, *self._ruled):
                if not shut.spans and shut.told != _say(rule) and shut.shape.covers(shape):
                    yield Conflict(
                        _say(rule), shut.told, "the area that may be opened lies where the robot never comes",
                        "take it out of there, or drop one of them",
                    )  # fmt: skip

    # --- ways out ---

    def _no_way_out(self) -> Iterator[Conflict]:
        """Areas that the clock shuts around a robot, whose nearest way out leads into what is shut as well."""
        for shut in self._ruled:
            if not shut.spans or shut.stays:
                continue
            points = self._inside(shut)
            if not len(points):
                continue
            out = ways_out(shut.shape, [one.shape for one in self._own])
            if out.length < min(2.0 * self._half_width_m, shut.shape.boundary.length - TOUCH_M):
                yield Conflict(
                    shut.told, self._neighbour(shut), "a robot that is inside when the hour comes has no way out",
                    "leave a side open, or begin with an area that is not shut all round",
                )  # fmt: skip
                continue
            ends = shapely.get_point(shapely.shortest_line(points, out), 1)
            for other in self._ruled:
                if other is not shut and shut.meets(other) and (other.shape.distance(ends) < TOUCH_M).any():
                    yield Conflict(
                        shut.told, other.told,
                        "a robot that is inside the one when the hour comes finds its nearest way out in the other",
                        "make one area of both, or draw the first past the second on that side",
                    )  # fmt: skip

    def _inside(self, shut: Shut) -> Any:
        """Points of the area where the robot may have been before, in a grid."""
        ground = shapely.box(*self._ground.bounds).buffer(1.0)
        here = shut.shape.intersection(ground).difference(shapely.unary_union([one.shape for one in self._own]))
        if here.is_empty:
            return np.empty(0)
        x0, y0, x1, y1 = here.bounds
        middles = (np.arange(GRID) + 0.5) / GRID
        x, y = np.meshgrid(x0 + middles * (x1 - x0), y0 + middles * (y1 - y0))
        points = shapely.points(x.ravel(), y.ravel())
        return points[shapely.contains(here, points)]

    @cached_property
    def _ground(self) -> Any:
        """All that is spoken of: places, zones and areas as they are drawn."""
        drawn = [zone.shape for zone in self._site.zones.values()]
        drawn += [shape for rule in self._file.rules if (shape := area_of(rule, self._site)) is not None]
        places = [shapely.Point(place.pose.x_m, place.pose.y_m) for place in self._site.places.values()]
        return shapely.unary_union([*drawn, *places])

    def _neighbour(self, shut: Shut) -> str:
        """Which of the site's zones shuts most of the edge."""
        return max(self._own, key=lambda one: shut.shape.boundary.intersection(one.shape).length).told

    def _dead_ends(self) -> Iterator[Conflict]:
        """Areas without reversing: the robot must be able to turn round in them, or to drive straight through."""
        solid = [
            Shut(f"structure '{name}' of the site", shapely.Polygon(structure.outline()))
            for name, structure in self._site.structures.items()
        ]
        always = [one for one in (*self._own, *self._ruled, *solid) if not one.spans]
        if not always:
            return
        closed = shapely.unary_union([one.shape for one in always])
        for rule in self._file.rules:
            shape = area_of(rule, self._site)
            if not isinstance(rule, Forbid) or "reverse" not in rule.actions or shape is None:
                continue
            no_turning = [
                other for other in self._file.rules
                if isinstance(other, Forbid) and "turn" in other.actions and _may_hold_together(rule, other)
            ]  # fmt: skip
            fixed = shapely.unary_union([_or_world(area_of(other, self._site)) for other in no_turning])
            room = shape.difference(closed)
            if not room.is_empty and not way_through(room, closed, fixed, self._half_width_m, self._radius_m):
                other = next((_say(one) for one in no_turning if one is not rule), None)
                nearest = max(always, key=lambda one: shape.buffer(self._half_width_m).intersection(one.shape).area)
                yield Conflict(
                    _say(rule), other or nearest.told,
                    "the robot can drive in there, and can neither turn round, nor drive straight through, nor reverse",
                    "allow reversing or turning there, or widen the area, or shut it",
                )  # fmt: skip


def _shuts(rule: AnyRule) -> bool:
    """A rule that no gate, load or person lifts and that shuts ground for autonomy."""
    when = rule.when
    if when.gates_closed or when.payload_over_kg is not None or (when.modes and "autonomy" not in when.modes):
        return False
    return isinstance(rule, KeepOut | Geofence) or (isinstance(rule, Forbid) and "move" in rule.actions)


def _may_hold_together(one: PlacedRule, other: PlacedRule) -> bool:
    spans_ = [tuple(spans(rule.when.hours or ())) for rule in (one, other)]
    return Shut("", None, spans_[0]).meets(Shut("", None, spans_[1]))


def _or_world(shape: Any) -> Any:
    return shapely.box(-WORLD_M, -WORLD_M, WORLD_M, WORLD_M) if shape is None else shape


def _half_width(hull: Any) -> float:
    """Half of the narrowest gap that a convex outline passes."""
    corners = np.array(hull.exterior.coords)
    edges = np.diff(corners, axis=0)
    normals = np.column_stack([-edges[:, 1], edges[:, 0]]) / np.hypot(edges[:, 0], edges[:, 1])[:, None]
    across = corners @ normals.T
    return 0.5 * float((across.max(axis=0) - across.min(axis=0)).min())


def _clock(minute: int) -> str:
    return f"{minute % DAY_MIN // 60:02d}:{minute % 60:02d}"


def _say(rule: PlacedRule | AnyRule) -> str:
    return f"rule '{rule.id}'"
