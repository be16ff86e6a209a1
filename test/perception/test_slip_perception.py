"""Wheels that slip: the speed stays near the truth and its covariance says how well it is known."""

from __future__ import annotations

import numpy as np
import pytest

from physical_ai_core import messages as m
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.fusion.slip import BLOCK_S, Slip
from physical_ai_perception.parameters import PerceptionParameters
from physical_ai_sim.core import SimulatorCore
from physical_ai_sim.parameters import SimulatorParameters

SENSORS = ("imu/data", "wheel/odometry")
NOISE = (1e-4, 1e-5, 1e-4)


def drive(friction: float, slope_rad: float = 0.0, seconds: float = 8.0, seed: int = 3) -> tuple[np.ndarray, ...]:
    """Errors of the body velocity (n, 2) and their NEES (n,) on a drive of starts, bends and hard stops."""
    simulator = SimulatorCore(
        SimulatorParameters(seed=seed, people="none", start="gate", ground_friction=friction,
                            ground_slope_rad=slope_rad, ground_slope_direction_rad=1.0)
    )  # fmt: skip
    core = PerceptionCore(PerceptionParameters(expected_sensors=SENSORS))
    begin_s, errors, nees = simulator.stamp_s, [], []
    while simulator.stamp_s - begin_s < seconds:
        time_s = simulator.stamp_s - begin_s
        speed, turn = ((0.0, 0.0), (0.0, 1.2), (0.9, 0.3), (0.0, 0.0), (0.7, -0.9), (0.0, 0.0))[int(time_s / 2.0) % 6]
        simulator.handle("cmd_vel", m.Twist(simulator.stamp_s, "base_link", speed, turn), simulator.stamp_s)
        for topic, data in simulator.advance(simulator.stamp_s + 0.02):
            if topic in SENSORS:
                core.handle(topic, data, data.stamp_s)
            elif topic == "ground_truth/odometry" and time_s > 1.0:
                said = next(data for topic, data in core.tick(data.stamp_s) if topic == "state/odometry")
                error = said.linear_mps[:2] - data.linear_mps[:2]
                errors.append(error)
                nees.append(error @ np.linalg.solve(said.twist_cov[:2, :2], error))
    return np.array(errors), np.array(nees)


@pytest.mark.parametrize("friction", [0.05, pytest.param(0.1, marks=pytest.mark.slow)])
def test_on_ice_the_speed_stays_bounded_and_its_covariance_honest(friction: float) -> None:
    errors, nees = drive(friction)
    forward, side = np.sqrt((errors**2).mean(axis=0))
    assert forward <= 0.25 and side <= 0.25, (forward, side)
    assert float((nees < 5.99).mean()) > 0.8 and float(nees.mean()) < 2.0 * 5.0


def test_on_a_slippery_slope_the_speed_does_not_run_away() -> None:
    errors, _ = drive(0.1, slope_rad=0.05)
    assert float(np.abs(errors).max()) < 1.0


def test_on_dry_ground_nothing_is_taken_for_slip() -> None:
    errors, _ = drive(1.0, seconds=4.0)
    assert float(np.sqrt((errors**2).mean(axis=0)).max()) < 0.03


def feed(slip: Slip, seconds: float, speed_at: float, felt_mps2: float, start_s: float) -> bool:
    """Wheels at a constant speed while the accelerometer feels a force; True when a slip began to be seen."""
    stamps = start_s + np.arange(0.02, seconds, 0.02)
    return any(
        [slip.look(float(t), (speed_at, 0.0), (felt_mps2 * float(t - start_s), 0.0), 0.0, NOISE) for t in stamps]
    )


def test_wheels_that_feel_no_force_roll_and_wheels_that_are_braked_by_friction_slip() -> None:
    slip = Slip()
    assert not feed(slip, 3.0, 1.0, 0.0, 10.0) and not slip.slipping
    slip.forget_window()
    assert feed(slip, 2.0, 1.0, 0.3, 13.0) and slip.slipping and slip.speed_mps > 0.1
    assert 13.0 - 2.0 * BLOCK_S <= slip.since_s < 15.0
    slip.forget_window()
    feed(slip, 3.0, 1.0, 0.0, 15.0)
    assert not slip.slipping and slip.speed_mps == 0.0


def test_a_slip_cannot_excuse_more_than_the_wheels_turned() -> None:
    slip = Slip()
    feed(slip, 1.0, 0.5, 0.0, 1.0)
    assert slip.variance(100.0) <= 0.6**2 * 150.0
