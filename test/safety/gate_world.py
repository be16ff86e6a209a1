"""A small flat world for the gate's tests: walls and people, a ray-cast LiDAR, a base with limits and lag."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from physical_ai_core import messages as m
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_safety.core import GateCore
from physical_ai_safety.ladder import POWER_UP
from physical_ai_safety.parameters import GateParameters

ANGLES = np.linspace(-0.75 * math.pi, 0.75 * math.pi, 720)
STEP = float(ANGLES[1] - ANGLES[0])
T = TypeVar("T")


@dataclass
class Person:
    x: float
    y: float
    vx: float
    vy: float
    radius: float = 0.25


@dataclass
class World:
    """Segments (x1, y1, x2, y2) and people, in `map`; the robot at (x, y, yaw) with velocity (v, w)."""

    walls: list[tuple[float, float, float, float]] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    x: float = 20.0
    y: float = 8.0
    yaw: float = 0.0
    v: float = 0.0
    w: float = 0.0
    t: float = 100.0
    noise: float = 0.01
    seed: int = 0
    sigma: float = 0.02

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def scan(self) -> m.LaserScan:
        ox, oy = self.x + 0.15 * math.cos(self.yaw), self.y + 0.15 * math.sin(self.yaw)
        dx, dy = np.cos(ANGLES + self.yaw), np.sin(ANGLES + self.yaw)
        r = np.full(len(ANGLES), np.inf)
        for x1, y1, x2, y2 in self.walls:
            ex, ey = x2 - x1, y2 - y1
            cross = dx * ey - dy * ex
            with np.errstate(divide="ignore", invalid="ignore"):
                t = ((x1 - ox) * ey - (y1 - oy) * ex) / cross
                u = ((x1 - ox) * dy - (y1 - oy) * dx) / cross
            ok = (np.abs(cross) > 1e-12) & (t > 0) & (u >= 0) & (u <= 1)
            r = np.where(ok & (t < r), t, r)
        for p in self.people:
            fx, fy = p.x - ox, p.y - oy
            b = dx * fx + dy * fy
            d2 = fx * fx + fy * fy - b * b
            h2 = p.radius**2 - d2
            root = np.sqrt(np.maximum(h2, 0.0))
            t = np.where(b - root > 0, b - root, b + root)  # from inside, the far side
            r = np.where((h2 > 0) & (t > 0) & (t < r), t, r)
        r = r + self.noise * self.rng.standard_normal(len(r))
        r[r > 25.0] = np.inf
        return scan_of(r, self.t)

    def wheels(self) -> m.Odometry:
        return odometry(self.t, 0.0, 0.0, 0.0, self.v, self.w)

    def state(self) -> m.Odometry:
        return odometry(self.t, self.x, self.y, self.yaw, self.v, self.w)

    def link(self) -> m.Pose:
        cov = np.zeros((6, 6))
        cov[0, 0] = cov[1, 1] = self.sigma**2
        return m.Pose(self.t, "map", np.zeros(3), quaternion_of_yaw(0.0), cov)

    def gap(self) -> float:
        """Smallest distance of the bare footprint to walls and people (sampled)."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        gaps = [math.inf]
        for x1, y1, x2, y2 in self.walls:
            n = max(2, int(math.hypot(x2 - x1, y2 - y1) / 0.01))
            px, py = np.linspace(x1, x2, n) - self.x, np.linspace(y1, y2, n) - self.y
            gaps.append(float(box_distance(c * px + s * py, c * py - s * px).min()))
        for p in self.people:
            px, py = p.x - self.x, p.y - self.y
            gaps.append(float(box_distance(np.array([c * px + s * py]), np.array([c * py - s * px]))[0]) - p.radius)
        return min(gaps)

    def move(self, dt: float, v: float, w: float) -> None:
        """The base follows at its own limits (2.5 m/s², 4 rad/s²)."""
        self.v += float(np.clip(v - self.v, -2.5 * dt, 2.5 * dt))
        self.w += float(np.clip(w - self.w, -4.0 * dt, 4.0 * dt))
        self.x += self.v * dt * math.cos(self.yaw)
        self.y += self.v * dt * math.sin(self.yaw)
        self.yaw += self.w * dt
        for p in self.people:
            p.x += p.vx * dt
            p.y += p.vy * dt
        self.t = round(self.t + dt, 6)


