"""The training of the policy while it runs: updates, guard, checkpoints. Stopped, it goes on as it was.

stable-baselines3 drives, samples and steps; it calls back before and after each rollout and gives no loss before its
step. So a whole update (all passes over one rollout) is what the guard judges, by its mean loss and its largest
gradient, when it is done; one that is refused is undone. A gradient that is no number is not stepped by at all.
"""

from __future__ import annotations

import copy
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from physical_ai_learning.policy.env import DrivingEnv
from physical_ai_learning.training.checkpoint import Keeper, randomness, set_randomness
from physical_ai_learning.training.guard import Guard, Limits
from physical_ai_learning.training.metrics import Course, Report
from physical_ai_learning.training.recovery import Recovery

GOOD_EVERY: Final = 5  # updates between copies of the weights to go back to
MOST_NORM: Final = 0.5  # gradients are clipped to it, as the library would
LEAST_RATE: Final = 0.02  # of the first one
LIMITS: Final = Limits()
TOLD: Final = {
    "value_loss": "train/value_loss", "policy_loss": "train/policy_gradient_loss", "kl": "train/approx_kl",
    "clipped": "train/clip_fraction", "spread": "train/std",
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Of the network, the world and the optimiser."""

    decisions: int = 2_000_000
    robots: int = 256
    rollout: int = 16  # decisions of each robot between two updates
    batch: int = 1024
    epochs: int = 5
    rate: float = 1e-3
    width: int = 96
    discount: float = 0.0
    spread: float = -0.5  # logarithm of the actions' first standard deviation
    drawn_places: int = 48
    cruise_mps: float = 0.7
    top_mps: float = 1.0
    margin_m: float = 0.05
    seed: int = 0
    seconds: float | None = None  # of CPU time, those before a stop included; the rate falls to its least by then
    checkpoint_every: int = 20  # updates

    @staticmethod
    def smoke() -> Settings:
        return Settings(decisions=6_000, robots=64, rollout=8, batch=256, epochs=2, drawn_places=6, checkpoint_every=5)


def train(settings: Settings, env: DrivingEnv, data: str, folder: Path, report: Report) -> Learner:
    """Learns until decisions or seconds are used up. `data` names the places by a hash.

    Goes on from the newest checkpoint in `folder`. Raises InputError where that is of other settings or places,
    DivergedError where going back to good weights does not help.
    """
    with Course(folder) as course:
        learner = Learner(settings, env, data, folder, course, report)
        learner.go_on()
        learner.run()
    return learner


class Learner(BaseCallback):
    """Model, guard and world, called back by the library. `go_on`, `run`, in this order; `model` is then learnt."""

    def __init__(
        self, settings: Settings, env: DrivingEnv, data: str, folder: Path, course: Course, report: Report
    ) -> None:
        super().__init__()
        self._settings, self._env, self._said_to, self._report = settings, env, course, report
        self.model = PPO(
            "MlpPolicy", env, learning_rate=settings.rate, n_steps=settings.rollout, batch_size=settings.batch,
            n_epochs=settings.epochs, gamma=settings.discount, gae_lambda=0.9, seed=settings.seed, device="cpu",
            policy_kwargs={"net_arch": [settings.width, settings.width], "log_std_init": settings.spread},
            max_grad_norm=float("inf"),  # the hook clips
        )  # fmt: skip
        self._optimiser = self.model.policy.optimizer
        self._optimiser.register_step_pre_hook(self._before_step)
        self.update = 0
        self.curve: list[list[float]] = []  # decisions, mean reward of one
        self._norms: list[float] = []  # of the update under way
        self._kept = 0  # decisions of the last checkpoint
        self._awaited = False  # an update is under way, or done and not judged
        self._spent_s, self._began_s = 0.0, time.process_time()
        self._before = self._copy()
        self.recovery = Recovery(Guard(LIMITS), self._copy, self._paste, GOOD_EVERY)
        decides = {key: value for key, value in asdict(settings).items() if key != "seconds"}
        self._keeper = Keeper(folder, {"settings": decides, "data": data})

    @property
    def seconds(self) -> float:
        """CPU time spent on this training, that before a stop included."""
        return self._spent_s + time.process_time() - self._began_s

    def _share_of_time(self) -> float:
        """Exactly zero without a limit, so that no clock is in what is learnt."""
        return 0.0 if self._settings.seconds is None else self.seconds / self._settings.seconds

    def go_on(self) -> None:
        """From the newest whole checkpoint, where there is one. Raises InputError for one of another training."""
        found = self._keeper.load()
        for name in found.broken if found else ():
            self._said_to.say(self.update, broken_checkpoint=name)
        if found is None:
            return
        state = found.state
        self._paste(state["learnt"])
        self.update, self.curve, self._spent_s = found.step, state["curve"], float(state["seconds"])
        self.model.num_timesteps = self.num_timesteps = int(state["decisions"])
        self.model._last_obs = self._env.restore(state["world"])  # what the library would look at next
        self.model._last_episode_starts = state["fresh"].numpy().copy()
        self.recovery.guard.restore(state["guard"])
        self.recovery.keep(self.update)
        set_randomness(state["randomness"])
        self._said_to.say(self.update, resumed=True, decisions=self.num_timesteps)

    def run(self) -> None:
        """Learn until decisions or seconds are used up; then a checkpoint."""
        left = self._settings.decisions - self.model.num_timesteps
        if left > 0 and self._share_of_time() < 1.0:
            self.model.learn(left, callback=self, log_interval=None, reset_num_timesteps=False)

    def _on_rollout_start(self) -> None:
        self._judge()
        settings = self._settings
        done = max(self.num_timesteps / settings.decisions, self._share_of_time())
        rate = settings.rate * max(LEAST_RATE, 1.0 - done)
        self.model.lr_schedule = lambda _left: rate

    def _on_step(self) -> bool:
        return self._share_of_time() < 1.0

    def _on_rollout_end(self) -> None:
        self.curve.append([self.num_timesteps, round(float(np.mean(self._env.rewards)), 3)])
        self._env.rewards.clear()
        self._before, self._awaited = self._copy(), True

    def _on_training_end(self) -> None:
        self._judge()
        if self.recovery.guard.calm and self._kept != self.num_timesteps:
            self._keep()

    def _before_step(self, *_: Any) -> None:
        """The library's optimiser is about to step: the gradient is clipped; one that is no number is dropped."""
        norm = float(torch.nn.utils.clip_grad_norm_(self.model.policy.parameters(), MOST_NORM))
        self._norms.append(norm)
        if not np.isfinite(norm):
            self._optimiser.zero_grad(set_to_none=True)

    def _judge(self) -> None:
        """The guard's verdict on the last update, which is undone where it is refused; its row of the metrics."""
        if not self._awaited:
            return
        self._awaited = False
        values = self.model.logger.name_to_value
        told = {name: float(values[key]) for name, key in TOLD.items()}
        loss, norm = told["policy_loss"] + self.model.vf_coef * told["value_loss"], float(np.max(self._norms))
        self._norms.clear()
        verdict = self.recovery.judge(self.update, loss, norm)
        if verdict == "skip":
            self._paste(self._before)
        self.update += 1
        if verdict == "take":
            self.recovery.taken(self.update)
        decisions, reward = self.curve[-1]
        self._said_to.say(
            self.update, decisions=decisions, mean_reward=reward, loss=loss, norm=norm,
            rate=self._optimiser.param_groups[0]["lr"], **told, **self.recovery.said(verdict),
        )  # fmt: skip
        self._report("decisions", self.num_timesteps, self._settings.decisions)
        if self.update % self._settings.checkpoint_every == 0 and self.recovery.guard.calm:
            self._keep()

    def _keep(self) -> None:
        """A checkpoint, between two rollouts."""
        self.recovery.keep(self.update)
        self._kept = self.num_timesteps
        self._keeper.save(self.update, {
            "learnt": self._copy(), "decisions": self.num_timesteps, "curve": self.curve, "seconds": self.seconds,
            "world": self._env.state(), "fresh": torch.from_numpy(np.array(self.model._last_episode_starts)),
            "guard": self.recovery.guard.state(), "randomness": randomness(),
        })  # fmt: skip

    def _copy(self) -> dict[str, Any]:
        policy = self.model.policy
        weights = {name: value.clone() for name, value in policy.state_dict().items()}
        return {"policy": weights, "optimiser": copy.deepcopy(policy.optimizer.state_dict())}

    def _paste(self, state: dict[str, Any]) -> None:
        self.model.policy.load_state_dict(state["policy"])
        self._optimiser.load_state_dict(copy.deepcopy(state["optimiser"]))
