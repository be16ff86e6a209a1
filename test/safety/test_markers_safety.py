"""What rviz shows: each zone closed and in its colour, the footprint and the sentence in that of the verdict."""

from __future__ import annotations

import pytest

from physical_ai_core.reports import Verdict
from physical_ai_core.robot import load_robot
from physical_ai_core.site import ZoneKind, load_site
from physical_ai_safety.markers import COLOURS, RULE_COLOURS, ZONE_COLOURS, marker_array
from physical_ai_safety.rule_forms import RULE_KINDS
from physical_ai_safety.rules import load_rules


@pytest.mark.parametrize(("state", "colour"), [*COLOURS.items(), ("unheard of", (1.0, 1.0, 1.0))])
def test_zones_footprint_and_sentence_are_shown(state: str, colour: tuple[float, float, float]) -> None:
    site, robot = load_site("yard"), load_robot("scout")
    verdict = Verdict(12.5, state, "autonomy", [0.0, 0.0], [0.0, 0.0], [], "Stopped.", "停止。", False)
    *zones, body, text = marker_array(verdict, site, robot).markers
    assert [(z.ns, z.id, z.header.frame_id, z.type) for z in zones] == [
        ("zones", k, "map", 4) for k in range(len(zones))
    ]
    for marker, zone in zip(zones, site.zones.values(), strict=True):
        corners = [(p.x, p.y) for p in marker.points]
        assert corners == [*zone.polygon, zone.polygon[0]]
        assert (marker.color.r, marker.color.g, marker.color.b) == pytest.approx(ZONE_COLOURS[zone.kind])
    assert [(p.x, p.y) for p in body.points] == [*robot.footprint, robot.footprint[0]]
    assert (text.text, text.type, text.pose.position.z) == ("Stopped.", 9, 1.0)
    for number, marker in enumerate((body, text)):
        assert (marker.ns, marker.id, marker.header.frame_id) == ("verdict", number, "base_link")
        assert (marker.color.r, marker.color.g, marker.color.b) == pytest.approx(colour)
        assert marker.color.a == pytest.approx(0.9) and marker.pose.orientation.w == 1.0
        assert (marker.header.stamp.sec, marker.header.stamp.nanosec) == (12, 500000000)


def test_areas_of_rules_are_shown_in_the_colour_of_their_kind() -> None:
    rules = load_rules("yard_full", "yard", "scout")
    verdict = Verdict(12.5, "clear", "autonomy", [0.0, 0.0], [0.0, 0.0], [], "", "", False)
    shown = [
        one for one in marker_array(verdict, rules.site, rules.robot, rules.file.rules).markers if one.ns == "rules"
    ]
    drawn = {k: rule for k, rule in enumerate(rules.file.rules) if rule.polygon is not None}
    assert [one.id for one in shown] == list(drawn) and set(RULE_COLOURS) == set(RULE_KINDS)
    for one in shown:
        assert (one.color.r, one.color.g, one.color.b) == pytest.approx(RULE_COLOURS[drawn[one.id].kind])
        assert [(p.x, p.y) for p in one.points][:-1] == list(drawn[one.id].polygon) and one.header.frame_id == "map"


def test_what_is_well_is_green_what_warns_yellow_and_what_stops_red() -> None:
    def hue(colour: tuple[float, float, float]) -> str:
        r, g, b = colour
        if max(colour) - min(colour) < 0.15:
            return "grey"
        return {r: "yellow" if g > 0.7 else "red", g: "green", b: "blue"}[max(colour)]

    states = {
        "clear": "green",
        "limited": "yellow",
        "waiting": "grey",
        "protective_stop": "red",
        "emergency_stop": "red",
    }
    assert {state: hue(colour) for state, colour in COLOURS.items()} == states
    assert COLOURS["protective_stop"] != COLOURS["emergency_stop"]
    zones = {"keep_out": "red", "speed": "yellow", "work": "green", "geofence": "blue"}
    assert {kind.value: hue(colour) for kind, colour in ZONE_COLOURS.items()} == zones
    shared = {"keep_out": ZoneKind.KEEP_OUT, "geofence": ZoneKind.GEOFENCE, "speed": ZoneKind.SPEED}
    assert all(RULE_COLOURS[rule] == ZONE_COLOURS[kind] for rule, kind in shared.items())
    every = [*COLOURS.values(), *ZONE_COLOURS.values(), *RULE_COLOURS.values()]
    assert all(0.0 <= part <= 1.0 for colour in every for part in colour)
    assert len(set(RULE_COLOURS.values())) == len(RULE_COLOURS) == len(RULE_KINDS)


def test_outlines_lie_just_above_the_ground_and_the_sentence_can_be_read() -> None:
    verdict = Verdict(12.5, "clear", "autonomy", [0.0, 0.0], [0.0, 0.0], [], "", "", False)
    *outlines, text = marker_array(verdict, load_site("yard"), load_robot("scout")).markers
    assert all(0.0 < p.z < 0.1 for one in outlines for p in one.points)
    assert all(0.01 < one.scale.x < 0.2 for one in outlines) and 0.1 < text.scale.z < 0.5
