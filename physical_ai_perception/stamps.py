"""Which stamps can be believed: strictly forward per source, near the graph's clock, never from a far future.

The clock is the last tick; before the first tick, and in a core driven without ticks, it is the newest stamp taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Final

CLOCK_JUMP_S: Final = 5.0  # a clock that moves further between two ticks was set, not running
MOVED_COUNT: Final = 20  # without a ticking clock: so many stamps in a new time base mean that time itself moved
MOST_REASONS: Final = 32  # some name what a message held, and messages can hold anything
OTHER_REASONS: Final = "other reasons"
LONGEST_REASON: Final = 200


@dataclass
class Source:
    """Book of one sensor; `refused` counts by reason."""

    last_s: float = float("nan")
    used_s: float = float("nan")  # stamp of the last message whose content could be used too
    taken: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    last_reason: str = ""
    last_refused_s: float = float("nan")  # clock time
    astray_s: float = float("nan")  # the last stamp outside the window, to see whether time itself moved
    astray: int = 0

    def refuse(self, reason: str, clock_s: float) -> None:
        """Count a refused message."""
        kept = reason if reason in self.refused or len(self.refused) < MOST_REASONS else OTHER_REASONS
        self.refused[kept] = self.refused.get(kept, 0) + 1
        self.last_reason, self.last_refused_s = reason[:LONGEST_REASON], clock_s

    @property
    def refused_total(self) -> int:
        return sum(self.refused.values())


class StampGuard:
    """Decides on every stamp; `jumps` counts how often the clock itself was set."""

    def __init__(self, max_delay_s: float, max_ahead_s: float) -> None:
        self.sources: dict[str, Source] = {}
        self.clock_s = float("nan")
        self.jumps = 0
        self._ticking = False
        self._max_delay_s = max_delay_s
        self._max_ahead_s = max_ahead_s

    def source(self, name: str) -> Source:
        """The book of a sensor."""
        return self.sources.setdefault(name, Source())

    def tick(self, stamp_s: float) -> bool:
        """Take the clock's time. True when the clock was set: everything known about time starts anew."""
        if not isfinite(stamp_s):
            return False
        jumped = self._ticking and not -0.1 <= stamp_s - self.clock_s <= CLOCK_JUMP_S
        if not self._ticking and isfinite(self.clock_s):
            jumped = abs(stamp_s - self.clock_s) > CLOCK_JUMP_S
        self._ticking = True
        if jumped:
            self._start_anew()
            self.clock_s = stamp_s
        elif not stamp_s <= self.clock_s:
            self.clock_s = stamp_s
        return jumped

    def check(self, name: str, stamp_s: float) -> tuple[bool, bool]:
        """(taken, time was set) for a message of sensor `name`."""
        source = self.source(name)
        if not isfinite(stamp_s):
            source.refuse("stamp is not a number", self.clock_s)
            return False, False
        moved = False
        reason = self._reason(source, stamp_s)
        if reason and self._time_moved(source, stamp_s):
            self._start_anew()
            self.clock_s = stamp_s
            reason, moved = "", True
        if reason:
            source.refuse(reason, self.clock_s)
            return False, False
        source.last_s = stamp_s
        source.astray = 0
        if not self._ticking and not stamp_s <= self.clock_s:
            self.clock_s = stamp_s
        return True, moved

    def used(self, name: str, stamp_s: float) -> None:
        """The content of a message whose stamp was taken could be used."""
        source = self.source(name)
        source.used_s = stamp_s
        source.taken += 1

    def age_s(self, name: str) -> float:
        """How long ago the sensor's last usable message was taken; inf when there was none."""
        source = self.sources.get(name)
        if source is None or not isfinite(source.used_s):
            return float("inf")
        return max(0.0, self.clock_s - source.used_s)

    def _reason(self, source: Source, stamp_s: float) -> str:
        if stamp_s == source.last_s:
            return "stamp repeated"
        if stamp_s < source.last_s:
            return "stamp went back"
        if stamp_s < self.clock_s - self._max_delay_s:
            return "too old"
        ahead_s = self._max_ahead_s if self._ticking else CLOCK_JUMP_S
        if stamp_s > self.clock_s + ahead_s:
            return "from the future"
        return ""

    def _time_moved(self, source: Source, stamp_s: float) -> bool:
        """Without a ticking clock: many stamps in a row that fit each other but not the clock."""
        if self._ticking:
            return False
        fits = 0.0 < stamp_s - source.astray_s < CLOCK_JUMP_S
        source.astray = source.astray + 1 if fits else 1
        source.astray_s = stamp_s
        return source.astray > MOVED_COUNT

    def _start_anew(self) -> None:
        self.jumps += 1
        for source in self.sources.values():
            source.last_s = source.used_s = source.last_refused_s = float("nan")
            source.astray = 0
