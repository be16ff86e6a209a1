"""What the training of the people model begins with: settings, windows, the model before its first step; its scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from physical_ai_core.errors import ModelError
from physical_ai_learning.compression.backslash import RateConstraint, Small
from physical_ai_learning.compression.init import begin_as_ggd
from physical_ai_learning.compression.sensitivity import people_sensitivity, steps_by_sensitivity
from physical_ai_learning.world_model.batches import Batch, Group, assemble, group_of, part_of
from physical_ai_learning.world_model.loss import Paths, negative_log_likelihood, paths_of
from physical_ai_learning.world_model.network import PeopleModel
from physical_ai_learning.world_model.recordings import Recording
from physical_ai_learning.world_model.windows import Windows, protocol_windows, resampled_windows
from physical_ai_world_model.ssm.shape import Shape
from physical_ai_world_model.ssm.weights import load

OTHER_STEPS_S = (0.53, 0.667, 0.8)
FINE = ((0.1, 29), (0.2, 15))  # samples as a robot sees them: step in s, count
GAP = (
    20  # windows of a recording left out before its part held back: as many as one is long, so that none shares a frame
)
CROWD = "students"  # many people a window: fewer windows of it are resampled


@dataclass(frozen=True)
class Settings:
    """How to train; what the metrics file repeats."""

    steps: int = 2400
    rows: int = 768
    rate: float = 1.5e-3
    decay: float = 1e-2
    dropout: float = 0.2
    stretch: float = 0.3
    told: float = 0.3
    relax: float = 0.05
    end: float = 0.6
    likelihood: float = 0.1
    held_back: float = 0.12  # the last part of each recording: to stop early and to calibrate by
    every: int = 150
    seed: int = 0
    noise_m: float = 0.02
    fine: bool = True
    engine: str = "loop"
    device: str = "cpu"
    graph: bool = True  # on a GPU: replay each step as one captured graph
    seconds: float = 1e9
    small: Small = field(default_factory=Small)


@dataclass(frozen=True)
class Material:
    """Groups to learn from, and groups held back (protocol times)."""

    learn: list[Group]
    held: list[Group]


def material_of(recordings: Sequence[Recording], settings: Settings) -> Material:
    """Every recording on its own grid and on others; the last part of each is held back, `GAP` windows behind."""
    learn: dict[str, list[Windows]] = {}
    held: list[Group] = []
    for recording in recordings:
        end_s = recording.step_s * (recording.steps * (1.0 - settings.held_back) - GAP)
        own = protocol_windows(recording)
        for number, windows in enumerate([own, *_others(recording, settings)]):
            count = int(windows.window[-1]) + 1 if len(windows.window) else 0
            total_s = windows.step_s * 12 - float(windows.stamps_s[0])
            share = max(0.0, (end_s - total_s) / max(recording.steps * recording.step_s - total_s, 1e-9))
            first_held = int(count * (1.0 - settings.held_back))
            cut = int(count * share) if number else min(int(count * share), first_held - GAP)
            if cut > 0:
                key = f"{len(windows.stamps_s)} {windows.stamps_s[0]:.2f} {windows.step_s}"
                learn.setdefault(key, []).append(part_of(windows, np.arange(cut)))
            if number == 0 and count > first_held:
                held.append(group_of(part_of(windows, np.arange(first_held, count))))
    groups = []
    for number, parts in enumerate(learn.values()):
        groups.append(group_of(_joined(parts), settings.noise_m, 0.15, seed=number))
    return Material([g.to(settings.device) for g in groups], [g.to(settings.device) for g in held])


def _others(recording: Recording, settings: Settings) -> list[Windows]:
    crowd = recording.name.startswith(CROWD)
    stride_s = 1.6 if crowd else 0.8
    found = []
    for step_s in (0.4, *OTHER_STEPS_S):
        if abs(step_s - recording.step_s) > 0.05:
            found.append(resampled_windows(recording, step_s, 8, step_s, stride_s))
    if settings.fine:
        for step_s, count in FINE:
            found.append(resampled_windows(recording, step_s, count, 0.4, 3.0 * stride_s))
    return [windows for windows in found if len(windows.window)]


def _joined(parts: Sequence[Windows]) -> Windows:
    rows = np.cumsum([0, *[len(p.window) for p in parts]])
    numbers = np.cumsum([0, *[int(p.window[-1]) + 1 for p in parts]])
    near = [np.where(p.near >= 0, p.near + offset, -1) for p, offset in zip(parts, rows, strict=False)]
    window = [p.window + offset for p, offset in zip(parts, numbers, strict=False)]
    seen, ahead = (np.concatenate([getattr(p, name) for p in parts]) for name in ("seen_m", "ahead_m"))
    return Windows(np.concatenate(window), parts[0].stamps_s, parts[0].step_s, seen, ahead, np.concatenate(near))


class Average:
    """Slow mean of the weights, which is what is kept. It begins with the weights after the warm-up."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.tensors = [p.detach().clone() for p in model.parameters()]

    def begin(self, model: torch.nn.Module) -> None:
        with torch.no_grad():
            torch._foreach_copy_(self.tensors, [p.detach() for p in model.parameters()])

    def swap(self, model: torch.nn.Module) -> None:
        """Exchange the model's weights with the mean."""
        with torch.no_grad():
            for own, mean in zip(model.parameters(), self.tensors, strict=True):
                held = own.detach().clone()
                own.copy_(mean)
                mean.copy_(held)


