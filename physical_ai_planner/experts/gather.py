"""From what the planner holds to a case: site, robot, grounded steps, present state."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Final

import numpy as np
import shapely
from numpy.typing import ArrayLike

from physical_ai_core.geometry import gravity_in_base
from physical_ai_core.goal import GoalState, Task, ZoneTarget
from physical_ai_core.robot import Robot
from physical_ai_core.site import Datum, Site, ZoneKind
from physical_ai_planner.experts.case import Case, LiveFacts, RobotFacts, SiteFacts

GRAVITY_MPS2: Final = 9.81
EPOCH_S: Final = 1e9  # a stamp below this is simulated time, which knows no day
DARK_DEG: Final = -6.0  # of the sun: end of civil twilight
NEAR_M: Final = 10.0


def robot_facts(robot: Robot) -> RobotFacts:
    x, y = np.array(robot.footprint).T
    design, limits = robot.design, robot.limits
    slope = design.max_slope_rad
    return RobotFacts(
        limits.max_speed_mps, limits.max_reverse_mps, limits.max_deceleration_mps2, float(np.ptp(x)), float(np.ptp(y)),
        design.mass_kg, design.max_payload_kg, None if slope is None else float(np.degrees(slope)),
        design.ground_clearance_m,
    )  # fmt: skip


def site_facts(site: Site, goal: GoalState, course: ArrayLike) -> SiteFacts:
    """`course` (N, 2): own position and the goal's points in order, in `map`."""
    points = np.asarray(course, dtype=float).reshape(-1, 2)
    touched = []
    if len(points):
        line = shapely.LineString(points) if len(points) > 1 else shapely.Point(points[0])
        touched = [zone for zone in site.zones.values() if zone.shape.intersects(line)]
    limits = [zone.max_speed_mps for zone in touched if zone.max_speed_mps is not None]
    return SiteFacts(
        max_speed_mps=site.max_speed_mps,
        zone_speed_mps=min(limits, default=None),
        public_road=any(zone.public_road for zone in touched),
        work_zone=_works_in_zone(site, goal),
        country=site.local.country,
        work_from_h=site.local.work_from_h,
        work_until_h=site.local.work_until_h,
    )


def _works_in_zone(site: Site, goal: GoalState) -> bool | None:
    """Whether every step with the implement on covers a zone meant for work; None where no step has it on."""
    tools = [step for step in goal.steps or () if step.tool]
    if not tools:
        return None
    zones = [site.zones.get(step.target.name) if isinstance(step.target, ZoneTarget) else None for step in tools]
    works = [step.task is Task.COVER for step in tools]
    return all(w and zone is not None and zone.kind is ZoneKind.WORK for w, zone in zip(works, zones, strict=True))


def slope_deg(orientation_xyzw: ArrayLike) -> float:
    """Tilt of `base_link` against the vertical, degrees."""
    return float(np.degrees(np.arcsin(min(1.0, float(np.hypot(*gravity_in_base(orientation_xyzw))) / GRAVITY_MPS2))))


def hour_of(stamp_s: float, site: Site) -> float | None:
    """Hour of the site's day; None in simulated time, or where the site names no clock."""
    offset_h = site.local.utc_offset_h
    return None if stamp_s < EPOCH_S or offset_h is None else (stamp_s / 3600.0 + offset_h) % 24.0


def is_dark(stamp_s: float, datum: Datum | None) -> bool | None:
    """Whether civil twilight is over; None in simulated time, or where the site has no datum.

    Position of the sun to about a degree. Source: "Approximate Solar Coordinates", U.S. Naval Observatory.
    """
    if stamp_s < EPOCH_S or datum is None:
        return None
    noon = datetime(2000, 1, 1, 12, tzinfo=timezone.utc).timestamp()
    days = (stamp_s - noon) / 86400.0
    anomaly = np.radians(357.529 + 0.98560028 * days)
    mean = 280.459 + 0.98564736 * days
    longitude = np.radians(mean + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2.0 * anomaly))
    tilt = np.radians(23.439)
    ascension = np.arctan2(np.cos(tilt) * np.sin(longitude), np.cos(longitude))
    declination = np.arcsin(np.sin(tilt) * np.sin(longitude))
    sidereal = np.radians((280.46061837 + 360.98564736629 * days + datum.longitude_deg) % 360.0)
    latitude = np.radians(datum.latitude_deg)
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(
        sidereal - ascension
    )
    return bool(np.degrees(np.arcsin(np.clip(height, -1.0, 1.0))) < DARK_DEG)


def case_of(
    sentence: str,
    goal: GoalState,
    site: Site,
    robot: Robot,
    live: LiveFacts,
    position: ArrayLike,
    points: Iterable[ArrayLike],
) -> Case:
    """One order as a case. `position`: own x, y in `map`; `points`: x, y of the grounded steps' points in order."""
    course = np.array([np.asarray(position, dtype=float)[:2], *(np.asarray(p, dtype=float)[:2] for p in points)])
    length_m = float(np.hypot(*np.diff(course, axis=0).T).sum()) if len(course) > 1 else 0.0
    return Case(sentence, goal, site_facts(site, goal, course), robot_facts(robot), live, length_m)
