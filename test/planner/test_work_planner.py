"""Work in the yard from end to end: the implement, the dock, the person who walks round a corner, the patrol."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from planner_driver import INSCRIBED_M, Drive, go, goal, scout, yard, yard_map

from physical_ai_core.goal import Limits, ObjectTarget, PlaceTarget, RouteTarget, Step, Task, Until, ZoneTarget
from physical_ai_core.site import Site
from physical_ai_planner.aim import Aim, Waypoint
from physical_ai_planner.follow import Follower
from physical_ai_planner.grounding import Grounder
from physical_ai_planner.localisation import Here, Thing
from physical_ai_planner.mission import Happening, Mission, Progress, Situation
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.phrases import HERE
from physical_ai_planner.refused import Refused
from physical_ai_planner.route import plan_leg
from physical_ai_planner.site_map import SiteMap

MOW = Step(task=Task.COVER, target=ZoneTarget(name="meadow"), tool=True)
WIDTH_M = PlannerParameters().lane_width_m + PlannerParameters().lane_overlap_m


def mown(step: Step, seconds: float, **parameters: float) -> tuple[Drive, list[np.ndarray]]:
    """The stretches that were driven with the implement on."""
    drive = Drive({"mow": goal(step)}, **parameters)
    drive.say("mow")
    worked, on = [[]], False
    for _ in range(round(seconds / 0.2)):
        on = drive.goals[-1].steps[0].tool is True
        if on:
            worked[-1].append(drive.pose[:2].copy())
        elif worked[-1]:
            worked.append([])
        drive.step()
        if drive.last.kind == "done":
            break
    return drive, [np.array(line) for line in worked if len(line) > 1]


def test_the_implement_is_on_over_the_whole_meadow_and_never_outside_it():
    drive, lines = mown(MOW, 500.0)
    assert drive.last.kind == "done" and drive.goals[-1].steps[0].tool is None
    zone = yard().zones["meadow"].shape
    worked = shapely.MultiLineString(lines).buffer(0.5 * WIDTH_M)
    assert worked.difference(zone.buffer(1e-6)).area < 1e-9
    assert worked.area >= 0.95 * zone.area  # the point robot is seen five times a second, and the edge keeps 5 cm
    assert 1 <= len(lines) <= 10


def test_stopping_switches_the_implement_off_and_going_on_switches_it_on_again_on_the_pass():
    drive = Drive({"mow": goal(MOW)}).say("mow")
    while drive.goals[-1].steps[0].tool is not True:
        drive.step()
    drive.say("stop").run(2.0)
    assert drive.goals[-1].steps[0].task is Task.STOP and drive.goals[-1].steps[0].tool is None
    drive.say("resume").run(5.0)
    assert drive.goals[-1].steps[0].task is Task.COVER and drive.goals[-1].steps[0].tool is True


def test_covering_without_a_tool_never_switches_one_on():
    drive = Drive({"go over": goal(Step(task=Task.COVER, target=ZoneTarget(name="meadow")))}, lane_width_m=2.0)
    drive.say("go over").run(120.0)
    assert not any(g.steps[0].tool for g in drive.goals)


coordinate = st.floats(1.0, 18.0)
box = st.tuples(coordinate, coordinate, st.floats(0.2, 5.0), st.floats(0.2, 5.0), st.floats(0.0, 3.1))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(box, max_size=4), st.tuples(coordinate, coordinate), st.booleans())
def test_no_course_over_a_field_leaves_the_fence_or_enters_what_is_forbidden_and_all_that_is_reachable_is_covered(
    boxes, pond, avoid
):
    x, y = pond
    site = Site.model_validate(
        {
            "name": "farm", "start": "home",
            "places": {"home": {"names": {"en": ["home"]}, "pose": {"x_m": -1.5, "y_m": -1.5}}},
            "zones": {
                "limits": {"kind": "geofence", "polygon": [[-3, -3], [21, -3], [21, 18], [-3, 18]]},
                "field": {"kind": "work", "polygon": [[0, 0], [20.5, 0], [20.5, 9], [9, 12], [9, 20], [0, 17.5]]},
                "pond": {
                    "kind": "work" if avoid else "keep_out",
                    "polygon": [[x, y], [x + 3, y], [x + 3, y + 3], [x, y + 3]],
                },
            },
            "structures": {
                f"b{i}": {"pose": {"x_m": bx, "y_m": by, "yaw_rad": turn}, "length_m": length, "width_m": width}
                for i, (bx, by, length, width, turn) in enumerate(boxes)
            },
        }
    )  # fmt: skip
    site_map = SiteMap(site, scout().radius_m, INSCRIBED_M, 0.25, 0.8)
    p, pose = PlannerParameters(), np.array([-1.5, -1.5, 0.0])
    terrain = site_map.terrain(p.clearance_m, 0.1, ("pond",))
    assume(site_map.is_free(terrain.free, pose[:2])[0])
    step = Step(task=Task.COVER, target=ZoneTarget(name="field"), tool=True, limits=Limits(keep_out=("pond",)))
    grounder = Grounder(site, site_map, p)
    try:
        aim = grounder._zone(step, "field", pose, terrain)
    except Refused:
        return
    at, work, driven = pose[:2], [], []
    for waypoint in aim.course:
        leg = plan_leg(site_map, terrain, None, at, waypoint.xy, 0.2, straight=True)
        assert leg is not None, "every point can be driven to"
        driven.append(leg.points)
        if waypoint.work:
            work.append(leg.points)
        at = waypoint.xy
    line = shapely.MultiLineString(driven)
    radius = scout().radius_m
    assert site_map.fence.buffer(-radius - 0.1).covers(line)
    assert line.distance(site.zones["pond"].shape) >= radius + 0.1
    assert not boxes or line.distance(site_map.structures) >= radius + p.clearance_m - 0.051
    worked = shapely.MultiLineString(work).buffer(0.5 * WIDTH_M)
    assert worked.difference(site.zones["field"].shape.buffer(1e-6)).area < 1e-6
    assert worked.intersection(site.zones["pond"].shape).area == 0.0
    reachable = grounder.fields.field(site.zones["field"], terrain, pose).area.buffer(0.5 * WIDTH_M)
    assert worked.intersection(reachable).area >= 0.98 * reachable.area


def test_of_a_fine_course_all_points_by_the_one_that_stays_blocked_are_left_out_at_once():
    course = tuple(Waypoint(0.2 * i, 0.0, work=True) for i in range(1, 40))
    p = PlannerParameters()
    mission = Mission(goal(MOW), [Aim(MOW, HERE, course, straight=True)], np.zeros(3), p, Progress(waypoint=5))
    here = Here(np.array([0.7, 0.0, 0.0]), 0.0, np.zeros(3), 0.0)
    assert Happening.SKIPPED in mission.tick(Situation(here, blocked_s=p.blocked_patience_s + 1.0), 0.1)
    assert course[mission.progress.waypoint].x_m - course[5].x_m == pytest.approx(1.0)


@pytest.mark.parametrize("switched", [False, True])
@pytest.mark.parametrize("turn_rad", [0.5, 1.57, 2.4, -2.4])
def test_a_corner_that_the_controller_cuts_counts_as_passed(turn_rad, switched):
    out = 2.0 * np.array([np.cos(turn_rad), np.sin(turn_rad)])
    course = (
        Waypoint(-2.0, 0.0),
        Waypoint(0.0, 0.0, work=True),
        Waypoint(*out, work=not switched),
        Waypoint(*(2 * out)),
    )
    mission = Mission(goal(MOW), [Aim(MOW, HERE, course, straight=True)], np.zeros(3), PlannerParameters())
    mission.progress = Progress(waypoint=1)
    corner = np.array([0.0, 0.0])
    inside = (out / 2.0 + [-1.0, 0.0]) / np.hypot(*(out / 2.0 + [-1.0, 0.0]))
    for along in np.linspace(-1.0, 1.0, 41):  # a bend that comes no nearer to the corner than 0.25 m
        leg = [-1.0, 0.0] if along < 0.0 else out / 2.0
        xy = corner + abs(along) * np.array(leg) + max(0.0, 0.27 - 0.2 * abs(along)) * inside
        mission.tick(Situation(Here(np.array([*xy, 0.0]), 0.5, np.zeros(3), 0.0)), 0.1)
    assert mission.progress.waypoint == 2


# --- dock ---

DOCK_A = Step(task=Task.DOCK, target=PlaceTarget(name="dock_a"))


def test_a_dock_is_approached_straight_and_slowly_from_a_pose_before_it():
    drive = Drive({"dock": goal(DOCK_A)}, at=(30.0, 16.0, 0.0))
    drive.say("dock").run(90.0, until="done")
    assert drive.last.kind == "done"
    track = np.array(drive.track)
    dock = yard().places["dock_a"].pose
    last = track[track[:, 0] > dock.x_m - 1.45]
    assert np.abs(last[:, 1] - dock.y_m).max() < 0.05 and np.abs(last[:, 2]).max() < 0.1
    steps = np.hypot(*np.diff(last[:, :2], axis=0).T)
    assert steps.max() <= PlannerParameters().dock_speed_mps * 0.2 + 1e-6


class Crooked(Drive):
    """A robot that stands askew before the dock, as often as told, whatever its path says."""

    times = 0

    def _move(self) -> None:
        super()._move()
        before = np.hypot(self.pose[0] - 35.0, self.pose[1] - 5.0) < 0.05
        if before and self.kinds.count("info") < self.times:
            self.pose[2] = 0.4


def crooked(times: int, **parameters: float) -> Crooked:
    drive = Crooked({"dock": goal(DOCK_A)}, at=(30.0, 5.0, 0.0), **parameters)
    drive.times = times
    drive.say("dock")
    for _ in range(600):
        drive.step()
        if drive.last.kind == "done" or "look what" in drive.last.en:
            break
    return drive


def test_a_robot_that_stands_askew_before_the_dock_backs_off_and_tries_again():
    drive = crooked(times=1)
    assert [r.kind for r in drive.replies] == ["understood", "info", "done"]
    track = np.array(drive.track)
    arrived = np.flatnonzero(track[:, 0] > 34.9)
    assert np.any(track[arrived[0] :, 0] < 34.0)  # it went back


def test_after_some_tries_the_dock_is_given_up_with_words():
    drive = crooked(times=9, dock_tries=2)
    assert [r.kind for r in drive.replies] == ["understood", "info", "info"]
    assert "ドック" in drive.last.ja and drive.goals[-1].steps[0].task is Task.WAIT
    drive.run(2.0)
    assert not len(drive.path)


def test_without_room_before_a_dock_it_is_driven_to_as_to_any_place():
    grounder = Grounder(yard(), yard_map(), PlannerParameters())
    terrain = yard_map().terrain(0.1, 0.0, ())
    pose = np.array([20.0, 10.0, 0.0])
    (near,) = grounder._ground_step(
        Step(task=Task.DOCK, target=PlaceTarget(name="charger")), pose, None, terrain
    ).course
    assert not near.align  # the charger's post stands behind it
    ready, lead, last = grounder._ground_step(DOCK_A, pose, None, terrain).course
    assert ready.align and lead.straight and last.straight
    assert (ready.x_m, ready.y_m, ready.yaw_rad) == pytest.approx((35.0, 5.0, 0.0))


# --- following ---


def person(x: float, y: float, vx: float = 0.0, vy: float = 0.0, number: int = 4) -> Thing:
    return Thing(number, "person", x, y, vx, vy, 0.3)


def test_who_walks_round_a_corner_is_followed_along_the_way_they_took_and_seen_again():
    """Along the shelves' south side (y 17.8), round their west end (x 18) and on to the north; hidden by the shelf."""
    walk = [(26.0 - 0.2 * i, 16.5) for i in range(48)] + [(16.4, 16.5 + 0.2 * i) for i in range(16)]
    walk += [(16.4 + 0.2 * i, 19.6) for i in range(24)]
    drive = Drive(
        {"follow": goal(Step(task=Task.FOLLOW, target=ObjectTarget(class_name="person")))}, at=(29.0, 16.5, np.pi)
    )
    seen, gaps = [], []
    shelf = yard_map().structures
    drive.people = [(4, *walk[0], -1.0, 0.0)]
    drive.sense()
    drive.say("follow")
    for before, (x, y) in pairwise(walk):
        visible = not shelf.intersects(shapely.LineString([drive.pose[:2], (x, y)]))
        seen.append(visible)
        velocity = (5.0 * (x - before[0]), 5.0 * (y - before[1]))
        drive.people = [(4, x, y, *velocity)] if visible else []
        drive.step()
        gaps.append(float(np.hypot(drive.pose[0] - x, drive.pose[1] - y)))
    for _ in range(150):
        visible = not shelf.intersects(shapely.LineString([drive.pose[:2], walk[-1]]))
        drive.people = [(4, *walk[-1], 0.0, 0.0)] if visible else []
        drive.step()
    assert not all(seen) and drive.kinds == ["understood"]
    assert min(gaps) > 1.2
    assert np.hypot(drive.pose[0] - walk[-1][0], drive.pose[1] - walk[-1][1]) < 2.6


