"""The criteria of Nav2's collision-monitor benchmark on the gate: time to stop, hold, time to resume, false stops.

As there: a steady command, an obstacle from second 3 to second 8, stopped at no more than 0.02 m/s and resumed at
0.10 m/s or more, each three answers in a row (nav2_collision_monitor, collision_monitor_node_bag.cpp). There the
obstacle is a cell under a robot at 0.2 m/s and nothing moves; here more situations, and a base that obeys.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from physical_ai_bench.carmen import CarmenLog, read_log
from physical_ai_bench.gate_load.world import Lidar, Room, cloud_of, link, odometry
from physical_ai_core import messages as m
from physical_ai_core.core import Output
from physical_ai_core.geometry import Array, wrap
from physical_ai_core.share import share_path
from physical_ai_safety.core import GateCore
from physical_ai_safety.parameters import GateParameters

BEGIN_S, END_S, LENGTH_S, GUARD_S = 3.0, 8.0, 10.0, 0.2
STOPPED_MPS, RESUMED_MPS, IN_A_ROW = 0.02, 0.10, 3
STEP_S: Final = 0.005
LAG_S: Final = 0.015  # from cmd_vel to the wheels
BRAKE_MPS2, TURN_RPS2 = 2.5, 4.0
ORIGIN_S: Final = 100.0
START: Final = (14.0, 11.0, 0.0)  # the hall is 40 by 24 m and free


@dataclass(frozen=True)
class Situation:
    """A command, and what appears in the way: `board` (as wide as the robot), `person`, `post` at a corner, or `box`
    that only a 3D sensor sees; `gap_m` ahead of the footprint. `near`: no way is left but to stop at once; else the
    robot may slow down and come to rest before it, and the peer's times do not apply."""

    name: str
    v_mps: float
    w_rps: float
    thing: str
    gap_m: float
    near: bool = True


SITUATIONS: Final = (
    Situation("board 8 cm ahead, 0.2 m/s (the peer's speed)", 0.2, 0.0, "board", 0.08),
    Situation("person 10 cm ahead, 0.2 m/s", 0.2, 0.0, "person", 0.10),
    Situation("board 20 cm ahead, 0.8 m/s", 0.8, 0.0, "board", 0.20),
    Situation("person 40 cm ahead, 0.8 m/s", 0.8, 0.0, "person", 0.40, near=False),
    Situation("board 90 cm ahead, 1.5 m/s", 1.5, 0.0, "board", 0.90, near=False),
    Situation("post at the corner, 0.5 m/s", 0.5, 0.0, "post", 0.06),
    Situation("board 8 cm ahead in a bend, 0.5 m/s, 0.5 rad/s", 0.5, 0.5, "board", 0.08),
    Situation("box only in the cloud, 10 cm ahead, 0.5 m/s", 0.5, 0.0, "box", 0.10),
    Situation("board 8 cm behind, reversing 0.3 m/s", -0.3, 0.0, "board", 0.08),
)


@dataclass(frozen=True)
class Figures:
    """As the peer's benchmark computes them; `way_m`: from the appearance to rest."""

    name: str
    stop_s: float
    hold: float
    resume_s: float
    false_stops: float
    way_m: float
    contact: bool = False

    @property
    def kept(self) -> bool:
        return self.stop_s <= 0.6 and self.hold >= 0.9 and self.resume_s <= 0.6 and self.false_stops <= 0.05


