"""Which windows come in which batch, and what is drawn by chance in each: from the seed and the count alone.

Nothing is carried from batch to batch, so a training that goes on at (pass, index) draws what one that was never
stopped draws, and every worker of a crew knows the whole batch of which it takes its share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from physical_ai_core.geometry import Array
from physical_ai_learning.training.parallel import share
from physical_ai_learning.world_model.batches import Group

TARGET_SHARE = 0.7  # room for people to be predicted, of the rows
ORDER, DRAW = 1, 2  # streams of chance


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

    def take(self, draft: Draft) -> None:
        """Write a batch into the slots; what is spare is nobody."""
        _put(self.rows, draft.rows, 0)
        _put(self.factor, draft.factor, 1.0)
        _put(self.target, draft.target, 0)
        _put(self.near, draft.near, -1)
        _put(self.told, draft.told, -1.0)
        _put(self.weight, draft.weight, 0.0)


@dataclass(frozen=True)
class Draft:
    """One worker's share of a batch, on the host; sizes as they come."""

    rows: NDArray[np.int64]
    near: NDArray[np.int64]
    factor: Array
    target: NDArray[np.int64]
    weight: Array
    told: Array


class Planner:
    """Cuts a group's windows into batches of at most N rows and P targets, and draws what is drawn."""

    def __init__(self, group: Group, rows: int, stretch: float, told: float, seed: int, workers: int = 1) -> None:
        """`rows`: of a whole batch, whoever takes part in it."""
        self._start = group.start.cpu().numpy()
        self._near = group.near.cpu().numpy()
        self._stays = np.isfinite(group.ahead_m[:, -1, 0].cpu().numpy())
        self._people = np.diff(self._start)
        self._targets = np.add.reduceat(self._stays.astype(np.int64), self._start[:-1])
        self.rows = max(rows, int(self._people.max()))
        self.targets = max(int(TARGET_SHARE * rows), int(self._targets.max()))
        self._stretch, self._told, self._seed, self._workers = stretch, told, seed, workers

    def batches(self, number: int) -> list[NDArray[np.int64]]:
        """Pass `number` over every window, in random order."""
        order = np.random.default_rng([self._seed, ORDER, number]).permutation(len(self._people))
        found, first, people, targets = [], 0, 0, 0
        for k, window in enumerate(order):
            people, targets = people + self._people[window], targets + self._targets[window]
            if people > self.rows or targets > self.targets:
                found.append(order[first:k])
                first, people, targets = k, self._people[window], self._targets[window]
        found.append(order[first:])
        return [windows for windows in found if len(windows)]

    def draft(self, windows: NDArray[np.int64], step: int, rank: int = 0) -> Draft:
        """The share of worker `rank` in the batch of these windows at step `step`.

        Weights of all workers' targets add up to their number, so that the mean of their gradients is the batch's.
        """
        rng = np.random.default_rng([self._seed, DRAW, step])
        sizes = self._people[windows]
        stretch = np.exp(rng.uniform(-self._stretch, self._stretch, len(sizes)))
        flip = np.where(rng.random(len(sizes)) < 0.5, -1.0, 1.0)
        total = int(self._targets[windows].sum())
        tells = rng.random(total)
        whom = rng.random((total, self._near.shape[1]))
        part = share([int(n) for n in sizes], self._workers)[rank]
        before = int(self._targets[windows[: part.start]].sum())
        windows, sizes, stretch, flip = windows[part], sizes[part], stretch[part], flip[part]
        offset = np.cumsum(sizes) - sizes
        window = np.repeat(np.arange(len(sizes)), sizes)
        rows = np.arange(len(window)) - offset[window] + self._start[windows][window]
        target = np.flatnonzero(self._stays[rows])
        near = self._near[rows[target]]
        shift = (offset - self._start[windows])[window[target]]
        own = slice(before, before + len(target))
        return Draft(
            rows, np.where(near >= 0, near + shift[:, None], -1), np.column_stack([stretch, stretch * flip])[window],
            target, np.full(len(target), self._workers / max(total, 1)),
            np.where(tells[own, None] < self._told, whom[own], -1.0),
        )  # fmt: skip

    def slots(self, device: str, neighbours: int) -> Slots:
        """Empty ones of the size of one worker's share."""
        n, p = self.rows, self.targets
        if self._workers > 1:
            n = min(n, -(-n // self._workers) + 2 * int(self._people.max()))
            p = min(p, n)
        whole = {"dtype": torch.int64, "device": device}
        real = {"dtype": torch.float32, "device": device}
        return Slots(
            torch.zeros(n, **whole), torch.zeros(p, neighbours, **whole), torch.ones(n, 2, **real),  # type: ignore[arg-type]
            torch.zeros(p, **whole), torch.zeros(p, **real), torch.zeros(p, neighbours, **real),  # type: ignore[arg-type]
            torch.zeros((), **real),  # type: ignore[arg-type]
        )  # fmt: skip


def passage(planners: Sequence[Planner], seed: int, number: int) -> list[tuple[int, NDArray[np.int64]]]:
    """Pass `number` over every group: (group, windows) of each batch, shuffled."""
    plan = [(k, windows) for k, planner in enumerate(planners) for windows in planner.batches(number)]
    order = np.random.default_rng([seed, ORDER, number]).permutation(len(plan))
    return [plan[k] for k in order]


def _put(slot: Tensor, values: NDArray[np.generic], rest: float) -> None:
    padded = np.full(tuple(slot.shape), rest, dtype=np.int64 if slot.dtype == torch.int64 else np.float32)
    padded[: len(values)] = values
    slot.copy_(torch.from_numpy(padded), non_blocking=True)
