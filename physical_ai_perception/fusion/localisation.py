"""Own state: a local filter for smooth `odom`, and a global one that adds what is known in `map` (GNSS, poses).

Until the first absolute measurement the global one is the local one behind an anchor (the start pose, or what a
person set), so that `map_to_odom` stands still and only its covariance grows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot
from typing import Final

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, compose, invert
from physical_ai_core.site import Site
from physical_ai_perception.fusion import measurements, rotations
from physical_ai_perception.fusion.anchor import Anchor, ScaleDoubt, Track, turn_about_up
from physical_ai_perception.fusion.filter import Gate
from physical_ai_perception.fusion.gnss import FARTHEST_M, GnssTrust, LocalGrid, fix_noise
from physical_ai_perception.fusion.history import PoseHistory
from physical_ai_perception.fusion.kept import TURNED_RAD, Kept, resume
from physical_ai_perception.fusion.measurements import Measurement
from physical_ai_perception.fusion.motion import IMU_HOLD_S, ImuTrust, MotionFilter, WheelTrust, first_state
from physical_ai_perception.fusion.output import Smoother, View
from physical_ai_perception.fusion.samples import ImuSample, Unusable, WheelSample, finite
from physical_ai_perception.fusion.state import PLANAR, POSE, State
from physical_ai_perception.parameters import PerceptionParameters

WAIT_FOR_IMU_S: Final = 0.5  # after the first wheel message, before starting without an IMU
NO_HEADING_RAD: Final = 3.0
FITS: Final = 16.0  # squared Mahalanobis distance within which a first absolute measurement agrees with the start
INSISTS: Final = 5  # so many contradicting ones, over the recovery time, are believed against the start
SKEW_S: Final = 0.5  # a stamp ahead by less than this is another clock, by more a silence of the motion sensors
LEAST_POSE_VARIANCE: Final = 1e-6  # m^2, rad^2

__all__ = ["Kept", "Localisation"]


@dataclass(frozen=True)
class Start:
    """Where the robot stands in `map` at start: planar pose (3,), covariance of the position (2, 2), yaw sigma."""

    pose: Array
    position_cov: Array
    yaw_sigma_rad: float


def start_of(parameters: PerceptionParameters, site: Site | None) -> Start:
    """The start that the parameters name."""
    pose = np.zeros(3)
    if parameters.start_pose == "site" and site is not None:
        pose = site.places[site.start].pose.as_array()
    return Start(pose, np.eye(2) * parameters.start_position_sigma_m**2, parameters.start_yaw_sigma_rad)


class Localisation:
    """`odometry(stamp)` and `map_to_odom(stamp)` are what leaves; both None before the first motion sensor.

    `scale_names`: the wheel odometries whose scale is in the state; `heading_by_imu`: an IMU's own heading is taken.
    """

    def __init__(
        self,
        parameters: PerceptionParameters,
        site: Site | None,
        scale_names: tuple[str, ...] = (),
        heading_by_imu: bool = False,
    ) -> None:
        self._p = parameters
        self.scale_names = scale_names
        self._doubt = ScaleDoubt(parameters.wheel_scale_sigma, len(scale_names), (0.0, 0.0, 0.0))
        self._heading_by_imu = heading_by_imu
        self._start = start_of(parameters, site)
        self._grid = LocalGrid(None if site is None else site.datum)
        self._first_wheel_s: float | None = None
        self._track = Track()
        self.history = PoseHistory()
        self.local: MotionFilter | None = None
        self.global_: MotionFilter | None = None
        self.anchor: Anchor | None = None
        self.resets = 0
        self._view: View | None = None
        self._smoother = Smoother(parameters.odom_slew_mps)
        self._kept: Kept | None = None
        self._resumed = False  # the anchor is a kept one, and nothing absolute has been heard since
        self._fixes = Gate()
        self._driver = ""  # the IMU that drives; others wait for its silence
        self._driver_s = -np.inf
        self._biases: dict[str, tuple[list[float], list[float]]] = {}

    # --- motion ---

    def imu(self, sample: ImuSample, trust: ImuTrust) -> None:
        """The first IMU drives the filters while it is heard; of the others only the orientation is taken."""
        if self.local is None:
            self._begin(first_state(self._p, sample.stamp_s, sample, trust))
        drives = trust.source == self._driver or self._takes_over(sample.stamp_s, trust.source)
        for motion in (self.local, self.global_):
            if motion is not None:
                if drives:
                    motion.imu(sample, trust)
                elif trust.orientation != "none":
                    motion.orientation(sample, trust)
        if drives:
            self._driver_s = sample.stamp_s
            self._record()

    def wheels(self, sample: WheelSample, trust: WheelTrust) -> None:
        if self.local is None:
            self._first_wheel_s = sample.stamp_s if self._first_wheel_s is None else self._first_wheel_s
            if sample.stamp_s - self._first_wheel_s < WAIT_FOR_IMU_S:
                return
            self._begin(first_state(self._p, sample.stamp_s, None, None))
        for motion in (self.local, self.global_):
            if motion is not None:
                motion.wheels(sample, trust)
        self._record()

    # --- absolute measurements ---

    def gnss(self, fix: m.GnssFix, lever_arm_m: Array, trust: GnssTrust) -> None:
        """Take a fix at its own time. Raises Unusable."""
        local, anchor = self._ready(fix.stamp_s)
        antenna = self._position_at(fix.stamp_s) + local.state.rotation @ lever_arm_m
        there = anchor.apply(antenna)
        if self.global_ is not None:
            there = self.global_.state.position + self.global_.state.rotation @ lever_arm_m
        measured = self._grid.position(fix, there, trust.altitude)
        self._take_position(fix.stamp_s, trust.source, measured, fix_noise(fix, trust), antenna, lever_arm_m, trust)

    def take_pose(
        self, stamp_s: float, source: str, pose: Array, covariance: Array, rows: str = "xyt", frame: str = "map",
        gate_probability: float = 0.0,
    ) -> bool:  # fmt: skip
        """Take a pose [x, y, yaw] (3,) of `base_link` with covariance (3, 3) from scan matching, a map or a fiducial.

        `rows` of x, y, t (heading) is what of it counts. In `map` it goes to the global filter, the first one settles
        the anchor; in `odom` to the local one. False: rejected by the gate. Raises Unusable.
        """
        pose, covariance = np.asarray(pose, dtype=float), np.asarray(covariance, dtype=float)
        _check_pose(pose, covariance)
        covariance = 0.5 * (covariance + covariance.T) + np.eye(3) * LEAST_POSE_VARIANCE
        local, anchor = self._ready(stamp_s)
        if frame == "odom":
            seen = measurements.planar_pose(self._shifted(local, stamp_s, pose), covariance, rows)
            return self._apply(local, stamp_s, source, seen, gate_probability)
        if frame != "map":
            raise Unusable(f"frame '{frame}' is neither 'map' nor 'odom'")
        if self.global_ is None:
            return self._settle_by_pose(stamp_s, pose, covariance, rows, anchor)
        seen = measurements.planar_pose(self._shifted(self.global_, stamp_s, pose), covariance, rows)
        return self._apply(self.global_, stamp_s, source, seen, gate_probability)

    def take_height(self, stamp_s: float, source: str, z_m: float, sigma_m: float) -> bool:
        """Take the height of `base_link` in `map`; nothing before the anchor is settled."""
        if self.global_ is None:
            return False
        at = np.array([0.0, 0.0, z_m])
        seen = measurements.antenna_position(at, np.zeros(3), np.eye(3) * sigma_m**2, "z")
        return self._apply(self.global_, stamp_s, f"{source} height", seen, 0.0)

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

    # --- time ---

    def time_was_set(self, stamp_s: float) -> None:
        """The clock was set: states are kept, their time starts anew."""
        self.history.clear()
        self._smoother.forget()
        self._first_wheel_s = None
        self._driver_s = -np.inf
        for motion in (self.local, self.global_):
            if motion is not None:
                motion.time_was_set(stamp_s)

    def mend(self) -> bool:
        """Should a state hold a number that is none, start that filter anew where it last was. True when it did."""
        if self.local is not None and not self.local.state.is_finite():
            stamp_s, position, yaw = self.history.last()
            state = first_state(self._p, stamp_s, None, None)
            state.position[:] = position
            state.set_attitude(rotations.of_yaw(yaw))
            self._put_local(state)
            self.resets += 1
            return True
        if self.global_ is not None and not self.global_.state.is_finite():
            self.global_, self.resets = None, self.resets + 1
            return True
        return False

    # --- outputs ---

    def odometry(self, stamp_s: float) -> m.Odometry | None:
        """State of the local filter, extrapolated to `stamp_s`."""
        return None if self._view is None else self._view.odometry(stamp_s, self._smoother, self._doubt)

    def map_to_odom(self, stamp_s: float) -> m.Pose | None:
        """Pose of `odom` in `map`; its covariance is that of the robot's own pose in `map`, where it matters."""
        if self.local is None or self.anchor is None:
            return None
        local, offset = self.local.state, self._smoother.offset
        if self.global_ is None:
            position, yaw = self.anchor.position, self.anchor.yaw_rad
            cov = self.anchor.pose_covariance(local, self._doubt)
        else:
            there = self.global_.state
            yaw = rotations.yaw(there.attitude) - rotations.yaw(local.attitude) - offset.yaw_rad
            yaw = rotations.wrap(yaw)
            position = there.position - turn_about_up(yaw, local.position + offset[:3])
            cov = there.covariance_of(POSE)
        return m.Pose(stamp_s, "map", position.copy(), np.array(rotations.of_yaw(yaw)), cov)

    def planar_motion(self) -> tuple[Array, float]:
        """World velocity (3,) and yaw rate of the local filter."""
        if self.local is None:
            return np.zeros(3), 0.0
        return self.local.state.velocity, float(self.local.angular_rate()[2])

    def pose_in_map(self) -> tuple[Array, Array] | None:
        """Present planar pose (3,) of the robot in `map` and its covariance (3, 3); None before the first motion."""
        if self.local is None or self.anchor is None:
            return None
        there = self.anchor.start(self.local.state, self._doubt) if self.global_ is None else self.global_.state
        pose = np.array([there.position[0], there.position[1], rotations.yaw(there.attitude)])
        return pose, there.covariance_of(PLANAR)

    @property
    def heading_known(self) -> bool:
        return self.global_ is not None or self.anchor is None or self.anchor.heading_known

    # --- keeping a pose over a restart ---

    def checkpoint(self) -> Kept | None:
        """What `resume` of a later process needs; None before the first motion sensor."""
        there = self.map_to_odom(0.0)
        if self.local is None or there is None or there.cov is None:
            return None
        state, offset = self.local.state, self._smoother.offset
        x, y, yaw = there.planar().tolist()
        position = (state.position + offset[:3]).tolist()
        return Kept(
            stamp_s=state.stamp_s,
            odom=(*position, rotations.yaw(state.attitude) + offset.yaw_rad),
            map_to_odom=(x, y, float(there.position_m[2]), yaw),
            variances=(float(there.cov[0, 0]), float(there.cov[1, 1]), float(there.cov[5, 5])),
            speed_mps=float(np.hypot(state.velocity[0], state.velocity[1])),
        )

    def resume(self, kept: Kept) -> None:
        """Start from a kept pose, if the first motion sensor's stamp is not too far from it."""
        self._kept = kept

    # --- inside ---

    def _begin(self, state: State) -> None:
        kept, self._kept = self._kept, None
        if kept is None or not 0.0 <= state.stamp_s - kept.stamp_s <= self._p.resume_within_s:
            self.anchor = self._anchor_of_start(state)
        else:
            self.anchor = resume(kept, state, self._heading_by_imu)
            self._resumed = True
        self._doubt = replace(self._doubt, origin=tuple(state.position.tolist()))
        self._put_local(state)

    def _put_local(self, state: State) -> None:
        self.local = MotionFilter(self._p, state)
        self._view = View(self.local, self._p.gyro_noise)

    def _anchor_of_start(self, local: State) -> Anchor:
        start = self._start
        robot = np.array([start.pose[0], start.pose[1], local.position[2]])
        # With a full IMU orientation and no start heading, the IMU's east-north heading is the best there is.
        free = self._heading_by_imu and self._p.start_pose == "origin" and self.resets == 0
        yaw = 0.0 if free else float(start.pose[2]) - rotations.yaw(local.attitude)
        cov = np.zeros((3, 3))
        cov[:2, :2] = start.position_cov
        cov[2, 2] = self._p.start_position_sigma_m**2
        position = robot - turn_about_up(yaw, local.position)
        return Anchor(position, rotations.wrap(yaw), cov, start.yaw_sigma_rad, robot)

    def _takes_over(self, stamp_s: float, source: str) -> bool:
        """Whether an IMU drives from now on; each has its own biases."""
        if self._driver and stamp_s - self._driver_s <= IMU_HOLD_S:
            return False
        if self._driver:
            for motion in (self.local, self.global_):
                if motion is not None:
                    kept = (motion.state.gyro_bias.tolist(), motion.state.accel_bias.tolist())
                    self._biases[self._driver] = kept
                    motion.other_imu(*self._biases.get(source, ([0.0] * 3, [0.0] * 3)))
        self._driver = source
        return True

    def _record(self) -> None:
        if self.local is not None:
            state, offset = self.local.state, self._smoother.offset
            x, y, z = state.position.tolist()
            yaw = rotations.yaw(state.attitude) + offset.yaw_rad
            self.history.add(state.stamp_s, (x + offset.x, y + offset.y, z + offset.z), yaw)

    def _ready(self, stamp_s: float) -> tuple[MotionFilter, Anchor]:
        """Both filters, brought forward to a stamp that is a little newer (or much, where motion is silent)."""
        if self.local is None or self.anchor is None:
            raise Unusable("no motion sensor yet")
        ahead_s = stamp_s - self.local.state.stamp_s
        if 0.0 < ahead_s <= IMU_HOLD_S or ahead_s > SKEW_S:
            self.local.advance(stamp_s)
            if self.global_ is not None:
                self.global_.advance(stamp_s)
            self._record()
        return self.local, self.anchor

    def _position_at(self, stamp_s: float) -> Array:
        """Position (3,) of the base in `odom` at a stamp near now."""
        assert self.local is not None
        state = self.local.state
        ahead_s = stamp_s - state.stamp_s
        return state.position + state.velocity * ahead_s if ahead_s > 0.0 else self.history.position_at(stamp_s)

    def _planar_at(self, stamp_s: float) -> Array:
        """Pose [x, y, yaw] (3,) of the base in `odom` at a stamp near now."""
        velocity, rate = self.planar_motion()
        x, y, yaw = self.history.at(np.array([stamp_s]), velocity, rate)
        return np.array([x[0], y[0], yaw[0]])

    def _remembers(self, motion: MotionFilter, stamp_s: float) -> bool:
        now_s = motion.state.stamp_s
        return stamp_s == now_s or (stamp_s < now_s and motion.filter.timeline.before(stamp_s) >= 0)

    def _shifted(self, motion: MotionFilter, stamp_s: float, pose: Array) -> Array:
        """A pose taken at another time than the filter can go back to, moved on by what was driven since."""
        assert self.local is not None
        if self._remembers(motion, stamp_s):
            return pose
        moved = compose(invert(self._planar_at(stamp_s)), self._planar_at(self.local.state.stamp_s))
        return compose(pose, moved)

    def _apply(self, motion: MotionFilter, stamp_s: float, source: str, seen: Measurement, gate: float) -> bool:
        """Take a measurement at its own time where the filter remembers it, else now."""
        at_s = stamp_s if self._remembers(motion, stamp_s) else motion.state.stamp_s
        return motion.filter.update(source, seen, at_s, gate_probability=gate)

    def _take_position(
        self, stamp_s: float, source: str, measured: Array, noise: Array, antenna: Array, lever_arm_m: Array,
        trust: GnssTrust,
    ) -> None:  # fmt: skip
        if self.global_ is None:
            self._settle_by_position(stamp_s, measured, noise, antenna, lever_arm_m)
        motion = self.global_
        if motion is None or self.local is None:
            return
        if not self._remembers(motion, stamp_s):
            yaw = rotations.yaw(motion.state.attitude) - rotations.yaw(self.local.state.attitude)
            since = self._position_at(self.local.state.stamp_s) - self._position_at(stamp_s)
            measured = measured + turn_about_up(yaw, since)
        flat = measurements.antenna_position(measured, lever_arm_m, noise, "xy")
        self._apply(motion, stamp_s, source, flat, trust.gate_probability)
        if trust.altitude:
            high = measurements.antenna_position(measured, lever_arm_m, noise, "z")
            name = "gps altitude" if source == "gps/fix" else f"{source} altitude"
            self._apply(motion, stamp_s, name, high, trust.gate_probability)

    # --- settling the anchor ---

    def _settled(self, anchor: Anchor) -> MotionFilter:
        assert self.local is not None
        # The heading of `map` comes from the track; an IMU's own heading would fight it by its declination.
        motion = MotionFilter(self._p, anchor.start(self.local.state, self._doubt), heading=False)
        motion.adopt_inputs(self.local)
        return motion

    def _contradicted(self, stamp_s: float) -> bool:
        """Something absolute contradicts the start pose; True once it has insisted for long enough to be believed."""
        gate = self._fixes
        if gate.streak == 0:
            gate.streak_since_s = stamp_s
        gate.streak += 1
        gate.rejected += 1
        return gate.streak >= INSISTS and stamp_s - gate.streak_since_s >= self._p.gate_recovery_s

    def _agrees(self, motion: MotionFilter, seen: Measurement) -> bool:
        away, jacobian, noise = motion.filter.innovation(seen)
        spread = jacobian @ motion.state.covariance @ jacobian.T + noise
        return float(away @ np.linalg.solve(spread, away)) < FITS

    def _settle_by_position(
        self, stamp_s: float, measured: Array, noise: Array, antenna: Array, lever_arm_m: Array
    ) -> None:
        assert self.anchor is not None and self.local is not None
        if self.anchor.heading_known:
            motion = self._settled(self.anchor)
            since = turn_about_up(self.anchor.yaw_rad, self.local.state.position - self._position_at(stamp_s))
            if self._agrees(motion, measurements.antenna_position(measured + since, lever_arm_m, noise, "xy")):
                self.global_, self._fixes.streak = motion, 0
                return
            if not self._contradicted(stamp_s):
                return
            doubted = self.anchor.moved_to(antenna, measured, noise)
            # A pose kept over a restart is wrong in place, not in heading: the robot coasted on, nobody turned it.
            sigma = max(doubted.yaw_sigma_rad, TURNED_RAD) if self._resumed else NO_HEADING_RAD
            self._resumed = False
            self.anchor = Anchor(doubted.position, doubted.yaw_rad, noise, sigma, measured)
            self.resets += 1
        self._track.add(antenna, measured, float(np.sqrt(0.5 * np.trace(noise[:2, :2]))))
        found = self._track.fit()
        if found is not None:
            self.anchor = found
            self._track.clear()
            self.global_ = self._settled(found)

    def _settle_by_pose(self, stamp_s: float, pose: Array, covariance: Array, rows: str, anchor: Anchor) -> bool:
        assert self.local is not None
        state = self.local.state
        if "t" not in rows:
            noise = np.diag([0.0, 0.0, self._p.start_position_sigma_m**2])
            noise[:2, :2] = covariance[:2, :2]
            at = self._position_at(stamp_s)
            measured = np.array([pose[0], pose[1], anchor.apply(at)[2]])
            self._settle_by_position(stamp_s, measured, noise, at, np.zeros(3))
            return self.global_ is not None
        now = compose(pose, compose(invert(self._planar_at(stamp_s)), self._planar_at(state.stamp_s)))
        if anchor.heading_known:
            motion, seen = self._settled(anchor), measurements.planar_pose(now, covariance, rows)
            if self._agrees(motion, seen):
                motion.filter.update("start", seen, state.stamp_s)
                self.global_, self._fixes.streak = motion, 0
                return True
            if not self._contradicted(stamp_s):
                return False
            self.resets += 1
        yaw = rotations.wrap(now[2] - rotations.yaw(state.attitude))
        here = np.array([now[0], now[1], anchor.apply(state.position)[2]])
        cov = np.eye(3) * self._p.start_position_sigma_m**2
        cov[:2, :2] = covariance[:2, :2]
        sigma = hypot(float(np.sqrt(covariance[2, 2])), 1e-3)
        self.anchor = Anchor(here - turn_about_up(yaw, state.position), yaw, cov, sigma, here)
        self._track.clear()
        self.global_ = self._settled(self.anchor)
        return True


def _check_pose(pose: Array, covariance: Array) -> None:
    if pose.shape != (3,) or covariance.shape != (3, 3) or not (finite(pose) and finite(covariance)):
        raise Unusable("content is not finite")
    if float(np.abs(pose).max()) > FARTHEST_M:
        raise Unusable("position is farther than 50 km")
    if float(covariance.diagonal().min()) <= 0.0 or float(np.linalg.eigvalsh(covariance).min()) < 0.0:
        raise Unusable("covariance is not positive")
