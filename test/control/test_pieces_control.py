"""The pieces of the controller, each against a plain account of what it should do."""

import numpy as np
import pytest
from closed_loop import World, straight
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_control.braking import first_contact, gaps, stop_states
from physical_ai_control.core import ControllerCore
from physical_ai_control.intake import Intake
from physical_ai_control.mpc.check import fault
from physical_ai_control.mpc.model import Rollout
from physical_ai_control.mpc.problem import UNICYCLE, Guess, Ocp, Problem, Solution, shift
from physical_ai_control.mpc.solvers import make_solver
from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.people import Forecast, People
from physical_ai_control.route import Route
from physical_ai_control.surroundings import Surroundings
from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.errors import ParameterError
from physical_ai_core.geometry import Array

OCP = Ocp(steps=20, moving=3, static=0)


def problem(seed: int) -> Problem:
    """A robot on its way along x with three circles somewhere ahead."""
    rng = np.random.default_rng(seed)
    x0 = np.array([0.0, rng.uniform(-0.3, 0.3), rng.uniform(-0.4, 0.4), rng.uniform(0.0, 1.0), 0.0])
    k = np.arange(OCP.steps + 1)
    reference = np.column_stack([0.08 * k, 0.0 * k, 0.0 * k, 0.8 + 0.0 * k, 0.0 * k])
    away = np.zeros((OCP.steps + 1, 3, 4))
    away[..., :2] = rng.uniform([0.8, -1.2], [2.5, 1.2], (3, 2))
    away[..., 2] = 0.5
    low, high = np.full((OCP.steps + 1, 5), -1e3), np.full((OCP.steps + 1, 5), 1e3)
    low[:, 3:], high[:, 3:] = [-0.02, -1.5], [1.2, 1.5]
    return Problem(x0, reference, away, low, high, np.array([-1.5, -2.5]), np.array([1.0, 2.5]))


def cold(p: Problem) -> Guess:
    states = p.reference.copy()
    states[0] = p.x0
    return Guess(states, np.zeros((OCP.steps, 2)))


@pytest.fixture(scope="module")
def solvers() -> dict[str, object]:
    return {name: make_solver(name, OCP) for name in ("hpipm", "osqp", "ipopt")}


@pytest.mark.parametrize("seed", range(8))
def test_the_iterated_qp_reaches_the_cost_of_a_whole_nlp_solver(solvers: dict[str, object], seed: int) -> None:
    p = problem(seed)
    fast = solvers["hpipm"].solve(p, cold(p), 15)  # type: ignore[attr-defined]
    whole = solvers["ipopt"].solve(p, Guess(fast.states, fast.inputs), 60)  # type: ignore[attr-defined]
    assert fault(p, fast, Rollout(UNICYCLE, OCP.steps, OCP.dt_s)(p.x0, fast.inputs)) == ""
    assert fast.cost <= 1.02 * whole.cost + 0.01


def test_two_qp_plugins_agree_on_one_linearisation(solvers: dict[str, object]) -> None:
    p = problem(1)
    first, second = (solvers[name].solve(p, cold(p), 1) for name in ("hpipm", "osqp"))  # type: ignore[attr-defined]
    np.testing.assert_allclose(first.inputs, second.inputs, atol=0.03)


def test_an_unknown_solver_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match="'magic'"):
        make_solver("magic", OCP)


def test_the_roll_out_is_the_model() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (20, 2))
    states = Rollout(UNICYCLE, 20, 0.1)(np.array([1.0, 2.0, 0.3, 0.5, -0.2]), inputs)

    def rate(x: Array) -> Array:
        return np.column_stack([x[:, 3] * np.cos(x[:, 2]), x[:, 3] * np.sin(x[:, 2]), x[:, 4], inputs])

    x = states[:-1]
    k1 = rate(x)
    k2 = rate(x + 0.05 * k1)
    k3 = rate(x + 0.05 * k2)
    k4 = rate(x + 0.1 * k3)
    np.testing.assert_allclose(x + 0.1 / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), states[1:], atol=1e-12)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda s: s._replace(inputs=s.inputs * np.nan), "finite"),
        (lambda s: s._replace(states=s.states + 0.1), "start"),
        (lambda s: s._replace(inputs=s.inputs + 9.0), "acceleration"),
        (lambda s: s._replace(states=s.states + np.linspace(0.0, 3.0, 21)[:, None]), "model"),
    ],
)
def test_a_spoilt_solution_is_not_believed(solvers: dict[str, object], spoil: object, says: str) -> None:
    p = problem(2)
    good: Solution = solvers["hpipm"].solve(p, cold(p), 10)  # type: ignore[attr-defined]
    bad: Solution = spoil(good)  # type: ignore[operator]
    assert says in fault(p, bad, Rollout(UNICYCLE, OCP.steps, OCP.dt_s)(p.x0, bad.inputs))


