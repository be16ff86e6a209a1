"""Training of the policy: its world, its resumption, and that the exported file says what the network says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")

from physical_ai_bench.benchmarks.policy import said
from physical_ai_bench.policy_runs import ALONE, FIXED, clutter_run, ways
from physical_ai_control.body import body_of
from physical_ai_control.policy.network import MOST_PARAMETERS, load
from physical_ai_control.policy.proposal import ACTIONS
from physical_ai_control.policy.sight import SIZE
from physical_ai_core.robot import load_robot
from physical_ai_learning.policy.env import DrivingEnv
from physical_ai_learning.policy.learner import train
from physical_ai_learning.policy.objective import problem
from physical_ai_learning.policy.places import Place, Places, barn, drawn
from physical_ai_learning.policy.train import WEIGHTS, Settings, run

CIRCLES = np.array([[0.12, 0.25], [-0.12, 0.25]])
TINY = replace(Settings.smoke(), decisions=256, robots=16, rollout=8, batch=64, epochs=1, drawn_places=2)


def env(seed: int = 0, places: list[Place] | None = None) -> DrivingEnv:
    rng = np.random.default_rng(1)
    some = places or [drawn(rng, i, cluttered=True) for i in range(3)]
    return DrivingEnv(problem(), CIRCLES, Places(some), 16, seed, (0.7, 1.0), 0.05)


def test_the_world_gives_finite_numbers_and_is_the_same_for_the_same_seed() -> None:
    rng = np.random.default_rng(0)
    one, other = env(), env()
    assert np.array_equal(one.reset(), other.reset())
    for _ in range(5):
        actions = rng.uniform(-1.0, 1.0, (16, ACTIONS))
        told = [world.step(actions) for world in (one, other)]
        assert np.array_equal(told[0][0], told[1][0]) and np.array_equal(told[0][1], told[1][1])
        assert told[0][0].shape == (16, SIZE) and np.isfinite(told[0][0]).all() and (told[0][1] <= 0.0).all()


def test_standing_before_a_wall_is_better_than_driving_through_it() -> None:
    xy = np.column_stack([np.arange(0.0, 16.0, 0.05), np.zeros(320)])
    wall = np.array([[x, y, 0.1] for x in np.arange(0.0, 16.0, 1.0) for y in np.arange(-2.0, 2.0, 0.15)])
    walls = Place("walls", np.column_stack([xy, np.zeros(320)]), wall, np.array([-2.0, -10.0]))
    rewards = []
    for action in ([0, 0, 0, -1, -1], [0, 0, 0, 0, 0]):
        world = env(places=[walls])
        world.reset()
        rewards.append(world.step(np.tile(np.array(action, dtype=float), (16, 1)))[1].mean())
    assert rewards[0] > rewards[1]


def test_clearance_is_the_distance_to_what_stands() -> None:
    place = Place("one", np.zeros((3, 3)), np.array([[1.0, 2.0, 0.2]]), np.array([-5.0, -5.0]))
    away = Places([place]).clearance(np.array([0]), np.array([[[1.0, 3.0], [3.0, 2.0], [100.0, 0.0]]]))
    assert np.allclose(away[0, :2], [0.8, 1.8], atol=0.08) and away[0, 2] > 4.0


def test_worlds_held_out_are_not_learnt_from(tmp_path: Path) -> None:
    for number in range(8):
        for kind in ("world", "path"):
            (tmp_path / f"{kind}_{number:03d}.csv").write_text("x_m,y_m\n-2.0,6.0\n-2.0,8.0\n", encoding="utf-8")
    learnt, held = ({place.name for place in barn(tmp_path, held_out=which)} for which in (False, True))
    assert len(learnt) == 6 and len(held) == 2 and not learnt & held


def test_the_exported_file_says_what_the_network_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learners: list[Any] = []

    def watched(*given: Any) -> Any:
        learners.append(train(*given))
        return learners[-1]

    monkeypatch.setattr("physical_ai_learning.policy.train.train", watched)
    metrics = run(TINY, None, tmp_path, tmp_path / "weights", lambda *_: None)
    net = load(tmp_path / "weights" / WEIGHTS)
    assert net.parameters == metrics["parameters"] <= MOST_PARAMETERS
    seen = np.random.default_rng(0).normal(0.0, 1.0, (50, SIZE)).astype(np.float32)
    actions, _ = learners[0].model.policy.predict(seen, deterministic=True)
    assert np.abs(np.clip(net(seen), -1.0, 1.0) - actions).max() < 1e-5
    assert (tmp_path / "weights" / "model_card.md").is_file()


def test_training_run_again_learns_no_more_and_writes_the_same_weights(tmp_path: Path) -> None:
    first, again = (run(TINY, None, tmp_path, tmp_path / name, lambda *_: None) for name in ("one", "two"))
    one, two = (load(tmp_path / name / WEIGHTS) for name in ("one", "two"))
    assert first["decisions"] == again["decisions"] == 256 and first["mean_reward"] == again["mean_reward"]
    assert all(
        np.array_equal(a, b)
        for mine, its in zip(one.layers, two.layers, strict=True)
        for a, b in zip(mine, its, strict=True)
    )


def test_a_short_route_is_driven_to_its_end_by_every_way_and_judged_alike() -> None:
    xy = np.column_stack([np.arange(0.0, 4.0, 0.05), np.zeros(80)])
    place = Place("short", np.column_stack([xy, np.zeros(80)]), np.array([[2.0, 0.4, 0.1]]), np.array([-8.0, -10.0]))
    body, some = body_of(load_robot("scout")), {way.name: way for way in ways(None)}
    for name in (ALONE, FIXED):
        run = clutter_run(place, 0, some[name], problem(), body, 0)
        assert 4.0 < run.goal_s < 12.0 and not run.contact and run.failures == 0
        assert (run.asked > 0.0) == (name == FIXED)


def test_the_verdict_needs_less_cost_and_no_contact_more() -> None:
    assert said(0.9, 0).endswith("it helps.")
    assert said(1.0, 0).endswith("no gain.")
    assert said(0.9, 1).endswith("it harms.") and said(1.1, 0).endswith("it harms.")
