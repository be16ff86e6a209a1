"""Does a filter know how wrong it is? Normalised estimation error squared (NEES) over seeded runs.

For a consistent filter the NEES of n components is chi-square with n degrees of freedom (Bar-Shalom, Li, Kirubarajan,
Estimation with Applications to Tracking and Navigation, 5.4). Two shares are counted after the first seconds: of all
looks of all runs, those inside the two-sided 95 % interval; and of all times, those at which the mean over the runs
lies inside the 95 % interval of that mean, which is the stricter test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2

from physical_ai_bench.benchmarks.kinematic import DATUM, START_S, Array, Errors, Truth, drive
from physical_ai_core.geometry import wrap
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.fusion import rotations
from physical_ai_perception.parameters import PerceptionParameters

COMPONENTS = {"pose": 3, "velocity": 2, "odom velocity": 2}
USUAL = Errors()
LOOK_EVERY_S = 0.5
SETTLE_S = 10.0


@dataclass(frozen=True)
class Consistency:
    """NEES (runs, looks) of one quantity with `freedom` components, and what they say."""

    name: str
    freedom: int
    nees: Array
    error: Array  # (runs, looks): m, or m/s

    @property
    def share_of_looks(self) -> float:
        low, high = chi2.ppf([0.025, 0.975], self.freedom)
        return float(np.mean((self.nees >= low) & (self.nees <= high)))

    @property
    def share_of_time(self) -> float:
        runs = len(self.nees)
        low, high = chi2.ppf([0.025, 0.975], self.freedom * runs) / runs
        mean = self.nees.mean(axis=0)
        return float(np.mean((mean >= low) & (mean <= high)))

    @property
    def mean(self) -> float:
        """Mean NEES over the degrees of freedom: above 1 is too sure, below 1 too shy."""
        return float(self.nees.mean()) / self.freedom


def parameters(errors: Errors) -> PerceptionParameters:
    """The filter told the truth about the sensors."""
    side = errors.wheel_mps[1]
    return PerceptionParameters(
        site="yard", start_pose="origin", start_position_sigma_m=errors.start_m, start_yaw_sigma_rad=errors.start_rad,
        gyro_noise=errors.gyro_noise, accel_noise=errors.accel_noise, gyro_bias_sigma_rps=errors.gyro_bias_rps,
        accel_bias_sigma_mps2=errors.accel_bias_mps2, wheel_speed_sigma_mps=errors.wheel_mps[0],
        wheel_side_sigma_mps=side, wheel_scale_sigma=errors.wheel_scale, gyro_bias_walk=1e-6, accel_bias_walk=1e-5,
        wheel_scale_walk=1e-6, gnss_floor_sigma_m=0.01, expected_sensors=("imu/data", "wheel/odometry"),
    )  # fmt: skip


def judge(seeds: Sequence[int], seconds: float = 60.0, errors: Errors = USUAL) -> list[Consistency]:
    """Run the core over every seed."""
    found: dict[str, list[list[tuple[float, float]]]] = {name: [] for name in COMPONENTS}
    p = parameters(errors)
    for seed in seeds:
        core = PerceptionCore(replace(p))
        rows: dict[str, list[tuple[float, float]]] = {name: [] for name in COMPONENTS}
        next_s = START_S + SETTLE_S
        for step in drive(seed, seconds, errors):
            for topic, data in step.messages:
                core.handle(topic, data, step.truth.stamp_s)
            if step.truth.stamp_s >= next_s - 1e-9:
                next_s += LOOK_EVERY_S
                for name, look in _looks(core, step.truth).items():
                    rows[name].append(look)
        for name in COMPONENTS:
            found[name].append(rows[name])
    result = []
    for name, freedom in COMPONENTS.items():
        values = np.array(found[name])
        result.append(Consistency(name, freedom, values[..., 0], values[..., 1]))
    return result


def _looks(core: PerceptionCore, truth: Truth) -> dict[str, tuple[float, float]]:
    """NEES and error of each quantity."""
    where, odometry = core.localisation, core.localisation.odometry(truth.stamp_s)
    if where.global_ is None or odometry is None:
        raise RuntimeError("No map filter after the first seconds of a simulated run.")
    state = where.global_.state
    covariance = state.covariance
    pose = np.array([
        truth.x - state.position[0], truth.y - state.position[1],
        float(wrap(truth.yaw - rotations.yaw(state.attitude))),
    ])  # fmt: skip
    held, spread = state.body_velocity()
    velocity = np.array([truth.speed, 0.0, 0.0]) - held
    body = np.array([truth.speed, 0.0]) - odometry.linear_mps[:2]
    return {
        "pose": (_nees(pose, covariance[np.ix_((0, 1, 8), (0, 1, 8))]), float(np.hypot(pose[0], pose[1]))),
        "velocity": (_nees(velocity[:2], spread[:2, :2]), float(np.hypot(*velocity[:2]))),
        "odom velocity": (_nees(body, odometry.twist_cov[:2, :2]), float(np.hypot(*body))),
    }


def _nees(error: Array, covariance: Array) -> float:
    return float(error @ np.linalg.solve(covariance, error))


__all__ = ["DATUM", "Consistency", "judge", "parameters"]
