"""Names of a goal become poses in `map` where a person would expect them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from planner_driver import go, goal, yard, yard_map

from physical_ai_core.geometry import wrap
from physical_ai_core.goal import (
    DisplacementTarget,
    GoalState,
    Limits,
    ObjectTarget,
    PoseTarget,
    RefusalReason,
    Relation,
    RouteTarget,
    Step,
    Task,
    Until,
    ZoneTarget,
)
from physical_ai_planner import phrases
from physical_ai_planner.grounding import Grounder
from physical_ai_planner.localisation import Thing
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.refused import Refused

START = np.array([5.0, 5.0, np.pi / 2])


@pytest.fixture(scope="module")
def grounder() -> Grounder:
    return Grounder(yard(), yard_map(), PlannerParameters())


def ground(grounder: Grounder, *steps: Step, things=()):
    terrain = yard_map().terrain(0.1, 0.0, ())
    return grounder.ground(goal(*steps), START, things, [terrain] * len(steps))


def only(aims):
    assert len(aims) == 1 and len(aims[0].course) == 1
    return aims[0].course[0]


def test_at_and_in_front_of_a_place_both_mean_its_standing_pose(grounder):
    at = only(ground(grounder, go("shelves")))
    assert (at.x_m, at.y_m, at.yaw_rad) == (21.0, 16.8, 1.5708)
    assert only(ground(grounder, go("shelves", relation=Relation.FRONT))) == at


def test_a_distance_in_front_is_measured_from_the_thing_and_not_from_where_the_robot_would_stand(grounder):
    spot = only(ground(grounder, go("shelves", relation=Relation.FRONT, distance_m=2.0)))
    assert (spot.x_m, spot.y_m) == pytest.approx((21.0, 17.8 - 2.0), abs=0.2)  # the front of the shelf is at y 17.8
    assert spot.yaw_rad == pytest.approx(1.5708)


def test_behind_the_shelves_is_on_their_other_side_facing_them(grounder):
    spot = only(ground(grounder, go("shelves", relation=Relation.BEHIND)))
    assert spot.y_m == pytest.approx(18.6 + 1.0, abs=0.25)
    assert wrap(spot.yaw_rad + 1.5708) == pytest.approx(0.0, abs=0.01)


def test_left_and_right_are_seen_by_someone_who_faces_the_thing(grounder):
    left = only(ground(grounder, go("shelves", relation=Relation.LEFT)))
    right = only(ground(grounder, go("shelves", relation=Relation.RIGHT, distance_m=2.0)))
    assert left.x_m == pytest.approx(18.0 - 1.0, abs=0.25)  # the shelf reaches from x 18 to 24
    assert right.x_m == pytest.approx(24.0 + 2.0, abs=0.25)


def test_near_a_place_is_reached_anywhere_around_it(grounder):
    assert only(ground(grounder, go("gate", relation=Relation.NEAR, distance_m=3.0))).tolerance_m == 3.0


def test_a_move_counts_from_where_the_step_before_it_ends(grounder):
    move = Step(task=Task.NAVIGATE, target=DisplacementTarget(forward_m=2.0, left_m=1.0, turn_rad=np.pi / 2))
    alone, after = ground(grounder, move)[0].course[0], ground(grounder, go("charger"), move)[1].course[0]
    assert (alone.x_m, alone.y_m) == pytest.approx((4.0, 7.0))
    assert abs(alone.yaw_rad) == pytest.approx(np.pi)
    assert (after.x_m, after.y_m, after.yaw_rad) == pytest.approx((4.5, 5.0, np.pi / 2))


def test_a_zone_is_entered_to_its_middle_and_a_route_visits_its_places_in_order(grounder):
    field = only(ground(grounder, Step(task=Task.NAVIGATE, target=ZoneTarget(name="meadow"))))
    assert (field.x_m, field.y_m) == pytest.approx((7.0, 18.0), abs=0.3)
    aim = ground(grounder, Step(task=Task.PATROL, target=RouteTarget(name="round")))[0]
    assert [(w.x_m, w.y_m) for w in aim.course] == [
        (yard().places[p].pose.x_m, yard().places[p].pose.y_m) for p in yard().routes["round"].places
    ]


def test_covering_a_field_passes_within_half_a_lane_of_every_point_of_it(grounder):
    aim = ground(grounder, Step(task=Task.COVER, target=ZoneTarget(name="meadow")))[0]
    lanes = shapely.LineString([(w.x_m, w.y_m) for w in aim.course])
    inner = yard().zones["meadow"].shape.buffer(-0.5)
    assert inner.difference(lanes.buffer(0.5 * PlannerParameters().lane_width_m + 0.02)).area < 0.01 * inner.area


@pytest.mark.parametrize("name", ["棚", "Shelf", "shelves ", "SHELVES"])
def test_a_place_is_also_found_by_a_word_people_use_for_it(grounder, name):
    assert only(ground(grounder, go(name))).x_m == 21.0


def test_an_unknown_place_is_refused_with_the_names_most_like_it(grounder):
    with pytest.raises(Refused) as caught:
        ground(grounder, go("dock_c"))
    assert caught.value.refusal.reason is RefusalReason.UNKNOWN_PLACE
    assert {"dock_a", "dock_b"} <= set(caught.value.options)
    assert "ドック" in caught.value.refusal.text.ja


@given(st.text(max_size=2000))
@settings(max_examples=50, deadline=None)
def test_whatever_a_place_is_called_the_answer_is_a_pose_or_a_typed_refusal_that_can_be_sent(name):
    grounder = Grounder(yard(), yard_map(), PlannerParameters())
    try:
        ground(grounder, go(name))
    except Refused as error:
        assert error.refusal.text.en.isprintable() and len(error.refusal.text.en) < 300


def test_the_nearest_person_is_meant_and_none_in_sight_is_a_refusal(grounder):
    follow = Step(task=Task.FOLLOW, target=ObjectTarget(class_name="person"))
    assert ground(grounder, follow, things=[Thing(3, "person", 8.0, 5.0, 0.0, 0.0, 0.3)])
    with pytest.raises(Refused) as caught:
        ground(grounder, follow, things=[Thing(3, "vehicle", 8.0, 5.0, 0.0, 0.0, 0.3)])
    assert caught.value.refusal.reason is RefusalReason.UNREACHABLE


targets = st.one_of(
    st.builds(PoseTarget, x_m=st.floats(-1e5, 1e5), y_m=st.floats(-1e5, 1e5), yaw_rad=st.floats(-6.3, 6.3) | st.none()),
    st.builds(
        DisplacementTarget, forward_m=st.floats(-100, 100), left_m=st.floats(-100, 100), turn_rad=st.floats(-12, 12)
    ),
)
steps = st.builds(
    Step,
    task=st.just(Task.NAVIGATE),
    target=targets,
    limits=st.builds(Limits, max_speed_mps=st.floats(0.01, 20.0) | st.none()),
    until=st.none() | st.builds(Until, duration_s=st.floats(0.1, 1e4)),
    tool=st.booleans() | st.none(),
)


@given(st.lists(steps, min_size=1, max_size=16))
def test_a_goal_survives_the_way_through_json_unchanged(some_steps):
    there = GoalState(goal_id="g1", steps=tuple(some_steps))
    assert GoalState.from_json(there.to_json()) == there


@given(st.lists(steps, min_size=1, max_size=16))
def test_every_goal_can_be_said_in_both_languages(some_steps):
    words = phrases.understood([phrases.step(step, phrases.HERE) for step in some_steps])
    assert words.en.endswith(".") and words.ja.endswith("ます。")


def test_a_plan_is_said_as_a_person_would():
    place = phrases.named("shelves", "棚")
    visit = phrases.step(go("shelves", limits=Limits(max_speed_mps=0.5)), place)
    wait = phrases.step(Step(task=Task.WAIT, until=Until(duration_s=10.0)), phrases.HERE)
    laps = phrases.step(
        Step(task=Task.PATROL, target=RouteTarget(name="round"), until=Until(laps=3)), phrases.named("round", "巡回路")
    )
    words = phrases.understood([visit, wait, laps])
    assert words.en == "I will go to the shelves at 0.5 m/s at most, then wait for 10 s, then patrol the round 3 times."
    assert words.ja == "最高0.5 m/sで棚へ行きます。次に、10秒間待ちます。次に、巡回路を3周巡回します。"
