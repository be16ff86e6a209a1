"""How late the gate sees: the age of its newest scan, over the last seconds, lengthens the reaction time.

ISO 13855 counts every part of the delay from an event to the beginning of braking. The rule's `reaction_s` is the
declared whole; where the measured part is longer, it holds. It can only lengthen, so lateness only slows the robot.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque

WINDOW_S = 5.0
SHARE = 0.99  # of the ages in the window; the rest are hiccups, which the watchdog's limit bounds
LONGEST_S = 2.0  # an age beyond this counts as this: the watchdog has stopped the robot long before


class Reaction:
    """Sliding 99th percentile of the age of what the gate sees, looked at once a tick: all time counts alike."""

    def __init__(self, actuator_s: float) -> None:
        """`actuator_s`: from the command to the beginning of braking, as declared."""
        self._actuator_s = actuator_s
        self._ages: deque[tuple[float, float]] = deque()  # (when, age)
        self._sorted: list[float] = []

    def note(self, now_s: float, age_s: float) -> None:
        """At `now_s` the newest scan was `age_s` old; counted once a moment. What is no number is the longest."""
        if self._ages and now_s <= self._ages[-1][0]:
            return
        age_s = min(max(age_s, 0.0), LONGEST_S) if math.isfinite(age_s) else LONGEST_S
        self._ages.append((now_s, age_s))
        insort(self._sorted, age_s)
        while now_s - self._ages[0][0] > WINDOW_S:
            _, old = self._ages.popleft()
            del self._sorted[bisect_left(self._sorted, old)]

    @property
    def reaction_s(self) -> float:
        """Measured age and declared actuator together; 0 before anything was measured."""
        if not self._sorted:
            return 0.0
        return self._sorted[math.ceil(SHARE * len(self._sorted)) - 1] + self._actuator_s

    def forget(self) -> None:
        """The clock jumped."""
        self._ages.clear()
        self._sorted.clear()
