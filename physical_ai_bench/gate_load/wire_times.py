"""Times of the gate over DDS between processes, relays beside it in the same run, and what a killed gate leaves."""

from __future__ import annotations

import math
import os
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from physical_ai_bench.gate_load.world import Lidar, Room, link, odometry
from physical_ai_bench.node_load.processes import module_process
from physical_ai_core import messages as m
from physical_ai_core.core import Output
from physical_ai_core.geometry import Array

if TYPE_CHECKING:
    from physical_ai_bench.gate_load.node import Rig

GATE: Final = "physical_ai_safety.node"
RELAY: Final = "physical_ai_bench.gate_load.node"
SLOTS: Final = ("gate", "relay", "busy")
SLOT_S: Final = 0.00703  # between commands, in turns: 47 a second to each; no multiple of the gate's tick
SCAN_S: Final = 0.0503
SPEED_MPS: Final = 0.3
SETTLE_S: Final = 2.0
BRAKE_MPS2: Final = 2.5
ROUND: Final = 14  # scans: two with the obstacle, then free ones until the robot drives again
OTHER: Final = {
    f"{kind}/{topic}": like
    for kind in ("relay", "busy")
    for topic, like in (("cmd_vel_nav", "cmd_vel_nav"), ("cmd_vel", "cmd_vel"), ("scan", "scan"), ("zero", "cmd_vel"))
}


class StubWorld:
    """A robot in an empty hall whose base does what it is told: wheels and place at 50 Hz, scans when asked."""

    def __init__(self) -> None:
        self._room = Room(
            [(0.0, 0.0, 40.0, 0.0), (40.0, 0.0, 40.0, 24.0), (40.0, 24.0, 0.0, 24.0), (0.0, 24.0, 0.0, 0.0)]
        )
        self._lidar = Lidar(720, seed=2)
        self._asked = 0.0
        self._v, self._x, self._now_s, self._link_s = 0.0, 14.0, math.nan, -math.inf

    def advance(self, now_s: float) -> Iterator[Output]:
        step_s = 0.0 if math.isnan(self._now_s) else now_s - self._now_s
        if step_s < 0.02 and not math.isnan(self._now_s):
            return
        self._now_s = now_s
        self._v += max(-BRAKE_MPS2 * step_s, min(BRAKE_MPS2 * step_s, self._asked - self._v))
        self._x += self._v * step_s
        if self._x > 30.0:
            self._x = 14.0
        yield Output("wheel/odometry", odometry(now_s, self._pose, self._v, 0.0))
        yield Output("state/odometry", odometry(now_s, self._pose, self._v, 0.0))
        if now_s - self._link_s > 0.1:
            self._link_s = now_s
            yield Output("state/map_to_odom", link(now_s))

    @property
    def _pose(self) -> tuple[float, float, float]:
        return (self._x, 11.0, 0.0)

    def hear(self, v_mps: float, w_rps: float) -> None:
        self._asked = v_mps

    def scan(self, now_s: float, blocked: bool) -> m.LaserScan:
        """`blocked`: a board of 40 cm stands 8 cm before the bumper."""
        x, y, _ = self._pose
        board = [(x + 0.33, y - 0.2, x + 0.33, y + 0.2)] if blocked else []
        return self._lidar.scan(Room(self._room.walls + board), self._pose, now_s)


@dataclass
class WireTimes:
    """Latencies in ms: of commands to gate, bare relay, busy relay; from the scan with the obstacle to zero."""

    command_ms: dict[str, Array] = field(default_factory=dict)
    scan_ms: dict[str, Array] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    priority: str = ""


@contextmanager
def _processes(environment: Mapping[str, str], folder: Path, rules: str) -> Iterator[list[int]]:
    with (
        module_process(environment, folder, GATE, "--ros-args", "-p", f"rules:={rules}") as gate,
        module_process(environment, folder, RELAY, "relay") as relay,
        module_process(environment, folder, RELAY, "busy") as busy,
    ):
        yield [gate.pid, relay.pid, busy.pid]


def short_hold(folder: Path) -> str:
    """The default rules with a short hold of a protective stop: more stops in a minute, the same way to each."""
    import yaml

    from physical_ai_core.share import share_path

    table = yaml.safe_load((share_path("config/rules") / "default.yaml").read_text(encoding="utf-8"))
    table["stopping"]["hold_s"] = 0.1
    path = folder / "short_hold.yaml"
    path.write_text(yaml.safe_dump(table), encoding="utf-8")
    return str(path)


