"""The training of the policy as it is run: killed, spoilt, and still what it would have been."""

from __future__ import annotations

import math
import multiprocessing
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="extra `policy`: training needs torch")
pytest.importorskip("stable_baselines3", reason="extra `policy`")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from physical_ai_control.policy.proposal import ACTIONS  # noqa: E402
from physical_ai_core.errors import InputError  # noqa: E402
from physical_ai_learning.policy import learner as module  # noqa: E402
from physical_ai_learning.policy.env import DrivingEnv  # noqa: E402
from physical_ai_learning.policy.learner import Learner, Settings, train  # noqa: E402
from physical_ai_learning.policy.objective import problem  # noqa: E402
from physical_ai_learning.policy.places import Places, drawn  # noqa: E402
from physical_ai_learning.training.checkpoint import digest  # noqa: E402
from physical_ai_learning.training.guard import DivergedError, Limits  # noqa: E402
from physical_ai_learning.training.metrics import rows  # noqa: E402

TINY = replace(Settings.smoke(), decisions=40 * 64, robots=16, rollout=4, batch=32, width=16, checkpoint_every=4)
PLACES = [drawn(np.random.default_rng(k), k, cluttered=True) for k in range(2)]
FIELDS = Places(PLACES)
CIRCLES = np.array([[0.12, 0.25], [-0.12, 0.25]])
FORK = multiprocessing.get_context("fork")  # a fresh process would first spend seconds on importing torch


def world(seed: int = 0) -> DrivingEnv:
    return DrivingEnv(problem(), CIRCLES, FIELDS, TINY.robots, seed, (0.7, 1.0), 0.05)


def quiet(*_: object) -> None:
    """No progress."""


def learnt(folder: Path, options: Settings = TINY, report: Any = quiet, places: str = "two") -> Learner:
    torch.set_num_threads(1)
    return train(options, world(), places, folder, report)


def same(one: Learner, other: Learner) -> bool:
    mine, its = one.model.policy.state_dict(), other.model.policy.state_dict()
    return all(torch.equal(mine[name], its[name]) for name in mine)


def spoil(monkeypatch: pytest.MonkeyPatch, factor: float, updates: tuple[int, ...]) -> None:
    """Rewards of one step of the rollouts before these updates, times `factor`."""
    true_step, count = DrivingEnv.step_wait, [0]

    def spoilt(self: DrivingEnv) -> Any:
        seen, reward, *rest = true_step(self)
        bad = count[0] // TINY.rollout in updates and count[0] % TINY.rollout == 0
        count[0] += 1
        return seen, reward * np.float32(factor if bad else 1.0), *rest

    monkeypatch.setattr(DrivingEnv, "step_wait", spoilt)


def test_a_training_killed_in_the_middle_ends_with_the_same_weights(tmp_path: Path) -> None:
    through = learnt(tmp_path / "through")
    folder = tmp_path / "killed"

    def slowly(stage: str, done: float, total: float) -> None:
        if done > 10 * 64:
            time.sleep(60.0)

    process = FORK.Process(target=learnt, args=(folder, TINY, slowly))
    process.start()
    deadline = time.monotonic() + 60.0
    while not any(row["step"] == 11 for row in rows(folder)):
        assert process.is_alive() and time.monotonic() < deadline, "it ended before it could be killed"
        time.sleep(0.02)
    process.kill()
    process.join()
    assert process.exitcode == -9
    resumed = learnt(folder)
    assert [row["step"] for row in rows(folder) if row.get("resumed")] == [8]
    assert same(through, resumed) and through.curve == resumed.curve and len(resumed.curve) == 40
    ends = [[row for row in rows(f) if row["step"] == 40][-1] for f in (tmp_path / "through", folder)]
    assert ends[0] == ends[1] and through.recovery.guard.state() == resumed.recovery.guard.state()
    first = next(row for row in rows(folder) if row["step"] == 1)
    assert first["rate"] == TINY.rate  # no clock is in it


def test_a_finished_training_learns_no_more_and_says_the_same(tmp_path: Path) -> None:
    first = learnt(tmp_path)
    again = learnt(tmp_path)
    assert same(first, again) and again.curve == first.curve and again.update == first.update == 40