def run_model(model: PeopleModel, batch: Batch) -> Paths:
    """Paths of the people to be predicted."""
    out = model(batch.features, batch.dt_s, batch.target, batch.edges, batch.near, batch.log_horizon)
    return paths_of(out, batch.own_mps, batch.horizon_s, model.shape)


@torch.no_grad()
def scores(model: PeopleModel, groups: Sequence[Group], windows_at_once: int = 64) -> dict[str, float]:
    """ADE/FDE of the best guess, of the nearest mode, and likelihood, over everybody predicted."""
    model.eval()
    total: list[Tensor] = []
    for group in groups:
        for part in torch.arange(group.windows).split(windows_at_once):
            batch = assemble(group, part)
            if len(batch.target):
                paths = run_model(model, batch)
                away = (paths.mean - batch.truth_m[:, None]).norm(dim=-1)
                ways = away[:, 1:]
                likelihood = negative_log_likelihood(paths, batch.truth_m).mean(1)
                total.append(torch.stack([away[:, 0].mean(-1), away[:, 0, -1], ways.mean(-1).min(1)[0],
                                          ways[..., -1].min(1)[0], likelihood], -1))  # fmt: skip
    model.train()
    mean = torch.cat(total).mean(0).tolist() if total else [math.nan] * 5
    return dict(zip(("ade_m", "fde_m", "best_ade_m", "best_fde_m", "nll"), mean, strict=True))


def begun(shape: Shape, settings: Settings) -> PeopleModel:
    """The model as it is before the first step: drawn, or the weights that `small.start` names. Raises ModelError."""
    model, small = PeopleModel(shape, settings.engine, settings.dropout), settings.small
    if small.start:
        found = load(Path(small.start))
        if found.shape != shape:
            raise ModelError(f"{small.start} is of other sizes: {found.shape}.", f"Name weights of {shape}.")
        model.load_state_dict({name: torch.tensor(value) for name, value in found.tensors.items()})
    elif small.init == "ggd":
        begin_as_ggd(model, small.init_shape, settings.seed)
    return model


def constrained(model: PeopleModel, material: Material, settings: Settings) -> RateConstraint | None:
    """What keeps the weights small, where the settings ask for it."""
    small = settings.small
    if not small.active:
        return None
    steps: dict[str, float] = {}
    if small.quantise > 0.0:
        tensors = {name: p.detach().cpu().numpy() for name, p in model.named_parameters()}
        plain = PeopleModel(model.shape, "loop", 0.0)
        plain.load_state_dict({name: value.cpu() for name, value in model.state_dict().items()})
        groups = [group.to("cpu") for group in material.held]
        steps = steps_by_sensitivity(tensors, people_sensitivity(plain, groups), small.quantise, small.protect)
    return RateConstraint(model, small, steps)
