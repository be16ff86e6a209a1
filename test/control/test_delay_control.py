"""Delay compensation: the controller plans from where the robot is, not from where it was seen last."""

from __future__ import annotations

import numpy as np
import pytest

from physical_ai_control.estimate import Present, moved_on
from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, quaternion_of_yaw
from physical_ai_world_model.own_motion import OwnMotion

LAG_S = 0.15


def seen(stamp_s: float, state: Array) -> m.Odometry:
    return m.Odometry(
        stamp_s, "odom", "base_link", np.array([state[0], state[1], 0.0]), quaternion_of_yaw(state[2]),
        np.array([state[3], 0.0, 0.0]), np.array([0.0, 0.0, state[4]]),
    )  # fmt: skip


def drive(present: Present, seconds: float, v: float = 1.0) -> tuple[float, Array]:
    """A robot that goes straight under a steady command, heard every 20 ms."""
    state = np.array([0.0, 0.0, 0.3, v, 0.0])
    now_s = 0.0
    while now_s < seconds:
        present.state(now_s, seen(now_s, state), np.array([v, 0.0]), now_s - 0.02)
        now_s += 0.02
        state[:2] += v * 0.02 * np.array([np.cos(0.3), np.sin(0.3)])
    return now_s, state


def test_an_old_state_is_moved_on_by_its_age_with_or_without_a_model() -> None:
    for model in (None, OwnMotion(LAG_S)):
        present = Present(LAG_S, 0.3, model)
        now_s, state = drive(present, 2.0)
        now = present.state(now_s + 0.1, seen(now_s, state), np.array([1.0, 0.0]), now_s)
        ahead = (now[:2] - state[:2]) @ [np.cos(0.3), np.sin(0.3)]
        assert ahead == pytest.approx(0.1, abs=0.01)
        assert present.reason == ("no model of the own motion was lent" if model is None else "")


def test_before_the_model_stands_by_its_word_the_plain_lag_speaks() -> None:
    present = Present(LAG_S, 0.3, OwnMotion(LAG_S))
    odometry = seen(0.0, np.array([1.0, 2.0, 0.5, 0.8, 0.2]))
    now = present.state(0.05, odometry, np.array([0.0, 0.0]), 0.0)
    np.testing.assert_array_equal(now, moved_on(odometry, np.zeros(2), 0.05, LAG_S))
    assert "history" in present.reason


def test_a_state_older_than_allowed_is_not_moved_on_without_end() -> None:
    present = Present(LAG_S, 0.3, None)
    odometry = seen(0.0, np.array([0.0, 0.0, 0.0, 1.0, 0.0]))
    assert present.state(100.0, odometry, np.array([1.0, 0.0]), 99.98)[0] == pytest.approx(0.3)


def test_after_the_clock_was_set_back_the_past_is_forgotten() -> None:
    present = Present(LAG_S, 0.3, OwnMotion(LAG_S))
    drive(present, 2.0)
    present.clear()
    drive(present, 2.0, v=0.5)
    assert present.reason == ""


def test_no_number_that_is_none_comes_out_of_a_spoilt_command() -> None:
    present = Present(LAG_S, 0.3, OwnMotion(LAG_S))
    now_s, state = drive(present, 2.0)
    now = present.state(now_s, seen(now_s, state), np.array([np.nan, 0.0]), now_s)
    assert present.reason == ""
    assert np.isfinite(now).all()
