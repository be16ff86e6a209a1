"""A report that jumps counts by what lasts of it."""

from __future__ import annotations

import numpy as np
import pytest

from physical_ai_planner.lasting import Lasting


def told(values: list[float], every_s: float = 0.1, begin_s: float = 10.0) -> tuple[Lasting, float]:
    lasting = Lasting()
    for k, value in enumerate(values):
        lasting.take(value, begin_s + k * every_s)
    return lasting, begin_s + (len(values) - 1) * every_s


def test_a_moment_is_nothing_and_what_stays_for_seconds_counts() -> None:
    lasting, now_s = told([1.0] * 40 + [30.0] * 10)
    assert lasting.value(now_s, 1.0) == 1.0
    lasting, now_s = told([1.0] * 40 + [30.0] * 30)
    assert lasting.value(now_s, 1.0) == 30.0


def test_silence_is_not_knowing() -> None:
    lasting, now_s = told([2.0] * 10)
    assert lasting.value(now_s + 1.1, 1.0) is None
    assert Lasting().value(0.0, 1.0) is None


def test_a_clock_that_jumps_back_begins_anew() -> None:
    lasting, _ = told([30.0] * 50)
    lasting.take(1.0, 3.0)
    assert lasting.value(3.0, 1.0) == 1.0


@pytest.mark.parametrize(("value", "stamp_s"), [(np.nan, 15.0), (9.0, np.nan), (9.0, np.inf), (-np.inf, 15.0)])
def test_what_is_no_number_is_left_out(value: float, stamp_s: float) -> None:
    lasting, now_s = told([1.0])
    lasting.take(value, stamp_s)
    assert lasting.value(now_s, 1.0) == 1.0
