"""Training of the policy by proximal policy optimisation (Schulman et al. 2017; stable-baselines3), and its export."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import yaml

from physical_ai_control.body import body_of
from physical_ai_control.policy.network import PolicyNet, save
from physical_ai_core.robot import load_robot
from physical_ai_learning.policy.env import DrivingEnv
from physical_ai_learning.policy.learner import Settings, train
from physical_ai_learning.policy.objective import problem
from physical_ai_learning.policy.places import Places, barn, drawn
from physical_ai_learning.training.checkpoint import digest
from physical_ai_learning.training.metrics import Report

WEIGHTS: Final = "policy.safetensors"
METRICS: Final = "metrics.json"
__all__ = ["Settings", "exported", "run", "train"]


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
    data = digest([part for place in places for part in place])
    learner = train(settings, env, data, folder, report)
    net = exported(learner.model)
    path = weights / WEIGHTS
    save(path, net, asdict(settings))
    metrics = {
        "settings": asdict(settings), "decisions": int(learner.num_timesteps), "parameters": net.parameters,
        "places": [p.name for p in places], "mean_reward": learner.curve, "train_s": round(learner.seconds, 1),
        "sha256": sha256(path.read_bytes()).hexdigest(),
    }  # fmt: skip
    (folder / METRICS).write_text(json.dumps(metrics, indent=1), encoding="utf-8")
    _card(weights, metrics)
    return metrics


def exported(model: Any) -> PolicyNet:
    """The mean action of a trained actor, as arrays."""
    linear = [part for part in model.policy.mlp_extractor.policy_net if isinstance(part, torch.nn.Linear)]
    layers = [*linear, model.policy.action_net]
    return PolicyNet([(part.weight.detach().numpy().copy(), part.bias.detach().numpy().copy()) for part in layers])


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