def test_updates_from_rewards_that_are_no_numbers_are_undone_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, math.nan, (12, 13, 14))
    learner = learnt(tmp_path)
    refused = [row for row in rows(tmp_path) if "refused" in row]
    assert [(row["step"], row["refused"]) for row in refused] == [(13, "skip"), (14, "skip"), (15, "back")]
    assert refused[0]["why"] == "the loss is nan" and refused[2]["back_to_step"] == 12
    assert all(value.isfinite().all() for value in learner.model.policy.state_dict().values())
    assert learner.update == 40 and learner.recovery.guard.returned == 1


def test_an_exploding_loss_is_undone_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, 1e4, (25,))
    before: list[dict[str, Any]] = []
    true_judge = Learner._judge

    def judge(self: Learner) -> None:
        awaited, update = self._awaited, self.update
        true_judge(self)
        if awaited and update in (24, 25):
            before.append({name: value.clone() for name, value in self.model.policy.state_dict().items()})

    monkeypatch.setattr(Learner, "_judge", judge)
    learnt(tmp_path)
    (refused,) = [row for row in rows(tmp_path) if "refused" in row]
    assert (refused["step"], refused["refused"]) == (26, "skip") and "is above" in refused["why"]
    assert all(torch.equal(before[0][name], before[1][name]) for name in before[0])


@pytest.mark.filterwarnings("ignore:invalid value")  # the library's own statistics of infinite rewards
def test_a_training_that_goes_on_going_wrong_ends_with_its_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, math.inf, tuple(range(9, 100)))
    monkeypatch.setattr(module, "LIMITS", Limits(returns=2))
    with pytest.raises(DivergedError, match="goes wrong again"):
        learnt(tmp_path)
    assert "DivergedError" in rows(tmp_path)[-1]["stopped"]
    files = sorted(tmp_path.glob("checkpoint-*.pt"))
    assert [int(path.name.split("-")[1]) for path in files] == [4, 8, 12]  # gone back at 12
    good, newest = (torch.load(path)["state"]["learnt"]["policy"] for path in files[-2:])
    assert all(torch.equal(good[name], newest[name]) and good[name].isfinite().all() for name in good)


def test_a_broken_checkpoint_is_set_aside_for_the_one_before(tmp_path: Path) -> None:
    through = learnt(tmp_path)
    newest = max(tmp_path.glob("checkpoint-*.pt"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    resumed = learnt(tmp_path)
    assert [row["broken_checkpoint"] for row in rows(tmp_path) if "broken_checkpoint" in row] == [newest.name]
    assert [row["step"] for row in rows(tmp_path) if row.get("resumed")] == [36] and same(through, resumed)


def test_other_places_or_settings_are_refused_by_name(tmp_path: Path) -> None:
    short = replace(TINY, decisions=128)
    learnt(tmp_path, short)
    with pytest.raises(InputError, match=r"settings\.rate is 0\.001 there, 0\.1 here"):
        learnt(tmp_path, replace(short, rate=0.1))
    with pytest.raises(InputError, match="data is"):
        learnt(tmp_path, short, places=digest(["others"]))


def test_time_used_up_before_a_stop_counts(tmp_path: Path) -> None:
    first = learnt(tmp_path, replace(TINY, seconds=0.05))
    assert 0 < first.num_timesteps < TINY.decisions
    again = learnt(tmp_path, replace(TINY, seconds=0.05))
    assert again.num_timesteps == first.num_timesteps and again.seconds >= 0.05
    assert learnt(tmp_path).num_timesteps >= TINY.decisions


@settings(max_examples=15, deadline=None)
@given(before=st.integers(0, 12), after=st.integers(1, 8), seed=st.integers(0, 2**32 - 1))
def test_a_world_put_back_goes_on_as_the_one_that_was_left(before: int, after: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = world(seed), world(seed + 1)
    other.reset()
    seen = one.reset()
    for _ in range(before):
        seen = one.step(rng.uniform(-1.0, 1.0, (TINY.robots, ACTIONS)))[0]
    assert np.array_equal(other.restore(one.state()), seen)
    for _ in range(after):
        actions = rng.uniform(-1.0, 1.0, (TINY.robots, ACTIONS))
        mine, its = one.step(actions), other.step(actions)
        assert all(np.array_equal(a, b) for a, b in zip(mine[:3], its[:3], strict=True))
