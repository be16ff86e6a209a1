"""What the gate has heard: each message checked, taken or refused by name, and what they come to at one instant.

Nothing here decides anything. Sensors are told apart by their frame: two scanners may share the topic `scan`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from physical_ai_core import messages as m
from physical_ai_core.robot import Mount, Robot, RobotError
from physical_ai_safety.arbitration import Voice, choose
from physical_ai_safety.circumstances import SiteState
from physical_ai_safety.command_watch import CommandWatch
from physical_ai_safety.crew import Crew
from physical_ai_safety.dead_reckoning import DeadReckoning
from physical_ai_safety.incline import Incline, Seat
from physical_ai_safety.inputs import Age, Inputs
from physical_ai_safety.latency import Reaction
from physical_ai_safety.parameters import GateParameters
from physical_ai_safety.place import Place, tilt_of
from physical_ai_safety.plausible import Fault, MotionCheck
from physical_ai_safety.rule_forms import Slope
from physical_ai_safety.sensors import SensorBank
from physical_ai_safety.situation import FASTEST, Book, Command

BASE_FRAMES: Final = ("base_link", "")
WHEEL_FRAMES: Final = ("base_link", "base_footprint", "")
MOVING_MPS, MOVING_RPS = 0.02, 0.05  # a robot that moves more is not at rest: no reset
SLIDING_MPS = 0.15  # and so is one that perception sees move, beyond its noise
CLOCK_BACK_S = 0.5  # a clock that goes back by more has jumped
CLOCK_FORWARD_S = 1.0  # and one that goes on by more from tick to tick
CLOCK_HOLD_S = 0.3  # so long a jump is the reason for standing: by then everything has been heard anew
GYRO_FRESH_S = 0.05
CLOCK_STEP_S = 0.05

Taker = Callable[[Any, float], bool]  # True: to be answered at once


class Hearing:
    """Inputs by topic in `takers`; `now_s` is the time of the graph's clock, None before the first word."""

    def __init__(self, book: Book, robot: Robot, parameters: GateParameters, reach_m: float) -> None:
        file = book.file
        watch, stopping = file.watchdogs, file.stopping
        self._robot = robot
        self._future_s = watch.future_s
        self.inputs = Inputs(
            {
                "scan": watch.scan_s, "wheel/odometry": watch.wheel_odometry_s, "imu/data": watch.imu_s,
                "state/odometry": watch.state_s, "state/map_to_odom": watch.map_to_odom_s,
                "cmd_vel_nav": watch.autonomy_s, "cmd_vel_teleop": watch.teleop_s,
            },
            watch.future_s,
            parameters.steady_timeout_s,
            dict(watch.min_rate_hz),
        )  # fmt: skip
        self._required: tuple[str, ...] = ("wheel/odometry",)
        if parameters.require_imu or any(isinstance(rule, Slope) for rule in file.rules):
            self._required += ("imu/data",)
        if book.zones.needs_pose:
            self._required += ("state/odometry", "state/map_to_odom")
        self.reckoning = DeadReckoning()
        self.incline = Incline()
        self.reaction = Reaction(stopping.actuator_s)
        self.ranges = SensorBank(
            book.hull, self.reckoning, self.inputs, file.range_sensors, (watch.scan_s, watch.points_s), reach_m,
            stopping.blind_memory_s, (file.people.min_speed_mps, file.people.max_speed_mps),
        )  # fmt: skip
        self.motion = MotionCheck(file.plausible, robot.limits)
        self.orders = CommandWatch(watch.max_command_hz, watch.deadman_s)
        self.crew = Crew(file.crew)
        self.site_state = SiteState(file.gates, watch.site_s)
        self.place = Place(file.localisation.min_sigma_m, file.localisation.max_sigma_m)
        self.commands = {"cmd_vel_nav": Command("autonomy"), "cmd_vel_teleop": Command("teleop")}
        self.refused: dict[str, int] = {}
        self.last_refusal = ""
        self.now_s: float | None = None
        self.tilt_rad = 0.0
        self._seats: dict[str, Seat] = {}
        self._gyro: tuple[float, float] | None = None  # when it spoke last, and the turn in rad/s
        self._jumped: tuple[float, Fault] | None = None  # when the clock did, and how far
        self.takers: dict[str, Taker] = {
            "cmd_vel_nav": lambda data, stamp: self._take_command("cmd_vel_nav", data, stamp),
            "cmd_vel_teleop": lambda data, stamp: self._take_command("cmd_vel_teleop", data, stamp),
            "scan": self._take_scan, "points": self._take_points, "wheel/odometry": self._take_wheels,
            "imu/data": self._take_imu, "state/odometry": self._take_state,
            "state/map_to_odom": self._take_map_to_odom, "site/state": self._take_site_state,
            "heartbeat": self._take_heartbeat, "deadman": self._take_deadman,
        }  # fmt: skip

    # --- time ---

    def now(self) -> float:
        return self.now_s if self.now_s is not None else 0.0

    def between_ticks(self, stamp_s: float) -> None:
        """A message's stamp may move the clock on by a little."""
        if self.now() < stamp_s < self.now() + CLOCK_STEP_S or (self.now_s is None and math.isfinite(stamp_s)):
            self.now_s = stamp_s

    def clock(self, stamp_s: float) -> bool:
        """The tick's time. Returns whether the clock went back, so that nothing heard before can be placed in time."""
        if not math.isfinite(stamp_s):
            return False
        last_s, back = self.now_s, False
        if last_s is not None and stamp_s < last_s - CLOCK_BACK_S:
            self._forget()
            back = True
        elif last_s is not None:
            stamp_s = max(stamp_s, last_s)
        if last_s is not None and (back or stamp_s > last_s + CLOCK_FORWARD_S):
            self._jumped = stamp_s, Fault("clock back" if back else "clock forward", {"by_s": stamp_s - last_s})
        self.now_s = stamp_s
        return back

    def _forget(self) -> None:
        for part in (self.inputs, self.reckoning, self.ranges, self.place, self.incline, self.reaction, self.site_state,
                     self.motion, self.orders):  # fmt: skip
            part.forget()
        self._gyro = None

    # --- what it comes to ---

    def at_rest(self) -> bool | None:
        """None: it is not known whether the robot moves. Wheels that stand on a robot that slides are no rest."""
        if self.now_s is None or not self.inputs.fresh("wheel/odometry", self.now_s):
            return None
        still = abs(self.reckoning.v_mps) <= MOVING_MPS and abs(self.reckoning.w_rps) <= MOVING_RPS
        return still and abs(self.motion.perceived_mps(self.now_s)) <= SLIDING_MPS

    def command(self, driver: str, now_s: float) -> Command:
        """A person before autonomy; who is silent too long has no say."""
        teleop = self._voice("cmd_vel_teleop", now_s)
        last, why = teleop.command, self.orders.refusal(now_s)
        if why and not last.refused and (last.v_mps != 0.0 or last.w_rps != 0.0):
            teleop = teleop._replace(command=Command("teleop", refused=why))
        return choose(driver, teleop, self._voice("cmd_vel_nav", now_s))

    def missing(self) -> tuple[str, ...]:
        """Inputs that must have been heard before the robot may move."""
        return self.ranges.missing() + self.inputs.never(self._required)

    def stale(self, now_s: float) -> tuple[Age, ...]:
        """Inputs that must go on, and do not."""
        return self.inputs.stale((*self.ranges.awaited(), *self._required), now_s)

    def faults(self, now_s: float) -> tuple[Fault, ...]:
        """What is said cannot be: why the robot stands, although everything is fresh."""
        jumped: tuple[Fault, ...] = ()
        if self._jumped is not None and 0.0 <= now_s - self._jumped[0] < CLOCK_HOLD_S:
            jumped = (self._jumped[1],)
        due = self.inputs.slow((*self.ranges.awaited(), *self._required))
        slow = tuple(Fault(f"{name} rate", {"rate_hz": hz}) for name, hz in due)
        return jumped + self.motion.faults(now_s) + slow

    def refuse(self, topic: str, why: str) -> bool:
        """Count a message that is not used."""
        self.refused[topic] = self.refused.get(topic, 0) + 1
        self.last_refusal = f"{topic}: {why}"
        return False

    def _voice(self, topic: str, now_s: float) -> Voice:
        return Voice(self.commands[topic], self.inputs.fresh(topic, now_s), not self.inputs.never((topic,)))

    # --- takers ---

    def _take_command(self, topic: str, data: m.Twist, stamp_s: float) -> bool:
        source, now = self.commands[topic].source, self.now()
        refusal = self.inputs.check(topic, stamp_s, now)
        if refusal == "order":
            return self.refuse(topic, refusal)
        if not math.isfinite(data.linear_x_mps + data.angular_z_rps + data.linear_y_mps):
            refusal = "nan"
        elif data.frame_id not in BASE_FRAMES:
            refusal = f"frame '{data.frame_id}'"
        if not refusal:
            refusal = self.orders.pace(topic, stamp_s)
        if refusal:  # the last word of this source, and it is no motion
            self.refuse(topic, refusal)
            self.inputs.note(topic, now)
            self.commands[topic] = Command(source, refused=refusal)
        else:
            self.inputs.note(topic, stamp_s)
            self.commands[topic] = Command(source, data.linear_x_mps, data.angular_z_rps)
        return True

    def _take_scan(self, scan: m.LaserScan, stamp_s: float) -> bool:
        mount = self._mount(scan.frame_id)
        if mount is None:
            return self.refuse("scan", f"frame '{scan.frame_id}'")
        refusal = self.ranges.sweep(scan, mount, stamp_s, self.now(), self._moves())
        return self.refuse("scan", refusal) if refusal else True

    def _take_points(self, cloud: m.PointCloud, stamp_s: float) -> bool:
        mount = self._mount(cloud.frame_id)
        if mount is None:
            return self.refuse("points", f"frame '{cloud.frame_id}'")
        refusal = self.ranges.cloud(cloud, mount, stamp_s, self.now(), self._moves())
        if refusal:
            self.refuse("points", refusal)
        return False

    def _moves(self) -> bool:
        return abs(self.reckoning.v_mps) + abs(self.reckoning.w_rps) >= MOVING_RPS

    def _take_wheels(self, data: m.Odometry, stamp_s: float) -> bool:
        v, w = float(data.linear_mps[0]), float(data.angular_rps[2])
        if not (abs(v) <= FASTEST and abs(w) <= FASTEST):  # NaN neither
            return self.refuse("wheel/odometry", "impossible" if math.isfinite(v + w) else "nan")
        if data.child_frame_id not in WHEEL_FRAMES:
            return self.refuse("wheel/odometry", f"frame '{data.child_frame_id}'")
        if self.usable("wheel/odometry", stamp_s):
            gyro = None if self._gyro is None or abs(stamp_s - self._gyro[0]) >= GYRO_FRESH_S else self._gyro[1]
            self.motion.wheels(stamp_s, v, w, gyro, data.position_m)
            self.incline.wheels(stamp_s, v)
            self.reckoning.move(stamp_s, v, w if gyro is None else gyro)
        return False

    def _take_imu(self, data: m.Imu, stamp_s: float) -> bool:
        seat = self._seats.get(data.frame_id)
        if seat is None:
            mount = self._mount(data.frame_id)
            if mount is None:
                return self.refuse("imu/data", f"frame '{data.frame_id}'")
            seat = self._seats[data.frame_id] = Seat.of(mount)
        rates = seat.turned(data.angular_velocity_rps)
        rate = rates[2]
        if not abs(rate) <= FASTEST:
            return self.refuse("imu/data", "impossible" if math.isfinite(rate) else "nan")
        if self.usable("imu/data", stamp_s):
            forces = seat.turned(data.linear_acceleration_mps2)
            self.motion.imu(stamp_s, (*rates, *forces))
            self._gyro = (stamp_s, rate)
            felt = self.incline.take(stamp_s, rates, forces, seat.arm_m)
            tilt = tilt_of(data, seat.vertical)
            if tilt is not None:
                self.tilt_rad = tilt
            elif felt and self.incline.lean is not None and data.orientation_xyzw is None:
                self.tilt_rad = self.incline.lean.tilt_rad
        return False

    def _take_state(self, data: m.Odometry, stamp_s: float) -> bool:
        if not self.place.odometry(data):
            return self.refuse("state/odometry", "nan")
        if self.usable("state/odometry", stamp_s):
            self.motion.perceived(stamp_s, float(data.linear_mps[0]))
        return False

    def _take_map_to_odom(self, data: m.Pose, stamp_s: float) -> bool:
        if not self.place.map_to_odom(data):
            return self.refuse("state/map_to_odom", "nan, frame or no covariance")
        self.usable("state/map_to_odom", stamp_s)
        return False

    def _take_deadman(self, data: m.Flag, stamp_s: float) -> bool:
        if not stamp_s <= self.now() + self._future_s:
            return self.refuse("deadman", "future" if math.isfinite(stamp_s) else "nan")
        self.orders.hold(data.data, stamp_s)
        return True

    def _take_heartbeat(self, data: m.Diagnostics, _stamp_s: float) -> bool:
        for status in data.statuses:
            self.crew.hear(status.name, status.values.get("active") == "true", status.values.get("pid", ""))
        return False

    def _take_site_state(self, data: m.Diagnostics, stamp_s: float) -> bool:
        if not stamp_s <= self.now() + self._future_s:
            return self.refuse("site/state", "future" if math.isfinite(stamp_s) else "nan")
        self.site_state.take(data, stamp_s)
        return True

    def usable(self, topic: str, stamp_s: float) -> bool:
        """Whether a message of this stamp is in use from now on; else it is counted."""
        refusal = self.inputs.check(topic, stamp_s, self.now())
        if refusal:
            return self.refuse(topic, refusal)
        self.inputs.note(topic, stamp_s)
        return True

    def _mount(self, frame_id: str) -> Mount | None:
        try:
            return self._robot.mount(frame_id)
        except RobotError:
            return None
