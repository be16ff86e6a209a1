"""What the numeric side refuses, whatever the words were; and limits that only tighten."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from planner_driver import Drive, go, goal, scout, yard, yard_map

from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_core.goal import Event, Limits, PoseTarget, Relation, Step, Task, Until, ZoneTarget
from physical_ai_core.messages import Pose
from physical_ai_planner.grounding import Waypoint
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.speed import SpeedRule


def to(x_m: float, y_m: float, **more) -> Step:
    return Step(task=Task.NAVIGATE, target=PoseTarget(x_m=x_m, y_m=y_m), **more)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (to(60.0, 5.0), "forbidden"),  # outside the geofence
        (to(0.4, 12.0), "forbidden"),  # inside it, but not with the whole robot
        (to(11.0, 7.5), "forbidden"),  # in the flower bed
        (to(12.7, 7.5), "forbidden"),  # beside it, but not with the whole robot
        (to(21.0, 18.2), "unreachable"),  # in a shelf
        (to(21.0, 17.5), "unreachable"),  # too near to it
        (Step(task=Task.NAVIGATE, target=ZoneTarget(name="flower_bed")), "forbidden"),
        (Step(task=Task.COVER, target=ZoneTarget(name="flower_bed")), "forbidden"),
        (go("moon"), "unknown_place"),
        (go("gate", limits=Limits(keep_out=("swamp",))), "unknown_place"),
        (go("dock_a", limits=Limits(keep_out=("loading_bay",))), "forbidden"),
        (go("dock_a", limits=Limits(min_clearance_m=3.0)), "unreachable"),
        (Step(task=Task.WAIT, until=Until(event=Event.BATTERY_FULL)), "not_able"),
    ],
)
def test_a_goal_against_the_site_is_refused_with_its_reason_and_nothing_moves(step, reason):
    drive = Drive({"do it": goal(step)})
    drive.say("do it").run(2.0)
    assert (drive.last.kind, drive.last.reason) == ("refusal", reason)
    assert drive.last.en and drive.last.ja
    assert not drive.goals and not len(drive.path) and drive.limit == 0.0


def test_one_bad_step_refuses_the_whole_goal():
    drive = Drive({"do it": goal(go("gate"), to(11.0, 7.5))})
    drive.say("do it").run(1.0)
    assert drive.kinds == ["refusal"] and not drive.goals


def test_a_place_shut_off_by_a_zone_the_person_forbids_is_unreachable():
    site_map = yard_map()
    assert site_map.terrain(0.1, 0.0, ()).free.sum() > site_map.terrain(0.1, 0.0, ("loading_bay",)).free.sum()
    drive = Drive({"do it": goal(go("dock_b", limits=Limits(keep_out=("loading_bay",))))})
    drive.say("do it").run(1.0)
    assert drive.last.kind == "refusal"


def test_the_zone_that_a_person_forbids_is_driven_around():
    free = Drive({"do it": goal(go("shelves"))}, at=(4.0, 18.0, 0.0))
    kept = Drive({"do it": goal(go("shelves", limits=Limits(keep_out=("meadow",))))}, at=(1.0, 12.0, 0.0))
    for drive in (free, kept):
        drive.say("do it").run(60.0, until="done")
        assert drive.last.kind == "done"
    meadow = yard().zones["meadow"].shape
    assert shapely.LineString([p[:2] for p in kept.track]).distance(meadow) >= scout().radius_m


@given(st.floats(0.0, 2.0), st.floats(0.0, 0.5), st.sets(st.sampled_from(["meadow", "loading_bay"])))
@settings(max_examples=20, deadline=None)
def test_limits_only_take_ground_away(clearance_m, margin_m, keep_out):
    site_map = yard_map()
    open_ground = site_map.terrain(0.1, 0.0, ()).free
    tightened = site_map.terrain(0.1 + clearance_m, margin_m, tuple(sorted(keep_out))).free
    assert not np.any(tightened & ~open_ground)


path_of = st.lists(st.tuples(st.floats(0, 40), st.floats(0, 24)), min_size=0, max_size=6)


@given(path_of, st.floats(0.01, 20.0) | st.none(), st.floats(0.0, 1.0), st.booleans())
@settings(deadline=None)
def test_no_limit_of_a_goal_and_no_doubt_raises_the_speed(path, step_limit, margin_m, dock):
    rule = SpeedRule(yard(), scout(), PlannerParameters())
    poses = np.array([(x, y, 0.0) for x, y in path]).reshape(-1, 3)
    here = np.array([33.0, 5.0, 0.0])  # in the loading bay, 0.8 m/s
    target = Waypoint(36.5, 5.0, dock=True) if dock else None
    plain = rule.limit(poses, here, 0.0, None, None)
    tightened = rule.limit(poses, here, margin_m, step_limit, target)
    assert 0.0 < tightened <= plain <= 0.8
    if step_limit is not None:
        assert tightened <= step_limit


def test_the_robot_is_slow_enough_before_it_enters_a_slower_zone_and_creeps_onto_a_dock():
    drive = Drive({"dock": goal(Step(task=Task.DOCK, target=go("dock_a").target))}, at=(22.0, 5.0, 0.0))
    drive.say("dock").run(60.0, until="done")
    assert drive.last.kind == "done"
    bay = [limit for pose, limit in zip(drive.track[1:], drive.limit_at, strict=True) if pose[0] >= 32.2]
    assert bay and max(bay) <= 0.8 + 1e-6
    assert min(limit for limit in drive.limits if limit > 0.0) <= 0.31


def test_an_uncertain_position_widens_the_zones():
    drive = Drive({"do it": goal(to(13.5, 7.5))})
    drive.say("do it").run(1.0)
    assert drive.last.kind == "understood"
    unsure = Drive({"do it": goal(to(13.5, 7.5))}, localised=False)
    unsure.localised = True
    unsure.sense()
    unsure.hear("state/map_to_odom", Pose(100.1, "map", np.zeros(3), quaternion_of_yaw(0.0), np.eye(6) * 0.4**2))
    unsure.say("do it")
    unsure._take(unsure.core.tick(100.2))
    assert unsure.last.kind == "refusal"


def test_behind_the_tank_there_is_no_room_and_the_robot_says_so():
    drive = Drive({"do it": goal(go("water_tank", relation=Relation.BEHIND))})
    drive.say("do it").run(1.0)
    assert drive.last.reason in ("unreachable", "forbidden")


def test_a_goal_pose_from_rviz_is_checked_like_any_other():
    drive = Drive()
    for frame, x, y, kind in [
        ("map", 10.0, 4.0, "understood"),
        ("odom", 10.0, 4.0, "understood"),
        ("map", 11.0, 7.5, "refusal"),
        ("camera", 10.0, 4.0, "refusal"),
        ("map", np.nan, 4.0, "refusal"),
        ("map", 1e9, 4.0, "refusal"),
    ]:
        drive.hear("goal_pose", Pose(drive.now_s, frame, np.array([x, y, 0.0]), quaternion_of_yaw(0.5)))
        assert drive.last.kind == kind, (frame, x)
    assert len(drive.goals) == 2


def test_a_goal_pose_without_a_sound_heading_is_reached_with_any():
    drive = Drive()
    drive.hear("goal_pose", Pose(drive.now_s, "map", np.array([6.0, 4.0, 0.0]), np.full(4, np.nan)))
    drive.hear("goal_pose", Pose(drive.now_s, "map", np.array([6.0, 4.0, 0.0]), np.zeros(4)))
    assert drive.kinds == ["understood", "understood"]
    assert drive.goals[-1].steps[0].target.yaw_rad is None
