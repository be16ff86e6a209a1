"""Robots, rule sets and zone layouts that the adversary meets; each combined and checked once a process."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import yaml

from physical_ai_core.robot import load_robot
from physical_ai_core.share import share_path
from physical_ai_core.site import Place, Pose, Site, Zone, ZoneKind
from physical_ai_safety.motion import CREEP_MPS, CREEP_RPS
from physical_ai_safety.rules import Rules, combine
from physical_ai_safety.schema import RulesFile

Polygon = tuple[tuple[float, float], ...]


class Layout(NamedTuple):
    """Zones of a site. `by_rule`: they stand in the rules file instead, with a speed area and a ban on reversing."""

    fence: Polygon
    keep_out: tuple[Polygon, ...]
    by_rule: bool = False


def _box(x: float, y: float, length: float, width: float) -> Polygon:
    return ((x, y), (x + length, y), (x + length, y + width), (x, y + width))


ROOM: Final = _box(-4.0, -3.0, 8.0, 6.0)
ELL: Final = ((-4.0, -3.0), (4.0, -3.0), (4.0, 0.0), (0.5, 0.0), (0.5, 4.0), (-4.0, 4.0))
NOTCHED: Final = ((-4.0, -3.0), (4.0, -3.0), (4.0, 3.0), (0.6, 3.0), (0.0, 0.5), (-0.6, 3.0), (-4.0, 3.0))
LAYOUTS: Final[dict[str, Layout]] = {
    "room": Layout(ROOM, (_box(0.8, 0.4, 1.0, 1.0),)),
    "ell": Layout(ELL, ()),
    "aisle": Layout(_box(-5.0, -1.1, 10.0, 2.2), (_box(1.5, -0.1, 0.9, 0.15),)),
    "spikes": Layout(
        (), (((1.2, -1.0), (1.5, 1.6), (1.0, -0.9)), _box(-1.8, 0.5, 0.3, 0.3), _box(-0.2, -2.2, 2.0, 0.1))
    ),
    "notch": Layout(NOTCHED, ()),
    "room_by_rule": Layout(ROOM, (_box(0.8, 0.4, 1.0, 1.0),), True),
    "notch_by_rule": Layout(NOTCHED, (_box(-2.4, -1.6, 0.5, 0.5),), True),
}
OPEN: Final = "open"  # no zones at all
RULES: Final = ("default", "yard", "barn", "careful")
ROBOTS: Final = ("scout", "jackal")
CAREFUL: Final[dict[str, Any]] = {
    "schema_version": 1, "name": "careful",
    "limits": {"max_speed_mps": 0.8, "max_reverse_mps": 0.3, "max_yaw_rate_rps": 1.2, "max_jerk_mps3": 10.0},
    "stopping": {"reaction_s": 0.3, "actuator_s": 0.1, "braking_mps2": 0.8, "yaw_braking_rps2": 2.0,
                 "stop_margin_m": 0.15, "side_margin_m": 0.08},
}  # fmt: skip


class Setup(NamedTuple):
    """What an episode runs under. `still_mps`: a part of the robot that is slower counts as standing: the residual."""

    name: str
    rules: Rules
    outline: Any  # (N, 2) footprint, counter-clockwise, base_link
    fences: Any  # (F, 4) edges of all zones that may not be crossed
    still_mps: float

    @property
    def lidar_m(self) -> tuple[float, float]:
        mount = self.rules.robot.mount("lidar")
        return mount.xyz_m[0], mount.xyz_m[1]


@cache
def setup(rules: str, robot: str, layout: str = OPEN) -> Setup:
    """Combined rules, checked as at any load."""
    file, body = _file(rules), load_robot(robot)
    zones = LAYOUTS.get(layout)
    if zones is not None and zones.by_rule:
        file = RulesFile.model_validate({**file.model_dump(exclude_none=True), "rules": list(_as_rules(zones))})
    combined = combine(file, _site(layout, None if zones is None or zones.by_rule else zones), body)
    outline = np.array(body.footprint)
    area = float(np.sum(outline[:, 0] * np.roll(outline[:, 1], -1) - np.roll(outline[:, 0], -1) * outline[:, 1]))
    outline = np.ascontiguousarray(outline if area > 0.0 else outline[::-1])
    edges = [] if zones is None else [e for p in (zones.fence, *zones.keep_out) for e in _edges(p)]
    still = CREEP_MPS + CREEP_RPS * body.radius_m
    return Setup(f"{rules}/{robot}/{layout}", combined, outline, np.array(edges).reshape(-1, 4), still)


def _file(name: str) -> RulesFile:
    if name == "careful":
        return RulesFile.model_validate(CAREFUL)
    text = (share_path("config/rules") / f"{name}.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    content.pop("zones", None)  # they speak of another site's
    return RulesFile.model_validate(content)


def _site(name: str, zones: Layout | None) -> Site:
    found: dict[str, Zone] = {}
    if zones is not None:
        if zones.fence:
            found["fence"] = Zone(kind=ZoneKind.GEOFENCE, polygon=zones.fence)
        for k, shape in enumerate(zones.keep_out):
            found[f"out_{k}"] = Zone(kind=ZoneKind.KEEP_OUT, polygon=shape)
    start = Place(names={"en": ("start",)}, pose=Pose(x_m=-3.0, y_m=0.0))
    return Site(name=name, start="start", places={"start": start}, zones=found)


def _as_rules(zones: Layout) -> list[dict[str, Any]]:
    why = {"clause": "site order 1", "hazard": "the edge of a dock"}
    rules: list[dict[str, Any]] = []
    if zones.fence:
        rules.append({"id": "fence", "kind": "geofence", "polygon": zones.fence, **why})
    for k, shape in enumerate(zones.keep_out):
        rules.append({"id": f"out_{k}", "kind": "keep_out", "polygon": shape, **why})
    rules.append({"id": "slow", "kind": "speed", "polygon": _box(-1.0, -3.0, 2.0, 3.0), "max_speed_mps": 0.5, **why})
    rules.append({"id": "no_reverse", "kind": "forbid", "polygon": _box(2.0, -3.0, 2.0, 6.0),
                  "actions": ("reverse",), **why})  # fmt: skip
    return rules


def _edges(polygon: Polygon) -> list[tuple[float, float, float, float]]:
    return [(*a, *b) for a, b in zip(polygon, polygon[1:] + polygon[:1], strict=True)]
