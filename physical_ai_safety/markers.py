"""What rviz shows of the gate: zones, the footprint in the colour of the verdict, and its sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from physical_ai_core.reports import Verdict
from physical_ai_core.robot import Robot
from physical_ai_core.ros.encode import message_class, set_stamp
from physical_ai_core.site import Site, ZoneKind
from physical_ai_safety.rule_forms import AnyRule

COLOURS: Final = {
    "clear": (0.2, 0.8, 0.3), "limited": (0.95, 0.75, 0.1), "waiting": (0.5, 0.5, 0.6),
    "protective_stop": (0.95, 0.4, 0.1), "emergency_stop": (0.9, 0.05, 0.05),
}  # fmt: skip
ZONE_COLOURS: Final = {
    ZoneKind.KEEP_OUT: (0.9, 0.1, 0.1), ZoneKind.SPEED: (0.95, 0.75, 0.1), ZoneKind.WORK: (0.2, 0.7, 0.3),
    ZoneKind.GEOFENCE: (0.3, 0.4, 0.9),
}  # fmt: skip
RULE_COLOURS: Final = {
    "keep_out": (0.9, 0.1, 0.1), "geofence": (0.3, 0.4, 0.9), "speed": (0.95, 0.75, 0.1), "forbid": (0.9, 0.3, 0.6),
    "approval": (0.6, 0.3, 0.9), "slope": (0.6, 0.5, 0.3),
}  # fmt: skip


def marker_array(verdict: Verdict, site: Site, robot: Robot, rules: Iterable[AnyRule] = ()) -> Any:
    """A visualization_msgs/MarkerArray: zones and areas of rules in `map`, footprint and sentence in `base_link`."""
    array = message_class("visualization_msgs/msg/MarkerArray")()
    for number, zone in enumerate(site.zones.values()):
        array.markers.append(_outline("zones", number, "map", zone.polygon, ZONE_COLOURS[zone.kind], verdict.stamp_s))
    for number, rule in enumerate(rules):
        if rule.polygon is not None:
            array.markers.append(
                _outline("rules", number, "map", rule.polygon, RULE_COLOURS[rule.kind], verdict.stamp_s)
            )
    colour = COLOURS.get(verdict.state, (1.0, 1.0, 1.0))
    array.markers.append(_outline("verdict", 0, "base_link", robot.footprint, colour, verdict.stamp_s))
    text = _marker("verdict", 1, "base_link", colour, verdict.stamp_s)
    text.type, text.scale.z, text.text = 9, 0.25, verdict.en  # TEXT_VIEW_FACING
    text.pose.position.z = 1.0
    array.markers.append(text)
    return array


def _outline(space: str, number: int, frame: str, polygon: Any, colour: tuple[float, ...], stamp_s: float) -> Any:
    marker = _marker(space, number, frame, colour, stamp_s)
    marker.type, marker.scale.x = 4, 0.05  # LINE_STRIP
    point = message_class("geometry_msgs/msg/Point")
    marker.points = [point(x=float(x), y=float(y), z=0.02) for x, y in (*polygon, polygon[0])]
    return marker


def _marker(space: str, number: int, frame: str, colour: tuple[float, ...], stamp_s: float) -> Any:
    marker = message_class("visualization_msgs/msg/Marker")()
    set_stamp(marker.header.stamp, stamp_s)
    marker.header.frame_id, marker.ns, marker.id = frame, space, number
    marker.pose.orientation.w = 1.0
    marker.color.r, marker.color.g, marker.color.b = (float(c) for c in colour)
    marker.color.a = 0.9
    return marker
