"""From sensor to command: how old the newest scan was when a command, or a trajectory, was said.

For every `cmd_vel` (or `controller/trajectory`) its own header stamp minus that of the newest `scan` with a stamp not
after it, while the robot moves. Both are in the graph's clock: on a robot the system clocks of the sensor's driver and
of the node that speaks, the same machine or kept together by PTP; in simulation its steps of time. It is the age of
what could be known: it grows by what is lost or late between sensor and command, swings by the sensor's own period, and
does not say how long the way through the objects and their prediction was. Commands that carry no stamp (Twist) and
those later than a second after any scan are not counted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

LONGEST_S: Final = 1.0
BINS: Final = 1000  # of 1 ms
SCANS: Final = 64
OFTEN: Final = ("scan", "cmd_vel", "controller/trajectory")
WAYS: Final = ("cmd_vel", "controller/trajectory")


class LatencyWatch:
    """Counts in bins of 1 ms, so that memory stays bounded and the figures of a mission are a difference of counts."""

    def __init__(self) -> None:
        self.counts = {way: np.zeros(BINS, dtype=np.int64) for way in WAYS}
        self._scans: deque[float] = deque(maxlen=SCANS)
        self._waiting: list[tuple[str, float]] = []

    def hear(self, topic: str, stamp_s: float, counted: bool) -> None:
        """Take the header stamp of a scan or of a command; `counted`: the robot moves."""
        if not stamp_s > 0.0:  # NaN: no header
            return
        if topic == "scan":
            if self._scans and stamp_s < self._scans[-1]:  # the clock was set back, or late by the wire
                self._scans.clear()
            self._scans.append(stamp_s)
        elif counted and self._scans:
            scans = list(self._scans)
            found = bisect_right(scans, stamp_s)
            if found:
                age_s = stamp_s - scans[found - 1]
                if age_s < LONGEST_S:
                    self.counts[topic][int(age_s * BINS / LONGEST_S)] += 1

    def copy(self) -> dict[str, NDArray[np.int64]]:
        return {way: counts.copy() for way, counts in self.counts.items()}


def quantile_s(counts: NDArray[np.int64], share: float) -> float | None:
    """Upper edge of the bin that holds this share of the counts; None where there are none."""
    total = int(counts.sum())
    if total == 0:
        return None
    return (int(np.searchsorted(np.cumsum(counts), share * total)) + 1) * LONGEST_S / BINS
