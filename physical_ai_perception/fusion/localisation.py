"""Own state: a local filter for smooth `odom`, and a global one that adds GNSS and gives `odom` in `map`.

Until the first absolute measurement the global one is the local one behind an anchor (the start pose, or what a
person set), so that `map_to_odom` stands still and only its covariance grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.site import Site
from physical_ai_perception.fusion import measurements, rotations
from physical_ai_perception.fusion.anchor import Anchor, Track, turn_about_up
from physical_ai_perception.fusion.filter import Filter, Gate
from physical_ai_perception.fusion.gnss import FARTHEST_M, LocalGrid
from physical_ai_perception.fusion.history import PoseHistory
from physical_ai_perception.fusion.motion import MotionFilter, first_state
from physical_ai_perception.fusion.samples import ImuSample, Unusable, WheelSample, finite
from physical_ai_perception.fusion.state import ATTITUDE, GYRO_BIAS, POSITION, SIZE, VELOCITY, State
from physical_ai_perception.parameters import PerceptionParameters

WAIT_FOR_IMU_S: Final = 0.5  # after the first wheel message, before starting without an IMU
NO_HEADING_RAD: Final = 3.0
RESUME_POSITION_M: Final = 0.3  # how far the robot may have gone while nobody looked
RESUME_YAW_RAD: Final = 0.1
POSE: Final = np.ix_(np.r_[0:3, 6:9], np.r_[0:3, 6:9])  # position and attitude of the error state
DIAGONAL_OF_6: Final = np.arange(6) * 7
SURE_AHEAD_S: Final = 0.05  # constant motion is as good as the filter over so short a time
RATE_BANDWIDTH_HZ: Final = 100.0
GNSS: Final = "gps/fix"


@dataclass(frozen=True)
class Start:
    """Where the robot stands in `map` at start: planar pose (3,), covariance of the position (2, 2), yaw sigma."""

    pose: Array
    position_cov: Array
    yaw_sigma_rad: float


@dataclass(frozen=True)
class Kept:
    """A pose kept over a restart: x, y, z, yaw of the base in `odom` and of `odom` in `map`; variances of the robot's
    x, y (m^2) and yaw (rad^2) in `map`."""

    stamp_s: float
    odom: tuple[float, float, float, float]
    map_to_odom: tuple[float, float, float, float]
    variances: tuple[float, float, float]


def start_of(parameters: PerceptionParameters, site: Site | None) -> Start:
    """The start that the parameters name."""
    pose = np.zeros(3)
    if parameters.start_pose == "site" and site is not None:
        pose = site.places[site.start].pose.as_array()
    return Start(pose, np.eye(2) * parameters.start_position_sigma_m**2, parameters.start_yaw_sigma_rad)


class Localisation:
    """`odometry(stamp)` and `map_to_odom(stamp)` are what leaves; both None before the first motion sensor."""

    def __init__(self, parameters: PerceptionParameters, site: Site | None) -> None:
        self._p = parameters
        self._start = start_of(parameters, site)
        self._grid = LocalGrid(parameters, None if site is None else site.datum)
        self._first_wheel_s: float | None = None
        self._track = Track()
        self.history = PoseHistory()
        self.local: MotionFilter | None = None
        self.global_: MotionFilter | None = None
        self.anchor: Anchor | None = None
        self.resets = 0
        self._kept: Kept | None = None
        self._fixes = Gate()
        self._pick = np.zeros((6, SIZE))
        self._pick[:3, POSITION] = self._pick[3:, ATTITUDE] = np.eye(3)
        self._rate_noise = np.eye(3) * parameters.gyro_noise**2 * RATE_BANDWIDTH_HZ

    # --- inputs ---

    def imu(self, sample: ImuSample) -> None:
        if self.local is None:
            self._begin(first_state(self._p, sample.stamp_s, sample))
        for motion in (self.local, self.global_):
            if motion is not None:
                motion.imu(sample)
        self._record()

    def wheels(self, sample: WheelSample) -> None:
        if self.local is None:
            self._first_wheel_s = sample.stamp_s if self._first_wheel_s is None else self._first_wheel_s
            if sample.stamp_s - self._first_wheel_s < WAIT_FOR_IMU_S:
                return
            self._begin(first_state(self._p, sample.stamp_s, None))
        for motion in (self.local, self.global_):
            if motion is not None:
                motion.wheels(sample)
        self._record()

    def gnss(self, fix: m.GnssFix, lever_arm_m: Array) -> None:
        """Take a fix at its own time. Raises Unusable."""
        if self.local is None or self.anchor is None:
            raise Unusable("no motion sensor yet")
        state = self.local.state
        # What was driven since the fix was taken: a late fix is compared with where the robot was then.
        ahead_s = fix.stamp_s - state.stamp_s
        since = -state.velocity * ahead_s if ahead_s > 0.0 else state.position - self.history.position_at(fix.stamp_s)
        antenna = state.position - since + state.rotation @ lever_arm_m
        here = self.anchor.apply(antenna)
        if self.global_ is not None:
            there = self.global_.state
            here = there.position + there.rotation @ lever_arm_m
        measured, noise = self._grid.position(fix, here), self._grid.noise(fix)
        if self.global_ is None:
            self._try_to_settle(fix, measured, noise, antenna, lever_arm_m)
        if self.global_ is not None:
            yaw = rotations.yaw(self.global_.state.attitude) - rotations.yaw(state.attitude)
            self._update(self.global_.filter, measured + turn_about_up(yaw, since), noise, lever_arm_m, fix.stamp_s)

    def set_pose(self, pose: m.Pose) -> None:
        """A person says where the robot is (frame `map`). Raises Unusable."""
        length = float(np.linalg.norm(pose.orientation_xyzw)) if finite(pose.orientation_xyzw) else 0.0
        if not finite(pose.position_m) or not 0.9 < length < 1.1:
            raise Unusable("position or orientation is not one")
        planar = pose.planar()
        if float(np.abs(planar).max()) > FARTHEST_M:
            raise Unusable("position is farther than 50 km")
        if pose.frame_id.lstrip("/") != "map":
            raise Unusable(f"frame '{pose.frame_id}' is not 'map'")
        cov = np.zeros((6, 6)) if pose.cov is None else pose.cov
        variances = cov.diagonal()[[0, 1, 5]]
        sound = finite(cov) and float(variances.min()) > 0.0 and float(variances.max()) < FARTHEST_M
        sound = sound and float(cov[0, 1] * cov[1, 0]) < float(variances[0] * variances[1])
        position_cov = 0.5 * (cov[:2, :2] + cov[:2, :2].T) if sound else np.eye(2) * self._p.start_position_sigma_m**2
        self._start = Start(planar, position_cov, float(np.sqrt(cov[5, 5])) if sound else self._p.start_yaw_sigma_rad)
        self.global_ = None
        self._track.clear()
        self._fixes = Gate()
        self.resets += 1
        if self.local is not None:
            self.anchor = self._anchor_of_start(self.local.state)

    def time_was_set(self, stamp_s: float) -> None:
        """The clock was set: states are kept, their time starts anew."""
        self.history.clear()
        self._first_wheel_s = None
        for motion in (self.local, self.global_):
            if motion is not None:
                motion.time_was_set(stamp_s)

    # --- outputs ---

    def odometry(self, stamp_s: float) -> m.Odometry | None:
        """State of the local filter, extrapolated to `stamp_s`."""
        if self.local is None:
            return None
        state, rate = self.local.state, self.local.angular_rate()
        dt_s = max(0.0, stamp_s - state.stamp_s)
        linear = state.rotation.T @ state.velocity
        attitude, position = state.attitude, state.position
        if dt_s > 0.0:
            wx, wy, wz = (rate * dt_s).tolist()
            half = rotations.multiply(attitude, rotations.exponential(0.5 * wx, 0.5 * wy, 0.5 * wz))
            position = position + rotations.matrix(half) @ linear * dt_s
            attitude = rotations.normalised(rotations.multiply(attitude, rotations.exponential(wx, wy, wz)))
        pose_cov, twist_cov = self._covariances(state, dt_s)
        return m.Odometry(
            stamp_s, "odom", "base_link", np.array(position), np.array(attitude), linear, rate, pose_cov, twist_cov
        )

    def map_to_odom(self, stamp_s: float) -> m.Pose | None:
        """Pose of `odom` in `map`; its covariance is that of the robot's own pose in `map`, where it matters."""
        if self.local is None or self.anchor is None:
            return None
        local = self.local.state
        there = self.anchor.start(local) if self.global_ is None else self.global_.state
        position, yaw = self.anchor.position, self.anchor.yaw_rad
        if self.global_ is not None:
            yaw = rotations.wrap(rotations.yaw(there.attitude) - rotations.yaw(local.attitude))
            position = there.position - turn_about_up(yaw, local.position)
        cov = there.covariance[POSE]
        return m.Pose(stamp_s, "map", position.copy(), np.array(rotations.of_yaw(yaw)), cov)

    def mend(self) -> bool:
        """Should a state hold a number that is none, start that filter anew where it last was. True when it did."""
        if self.local is not None and not self.local.state.is_finite():
            stamp_s, position, yaw = self.history.last()
            state = first_state(self._p, stamp_s, None)
            state.position[:] = position
            state.set_attitude(rotations.of_yaw(yaw))
            self.local, self.resets = MotionFilter(self._p, state, self._p.imu_orientation), self.resets + 1
            return True
        if self.global_ is not None and not self.global_.state.is_finite():
            self.global_, self.resets = None, self.resets + 1
            return True
        return False

    def planar_motion(self) -> tuple[Array, float]:
        """World velocity (3,) and yaw rate of the local filter."""
        if self.local is None:
            return np.zeros(3), 0.0
        return self.local.state.velocity, float(self.local.angular_rate()[2])

    @property
    def heading_known(self) -> bool:
        return self.global_ is not None or self.anchor is None or self.anchor.heading_known

    # --- keeping a pose over a restart ---

    def checkpoint(self) -> Kept | None:
        """What `resume` of a later process needs; None before the first motion sensor."""
        there = self.map_to_odom(0.0)
        if self.local is None or there is None or there.cov is None:
            return None
        state = self.local.state
        x, y, yaw = there.planar().tolist()
        return Kept(
            stamp_s=state.stamp_s,
            odom=(*state.position.tolist(), rotations.yaw(state.attitude)),
            map_to_odom=(x, y, float(there.position_m[2]), yaw),
            variances=(float(there.cov[0, 0]), float(there.cov[1, 1]), float(there.cov[5, 5])),
        )

    def resume(self, kept: Kept) -> None:
        """Start from a kept pose, if the first motion sensor's stamp is not too far from it."""
        self._kept = kept

    # --- inside ---

    def _begin(self, state: State) -> None:
        kept, self._kept = self._kept, None
        self.local = MotionFilter(self._p, state, self._p.imu_orientation)
        if kept is None or not 0.0 <= state.stamp_s - kept.stamp_s <= self._p.resume_within_s:
            self.anchor = self._anchor_of_start(state)
            return
        state.position[:] = kept.odom[:3]
        if self._p.imu_orientation != "full":
            state.set_attitude(rotations.with_yaw(state.attitude, kept.odom[3]))
        position, yaw = np.array(kept.map_to_odom[:3]), kept.map_to_odom[3]
        cov = np.diag([kept.variances[0], kept.variances[1], kept.variances[1]]) + np.eye(3) * RESUME_POSITION_M**2
        pivot = turn_about_up(yaw, state.position) + position
        self.anchor = Anchor(position, yaw, cov, float(np.hypot(np.sqrt(kept.variances[2]), RESUME_YAW_RAD)), pivot)

    def _anchor_of_start(self, local: State) -> Anchor:
        start = self._start
        robot = np.array([start.pose[0], start.pose[1], local.position[2]])
        # With a full IMU orientation and no start heading, the IMU's east-north heading is the best there is.
        free = self._p.imu_orientation == "full" and self._p.start_pose == "origin" and self.resets == 0
        yaw = 0.0 if free else float(start.pose[2]) - rotations.yaw(local.attitude)
        cov = np.zeros((3, 3))
        cov[:2, :2] = start.position_cov
        cov[2, 2] = self._p.start_position_sigma_m**2
        position = robot - turn_about_up(yaw, local.position)
        return Anchor(position, rotations.wrap(yaw), cov, start.yaw_sigma_rad, robot)

    def _record(self) -> None:
        if self.local is not None:
            state = self.local.state
            self.history.add(state.stamp_s, state.position, rotations.yaw(state.attitude))

    def _settle(self, anchor: Anchor) -> MotionFilter:
        assert self.local is not None
        # The heading of `map` comes from the track; an IMU's own heading would fight it by its declination.
        orientation = "level" if self._p.imu_orientation == "full" else self._p.imu_orientation
        motion = MotionFilter(self._p, anchor.start(self.local.state), orientation)
        motion.adopt_inputs(self.local)
        return motion

    def _try_to_settle(self, fix: m.GnssFix, measured: Array, noise: Array, antenna: Array, lever_arm_m: Array) -> None:
        assert self.anchor is not None
        if self.anchor.heading_known:
            motion = self._settle(self.anchor)
            if self._update(motion.filter, measured, noise, lever_arm_m, fix.stamp_s, dry=True):
                self.global_, self._fixes.streak = motion, 0
                return
            # The start pose and GNSS contradict each other. After a while GNSS is believed, and the heading unknown.
            if self._fixes.streak == 0:
                self._fixes.streak_since_s = fix.stamp_s
            self._fixes.streak += 1
            self._fixes.rejected += 1
            if self._fixes.streak < 5 or fix.stamp_s - self._fixes.streak_since_s < self._p.gate_recovery_s:
                return
            doubted = self.anchor.moved_to(antenna, measured, noise)
            self.anchor = Anchor(doubted.position, doubted.yaw_rad, noise, NO_HEADING_RAD, measured)
            self.resets += 1
        sigma = float(np.sqrt(0.5 * np.trace(noise[:2, :2])))
        self._track.add(antenna, measured, sigma)
        found = self._track.fit()
        if found is not None:
            self.anchor = found
            self._track.clear()
            self.global_ = self._settle(found)

    def _update(
        self, target: Filter, measured: Array, noise: Array, lever_arm_m: Array, stamp_s: float, dry: bool = False
    ) -> bool:
        whole = measurements.antenna_position(target.state, measured, lever_arm_m, noise)
        flat = measurements.rows(whole, 0, 2)
        if dry:
            spread = flat.jacobian @ target.state.covariance @ flat.jacobian.T + flat.noise
            return float(flat.innovation @ np.linalg.solve(spread, flat.innovation)) < 16.0
        taken = target.update(GNSS, flat, stamp_s)
        if self._p.gnss_altitude:
            whole = measurements.antenna_position(target.state, measured, lever_arm_m, noise)
            target.update("gps altitude", measurements.rows(whole, 2, 3), stamp_s)
        return taken

    def _covariances(self, state: State, dt_s: float) -> tuple[Array, Array]:
        """Covariances (6, 6) of pose and twist after `dt_s` of constant motion."""
        pick = self._pick
        pick[0, 3] = pick[1, 4] = pick[2, 5] = dt_s
        pose = pick @ state.covariance @ pick.T
        doubt = 0.0 if dt_s <= SURE_AHEAD_S else dt_s  # over a silence the motion itself may change
        pose.ravel()[DIAGONAL_OF_6] += [doubt**3 / 3.0] * 3 + [self._p.gyro_noise**2 * dt_s + 0.01 * doubt] * 3
        twist = np.zeros((6, 6))
        twist[:3, :3] = state.rotation.T @ state.covariance[VELOCITY, VELOCITY] @ state.rotation
        twist[3:, 3:] = state.covariance[GYRO_BIAS, GYRO_BIAS] + self._rate_noise
        return pose, twist