class Bed:
    """The gate with a base that follows `cmd_vel` at its own limits, 15 ms late."""

    def __init__(self, seed: int = 0) -> None:
        self.gate = GateCore(GateParameters(start_latched=False))
        self.lidar, self.room = Lidar(720, seed), hall()
        self.x, self.y, self.yaw = START
        self.v = self.w = 0.0
        self.now_s = ORIGIN_S
        self.answers: list[tuple[float, float]] = []  # time since the origin, speed
        self._late: list[tuple[float, float, float]] = []
        self._asked = (0.0, 0.0)

    @property
    def pose(self) -> tuple[float, float, float]:
        return (self.x, self.y, self.yaw)

    def take(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if output.topic == "cmd_vel":
                twist = output.data
                self.answers.append((self.now_s - ORIGIN_S, twist.linear_x_mps))
                self._late.append((self.now_s + LAG_S, twist.linear_x_mps, twist.angular_z_rps))

    def say(self, topic: str, data: Any) -> None:
        self.take(self.gate.handle(topic, data, data.stamp_s))

    def move(self) -> None:
        while self._late and self._late[0][0] <= self.now_s:
            self._asked = self._late.pop(0)[1:]
        dv, dw = self._asked[0] - self.v, self._asked[1] - self.w
        self.v += max(-BRAKE_MPS2 * STEP_S, min(BRAKE_MPS2 * STEP_S, dv))
        self.w += max(-TURN_RPS2 * STEP_S, min(TURN_RPS2 * STEP_S, dw))
        self.x += self.v * STEP_S * math.cos(self.yaw)
        self.y += self.v * STEP_S * math.sin(self.yaw)
        self.yaw += self.w * STEP_S
        self.now_s = round(self.now_s + STEP_S, 6)


def hall() -> Room:
    """40 by 24 m, nothing in it."""
    return Room([(0.0, 0.0, 40.0, 0.0), (40.0, 0.0, 40.0, 24.0), (40.0, 24.0, 0.0, 24.0), (0.0, 24.0, 0.0, 0.0)])


def placed(thing: str, gap_m: float, pose: tuple[float, float, float], v_mps: float) -> Room:
    """What appears, `gap_m` from the footprint (0.25 m to the front and back, 0.21 m to the sides)."""
    x, y, yaw = pose
    c, s = math.cos(yaw), math.sin(yaw)
    sign = 1.0 if v_mps >= 0.0 else -1.0

    def at(ahead_m: float, left_m: float) -> tuple[float, float]:
        return x + c * sign * ahead_m - s * left_m, y + s * sign * ahead_m + c * left_m

    if thing == "person":
        return Room([], [(*at(0.25 + gap_m + 0.15, 0.0), 0.15)])
    if thing == "post":
        return Room([], [(*at(0.25 + gap_m + 0.04, 0.19), 0.04)])
    return Room([(*at(0.25 + gap_m, -0.2), *at(0.25 + gap_m, 0.2))])


def run_situation(situation: Situation, seed: int = 0) -> Figures:
    """Ten seconds of one situation."""
    bed, rng = Bed(seed), np.random.default_rng(seed)
    begin = round(BEGIN_S / STEP_S)
    there: Room | None = None
    rest_m, from_m = math.nan, (0.0, 0.0)
    for i in range(round(LENGTH_S / STEP_S)):
        t = i * STEP_S
        if i == begin:
            there, from_m = placed(situation.thing, situation.gap_m, bed.pose, situation.v_mps), (bed.x, bed.y)
        if t > END_S:
            there = None
        _sense(bed, i, there, situation, rng)
        bed.move()
        if there is not None and math.isnan(rest_m) and abs(bed.v) < STOPPED_MPS:
            rest_m = math.hypot(bed.x - from_m[0], bed.y - from_m[1])
    contact = math.isnan(rest_m) or (situation.gap_m <= rest_m and situation.w_rps == 0.0)
    return replace(figures(situation.name, bed.answers, rest_m), contact=contact)


def _sense(bed: Bed, i: int, there: Room | None, situation: Situation, rng: np.random.Generator) -> None:
    if i % 4 == 0:
        bed.say("wheel/odometry", odometry(bed.now_s, bed.pose, bed.v, bed.w))
        bed.say("state/odometry", odometry(bed.now_s, bed.pose, bed.v, bed.w))
    if i % 20 == 0:
        bed.say("state/map_to_odom", link(bed.now_s))
    if i % 10 == 0:
        seen = there if there is not None and situation.thing != "box" else Room()
        room = Room(bed.room.walls + seen.walls, bed.room.discs + seen.discs)
        scan = bed.lidar.scan(room, bed.pose, bed.now_s)
        if situation.thing == "box":
            whole = bed.lidar.scan(Room(room.walls + (there.walls if there else [])), bed.pose, bed.now_s)
            bed.say("points", cloud_of(whole, 2000, rng))
        bed.say("scan", scan)
    if i % 4 == 1:
        bed.say("cmd_vel_nav", m.Twist(bed.now_s, "base_link", situation.v_mps, situation.w_rps))
    if i % 2 == 0:
        bed.take(bed.gate.tick(bed.now_s))


def figures(name: str, answers: Sequence[tuple[float, float]], way_m: float = math.nan) -> Figures:
    """From the answers (seconds, m/s), in the peer's windows."""
    rows = np.array(answers, dtype=float)
    t, v = rows[:, 0], np.abs(rows[:, 1])
    within = (t >= BEGIN_S) & (t <= END_S)
    clean = (t <= BEGIN_S - GUARD_S) | (t >= END_S + GUARD_S)
    stop_s = _first(t[within], v[within] <= STOPPED_MPS) - BEGIN_S
    after = t > END_S
    resume_s = _first(t[after], v[after] >= RESUMED_MPS) - END_S
    hold = float((v[within] <= STOPPED_MPS).mean()) if within.any() else 0.0
    return Figures(name, stop_s, hold, resume_s, float((v[clean] <= STOPPED_MPS).mean()), way_m)


def _first(t: Array, holds: Any) -> float:
    """When it has held three times in a row; inf: never."""
    run = 0
    for time_s, ok in zip(t.tolist(), holds.tolist(), strict=True):
        run = run + 1 if ok else 0
        if run >= IN_A_ROW:
            return float(time_s)
    return math.inf


# --- recorded normal driving ---


@dataclass(frozen=True)
class Replayed:
    """Recorded driving shown to the gate, the recorded speeds as commands. Of the answers while it moved: how many
    were a stop. `by_rule`: their rules."""

    name: str
    minutes: float
    moving: int
    stopped: int
    by_rule: dict[str, int]

    @property
    def share(self) -> float:
        return self.stopped / max(1, self.moving)


def replay_log(path: Path, seconds: float, rules: str = "default") -> Replayed:
    """A CARMEN log of a person driving. The scanner looks 180 degrees ahead. Raises InputError."""
    return replay(path.name.split(".")[0], read_log(path), seconds, rules)


def replay(name: str, log: CarmenLog, seconds: float, rules: str) -> Replayed:
    """As many seconds of motion from the beginning; a pause in the log ends an interval, and is left out.

    Where stamps go back and forth, the lines are in the order of the drive all the same (its poses are smooth in it):
    the scanner's own period is taken then.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "replay.yaml"
        table = yaml.safe_load((share_path("config/rules") / f"{rules}.yaml").read_text(encoding="utf-8"))
        table.setdefault("stopping", {})["overrun_s"] = 0.0  # a recorded robot obeys nobody: that is no overrun
        watchdogs = table.setdefault("watchdogs", {})
        watchdogs["scan_s"] = 0.8  # the scanner of such logs has 5 Hz
        watchdogs["min_rate_hz"] = {**watchdogs.get("min_rate_hz", {}), "scan": 2.0}
        path.write_text(yaml.safe_dump(table), encoding="utf-8")
        gate = GateCore(GateParameters(site="barn", rules=str(path), start_latched=False))
    stamps, poses = log.stamps_s, log.odometry
    moving = stopped = 0
    by_rule: dict[str, int] = {}
    now_s, driven_s, last = ORIGIN_S, 0.0, (0.0, 0.0)
    increment = float(log.angles[1] - log.angles[0])
    steps_s = np.diff(stamps)
    if (steps_s < 0.0).any():
        steps_s = np.where(np.abs(steps_s) < 1.0, np.median(steps_s[steps_s > 0.0]), steps_s)
    for k in range(1, len(stamps)):
        step_s = float(steps_s[k - 1])
        if not 0.0 < step_s < 1.0:
            continue
        ahead = poses[k, :2] - poses[k - 1, :2]
        yaw = float(poses[k - 1, 2])
        v = float(ahead[0] * math.cos(yaw) + ahead[1] * math.sin(yaw)) / step_s
        w = float(wrap(poses[k, 2] - poses[k - 1, 2])) / step_s
        parts = math.ceil(step_s / 0.02)
        for part in range(1, parts + 1):  # wheels and commands at 50 Hz, as smooth as a robot is between two lines
            share = part / parts
            at_s = now_s + step_s * share
            x, y = (poses[k - 1, :2] + share * ahead).tolist()
            speeds = (last[0] + share * (v - last[0]), last[1] + share * (w - last[1]))
            gate.tick(at_s)
            gate.handle("wheel/odometry", odometry(at_s, (x, y, yaw + share * w * step_s), *speeds), at_s)
            gate.handle("cmd_vel_nav", m.Twist(at_s, "base_link", *speeds), at_s)
        now_s, last = now_s + step_s, (v, w)
        ranges = np.where(log.ranges[k] < 80.0, log.ranges[k], np.inf).astype(np.float32)
        scan = m.LaserScan(now_s, "lidar", float(log.angles[0]), increment, 0.05, 80.0, ranges)
        gate.handle("scan", scan, now_s)
        driven_s += step_s
        if abs(v) > 5.0 * STOPPED_MPS and gate.verdict is not None and driven_s > 2.0:
            moving += 1
            if abs(gate.verdict.command_out[0]) <= STOPPED_MPS:
                stopped += 1
                rule = gate.verdict.interventions[-1].rule if gate.verdict.interventions else "?"
                by_rule[rule] = by_rule.get(rule, 0) + 1
        if driven_s >= seconds:
            break
    return Replayed(name, driven_s / 60.0, moving, stopped, by_rule)