def test_a_solver_that_breaks_on_the_way_is_outlived_by_its_last_plan_and_then_by_braking() -> None:
    world = World()
    world.plan(straight(8.0))
    world.run(2.0)

    class Broken:
        def solve(self, p: Problem, guess: Guess, iterations: int) -> Solution:
            nan = np.full_like(guess.states, np.nan)
            return Solution(nan, np.full_like(guess.inputs, np.nan), np.zeros((len(guess.inputs), 2)), np.nan, 1)

    world.controller._pilot._solver = Broken()
    world.run(0.3)
    assert world.outcome.modes[-1] == "fallback" and world.state[3] > 0.2
    world.run(1.7)
    assert abs(world.state[3]) < 0.05 and np.isfinite(world.command).all()


def test_a_shifted_guess_is_later_and_stands_past_its_end() -> None:
    states = np.column_stack([np.arange(6.0)] * 5)
    later = shift(Guess(states, np.ones((5, 2))), 1.5)
    np.testing.assert_allclose(later.states[:, 0], [1.5, 2.5, 3.5, 4.5, 5.0, 5.0])
    np.testing.assert_allclose(later.inputs[-2:], 0.0)


@given(st.floats(0.0, 2.0), st.floats(0.3, 3.0), st.floats(-1.0, 1.0))
def test_braking_ends_at_rest_after_the_distance_of_physics(speed: float, deceleration: float, turn: float) -> None:
    times = np.linspace(0.0, 10.0, 201)
    states = stop_states(np.array([0.0, 0.0, 0.5, speed, 0.0]), deceleration, times)
    assert states[-1, 3] == 0.0
    assert np.hypot(*states[-1, :2]) == pytest.approx(0.5 * speed**2 / deceleration, abs=1e-6)
    turned = stop_states(np.array([0.0, 0.0, 0.5, speed, turn]), deceleration, times)
    assert np.isfinite(turned).all()


def test_the_gap_to_a_person_is_that_of_the_rectangle() -> None:
    states = np.array([[0.0, 0.0, np.pi / 2, 0.0, 0.0]])
    people = People(np.array([[[0.0, 1.0]], [[1.0, 0.0]]]), np.zeros((2, 1)), np.array([0.3, 0.3]), np.ones(2))
    np.testing.assert_allclose(gaps(states, people, np.array([0.25, 0.21]))[:, 0], [0.45, 0.49], atol=1e-12)


def test_a_person_close_by_forbids_approach_but_not_leaving() -> None:
    half, keep = np.array([0.25, 0.21]), np.full((1, 3), 0.5)
    person = People(np.tile([1.0, 0.0], (1, 3, 1)), np.zeros((1, 3)), np.array([0.3]), np.ones(1))
    toward, leave = np.zeros((3, 5)), np.zeros((3, 5))
    toward[:, 0], leave[:, 0] = [0.0, 0.05, 0.1], [0.0, -0.05, -0.1]
    assert first_contact(toward, person, half, keep) == 1
    assert first_contact(leave, person, half, keep) == -1


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20)), min_size=1, max_size=8),
    st.floats(-20, 20),
    st.floats(-20, 20),
)
def test_any_route_ends_at_its_goal_at_rest_and_locates_any_robot(
    points: list[tuple[float, float]], x: float, y: float
) -> None:
    poses = np.column_stack([np.array(points), np.zeros(len(points))])
    route = Route(poses, 0.7, 1.4, 0.6)
    np.testing.assert_allclose(route.goal, points[-1], atol=1e-9)
    assert route.speed_table[-1] == pytest.approx(0.0, abs=0.3) and np.isfinite(route.speed_table).all()
    assert 0.0 <= route.locate(np.array([x, y]), None) <= route.length_m


def test_on_a_route_that_passes_itself_the_robot_keeps_its_lap() -> None:
    turn = np.linspace(0.0, 4.0 * np.pi, 200)
    route = Route(np.column_stack([3.0 * np.cos(turn), 3.0 * np.sin(turn), turn]), 0.7, 1.4, 0.6)
    s = 0.0
    for angle in np.linspace(0.0, 3.0 * np.pi, 200):
        s = route.locate(3.0 * np.array([np.cos(angle), np.sin(angle)]), s)
    assert s == pytest.approx(0.75 * route.length_m, rel=0.03)


def rows(order: object) -> layouts.Rows:
    table = layouts.empty(layouts.PREDICTION, 12)
    table["id"], table["mode"] = np.repeat([3, 5], 6), np.tile(np.repeat([0, 1], 3), 2)
    table["t_s"], table["weight"], table["radius"] = np.tile([0.0, 1.0, 2.0], 4), 0.5, 0.3
    table["x"] = table["id"] + table["t_s"] * (1 + table["mode"])
    table["sxx"] = table["syy"] = 0.04
    return np.asarray(table[order])


