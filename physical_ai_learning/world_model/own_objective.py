"""What the model of the own motion is asked in its training: windows of missions, predictions from within, the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from physical_ai_learning.world_model.own_data import Heard, commands_ahead, hear, last_row, truth_ahead
from physical_ai_learning.world_model.own_network import Ahead, Moment, OwnModel
from physical_ai_learning.world_model.own_record import Mission
from physical_ai_world_model.own_motion.dynamics import STEP_S, Base

LOOKS: Final = tuple(round(t / STEP_S) for t in (0.2, 0.52, 1.0, 1.52, 2.0, 2.52, 3.0))
WINDOW: Final = 160  # samples a window, of 0.04 s on average
DECODE: Final = (35, 75, 115, 159)  # of them a prediction starts at
Batch = tuple[Tensor, Tensor, Moment, Tensor]


class Windows:
    """Draws windows of heard missions, each with predictions that start inside it."""

    def __init__(self, missions: Sequence[Mission], base: Base, seed: int) -> None:
        rng = np.random.default_rng([seed, 21])
        self.heard = [hear(mission, base, rng) for mission in missions]
        self.last = [int(np.searchsorted(h.row, last_row(h.mission))) - WINDOW for h in self.heard]
        if min(self.last) < 1:
            raise ValueError("missions are shorter than a window and the horizon")

    def draw(self, count: int, rng: np.random.Generator) -> Batch:
        """Features (count, WINDOW, 14), elapsed (count, WINDOW), moments and truth (count · 4, ...)."""
        parts = []
        for number in rng.integers(len(self.heard), size=count):
            parts.append((self.heard[number], int(rng.integers(self.last[number]))))
        features = np.stack([h.features[k : k + WINDOW] for h, k in parts])
        dt_s = np.stack([h.dt_s[k : k + WINDOW] for h, k in parts])
        return tensor(features), tensor(dt_s), *moments([(h, k + np.array(DECODE)) for h, k in parts])


def moments(parts: Sequence[tuple[Heard, Any]]) -> tuple[Moment, Tensor]:
    """Of samples `at` of each heard mission: where predictions start, and what came."""
    twist, points, pull = (
        tensor(np.concatenate([getattr(h, name)[at] for h, at in parts])) for name in ("twist", "points", "pull")
    )
    commands = np.concatenate([commands_ahead(h.mission, h.row[at]) for h, at in parts])
    truth = np.concatenate([truth_ahead(h.mission, h.row[at]) for h, at in parts])
    return Moment(twist, points, pull, tensor(commands)), tensor(truth)


def loss_of(ahead: Ahead, truth: Tensor) -> Tensor:
    """Distance relative to what may be expected of it, and the likelihood of the spread around where it fell."""
    looks = torch.tensor(LOOKS)
    off = ahead.xy[:, looks] - truth[:, looks, :2]
    away = (off.square().sum(-1) + 1e-4).sqrt()
    turn = (ahead.yaw[:, looks] - truth[:, looks, 2]).abs()
    scale = 0.05 + 0.1 * STEP_S * looks
    mahalanobis, area = fit(ahead, truth, looks)
    likelihood = 0.5 * mahalanobis.clamp(max=40.0) + area
    return ((away + 0.1 * turn) / scale).mean() + 0.05 * likelihood.mean()


def fit(ahead: Ahead, truth: Tensor, looks: Tensor) -> tuple[Tensor, Tensor]:
    """Squared Mahalanobis distance, and half the log determinant; the means are not moved by them."""
    off = truth[:, looks, :2] - ahead.xy[:, looks].detach()
    yaw = ahead.yaw[:, looks].detach()
    along = off[..., 0] * yaw.cos() + off[..., 1] * yaw.sin()
    across = off[..., 1] * yaw.cos() - off[..., 0] * yaw.sin()
    va, vc = ahead.variance[:, looks].unbind(-1)
    return along.square() / va + across.square() / vc, 0.5 * (va * vc).log()


def loss_on(model: OwnModel, batch: Batch) -> Tensor:
    """The loss of one batch."""
    features, dt_s, at, truth = batch
    z = model(features, dt_s)[:, list(DECODE)].flatten(0, 1)
    return loss_of(model.ahead(z, at), truth)


def tensor(values: Any) -> Tensor:
    """Single precision."""
    return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float32)
