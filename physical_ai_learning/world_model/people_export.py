"""From a trained people model to the file that robots load: calibrated by what was held back, hashed, with its card."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from physical_ai_core.geometry import Array
from physical_ai_learning.compression.pack import packed
from physical_ai_learning.world_model.batches import Group, assemble
from physical_ai_learning.world_model.network import PeopleModel
from physical_ai_learning.world_model.windows import AHEAD
from physical_ai_world_model.calibration import Calibration, across, fit
from physical_ai_world_model.ssm.decoder import unfold
from physical_ai_world_model.ssm.weights import CARD, said_of, save

MOST = 200  # people of each recording that the calibration is fitted to
LEAST = 20


@torch.no_grad()
def held_mixtures(model: PeopleModel, group: Group, most: int = MOST) -> tuple[Array, Array, Array, Array]:
    """Mean (n, K, 12, 2), covariance (n, K, 12, 3), weight (n, K), truth (n, 12, 2) in own frames."""
    model.eval()
    share = np.arange(1, AHEAD + 1) / AHEAD
    kept: list[tuple[Array, ...]] = []
    for part in torch.arange(group.windows).split(64):
        batch = assemble(group, part)
        out = model(batch.features, batch.dt_s, batch.target, batch.edges, batch.near, batch.log_horizon)[:, 1:]
        own_mps = batch.own_mps.cpu().double().numpy()
        fans = unfold(out.cpu().numpy(), own_mps, share, batch.horizon_s, model.shape)
        kept.append((fans.mean_m, fans.covariance, fans.weight, batch.truth_m.cpu().double().numpy()))
    joined = [np.concatenate(values) for values in zip(*kept, strict=True)]
    every = -(-len(joined[0]) // most)
    mean, covariance, weight, truth = (value[::every] for value in joined)
    return mean, covariance, weight, truth


def calibrated(
    model: PeopleModel, groups: Sequence[Group], report: Callable[[float, float], None] = lambda done, total: None
) -> Calibration:
    """The calibration that what was held back of each recording asks for."""
    found = []
    for number, group in enumerate(groups):
        mean, covariance, weight, truth = held_mixtures(model, group)
        if len(truth) >= LEAST:
            found.append(fit(mean, covariance, weight, truth, np.arange(1, AHEAD + 1) / AHEAD))
        report(number + 1, len(groups))
    return across(found) if found else Calibration.none()


def export(model: PeopleModel, calibration: Calibration, path: Path) -> str:
    """Write the weights; → their sha256."""
    tensors = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    return save(path, tensors, model.shape, calibration.data())


def export_compact(model: PeopleModel, calibration: Calibration, path: Path) -> tuple[Path, str]:
    """Write weights that lie on their grid in few bytes, losing nothing; → the file and its sha256."""
    tensors = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    content = packed(tensors, said_of(model.shape, calibration.data()))
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def write_card(path: Path, sha256: str, about: dict[str, Any]) -> None:
    """The card beside the weights."""
    card = {"file": path.name, "sha256": sha256, **about}
    (path.parent / CARD).write_text(yaml.safe_dump(card, sort_keys=False, allow_unicode=True), encoding="utf-8")
