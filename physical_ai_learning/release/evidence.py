"""What the gate looked at, number by number, and how sure a difference is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array

DRAWS: Final = 2000
LEVEL: Final = 0.975  # the upper end of a 95 % interval


@dataclass(frozen=True)
class Check:
    """One bound. `value` of the candidate, or of candidate minus incumbent; `reason` in words where it is not kept."""

    part: str
    name: str
    value: float
    bound: str
    kept: bool
    detail: str = ""

    @property
    def reason(self) -> str:
        return f"{self.part}: {self.name} is {self.value:.4g}, {self.bound}" + (
            f" ({self.detail})" if self.detail else ""
        )


def at_most(part: str, name: str, value: float, bound: float, detail: str = "") -> Check:
    """Not a number is never kept."""
    return Check(part, name, _rounded(value), f"at most {bound:g}", bool(value <= bound), detail)


def within(part: str, name: str, value: float, low: float, high: float, detail: str = "") -> Check:
    return Check(part, name, _rounded(value), f"{low:g} to {high:g}", bool(low <= value <= high), detail)


def upper(difference: Array, cluster: NDArray[np.int64], seed: int) -> tuple[float, float]:
    """Mean of paired differences (n,), and the upper end of its 95 % interval by a bootstrap over clusters (n,): people
    of one window, or one run, are not independent of each other."""
    _, place = np.unique(cluster, return_inverse=True)
    sums = np.bincount(place, weights=difference)
    counts = np.bincount(place).astype(float)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(sums), size=(DRAWS, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return float(difference.mean()), float(np.quantile(means, LEVEL))


def _rounded(value: float) -> float:
    """Six digits: what differs between two processors differs beyond them."""
    return float(f"{value:.6g}")
