"""Mixtures of Gaussians over the plane: the smallest region that holds a share, merging, and representative ways."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array

DRAWS: Final = 15  # points a mode from which the size of a region is told
GOLDEN_RAD: Final = np.pi * (3.0 - np.sqrt(5.0))


@lru_cache(maxsize=8)
def normal_points(count: int) -> Array:
    """Points (count, 2) that stand for the standard normal: radii at even steps of their distribution, directions by
    the golden angle. With 5, 15, 25 … of them, nine tenths of a single Gaussian are nine tenths exactly."""
    share = (np.arange(count) + 0.5) / count
    radius, angle = np.sqrt(-2.0 * np.log1p(-share)), GOLDEN_RAD * np.arange(count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)


def log_density(mean: Array, covariance: Array, weight: Array, at: Array) -> Array:
    """Of n mixtures at P points each: mean (n, K, 2), covariance [xx, xy, yy] (n, K, 3), weight (n, K), at (n, P, 2)
    → (n, P)."""
    xx, xy, yy = np.moveaxis(covariance, -1, 0)
    size = xx * yy - xy * xy
    dx, dy = np.moveaxis(at[:, :, None] - mean[:, None], -1, 0)  # (n, P, K)
    square = (yy[:, None] * dx * dx - 2 * xy[:, None] * dx * dy + xx[:, None] * dy * dy) / size[:, None]
    log = np.log(np.maximum(weight, 1e-12))[:, None] - 0.5 * square - 0.5 * np.log(size)[:, None] - np.log(2 * np.pi)
    top = log.max(axis=-1, keepdims=True)
    return np.asarray(top[..., 0] + np.log(np.exp(log - top).sum(axis=-1)))


def levels(mean: Array, covariance: Array, weight: Array, truth: Array, draws: int = DRAWS) -> Array:
    """Share (n,) of each mixture that is denser than where the truth (n, 2) is: at most 0.9 means that the smallest
    region of 90 % holds it (highest density region: Hyndman 1996)."""
    n, modes = weight.shape
    xx, xy, yy = np.moveaxis(covariance, -1, 0)
    first = np.sqrt(xx)
    low = xy / first
    second = np.sqrt(np.maximum(yy - low * low, 1e-12))
    z = normal_points(draws)
    points = np.stack([first[..., None] * z[:, 0], low[..., None] * z[:, 0] + second[..., None] * z[:, 1]], axis=-1)
    points = (mean[:, :, None] + points).reshape(n, modes * draws, 2)
    dense = log_density(mean, covariance, weight, points)
    there = log_density(mean, covariance, weight, truth[:, None])
    return np.asarray(((dense > there) * np.repeat(weight / draws, draws, axis=1)).sum(axis=1))


def merged(mean: Array, rate: Array, covariance: Array, weight: Array, count: int) -> tuple[Array, Array, Array, Array]:
    """At most `count` modes of the same first two moments: mean, rate (n, K, t, 2), covariance (n, K, t, 3), weight
    (n, K). The heaviest mode and those farthest from what was chosen (by weight and way) gather the others."""
    n, modes = weight.shape
    if modes <= count:
        return mean, rate, covariance, weight
    part, total = gathered(mean[:, :, [mean.shape[2] // 2, -1]].reshape(n, modes, 4), weight, count)
    x, y = mean[..., 0], mean[..., 1]
    everything = np.concatenate([mean, rate, covariance + np.stack([x * x, x * y, y * y], axis=-1)], axis=-1)
    pooled = (part @ everything.reshape(n, modes, -1)).reshape(n, count, *everything.shape[2:])
    x, y = pooled[..., 0], pooled[..., 1]
    spread = pooled[..., 4:] - np.stack([x * x, x * y, y * y], axis=-1)
    return pooled[..., :2], pooled[..., 2:4], spread, total


def gathered(way: NDArray[Any], weight: NDArray[Any], count: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Which of `count` groups each mode falls into, by ways (n, K, D) and weight (n, K): shares of the modes in each
    group (n, count, K), in the precision of the ways, and the groups' weights (n, count)."""
    n, rows = len(weight), np.arange(len(weight))
    apart = np.empty((n, count, weight.shape[1]), dtype=way.dtype)
    seat = weight.argmax(axis=1)
    away = np.full_like(way[..., 0], np.inf)
    for k in range(count):
        if k:
            seat = (away * weight).argmax(axis=1)
        apart[:, k] = ((way - way[rows, seat][:, None]) ** 2).sum(-1)
        np.minimum(away, apart[:, k], out=away)
    share = (apart.argmin(axis=1)[:, None] == np.arange(count)[:, None]) * weight[:, None]
    total = share.sum(axis=2)
    return (share / np.maximum(total, 1e-12)[:, :, None]).astype(way.dtype), total
