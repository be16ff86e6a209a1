"""Windows to learn from and to be judged by: what was seen of everybody, and where who stayed went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_learning.world_model.recordings import Recording, splines

SEEN = 8  # samples of the published protocol: 8 seen, 12 to come
AHEAD = 12
NEIGHBOURS = 12
REACH_M = 12.0
TINY_S = 1e-6


@dataclass(frozen=True)
class Windows:
    """N people in W windows, window by window. Those who stay throughout are to be predicted, the others are seen.

    window (N,) index of the window, rising; stamps_s (T,) of what is seen, the last is 0; step_s of what is to come;
    seen_m (N, T, 2), not a number where absent; ahead_m (N, 12, 2), not a number but for those who stay;
    near (N, 12) rows of the nearest others in the same window, -1 where there are fewer.
    """

    window: NDArray[np.int64]
    stamps_s: Array
    step_s: float
    seen_m: Array
    ahead_m: Array
    near: NDArray[np.int64]

    @property
    def stays(self) -> NDArray[np.bool_]:
        return np.isfinite(self.ahead_m[:, -1, 0])


def protocol_windows(recording: Recording, stride: int = 1) -> Windows:
    """The published protocol: every 20 consecutive frames in which at least one person is present throughout."""
    total = SEEN + AHEAD
    table = np.full((recording.steps, len(recording.tracks), 2), np.nan)
    for k, track in enumerate(recording.tracks):
        table[track.steps, k] = track.xy_m
    parts = [np.swapaxes(table[k : k + total], 0, 1) for k in range(0, recording.steps - total + 1, stride)]
    stamps_s: Array = np.arange(1 - SEEN, 1, dtype=np.float64) * recording.step_s
    return _collect(parts, SEEN, stamps_s, recording.step_s)


def resampled_windows(
    recording: Recording, seen_step_s: float, seen_count: int, ahead_step_s: float, stride_s: float
) -> Windows:
    """Windows on another grid of time, positions from a spline through each track."""
    tracks = splines(recording)
    stamps_s: Array = np.arange(1 - seen_count, 1, dtype=np.float64) * seen_step_s
    grid_s = np.concatenate([stamps_s, np.arange(1, AHEAD + 1) * ahead_step_s])
    first_s, last_s = (np.array([track[k] for track in tracks]) for k in (0, 1))
    parts = []
    for now_s in np.arange(first_s.min() - grid_s[0], last_s.max() - grid_s[-1] + TINY_S, stride_s):
        at_s = now_s + grid_s
        here = np.flatnonzero((first_s <= at_s[seen_count - 2] + TINY_S) & (last_s >= now_s - TINY_S))
        part = np.full((len(here), len(grid_s), 2), np.nan)
        for row, k in enumerate(here):
            inside = (at_s >= first_s[k] - TINY_S) & (at_s <= last_s[k] + TINY_S)
            part[row, inside] = tracks[k][2](at_s[inside])
        parts.append(part)
    return _collect(parts, seen_count, stamps_s, ahead_step_s)


def _collect(parts: Sequence[Array], count: int, stamps_s: Array, step_s: float) -> Windows:
    """Of each part (people, frames, 2): keep who is seen now and just before; predict who stays throughout."""
    window: list[NDArray[np.int64]] = []
    seen: list[Array] = []
    ahead: list[Array] = []
    near: list[NDArray[np.int64]] = []
    rows = 0
    for part in parts:
        there: NDArray[np.bool_] = np.asarray(np.isfinite(part).all(axis=-1), dtype=np.bool_)
        stays: NDArray[np.bool_] = np.asarray(there.all(axis=1), dtype=np.bool_)
        if not stays.any():
            continue
        kept = there[:, count - 1] & there[:, count - 2]
        part, stays = part[kept], stays[kept]
        future = np.where(stays[:, None, None], part[:, count:], np.nan)
        window.append(np.full(len(part), len(window), dtype=np.int64))
        seen.append(part[:, :count])
        ahead.append(future)
        near.append(_nearest(part[:, count - 1], rows))
        rows += len(part)
    if not rows:
        empty = np.zeros((0, count, 2))
        return Windows(np.zeros(0, np.int64), stamps_s, step_s, empty, np.zeros((0, AHEAD, 2)),
                       np.zeros((0, NEIGHBOURS), np.int64))  # fmt: skip
    return Windows(
        np.concatenate(window), stamps_s, step_s, np.concatenate(seen), np.concatenate(ahead), np.concatenate(near)
    )


def _nearest(xy_m: Array, offset: int) -> NDArray[np.int64]:
    """Rows (n, 12) of the nearest others within reach, counted from `offset`."""
    away = np.hypot(*(xy_m[:, None] - xy_m).transpose(2, 0, 1))
    np.fill_diagonal(away, np.inf)
    order = np.argsort(away, axis=1, kind="stable")[:, :NEIGHBOURS]
    inside = np.take_along_axis(away, order, axis=1) < REACH_M
    found = np.full((len(xy_m), NEIGHBOURS), -1, dtype=np.int64)
    found[:, : order.shape[1]] = np.where(inside, order + offset, -1)
    return found
