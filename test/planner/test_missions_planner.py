"""A goal is carried out step by step: begun, paused, taken up, ended; and told in both languages."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planner_driver import Drive, go, goal, yard

from physical_ai_core.goal import (
    DisplacementTarget,
    Event,
    Limits,
    ObjectTarget,
    PlaceTarget,
    RouteTarget,
    Step,
    Task,
    Until,
    ZoneTarget,
)
from physical_ai_core.messages import Battery
from physical_ai_core.reports import ControllerStatus, Verdict

WAIT_5 = Step(task=Task.WAIT, until=Until(duration_s=5.0))


def distance(drive: Drive, place: str) -> float:
    pose = yard().places[place].pose
    return float(np.hypot(drive.pose[0] - pose.x_m, drive.pose[1] - pose.y_m))


def test_go_then_wait_then_go_on_ends_at_the_last_place_and_tells_each_step_on_goal_state():
    drive = Drive({"do it": goal(go("gate"), WAIT_5, go("charger"))})
    drive.say("do it").run(100.0, until="done")
    assert drive.kinds == ["understood", "done"]
    assert distance(drive, "charger") <= 0.3
    assert [[s.task.value for s in g.steps] for g in drive.goals] == [
        ["navigate", "wait", "navigate"],
        ["wait", "navigate"],
        ["navigate"],
        ["wait"],
    ]
    assert len({g.goal_id for g in drive.goals}) == 1
    stood = [len(p) == 0 for p in drive.paths]
    assert stood[-1] and sum(stood) >= 5.0 * 2.5  # said every other tick while it waited


def test_going_somewhere_and_waiting_there_is_done_on_arrival():
    drive = Drive({"do it": goal(go("gate"), Step(task=Task.WAIT))})
    drive.say("do it").run(60.0, until="done")
    assert drive.last.kind == "done"
    assert drive.last.ja == "門に着きました。ここで待ちます。"


def test_a_wait_for_a_word_goes_on_when_the_word_comes():
    drive = Drive({"do it": goal(Step(task=Task.WAIT), go("gate"))})
    drive.say("do it").run(20.0)
    assert drive.kinds == ["understood", "info"] and not len(drive.path)
    drive.say("続けて").run(60.0, until="done")
    assert distance(drive, "gate") <= 0.3


def test_wait_until_a_person_is_near():
    drive = Drive({"do it": goal(Step(task=Task.WAIT, until=Until(event=Event.PERSON_NEAR)), go("gate"))})
    drive.people = [(1, 12.0, 4.0, 0.0, 0.0)]
    drive.say("do it").run(5.0)
    assert not len(drive.path)
    drive.people = [(1, 4.5, 4.0, 0.0, 0.0)]
    drive.run(2.0)
    assert len(drive.path)


def test_stop_stands_at_once_and_resume_goes_on_to_the_same_goal():
    drive = Drive({"do it": goal(go("dock_a"))})
    drive.say("do it").run(5.0)
    drive.say("止まれ")
    assert not len(drive.path) and drive.limit == 0.0 and drive.goals[-1].steps[0].task is Task.STOP
    at = drive.pose.copy()
    drive.run(5.0)
    np.testing.assert_array_equal(drive.pose, at)
    drive.say("resume").run(80.0, until="done")
    assert drive.last.kind == "done" and distance(drive, "dock_a") <= 0.3
    assert len({g.goal_id for g in drive.goals}) == 1


def test_cancel_drops_the_goal_for_good():
    drive = Drive({"do it": goal(go("dock_a"))})
    drive.say("do it").run(3.0)
    drive.say("取り消して").run(2.0)
    assert drive.goals[-1].steps[0].task is Task.CANCEL
    drive.say("resume").run(2.0)
    assert drive.last.kind == "refusal" and not len(drive.path)


def test_a_patrol_visits_every_place_as_often_as_asked_without_standing_in_between():
    round_twice = Step(task=Task.PATROL, target=RouteTarget(name="round"), until=Until(laps=2))
    drive = Drive({"do it": goal(round_twice)})
    drive.say("do it").run(300.0, until="done")
    assert drive.last.kind == "done"
    track = np.array(drive.track)
    for place in yard().routes["round"].places:
        pose = yard().places[place].pose
        near = np.hypot(track[:, 0] - pose.x_m, track[:, 1] - pose.y_m) < 1.0
        assert np.sum(np.diff(near.astype(int)) == 1) == 2
    assert min(drive.limits[2:-2]) > 0.0


def test_a_patrol_without_end_goes_on_until_told():
    drive = Drive({"do it": goal(Step(task=Task.PATROL, target=RouteTarget(name="round")))})
    drive.say("do it").run(130.0)
    assert drive.kinds == ["understood"] and drive.core.pursuit.mission.progress.laps >= 1


def test_a_field_is_covered_to_the_end_with_the_tool_asked_for():
    drive = Drive({"mow": goal(Step(task=Task.COVER, target=ZoneTarget(name="meadow"), tool=True))}, lane_width_m=2.0)
    drive.say("mow").run(200.0, until="done")
    assert drive.last.kind == "done"
    said = [g.steps[0].tool for g in drive.goals]
    assert said[0] is False and True in said and said[-1] is None  # off on the way there
    track = np.array(drive.track)
    for x, y in [(3.5, 15.5), (10.5, 15.5), (3.5, 20.5), (10.5, 20.5), (7.0, 18.0)]:
        assert np.hypot(track[:, 0] - x, track[:, 1] - y).min() < 1.05


def test_following_keeps_its_distance_behind_a_person_who_walks_on():
    drive = Drive({"follow": goal(Step(task=Task.FOLLOW, target=ObjectTarget(class_name="person")))})
    drive.people = [(4, 6.0, 4.0, 1.0, 0.0)]
    drive.sense()
    drive.say("follow")
    gaps = []
    for _ in range(75):
        number, x, y, vx, vy = drive.people[0]
        drive.people = [(number, x + 0.2 * vx, y, vx, vy)]
        drive.step()
        gaps.append(float(np.hypot(drive.pose[0] - drive.people[0][1], drive.pose[1] - y)))
    assert min(gaps) > 1.5 and max(gaps[25:]) < 4.5
    drive.people = []
    drive.run(15.0)
    assert "見失い" in drive.last.ja and not len(drive.path)


def test_inspecting_a_place_looks_for_a_while_before_it_is_done():
    drive = Drive({"look": goal(Step(task=Task.INSPECT, target=go("gate").target))}, inspect_s=4.0)
    drive.say("look").run(60.0, until="done")
    arrived = next(i for i, path in enumerate(drive.paths) if i > 5 and not len(path))
    assert drive.last.kind == "done" and len(drive.paths) - arrived >= 4.0 * 2.5


def test_turning_on_the_spot_gives_a_path_that_ends_in_the_new_heading():
    drive = Drive({"turn": goal(Step(task=Task.NAVIGATE, target=DisplacementTarget(turn_rad=np.pi / 2)))})
    drive.say("turn")
    assert drive.path[-1, 2] == pytest.approx(np.pi / 2) and np.ptp(drive.path[:, :2]) < 2.0
    drive.run(5.0, until="done")
    assert drive.last.kind == "done"


def test_a_controller_that_says_it_arrived_is_believed_only_near_the_goal():
    drive = Drive({"do it": goal(go("gate"))})
    drive.say("do it")
    for _ in range(5):
        drive.limit = 0.0  # it stands
        drive.hear("controller/status", ControllerStatus(drive.now_s, "arrived", drive.goals[-1].goal_id))
        drive.step()
    assert "done" not in drive.kinds


def test_an_emergency_stop_pauses_the_goal_until_a_person_says_so():
    drive = Drive({"do it": goal(go("dock_a"))})
    drive.say("do it").run(3.0)
    stopped = Verdict(drive.now_s, "emergency_stop", "autonomy", [0.0, 0.0], [0.0, 0.0])
    drive.hear("safety/verdict", stopped)
    drive.hear("safety/verdict", Verdict(drive.now_s, "clear", "autonomy", [0.0, 0.0], [0.0, 0.0]))
    drive.run(3.0)
    assert not len(drive.path) and drive.last.kind == "info"
    drive.say("再開").run(80.0, until="done")
    assert drive.last.kind == "done"


def test_a_lost_position_holds_the_robot_and_a_found_one_lets_it_go_on():
    drive = Drive({"do it": goal(go("dock_a"))})
    drive.say("do it").run(3.0)
    drive.localised = False
    drive.run(2.0)
    assert not len(drive.path) and drive.limit == 0.0 and drive.last.kind == "info"
    drive.localised = True
    drive.run(80.0, until="done")
    assert drive.last.kind == "done"


# --- over a restart ---


def test_a_restarted_planner_goes_on_with_the_step_it_was_at(tmp_path):
    commands = {"do it": goal(go("gate"), go("dock_a", limits=Limits(max_speed_mps=1.0)))}
    first = Drive(commands, state_dir=str(tmp_path))
    first.say("do it").run(20.0)
    assert first.core.pursuit.mission.progress.step == 1
    second = Drive(commands, at=tuple(first.pose), start_s=first.now_s + 5.0, state_dir=str(tmp_path))
    second.run(1.0)
    assert second.kinds == ["info"] and second.goals[0].goal_id == first.goals[-1].goal_id
    assert [s.task for s in second.goals[0].steps] == [Task.NAVIGATE]
    second.run(80.0, until="done")
    assert distance(second, "dock_a") <= 0.3
    assert max(second.limits) <= 1.0
    third = Drive(commands, at=tuple(second.pose), start_s=second.now_s + 5.0, state_dir=str(tmp_path))
    third.run(2.0)
    assert not third.replies and not third.goals


def test_a_move_relative_to_the_robot_keeps_its_meaning_over_a_restart(tmp_path):
    commands = {"do it": goal(Step(task=Task.NAVIGATE, target=DisplacementTarget(forward_m=10.0)))}
    first = Drive(commands, state_dir=str(tmp_path))
    first.say("do it").run(3.0)
    second = Drive(commands, at=tuple(first.pose), start_s=first.now_s + 1.0, state_dir=str(tmp_path))
    second.run(30.0, until="done")
    assert second.pose[0] == pytest.approx(12.5, abs=0.3)


def test_a_stopped_goal_is_still_stopped_after_a_restart(tmp_path):
    commands = {"do it": goal(go("dock_a"))}
    first = Drive(commands, state_dir=str(tmp_path))
    first.say("do it").run(3.0).say("stop").run(1.0)
    second = Drive(commands, at=tuple(first.pose), start_s=first.now_s + 1.0, state_dir=str(tmp_path))
    second.run(3.0)
    assert not len(second.path) and second.goals[-1].steps[0].task is Task.STOP
    second.say("resume").run(80.0, until="done")
    assert second.last.kind == "done"


@pytest.mark.parametrize("start_s", [50.0, 100.0 + 400.0])
def test_a_kept_goal_of_another_time_is_dropped(tmp_path, start_s):
    commands = {"do it": goal(go("dock_a"))}
    Drive(commands, state_dir=str(tmp_path)).say("do it").run(3.0)
    late = Drive(commands, start_s=start_s, state_dir=str(tmp_path))
    late.run(2.0)
    assert not late.goals and not len(late.path)


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
).map(lambda content: json.dumps(content).encode()))  # fmt: skip
@settings(max_examples=20, deadline=None)
def test_a_spoilt_file_of_the_kept_goal_is_told_and_left_out(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("kept")
    (folder / "present_goal.json").write_bytes(content)
    drive = Drive({"do it": goal(go("gate"))}, state_dir=str(folder), resolution_m=0.5)
    drive.run(0.4)
    assert drive.core.health().level == 1 and not drive.goals
    drive.say("do it").run(0.4)
    assert drive.kinds == ["understood"]


def test_a_folder_that_cannot_be_written_does_not_stop_the_mission(tmp_path):
    (tmp_path / "file").write_text("in the way")
    drive = Drive({"do it": goal(go("gate"))}, state_dir=str(tmp_path / "file"))
    drive.say("do it").run(60.0, until="done")
    assert drive.last.kind == "done"


def test_charging_until_full_docks_and_goes_on_only_when_the_battery_is_full() -> None:
    charge = Step(task=Task.DOCK, target=PlaceTarget(name="charger"), until=Until(event=Event.BATTERY_FULL))
    drive = Drive({"charge": goal(charge, go("gate"))}, at=(6.0, 4.0, np.pi))
    drive.hear("battery_state", Battery(drive.now_s, "base_link", 0.97))  # full already, but not there yet
    drive.say("charge").run(1.0)
    assert drive.core.pursuit.mission.progress.step == 0
    drive.hear("battery_state", Battery(drive.now_s, "base_link", 0.5))
    drive.run(40.0)
    assert drive.core.pursuit.mission.progress.there
    assert drive.core.pursuit.mission.progress.step == 0
    drive.hear("battery_state", Battery(drive.now_s, "base_link", 0.96))
    drive.run(1.0)
    assert drive.core.pursuit.mission.progress.step == 1


def test_a_low_battery_ends_a_wait_and_one_that_nobody_says_is_refused() -> None:
    low = goal(Step(task=Task.WAIT, until=Until(event=Event.BATTERY_LOW)), go("charger"))
    drive = Drive({"wait": low})
    drive.say("wait")
    assert drive.replies[-1].reason == "not_able"
    drive.hear("battery_state", Battery(drive.now_s, "base_link", 0.5))
    drive.say("wait").run(1.0)
    assert drive.core.pursuit.mission.progress.step == 0
    drive.hear("battery_state", Battery(drive.now_s, "base_link", 0.15))
    drive.run(0.6)
    assert drive.core.pursuit.mission.progress.step == 1


@pytest.mark.parametrize("charge", [float("nan"), -0.1, 1.2, 60.0])
def test_a_charge_that_cannot_be_is_not_believed(charge: float) -> None:
    drive = Drive()
    drive.hear("battery_state", Battery(drive.now_s, "base_link", charge))
    assert drive.core.pursuit.charge(drive.now_s) is None
