"""The second expert: what it sees and proposes, and that its plan is driven only where it is the better one."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from closed_loop import World

from physical_ai_control.core import ControllerCore
from physical_ai_control.mpc.model import Limits, Rollout
from physical_ai_control.mpc.models.ackermann import declare as car
from physical_ai_control.mpc.models.unicycle import declare
from physical_ai_control.mpc.problem import Guess, Ocp, Problem, Solution
from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.policy.merit import merit, objective, violation
from physical_ai_control.policy.network import PolicyNet, load, save
from physical_ai_control.policy.proposal import ACTIONS, ARRAYS, FLOATS, Reach, target, track
from physical_ai_control.policy.second import Better, SecondExpert, second_expert
from physical_ai_control.policy.sight import SIZE, features, scene_of
from physical_ai_core.errors import InputError, ParameterError
from physical_ai_core.geometry import Array
from physical_ai_core.robot import Drivetrain, load_robot

LIMITS = Limits(1.5, 1.5, 1.5, 3.0)
OCP = Ocp(steps=20, moving=2, static=0, model=declare(LIMITS, Drivetrain()))
REACH = Reach(1.0, 1.5, (-1.5, -3.0), (1.5, 3.0))


def straight(obstacle: tuple[float, float] | None = None, reach_m: float = 0.75, turned: float = 0.0) -> Problem:
    """Along a line at 0.7 m/s, one obstacle standing; all of it turned around the origin."""
    k = np.arange(21)
    c, s = np.cos(turned), np.sin(turned)
    reference = np.column_stack([0.07 * k * c, 0.07 * k * s, np.full(21, turned), np.full(21, 0.7), np.zeros(21)])
    away = np.zeros((21, 2, 4))
    if obstacle is not None:
        x, y = obstacle
        away[:, 0] = c * x - s * y, s * x + c * y, reach_m, 0.0
    high = np.tile([1e3, 1e3, 1e3, 1.0, 1.5], (21, 1))
    limit = np.array([1.5, 3.0])
    return Problem(reference[0].copy(), reference, away, -high, high, -limit, limit)


def net(seed: int = 0) -> PolicyNet:
    rng = np.random.default_rng(seed)
    sizes = (SIZE, 16, ACTIONS)
    layers = [(rng.normal(0.0, 0.3, (b, a)).astype(np.float32), rng.normal(0.0, 0.1, b).astype(np.float32))
              for a, b in pairwise(sizes)]  # fmt: skip
    return PolicyNet(layers)


class Answers:
    """A solver that gives back its guess, with inputs of its own if told so."""

    def __init__(self, inputs: Array | None = None) -> None:
        self.inputs, self.guesses = inputs, 0
        self.roll = Rollout(OCP.model, OCP.steps, OCP.dt_s)

    def solve(self, problem: Problem, guess: Guess, iterations: int) -> Solution:
        self.guesses += 1
        inputs = guess.inputs if self.inputs is None else self.inputs
        return Solution(self.roll(problem.x0, inputs), inputs, np.zeros((20, 2)), 0.0, iterations)


def driven(problem: Problem, inputs: Array) -> Better:
    return Better(
        Answers(inputs).solve(problem, Guess(problem.reference, inputs), 1), Answers().roll(problem.x0, inputs)
    )


def test_what_is_seen_does_not_depend_on_where_the_world_lies() -> None:
    here, there = (features(scene_of(straight((1.0, 0.3), turned=a), OCP)) for a in (0.0, 2.0))
    assert here.shape == (SIZE,)
    assert np.allclose(here, there, atol=1e-5)
    assert not np.allclose(here, features(scene_of(straight((1.0, -0.3)), OCP)))


def test_many_scenes_at_once_look_as_each_alone() -> None:
    scenes = [scene_of(straight((1.0, y)), OCP) for y in (-0.5, 0.2, 0.9)]
    together = features(type(scenes[0])(*(np.stack(part) for part in zip(*scenes, strict=True))))
    assert np.allclose(together, np.stack([features(scene) for scene in scenes]))


def test_no_action_follows_the_reference_and_others_leave_it_as_told() -> None:
    problem = straight()
    ends = {}
    for name, action in (("none", [0, 0, 0, 0, 0]), ("left", [0.6, 0.6, 0.6, 0, 0]), ("stand", [0, 0, 0, -1, -1])):
        way = target(problem.x0, problem.reference, np.array(action, dtype=float), 0.1)
        states, _ = track(problem.x0.tolist(), way.tolist(), 0.1, REACH)
        ends[name] = np.array(states)[-1]
    assert np.allclose(ends["none"], problem.reference[-1], atol=0.02)
    assert 0.4 < ends["left"][1] < 1.1
    assert ends["stand"][0] < 1.0 and ends["stand"][3] < 0.15


@pytest.mark.parametrize("seed", range(5))
def test_a_proposal_obeys_model_and_limits_whatever_the_action(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = straight(turned=rng.uniform(-3.0, 3.0))
    x0 = problem.x0 + rng.normal(0.0, 0.3, 5)
    action = rng.uniform(-5.0, 5.0, ACTIONS)
    way = target(x0, problem.reference, action, 0.1)
    states, inputs = (np.array(part) for part in track(x0.tolist(), way.tolist(), 0.1, REACH, FLOATS))
    assert np.abs(Rollout(OCP.model, 20, 0.1)(x0, inputs) - states).max() < 2e-3
    assert (np.abs(inputs) <= [1.5 + 1e-9, 3.0 + 1e-9]).all()
    assert np.isfinite(states).all()
    many, given = track(np.tile(x0[:, None], 3), np.repeat(way[..., None], 3, axis=-1), 0.1, REACH, ARRAYS)
    assert np.allclose(np.array([[np.broadcast_to(v, 3)[1] for v in row] for row in many]), states)
    assert np.allclose(np.array([[np.broadcast_to(v, 3)[1] for v in row] for row in given]), inputs)


def test_merit_is_tracking_and_inputs_with_violations_at_the_penalty() -> None:
    problem, inputs = straight((0.7, 0.0)), np.zeros((20, 2))
    states = Rollout(OCP.model, 20, 0.1)(problem.x0, inputs)
    cut = violation(OCP, problem, states)
    assert np.isclose(cut[:, 0].max(), 0.75) and not cut[:, 1].any() and not cut[0].any()
    free = float(objective(OCP, states, inputs, problem.reference, np.zeros((21, 2))))
    assert free < 1e-9
    expected = (cut * (np.array(OCP.slack_linear) + 0.5 * np.array(OCP.slack_quadratic) * cut)).sum()
    assert np.isclose(merit(OCP, problem, states, inputs), expected)
    assert merit(OCP, problem, states * np.nan, inputs) == float("inf")


def test_a_better_plan_is_taken_and_a_worse_one_is_not() -> None:
    problem = straight((0.9, -0.1))
    through, swerve = driven(problem, np.zeros((20, 2))), np.array([0.6, 0.6, 0.6, 0.0, 0.0])
    expert = SecondExpert(OCP, Answers(), lambda seen: swerve)
    found = expert.better(problem, through, 1)
    assert found is not None and (expert.asked, expert.taken) == (1, 1)
    assert merit(OCP, problem, found.driven, found.solution.inputs) < merit(
        OCP, problem, through.driven, np.zeros((20, 2))
    )
    assert expert.better(problem, found, 1) is None  # the same again is no gain


def test_with_room_all_round_nothing_is_asked() -> None:
    problem, solver = straight((0.7, 2.0)), Answers()
    expert = SecondExpert(OCP, solver, lambda seen: np.zeros(ACTIONS))
    assert expert.better(problem, driven(problem, np.zeros((20, 2))), 1) is None
    assert (expert.asked, solver.guesses) == (0, 0)


@pytest.mark.parametrize("inputs", [np.full((20, 2), np.nan), np.full((20, 2), 9.0)])
def test_an_answer_that_the_check_refuses_is_never_driven(inputs: Array) -> None:
    problem = straight((0.9, -0.1))
    expert = SecondExpert(OCP, Answers(inputs), lambda seen: np.zeros(ACTIONS))
    assert expert.better(problem, driven(problem, np.zeros((20, 2))), 1) is None
    assert (expert.asked, expert.taken) == (1, 0)


def test_a_policy_that_says_no_numbers_proposes_the_reference() -> None:
    problem = straight((0.9, 0.0))
    guess = SecondExpert(OCP, Answers(), lambda seen: np.full(ACTIONS, np.nan)).propose(problem)
    assert np.allclose(guess.states[-1], problem.reference[-1], atol=0.02)


def test_only_the_unicycle_is_proposed_for() -> None:
    base = load_robot("scout").drivetrain.model_copy(update={"wheelbase_m": 0.4})
    with pytest.raises(ParameterError):
        SecondExpert(Ocp(model=car(LIMITS, base)), Answers(), net())


def test_weights_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    made = net()
    save(tmp_path / "policy.safetensors", made, {"seed": 0})
    seen = features(scene_of(straight((1.0, 0.3)), OCP))
    assert np.array_equal(load(tmp_path / "policy.safetensors")(seen), made(seen))
    assert second_expert("", OCP, lambda ocp: Answers()) is None
    assert second_expert(str(tmp_path / "policy.safetensors"), OCP, lambda ocp: Answers()) is not None


def test_files_that_are_no_policy_are_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad.safetensors"
    with pytest.raises(InputError):
        load(bad)
    bad.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError):
        load(bad)
    with pytest.raises(InputError):
        PolicyNet([(np.zeros((ACTIONS, 3), np.float32), np.zeros(ACTIONS, np.float32))])
    with pytest.raises(InputError):
        PolicyNet([(np.full((ACTIONS, SIZE), np.nan, np.float32), np.zeros(ACTIONS, np.float32))])


def test_the_policy_imports_neither_torch_nor_the_trainer() -> None:
    code = (
        "import sys, physical_ai_control.policy.second;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'stable_baselines3', 'gymnasium')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_controller_drives_with_it_and_refuses_a_file_that_is_none(tmp_path: Path) -> None:
    save(tmp_path / "policy.safetensors", net(), {})
    wall = np.array([[4.0, y, 0.15] for y in np.arange(-0.5, 0.6, 0.25)])
    world = World(parameters=ControllerParameters(policy=str(tmp_path / "policy.safetensors")), discs=wall)
    world.plan([[0.0, 0.0, 0.0], [8.0, 0.0, 0.0]])
    seen = world.run(6.0)
    assert "tracking" in seen.modes and "fallback" not in seen.modes and seen.contacts == 0
    second = world.controller._pilot._second
    assert second is not None and second.asked > 0
    with pytest.raises(InputError):
        ControllerCore(ControllerParameters(policy=str(tmp_path / "none.safetensors")))
