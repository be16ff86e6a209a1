"""One episode: the whole `GateCore` in a closed loop with a fast flat world, and what came of it.

Every 20 ms the gate hears wheels, pose and command and speaks at its tick (half as often as its node lets it); sweeps
come at the rate and with the delay of the scene. The base obeys after a dead time and a lag that together stay within
the declared `actuator_s`, and brakes no harder than the rules count on. Deterministic by scene, tactic and generator.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from physical_ai_bench.adversary import world
from physical_ai_bench.adversary.scenes import BEYOND, GRAVITY_MPS2, HALF_FIELD_RAD, Scene
from physical_ai_core import messages as m
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_safety.core import GateCore
from physical_ai_safety.parameters import GateParameters

TICK_S: Final = 0.02
STEPS: Final = 4  # of the base in a tick
STEP_S: Final = TICK_S / STEPS
LENGTH_S: Final = 5.0
FIRST_S: Final = 100.0
LINK_TICKS: Final = 10
SETTLED_S: Final = 1.2  # a robot that has stood so long while it was told to drive will not be moved any more
SEEN_RAYS: Final = 3
WHOLE: Final = 0.7  # of the rays that a thing would catch if neither another nor the edge of the sweep hid part of it
KNOWN_S: Final = 1.5  # to tell that somebody walks, and to stop: who was in sight for less is beyond the claim
RANGE_M: Final = 25.0


class Ask(NamedTuple):
    topic: str
    v_mps: float
    w_rps: float


class View(NamedTuple):
    """What a tactic sees: all of the truth. `state`: x y yaw v w; `sent`: what the gate let through last."""

    t_s: float
    scene: Scene
    state: Any
    rounds: Any
    sent: tuple[float, float]


class Tactic(Protocol):
    """Asks for motion, tick by tick. An empty list: says nothing."""

    name: str

    def ask(self, view: View) -> list[Ask]: ...


@dataclass(frozen=True)
class Outcome:
    """What came of an episode. Gaps (m) are the least while the robot moved; 1e9: there was nothing.

    `touch_mps`: speed of the touched part of the robot; -1: no touch. `counted`: the touch was of something the gate is
    claimed to keep clear of. `lateral`: greatest speed times yaw rate (m/s²).
    """

    kind: str
    tactic: str
    setup: str
    gap_m: float
    walker_gap_m: float
    zone_gap_m: float
    touch_mps: float
    counted: bool
    lateral: float
    moved_m: float
    swiftest_mps: float
    lasted_s: float
    stopped: bool  # the gate stood at some time while it was told to drive

    @property
    def crash(self) -> bool:
        """A touch at speed that the gate is claimed to prevent."""
        return self.touch_mps >= 0.0 and self.counted

    @property
    def exit(self) -> bool:
        return self.zone_gap_m <= 0.0

    @property
    def margin_m(self) -> float:
        """What a search makes small: the least gap, and below zero the harder the touch or the exit."""
        if self.crash:
            return -self.touch_mps
        if self.exit:
            return -0.01
        return min(self.gap_m, self.zone_gap_m)


class Loop:
    """An episode under way. `gated` false: the base obeys the tactic, to show what the gate is there for."""

    def __init__(self, scene: Scene, tactic: Tactic, rng: np.random.Generator, gated: bool = True) -> None:
        self.scene, self.tactic, self.rng, self.gated = scene, tactic, rng, gated
        senses, setup = scene.senses, scene.setup
        stopping = setup.rules.file.stopping
        self.gate = GateCore(GateParameters(start_latched=False), setup.rules)
        self.state = np.array([*scene.start, 0.0, 0.0])
        self.rounds = scene.rounds.copy()
        self.seen = world.fresh_seen()
        self.t_s, self.sent, self.stood_s, self.moved_m, self.stopped = 0.0, (0.0, 0.0), 0.0, 0.0, False
        limits = setup.rules.robot.limits
        down = GRAVITY_MPS2 * math.sin(scene.slope_rad)
        self.base = np.array([
            senses.lag_s, senses.braking * stopping.braking_mps2, senses.push * limits.max_acceleration_mps2,
            senses.braking * stopping.yaw_braking_rps2, senses.push * limits.max_yaw_acceleration_rps2,
            limits.max_deceleration_mps2, down, scene.downhill_rad,
        ])  # fmt: skip
        half = math.pi * (1.0 - 1.0 / senses.rays) if senses.full_circle else HALF_FIELD_RAD
        self.bearings = np.linspace(-half, half, senses.rays)
        self.sweep = np.empty(senses.rays)
        self.hits = np.zeros(len(self.rounds), dtype=np.int64)
        self.known_s = np.zeros(len(self.rounds))
        self._last_v = 0.0
        self.coming: deque[tuple[int, m.LaserScan]] = deque()

    def run(self, length_s: float = LENGTH_S) -> Outcome:
        ticks = round(length_s / TICK_S)
        commands = np.zeros((ticks * STEPS, 2))
        scene = self.scene
        for tick in range(ticks):
            self.t_s = tick * TICK_S
            if self.t_s >= scene.turns_s > self.t_s - TICK_S:
                self._turn_walkers()
            asks = self.tactic.ask(View(self.t_s, scene, self.state, self.rounds, self.sent))
            if self.gated:
                self._hear(tick)
                for ask in asks:
                    self._take(self.gate.handle(ask.topic, m.Twist(self._stamp, "base_link", *ask[1:]), self._stamp))
                self._take(self.gate.tick(self._stamp))
            elif asks:
                self.sent = self._bounded(asks[-1])
            first = tick * STEPS
            commands[first : first + STEPS] = self.sent
            done = world.advance(
                self.state, commands, first, STEPS, scene.senses.dead_steps, STEP_S, self.base, scene.setup.outline,
                scene.walls, self.rounds, scene.setup.fences, scene.setup.still_mps, self.seen,
            )  # fmt: skip
            self.moved_m += abs(float(self.state[3])) * TICK_S
            at_rest = abs(self.state[3]) + abs(self.state[4]) < 1e-3
            wants = any(ask.v_mps != 0.0 or ask.w_rps != 0.0 for ask in asks)
            self.stopped = self.stopped or (self.gated and wants and self.sent == (0.0, 0.0) and tick > 10)
            self.stood_s = self.stood_s + TICK_S if at_rest else 0.0
            if done < STEPS or self.seen[world.TOUCH_MPS] >= 0.0 or self.seen[world.ZONE_GAP] <= 0.0:
                break
            if self.stood_s > SETTLED_S and not len(self.rounds[self.rounds[:, 3] != 0.0]):
                break
        return self._outcome()

    @property
    def _stamp(self) -> float:
        return round(FIRST_S + self.t_s, 6)

    def _hear(self, tick: int) -> None:
        senses, stamp = self.scene.senses, self._stamp
        x, y, yaw, v, w = self.state.tolist()
        gate = self.gate
        noise = senses.wheels_noise_mps * self.rng.standard_normal()
        if self.scene.slope_rad > 0.0:
            gate.handle("imu/data", self._imu(stamp, yaw, w), stamp)
        self._take(gate.handle("wheel/odometry", _odometry(stamp, 0.0, 0.0, 0.0, v + noise, w), stamp))
        if len(self.scene.setup.fences):
            if tick % LINK_TICKS == 0:
                self._take(gate.handle("state/map_to_odom", self._link(stamp), stamp))
            self._take(gate.handle("state/odometry", _odometry(stamp, x, y, yaw, v, w), stamp))
        if tick % senses.scan_ticks == 0:
            self.coming.append((tick + senses.scan_delay_ticks, self._scan(stamp)))
        while self.coming and self.coming[0][0] <= tick:
            scan = self.coming.popleft()[1]
            self._take(gate.handle("scan", scan, scan.stamp_s))

    def _take(self, outputs: Any) -> None:
        for output in outputs:
            if output.topic == "cmd_vel":
                self.sent = (output.data.linear_x_mps, output.data.angular_z_rps)

    def _bounded(self, ask: Ask) -> tuple[float, float]:
        limits = self.scene.setup.rules.limits
        top = limits.max_speed_mps if ask.v_mps >= 0.0 else limits.max_reverse_mps
        if not math.isfinite(ask.v_mps + ask.w_rps):
            return 0.0, 0.0
        return max(-top, min(top, ask.v_mps)), max(-limits.max_yaw_rate_rps, min(limits.max_yaw_rate_rps, ask.w_rps))

    def _scan(self, stamp: float) -> m.LaserScan:
        senses = self.scene.senses
        ahead, aside = self.scene.setup.lidar_m
        x, y, yaw = self.state[:3].tolist()
        at_x = x + ahead * math.cos(yaw) - aside * math.sin(yaw)
        at_y = y + ahead * math.sin(yaw) + aside * math.cos(yaw)
        world.cast(at_x, at_y, yaw, self.bearings, self.scene.walls, self.rounds, self.sweep, self.hits)
        away = np.hypot(self.rounds[:, 0] - at_x, self.rounds[:, 1] - at_y)
        width = 2.0 * np.arcsin(np.minimum(self.rounds[:, 2] / np.maximum(away, 1e-6), 1.0))
        whole = WHOLE * width / (self.bearings[1] - self.bearings[0])
        self.known_s[self.hits >= np.maximum(whole, SEEN_RAYS)] += senses.scan_ticks * TICK_S
        ranges = self.sweep + senses.noise_m * self.rng.standard_normal(senses.rays)
        ranges[ranges > RANGE_M] = np.inf
        if senses.dropouts:
            ranges[self.rng.random(senses.rays) < senses.dropouts] = np.nan
        step = float(self.bearings[1] - self.bearings[0])
        return m.LaserScan(stamp, "lidar", float(self.bearings[0]), step, 0.05, RANGE_M, ranges.astype(np.float32))

    def _link(self, stamp: float) -> m.Pose:
        """The place in the map, wrong by a share of three standard deviations in a direction that turns slowly."""
        senses = self.scene.senses
        where, turn = senses.error_rad + 0.2 * self.t_s, senses.error_yaw_rad
        x, y = self.state[0], self.state[1]
        # the turn of the link is about the robot, so that the whole error of its place is `error_m`
        c, s = math.cos(turn), math.sin(turn)
        ox = x + senses.error_m * math.cos(where) - (c * x - s * y)
        oy = y + senses.error_m * math.sin(where) - (s * x + c * y)
        cov = np.zeros((6, 6))
        cov[0, 0] = cov[1, 1] = senses.sigma_m**2
        return m.Pose(stamp, "map", np.array([ox, oy, 0.0]), quaternion_of_yaw(turn), cov)

    def _imu(self, stamp: float, yaw: float, w: float) -> m.Imu:
        slope, to = self.scene.slope_rad, self.scene.downhill_rad - yaw
        g = GRAVITY_MPS2
        push = (self.state[3] - self._last_v) / TICK_S
        self._last_v = float(self.state[3])
        force = np.array([
            push - g * math.sin(slope) * math.cos(to), self.state[3] * w - g * math.sin(slope) * math.sin(to),
            g * math.cos(slope),
        ])  # fmt: skip
        return m.Imu(stamp, "imu", np.array([0.0, 0.0, w]), force + 0.05 * self.rng.standard_normal(3))

    def _turn_walkers(self) -> None:
        for row in self.rounds:
            if row[3] or row[4]:
                angle = math.atan2(self.state[1] - row[1], self.state[0] - row[0]) + float(self.rng.normal(0.0, 0.3))
                speed = float(self.rng.uniform(0.8, 1.8))
                row[3], row[4] = speed * math.cos(angle), speed * math.sin(angle)

    def _outcome(self) -> Outcome:
        scene, seen = self.scene, self.seen.tolist()
        who = int(seen[world.WHO]) - len(scene.walls)
        moves = who >= 0 and bool(self.rounds[who, 3] or self.rounds[who, 4])
        known = not moves or not self.gated or self.known_s[who] >= KNOWN_S
        touch = seen[world.TOUCH_MPS]
        counted = touch > scene.setup.still_mps and known and scene.kind not in BEYOND
        return Outcome(
            scene.kind, self.tactic.name, scene.setup.name, seen[world.GAP], seen[world.WALKER_GAP],
            seen[world.ZONE_GAP], touch, counted, seen[world.LATERAL], self.moved_m, seen[world.SWIFTEST_MPS],
            self.t_s + TICK_S, self.stopped,
        )  # fmt: skip


def _odometry(stamp: float, x: float, y: float, yaw: float, v: float, w: float) -> m.Odometry:
    return m.Odometry(
        stamp, "odom", "base_link", np.array([x, y, 0.0]), quaternion_of_yaw(yaw), np.array([v, 0.0, 0.0]),
        np.array([0.0, 0.0, w]),
    )  # fmt: skip