@pytest.mark.parametrize("order", [np.arange(12), np.random.default_rng(0).permutation(12)])
def test_a_forecast_is_read_in_any_order_of_rows_and_between_its_steps(order: object) -> None:
    forecast = Forecast(m.Prediction(10.0, "odom", rows(order)))
    people = forecast.at(np.array([10.5, 11.5]))
    got = {tuple(np.round(line, 2)) for line in people.mean[..., 0]}
    assert got == {(3.5, 4.5), (4.0, 6.0), (5.5, 6.5), (6.0, 8.0)}
    np.testing.assert_allclose(people.sigma, 0.2, atol=0.01)
    assert len(forecast.without(np.array([3], dtype=np.uint32)).at(np.array([10.0])).radius) == 2


@pytest.mark.parametrize(
    ("vx", "variance", "moves"),
    [
        (0.9, 0.0, True),
        (0.4, 0.04, False),
        (1.0, 25.0, True),
        (np.nan, 0.01, True),
        (0.5, np.nan, True),
        (0.0, 0.0, False),
    ],
)
def test_an_unknown_thing_stands_only_where_that_is_known(vx: float, variance: float, moves: bool) -> None:
    objects = layouts.empty(layouts.OBJECT, 1)
    objects["id"], objects["class_id"] = 3, layouts.OBJECT_CLASSES.index("unknown")
    objects["vx"], objects["cvxvx"], objects["cvyvy"] = vx, variance, variance
    intake = Intake(ControllerParameters(), 0.3)
    intake.handle("world_model/prediction", m.Prediction(10.0, "odom", rows(np.arange(12))), 10.0)
    intake.handle("state/objects", m.Objects(10.0, "odom", objects), 10.0)
    assert (3 in intake.people().ids) is moves


def test_the_nearest_obstacle_is_the_nearest_also_on_a_turned_grid_and_moving_discs_are_none() -> None:
    cells = np.zeros((80, 100), dtype=np.int8)
    cells[20, 30] = cells[60, 70] = 100
    origin = np.array([-2.0, -3.0, 0.4])
    grid = m.OccupancyGrid(1.0, "odom", 0.1, origin, cells)
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    near, far = ((np.array(cell) + 0.5) * 0.1 @ turn.T + origin[:2] for cell in ([30, 20], [70, 60]))
    robot = np.array([*(0.5 * (near + far)), 0.0])
    around = Surroundings(grid, robot, 50, np.zeros((0, 3)), 0.1)
    away, found = around.look(np.array([near + 0.3, far - 0.3]))
    np.testing.assert_allclose(found, [near, far], atol=1e-9)
    np.testing.assert_allclose(away, np.hypot(0.3, 0.3), atol=1e-9)
    assert Surroundings(grid, robot, 50, np.array([[*near, 0.2], [*far, 0.2]]), 0.1).empty


number = st.one_of(st.floats(-10, 10), st.sampled_from([np.nan, np.inf, -1e30]))


@pytest.fixture(scope="module")
def core() -> ControllerCore:
    return ControllerCore(ControllerParameters())


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.02, 0.5, 10.0, -5.0]), number, number, number), min_size=1, max_size=4)
)
def test_whatever_it_hears_and_however_time_jumps_only_finite_commands_within_limits_leave(
    core: ControllerCore, events: list[tuple[float, float, float, float]]
) -> None:
    stamp = 1000.0
    for step, a, b, c in events:
        stamp += step
        prediction = layouts.empty(layouts.PREDICTION, 2)
        with np.errstate(over="ignore"):
            prediction["x"], prediction["weight"], prediction["t_s"] = [a, b], 1.0, [0.0, c]
        twist = np.array([c, 0.0, 0.0])
        core.handle("state/odometry", m.Odometry(stamp, "odom", "base_link", np.array([a, b, 0.0]),
                    np.array([0.0, 0.0, 0.0, 1.0]), twist, np.array([0.0, 0.0, a])), stamp)  # fmt: skip
        core.handle(
            "state/map_to_odom", m.Pose(stamp, "map", np.array([b, a, 0.0]), np.array([0.0, 0.0, 0.0, 1.0])), stamp
        )
        core.handle("world_model/prediction", m.Prediction(stamp, "odom", prediction), stamp)
        core.handle("state/occupancy", m.OccupancyGrid(stamp, "odom", 0.1, np.array([a, b, c]),
                    np.full((20, 30), 100, dtype=np.int8)), stamp)  # fmt: skip
        core.handle("plan", m.Path(stamp, "map", np.array([[0.0, 0.0, 0.0], [a, b, c]])), stamp)
        core.handle("speed_limit", m.Scalar(c), stamp)
        for output in core.tick(stamp):
            if output.topic == "cmd_vel_nav":
                assert abs(output.data.linear_x_mps) <= 2.0 and abs(output.data.angular_z_rps) <= 2.0
            elif output.topic == "controller/trajectory":
                assert np.isfinite(output.data.poses).all()
            elif output.topic == "controller/status":
                output.data.to_json()
        core.health()
