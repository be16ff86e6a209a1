"""One training step over whole windows, of fixed sizes, so that a GPU can replay it as one graph.

Sizes are fixed by padding: rows that nobody stands in, targets of weight zero. What a step draws by chance (which
windows, mirror, stretch, whose way is told) comes from the host; everything else happens on the device.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from physical_ai_learning.compression.backslash import RateConstraint
from physical_ai_learning.world_model.batches import (
    SHARE_STEPS,
    Group,
    constant,
    direction,
    edge_tensor,
    feature_tensor,
    into,
)
from physical_ai_learning.world_model.loss import losses_of, paths_of
from physical_ai_learning.world_model.network import PeopleModel
from physical_ai_learning.world_model.windows import AHEAD
from physical_ai_world_model.ssm.decoder import PATH_SHARES

TARGET_SHARE = 0.7  # room for people to be predicted, of the rows
PLAIN_STEPS = 3  # of each group before its graph is captured
KEPT = 0.998  # of the slow mean of the weights, a step


@dataclass
class Slots:
    """What changes from step to step, on the device: rows of the group, where the neighbours sit, factors, targets."""

    rows: Tensor  # (N,)
    near: Tensor  # (P, M) among the batch's rows, -1 nobody
    factor: Tensor  # (N, 2)
    target: Tensor  # (P,) among the batch's rows
    weight: Tensor  # (P,)
    told: Tensor  # (P, M) chance draw of whose way is told; the largest allowed one wins, below 0 none
    relax: Tensor  # ()


class Planner:
    """Cuts a group's windows into batches of at most N rows and P targets, and draws what is drawn."""

    def __init__(self, group: Group, rows: int, stretch: float, told: float, seed: int) -> None:
        self._start = group.start.cpu().numpy()
        self._near = group.near.cpu().numpy()
        self._stays = np.isfinite(group.ahead_m[:, -1, 0].cpu().numpy())
        self._people = np.diff(self._start)
        self._targets = np.add.reduceat(self._stays.astype(np.int64), self._start[:-1])
        self.rows = max(rows, int(self._people.max()))
        self.targets = max(int(TARGET_SHARE * rows), int(self._targets.max()))
        self._stretch, self._told = stretch, told
        self._rng = np.random.default_rng(seed)

    def batches(self) -> list[NDArray[np.int64]]:
        """One pass over every window in random order."""
        order = self._rng.permutation(len(self._people))
        found, first, people, targets = [], 0, 0, 0
        for k, window in enumerate(order):
            people, targets = people + self._people[window], targets + self._targets[window]
            if people > self.rows or targets > self.targets:
                found.append(order[first:k])
                first, people, targets = k, self._people[window], self._targets[window]
        found.append(order[first:])
        return found

    def fill(self, windows: NDArray[np.int64], slots: Slots) -> None:
        """Write one batch into the slots."""
        sizes = self._people[windows]
        offset = np.cumsum(sizes) - sizes
        window = np.repeat(np.arange(len(sizes)), sizes)
        rows = np.arange(len(window)) - offset[window] + self._start[windows][window]
        target = np.flatnonzero(self._stays[rows])
        near = self._near[rows[target]]
        shift = (offset - self._start[windows])[window[target]]
        near = np.where(near >= 0, near + shift[:, None], -1)
        stretch = np.exp(self._rng.uniform(-self._stretch, self._stretch, len(sizes)))
        flip = np.where(self._rng.random(len(sizes)) < 0.5, -1.0, 1.0)
        factor = np.column_stack([stretch, stretch * flip])[window]
        told = np.where(self._rng.random(len(target))[:, None] < self._told, self._rng.random(near.shape), -1.0)
        _put(slots.rows, rows, 0)
        _put(slots.factor, factor, 1.0)
        _put(slots.target, target, 0)
        _put(slots.near, near, -1)
        _put(slots.told, told, -1.0)
        _put(slots.weight, np.full(len(target), 1.0 / len(target)), 0.0)

    def slots(self, device: str, neighbours: int) -> Slots:
        """Empty ones of this planner's sizes."""
        n, p = self.rows, self.targets
        whole = {"dtype": torch.int64, "device": device}
        real = {"dtype": torch.float32, "device": device}
        return Slots(
            torch.zeros(n, **whole), torch.zeros(p, neighbours, **whole), torch.ones(n, 2, **real),  # type: ignore[arg-type]
            torch.zeros(p, **whole), torch.zeros(p, **real), torch.zeros(p, neighbours, **real),  # type: ignore[arg-type]
            torch.zeros((), **real),  # type: ignore[arg-type]
        )  # fmt: skip


