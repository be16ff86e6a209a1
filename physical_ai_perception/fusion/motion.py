"""One filter instance fed by IMU and wheels: dead reckoning with covariance, alone `odom`, with more on top `map`.

Time moves forward by measured intervals only. Where one of the two sensors is silent the other carries on, with
noise that says so; what comes late is taken at its own time by the filter underneath.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, inf, sqrt
from typing import Final

import numpy as np

from physical_ai_perception.fusion import measurements, rotations
from physical_ai_perception.fusion.filter import Filter, Noise
from physical_ai_perception.fusion.model import Layout
from physical_ai_perception.fusion.samples import ImuSample, Triple, WheelSample, cross, largest, turned
from physical_ai_perception.fusion.slip import Slip
from physical_ai_perception.fusion.state import ACCEL_BIAS, ATTITUDE, GYRO_BIAS, State
from physical_ai_perception.parameters import PerceptionParameters

IMU_HOLD_S: Final = 0.1  # so long the last IMU sample stands for the present motion
WHEEL_HOLD_S: Final = 0.5
LEVEL_EVERY_S: Final = 0.1
REST_VARIANCE: Final = 0.01**2  # (m/s)^2
REST_SPEED_MPS: Final = 0.005
REST_RATE_RPS: Final = 0.05  # the gyro, bias removed, must agree that the robot stands
FLAT: Final = [0.1**2, 0.1**2, 1.0]  # rad^2; without an IMU the ground is taken as level, so well
BLIND_STEP_S: Final = 0.1  # a long gap is crossed in steps of this length, at most BLIND_STEPS of them
BLIND_STEPS: Final = 50
GYRO_LOST: Final = 0.3  # rad/s/sqrt(Hz): motion that nothing measures
GYRO_BY_WHEELS: Final = 0.05
REST_RECOVERY_S: Final = 1.0  # wheels, gyro and accelerometer agree that the robot stands: believed against the state
OFFSET_EVERY_S: Final = 0.2
JITTER_SHARE: Final = 0.01  # of a new sample in the mean
JITTER_LEAST: Final = 0.25  # of the noise that is declared: vibration and skidding are no jitter
FORCE_LOST: Final = 1.0  # m/s^2/sqrt(Hz)

Sums = tuple[float, float, float, float, float, float]
NOTHING_SUMMED: Final[Sums] = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class WheelTrust:
    """How one wheel odometry is taken: `rows` of x, y, z; `floors` (3) of their sigmas in m/s; `scale` its wheel scale
    in the state (-1: none); `yaw_sigma_rps` 0: its yaw rate does not check the gyro."""

    source: str = "wheel/odometry"
    rows: str = "xyz"
    floors: tuple[float, float, float] = (0.03, 0.05, 0.05)
    scale: int = -1
    yaw_sigma_rps: float = 0.0
    gate_probability: float = 0.0
    message_covariance: bool = True


@dataclass(frozen=True)
class ImuTrust:
    """How one IMU's own orientation is taken: none, level or full. `variances` (3) where the message has none."""

    source: str = "imu/data"
    orientation: str = "level"
    sigma_rad: float = 0.03
    rate_hz: float = 10.0
    gate_probability: float = 0.0
    message_covariance: bool = True


