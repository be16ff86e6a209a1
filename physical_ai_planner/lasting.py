"""What lasts of a report that jumps: somebody who begins to walk surprises for a moment, wrong ground for long."""

from __future__ import annotations

import math
from collections import deque
from statistics import median
from typing import Final

WINDOW_S: Final = 5.0
JUMP_BACK_S: Final = 0.5


class Lasting:
    """Median of the values of the last `WINDOW_S`; older ones, and those before a clock's jump back, are gone."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, float]] = deque()

    def take(self, value: float, stamp_s: float) -> None:
        """What is not a number, value or stamp, is left out."""
        if not math.isfinite(value + stamp_s):
            return
        if self._kept and stamp_s < self._kept[-1][0] - JUMP_BACK_S:
            self._kept.clear()
        self._kept.append((stamp_s, value))
        while self._kept[0][0] < stamp_s - WINDOW_S:
            self._kept.popleft()

    def value(self, now_s: float, stale_s: float) -> float | None:
        """None where nothing came, or the last report is older than `stale_s`."""
        if not self._kept or abs(now_s - self._kept[-1][0]) > stale_s:
            return None
        return float(median(value for _, value in self._kept))
