"""Lone returns of rain, snow, dust and grass tips are left out of a sweep; thin things that stay are not.

A return needs support: in space, from a neighbouring ray that ends nearly as far; or in time, from lone returns at the
same place in several of the last sweeps. What has neither says nothing, neither a thing nor free space.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_perception.objects.sweep import Sweep

NEIGHBOURS: Final = 2  # rays on either side that may support a return
NEAR_M: Final = 0.15  # difference of range to a supporting neighbour …
NEAR_RAYS: Final = 6.0  # … and so many ray spacings more: a wall seen at a slant
SAME_PLACE_M: Final = 0.1  # between the sweeps, and one ray spacing more
REMEMBERED: Final = 8  # sweeps
REMEMBERED_S: Final = 1.0
SEEN_AGAIN: Final = 3  # of the remembered sweeps, for support in time
MOST_LONE: Final = 400  # of one sweep: bounded work, whatever the weather


class Speckle:
    """`clean` takes one sweep after another, in the order of their stamps."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, Array]] = deque(maxlen=REMEMBERED)

    def forget(self) -> None:
        """The clock was set."""
        self._past.clear()

    def clean(self, sweep: Sweep) -> Sweep:
        """The sweep without unsupported returns; their rays are NaN."""
        lone = np.flatnonzero(~_beside(sweep)[sweep.rays])
        points = sweep.points[lone]
        kept = self._again(sweep, points)
        self._past.append((sweep.stamp_s, points[:MOST_LONE]))
        if kept.all():
            return sweep
        gone = lone[~kept]
        ranges = sweep.ranges.copy()
        ranges[sweep.rays[gone]] = np.nan
        left = np.ones(len(sweep.rays), dtype=bool)
        left[gone] = False
        return Sweep(
            sweep.stamp_s, ranges, sweep.range_max, sweep.points[left], sweep.rays[left], sweep.origin, sweep.bearing0,
            sweep.increment,
        )  # fmt: skip

    def _again(self, sweep: Sweep, points: Array) -> NDArray[np.bool_]:
        """Lone returns (L,) that were there in enough of the last sweeps."""
        fresh = [past for stamp_s, past in self._past if len(past) and 0.0 <= sweep.stamp_s - stamp_s <= REMEMBERED_S]
        if not len(points) or len(fresh) < SEEN_AGAIN:
            return np.zeros(len(points), dtype=bool)
        first = np.cumsum([0, *(len(past) for past in fresh[:-1])])
        past = np.concatenate(fresh)
        x, y = points[:, 0, None] - past[:, 0], points[:, 1, None] - past[:, 1]
        squared = x * x + y * y
        reach = SAME_PLACE_M + sweep.increment * np.hypot(
            points[:, 0] - sweep.origin[0], points[:, 1] - sweep.origin[1]
        )
        seen = (np.minimum.reduceat(squared, first, axis=1) < (reach * reach)[:, None]).sum(axis=1)
        seen[MOST_LONE:] = 0
        return np.asarray(seen >= SEEN_AGAIN)


def _beside(sweep: Sweep) -> NDArray[np.bool_]:
    """Rays (N,) with a neighbour that ends nearly as far. Only those without one beside them look further."""
    ranges, count = sweep.ranges, len(sweep.ranges)
    supported = np.zeros(count, dtype=bool)
    with np.errstate(invalid="ignore"):  # inf - inf: two rays without a return support nothing
        close = np.abs(ranges[1:] - ranges[:-1]) < NEAR_M + NEAR_RAYS * sweep.increment * ranges[1:]
        supported[1:] = close
        supported[:-1] |= close
        lone = sweep.rays[~supported[sweep.rays]]
        for step in (*range(-NEIGHBOURS, 0), *range(1, NEIGHBOURS + 1)):
            beside = (lone + step) % count if sweep.full_circle else np.minimum(np.maximum(lone + step, 0), count - 1)
            near = np.abs(ranges[beside] - ranges[lone]) < NEAR_M + NEAR_RAYS * sweep.increment * ranges[lone]
            supported[lone] |= near & (beside != lone)
    return supported
