"""Zones of the map: the place where the robot could rest stays outside; they grow with the doubt about the pose."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point, Polygon, affinity

from physical_ai_core.robot import load_robot
from physical_ai_core.site import load_site
from physical_ai_safety.footprint import Braking, Hull
from physical_ai_safety.schema import ZoneRule
from physical_ai_safety.zones import MapPose, ZoneLimit, ZoneMap, _stricter

SITE = load_site("yard")
BODY = Polygon(load_robot("scout").footprint)
ZONES = ZoneMap(SITE, {"meadow": ZoneRule(max_speed_mps=0.5)}, Hull(load_robot("scout").footprint))
ONLY_BED = ZoneMap(
    SITE.model_copy(update={"zones": {"flower_bed": SITE.zones["flower_bed"]}}), {},
    Hull(load_robot("scout").footprint),
)  # fmt: skip
BRAKING = Braking(0.2, 1.5, 3.0, 0.1)


def body_at(pose: MapPose, v: float, w: float, way_s: float) -> Polygon:
    yaw = w * way_s
    x = v * way_s if abs(yaw) < 1e-9 else v / w * math.sin(yaw)
    y = 0.0 if abs(yaw) < 1e-9 else v / w * (1.0 - math.cos(yaw))
    c, s = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    turned = affinity.rotate(BODY, pose.yaw_rad + yaw, origin=(0, 0), use_radians=True)
    return affinity.translate(turned, pose.x_m + c * x - s * y, pose.y_m + s * x + c * y)


@settings(max_examples=100, deadline=None)
@given(
    st.floats(7.0, 15.0), st.floats(3.5, 11.5), st.floats(-3.2, 3.2), st.floats(-0.5, 2.0), st.floats(-1.5, 1.5),
    st.floats(0.0, 0.2),
)  # fmt: skip
def test_from_outside_a_keep_out_zone_the_robot_comes_to_rest_outside_it(
    x: float, y: float, yaw: float, v: float, w: float, sigma: float
) -> None:
    pose, bed = MapPose(x, y, yaw, sigma), SITE.zones["flower_bed"].shape
    if body_at(pose, v, w, 0.0).distance(bed) <= 3.0 * sigma + 1e-6:
        return
    found = ZONES.limit(pose, v, w, BRAKING, 0.2)
    k = min(1.0, found.factor) if found is not None else 1.0
    rest = k * 0.2 + 0.5 * k * k * BRAKING.duration_s(v, w)
    assert body_at(pose, v, w, rest).distance(bed) > 3.0 * sigma - 0.03  # corners between two of the samples


def test_zones_grow_with_the_doubt_about_the_pose() -> None:
    sure = ZONES.limit(MapPose(8.75, 7.5, 0.0, 0.01), 1.0, 0.0, BRAKING, 0.2)
    doubtful = ZONES.limit(MapPose(8.75, 7.5, 0.0, 0.1), 1.0, 0.0, BRAKING, 0.2)
    assert sure is not None and doubtful is not None and doubtful.factor < sure.factor


def test_inside_a_keep_out_zone_the_way_out_is_slow_and_the_way_in_is_shut() -> None:
    inside = MapPose(12.2, 7.5, 0.0, 0.03)
    out, further = ZONES.limit(inside, 1.0, 0.0, BRAKING, 0.2), ZONES.limit(inside, -0.5, 0.0, BRAKING, 0.2)
    assert out is not None and out.clause == "escape" and out.factor * 1.0 == pytest.approx(0.2)
    assert further is not None and further.factor == 0.0
    assert ZONES.limit(inside, 0.0, 1.0, BRAKING, 0.2) is None


def test_the_fence_holds_the_robot_in() -> None:
    found = ZONES.limit(MapPose(39.2, 20.0, 0.0, 0.03), 1.0, 0.0, BRAKING, 0.2)
    assert found is not None and found.zone == "yard_limits" and found.factor < 0.5


def test_a_speed_zone_is_entered_at_its_speed_and_far_zones_say_nothing() -> None:
    within = ZONES.limit(MapPose(35.0, 8.0, 0.0, 0.03), 1.5, 0.0, BRAKING, 0.2)
    assert within is not None and within.factor * 1.5 == pytest.approx(0.8)
    before = ZONES.limit(MapPose(31.0, 8.0, 0.0, 0.03), 1.5, 0.0, BRAKING, 0.2)
    assert before is not None and 0.8 < before.factor * 1.5 < 1.5
    assert ZONES.limit(MapPose(35.0, 8.0, 0.0, 0.03), 0.7, 0.0, BRAKING, 0.2) is None
    assert ZONES.limit(MapPose(20.0, 14.0, 0.0, 0.03), 1.5, 0.0, BRAKING, 0.2) is None
    assert ZONES.limit(MapPose(35.0, 8.0, 0.0, 0.03), 0.0, 0.0, BRAKING, 0.2) is None


def test_a_work_zone_limited_by_the_rules_is_a_speed_zone_too() -> None:
    found = ZONES.limit(MapPose(7.0, 18.0, 0.0, 0.03), 1.0, 0.0, BRAKING, 0.2)
    assert found is not None and found.zone == "meadow" and found.factor == pytest.approx(0.5)


def test_the_tool_zone_needs_a_sure_pose_inside() -> None:
    assert ZONES.in_work_zone(MapPose(7.0, 18.0, 0.0, 0.03))
    assert not ZONES.in_work_zone(MapPose(7.0, 14.2, 0.0, 0.2))
    assert not ZONES.in_work_zone(MapPose(20.0, 10.0, 0.0, 0.03))
    assert not ZONES.in_work_zone(None)


def test_a_site_without_zones_needs_no_pose() -> None:
    empty = ZoneMap(SITE.model_copy(update={"zones": {}}), {}, Hull(load_robot("scout").footprint))
    assert not empty.needs_pose
    assert empty.limit(MapPose(0, 0, 0, 0.0), 1.0, 0.0, BRAKING, 0.2) is None


def test_of_two_zones_the_stricter_binds() -> None:
    slow, slower = ZoneLimit(0.5, "a", "slow", 1.0, 0.8), ZoneLimit(0.4, "b", "slow", 1.0, 0.8)
    assert _stricter(slow, slower) is slower and _stricter(slower, slow) is slower
    assert _stricter(None, slow) is slow and _stricter(slow, None) is slow and _stricter(None, None) is None
    assert _stricter(slow, slow._replace(zone="c")) is slow


def test_where_a_slow_zone_lies_far_enough_ahead_it_does_not_bind_yet() -> None:
    """The reach looks further than the way to rest: a zone within it, but not on the way, says nothing."""
    for x, y, yaw in ((31.0, 8.0, math.pi), (31.3, 8.0, math.pi / 2)):
        assert ZONES.limit(MapPose(x, y, yaw, 0.03), 1.5, 0.0, BRAKING, 0.2) is None


@pytest.mark.parametrize("x", [30.4, 30.7, 31.0, 31.3])
def test_before_a_slow_zone_the_speed_is_that_from_which_it_can_be_entered_slowly(x: float) -> None:
    found = ZONES.limit(MapPose(x, 8.0, 0.0, 0.03), 1.5, 0.0, BRAKING, 0.2)
    room = 32.0 - x - 0.25 - 0.09 - 1.5 * 0.2
    allowed = min(1.5, math.sqrt(0.8**2 + 2.0 * 1.5 * max(0.0, room)))
    got = 1.5 if found is None else min(1.5, 1.5 * found.factor)
    assert max(0.8, math.sqrt(max(0.0, allowed**2 - 3.0 * 0.13))) - 1e-6 <= got <= allowed + 1e-6


def test_in_a_forbidden_zone_backing_out_is_the_way_when_the_front_leads_further_in() -> None:
    inside = MapPose(9.7, 7.5, 0.0, 0.03)
    back, on = ZONES.limit(inside, -0.4, 0.0, BRAKING, 0.2), ZONES.limit(inside, 0.4, 0.0, BRAKING, 0.2)
    assert back is not None and (back.clause, back.limit_mps, back.way_m) == ("escape", 0.2, 0.0)
    assert back.factor == pytest.approx(0.5)
    assert on is not None and (on.factor, on.clause, on.limit_mps) == (0.0, "forbidden", 0.0)
    slow = ZONES.limit(inside, -0.1, 0.0, BRAKING, 0.2)
    assert slow is not None and slow.factor == 1.0


def test_a_pose_after_a_long_way_measures_the_zones_anew() -> None:
    zones = ZoneMap(SITE, {}, Hull(load_robot("scout").footprint))
    assert zones.limit(MapPose(20.0, 14.5, 0.0, 0.03), 1.5, 0.0, BRAKING, 0.2) is None
    for x in (20.2, 8.8):
        found = zones.limit(MapPose(x, 7.5, 0.0, 0.03), 1.0, 0.0, BRAKING, 0.2)
        assert (found is not None and found.zone == "flower_bed") is (x == 8.8)


def test_the_way_to_a_forbidden_zone_is_told_in_metres() -> None:
    found = ZONES.limit(MapPose(8.8, 7.5, 0.0, 0.03), 1.0, 0.0, BRAKING, 0.2)
    assert found is not None and found.clause == "forbidden"
    gap = 9.5 - 8.8 - 0.25 - 0.09
    assert gap - 0.06 <= found.way_m <= gap and found.limit_mps == pytest.approx(found.factor)
    k = found.factor
    assert k * 0.2 + 0.5 * k * k / 1.5 == pytest.approx(found.way_m)


@settings(max_examples=120, deadline=None)
@given(
    st.floats(7.0, 15.0), st.floats(3.5, 11.5), st.floats(-3.2, 3.2), st.floats(0.2, 2.0), st.sampled_from([-1.0, 1.0]),
    st.floats(-1.5, 1.5), st.floats(0.0, 0.2),
)  # fmt: skip
def test_the_way_before_a_keep_out_zone_is_that_of_the_arc_and_no_shorter_than_one_look_apart(
    x: float, y: float, yaw: float, speed: float, way: float, w: float, sigma: float
) -> None:
    pose, bed, v = MapPose(x, y, yaw, sigma), SITE.zones["flower_bed"].shape, way * speed
    horizon = BRAKING.reaction_s + 0.5 * BRAKING.duration_s(v, w)
    nears = [body_at(pose, v, w, horizon * k / 45).distance(bed) <= 3.0 * sigma for k in range(46)]
    if nears[0] or any(abs(body_at(pose, v, w, horizon * k / 45).distance(bed) - 3.0 * sigma) < 1e-6 for k in (0, 45)):
        return
    found = ONLY_BED.limit(pose, v, w, BRAKING, 0.2)
    if found is None:
        assert not any(nears[::3]), "each third of them is where it looks itself"
        return
    first = nears[::3].index(True)
    assert found.way_m == pytest.approx(speed * horizon * (first - 1) / 15)
    assert (found.zone, found.clause) == ("flower_bed", "forbidden")
    assert found.limit_mps == pytest.approx(found.factor * speed)


@pytest.mark.parametrize("yaw", [k * math.pi / 4 for k in range(8)])
@pytest.mark.parametrize("v", [-0.8, 0.8])
def test_inside_a_keep_out_zone_just_those_directions_are_open_that_lead_out(yaw: float, v: float) -> None:
    bed = SITE.zones["flower_bed"].shape
    for at in [(bed.bounds[2] - 0.3, 7.5), (bed.bounds[0] + 0.3, 7.5), (bed.centroid.x, bed.bounds[3] - 0.3)]:
        pose = MapPose(*at, yaw, 0.03)
        gap = bed.exterior.distance(Point(at))
        further = bed.exterior.distance(
            Point(at[0] + math.copysign(0.05, v) * math.cos(yaw), at[1] + math.copysign(0.05, v) * math.sin(yaw))
        )
        found = ONLY_BED.limit(pose, v, 0.0, BRAKING, 0.2)
        assert found is not None
        if further < gap - 1e-3:
            assert (found.clause, found.limit_mps) == ("escape", 0.2) and found.factor == pytest.approx(0.25)
        else:
            assert (found.clause, found.factor, found.limit_mps) == ("forbidden", 0.0, 0.0)
        assert found.way_m == 0.0
