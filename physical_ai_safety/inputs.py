"""When each input was last heard, by its stamps and by the steady clock; and what makes a message unusable."""

from __future__ import annotations

import math
from typing import NamedTuple

LONGEST_AGE_S = 999.0  # shown for what was never heard


class Heard:
    """Age of one input."""

    __slots__ = ("arrived", "limit_s", "stamp_s", "steady_s")

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self.stamp_s: float | None = None
        self.arrived = False  # since the last look at the steady clock
        self.steady_s: float | None = None

    def age_s(self, now_s: float) -> float:
        """By stamps; a stamp slightly ahead of the clock counts as now."""
        return LONGEST_AGE_S if self.stamp_s is None else min(max(0.0, now_s - self.stamp_s), LONGEST_AGE_S)


class Age(NamedTuple):
    name: str
    age_s: float


class Inputs:
    """Ages of all inputs. Stamps decide; the steady clock besides, for when the graph's clock stands or lies."""

    def __init__(self, limits_s: dict[str, float], future_s: float, steady_timeout_s: float) -> None:
        self._heard = {name: Heard(limit) for name, limit in limits_s.items()}
        self._future_s, self._steady_timeout_s = future_s, steady_timeout_s
        self._steady_s: float | None = None

    def check(self, name: str, stamp_s: float, now_s: float) -> str:
        """ "" where an input of this stamp may be used, else why not: nan, future, order."""
        if not math.isfinite(stamp_s):
            return "nan"
        if stamp_s > now_s + self._future_s:
            return "future"
        last_s = self._heard[name].stamp_s
        return "order" if last_s is not None and stamp_s < last_s else ""

    def note(self, name: str, stamp_s: float) -> None:
        """An input arrived and is in use from now on."""
        heard = self._heard[name]
        heard.stamp_s, heard.arrived = stamp_s, True

    def watch(self, steady_s: float) -> None:
        """The steady clock's reading; called at the tick, so what arrived since is at most a tick old."""
        self._steady_s = steady_s
        for heard in self._heard.values():
            if heard.arrived:
                heard.steady_s, heard.arrived = steady_s, False

    def never(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if self._heard[name].stamp_s is None)

    def stale(self, names: tuple[str, ...], now_s: float) -> tuple[Age, ...]:
        """Those of `names` older than their limit, by either clock."""
        return tuple(Age(name, age) for name in names if (age := self._too_old(self._heard[name], now_s)) > 0.0)

    def fresh(self, name: str, now_s: float) -> bool:
        heard = self._heard[name]
        return heard.stamp_s is not None and self._too_old(heard, now_s) == 0.0

    def forget(self) -> None:
        for heard in self._heard.values():
            heard.stamp_s, heard.steady_s, heard.arrived = None, None, False

    def _too_old(self, heard: Heard, now_s: float) -> float:
        """Age beyond the limit, else zero."""
        age = heard.age_s(now_s)
        if age > heard.limit_s:
            return age
        if self._steady_s is None or not self._steady_timeout_s or heard.steady_s is None:
            return 0.0
        silent = self._steady_s - heard.steady_s
        return silent if silent > self._steady_timeout_s else 0.0
