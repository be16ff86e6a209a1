"""Absolute deadlines: counted when missed, never caught up; what the kernel refuses is said and not fatal."""

from __future__ import annotations

import gc
import os
import time

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from physical_ai_control.servo import privileges
from physical_ai_control.servo.clock import Cadence, Histogram, absolute_sleep, no_garbage_collection, sleep_plain


class Clock:
    """Time that only sleep and work move."""

    def __init__(self) -> None:
        self.now_ns = 5_000_000

    def __call__(self) -> int:
        return self.now_ns

    def sleep(self, due_ns: int) -> None:
        self.now_ns = max(self.now_ns, due_ns) + 20_000  # wakes 20 µs late


def test_cycles_stay_on_their_grid_however_late_each_begins() -> None:
    clock = Clock()
    cadence = Cadence(1000.0, clock.sleep, clock)
    begun = [cadence.wait() for _ in range(100)]
    assert begun[-1] - begun[0] == 99_000_000
    assert (cadence.cycles, cadence.missed) == (100, 0)
    assert 20.0 <= cadence.late.percentile_us(50) <= 26.0


def test_a_long_cycle_is_counted_as_missed_and_not_caught_up() -> None:
    clock = Clock()
    cadence = Cadence(1000.0, clock.sleep, clock)
    cadence.wait()
    clock.now_ns += 5_500_000  # work of five and a half periods
    cadence.wait()
    assert cadence.missed == 4
    assert cadence.over_1500_us == 1
    before = clock.now_ns
    cadence.wait()
    assert 0 < clock.now_ns - before <= 1_000_000
    assert cadence.missed == 4
    assert cadence.values()["missed"] == "4"


@given(st.lists(st.floats(-10.0, 1e9), min_size=1, max_size=200))
@example([1e7, 12_700_001.0])
def test_a_percentile_of_the_histogram_is_near_the_true_one(values: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    assert histogram.total == len(values)
    assert len(histogram.counts) < 80
    for percent in (50.0, 99.0, 100.0):
        exact = float(np.percentile(np.maximum(values, 0.0), percent, method="inverted_cdf"))
        assert min(exact, 1e7) <= histogram.percentile_us(percent) * 1.0001 + 1e-9
        assert histogram.percentile_us(percent) <= max(1.27 * exact, 1.0) + 1e-6 or exact >= 1e7


@pytest.mark.parametrize("sleep", [absolute_sleep(), sleep_plain], ids=["absolute", "plain"])
def test_a_sleep_never_ends_early(sleep) -> None:  # type: ignore[no-untyped-def]
    for _ in range(20):
        due_ns = time.monotonic_ns() + 500_000
        sleep(due_ns)
        assert time.monotonic_ns() >= due_ns


def test_what_is_refused_is_said_and_not_fatal() -> None:
    granted = privileges.ask(priority=0, cpu=10_000)
    assert any("core 10000" in text for text in granted.refused)
    assert "core 10000" in granted.values()["refused"]


def test_a_process_that_asks_for_nothing_is_left_as_it_is_and_a_refusal_is_said() -> None:
    before = os.sched_getscheduler(0)
    assert privileges.ask_process(0).values() == {"granted": "nothing", "refused": ""}
    assert "SCHED_FIFO 200" in privileges.ask_process(200).values()["refused"]
    assert os.sched_getscheduler(0) == before


def test_a_core_that_exists_is_granted() -> None:
    before = os.sched_getaffinity(0)
    try:
        assert f"core {min(before)}" in privileges.ask(cpu=min(before)).got
    finally:
        os.sched_setaffinity(0, before)


def test_the_collector_is_off_inside_and_on_again_after() -> None:
    with no_garbage_collection():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_histogram_survives_the_wire_and_tells_what_came_since() -> None:
    histogram = Histogram()
    for value in (0.3, 20.0, 20.0, 1e8):
        histogram.add(value)
    earlier = Histogram.of_text(histogram.text())
    assert earlier.counts == histogram.counts
    histogram.add(3000.0)
    since = histogram.since(earlier)
    assert since.total == 1
    assert 3000.0 <= since.percentile_us(100) <= 3800.0