class MotionFilter:
    """`heading`: whether an IMU's own heading may be taken (in `map` it would fight GNSS by its declination)."""

    def __init__(self, parameters: PerceptionParameters, state: State, heading: bool = True) -> None:
        p = self._p = parameters
        self.filter = Filter(
            state, p.gravity_mps2, p.gate_probability, p.gate_recovery_s, remember_s=p.max_delay_s + 2.0 * IMU_HOLD_S
        )
        self.rate: Triple = [0.0, 0.0, 0.0]  # rad/s, as measured (with bias)
        self._heading = heading
        self._force: Triple | None = None
        self._noise = Noise(
            p.gyro_noise**2, p.accel_noise**2, p.gyro_bias_walk**2, p.accel_bias_walk**2, p.wheel_scale_walk**2
        )
        self._imu_s = self._wheel_s = -inf
        self._wheel_rate = 0.0
        self._rest_since_s: float | None = None
        self._level_s = -inf
        self._orientation_s: dict[str, float] = {}
        self._sums: Sums = NOTHING_SUMMED  # of rate and force over time since the last look
        self._mean_over_s = 0.0
        self._slips: dict[str, Slip] = {}
        self._felt = (0.0, 0.0)  # sum of the acceleration over time, in the world
        self._offset_s = -inf
        self._offset = 0.0
        self._jitter = p.accel_noise**2  # density of the accelerometer's noise as seen from sample to sample
        self._last_force = (0.0, 0.0)

    @property
    def slip_mps(self) -> float:
        """How far the wheels may be wrong by slip, as it seems; 0 while they roll."""
        return max((slip.speed_mps for slip in self._slips.values()), default=0.0)

    @property
    def state(self) -> State:
        return self.filter.state

    def adopt_inputs(self, other: MotionFilter) -> None:
        """Take over what another instance knows of the sensors (not of the state)."""
        self.rate, self._force = other.rate, other._force
        self._imu_s, self._wheel_s, self._wheel_rate = other._imu_s, other._wheel_s, other._wheel_rate
        self._rest_since_s, self._level_s = other._rest_since_s, other._level_s
        self._orientation_s = dict(other._orientation_s)

    def resting(self, stamp_s: float) -> bool:
        """The wheels have been still for long enough."""
        return self._rest_since_s is not None and stamp_s - self._rest_since_s >= self._p.rest_after_s

    def angular_rate(self) -> Triple:
        """Body rate (3) without bias, from what is fresh."""
        if self.state.stamp_s - self._imu_s <= IMU_HOLD_S:
            return self._unbiased(self.rate)
        fresh = self.state.stamp_s - self._wheel_s <= WHEEL_HOLD_S
        return [0.0, 0.0, self._wheel_rate if fresh else 0.0]

    # --- sensors ---

    def imu(self, sample: ImuSample, trust: ImuTrust) -> None:
        """Propagate to the sample's stamp and keep it for the time after; a late one is put in its place."""
        state, before_s = self.filter.state, self._imu_s
        if sample.stamp_s - state.stamp_s > IMU_HOLD_S:
            self.advance(sample.stamp_s - IMU_HOLD_S)
        self.rate, self._force, self._imu_s = sample.rate, sample.force, sample.stamp_s
        dt_s = sample.stamp_s - state.stamp_s
        if dt_s > 0.0:
            self._step(dt_s, self._noise_of(sample, dt_s))
        elif sample.force is not None:  # others brought the state here or beyond, on the sample before
            since_s = max(before_s, sample.stamp_s - IMU_HOLD_S)
            noise = self._noise_of(sample, sample.stamp_s - since_s)
            self.filter.revise(since_s, state.stamp_s, sample.rate, sample.force, noise)
        if sample.attitude is not None and trust.orientation != "none":
            self.orientation(sample, trust)
        elif state.stamp_s - self._wheel_s > WHEEL_HOLD_S:
            self._take_gravity(self._p.level_sigma_mps2)

    def orientation(self, sample: ImuSample, trust: ImuTrust) -> None:
        """Take the IMU's own orientation, thinned: its errors are not white."""
        last_s = self._orientation_s.get(trust.source, -inf)
        if sample.attitude is None or sample.stamp_s - last_s < 0.9 / trust.rate_hz:
            return
        self._orientation_s[trust.source] = sample.stamp_s
        floor = trust.sigma_rad**2
        variances = [floor, floor, floor]
        if sample.attitude_variance is not None and trust.message_covariance:
            variances = sample.attitude_variance
        full = trust.orientation == "full" and self._heading
        seen = (measurements.orientation if full else measurements.level)(sample.attitude, variances)
        source = "imu orientation" if trust.source == "imu/data" else f"{trust.source} orientation"
        self.filter.update(source, seen, sample.stamp_s, gate_probability=trust.gate_probability)

    def wheels(self, sample: WheelSample, trust: WheelTrust) -> None:
        """Propagate to the sample's stamp where it is newer, then take the body velocity."""
        self.advance(sample.stamp_s)
        self._wheel_s, self._wheel_rate = sample.stamp_s, sample.yaw_rate_rps
        self._watch_rest(sample)
        update, gate = self.filter.update, trust.gate_probability
        scale = trust.scale if trust.scale < self.state.layout.scales else -1
        (x, y, z), (a, b, c) = sample.sigmas if trust.message_covariance else (0.0, 0.0, 0.0), trust.floors
        variances = [max(x, a) ** 2, max(y, b) ** 2, max(z, c) ** 2]
        slip, away_mps = self._watch_slip(sample, trust, variances[0])
        if slip.slipping or not self.resting(sample.stamp_s):
            seen = measurements.body_velocity(sample.velocity, variances, trust.rows, scale)
        else:
            seen = measurements.no_velocity(REST_VARIANCE, 0 if self.state.layout.scales else -1)
        doubted = measurements.looser(seen, slip.variance(away_mps))
        if slip.slipping:
            update(trust.source, doubted, sample.stamp_s, gated=False)
        elif seen.key.what == "velocity":
            update(trust.source, seen, sample.stamp_s, True, gate, doubted)
        elif update(trust.source, seen, sample.stamp_s, True, gate, doubted, REST_RECOVERY_S):
            self._take_rest()
        if self.state.stamp_s - self._imu_s > IMU_HOLD_S:
            update("level ground", measurements.level(rotations.IDENTITY, FLAT), sample.stamp_s)
        elif trust.yaw_sigma_rps > 0.0:
            turn = measurements.wheel_yaw_rate(sample.yaw_rate_rps, self.rate[2], trust.yaw_sigma_rps**2)
            update(f"{trust.source} yaw rate", turn, sample.stamp_s, gate_probability=gate)

    def advance(self, stamp_s: float) -> None:
        """Propagate to a stamp by what is fresh; a stamp that is not newer changes nothing."""
        state = self.filter.state
        dt_s = stamp_s - state.stamp_s
        if dt_s <= 0.0:
            return
        held_s = min(dt_s, self._imu_s + IMU_HOLD_S - state.stamp_s)
        if held_s > 0.0:
            self._step(held_s, self._noise)
        left_s = stamp_s - state.stamp_s
        if left_s > 1e-9:
            steps = min(BLIND_STEPS, int(left_s / BLIND_STEP_S) + 1)
            for _ in range(steps):
                self._blind(min(left_s / steps, BLIND_STEP_S * 10.0))
        far = stamp_s - state.stamp_s > BLIND_STEP_S
        state.stamp_s = stamp_s
        if far:
            self.filter.restart()

    def other_imu(self, gyro_bias: Triple, accel_bias: Triple) -> None:
        """Another IMU drives from now on: these biases are its own, and about as unknown as at start."""
        state = self.filter.state
        covariance = state.covariance
        covariance[9:15, :] = 0.0
        covariance[:, 9:15] = 0.0
        covariance[GYRO_BIAS, GYRO_BIAS] = np.eye(3) * self._p.gyro_bias_sigma_rps**2
        covariance[ACCEL_BIAS, ACCEL_BIAS] = np.eye(3) * self._p.accel_bias_sigma_mps2**2
        state.covariance = covariance
        state.bound()
        state.gyro_bias[:], state.accel_bias[:] = gyro_bias, accel_bias
        self.filter.restart()

    def time_was_set(self, stamp_s: float) -> None:
        """The clock was set: the state is kept, its time and all ages start anew."""
        self.state.stamp_s = stamp_s
        self._imu_s = self._wheel_s = self._level_s = -inf
        self._orientation_s.clear()
        self._rest_since_s = None
        self._slips.clear()
        self._offset_s = -inf
        self.filter.restart()

    # --- inside ---

    def _unbiased(self, rate: Triple) -> Triple:
        x, y, z = rate
        a, b, c = self.filter.state.gyro_bias.tolist()
        return [x - a, y - b, z - c]

    def _noise_of(self, sample: ImuSample, dt_s: float) -> Noise:
        gyro, accel, noise = sample.rate_variance * dt_s, sample.force_variance * dt_s, self._noise
        if gyro > noise.gyro or accel > noise.accel:
            return noise._replace(gyro=max(gyro, noise.gyro), accel=max(accel, noise.accel))
        return noise

    def _step(self, dt_s: float, noise: Noise) -> None:
        rate, force = self.rate, self._force
        if force is None:
            force = self._steady_force(self._unbiased(rate))
            noise = noise._replace(accel=FORCE_LOST**2)
        state = self.filter.state
        vx, vy, _ = state.velocity.tolist()
        self.filter.propagate(dt_s, rate, force, noise)
        wx, wy, _ = state.velocity.tolist()
        self._felt = (self._felt[0] + wx - vx, self._felt[1] + wy - vy)
        fx, fy = self._last_force
        self._last_force = force[0], force[1]
        jitter = 0.25 * dt_s * ((force[0] - fx) ** 2 + (force[1] - fy) ** 2)
        self._jitter += JITTER_SHARE * (jitter - self._jitter)
        (x, y, z), (a, b, c), (rx, ry, rz, fx, fy, fz) = rate, force, self._sums
        self._sums = (
            rx + x * dt_s, ry + y * dt_s, rz + z * dt_s, fx + a * dt_s, fy + b * dt_s, fz + c * dt_s,
        )  # fmt: skip
        self._mean_over_s += dt_s

    def _blind(self, dt_s: float) -> None:
        state = self.state
        by_wheels = state.stamp_s - self._wheel_s <= WHEEL_HOLD_S
        rate = self._wheel_rate if by_wheels else 0.0
        gyro = GYRO_BY_WHEELS if by_wheels else GYRO_LOST
        noise = self._noise._replace(gyro=gyro**2, accel=FORCE_LOST**2)
        x, y, z = state.gyro_bias.tolist()
        self.filter.propagate(dt_s, [x, y, z + rate], self._steady_force([0.0, 0.0, rate]), noise)

    def _steady_force(self, rate: Triple) -> Triple:
        """What an accelerometer would read if the body velocity stayed as it is."""
        state, gravity = self.filter.state, self._p.gravity_mps2
        turn_back = state.rotation.T
        rows = tuple(map(tuple, turn_back.tolist()))
        body = turned(rows, state.velocity.tolist())
        swing, bias = cross(rate, body), state.accel_bias.tolist()
        return [rows[i][2] * gravity + swing[i] + bias[i] for i in range(3)]

    def _watch_rest(self, sample: WheelSample) -> None:
        still = largest(sample.velocity) < REST_SPEED_MPS and abs(sample.yaw_rate_rps) < REST_SPEED_MPS
        if still and sample.stamp_s - self._imu_s <= WHEEL_HOLD_S:
            doubt = 2.0 * sqrt(max(self.state.variances[GYRO_BIAS].tolist()))  # a bias not yet known is no motion
            still = largest(self._unbiased(self.rate)) < REST_RATE_RPS + doubt
        if not still:
            self._rest_since_s = None
        elif self._rest_since_s is None:
            self._rest_since_s = sample.stamp_s
            self._forget_means()

    def _watch_slip(self, sample: WheelSample, trust: WheelTrust, variance: float) -> tuple[Slip, float]:
        """Whether these wheels roll, and how far they are from the state, in the plane."""
        slip = self._slips.get(trust.source)
        if slip is None:
            slip = self._slips[trust.source] = Slip()
        state = self.state
        x, y, z, w = state.attitude
        ahead = (1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y))
        left = (2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x))
        vx, vy, vz = state.velocity.tolist()
        u, v, _ = sample.velocity
        off_x = u - ahead[0] * vx - ahead[1] * vy - ahead[2] * vz if "x" in trust.rows else 0.0
        off_y = v - left[0] * vx - left[1] * vy - left[2] * vz if "y" in trust.rows else 0.0
        if trust.rows[:2] == "xy" and self._force is not None and state.stamp_s - self._imu_s <= IMU_HOLD_S:
            wheels = (ahead[0] * u + left[0] * v, ahead[1] * u + left[1] * v)
            turn = sample.yaw_rate_rps - self.rate[2] + state.gyro_bias.item(2)
            accel = min(max(self._jitter, JITTER_LEAST * self._noise.accel), self._noise.accel)
            noise = (variance, accel, self._offset_variance())
            if slip.look(sample.stamp_s, wheels, self._felt, turn, noise):
                self._doubt_wheels(trust.source, slip)
        else:
            slip.forget_window()
        return slip, hypot(off_x, off_y)

    def _doubt_wheels(self, source: str, slip: Slip) -> None:
        """The wheels began to slip some time ago: what they taught since then about tilt and biases is taken back."""
        more = slip.variance(0.0)
        self.filter.doubt(source, slip.since_s, lambda seen: measurements.looser(seen, more))

    def _offset_variance(self) -> float:
        """Variance of what bias and tilt do to the acceleration along the ground, the larger way, (m/s²)²."""
        state = self.state
        if state.stamp_s - self._offset_s >= OFFSET_EVERY_S:
            self._offset_s = state.stamp_s
            g, covariance = self._p.gravity_mps2, state.covariance
            shown = np.zeros((2, len(covariance)))
            shown[0, 7], shown[1, 6] = g, -g
            shown[:, ACCEL_BIAS] = -state.rotation[:2]
            self._offset = float((shown @ covariance @ shown.T).diagonal().max())
        return self._offset

    def _take_rest(self) -> None:
        over_s, p = self._mean_over_s, self._p
        if over_s < LEVEL_EVERY_S:
            return
        mean = [total / over_s for total in self._sums[:3]]
        variance = max(p.gyro_noise**2 / over_s, 1e-8)
        self.filter.update("rest", measurements.no_rotation(mean, variance), self.state.stamp_s)
        self._take_gravity(p.accel_noise / sqrt(over_s))

    def _take_gravity(self, sigma_mps2: float) -> None:
        over_s, stamp_s = self._mean_over_s, self.state.stamp_s
        if over_s < LEVEL_EVERY_S:
            return
        if self._force is not None:
            mean = [total / over_s for total in self._sums[3:]]
            shown = measurements.gravity(mean, self._p.gravity_mps2, sigma_mps2**2)
            self.filter.update("gravity", shown, stamp_s)
        self._forget_means()

    def _forget_means(self) -> None:
        self._sums = NOTHING_SUMMED
        self._mean_over_s = 0.0


def first_state(
    parameters: PerceptionParameters, stamp_s: float, imu: ImuSample | None, trust: ImuTrust | None
) -> State:
    """State at the first message: at the origin of `odom`, level by what the IMU shows."""
    p = parameters
    roll = pitch = yaw = 0.0
    tilt, turn = 0.2, 1e-3
    if imu is not None and imu.attitude is not None and trust is not None and trust.orientation != "none":
        roll, pitch = rotations.roll_pitch(imu.attitude)
        tilt = 0.05
        if trust.orientation == "full":
            yaw, turn = rotations.yaw(imu.attitude), trust.sigma_rad
    elif imu is not None and imu.force is not None:
        x, y, z = imu.force
        roll, pitch = rotations.level_of(x, y, z)
    state = State(stamp_s, Layout(0))
    state.set_attitude(rotations.of_roll_pitch_yaw(roll, pitch, yaw))
    sigmas = np.repeat([1e-3, 0.5, tilt, p.gyro_bias_sigma_rps, p.accel_bias_sigma_mps2], 3)
    covariance = np.diag(np.maximum(sigmas, 1e-6) ** 2)
    covariance[ATTITUDE, ATTITUDE][2, 2] = turn**2
    state.covariance = covariance
    return state
