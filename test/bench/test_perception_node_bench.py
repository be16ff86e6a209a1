"""What the node's benchmark counts: periods missed by stamps, latencies by stamps and arrivals, and what it feeds."""

from __future__ import annotations

import numpy as np
import pytest

from physical_ai_bench.benchmarks.perception_node import Soak, Window, _row, latencies_ms, missed_periods
from physical_ai_bench.node_load.recording import DENSER, denser, record


def test_a_gap_of_three_periods_is_two_missed() -> None:
    stamps = np.array([0.0, 0.01, 0.02, 0.05, 0.06, 0.0699])
    missed, gap_s = missed_periods(stamps, 100.0)
    assert (missed, gap_s) == (2, pytest.approx(0.03))
    assert missed_periods(np.arange(0.0, 1.0, 0.01), 100.0)[0] == 0
    assert missed_periods(np.zeros(0), 100.0) == (0, 0.0)


def test_a_sample_waits_for_the_first_output_stamped_after_it() -> None:
    outputs = np.array([[1.00, 1.002], [1.01, 1.013], [1.02, 1.021]])
    assert latencies_ms(np.array([0.995, 1.001, 1.012, 1.5]), outputs) == pytest.approx([7.0, 12.0, 9.0])


def test_the_recording_has_every_sensor_at_its_rate_and_denser_is_denser() -> None:
    events = record(1.0)
    count = {topic: sum(e.topic == topic for e in events) for topic in {e.topic for e in events}}
    assert count["imu/data"] == 200 and count["wheel/odometry"] == 50 and count["scan"] == 20 and count["gps/fix"] == 5
    twice = denser(events, 2)
    for topic in count:
        assert sum(e.topic == topic for e in twice) == count[topic] * (2 if topic in DENSER else 1)
    times = [event.at_s for event in twice]
    assert times == sorted(times)


def test_the_table_shows_medians_over_repeats() -> None:
    windows = [Window(30.0 + i, 10.0, 100.0, (5.0, 9.0 + i), (4.0, 8.0), 50.0, 1.0) for i in (0, 1, 20)]
    row = _row(1, windows)
    assert row[1] == "31" and row[4] == "5.0 / 10.0" and row[6] == "1.0 / 2.0"
    assert Soak(20.0, 2000, 0, 0.01, 1.0, 0).missed == 0
