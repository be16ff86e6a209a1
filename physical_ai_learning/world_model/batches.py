"""Windows as tensors: tokenised once, gathered window by window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from physical_ai_core.geometry import Array
from physical_ai_learning.world_model.windows import AHEAD, Windows
from physical_ai_world_model.ssm.decoder import PATH_SHARES
from physical_ai_world_model.ssm.tokens import AGE_S, BLEND, LEAST_SPEED_MPS, tokenise

SHARE_STEPS = slice(AHEAD // len(PATH_SHARES) - 1, None, AHEAD // len(PATH_SHARES))  # the shares as steps


class Batch(NamedTuple):
    """Everything the model and its loss need; own-frame quantities of N people, P of them to be predicted."""

    features: Tensor  # (N, T, F)
    dt_s: Tensor  # (N, T)
    target: Tensor  # (P,) rows of those to be predicted
    edges: Tensor  # (P, M, E)
    near: Tensor  # (P, M)
    log_horizon: Tensor  # (P,)
    own_mps: Tensor  # (P, 2)
    horizon_s: float
    truth_m: Tensor  # (P, 12, 2) about the last position


@dataclass(frozen=True)
class Group:
    """One set of windows of the same times, on a device."""

    velocities: Tensor  # (N, T, 3, 2)
    dt_s: Tensor  # (N, T)
    age_s: Tensor  # (N, T)
    xy_m: Tensor  # (N, 2)
    ahead_m: Tensor  # (N, 12, 2) about xy_m; not a number for those who leave
    near: Tensor  # (N, M)
    start: Tensor  # (W + 1,) first row of each window
    step_s: float

    @property
    def windows(self) -> int:
        return len(self.start) - 1

    def to(self, device: str) -> Group:
        moved = {k: v.to(device) for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **moved)


def group_of(windows: Windows, noise_m: float = 0.0, forget: float = 0.0, seed: int = 0) -> Group:
    """Tokenise windows. `noise_m`: on what is seen, of another size for each person, from nearly none to a few times
    this (recordings and trackers differ); `forget`: the share of people whose beginning is not seen."""
    rng = np.random.default_rng(seed)
    size_m = noise_m * (0.1 + rng.normal(size=(len(windows.seen_m), 1, 1)) ** 2) if noise_m > 0.0 else 0.0
    seen = windows.seen_m + size_m * rng.normal(size=windows.seen_m.shape)
    steps = seen.shape[1]
    if forget > 0.0:
        known = np.where(rng.random(len(seen)) < forget, rng.integers(2, steps + 1, len(seen)), steps)
        seen = np.where((np.arange(steps) < steps - known[:, None])[..., None], np.nan, seen)
    stamps = np.broadcast_to(windows.stamps_s, seen.shape[:2])
    velocities, dt_s, age_s = tokenise(stamps, seen)
    now = seen[:, -1]
    counts = np.bincount(windows.window)
    start = torch.tensor(np.concatenate([[0], np.cumsum(counts)]))
    return Group(
        _real(velocities), _real(dt_s), _real(age_s), _real(now), _real(windows.ahead_m - now[:, None]),
        torch.tensor(windows.near), start, windows.step_s,
    )  # fmt: skip


def _real(values: Array) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def part_of(windows: Windows, chosen: NDArray[np.int64]) -> Windows:
    """The windows of the given numbers (sorted), rows counted anew."""
    kept = np.isin(windows.window, chosen)
    rank = np.cumsum(kept) - 1
    near = windows.near[kept]
    near = np.where(near >= 0, rank[near], -1)
    _, window = np.unique(windows.window[kept], return_inverse=True)
    return Windows(window, windows.stamps_s, windows.step_s, windows.seen_m[kept], windows.ahead_m[kept], near)


def assemble(group: Group, windows: Tensor) -> Batch:
    """Whole windows as they are, to be judged by."""
    device = group.xy_m.device
    first, last = group.start[windows.to(device)], group.start[windows.to(device) + 1]
    sizes = last - first
    offset = torch.cumsum(sizes, 0) - sizes
    window = torch.repeat_interleave(torch.arange(len(sizes), device=device), sizes)
    rows = torch.arange(len(window), device=device) - offset[window] + first[window]
    near = group.near[rows]
    near = torch.where(near >= 0, near - first[window][:, None] + offset[window][:, None], near)
    velocities, xy, ahead = group.velocities[rows], group.xy_m[rows], group.ahead_m[rows]
    horizon_s = group.step_s * AHEAD
    target = torch.nonzero(torch.isfinite(ahead[:, -1, 0]))[:, 0]
    now, near = velocities[:, -1], near[target]
    v, frame, who = now[:, 0], direction(now[target]), near.clamp(min=0)
    at = constant(PATH_SHARES, device)[:, None] * horizon_s
    paths = (xy[:, None] + at * v[:, None])[who]  # (P, M, 4, 2)
    known = torch.zeros(near.shape, device=device)
    edges = edge_tensor(xy[target], v[target], frame, xy[who], v[who], paths, known, horizon_s)
    log_horizon = torch.full((len(target),), float(np.log(horizon_s / 4.8)), device=device)
    return Batch(
        feature_tensor(velocities, group.age_s[rows]), group.dt_s[rows], target, edges, near, log_horizon,
        into(frame, v[target]), horizon_s, into(frame[:, None], ahead[target]),
    )  # fmt: skip


@lru_cache(maxsize=64)
def constant(values: tuple[float, ...], device: torch.device) -> Tensor:
    """A vector that is moved to the device once."""
    return torch.tensor(values, dtype=torch.float32, device=device)


def direction(now: Tensor) -> Tensor:
    """Unit vectors (N, 2) from velocities [v, short, long] (N, 3, 2)."""
    along = (1.0 - BLEND) * now[..., 0, :] + BLEND * now[..., 1, :]
    size = along.norm(dim=-1, keepdim=True)
    return torch.where(size > 1e-6, along / size.clamp(min=1e-6), constant((1.0, 0.0), along.device))


def into(frame: Tensor, vector: Tensor) -> Tensor:
    """Components along and to the left of a direction."""
    c, s = frame[..., 0], frame[..., 1]
    return torch.stack([vector[..., 0] * c + vector[..., 1] * s, vector[..., 1] * c - vector[..., 0] * s], -1)


def feature_tensor(velocities: Tensor, age_s: Tensor) -> Tensor:
    """`tokens.features` for torch."""
    frame = direction(velocities)
    along = (1.0 - BLEND) * velocities[..., 0, :] + BLEND * velocities[..., 1, :]
    parts = [into(frame, velocities[..., k, :]) for k in range(3)]
    speed = along.norm(dim=-1, keepdim=True)
    return torch.cat([*parts, torch.log(speed + LEAST_SPEED_MPS), torch.exp(-age_s / AGE_S)[..., None]], -1)


def edge_tensor(
    xy: Tensor, v: Tensor, frame: Tensor, other: Tensor, other_v: Tensor, path: Tensor, told: Tensor, horizon_s: float
) -> Tensor:
    """`decoder.edge_features` for torch."""
    own = frame[:, None]
    away, rate = into(own, other - xy[:, None]), into(own, other_v - v[:, None])
    distance = away.norm(dim=-1, keepdim=True)
    closing = -(away * rate).sum(-1, keepdim=True) / (rate.pow(2).sum(-1, keepdim=True) + 0.05)
    shares = constant(PATH_SHARES, xy.device)[:, None] * horizon_s
    mine = xy[:, None] + shares * v[:, None]
    meet = into(own[:, :, None], path - mine[:, None])
    near = torch.exp(-meet.norm(dim=-1))
    return torch.cat(
        [
            away / 4.0, rate, into(own, other_v), torch.exp(-distance / 2.0), distance / 8.0,
            closing.clamp(0.0, 8.0) / 4.0, (meet / 8.0).clamp(-2.0, 2.0).flatten(2), near, told[..., None],
        ],
        -1,
    )  # fmt: skip