def test_behind_something_the_follower_goes_on_to_where_the_object_was_last_and_waits_there():
    follower = Follower(PlannerParameters())
    target, pose = ObjectTarget(class_name="person"), np.array([0.0, 0.0, 0.0])
    assert follower.update(target, [person(5.0, 0.0, 1.0)], pose, 0.2, lambda a, b: True)
    assert (follower.point.x_m, follower.point.y_m) == pytest.approx((3.0, 0.0))
    for _ in range(5):
        assert not follower.update(target, [], pose, 0.2, lambda a, b: False)
    assert (follower.point.x_m, follower.point.y_m) == pytest.approx((5.0, 0.0))
    follower.update(target, [], np.array([4.8, 0.0, 0.0]), 0.2, lambda a, b: False)
    assert (follower.point.x_m, follower.point.y_m) == pytest.approx((7.0, 0.0))  # it was heading there
    follower.update(target, [], np.array([6.8, 0.0, 0.0]), 0.2, lambda a, b: False)
    assert follower.point is None and not follower.gone
    again = person(7.0, 0.5, number=9)  # a new track, about where it must have got to
    assert follower.update(target, [again], pose, 0.2, lambda a, b: True) and follower.id == 9


def test_an_object_lost_in_the_open_is_waited_for_where_the_robot_is():
    follower = Follower(PlannerParameters())
    target, pose = ObjectTarget(class_name="person"), np.array([0.0, 0.0, 0.0])
    follower.update(target, [person(5.0, 0.0)], pose, 0.2, lambda a, b: True)
    for _ in range(60):
        follower.update(target, [], pose, 0.2, lambda a, b: True)
    assert follower.point is None and follower.gone


