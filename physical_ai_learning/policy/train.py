"""Training of the policy by proximal policy optimisation (Schulman et al. 2017; stable-baselines3), and its export."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import yaml
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from physical_ai_control.body import body_of
from physical_ai_control.policy.network import PolicyNet, save
from physical_ai_core.robot import load_robot
from physical_ai_learning.policy.env import DrivingEnv
from physical_ai_learning.policy.objective import problem
from physical_ai_learning.policy.places import Places, barn, drawn

Report = Callable[[str, float, float], None]
WEIGHTS: Final = "policy.safetensors"
CHECKPOINT: Final = "checkpoint.zip"
METRICS: Final = "metrics.json"
SCHEDULE: Final = ["lr_schedule"]  # holds the watch, which is made anew


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
    seconds: float = 1e9  # of training; the rate falls to zero by then
    checkpoint_every: int = 20  # updates

    @staticmethod
    def smoke() -> Settings:
        return Settings(decisions=6_000, robots=64, rollout=8, batch=256, epochs=2, drawn_places=6, checkpoint_every=5)


def run(settings: Settings, worlds: Path | None, folder: Path, weights: Path, report: Report) -> dict[str, Any]:
    """Train, or go on from the folder's checkpoint; writes weights, card and metrics. `worlds`: BARN worlds to learn
    from besides the drawn ones, a quarter of them held out. Raises InputError."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(settings.seed)
    places = [drawn(rng, i, cluttered=i % 3 > 0) for i in range(settings.drawn_places)]
    if worlds is not None:
        places += barn(worlds, held_out=False)
    circles = body_of(load_robot("scout")).circles
    env = DrivingEnv(
        problem(), circles, Places(places), settings.robots, settings.seed, (settings.cruise_mps, settings.top_mps),
        settings.margin_m,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / CHECKPOINT
    model = PPO.load(checkpoint, env=env, device="cpu") if checkpoint.exists() else _begun(env, settings)
    watch = _Watch(settings, env, folder, report)
    left = settings.decisions - model.num_timesteps
    if left > 0:
        model.learn(left, callback=watch, reset_num_timesteps=False)
        model.save(checkpoint, exclude=SCHEDULE)
    net = exported(model)
    path = weights / WEIGHTS
    save(path, net, asdict(settings))
    metrics = {
        "settings": asdict(settings), "decisions": int(model.num_timesteps), "parameters": net.parameters,
        "places": [p.name for p in places], "mean_reward": watch.curve, "train_s": round(watch.seconds, 1),
        "sha256": sha256(path.read_bytes()).hexdigest(),
    }  # fmt: skip
    (folder / METRICS).write_text(json.dumps(metrics, indent=1), encoding="utf-8")
    _card(weights, metrics)
    return metrics


def _begun(env: DrivingEnv, settings: Settings) -> Any:
    return PPO(
        "MlpPolicy", env, learning_rate=settings.rate, n_steps=settings.rollout, batch_size=settings.batch,
        n_epochs=settings.epochs, gamma=settings.discount, gae_lambda=0.9, seed=settings.seed, device="cpu",
        policy_kwargs={"net_arch": [settings.width, settings.width], "log_std_init": settings.spread},
    )  # fmt: skip


def exported(model: Any) -> PolicyNet:
    """The mean action of a trained actor, as arrays."""
    linear = [part for part in model.policy.mlp_extractor.policy_net if isinstance(part, torch.nn.Linear)]
    layers = [*linear, model.policy.action_net]
    return PolicyNet([(part.weight.detach().numpy().copy(), part.bias.detach().numpy().copy()) for part in layers])


class _Watch(BaseCallback):
    """Progress, learning rate, the curve of the mean reward, checkpoints."""

    def __init__(self, settings: Settings, env: DrivingEnv, folder: Path, report: Report) -> None:
        super().__init__()
        self._settings, self._env, self._folder, self._report = settings, env, folder, report
        self._began, self._updates = time.process_time(), 0
        self.curve: list[list[float]] = []

    @property
    def seconds(self) -> float:
        return time.process_time() - self._began

    def _on_rollout_start(self) -> None:
        done = max(self.num_timesteps / self._settings.decisions, self.seconds / self._settings.seconds)
        self.model.lr_schedule = lambda _left: self._settings.rate * max(0.02, 1.0 - done)

    def _on_rollout_end(self) -> None:
        self._updates += 1
        self.curve.append([self.num_timesteps, round(float(np.mean(self._env.rewards)), 3)])
        self._env.rewards.clear()
        self._report("decisions", self.num_timesteps, self._settings.decisions)
        if self._updates % self._settings.checkpoint_every == 0:
            self.model.save(self._folder / CHECKPOINT, exclude=SCHEDULE)

    def _on_step(self) -> bool:
        return self.seconds < self._settings.seconds


def _card(folder: Path, metrics: dict[str, Any]) -> None:
    curve = metrics["mean_reward"]
    front = {
        "file": WEIGHTS, "sha256": metrics["sha256"], "parameters": metrics["parameters"], "licence": "Apache-2.0",
        "command": "physical-ai train policy", "settings": metrics["settings"], "decisions": metrics["decisions"],
        "mean_reward_begin_end": [curve[0][1], curve[-1][1]] if curve else [],
    }  # fmt: skip
    text = f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n\n# Policy\n\n"
    text += (
        "Proposes one more starting point of the MPC: five numbers that shift and delay the reference. Learnt by\n"
        "proximal policy optimisation in a world of drawn routes, discs, BARN clutter and swinging obstacles. Never\n"
        "drives by itself: what it says is solved, checked and compared with the plan there was. For the unicycle;\n"
        "the figures of its use are in docs/benchmarks/policy.md.\n"
    )
    (folder / "model_card.md").write_text(text, encoding="utf-8")
