"""Times of day and weekdays, by the clocks of the site."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from physical_ai_safety.rule_forms import DAY_MIN, DAYS, Hours

WEEK_MIN = 7 * DAY_MIN


class Window(NamedTuple):
    """From `from_s` to `until_s` after midnight of the days in `days` (0 is Monday); until may be the next day's."""

    from_s: float
    until_s: float
    days: frozenset[int]

    def holds(self, day_s: float, weekday: int) -> bool:
        if self.from_s < self.until_s:
            return self.from_s <= day_s < self.until_s and weekday in self.days
        if day_s >= self.from_s:
            return weekday in self.days
        return day_s < self.until_s and (weekday - 1) % 7 in self.days


def window(hours: Hours) -> Window:
    return Window(60.0 * hours.from_min, 60.0 * hours.until_min, frozenset(DAYS.index(day) for day in hours.days))


def any_holds(windows: tuple[Window, ...], day_s: float | None, weekday: int | None) -> bool:
    """One of the windows is now; none given: always; and always too where nobody knows what time it is."""
    if not windows or day_s is None or weekday is None or not 0.0 <= day_s < 60.0 * DAY_MIN or not 0 <= weekday < 7:
        return True
    return any(one.holds(day_s, weekday) for one in windows)


def spans(hours: Iterable[Hours]) -> list[tuple[int, int]]:
    """The same as minutes of the week, from Monday 00:00, cut at its end."""
    pieces: list[tuple[int, int]] = []
    for one in hours:
        length = (one.until_min - one.from_min) % DAY_MIN or DAY_MIN
        for day in one.days:
            start = (DAYS.index(day) * DAY_MIN + one.from_min) % WEEK_MIN
            pieces.append((start, min(start + length, WEEK_MIN)))
            if start + length > WEEK_MIN:
                pieces.append((0, start + length - WEEK_MIN))
    return pieces
