"""Training of the model of the own motion: record missions, learn, calibrate, write weights and card. CPU, minutes."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import yaml
from torch import Tensor

from physical_ai_learning.world_model.own_data import (
    Heard,
    commands_ahead,
    hear,
    last_row,
    split,
    truth_ahead,
)  # fmt: skip
from physical_ai_learning.world_model.own_network import SHAPE, Ahead, Moment, OwnModel
from physical_ai_learning.world_model.own_record import Mission, record_all
from physical_ai_world_model.own_motion.dynamics import STEP_S, Base
from physical_ai_world_model.own_motion.weights import ARCHITECTURE, CARD, FILE, OwnWeights, save

LOOKS: Final = tuple(round(t / STEP_S) for t in (0.2, 0.52, 1.0, 1.52, 2.0, 2.52, 3.0))
CHI2_90: Final = 4.605  # two components
WINDOW: Final = 160  # samples a window, of 0.04 s on average
DECODE: Final = (35, 75, 115, 159)  # of them a prediction starts at
SETTLE_ROWS: Final = 50
ABOUT: Final = (
    "How the ground answers the robot's own commands: a selective state space in continuous time over the last seconds "
    "tells traction, gains, slope and spread of a grey-box model of a base on two driven wheels."
)
DATA: Final = (
    "{missions} simulated missions of {mission_s:.0f} s (physical_ai_learning.world_model.own_record, seeds from 0), "
    "friction 0.05 to 1, slopes to 0.12 rad, patches; state: ground truth with noise of perception's size on dry "
    "ground. Of every twenty missions fourteen to learn from, three to calibrate on, three to judge by"
)


@dataclass(frozen=True)
class Settings:
    """The shipped weights' settings; `smoke` makes all of it tiny."""

    missions: int = 220
    mission_s: float = 40.0
    steps: int = 1000
    windows: int = 36
    rate: float = 3e-3
    every: int = 100
    seed: int = 0

    @staticmethod
    def smoke() -> Settings:
        return Settings(missions=20, mission_s=15.0, steps=20, windows=8, every=10)


Report = Callable[[str, float, float], None]


class Windows:
    """Draws windows of heard missions, each with predictions that start inside it."""

    def __init__(self, missions: Sequence[Mission], base: Base, seed: int) -> None:
        rng = np.random.default_rng([seed, 21])
        self.heard = [hear(mission, base, rng) for mission in missions]
        self.last = [int(np.searchsorted(h.row, last_row(h.mission))) - WINDOW for h in self.heard]
        if min(self.last) < 1:
            raise ValueError("missions are shorter than a window and the horizon")

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Moment, Tensor]:
        """Features (count, WINDOW, 14), elapsed (count, WINDOW), moments and truth (count · 4, ...)."""
        parts = []
        for number in rng.integers(len(self.heard), size=count):
            parts.append((self.heard[number], int(rng.integers(self.last[number]))))
        features = np.stack([h.features[k : k + WINDOW] for h, k in parts])
        dt_s = np.stack([h.dt_s[k : k + WINDOW] for h, k in parts])
        return _tensor(features), _tensor(dt_s), *moments([(h, k + np.array(DECODE)) for h, k in parts])


def moments(parts: Sequence[tuple[Heard, Any]]) -> tuple[Moment, Tensor]:
    """Of samples `at` of each heard mission: where predictions start, and what came."""
    twist, points, pull = (
        _tensor(np.concatenate([getattr(h, name)[at] for h, at in parts])) for name in ("twist", "points", "pull")
    )
    commands = np.concatenate([commands_ahead(h.mission, h.row[at]) for h, at in parts])
    truth = np.concatenate([truth_ahead(h.mission, h.row[at]) for h, at in parts])
    return Moment(twist, points, pull, _tensor(commands)), _tensor(truth)


def loss_of(ahead: Ahead, truth: Tensor) -> Tensor:
    """Distance relative to what may be expected of it, and the likelihood of the spread around where it fell."""
    looks = torch.tensor(LOOKS)
    off = ahead.xy[:, looks] - truth[:, looks, :2]
    away = (off.square().sum(-1) + 1e-4).sqrt()
    turn = (ahead.yaw[:, looks] - truth[:, looks, 2]).abs()
    scale = 0.05 + 0.1 * STEP_S * looks
    mahalanobis, area = _fit(ahead, truth, looks)
    likelihood = 0.5 * mahalanobis.clamp(max=40.0) + area
    return ((away + 0.1 * turn) / scale).mean() + 0.05 * likelihood.mean()


