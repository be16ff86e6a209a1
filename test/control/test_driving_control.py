"""Controller and world model in closed loop: a robot that obeys late, among people who never give way."""

import numpy as np
import pytest
from closed_loop import World, straight

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.goal import GoalState, Step, Task
from physical_ai_core.reports import Verdict


def crowd(seed: int, count: int = 5) -> Array:
    """People who cross the first metres of the route from both sides."""
    rng = np.random.default_rng(seed)
    side, speed, slant = rng.choice([-1.0, 1.0], count), rng.uniform(0.7, 1.5, count), rng.uniform(-0.5, 0.5, count)
    xy = np.column_stack([rng.uniform(1.5, 5.0, count), side * rng.uniform(1.5, 5.0, count)])
    return np.column_stack([xy, speed * np.sin(slant), -side * speed * np.cos(slant)])


def test_it_drives_to_the_goal_stops_there_and_turns_to_the_asked_heading() -> None:
    world = World()
    world.plan(np.vstack([straight(2.5)[:-1], [[2.5, 0.0, np.pi / 2]]]))
    outcome = world.run(12.0)
    assert outcome.modes[-1] == "arrived"
    assert np.hypot(world.state[0] - 2.5, world.state[1]) < 0.2
    assert abs(world.state[2] - np.pi / 2) < 0.2
    assert max(np.abs(state[3]) for state in outcome.trace) > 0.7


def test_facing_away_it_turns_where_it_stands_before_it_drives() -> None:
    world = World(start=(0.0, 0.0, 3.0))
    world.plan(straight(2.0))
    outcome = world.run(10.0)
    assert outcome.modes[-1] == "arrived"
    turning = np.array([state for state in outcome.trace if abs(state[2]) > 1.0])
    assert np.hypot(turning[:, 0], turning[:, 1]).max() < 0.15


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_gets_through_crossing_people_without_touching_any_while_moving(seed: int) -> None:
    world = World(seed=seed, people=crowd(seed))
    world.plan(straight(5.0))
    outcome = world.run(25.0)
    assert outcome.contacts == 0
    assert outcome.modes[-1] == "arrived"


def test_it_stands_in_time_for_a_person_who_walks_into_it_from_behind() -> None:
    world = World(people=np.array([[-3.0, 0.0, 1.5, 0.0]]))
    world.plan(straight(10.0))
    outcome = world.run(5.0)
    assert outcome.contacts == 0
    assert "braking" in outcome.modes[10:] or outcome.clearance_m > 0.3


def test_a_wall_across_the_route_is_neither_touched_nor_pushed_and_reported() -> None:
    wall = np.array([[2.5, y, 0.2] for y in np.arange(-2.4, 2.41, 0.3)])
    world = World(discs=wall)
    world.plan(straight(5.0))
    outcome = world.run(8.0)
    assert outcome.contacts == outcome.standing_contacts == 0
    assert abs(world.state[3]) < 0.05
    assert outcome.modes[-1] == "blocked"


def test_a_post_beside_the_route_is_passed_with_room() -> None:
    world = World(discs=np.array([[2.0, 0.15, 0.15]]))
    world.plan(straight(4.0))
    outcome = world.run(12.0)
    assert outcome.modes[-1] == "arrived"
    assert outcome.contacts == 0


@pytest.mark.parametrize("topic", ["state/odometry", "world_model/prediction", "state/occupancy", "state/map_to_odom"])
def test_an_input_that_falls_silent_stops_the_robot_and_its_return_sets_it_going(topic: str) -> None:
    world = World()
    world.plan(straight(8.0))
    world.run(1.6)
    assert world.state[3] > 0.5
    world.silent = {topic}
    world.run(2.2)
    assert abs(world.state[3]) < 0.05
    assert world.outcome.modes[-1] == "braking" and topic in world.outcome.statuses[-1].message
    world.silent = set()
    world.run(1.2)
    assert world.state[3] > 0.3


def test_odometry_that_is_not_a_number_counts_as_silence() -> None:
    world = World()
    world.plan(straight(8.0))
    world.run(1.6)
    world.silent = {"state/odometry"}
    for _ in range(150):
        world.controller.handle("state/odometry", _nan_odometry(world.t), world.t)
        world.step()
    assert abs(world.state[3]) < 0.05


def _nan_odometry(stamp_s: float) -> m.Odometry:
    nan = np.full(3, np.nan)
    return m.Odometry(stamp_s, "odom", "base_link", nan, np.array([0.0, 0.0, 0.0, 1.0]), nan, nan)


@pytest.mark.parametrize("task", [Task.STOP, Task.CANCEL, Task.WAIT])
def test_a_step_that_says_stand_brings_the_robot_to_rest_though_the_route_is_still_there(task: Task) -> None:
    world = World()
    world.plan(straight(8.0))
    world.run(1.5)
    world.say("goal_state", GoalState(goal_id="g", steps=(Step(task=task),)))
    world.run(1.2)
    assert abs(world.state[3]) < 0.02 and world.outcome.modes[-1] == "idle"


def test_an_empty_plan_means_stand() -> None:
    world = World()
    world.plan(straight(8.0))
    world.run(1.5)
    world.plan(np.zeros((0, 3)))
    world.run(1.2)
    assert abs(world.state[3]) < 0.02 and world.outcome.modes[-1] == "idle"


def test_the_speed_limit_is_kept_also_when_it_falls_on_the_way() -> None:
    world = World()
    world.plan(straight(8.0))
    world.run(2.0)
    world.say("speed_limit", m.Scalar(0.4))
    world.run(1.5)
    assert world.state[3] < 0.45
    world.say("speed_limit", m.Scalar(float("nan")))
    world.run(1.0)
    assert abs(world.state[3]) < 0.05


def test_held_by_the_gate_its_command_does_not_wind_up() -> None:
    world = World()
    world.plan(straight(8.0))
    for _ in range(150):
        world.step()
        world.state[:] = 0.0  # the gate lets nothing through
        world.say("safety/verdict", Verdict(world.t, "protective_stop", "autonomy", [0.0, 0.0], [0.0, 0.0]))
    assert 0.0 < world.command[0] < 0.35


def test_the_status_and_the_trajectory_are_said_at_ten_hertz_and_begin_at_the_stamp() -> None:
    world = World()
    world.plan(straight(8.0))
    world.run(1.0)
    said = []
    for _ in range(100):
        world.t += 0.02
        world.say("state/odometry", world._odometry())
        said += world.controller.tick(world.t)
    trajectories = [output.data for output in said if output.topic == "controller/trajectory"]
    assert 19 <= len(trajectories) <= 21
    assert all(path.frame_id == "odom" and path.stamps_s[0] == path.stamp_s for path in trajectories)
    assert sum(output.topic == "cmd_vel_nav" for output in said) == 100
