"""From the names of a goal state to poses in `map`; what cannot be grounded is refused with the reason.

A place's pose is where the robot *stands*, facing what the place is named after: "in front of the shelves" is that
pose. Behind, left and right are of the thing itself, seen from there: the structure that the pose faces, where the
site has one within reach, else the pose.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Sequence

import numpy as np
import shapely

from physical_ai_core.geometry import Array, compose
from physical_ai_core.goal import (
    DisplacementTarget,
    GoalState,
    ObjectTarget,
    PlaceTarget,
    PoseTarget,
    RefusalReason,
    Relation,
    RouteTarget,
    Step,
    Task,
    ZoneTarget,
)
from physical_ai_core.site import Site, Zone, ZoneKind
from physical_ai_planner import phrases
from physical_ai_planner.aim import Aim, Waypoint
from physical_ai_planner.docking import docking_aim
from physical_ai_planner.fields import Fields, points_of
from physical_ai_planner.localisation import Thing
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.phrases import Spot
from physical_ai_planner.refused import Refused
from physical_ai_planner.site_map import SiteMap, Terrain

FACED_WITHIN_M = 3.0  # a structure farther ahead of a place is not what the place is named after
SNAP_M = 1.0  # how far a computed (not named) point may move to be free
NEAR_M = 1.5  # "near" without a distance

__all__ = ["Aim", "Grounder", "Waypoint", "choose", "printable"]


class Grounder:
    """Grounds goals on one site."""

    def __init__(self, site: Site, site_map: SiteMap, parameters: PlannerParameters) -> None:
        self.site, self.site_map, self.p = site, site_map, parameters
        self.fields = Fields(site, site_map, parameters)

    def ground(
        self, goal: GoalState, start: Array, things: Sequence[Thing] | None, terrains: Sequence[Terrain]
    ) -> list[Aim]:
        """Aims of a goal's steps. `start`: own pose in `map`; `terrains`: one a step. Raises Refused."""
        aims, pose = [], np.asarray(start, dtype=float)
        for index, (step, terrain) in enumerate(zip(goal.steps or (), terrains, strict=True)):
            aim = self._ground_step(step, pose, things if index == 0 else None, terrain)
            aims.append(aim)
            if aim.course:
                last = aim.course[-1]
                pose = np.array([last.x_m, last.y_m, pose[2] if last.yaw_rad is None else last.yaw_rad])
        return aims

    def _ground_step(self, step: Step, pose: Array, things: Sequence[Thing] | None, terrain: Terrain) -> Aim:
        target = step.target
        if isinstance(target, PlaceTarget):
            if self._find(target.name, self.site.places) is None and self._find(target.name, self.site.zones):
                return self._zone(step, target.name, pose, terrain)
            return self._place(step, target, terrain)
        if isinstance(target, PoseTarget):
            waypoint = Waypoint(target.x_m, target.y_m, target.yaw_rad)
            return Aim(step, phrases.coordinates(target.x_m, target.y_m), (waypoint,))
        if isinstance(target, DisplacementTarget):
            x, y, yaw = compose(pose, [target.forward_m, target.left_m, target.turn_rad])
            return Aim(step, phrases.displaced(target), (Waypoint(float(x), float(y), float(yaw), 0.15),))
        if isinstance(target, ZoneTarget):
            return self._zone(step, target.name, pose, terrain)
        if isinstance(target, RouteTarget):
            return self._route(step, target.name, pose)
        if isinstance(target, ObjectTarget):
            return self._object(step, target, pose, things)
        return Aim(step, phrases.HERE)

    # --- places ---

    def _place(self, step: Step, target: PlaceTarget, terrain: Terrain) -> Aim:
        name = self._require(target.name, self.site.places, "place", "場所")
        place = self.site.places[name]
        spot = phrases.named(*self._names(name), target.relation, target.distance_m)
        docking = step.task is Task.DOCK or place.dock
        named = step.limits.min_clearance_m is None  # a clearance that was asked for is kept
        pose, relation, distance = place.pose.as_array(), target.relation, target.distance_m
        if relation is Relation.NEAR:
            tolerance = max(place.tolerance_m, NEAR_M if distance is None else distance)
            return Aim(step, spot, (Waypoint(float(pose[0]), float(pose[1]), None, tolerance, named, docking),))
        if relation is Relation.AT or (relation is Relation.FRONT and distance is None):
            at = Waypoint(float(pose[0]), float(pose[1]), float(pose[2]), place.tolerance_m, named, docking)
            if step.task is Task.DOCK:
                return docking_aim(step, spot, at, self.site_map, terrain, self.p)
            return Aim(step, spot, (at,))
        x, y, yaw = self._beside(pose, relation, distance)
        free = self.site_map.nearest_free(terrain.free, [x, y], SNAP_M)
        if free is None:
            raise Refused(
                RefusalReason.UNREACHABLE,
                f"There is no room for me {spot.en_at}.",
                f"{spot.ja}には入れる場所がありません。",
                [name],
            )
        return Aim(step, spot, (Waypoint(float(free[0]), float(free[1]), yaw, place.tolerance_m),))

    def _beside(self, pose: Array, relation: Relation, distance_m: float | None) -> tuple[float, float, float]:
        """Pose in front of (at a distance), behind, left or right of what `pose` faces."""
        ahead = np.array([np.cos(pose[2]), np.sin(pose[2])])
        left = np.array([-ahead[1], ahead[0]])
        near, far, reach_left, reach_right = self._faced(pose, ahead, left)
        room = self.p.standoff_m if distance_m is None else distance_m
        if relation is Relation.FRONT:
            xy, yaw = pose[:2] + (near - room) * ahead, pose[2]
        elif relation is Relation.BEHIND:
            xy, yaw = pose[:2] + (far + room) * ahead, pose[2] + np.pi
        elif relation is Relation.LEFT:
            xy, yaw = pose[:2] + (reach_left + room) * left, pose[2]
        else:
            xy, yaw = pose[:2] - (reach_right + room) * left, pose[2]
        return float(xy[0]), float(xy[1]), float(np.arctan2(np.sin(yaw), np.cos(yaw)))

    def _faced(self, pose: Array, ahead: Array, left: Array) -> tuple[float, float, float, float]:
        """Near and far side ahead, and extent to the left and right, of the structure a pose faces; zeros for none."""
        ray = shapely.LineString([pose[:2], pose[:2] + FACED_WITHIN_M * ahead])
        best: tuple[float, float, float, float] | None = None
        for part in shapely.get_parts(self.site_map.structures):
            hit = ray.intersection(part)
            if hit.is_empty:
                continue
            corners = np.array(part.exterior.coords) - pose[:2]
            crossing = (np.array(hit.coords) - pose[:2]) @ ahead
            sides = corners @ left
            found = (float(crossing.min()), float((corners @ ahead).max()), float(sides.max()), float(-sides.min()))
            best = found if best is None or found[0] < best[0] else best
        return best or (0.0, 0.0, 0.0, 0.0)

    # --- zones and routes ---

    def _zone(self, step: Step, asked: str, pose: Array, terrain: Terrain) -> Aim:
        name = self._require(asked, self.site.zones, "zone", "区域")
        zone, spot = self.site.zones[name], phrases.named(*self._names(name))
        if zone.kind is ZoneKind.KEEP_OUT:
            raise Refused(
                RefusalReason.FORBIDDEN,
                f"I may not enter {spot.en}: it is off limits.",
                f"{spot.ja}は立入禁止です。",
                [name],
            )
        if step.task is Task.COVER:
            return self._cover(step, spot, zone, pose, terrain)
        if step.task is Task.PATROL:
            return self._perimeter(step, spot, zone, pose, terrain)
        inside = self._free_inside(name, zone, terrain)
        if inside is None:
            raise self._no_room(spot)
        return Aim(step, spot, (Waypoint(float(inside[0]), float(inside[1]), None, 0.5),))

    def _free_inside(self, name: str, zone: Zone, terrain: Terrain) -> Array | None:
        """Free point of a zone nearest to its middle."""
        middle = zone.shape.representative_point()
        within = terrain.free & (self.site_map.to_zone_m(name) <= 0.0)
        diameter = float(np.hypot(*np.subtract(zone.shape.bounds[2:], zone.shape.bounds[:2])))
        return self.site_map.nearest_free(within, [middle.x, middle.y], diameter)

    def _cover(self, step: Step, spot: Spot, zone: Zone, pose: Array, terrain: Terrain) -> Aim:
        field = self.fields.field(zone, terrain, pose)
        pieces = self.fields.course(field, terrain, pose)
        if not pieces:
            raise self._no_room(spot)
        course = tuple(Waypoint(float(x), float(y), None, 0.3, work=work) for (x, y), work in points_of(pieces))
        return Aim(step, spot, course, straight=True, tool_area=field.tool_area)

    def _perimeter(self, step: Step, spot: Spot, zone: Zone, pose: Array, terrain: Terrain) -> Aim:
        ring = self.fields.perimeter(zone, terrain, pose, 0.5)
        if not len(ring):
            raise self._no_room(spot)
        return Aim(step, spot, tuple(Waypoint(float(x), float(y), None, 0.5) for x, y in ring), closed=True)

    def _route(self, step: Step, asked: str, pose: Array) -> Aim:
        """A loop over the places of a route, begun at the nearest."""
        name = self._require(asked, self.site.routes, "route", "巡回路")
        places = [self.site.places[place] for place in self.site.routes[name].places]
        exempt = step.limits.min_clearance_m is None
        course = [Waypoint(p.pose.x_m, p.pose.y_m, None, p.tolerance_m, exempt) for p in places]
        first = int(np.argmin([np.hypot(*(waypoint.xy - pose[:2])) for waypoint in course]))
        return Aim(step, phrases.named(*self._names(name)), (*course[first:], *course[:first]), closed=True)

    def _no_room(self, spot: Spot) -> Refused:
        return Refused(
            RefusalReason.UNREACHABLE,
            f"There is no room for me in {spot.en}.",
            f"{spot.ja}には走れる場所がありません。",
        )

    # --- objects ---

    def _object(self, step: Step, target: ObjectTarget, pose: Array, things: Sequence[Thing] | None) -> Aim:
        spot = phrases.thing(target.class_name)
        if things is not None and choose(things, target, pose) is None:
            raise Refused(
                RefusalReason.UNREACHABLE,
                f"I do not see {spot.en if target.class_name != 'any' else 'anything there'}.",
                f"{spot.ja if target.class_name != 'any' else '相手'}が見えません。",
            )
        return Aim(step, spot, straight=True)

    # --- names ---

    def _names(self, name: str) -> tuple[str, str]:
        """What people call it in English and Japanese; its id where they have no word."""
        item = self.site.places.get(name) or self.site.zones.get(name) or self.site.routes.get(name)
        names = item.names if item is not None else {}
        return (names.get("en") or (name.replace("_", " "),))[0], (names.get("ja") or (name,))[0]

    def _find(self, name: str, among: object) -> str | None:
        """Id of a thing of the site by its id, or by a word people use for it."""
        assert isinstance(among, dict)
        if name in among:
            return name
        wanted = _folded(name)
        for key, item in among.items():
            if wanted == _folded(key) or wanted in (_folded(n) for names in item.names.values() for n in names):
                return str(key)
        return None

    def _require(self, name: str, among: object, en: str, ja: str) -> str:
        found = self._find(name, among)
        if found is not None:
            return found
        assert isinstance(among, dict)
        near = self.near_names(name, list(among))
        shown_en = phrases.listing([self._names(key)[0] for key in near], "or", ", ")
        shown_ja = phrases.listing([self._names(key)[1] for key in near], "", "、")
        asked = printable(name)
        raise Refused(
            RefusalReason.UNKNOWN_PLACE,
            f"I do not know the {en} '{asked}'." + (f" I know {shown_en}." if near else ""),
            f"「{asked}」という{ja}は知りません。" + (f"知っているのは{shown_ja}です。" if near else ""),
            near,
        )

    def require_zone(self, name: str) -> str:
        """Id of a zone by id or word. Raises Refused."""
        return self._require(name, self.site.zones, "zone", "区域")

    def near_names(self, name: str, ids: Sequence[str], count: int = 3) -> list[str]:
        """Ids whose words are most like `name`; the first ones of the site where none is."""
        owner = {_folded(word): key for key in ids for word in (key, *self._all_names(key))}
        close = difflib.get_close_matches(_folded(name)[:80], list(owner), n=2 * count, cutoff=0.5)
        return (list(dict.fromkeys(owner[word] for word in close)) or list(ids))[:count]

    def _all_names(self, key: str) -> tuple[str, ...]:
        return self.site.spoken_names().get(key, ())


def choose(things: Sequence[Thing], target: ObjectTarget, pose: Array) -> Thing | None:
    """The object a target means: by id, else the nearest of its class (any: whatever is not part of the site)."""
    if target.id is not None:
        return next((thing for thing in things if thing.id == target.id), None)
    wanted = ("person", "vehicle", "unknown") if target.class_name == "any" else (target.class_name,)
    fitting = [thing for thing in things if thing.class_name in wanted]
    return min(fitting, key=lambda thing: thing.distance_m(pose), default=None)


def printable(text: str, most: int = 40) -> str:
    """A name fit to be said back: no control characters, not long."""
    clean = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFKC", text)).strip()
    return clean if len(clean) <= most else f"{clean[:most]}…"


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().replace("_", " ").split())