def measure_wire(environment: Mapping[str, str], command_s: float, scan_s: float, priority: int = 0) -> WireTimes:
    """Commands for so long, then scans for so long. Raises PhysicalAIError where a node does not come up."""
    from physical_ai_bench.gate_load.node import Rig, ordinary_priority, raise_priority

    found = WireTimes()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ears = ("cmd_vel", "relay/cmd_vel", "busy/cmd_vel", "relay/zero", "busy/zero")
        world = StubWorld()
        with _processes(environment, folder, short_hold(folder)) as pids, closing(Rig(world, ears, OTHER)) as rig:
            traffic = _Traffic(rig, world)
            for node in ("safety_gate", "relay", "busy"):
                rig.bring_up(node, traffic.scans)
            rig.await_(lambda: bool(rig.heard["cmd_vel"]), 20.0, traffic.both)
            rig.reset(traffic.both)
            found.priority = raise_priority(priority, [*pids, os.getpid()])
            try:
                rig.run(SETTLE_S, traffic.both)
                traffic.sent.clear()
                rig.run(command_s, traffic.both)
                rig.run(0.3, traffic.scans)
                found.command_ms = traffic.command_latencies()
                found.sent = {kind: len(rows) for kind, rows in traffic.sent.items()}
                traffic.blocking = True
                rig.run(scan_s, traffic.both)
                rig.run(0.3)
                found.scan_ms = traffic.scan_latencies()
            finally:
                ordinary_priority()
    return found


class _Traffic:
    """Commands in turns to gate and relays, each with a speed of its own by which its echo is known; and scans."""

    def __init__(self, rig: Rig, world: StubWorld) -> None:
        self._rig, self._world = rig, world
        self._command_due = self._scan_due = self._other_due = 0.0
        self._count = self._scans = 0
        self.sent: dict[str, dict[float, int]] = {}
        self.blocking = False
        self._blocked: list[int] = []  # when the scan with the obstacle left
        self._other: dict[str, list[int]] = {"relay": [], "busy": []}

    def both(self, now_s: float) -> None:
        self.scans(now_s)
        if now_s >= self._command_due:
            self._command_due = max(self._command_due + SLOT_S, now_s)
            kind = SLOTS[self._count % len(SLOTS)]
            self._count += 1
            speed = SPEED_MPS - 1e-7 * self._count  # slower and slower: the gate's ramps take none of it away
            topic = "cmd_vel_nav" if kind == "gate" else f"{kind}/cmd_vel_nav"
            left_ns = self._rig.say(topic, m.Twist(now_s, "base_link", speed, 0.0))
            self.sent.setdefault(kind, {})[speed] = left_ns

    def scans(self, now_s: float) -> None:
        if now_s >= self._scan_due:
            self._scan_due = max(self._scan_due + SCAN_S, now_s)
            self._other_due = now_s + 0.5 * SCAN_S
            self._scans += 1
            blocked = self.blocking and self._scans % ROUND in (0, 1)
            scan = self._world.scan(now_s, blocked)
            moving = bool(self._rig.heard["cmd_vel"]) and self._rig.heard["cmd_vel"][-1].v_mps > 0.05
            left_ns = self._rig.say("scan", scan)
            if blocked and self._scans % ROUND == 0 and moving:
                self._blocked.append(left_ns)
        elif now_s >= self._other_due:
            self._other_due = math.inf
            kind = ("relay", "busy")[self._scans % 2]
            left_ns = self._rig.say(f"{kind}/scan", self._world.scan(now_s, self.blocking))
            if self.blocking:
                self._other[kind].append(left_ns)

    def command_latencies(self) -> dict[str, Array]:
        """ms, of those whose echo came; the first answer with that speed counts."""
        found = {}
        for kind, sent in self.sent.items():
            first: dict[float, int] = {}
            for answer in self._rig.heard["cmd_vel" if kind == "gate" else f"{kind}/cmd_vel"]:
                first.setdefault(answer.v_mps, answer.received_ns)
            rows = [first[speed] - left_ns for speed, left_ns in sent.items() if speed in first]
            found[kind] = 1e-6 * np.array(rows, dtype=float)
        return found

    def scan_latencies(self) -> dict[str, Array]:
        """ms from the scan to the first zero after it."""
        zeros = [a.received_ns for a in self._rig.heard["cmd_vel"] if a.v_mps == 0.0 and a.w_rps == 0.0]
        found = {"gate": _first_after(self._blocked, zeros)}
        for kind, left in self._other.items():
            found[kind] = _first_after(left, [a.received_ns for a in self._rig.heard[f"{kind}/zero"]])
        return found


def _first_after(left_ns: Iterable[int], received_ns: Iterable[int]) -> Array:
    times, left = np.sort(np.array(list(received_ns), dtype=np.int64)), np.array(list(left_ns), dtype=np.int64)
    index = np.searchsorted(times, left)
    inside = index < len(times)
    return np.asarray(1e-6 * (times[index[inside]] - left[inside]).astype(float))


# --- a killed gate ---

KILL_SPEED_MPS: Final = 0.8
STANDING_MPS: Final = 0.02


@dataclass(frozen=True)
class Killed:
    """One SIGKILL of the gate while driving. Times from the kill; `moved_*` are the highest speeds in that phase."""

    speed_mps: float
    silent_s: float  # until the last command arrived
    stood_s: float  # until the base stood
    way_m: float
    moved_dead_mps: float  # after it stood, the gate dead
    back_s: float  # until the new gate spoke
    moved_back_mps: float  # the gate is back and commands come, but nobody has reset
    moved_reset_mps: float  # after a person's reset