def box_distance(x: Any, y: Any) -> Any:
    return np.hypot(np.maximum(np.abs(x) - 0.25, 0.0), np.maximum(np.abs(y) - 0.21, 0.0))


def scan_of(ranges: Any, stamp_s: float, frame: str = "lidar") -> m.LaserScan:
    return m.LaserScan(stamp_s, frame, float(ANGLES[0]), STEP, 0.05, 25.0, np.asarray(ranges, dtype=np.float32))


def odometry(stamp_s: float, x: float, y: float, yaw: float, v: float, w: float) -> m.Odometry:
    return m.Odometry(
        stamp_s, "odom", "base_link", np.array([x, y, 0.0]), quaternion_of_yaw(yaw), np.array([v, 0.0, 0.0]),
        np.array([0.0, 0.0, w]),
    )  # fmt: skip


def twist(stamp_s: float, v: float, w: float = 0.0, frame: str = "base_link") -> m.Twist:
    return m.Twist(stamp_s, frame, v, w)


class Drive:
    """The gate in the loop: sensors at their rates, commands at 50 Hz, 15 ms from command to wheels."""

    def __init__(self, world: World, gate: GateCore | None = None) -> None:
        self.world = world
        self.gate = gate or GateCore(GateParameters())
        self.outs: list[tuple[float, float, float]] = []
        self.states: list[str] = []
        self.pending: list[tuple[float, float, float]] = []
        self.silent: set[str] = set()
        self.step = 0
        self.told: Any = None
        self.person = True  # who releases the gate after its start, as soon as that is allowed

    def feed(self, topic: str, data: Any) -> None:
        if topic not in self.silent:
            self.take(self.gate.handle(topic, data, data.stamp_s))

    def take(self, outputs: Any) -> None:
        for output in outputs:
            if output.topic == "cmd_vel":
                cmd = output.data
                self.outs.append((cmd.stamp_s, cmd.linear_x_mps, cmd.angular_z_rps))
                self.pending.append((self.world.t + 0.015, cmd.linear_x_mps, cmd.angular_z_rps))
            if output.topic == "safety/verdict":
                self.states.append(output.data.state)
                self.told = output.data  # the newest verdict that left

    def run(self, seconds: float, v: float = 0.0, w: float = 0.0, each: Any = None, topic: str = "cmd_vel_nav") -> None:
        """Drive with a constant command; `each(world)` is called every 5 ms."""
        world, now = self.world, (0.0, 0.0)
        for _ in range(round(seconds / 0.005)):
            i = self.step
            self.step += 1
            if i % 4 == 0:
                self.feed("wheel/odometry", world.wheels())
            if self.person and self.gate.memory.latched == POWER_UP:
                self.person = not self.gate.reset()[0]
            if i % 2 == 0:
                self.feed("state/odometry", world.state())
            if i % 20 == 0:
                self.feed("state/map_to_odom", world.link())
            if i % 10 == 0:
                self.feed("scan", world.scan())
            if i % 4 == 1:
                self.feed(topic, twist(world.t, v, w))
            if i % 2 == 0:
                self.take(self.gate.tick(world.t))
            while self.pending and self.pending[0][0] <= world.t:
                now = self.pending.pop(0)[1:]
                self.now = now
            world.move(0.005, *getattr(self, "now", now))
            if each is not None:
                each(world)


def rows(kind: Callable[..., T], *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    """The first fields drawn, the rest as they are by default; `st.builds` would make those up from their types."""
    return st.tuples(*parts).map(lambda row: kind(*row))