def _fit(ahead: Ahead, truth: Tensor, looks: Tensor) -> tuple[Tensor, Tensor]:
    """Squared Mahalanobis distance, and half the log determinant; the means are not moved by them."""
    off = truth[:, looks, :2] - ahead.xy[:, looks].detach()
    yaw = ahead.yaw[:, looks].detach()
    along = off[..., 0] * yaw.cos() + off[..., 1] * yaw.sin()
    across = off[..., 1] * yaw.cos() - off[..., 0] * yaw.sin()
    va, vc = ahead.variance[:, looks].unbind(-1)
    return along.square() / va + across.square() / vc, 0.5 * (va * vc).log()


def train(settings: Settings, missions: Sequence[Mission], folder: Path, report: Report) -> OwnModel:
    """The model whose weights were best on the missions held for calibration; resumes from `folder/checkpoint.pt`."""
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    learn, hold, _ = split(missions)
    base = Base()
    windows, held = Windows(learn, base, settings.seed), Windows(hold, base, settings.seed + 1)
    check = held.draw(min(200, 10 * len(hold)), np.random.default_rng(5))
    model = OwnModel(base)
    optimiser = torch.optim.AdamW(model.parameters(), settings.rate, weight_decay=1e-4)
    step, best, course = 0, math.inf, []
    best_state = {k: v.clone() for k, v in model.state_dict().items()}
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=False)
        if kept["settings"] == asdict(settings):
            model.load_state_dict(kept["model"])
            optimiser.load_state_dict(kept["optimiser"])
            step, best, best_state, course = kept["step"], kept["best"], kept["best_state"], kept["course"]
            rng.bit_generator.state = kept["rng"]
    while step < settings.steps:
        share = step / settings.steps
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * min(1.0, (step + 1) / 50) * 0.5 * (1.0 + math.cos(math.pi * share))
        loss = _loss(model, windows.draw(settings.windows, rng))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        report("learning", step, settings.steps)
        if step % settings.every == 0 or step == settings.steps:
            with torch.no_grad():
                now = float(_loss(model, check))
            course.append({"step": step, "loss": round(loss.item(), 4), "held": round(now, 4)})
            if now < best:
                best, best_state = now, {k: v.clone() for k, v in model.state_dict().items()}
            folder.mkdir(parents=True, exist_ok=True)
            part = checkpoint.with_suffix(".part")
            torch.save({"settings": asdict(settings), "model": model.state_dict(), "optimiser": optimiser.state_dict(),
                        "step": step, "best": best, "best_state": best_state, "course": course,
                        "rng": rng.bit_generator.state}, part)  # fmt: skip
            part.replace(checkpoint)
    model.load_state_dict(best_state)
    (folder / "course.json").write_text(json.dumps(course, indent=1), encoding="utf-8")
    return model


def _loss(model: OwnModel, batch: tuple[Tensor, Tensor, Moment, Tensor]) -> Tensor:
    features, dt_s, at, truth = batch
    z = model(features, dt_s)[:, list(DECODE)].flatten(0, 1)
    return loss_of(model.ahead(z, at), truth)


def judge(model: OwnModel, missions: Sequence[Mission], base: Base, every: int = 15) -> tuple[Ahead, Tensor]:
    """Predictions from every `every`-th sample of whole missions at 50 Hz, and the truth."""
    parts, outputs = [], []
    for mission in missions:
        heard = hear(mission, base, None)
        at = np.arange(SETTLE_ROWS, last_row(mission), every)
        with torch.no_grad():
            z = model(_tensor(heard.features)[None], _tensor(heard.dt_s)[None])[0]
        outputs.append(z[torch.from_numpy(at)])
        parts.append((heard, at))
    at_all, truth = moments(parts)
    with torch.no_grad():
        return model.ahead(torch.cat(outputs), at_all), truth


def calibrate(ahead: Ahead, truth: Tensor) -> dict[str, list[float]]:
    """Factors on the covariance at some times, so that 90 % regions hold 90 % (split conformal prediction)."""
    looks = torch.tensor(LOOKS)
    mahalanobis, _ = _fit(ahead, truth, looks)
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
    mahalanobis, _ = _fit(ahead, truth, torch.tensor(LOOKS))
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


def _tensor(values: Any) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float32)
