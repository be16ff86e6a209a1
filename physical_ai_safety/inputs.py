"""When each input was last heard, by its stamps and by the steady clock; and what makes a message unusable."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

LONGEST_AGE_S = 999.0  # shown for what was never heard
SHARE = 0.2  # of the newest interval in the mean: its memory is about five messages
FEWEST = 5  # intervals before a rate is judged


class Heard:
    """Age of one input."""

    __slots__ = ("arrived", "intervals", "limit_s", "mean_s", "min_rate_hz", "stamp_s", "steady_s")

    def __init__(self, limit_s: float, min_rate_hz: float) -> None:
        self.limit_s, self.min_rate_hz = limit_s, min_rate_hz
        self.forget()

    def forget(self) -> None:
        self.stamp_s: float | None = None
        self.arrived = False  # since the last look at the steady clock
        self.steady_s: float | None = None
        self.mean_s, self.intervals = math.nan, 0  # of the time between messages, lately; and how many there were

    def age_s(self, now_s: float) -> float:
        """By stamps; a stamp slightly ahead of the clock counts as now."""
        return LONGEST_AGE_S if self.stamp_s is None else min(max(0.0, now_s - self.stamp_s), LONGEST_AGE_S)

    def note(self, stamp_s: float) -> None:
        if self.stamp_s is not None:
            interval_s = min(stamp_s - self.stamp_s, LONGEST_AGE_S)
            self.mean_s = self.mean_s + SHARE * (interval_s - self.mean_s) if self.intervals else interval_s
            self.intervals += 1
        self.stamp_s, self.arrived = stamp_s, True


class Age(NamedTuple):
    name: str
    age_s: float


class Inputs:
    """Ages of all inputs. Stamps decide; the steady clock besides, for when the graph's clock stands or lies."""

    def __init__(
        self, limits_s: dict[str, float], future_s: float, steady_timeout_s: float,
        min_rate_hz: Mapping[str, float] | None = None,
    ) -> None:  # fmt: skip
        """Greatest ages (s) and least rates (Hz) by input; a rate of 0 is not looked at."""
        self._floors = dict(min_rate_hz or {})
        self._heard = {name: Heard(limit, self._floors.get(name, 0.0)) for name, limit in limits_s.items()}
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
        self._heard[name].note(stamp_s)

    def add(self, name: str, topic: str, limit_s: float) -> None:
        """One more input, with the least rate of its topic."""
        self._heard[name] = Heard(limit_s, self._floors.get(topic, 0.0))

    def slow(self, names: Iterable[str]) -> tuple[tuple[str, float], ...]:
        """Those of `names` that come more seldom than they should, and their rate in Hz."""
        found = ((name, self._heard[name]) for name in names)
        return tuple(
            (name, 1.0 / h.mean_s) for name, h in found
            if h.intervals >= FEWEST and h.mean_s * h.min_rate_hz > 1.0
        )  # fmt: skip

    def watch(self, steady_s: float) -> None:
        """The steady clock's reading; called at the tick, so what arrived since is at most a tick old."""
        self._steady_s = steady_s
        for heard in self._heard.values():
            if heard.arrived:
                heard.steady_s, heard.arrived = steady_s, False

    def stamp_s(self, name: str) -> float | None:
        """Stamp of the last one in use; None where there is none, or no such input."""
        heard = self._heard.get(name)
        return None if heard is None else heard.stamp_s

    def age_s(self, name: str, now_s: float) -> float:
        """Age of an input by its stamps."""
        return self._heard[name].age_s(now_s)

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
            heard.forget()

    def _too_old(self, heard: Heard, now_s: float) -> float:
        """Age beyond the limit, else zero."""
        age = heard.age_s(now_s)
        if age > heard.limit_s:
            return age
        if self._steady_s is None or not self._steady_timeout_s or heard.steady_s is None:
            return 0.0
        silent = self._steady_s - heard.steady_s
        return silent if silent > self._steady_timeout_s else 0.0
