"""Hours of a rule: the same told by the clock and as minutes of a week, and what holds when nobody knows the time."""

from __future__ import annotations

from typing import Any

import pytest

from physical_ai_safety.clauses.hours import Window, any_holds, spans, window
from physical_ai_safety.rule_forms import DAYS, Hours

HOURS = [
    {"from": "08:00", "until": "17:30", "days": ["mon", "thu"]},
    {"from": "22:00", "until": "06:00", "days": ["sun", "tue"]},
    {"from": "22:00", "until": "24:00", "days": ["sun"]},
    {"days": ["sat"]},
    {"from": "00:00", "until": "00:01", "days": ["mon"]},
    {"from": "23:59", "until": "00:01", "days": ["sun", "fri"]},
]


@pytest.mark.parametrize("hours", HOURS)
def test_the_minutes_of_a_week_are_those_at_which_the_hours_hold(hours: dict[str, Any]) -> None:
    one = Hours.model_validate(hours)
    pieces = spans([one])
    assert all(0 <= start < end <= 7 * 1440 for start, end in pieces)
    for minute in range(7 * 1440):
        day, rest = divmod(minute, 1440)
        inside = sum(start <= minute < end for start, end in pieces)
        assert inside == any_holds((window(one),), 60.0 * rest, day), minute
        begins = [(w * 1440 + one.from_min) for w in range(7) if DAYS[w] in one.days]
        length = (one.until_min - one.from_min) % 1440 or 1440
        assert inside == any((minute - begin) % (7 * 1440) < length for begin in begins), minute


@pytest.mark.parametrize(
    ("day_s", "weekday", "known"),
    [(0.0, 0, True), (86399.9, 6, True), (86400.0, 0, False), (-0.1, 0, False), (1.0, 7, False), (1.0, -1, False),
     (None, 0, False), (1.0, None, False)],
)  # fmt: skip
def test_an_hour_that_no_clock_shows_is_not_known_and_then_the_rule_holds(
    day_s: float | None, weekday: int | None, known: bool
) -> None:
    never = Window(40000.0, 40001.0, frozenset({3}))
    assert any_holds((never,), day_s, weekday) is not known
    assert any_holds((), day_s, weekday)


def test_a_window_that_ends_when_it_begins_lasts_a_day() -> None:
    monday = Window(3600.0, 3600.0, frozenset({0}))
    moments = {(0.0, 0): False, (3599.9, 0): False, (3600.0, 0): True, (0.0, 1): True, (3599.9, 1): True,
               (3600.0, 1): False}  # fmt: skip
    for (day_s, weekday), holds in moments.items():
        assert monday.holds(day_s, weekday) is holds
