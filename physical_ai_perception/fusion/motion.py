"""One filter instance fed by IMU and wheels: dead reckoning with covariance, alone `odom`, with more on top `map`.

Time moves forward by measured intervals only. Where one of the two sensors is silent the other carries on, with
noise that says so; a measurement a little older than the state is applied to the present state.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_perception.fusion import measurements, rotations
from physical_ai_perception.fusion.filter import Filter
from physical_ai_perception.fusion.propagation import Noise
from physical_ai_perception.fusion.samples import ImuSample, WheelSample, cross, largest
from physical_ai_perception.fusion.state import ATTITUDE, State
from physical_ai_perception.parameters import PerceptionParameters

IMU_HOLD_S: Final = 0.1  # so long the last IMU sample stands for the present motion
WHEEL_HOLD_S: Final = 0.5
LEVEL_EVERY_S: Final = 0.1
REST_SIGMA_MPS: Final = 0.01
REST_SPEED_MPS: Final = 0.005
REST_RATE_RPS: Final = 0.05  # the gyro, bias removed, must agree that the robot stands
FLAT: Final = np.eye(2) * 0.1**2  # rad^2; without an IMU the ground is taken as level, so well
BLIND_STEP_S: Final = 0.1  # a long gap is crossed in steps of this length, at most BLIND_STEPS of them
BLIND_STEPS: Final = 50
GYRO_LOST: Final = 0.3  # rad/s/sqrt(Hz): motion that nothing measures
GYRO_BY_WHEELS: Final = 0.05
FORCE_LOST: Final = 1.0  # m/s^2/sqrt(Hz)


class MotionFilter:
    """`orientation`: none, level or full, as in the parameters."""

    def __init__(self, parameters: PerceptionParameters, state: State, orientation: str) -> None:
        self._p = parameters
        self.orientation = orientation
        self.filter = Filter(state, parameters.gravity_mps2, parameters.gate_probability, parameters.gate_recovery_s)
        self.rate = np.zeros(3)  # rad/s, as measured (with bias)
        self._force: Array | None = None
        self._noise = Noise(
            parameters.gyro_noise**2, parameters.accel_noise**2, parameters.gyro_bias_walk**2,
            parameters.accel_bias_walk**2,
        )  # fmt: skip
        self._imu_s = self._wheel_s = -np.inf
        self._wheel_rate = 0.0
        self._rest_since_s: float | None = None
        self._orientation_s = self._level_s = -np.inf
        self._mean_rate, self._mean_force, self._mean_over_s = np.zeros(3), np.zeros(3), 0.0

    @property
    def state(self) -> State:
        return self.filter.state

    def adopt_inputs(self, other: MotionFilter) -> None:
        """Take over what another instance knows of the sensors (not of the state)."""
        self.rate, self._force = other.rate, other._force
        self._imu_s, self._wheel_s, self._wheel_rate = other._imu_s, other._wheel_s, other._wheel_rate
        self._rest_since_s, self._orientation_s, self._level_s = (
            other._rest_since_s, other._orientation_s, other._level_s,
        )  # fmt: skip

    def resting(self, stamp_s: float) -> bool:
        """The wheels have been still for long enough."""
        return self._rest_since_s is not None and stamp_s - self._rest_since_s >= self._p.rest_after_s

    def angular_rate(self) -> Array:
        """Body rate (3,) without bias, from what is fresh."""
        if self.state.stamp_s - self._imu_s <= IMU_HOLD_S:
            return np.asarray(self.rate - self.state.gyro_bias)
        fresh = self.state.stamp_s - self._wheel_s <= WHEEL_HOLD_S
        return np.array([0.0, 0.0, self._wheel_rate if fresh else 0.0])

    # --- sensors ---

    def imu(self, sample: ImuSample) -> None:
        """Propagate to the sample's stamp and keep it for the time after it."""
        fresh = sample.stamp_s - self.state.stamp_s <= IMU_HOLD_S
        if not fresh:
            self.advance(sample.stamp_s - IMU_HOLD_S)
        self.rate, self._force, self._imu_s = sample.rate, sample.force, sample.stamp_s
        dt_s = sample.stamp_s - self.state.stamp_s
        if dt_s > 0.0:
            gyro, accel = sample.rate_variance * dt_s, sample.force_variance * dt_s
            noise = self._noise
            if gyro > noise.gyro or accel > noise.accel:
                noise = noise._replace(gyro=max(gyro, noise.gyro), accel=max(accel, noise.accel))
            self._step(dt_s, noise)
        if sample.attitude is not None and self.orientation != "none":
            self._take_orientation(sample)
        elif self.state.stamp_s - self._wheel_s > WHEEL_HOLD_S:
            self._take_gravity(self._p.level_sigma_mps2)

    def wheels(self, sample: WheelSample) -> None:
        """Propagate to the sample's stamp where it is newer, then take the body velocity."""
        p = self._p
        self.advance(sample.stamp_s)
        self._wheel_s, self._wheel_rate = sample.stamp_s, sample.yaw_rate_rps
        self._watch_rest(sample)
        if self.resting(sample.stamp_s):
            at_rest = measurements.no_velocity(self.state, REST_SIGMA_MPS)
            self.filter.update("wheel/odometry", at_rest, sample.stamp_s)
            self._take_rest()
        else:
            sx, sy, sz = sample.sigmas.tolist()
            side = p.wheel_side_sigma_mps
            sigmas = np.array([max(sx, p.wheel_speed_sigma_mps), max(sy, side), max(sz, side)])
            moving = measurements.body_velocity(self.state, sample.velocity, sigmas)
            self.filter.update("wheel/odometry", moving, sample.stamp_s)
        if self.state.stamp_s - self._imu_s > IMU_HOLD_S:
            flat = measurements.level(self.state, rotations.IDENTITY, FLAT)
            self.filter.update("level ground", flat, sample.stamp_s)
        elif p.wheel_yaw_rate_sigma_rps > 0.0:
            turn = measurements.yaw_rate(self.state, sample.yaw_rate_rps, self.rate, p.wheel_yaw_rate_sigma_rps)
            self.filter.update("wheel yaw rate", turn, sample.stamp_s)

    def advance(self, stamp_s: float) -> None:
        """Propagate to a stamp by what is fresh; a stamp that is not newer changes nothing."""
        state = self.state
        dt_s = stamp_s - state.stamp_s
        if dt_s <= 0.0:
            return
        held_s = min(dt_s, self._imu_s + IMU_HOLD_S - state.stamp_s)
        if held_s > 0.0:
            self._step(held_s, self._noise)
        left_s = stamp_s - state.stamp_s
        steps = min(BLIND_STEPS, int(left_s / BLIND_STEP_S) + 1)
        if left_s > 1e-9:
            for _ in range(steps):
                self._blind(min(left_s / steps, BLIND_STEP_S * 10.0))
        state.stamp_s = stamp_s

    def time_was_set(self, stamp_s: float) -> None:
        """The clock was set: the state is kept, its time and all ages start anew."""
        self.state.stamp_s = stamp_s
        self._imu_s = self._wheel_s = self._orientation_s = self._level_s = -np.inf
        self._rest_since_s = None

    # --- inside ---

    def _step(self, dt_s: float, noise: Noise) -> None:
        force = self._force
        if force is None:
            force = self._steady_force(np.asarray(self.rate - self.state.gyro_bias))
            noise = noise._replace(accel=FORCE_LOST**2)
        self.filter.propagate(dt_s, self.rate, force, noise)
        self._mean_rate += self.rate * dt_s
        self._mean_force += force * dt_s
        self._mean_over_s += dt_s

    def _blind(self, dt_s: float) -> None:
        state = self.state
        by_wheels = state.stamp_s - self._wheel_s <= WHEEL_HOLD_S
        turn = np.array([0.0, 0.0, self._wheel_rate if by_wheels else 0.0])
        gyro = GYRO_BY_WHEELS if by_wheels else GYRO_LOST
        noise = self._noise._replace(gyro=gyro**2, accel=FORCE_LOST**2)
        self.filter.propagate(dt_s, turn + state.gyro_bias, self._steady_force(turn), noise)

    def _steady_force(self, rate: Array) -> Array:
        """What an accelerometer would read if the body velocity stayed as it is."""
        turn_back = self.state.rotation.T
        body = turn_back @ self.state.velocity
        return np.asarray(turn_back[:, 2] * self._p.gravity_mps2 + cross(rate, body) + self.state.accel_bias)

    def _watch_rest(self, sample: WheelSample) -> None:
        still = largest(sample.velocity) < REST_SPEED_MPS and abs(sample.yaw_rate_rps) < REST_SPEED_MPS
        if still and sample.stamp_s - self._imu_s <= WHEEL_HOLD_S:
            still = largest(self.rate - self.state.gyro_bias) < REST_RATE_RPS
        if not still:
            self._rest_since_s = None
        elif self._rest_since_s is None:
            self._rest_since_s = sample.stamp_s
            self._forget_means()

    def _take_rest(self) -> None:
        over_s = self._mean_over_s
        if over_s < LEVEL_EVERY_S:
            return
        stamp_s, state, p = self.state.stamp_s, self.state, self._p
        sigma = max(p.gyro_noise / np.sqrt(over_s), 1e-4)
        self.filter.update("rest", measurements.no_rotation(state, self._mean_rate / over_s, sigma), stamp_s)
        self._take_gravity(p.accel_noise / np.sqrt(over_s))

    def _take_gravity(self, sigma_mps2: float) -> None:
        over_s, stamp_s = self._mean_over_s, self.state.stamp_s
        if over_s < LEVEL_EVERY_S:
            return
        if self._force is not None:
            mean = self._mean_force / over_s
            shown = measurements.gravity(self.state, mean, self._p.gravity_mps2, sigma_mps2)
            self.filter.update("gravity", shown, stamp_s)
        self._forget_means()

    def _forget_means(self) -> None:
        self._mean_rate[:] = 0.0
        self._mean_force[:] = 0.0
        self._mean_over_s = 0.0

    def _take_orientation(self, sample: ImuSample) -> None:
        if sample.attitude is None or sample.stamp_s - self._orientation_s < 0.9 / self._p.imu_orientation_rate_hz:
            return
        self._orientation_s = sample.stamp_s
        sigma = self._p.imu_orientation_sigma_rad
        variance = np.full(3, sigma**2) if sample.attitude_variance is None else sample.attitude_variance
        if self.orientation == "full":
            full = measurements.orientation(self.state, sample.attitude, np.diag(variance))
            self.filter.update("imu orientation", full, sample.stamp_s)
        else:
            tilt = measurements.level(self.state, sample.attitude, np.diag(variance[:2]))
            self.filter.update("imu orientation", tilt, sample.stamp_s)


def first_state(parameters: PerceptionParameters, stamp_s: float, imu: ImuSample | None) -> State:
    """State at the first message: at the origin of `odom`, level by what the IMU shows."""
    p = parameters
    roll = pitch = yaw = 0.0
    tilt, turn = 0.2, 1e-3
    if imu is not None and imu.attitude is not None and p.imu_orientation != "none":
        roll, pitch = rotations.roll_pitch(imu.attitude)
        tilt = 0.05
        if p.imu_orientation == "full":
            yaw, turn = rotations.yaw(imu.attitude), p.imu_orientation_sigma_rad
    elif imu is not None and imu.force is not None:
        roll, pitch = rotations.level_of(*imu.force.tolist())
    state = State(stamp_s)
    state.set_attitude(rotations.of_roll_pitch_yaw(roll, pitch, yaw))
    sigmas = np.repeat([1e-3, 0.5, tilt, p.gyro_bias_sigma_rps, p.accel_bias_sigma_mps2], 3)
    state.covariance = np.diag(np.maximum(sigmas, 1e-6) ** 2)
    state.covariance[ATTITUDE, ATTITUDE][2, 2] = turn**2
    return state