def test_another_person_far_from_where_the_lost_one_can_be_is_not_followed():
    follower = Follower(PlannerParameters())
    target, pose = ObjectTarget(class_name="person"), np.array([0.0, 0.0, 0.0])
    follower.update(target, [person(4.0, 0.0)], pose, 0.2, lambda a, b: True)
    assert not follower.update(target, [person(0.0, 8.0, number=5)], pose, 0.2, lambda a, b: True)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)), min_size=1, max_size=60), st.booleans())
def test_the_follower_never_aims_nearer_to_what_it_sees_than_the_distance_kept(steps, clear):
    p = PlannerParameters()
    follower, pose = Follower(p), np.array([0.0, 0.0, 0.0])
    at = np.array([6.0, 0.0])
    for step in steps:
        at = at + step
        follower.update(ObjectTarget(class_name="person"), [person(*at)], pose, 0.2, lambda a, b: clear)
        if follower.point is not None and clear:
            aimed = follower.point.xy
            assert np.hypot(*(aimed - at)) >= p.follow_distance_m - 0.5 - 0.3 * np.sqrt(2) - 1e-6


# --- patrol ---


def test_a_patrol_begins_at_the_nearest_place_and_goes_round_from_there():
    grounder = Grounder(yard(), yard_map(), PlannerParameters())
    terrain = yard_map().terrain(0.1, 0.0, ())
    step = Step(task=Task.PATROL, target=RouteTarget(name="round"), until=Until(laps=1))
    course = grounder._ground_step(step, np.array([35.0, 12.0, 0.0]), None, terrain).course
    names = [next(k for k, v in yard().places.items() if (v.pose.x_m, v.pose.y_m) == (w.x_m, w.y_m)) for w in course]
    assert names == ["dock_b", "shelves", "field", "gate", "dock_a"]


def test_a_patrol_ends_with_its_time_and_the_edge_of_a_zone_is_followed_inside_it():
    step = Step(task=Task.PATROL, target=ZoneTarget(name="meadow"), until=Until(duration_s=60.0))
    drive = Drive({"round": goal(step, go("gate"))}).say("round").run(70.0)
    assert drive.goals[-1].steps[0].task is Task.NAVIGATE
    track = np.array(drive.track)
    zone = yard().zones["meadow"].shape
    inside = shapely.contains_xy(zone, track[:, 0], track[:, 1])
    assert inside.any()
    away = shapely.distance(shapely.points(track[inside][:, :2]), zone.boundary)
    assert away.max() < 2.5 and Waypoint(0.0, 0.0).work is False
