"""Training of the model of the own motion: record missions, learn, calibrate, write weights and card. CPU, minutes."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import yaml
from torch import Tensor

from physical_ai_learning.training.metrics import Report
from physical_ai_learning.world_model.own_data import hear, last_row, split
from physical_ai_learning.world_model.own_learner import Settings, train
from physical_ai_learning.world_model.own_network import SHAPE, Ahead, OwnModel
from physical_ai_learning.world_model.own_objective import LOOKS, fit, moments, tensor
from physical_ai_learning.world_model.own_record import Mission, record_all
from physical_ai_world_model.own_motion.dynamics import STEP_S, Base
from physical_ai_world_model.own_motion.weights import ARCHITECTURE, CARD, FILE, OwnWeights, save

CHI2_90: Final = 4.605  # two components
SETTLE_ROWS: Final = 50
__all__ = ["Settings", "calibrate", "errors", "judge", "run", "train"]
ABOUT: Final = (
    "How the ground answers the robot's own commands: a selective state space in continuous time over the last seconds "
    "tells traction, gains, slope and spread of a grey-box model of a base on two driven wheels."
)
DATA: Final = (
    "{missions} simulated missions of {mission_s:.0f} s (physical_ai_learning.world_model.own_record, seeds from 0), "
    "friction 0.05 to 1, slopes to 0.12 rad, patches; state: ground truth with noise of perception's size on dry "
    "ground. Of every twenty missions fourteen to learn from, three to calibrate on, three to judge by"
)


def judge(model: OwnModel, missions: Sequence[Mission], base: Base, every: int = 15) -> tuple[Ahead, Tensor]:
    """Predictions from every `every`-th sample of whole missions at 50 Hz, and the truth."""
    parts, outputs = [], []
    for mission in missions:
        heard = hear(mission, base, None)
        at = np.arange(SETTLE_ROWS, last_row(mission), every)
        with torch.no_grad():
            z = model(tensor(heard.features)[None], tensor(heard.dt_s)[None])[0]
        outputs.append(z[torch.from_numpy(at)])
        parts.append((heard, at))
    at_all, truth = moments(parts)
    with torch.no_grad():
        return model.ahead(torch.cat(outputs), at_all), truth


def calibrate(ahead: Ahead, truth: Tensor) -> dict[str, list[float]]:
    """Factors on the covariance at some times, so that 90 % regions hold 90 % (split conformal prediction)."""
    looks = torch.tensor(LOOKS)
    mahalanobis, _ = fit(ahead, truth, looks)
    n = len(mahalanobis)
    level = min(1.0, math.ceil((n + 1) * 0.9) / n)
    factor = torch.quantile(mahalanobis, level, dim=0) / CHI2_90
    return {"t_s": [round(STEP_S * k, 3) for k in LOOKS], "factor": [round(float(f), 4) for f in factor]}


def errors(ahead: Ahead, truth: Tensor) -> dict[str, float]:
    """Mean position error at some times, m."""
    away = (ahead.xy - truth[..., :2]).norm(dim=-1).mean(0)
    return {f"{STEP_S * k:.1f}": round(float(away[k]), 4) for k in (round(0.52 / STEP_S), 25, 50, 75)}


def run(settings: Settings, out: Path, weights: Path, report: Report) -> dict[str, Any]:
    """Everything; writes `weights/own_motion.safetensors` with its card and `out/metrics.json`. Returns the metrics."""
    torch.set_num_threads(1)
    begun = time.monotonic()
    missions = record_all(
        out / "missions", range(settings.missions), settings.mission_s, lambda k, n: report("recording", k, n)
    )
    recorded = time.monotonic()
    model = train(settings, missions, out, report)
    _, hold, judged = split(missions)
    base = Base()
    calibration = calibrate(*judge(model, hold, base))
    ahead, truth = judge(model, judged, base)
    mahalanobis, _ = fit(ahead, truth, torch.tensor(LOOKS))
    inside = (mahalanobis / torch.tensor(calibration["factor"]) < CHI2_90).float().mean(0)
    with torch.no_grad():
        constants = Base(*(float(value) for value in model.base()))
    tensors = {k: v.numpy() for k, v in model.state_dict().items() if k != "constants"}
    sha256 = save(weights, OwnWeights(tensors, SHAPE, constants, calibration, ""))
    metrics = {
        "missions": {"learn": settings.missions - len(hold) - len(judged), "hold": len(hold), "judge": len(judged)},
        "position_error_m": errors(ahead, truth),
        "inside_90": {f"{t:.1f}": round(float(v), 4) for t, v in zip(calibration["t_s"], inside, strict=True)},
        "calibration": calibration, "constants": constants._asdict(), "sha256": sha256,
        "parameters": int(sum(v.size for v in tensors.values())),
        "recording_s": round(recorded - begun, 1), "training_s": round(time.monotonic() - recorded, 1),
        "settings": asdict(settings),
    }  # fmt: skip
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    card = {
        "file": FILE, "sha256": sha256, "architecture": ARCHITECTURE, "licence": "Apache-2.0", "about": ABOUT,
        "data": DATA.format(**asdict(settings)), "command": "physical-ai train own-motion",
        "not_for": "robots of another base: record missions of that robot and train anew",
        **{name: value for name, value in metrics.items() if not name.endswith("_s")},
    }  # fmt: skip
    text = yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=110)
    (weights / CARD).write_text(text, encoding="utf-8")
    return metrics
