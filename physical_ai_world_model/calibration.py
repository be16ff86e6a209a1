"""Calibration: how much wider or narrower the stated spread must be for 90 % regions to hold 90 %.

Split conformal prediction (Vovk et al. 2005; Angelopoulos and Bates 2021) with the covariance's scale as the score:
for each of some shares of the horizon, the factor with which the highest density region of 90 % holds 90 % of what was
held back from training. A place that no recording shows differs from all of them as they differ from each other, so the
factors of several recordings are taken at their third quartile, not at their mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_world_model.mixture import levels

LEVEL: Final = 0.9
SEARCHED: Final = (0.05, 30.0)  # factors
HALVINGS: Final = 9


@dataclass(frozen=True)
class Calibration:
    """Factor (m,) on the covariance at shares (m,) of the horizon; between them linear."""

    share: Array
    factor: Array

    @staticmethod
    def none() -> Calibration:
        return Calibration(np.array([0.0, 1.0]), np.ones(2))

    @staticmethod
    def read(data: Mapping[str, Any]) -> Calibration:
        """From a file's data; none when it says nothing."""
        if not data:
            return Calibration.none()
        return Calibration(np.array(data["share"], dtype=float), np.array(data["factor"], dtype=float))

    def data(self) -> dict[str, list[float]]:
        return {"share": [round(float(v), 4) for v in self.share], "factor": [round(float(v), 4) for v in self.factor]}

    def at(self, share: Array) -> Array:
        """Factors at shares of the horizon."""
        return np.asarray(np.interp(share, self.share, self.factor))


def fit(
    mean: Array, covariance: Array, weight: Array, truth: Array, shares: Array, level: float = LEVEL
) -> Calibration:
    """mean (n, K, m, 2), covariance (n, K, m, 3), weight (n, K), truth (n, m, 2) at shares (m,) of the horizon."""
    n = len(truth)
    wanted = min(1.0, float(np.ceil((n + 1) * level) / n))
    found = []
    for k in range(len(shares)):
        low, high = SEARCHED
        for _ in range(HALVINGS):
            middle = float(np.sqrt(low * high))
            inside = levels(mean[:, :, k], middle * covariance[:, :, k], weight, truth[:, k]) <= level
            low, high = (low, middle) if inside.mean() >= wanted else (middle, high)
        found.append(high)
    return Calibration(np.asarray(shares, dtype=float), np.array(found))


def across(parts: Sequence[Calibration], quantile: float = 0.75) -> Calibration:
    """One calibration for places like those of the parts, which have the same shares."""
    factors = np.stack([part.factor for part in parts])
    return Calibration(parts[0].share, np.exp(np.quantile(np.log(factors), quantile, axis=0)))
