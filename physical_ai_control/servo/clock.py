"""A loop with absolute deadlines: when the next cycle is due, how late it came, how many were missed."""

from __future__ import annotations

import ctypes
import gc
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

BILLION: Final = 1_000_000_000
TIMER_ABSTIME: Final = 1
PER_DECADE: Final = 10
DECADES: Final = 7  # 1 µs to 10 s


class Histogram:
    """Counts in fixed logarithmic bins from 1 µs to 10 s: bounded memory however long it runs."""

    def __init__(self, per_decade: int = PER_DECADE) -> None:
        self._per_decade = per_decade
        edges: tuple[float, ...] = tuple(10.0 ** (i / per_decade) for i in range(per_decade * DECADES + 1))
        self._edges_us = (*edges, math.inf)
        self.counts = [0] * len(self._edges_us)  # the first below 1 µs, the last above 10 s
        self.most_us = 0.0

    def add(self, value_us: float) -> None:
        """Count one; negative counts as zero."""
        index = 0 if value_us < 1.0 else min(int(self._per_decade * math.log10(value_us)) + 1, len(self.counts) - 1)
        self.counts[index] += 1
        if value_us > self.most_us:
            self.most_us = value_us

    @property
    def total(self) -> int:
        return sum(self.counts)

    def percentile_us(self, percent: float) -> float:
        """Upper edge of the bin in which that share is reached (ten bins a decade: at most 26 % too high, 50: 4.7 %);
        never above the largest."""
        wanted, seen = percent / 100.0 * self.total, 0
        for edge, count in zip(self._edges_us, self.counts, strict=True):
            seen += count
            if count and seen >= wanted:
                return min(edge, self.most_us)
        return 0.0

    @classmethod
    def of_text(cls, text: str, per_decade: int = PER_DECADE) -> Histogram:
        """The reverse of `text`; the largest value is then the edge of the last bin that holds something."""
        found = cls(per_decade)
        for word in text.split():
            edge, count = word.split(":")
            index = len(found.counts) - 1 if edge == "inf" else round(per_decade * math.log10(float(edge)))
            found.counts[index] += int(count)
            found.most_us = max(found.most_us, float(edge))
        return found

    def since(self, earlier: Histogram) -> Histogram:
        """What was counted after `earlier`, a former state of the same histogram."""
        found = Histogram(self._per_decade)
        found.counts = [now - before for now, before in zip(self.counts, earlier.counts, strict=True)]
        found.most_us = max((e for e, n in zip(self._edges_us, found.counts, strict=True) if n), default=0.0)
        return found

    def text(self) -> str:
        """`upper edge in µs:count` of the bins that hold something."""
        pairs = zip(self._edges_us, self.counts, strict=True)
        return " ".join(f"{edge:.4g}:{count}" for edge, count in pairs if count)


class _Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


Sleep = Callable[[int], None]


def sleep_plain(due_ns: int) -> None:
    """Sleep until CLOCK_MONOTONIC shows `due_ns`, by Python's own relative sleep."""
    left_ns = due_ns - time.monotonic_ns()
    if left_ns > 0:
        time.sleep(left_ns * 1e-9)


def absolute_sleep() -> Sleep:
    """Sleep to an absolute moment of CLOCK_MONOTONIC in the kernel (POSIX clock_nanosleep), the plain one elsewhere.

    A relative sleep loses what happens between reading the clock and going to sleep.
    """
    try:
        nanosleep = ctypes.CDLL(None).clock_nanosleep
    except (OSError, AttributeError):
        return sleep_plain
    monotonic = time.CLOCK_MONOTONIC
    moment = _Timespec()
    place = ctypes.byref(moment)

    def sleep(due_ns: int) -> None:
        moment.seconds, moment.nanoseconds = divmod(due_ns, BILLION)
        while nanosleep(monotonic, TIMER_ABSTIME, place, None) != 0 and time.monotonic_ns() < due_ns:
            pass  # a signal woke it

    return sleep


class Cadence:
    """Cycles of one period on a fixed grid. A cycle that is missed is counted and left out, never caught up."""

    def __init__(self, rate_hz: float, sleep: Sleep | None = None, clock_ns: Callable[[], int] = time.monotonic_ns):
        self.period_ns = max(1, round(BILLION / rate_hz))
        self._sleep, self._clock_ns = sleep or absolute_sleep(), clock_ns
        self.late, self.between = Histogram(), Histogram()
        self.cycles = self.missed = self.over_1500_us = self.over_period_1500_us = 0
        self._due_ns = self._clock_ns() + self.period_ns
        self._last_ns = 0

    def restart(self) -> None:
        """Forget what was counted; the next cycle is one period away."""
        self.late, self.between = Histogram(), Histogram()
        self.cycles = self.missed = self.over_1500_us = self.over_period_1500_us = 0
        self._due_ns, self._last_ns = self._clock_ns() + self.period_ns, 0

    def wait(self) -> int:
        """Sleep until the next cycle; CLOCK_MONOTONIC in ns as it begins."""
        self._sleep(self._due_ns)
        now_ns = self._clock_ns()
        late_ns = max(0, now_ns - self._due_ns)
        self.late.add(late_ns * 1e-3)
        self.over_1500_us += late_ns > 1_500_000
        if self._last_ns:
            between_ns = now_ns - self._last_ns
            self.between.add(between_ns * 1e-3)
            self.over_period_1500_us += between_ns > self.period_ns * 3 // 2
        self.cycles += 1
        self._last_ns = now_ns
        left_out = late_ns // self.period_ns
        self.missed += left_out
        self._due_ns += (1 + left_out) * self.period_ns
        return now_ns

    def values(self) -> dict[str, str]:
        """For diagnostics: counts and lateness."""
        late = self.late
        return {
            "rate_hz": f"{BILLION / self.period_ns:.1f}",
            "cycles": str(self.cycles),
            "missed": str(self.missed),
            "late_p50_us": f"{late.percentile_us(50):.0f}",
            "late_p99_us": f"{late.percentile_us(99):.0f}",
            "late_max_us": f"{late.most_us:.0f}",
            "late_over_1500_us": str(self.over_1500_us),
            "period_over_1.5": str(self.over_period_1500_us),
            "late_histogram_us": late.text(),
            "period_histogram_us": self.between.text(),
        }


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Everything made so far is frozen and the collector is off; plain reference counting goes on."""
    was_on = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()
