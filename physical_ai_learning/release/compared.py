"""What every gate compares alike: distance from the full-precision model, stated regions, paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_learning.release.evidence import Check, at_most, upper, within
from physical_ai_learning.release.thresholds import DeviationBounds

PREDICTION: Final = "prediction"
LEVEL: Final = 0.9


class Regions(Protocol):
    """Bounds of the share inside the stated 90 % regions, and how much farther off than the incumbent's it may be."""

    @property
    def coverage_least(self) -> float: ...
    @property
    def coverage_most(self) -> float: ...
    @property
    def coverage_margin(self) -> float: ...


def check_deviation(away_m: Array, ratio: Array, bounds: DeviationBounds) -> list[Check]:
    """Distances of forecasts, and ratios of their spread (1 or more), from those of the full-precision model."""
    part, count = "deviation", f"of {len(away_m)} forecasts"
    return [
        at_most(
            part, "p99.9 from the full-precision model, m", float(np.quantile(away_m, 0.999)), bounds.p99_9_m, count
        ),
        at_most(part, "max from the full-precision model, m", float(away_m.max()), bounds.max_m, count),
        at_most(part, "max ratio of the spread", float(ratio.max()), bounds.spread_ratio_max, count),
    ]


def check_regions(inside: Array, incumbents: Array, times_s: Sequence[float], bounds: Regions) -> list[Check]:
    """Inside the 90 % region at each time, (n, t): within the bounds, or no worse than an incumbent that is not."""
    found = []
    for time_s, here, there in zip(times_s, inside.mean(axis=0), incumbents.mean(axis=0), strict=True):
        name = f"coverage at {time_s:.1f} s"
        low, high = min(bounds.coverage_least, float(there)), max(bounds.coverage_most, float(there))
        found.append(within(PREDICTION, name, float(here), low, high, f"incumbent {there:.3f}"))
        off = abs(float(here) - LEVEL) - abs(float(there) - LEVEL)
        found.append(at_most(PREDICTION, f"{name}, farther from 90 % than the incumbent", off, bounds.coverage_margin))
    return found


def check_paired(
    name: str, mine: Array, theirs: Array, cluster: NDArray[np.int64], margin: float, seed: int, what: str
) -> Check:
    """Of paired figures (n,), less being better: the upper end of the mean difference's interval."""
    with np.errstate(all="ignore"):
        mean, high = upper(mine - theirs, cluster, seed)
    detail = f"incumbent {theirs.mean():.4f}, mean difference {mean:.4f}, {len(mine)} {what}"
    return at_most(PREDICTION, f"{name} more than the incumbent's, upper end", high, margin, detail)
