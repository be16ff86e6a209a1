"""The gate driven by the topics of the graph table: keeps inputs ready, decides on every command, scan and tick."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.core import ERROR, NOTHING, OK, WARN, Health, Output, Outputs
from physical_ai_core.robot import RobotError
from physical_ai_safety.crew import Crew
from physical_ai_safety.dead_reckoning import DeadReckoning
from physical_ai_safety.gate import Decision, decide, stopped_by_fault
from physical_ai_safety.inputs import Inputs
from physical_ai_safety.parameters import GateParameters
from physical_ai_safety.place import Place, tilt_of
from physical_ai_safety.ranges import RangeField
from physical_ai_safety.rules import load_rules
from physical_ai_safety.situation import Book, Command, GateVerdict, Memory, RobotState, compile_rules

BASE_FRAMES: Final = ("base_link", "")
WHEEL_FRAMES: Final = ("base_link", "base_footprint", "")
MOVING_MPS, MOVING_RPS = 0.02, 0.05  # a robot that moves more is not at rest: no reset
CLOCK_BACK_S = 0.5  # a clock that goes back by more has jumped
VERDICT_TICKS, TOOL_TICKS = 4, 10
GYRO_FRESH_S = 0.05
RECENT_S = 0.015  # a tick that comes so soon after an answered message has nothing to add
CLOCK_STEP_S = 0.05


class GateCore:
    """Safety gate. `watch` takes the steady clock where there is one; all else goes by stamps.

    Nothing that happens inside makes it silent: an exception becomes a zero command and a verdict that names it.
    """

    def __init__(self, parameters: GateParameters) -> None:
        rules = load_rules(parameters.rules, parameters.site, parameters.robot)
        self.rules: Book = compile_rules(rules)
        self.robot_body = rules.robot
        file = rules.file
        watch, stopping = file.watchdogs, file.stopping
        self.inputs = Inputs(
            {
                "scan": watch.scan_s, "wheel/odometry": watch.wheel_odometry_s, "imu/data": watch.imu_s,
                "state/odometry": watch.state_s, "state/map_to_odom": watch.map_to_odom_s,
                "cmd_vel_nav": watch.autonomy_s, "cmd_vel_teleop": watch.teleop_s, "points": 1.0,
            },
            watch.future_s,
            parameters.steady_timeout_s,
        )  # fmt: skip
        self._required: tuple[str, ...] = ("scan", "wheel/odometry")
        if parameters.require_imu:
            self._required += ("imu/data",)
        if self.rules.zones.needs_pose:
            self._required += ("state/odometry", "state/map_to_odom")
        self.reckoning = DeadReckoning()
        top = rules.limits.max_speed_mps
        reach = top * stopping.reaction_s + top * top / (2.0 * stopping.braking_mps2) + stopping.stop_margin_m
        self.ranges = RangeField(
            self.rules.hull, self.reckoning, reach + 2.0 * self.rules.hull.radius_m + 0.3, stopping.blind_memory_s,
            (file.people.min_speed_mps, file.people.max_speed_mps),
        )  # fmt: skip
        self.crew = Crew(file.crew)
        self.place = Place(file.localisation.min_sigma_m, file.localisation.max_sigma_m)
        self.memory = Memory()
        self.verdict: GateVerdict | None = None
        self._commands = {"cmd_vel_nav": Command("autonomy"), "cmd_vel_teleop": Command("teleop")}
        self._emergency_input = False
        self._tool_asked = self._tool_on = False
        self._tilt_rad = 0.0
        self._last_ranges_m: NDArray[np.float32] | None = None
        self._imu_verticals: dict[str, tuple[float, float, float]] = {}
        self._gyro: tuple[float, float] = (-math.inf, 0.0)
        self._now_s: float | None = None
        self._answered_s = -math.inf  # when a message was last answered at once
        self._ticks = 0
        self._verdict_due = self._tool_due = True
        self._told: tuple[Any, ...] = ()
        self._refused: dict[str, int] = {}
        self._last_refusal = ""
        self._takers: dict[str, Callable[[Any, float], bool]] = {
            "cmd_vel_nav": lambda data, stamp: self._take_command("cmd_vel_nav", data, stamp),
            "cmd_vel_teleop": lambda data, stamp: self._take_command("cmd_vel_teleop", data, stamp),
            "scan": self._take_scan, "points": self._take_points, "wheel/odometry": self._take_wheels,
            "imu/data": self._take_imu, "state/odometry": self._take_state,
            "state/map_to_odom": self._take_map_to_odom, "emergency_stop": self._take_emergency,
            "tool_nav": self._take_tool, "heartbeat": self._take_heartbeat,
        }  # fmt: skip

    # --- driven by the runner or the node ---

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        """Take one message; commands, scans and the emergency stop are answered at once."""
        taker = self._takers.get(topic)
        if taker is None:
            return NOTHING

        def work() -> Outputs:
            between_ticks = self._now() < stamp_s < self._now() + CLOCK_STEP_S
            if between_ticks or (self._now_s is None and math.isfinite(stamp_s)):
                self._now_s = stamp_s
            if not taker(data, stamp_s):
                return NOTHING
            self._answered_s = self._now()
            return self._decide()

        return self._guarded(work)

    def tick(self, stamp_s: float) -> Outputs:
        """Say the last word again, always: what was right a moment ago may be too fast now."""

        def work() -> Outputs:
            before_s = self._now_s
            self._clock(stamp_s)
            runs = self._now_s != before_s  # while the clock stands, every tick speaks
            self._ticks += 1
            self._verdict_due = self._ticks % VERDICT_TICKS == 0
            self._tool_due = self._ticks % TOOL_TICKS == 0
            due = self._verdict_due or self._tool_due
            fresh = runs and not due and 0.0 <= self._now() - self._answered_s < RECENT_S
            return NOTHING if fresh else self._decide()

        return self._guarded(work)

    def watch(self, steady_s: float) -> None:
        """The steady clock, read by the node before each tick."""
        self.inputs.watch(steady_s)

    def health(self) -> Health:
        state = self.verdict.state if self.verdict else "waiting"
        level = {"clear": OK, "limited": OK, "emergency_stop": ERROR}.get(state, WARN)
        values = {"state": state, "rules": self.rules.hash, "refused": str(sum(self._refused.values()))}
        if self._last_refusal:
            values["last_refusal"] = self._last_refusal
        return Health(level, self.verdict.en if self.verdict else "no decision yet", values)

    def died(self, node: str, pid: str) -> Outputs:
        """The process of a node ended, as the operating system says; answered at once."""
        return self._guarded(lambda: self._decide() if self.crew.died(node, pid) else NOTHING)

    # --- a person's word ---

    def reset(self) -> tuple[bool, str]:
        """Release the emergency stop; refused while its input holds, or the robot moves or may move."""
        if not self.memory.emergency:
            return True, "No emergency stop is latched."
        if self._emergency_input:
            return False, "Refused: emergency_stop is still true. Release it first."
        if self._now_s is None or not self.inputs.fresh("wheel/odometry", self._now_s):
            return False, "Refused: wheel/odometry is silent, so it is not known that the robot stands."
        if abs(self.reckoning.v_mps) > MOVING_MPS or abs(self.reckoning.w_rps) > MOVING_RPS:
            return False, f"Refused: the robot moves ({self.reckoning.v_mps:.2f} m/s). Wait until it stands."
        self.memory = self.memory._replace(emergency=False)
        return True, "The emergency stop is released."

    def approve(self, given: bool) -> tuple[bool, str]:
        """Record a person's yes or no; it goes into every verdict from now on."""
        self.memory = self.memory._replace(approved=given, approval_s=self._now_s or 0.0)
        return True, "Approved." if given else "Refused by the operator."

    # --- inputs ---

    def _take_command(self, topic: str, data: m.Twist, stamp_s: float) -> bool:
        source, now = self._commands[topic].source, self._now()
        refusal = self.inputs.check(topic, stamp_s, now)
        if refusal == "order":
            return self._refuse(topic, refusal)
        if not math.isfinite(data.linear_x_mps + data.angular_z_rps + data.linear_y_mps):
            refusal = "nan"
        elif data.frame_id not in BASE_FRAMES:
            refusal = f"frame '{data.frame_id}'"
        if refusal:  # the last word of this source, and it is no motion
            self._refuse(topic, refusal)
            self.inputs.note(topic, now)
            self._commands[topic] = Command(source, refused=refusal)
        else:
            self.inputs.note(topic, stamp_s)
            self._commands[topic] = Command(source, data.linear_x_mps, data.angular_z_rps)
        return True

    def _take_scan(self, scan: m.LaserScan, stamp_s: float) -> bool:
        try:
            mount = self.robot_body.mount(scan.frame_id)
        except RobotError:
            return self._refuse("scan", f"frame '{scan.frame_id}'")
        refusal = self.inputs.check("scan", stamp_s, self._now()) or self._frozen(scan)
        refusal = refusal or self.ranges.sweep(scan, mount)
        if refusal:
            return self._refuse("scan", refusal)
        self.inputs.note("scan", stamp_s)
        return True

    def _frozen(self, scan: m.LaserScan) -> str:
        """A sweep equal to the last one to the bit, while the robot moves and something is in sight, is no sweep."""
        last, self._last_ranges_m = self._last_ranges_m, scan.ranges_m
        if last is None or abs(self.reckoning.v_mps) + abs(self.reckoning.w_rps) < MOVING_RPS:
            return ""
        same = np.array_equal(last, scan.ranges_m, equal_nan=True)
        return "frozen" if same and bool(np.isfinite(last).any()) else ""

    def _take_points(self, cloud: m.PointCloud, stamp_s: float) -> bool:
        try:
            mount = self.robot_body.mount(cloud.frame_id)
        except RobotError:
            return self._refuse("points", f"frame '{cloud.frame_id}'")
        if not self._usable("points", stamp_s):
            return False
        self.ranges.cloud(cloud, mount)
        return True

    def _take_wheels(self, data: m.Odometry, stamp_s: float) -> bool:
        v, w = float(data.linear_mps[0]), float(data.angular_rps[2])
        if not math.isfinite(v + w):
            return self._refuse("wheel/odometry", "nan")
        if data.child_frame_id not in WHEEL_FRAMES:
            return self._refuse("wheel/odometry", f"frame '{data.child_frame_id}'")
        if self._usable("wheel/odometry", stamp_s):
            gyro_s, gyro = self._gyro
            self.reckoning.move(stamp_s, v, gyro if abs(stamp_s - gyro_s) < GYRO_FRESH_S else w)
        return False

    def _take_imu(self, data: m.Imu, stamp_s: float) -> bool:
        vertical = self._imu_verticals.get(data.frame_id)
        if vertical is None:
            try:
                a, b, c = self.robot_body.mount(data.frame_id).rotation[2].tolist()
            except RobotError:
                return self._refuse("imu/data", f"frame '{data.frame_id}'")
            vertical = self._imu_verticals[data.frame_id] = (a, b, c)
        x, y, z = data.angular_velocity_rps.tolist()
        rate = vertical[0] * x + vertical[1] * y + vertical[2] * z
        if not math.isfinite(rate):
            return self._refuse("imu/data", "nan")
        if self._usable("imu/data", stamp_s):
            self._gyro = (stamp_s, rate)
            tilt = tilt_of(data, vertical)
            if tilt is not None:
                self._tilt_rad = tilt
        return False

    def _take_state(self, data: m.Odometry, stamp_s: float) -> bool:
        if not self.place.odometry(data):
            return self._refuse("state/odometry", "nan")
        self._usable("state/odometry", stamp_s)
        return False

    def _take_map_to_odom(self, data: m.Pose, stamp_s: float) -> bool:
        if not self.place.map_to_odom(data):
            return self._refuse("state/map_to_odom", "nan, frame or no covariance")
        self._usable("state/map_to_odom", stamp_s)
        return False

    def _take_emergency(self, data: m.Flag, _stamp_s: float) -> bool:
        self._emergency_input = data.data
        if data.data:
            self._tool_asked = False  # an implement does not come back by itself
            self.memory = self.memory._replace(
                emergency=True
            )  # here, so that no fault on the way to a decision loses it
        return True

    def _take_tool(self, data: m.Flag, _stamp_s: float) -> bool:
        self._tool_asked = data.data and not self.memory.emergency  # to be asked for again after the reset
        return True

    def _take_heartbeat(self, data: m.Diagnostics, _stamp_s: float) -> bool:
        for status in data.statuses:
            self.crew.hear(status.name, status.values.get("active") == "true", status.values.get("pid", ""))
        return False

    def _usable(self, topic: str, stamp_s: float) -> bool:
        refusal = self.inputs.check(topic, stamp_s, self._now())
        if refusal:
            return self._refuse(topic, refusal)
        self.inputs.note(topic, stamp_s)
        return True

    def _refuse(self, topic: str, why: str) -> bool:
        self._refused[topic] = self._refused.get(topic, 0) + 1
        self._last_refusal = f"{topic}: {why}"
        return False

    # --- deciding ---

    def _now(self) -> float:
        return self._now_s if self._now_s is not None else 0.0

    def _clock(self, stamp_s: float) -> None:
        if not math.isfinite(stamp_s):
            return
        if self._now_s is not None and stamp_s < self._now_s - CLOCK_BACK_S:
            self.inputs.forget()
            self.reckoning.forget()
            self.ranges.forget()
            self.place.forget()
            self._gyro = (-math.inf, 0.0)
            self.memory = self.memory._replace(stamp_s=None, clear_since_s=None)
        elif self._now_s is not None:
            stamp_s = max(stamp_s, self._now_s)
        self._now_s = stamp_s

    def _command(self, now_s: float) -> Command:
        """A person before autonomy; who is silent too long has no say."""
        for topic in ("cmd_vel_teleop", "cmd_vel_nav"):
            if self.inputs.fresh(topic, now_s):
                return self._commands[topic]
        last = self._commands["cmd_vel_nav"]
        heard = not self.inputs.never(("cmd_vel_nav",))
        return Command(lost=heard and (last.v_mps != 0.0 or last.w_rps != 0.0 or last.refused != ""))

    def _robot(self, now_s: float) -> RobotState:
        inputs = self.inputs
        return RobotState(
            self.reckoning.v_mps, self.reckoning.w_rps, self.place.pose, self.place.fault,
            self._tilt_rad,  # the last known: silence makes nothing upright
            inputs.never(self._required), inputs.stale(self._required, now_s), self._emergency_input,
            self.crew.absent,
        )  # fmt: skip

    def _decide(self) -> Outputs:
        now = self._now()
        command = self._command(now)
        decision = decide(command, self._robot(now), self.ranges.now(), self.rules, self.memory, now)
        return self._outputs(decision)

    def _outputs(self, decision: Decision) -> Outputs:
        self.memory = decision.memory
        verdict = decision.verdict
        tool = (
            self._tool_asked
            and verdict.state in ("clear", "limited")
            and (not self.rules.file.tool_needs_work_zone or self.rules.zones.in_work_zone(self.place.pose))
        )
        if tool:
            verdict = replace(verdict, tool=True)
        self.verdict = verdict
        outputs = [Output("cmd_vel", m.Twist(verdict.stamp_s, "base_link", decision.v_mps, decision.w_rps))]
        if tool != self._tool_on or self._tool_due:
            self._tool_on, self._tool_due = tool, False
            outputs.append(Output("tool", m.Flag(tool)))
        told = (verdict.state, verdict.source, tool, *((note.rule, note.clause) for note in verdict.interventions))
        if told != self._told or self._verdict_due:
            self._told, self._verdict_due = told, False
            outputs.append(Output("safety/verdict", verdict))
        return outputs

    def _guarded(self, work: Callable[[], Outputs]) -> Outputs:
        try:
            return work()
        except Exception as error:  # the gate must not fall silent: it stands and says why
            cause = f"{type(error).__name__}: {error}"
            self._refuse("gate", cause)
            command, now = Command(), self._now()
            return self._outputs(stopped_by_fault(cause, command, RobotState(), self.rules, self.memory, now))
