"""A motion's way held against shapes: what the body sweeps until it rests, what may be met at all, and the way out."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import shapely
from shapely import MultiPoint, Point, Polygon, affinity, box, unary_union

from physical_ai_core.site import Site, Zone, ZoneKind, load_site
from physical_ai_safety.footprint import Braking, Hull
from physical_ai_safety.schema import ZoneRule
from physical_ai_safety.zones import Anchor, MapPose, Way, ZoneLimit, ZoneMap

CORNERS = [(0.6, 0.1), (0.2, -0.3), (-0.2, -0.1), (-0.1, 0.4)]  # no side like another
HULL, BODY = Hull(CORNERS), MultiPoint(CORNERS).convex_hull
BRAKING = Braking(0.2, 1.5, 3.0, 0.1)
ESCAPE_MPS = 0.2
PRECISE = 1e-6


def site(**zones: Zone) -> Site:
    return load_site("yard").model_copy(update={"zones": zones})


def zone(kind: ZoneKind, shape: Polygon, max_speed_mps: float | None = None) -> Zone:
    return Zone(kind=kind, polygon=tuple(shape.exterior.coords)[:-1], max_speed_mps=max_speed_mps)


def zone_map(rules: dict[str, ZoneRule] | None = None, hull: Hull = HULL, **zones: Zone) -> ZoneMap:
    return ZoneMap(site(**zones), rules or {}, hull)


def area_map(**areas: Any) -> ZoneMap:
    return ZoneMap(site(), {}, HULL, areas)


def way_of(zones: ZoneMap, pose: MapPose, v: float, w: float, last: Anchor | None = None) -> Way:
    return zones.way(pose, v, w, BRAKING, ESCAPE_MPS, zones.anchor(pose, last))


def swept(pose: MapPose, v: float, w: float) -> Any:
    """All that the body covers, from one small straight step to the next, until it could stand."""
    until_s = BRAKING.reaction_s + 0.5 * max(abs(v) / BRAKING.linear_mps2, abs(w) / BRAKING.yaw_rps2)
    x, y, yaw, bodies, step_s = pose.x_m, pose.y_m, pose.yaw_rad, [], until_s / 400
    for k in range(401):
        if k % 4 == 0:
            turned = affinity.rotate(BODY, yaw, origin=(0, 0), use_radians=True)
            bodies.append(affinity.translate(turned, x, y))
        middle = yaw + 0.5 * w * step_s
        x, y, yaw = x + v * step_s * math.cos(middle), y + v * step_s * math.sin(middle), yaw + w * step_s
    return unary_union([MultiPoint([*a.exterior.coords, *b.exterior.coords]).convex_hull for a, b in pairwise(bodies)])


MOTIONS = [(1.2, 0.0), (1.2, 1.5), (0.8, -2.5), (-0.7, 1.2), (-1.0, -0.4), (0.0, 2.8), (0.0, -2.8)]


@pytest.mark.parametrize(("v", "w"), MOTIONS)
@pytest.mark.parametrize("sigma", [0.0, 0.05])
def test_an_area_is_entered_just_where_the_body_sweeps_it_before_it_rests(v: float, w: float, sigma: float) -> None:
    """A field of small posts around the robot, each an area of its own."""
    pose = MapPose(20.0, 14.0, 0.7, sigma)
    posts = {f"{i} {k}": (20.0 + 0.12 * i, 14.0 + 0.12 * k) for i in range(-14, 15) for k in range(-14, 15)}
    shapes = {name: box(x - 0.001, y - 0.001, x + 0.001, y + 0.001) for name, (x, y) in posts.items()}
    way, body = way_of(area_map(**shapes), pose, v, w), swept(pose, v, w)
    met = 0
    for name, at in posts.items():
        gap = body.distance(Point(at)) - 3.0 * sigma
        deep = body.boundary.distance(Point(at)) if body.contains(Point(at)) else -gap
        if deep > 0.05:  # the looks are a twentieth of a second apart: a corner's way between two of them is round
            assert way.enters(name) and way.near(name), at
            met += 1
        elif gap > 0.01:
            assert not way.enters(name), at
    assert met > 8


def nearly(distance_m: float) -> Polygon:
    return box(20.0 + distance_m, 14.0, 21.0 + distance_m, 14.1)


RADIUS_M = math.hypot(0.6, 0.1)
REACHES = [(1.0, 0.0, 8 / 15), (-1.0, 0.0, 8 / 15), (2.0, 0.0, 13 / 15 * 2.0), (0.5, 0.0, 11 / 60), (0.0, 2.0, 0.0)]


@pytest.mark.parametrize(("v", "w", "way_m"), REACHES)
@pytest.mark.parametrize("sigma", [0.0, 0.2])
def test_an_area_may_be_met_within_the_way_and_the_bodys_own_size_and_doubt_and_a_look(
    v: float, w: float, way_m: float, sigma: float
) -> None:
    reach_m = way_m + RADIUS_M + 3.0 * sigma
    zones = area_map(here=nearly(reach_m), far=nearly(reach_m + 0.11))
    way = way_of(zones, MapPose(20.0, 14.0, 0.0, sigma), v, w)
    assert way.near("here") and not way.near("far")


def test_a_corner_that_points_at_an_area_meets_it_however_slowly_the_robot_comes() -> None:
    lean = math.atan2(0.1, 0.6)  # the farthest corner points ahead
    for sigma in (0.0, 0.1):
        zones = area_map(ahead=nearly(RADIUS_M + 3.0 * sigma + 0.0009))
        assert way_of(zones, MapPose(20.0, 14.05, -lean, sigma), 0.01, 0.0).enters("ahead")


# --- where distances are known from a place close by ---


@pytest.mark.parametrize(("dx", "dy", "anew"), [
    (0.2, 0.0, False), (-0.2, 0.0, False), (0.0, 0.24, False), (0.0, -0.24, False), (0.17, 0.17, False),
    (0.25, 0.0, True), (0.0, -0.25, True), (0.2, 0.2, True),
])  # fmt: skip
def test_distances_are_measured_anew_after_a_quarter_of_a_metre(dx: float, dy: float, anew: bool) -> None:
    zones = area_map(box=box(23.0, 13.0, 24.0, 15.0))
    first = zones.anchor(MapPose(20.0, 14.0, 0.0, 0.0), None)
    assert first == Anchor(20.0, 14.0, [3.0])
    second = zones.anchor(MapPose(20.0 + dx, 14.0 + dy, 1.0, 0.1), first)
    assert (second is not first) is anew
    if anew:
        assert second[:2] == (20.0 + dx, 14.0 + dy) and second.distances_m == pytest.approx([3.0 - dx])


@pytest.mark.parametrize("yaw", [0.0, 0.5 * math.pi, math.pi, 1.5 * math.pi])
def test_what_was_farther_when_it_was_measured_is_met_all_the_same(yaw: float) -> None:
    """The robot has come nearer by almost a quarter of a metre since."""
    c, s = math.cos(yaw), math.sin(yaw)
    begins_m = 0.6 + 8 / 15 - 0.01
    wall = affinity.rotate(box(begins_m, -1.0, begins_m + 1.0, 1.0), yaw, origin=(0, 0), use_radians=True)
    zones = area_map(wall=affinity.translate(wall, 20.0, 14.0))
    before = zones.anchor(MapPose(20.0 - 0.24 * c, 14.0 - 0.24 * s, 0.0, 0.0), None)
    way = way_of(zones, MapPose(20.0, 14.0, yaw, 0.0), 1.0, 0.0, before)
    assert way.near("wall") and way.enters("wall")


def test_a_place_known_from_close_by_makes_no_far_area_near() -> None:
    zones = area_map(ahead=nearly(RADIUS_M + 8 / 15 + 0.24 + 0.11))
    before = zones.anchor(MapPose(20.0, 14.0, 0.0, 0.0), None)
    assert not way_of(zones, MapPose(20.2, 14.1, 0.0, 0.0), 1.0, 0.0, before).near("ahead")


# --- what is told of a zone ---


def test_an_area_without_a_way_out_holds_whoever_is_in_it() -> None:
    way = way_of(area_map(pit=box(19.0, 13.0, 21.0, 15.0)), MapPose(20.0, 14.0, 0.0, 0.0), 1.0, 0.0)
    assert way.forbidden("pit", escape=False) == ZoneLimit(0.0, "pit", "forbidden", 0.0, 0.0)


def test_in_a_slow_zone_there_is_no_way_left_to_slow_down_on() -> None:
    lane = zone(ZoneKind.SPEED, box(19.0, 13.0, 22.0, 15.0), 0.8)
    found = zone_map(lane=lane).limit(MapPose(20.0, 14.0, 0.0, 0.0), 1.6, 0.0, BRAKING, ESCAPE_MPS)
    assert found == ZoneLimit(0.5, "lane", "slow", 0.0, 0.8)


@pytest.mark.parametrize("gap", [0.15, 0.4, 0.6])
def test_the_way_to_a_slow_zone_is_told_from_the_last_look_before_it(gap: float) -> None:
    lane = zone(ZoneKind.SPEED, box(20.6 + gap, 13.0, 23.0, 15.0), 0.4)
    found = zone_map(lane=lane).limit(MapPose(20.0, 14.0, 0.0, 0.0), 1.5, 0.0, BRAKING, ESCAPE_MPS)
    look_m = 1.5 * (0.2 + 0.5) / 15
    assert found is not None and (found.zone, found.clause, found.limit_mps) == ("lane", "slow", 0.4)
    assert gap - look_m <= found.way_m <= gap


def test_a_slow_zone_that_would_take_nothing_says_nothing() -> None:
    """Of 1 m/s the way of 0.8 m to the last look before it takes just what it must."""
    lane = zone(ZoneKind.SPEED, box(20.6 + 0.82, 13.0, 23.0, 15.0), math.sqrt(0.2))
    gentle = Braking(0.0, 0.5, 3.0, 0.1)
    zones, pose = zone_map(lane=lane), MapPose(20.0, 14.0, 0.0, 0.0)
    assert zones.limit(pose, 1.0, 0.0, gentle, ESCAPE_MPS) is None
    faster = zones.limit(pose, 1.001, 0.0, gentle, ESCAPE_MPS)
    assert faster is not None and faster.factor < 1.0


def test_of_two_limits_of_a_zone_the_lower_one_holds() -> None:
    lane = zone(ZoneKind.SPEED, box(19.0, 13.0, 22.0, 15.0), 0.8)
    zones = zone_map({"lane": ZoneRule(max_speed_mps=0.3)}, lane=lane)
    found = zones.limit(MapPose(20.0, 14.0, 0.0, 0.0), 1.0, 0.0, BRAKING, ESCAPE_MPS)
    assert found is not None and found.limit_mps == 0.3 and found.factor == pytest.approx(0.3)


def test_two_fences_are_one_and_have_both_names() -> None:
    zones = zone_map(
        west=zone(ZoneKind.GEOFENCE, box(0.0, 0.0, 11.0, 9.0)), east=zone(ZoneKind.GEOFENCE, box(10.0, 0.0, 20.0, 9.0))
    )
    for x in (4.0, 10.2, 15.0):
        assert zones.limit(MapPose(x, 4.0, 0.0, 0.03), 1.0, 0.0, BRAKING, ESCAPE_MPS) is None
    out = zones.limit(MapPose(18.9, 4.0, 0.0, 0.03), 1.0, 0.0, BRAKING, ESCAPE_MPS)
    assert out is not None and (out.zone, out.clause) == ("east+west", "forbidden")


def test_each_of_several_work_zones_is_one_and_its_edge_is_as_far_as_the_doubt() -> None:
    zones = zone_map(
        one=zone(ZoneKind.WORK, box(0.0, 0.0, 4.0, 4.0)), two=zone(ZoneKind.WORK, box(8.0, 0.0, 12.0, 4.0))
    )
    for x in (2.0, 10.0, 0.75, 11.25):
        assert zones.in_work_zone(MapPose(x, 2.0, 0.0, 0.25))
    for x in (6.0, 0.74, 11.26):
        assert not zones.in_work_zone(MapPose(x, 2.0, 0.0, 0.25))


def test_shapes_are_prepared_once_for_all_looks_at_them() -> None:
    zones = zone_map(
        shut=zone(ZoneKind.KEEP_OUT, box(0.0, 0.0, 4.0, 4.0)), field=zone(ZoneKind.WORK, box(5.0, 0.0, 9.0, 4.0), 0.5)
    )
    assert all(shapely.is_prepared(shape) for shape in zones.shapes) and len(zones.shapes) == 2


# --- out of a forbidden zone ---

SHUT = box(10.0, 5.0, 20.0, 15.0)
LEFT_EDGE = MapPose(15.0, 14.5, 0.0, 0.0)  # its way out is to the left of who looks along x


@pytest.mark.parametrize(("heading", "w", "opens"), [
    (0.0, 1.0, True), (0.0, -1.0, False), (-0.05, 1.0, True), (-0.2, 1.0, False), (0.05, -1.0, False),
    (0.2, -1.0, True),
])  # fmt: skip
def test_in_a_forbidden_zone_a_bend_leads_where_it_comes_to_after_a_short_look(
    heading: float, w: float, opens: bool
) -> None:
    """At 0.5 m/s and 1 rad/s the next tenth of a metre turns it by 0.2 rad, by half of that on the way."""
    zones = zone_map(shut=zone(ZoneKind.KEEP_OUT, SHUT))
    found = zones.limit(LEFT_EDGE._replace(yaw_rad=heading), 0.5, w, BRAKING, ESCAPE_MPS)
    assert found is not None and found.clause == ("escape" if opens else "forbidden")
    assert found.factor == (pytest.approx(0.4) if opens else 0.0)


def test_who_would_first_go_deeper_stays_even_where_the_other_edge_is_near() -> None:
    lane = zone(ZoneKind.KEEP_OUT, box(15.0, 5.0, 16.0, 15.0))
    found = zone_map(lane=lane).limit(MapPose(15.3, 10.0, 0.0, 0.0), 0.5, 0.0, BRAKING, ESCAPE_MPS)
    assert found is not None and (found.clause, found.factor) == ("forbidden", 0.0)


@pytest.mark.parametrize("v", [PRECISE, -PRECISE])
def test_a_micrometre_a_second_is_a_motion_and_less_is_none(v: float) -> None:
    zones = zone_map(shut=zone(ZoneKind.KEEP_OUT, SHUT))
    inside = MapPose(19.0, 10.0, 0.0 if v < 0.0 else math.pi, 0.0)
    found = zones.limit(inside, v, 0.5, BRAKING, ESCAPE_MPS)
    assert found is not None and zones.limit(inside, 0.9 * v, 0.5, BRAKING, ESCAPE_MPS) is None