class BaseWorld(StubWorld):
    """The hall with the simulator's base controller, which ramps, and brakes by itself when commands fall silent."""

    def __init__(self) -> None:
        from physical_ai_core.robot import load_robot
        from physical_ai_sim.base import Base

        super().__init__()
        self._base = Base(load_robot("scout").limits)
        self._stepped_s = math.nan
        self._scan_s = -math.inf
        self.truth: list[tuple[float, float, float]] = [(0.0, 0.0, 0.0)]  # time, speed, way

    def hear(self, v_mps: float, w_rps: float) -> None:
        self._base.hear(v_mps, w_rps, time.time())

    def advance(self, now_s: float) -> Iterator[Output]:
        step_s = 0.0 if math.isnan(self._stepped_s) else now_s - self._stepped_s
        self._stepped_s = now_s
        self._base.wheel_speeds(now_s, step_s)
        self._asked = self._v = self._base.speed_mps
        self.truth.append((now_s, self._v, self.truth[-1][2] + self._v * step_s))
        yield from super().advance(now_s)
        if now_s - self._scan_s > SCAN_S:
            self._scan_s = now_s
            yield Output("scan", self.scan(now_s, False))


def measure_kill(environment: Mapping[str, str], times: int = 2, priority: int = 0) -> list[Killed]:
    """Kill the gate so often, each time while it lets the robot drive. Raises PhysicalAIError."""
    from physical_ai_bench.gate_load.node import Rig, raise_priority

    found: list[Killed] = []
    world = BaseWorld()
    with tempfile.TemporaryDirectory() as name, closing(Rig(world)) as rig:
        folder, commands = Path(name), _Commands(rig)
        while len(found) < times:
            with module_process(environment, folder, GATE, "--ros-args", "-p", "rules:=default") as gate:
                raise_priority(priority, [gate.pid, os.getpid()])
                rig.bring_up("safety_gate", commands)
                rig.await_(lambda: bool(rig.heard["cmd_vel"]), 20.0, commands)
                if found and found[-1].back_s != found[-1].back_s:
                    found[-1] = _after(found[-1], rig, world, commands)
                else:
                    rig.reset(commands)
                rig.await_(lambda: world.truth[-1][1] > 0.95 * KILL_SPEED_MPS, 10.0, commands)
                gate.send_signal(signal.SIGKILL)
                killed_s = time.time()
                rig.run(2.5, commands)
                found.append(_kill(killed_s, rig, world))
        with module_process(environment, folder, GATE, "--ros-args", "-p", "rules:=default"):
            rig.bring_up("safety_gate", commands)
            rig.await_(lambda: bool(rig.heard["cmd_vel"]), 20.0, commands)
            found[-1] = _after(found[-1], rig, world, commands)
    return found


class _Commands:
    """Autonomy that asks to drive on at 50 Hz, whatever happens."""

    def __init__(self, rig: Rig) -> None:
        self._rig, self._due = rig, 0.0

    def __call__(self, now_s: float) -> None:
        if now_s >= self._due:
            self._due = max(self._due + 0.02, now_s)
            self._rig.say("cmd_vel_nav", m.Twist(now_s, "base_link", KILL_SPEED_MPS, 0.0))


def _kill(killed_s: float, rig: Rig, world: BaseWorld) -> Killed:
    rows = np.array(world.truth)
    after = rows[rows[:, 0] >= killed_s]
    standing = np.flatnonzero(np.abs(after[:, 1]) < STANDING_MPS)
    first = int(standing[0]) if len(standing) else len(after) - 1
    stood_s = float(after[first, 0]) - killed_s if len(standing) else math.inf
    last_ns = max((answer.received_ns for answer in rig.heard["cmd_vel"]), default=0)
    speed = float(rows[rows[:, 0] < killed_s][-1, 1])
    rig.heard["cmd_vel"].clear()
    return Killed(
        speed, max(0.0, 1e-9 * last_ns - killed_s), stood_s, float(after[first, 2] - after[0, 2]),
        float(np.abs(after[first:, 1]).max()), math.nan, math.nan, math.nan,
    )  # fmt: skip


def _after(killed: Killed, rig: Rig, world: BaseWorld, commands: _Commands) -> Killed:
    """The gate speaks again: does the robot stand until the reset, and drive after it?"""
    back_s = 1e-9 * rig.heard["cmd_vel"][0].received_ns
    rig.run(1.5, commands)
    rows = np.array(world.truth)
    stood = float(np.abs(rows[rows[:, 0] >= back_s][:, 1]).max())
    rig.reset(commands)
    reset_s = time.time()
    rig.run(1.0, commands)
    rows = np.array(world.truth)
    drove = float(np.abs(rows[rows[:, 0] >= reset_s][:, 1]).max())
    return replace(killed, back_s=time.time() - back_s, moved_back_mps=stood, moved_reset_mps=drove)


def base_bound_s(speed_mps: float, braking_mps2: float) -> float:
    """Within which a base has to stand whose commands have ended: its watchdog, and its braking."""
    from physical_ai_sim.physics import BASE_WATCHDOG_S

    return BASE_WATCHDOG_S + speed_mps / braking_mps2
