"""Stamps that cannot be true are refused and counted, and a clock that was set does not silence the robot."""

from __future__ import annotations

import numpy as np
import pytest

from physical_ai_perception.stamps import StampGuard


def running(until_s: float = 101.0) -> StampGuard:
    guard = StampGuard(max_delay_s=0.5, max_ahead_s=0.5)
    for stamp_s in np.arange(100.0, until_s, 0.01):
        guard.tick(float(stamp_s))
        assert guard.check("imu", float(stamp_s)) == (True, False)
    return guard


@pytest.mark.parametrize(
    ("stamp_s", "reason"),
    [
        (float("nan"), "stamp is not a number"),
        (float("inf"), "stamp is not a number"),
        (100.0, "stamp went back"),
        (101.0 + 3600.0, "from the future"),
        (101.0 - 3600.0, "stamp went back"),
        (0.0, "stamp went back"),
    ],
)
def test_an_impossible_stamp_is_refused_by_its_reason_and_the_next_good_one_taken(stamp_s: float, reason: str) -> None:
    guard = running()
    assert guard.check("imu", stamp_s) == (False, False)
    assert guard.source("imu").refused == {reason: 1}
    assert guard.check("imu", 101.0) == (True, False)


def test_a_repeated_stamp_is_refused() -> None:
    guard = running()
    last = guard.source("imu").last_s
    assert guard.check("imu", last) == (False, False)
    assert guard.source("imu").last_reason == "stamp repeated"


def test_a_message_that_is_two_seconds_late_is_refused_as_too_old() -> None:
    guard = running(105.0)
    assert guard.check("gps", 103.0) == (False, False)
    assert guard.source("gps").last_reason == "too old"


def test_when_the_clock_is_set_back_sensors_are_taken_in_the_new_time() -> None:
    guard = running()
    assert guard.tick(10.0)
    assert guard.jumps == 1
    assert guard.check("imu", 10.0) == (True, False)


def test_one_sensor_that_jumps_an_hour_does_not_take_the_others_along_even_without_ticks() -> None:
    guard = StampGuard(0.5, 0.5)
    taken = []
    for stamp_s in np.arange(100.0, 110.0, 0.01):
        assert guard.check("imu", float(stamp_s)) == (True, False)
        if round(stamp_s * 100) % 100 == 0:
            taken.append(guard.check("wheel", float(stamp_s) + 3600.0)[0])
    assert not any(taken)


def test_without_ticks_a_recording_that_goes_on_elsewhere_in_time_is_followed() -> None:
    guard = StampGuard(0.5, 0.5)
    for stamp_s in np.arange(100.0, 101.0, 0.01):
        guard.check("imu", float(stamp_s))
    answers = [guard.check("imu", float(s)) for s in np.arange(9000.0, 9001.0, 0.01)]
    assert not answers[0][0] and answers[-1] == (True, False)
    assert sum(moved for _, moved in answers) == 1


def test_the_age_counts_only_messages_whose_content_could_be_used() -> None:
    guard = running()
    assert guard.age_s("imu") == float("inf")
    guard.used("imu", 100.5)
    assert guard.age_s("imu") == pytest.approx(guard.clock_s - 100.5)
