"""BARN's score, and what a set of runs comes to, with its doubt.

`s = success · OT / clip(AT, lo·OT, 8·OT)`: OT the optimal time, AT the time taken; lo is 2 since 2023 and was 4 in
2022, so the best score is 1/lo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from physical_ai_core.geometry import Array

LOW_NOW, LOW_2022, HIGH = 2.0, 4.0, 8.0
RESAMPLES: Final = 10_000


def score(success: bool, time_s: float, optimal_s: float, low: float = LOW_NOW) -> float:
    """Of one run; 0 without success."""
    return optimal_s / float(np.clip(time_s, low * optimal_s, HIGH * optimal_s)) if success else 0.0


class Estimate(NamedTuple):
    """A mean and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def estimate(values: Sequence[float], worlds: Sequence[int], seed: int = 0) -> Estimate:
    """Mean over runs; the interval by bootstrap over worlds, whose runs are no independent samples.

    Percentile bootstrap of clusters (Davison and Hinkley, Bootstrap Methods, 1997, chapter 3.8).
    """
    if not len(values):
        return Estimate(float("nan"), float("nan"), float("nan"))
    table = np.asarray(values, dtype=float)
    _, group = np.unique(np.asarray(worlds), return_inverse=True)
    sums, counts = np.bincount(group, table), np.bincount(group).astype(float)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (RESAMPLES, len(sums)))
    means: Array = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(table.mean()), float(low), float(high))


def shown(value: Estimate, form: Callable[[float], str] = "{:.3f}".format) -> str:
    """`mean [low, high]`."""
    return f"{form(value.mean)} [{form(value.low)}, {form(value.high)}]"
