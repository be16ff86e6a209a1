"""The numeric side's last word on a goal: what it may not or cannot do is refused, with the reason.

Nothing here loosens anything: limits of a goal only ever add to those of the robot and the site.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_core.goal import Event, GoalState, RefusalReason, Step, Task
from physical_ai_planner.grounding import Aim, Grounder, Waypoint
from physical_ai_planner.refused import Refused
from physical_ai_planner.route import FREED_REACH_M
from physical_ai_planner.site_map import SiteMap, Terrain

ALONE = (Task.RESUME, Task.CANCEL)  # words about the present goal, not steps of one


def check_words(goal: GoalState, grounder: Grounder, battery: bool) -> None:
    """What can be said of a goal before any pose is known; `battery`: its charge is heard. Raises Refused."""
    for index, step in enumerate(goal.steps or ()):
        if step.task in ALONE and (index > 0 or len(goal.steps or ()) > 1):
            raise Refused(
                RefusalReason.NOT_UNDERSTOOD,
                "Please say 'resume' or 'cancel' on its own.",
                "「再開」や「取り消し」は、それだけで言ってください。",
            )
        if not battery and step.until is not None and step.until.event in (Event.BATTERY_FULL, Event.BATTERY_LOW):
            raise Refused(
                RefusalReason.NOT_ABLE,
                "I cannot read my battery: nothing says battery_state. Tell me a time instead.",
                "電池の残量を読めません。時間で指示してください。",
            )
        for name in step.limits.keep_out:
            grounder.require_zone(name)


def terrain_of(step: Step, site_map: SiteMap, clearance_m: float, sigma_margin_m: float, grounder: Grounder) -> Terrain:
    """Where the robot may be during a step: the site's rules, tightened by the step's limits. Raises Refused."""
    asked = step.limits.min_clearance_m
    keep_out = tuple(sorted({grounder.require_zone(name) for name in step.limits.keep_out}))
    return site_map.terrain(max(clearance_m, 0.0 if asked is None else asked), sigma_margin_m, keep_out)


def check_aims(aims: Sequence[Aim], terrains: Sequence[Terrain], site_map: SiteMap, start: Array) -> None:
    """Every point of every step is allowed and reachable from the one before. Raises Refused."""
    at = np.asarray(start, dtype=float)[:2]
    for aim, terrain in zip(aims, terrains, strict=True):
        if not aim.course:
            continue
        part = _part(site_map, terrain, at, free_within_m=_reach(site_map, terrain))
        if part == 0:
            raise Refused(
                RefusalReason.NOT_READY,
                "I stand where I may not drive. Please drive me out by hand.",
                "走行できない場所にいます。手動で移動させてください。",
            )
        for waypoint in aim.course:
            _check_point(aim, waypoint, terrain, site_map)
            reach = _reach(site_map, terrain) if waypoint.named else 0.0
            if _part(site_map, terrain, waypoint.xy, reach) != part:
                raise _refused(RefusalReason.UNREACHABLE, aim, "I find no way {to}.", "{ja}へ行ける道がありません。")
        at = aim.course[-1].xy


def _check_point(aim: Aim, waypoint: Waypoint, terrain: Terrain, site_map: SiteMap) -> None:
    if not site_map.inside_fence(waypoint.xy, site_map.radius_m):
        raise _refused(
            RefusalReason.FORBIDDEN,
            aim,
            "I may not go {to}: it is outside my area.",
            "{ja}は走行範囲の外なので、行けません。",
        )
    zone = site_map.in_forbidden_zone(waypoint.xy, site_map.radius_m, terrain.keep_out)
    if zone is not None:
        names = site_map.site.zones[zone].names
        en, ja = (names.get("en") or (zone,))[0], (names.get("ja") or (zone,))[0]
        raise _refused(
            RefusalReason.FORBIDDEN,
            aim,
            f"I may not go {{to}}: {en} is off limits.",
            f"{ja}は立入禁止なので、{{ja}}へは行けません。",
        )
    cells, on_grid = site_map.cells_of(waypoint.xy)
    row, column = cells[0]
    if not on_grid[0]:
        raise _refused(
            RefusalReason.UNREACHABLE, aim, "I cannot go {to}: it is off my map.", "{ja}は地図の外なので、行けません。"
        )
    if terrain.free[row, column]:
        return
    room = float(site_map.to_structure_m[row, column])
    if room <= 0.0:
        raise _refused(
            RefusalReason.UNREACHABLE,
            aim,
            "I cannot go {to}: something solid stands there.",
            "{ja}には物があるので、行けません。",
        )
    stands = room >= site_map.inscribed_m + site_map.half_diagonal_m and bool(terrain.zone_free[row, column])
    if not (waypoint.named and stands):
        raise _refused(
            RefusalReason.UNREACHABLE,
            aim,
            "I cannot go {to}: there is too little room.",
            "{ja}は狭すぎるので、行けません。",
        )


def _part(site_map: SiteMap, terrain: Terrain, point: Array, free_within_m: float) -> int:
    """Label of the connected part that a point belongs to, or can step into within a distance; 0 for none."""
    (row, column) = site_map.cells_of(point)[0][0]
    if terrain.labels[row, column] or free_within_m <= 0.0:
        return int(terrain.labels[row, column])
    nearest = site_map.nearest_free(terrain.free, point, free_within_m)
    if nearest is None:
        return 0
    row, column = site_map.cells_of(nearest)[0][0]
    return int(terrain.labels[row, column])


def _reach(site_map: SiteMap, terrain: Terrain) -> float:
    return site_map.radius_m + terrain.clearance_m + terrain.sigma_margin_m + FREED_REACH_M


def _refused(reason: RefusalReason, aim: Aim, en: str, ja: str) -> Refused:
    return Refused(reason, en.format(to=aim.spot.en_to), ja.format(ja=aim.spot.ja))