def _put(slot: Tensor, values: NDArray[np.generic], rest: float) -> None:
    padded = np.full(tuple(slot.shape), rest, dtype=np.int64 if slot.dtype == torch.int64 else np.float32)
    padded[: len(values)] = values
    slot.copy_(torch.from_numpy(padded), non_blocking=True)


def batch_loss(model: PeopleModel, group: Group, slots: Slots, end: float, likelihood: float) -> Tensor:
    """The loss of what the slots describe."""
    velocities = group.velocities[slots.rows] * slots.factor[:, None, None]
    xy, ahead = group.xy_m[slots.rows] * slots.factor, group.ahead_m[slots.rows] * slots.factor[:, None]
    horizon_s = group.step_s * AHEAD
    now, target, who = velocities[:, -1], slots.target, slots.near.clamp(min=0)
    v, frame = now[:, 0], direction(now[target])
    at = constant(PATH_SHARES, xy.device)[:, None] * horizon_s
    truth = (xy[:, None] + ahead[:, SHARE_STEPS])[who]
    could = (slots.near >= 0) & torch.isfinite(truth).all(-1).all(-1)
    draw = slots.told.masked_fill(~could, -1.0)
    known = ((draw >= 0.0) & (draw >= draw.max(1, keepdim=True)[0])).float()
    straight = (xy[:, None] + at * v[:, None])[who]
    paths = torch.where(known[..., None, None] > 0, torch.nan_to_num(truth), straight)
    edges = edge_tensor(xy[target], v[target], frame, xy[who], v[who], paths, known, horizon_s)
    log_horizon = torch.full_like(slots.weight, float(np.log(horizon_s / 4.8)))
    features = feature_tensor(velocities, group.age_s[slots.rows])
    out = model(features, group.dt_s[slots.rows], target, edges, slots.near, log_horizon)
    goal = torch.nan_to_num(into(frame[:, None], ahead[target]))
    paths_ahead = paths_of(out, into(frame, v[target]), horizon_s, model.shape)
    return (losses_of(paths_ahead, goal, slots.relax, end, likelihood) * slots.weight).sum()


class Stepper:
    """Runs steps of one group; on a GPU, after a few plain ones, as one captured graph."""

    def __init__(
        self, model: PeopleModel, group: Group, planner: Planner, optimiser: torch.optim.Optimizer,
        mean: list[Tensor], end: float, likelihood: float, stream: torch.cuda.Stream | None,
        constraint: RateConstraint | None = None,
    ) -> None:  # fmt: skip
        """`stream`: where plain steps and the capture run, one for all steppers; None: no graph. `constraint`:
        keeps the weights small."""
        self._model, self._group, self.planner, self._optimiser, self._mean = model, group, planner, optimiser, mean
        self._end, self._likelihood, self._stream, self._constraint = end, likelihood, stream, constraint
        self.slots = planner.slots(str(group.xy_m.device), group.near.shape[1])
        self._graph: torch.cuda.CUDAGraph | None = None
        self._plain = 0

    def run(self, windows: NDArray[np.int64], rate: float, relax: float) -> None:
        """One step."""
        self.planner.fill(windows, self.slots)
        self.slots.relax.fill_(relax)
        for parameters in self._optimiser.param_groups:
            if isinstance(parameters["lr"], Tensor):
                parameters["lr"].fill_(rate)
            else:
                parameters["lr"] = rate
        if self._graph is not None:
            self._graph.replay()
        elif self._stream is None:
            self._once()
        else:
            self._on_stream(self._stream)

    def _on_stream(self, stream: torch.cuda.Stream) -> None:
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._once()
        torch.cuda.current_stream().wait_stream(stream)
        self._plain += 1
        if self._plain == PLAIN_STEPS:
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=stream):
                self._once()
            self._graph = graph

    def _once(self) -> None:
        self._optimiser.zero_grad(set_to_none=False)
        if self._constraint is not None:
            self._constraint.hold()
        batch_loss(self._model, self._group, self.slots, self._end, self._likelihood).backward()
        if self._constraint is not None:
            self._constraint.release()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimiser.step()
        if self._constraint is not None:
            self._constraint.shrink(self._optimiser.param_groups[0]["lr"])
        with torch.no_grad():
            torch._foreach_lerp_(self._mean, [p.detach() for p in self._model.parameters()], 1.0 - KEPT)


def mixed(steppers: list[Stepper], rng: np.random.Generator) -> Iterator[tuple[Stepper, NDArray[np.int64]]]:
    """One pass over every group's batches, shuffled."""
    plan = [(stepper, windows) for stepper in steppers for windows in stepper.planner.batches()]
    for k in rng.permutation(len(plan)):
        if len(plan[k][1]):
            yield plan[k]
