"""A small world to drive in: a unicycle with actuator lag, people that never give way, standing discs, both cores."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from physical_ai_control.core import ControllerCore
from physical_ai_control.parameters import ControllerParameters
from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, quaternion_of_yaw
from physical_ai_core.reports import ControllerStatus
from physical_ai_world_model.core import WorldModelCore
from physical_ai_world_model.parameters import WorldModelParameters

HALF = np.array([0.25, 0.21])
PERSON_RADIUS_M = 0.3


@dataclass
class Outcome:
    """What happened: contact means contact with a robot that moved in the last half second."""

    modes: list[str] = field(default_factory=list)
    contacts: int = 0
    standing_contacts: int = 0
    arrived_s: float = float("nan")
    clearance_m: float = float("inf")
    trace: list[Array] = field(default_factory=list)
    statuses: list[ControllerStatus] = field(default_factory=list)


class World:
    """Steps of 10 ms; the controller ticks at 50 Hz, objects and the world model at 20 Hz, occupancy at 10 Hz."""

    def __init__(
        self, seed: int = 0, start: tuple[float, float, float] = (0.0, 0.0, 0.0), lag_s: float = 0.12,
        people: Array | None = None, discs: Array | None = None, noise: float = 1.0, turn: float = 0.0,
        parameters: ControllerParameters | None = None,
    ) -> None:  # fmt: skip
        """`people (n, 4)`: x, y, vx, vy. `discs (n, 3)`: x, y, radius. `turn`: rad/s by which people's ways bend."""
        self.rng = np.random.default_rng(seed)
        self.state = np.array([*start, 0.0, 0.0])
        self.people = np.zeros((0, 4)) if people is None else np.array(people, dtype=float)
        self.discs = np.zeros((0, 3)) if discs is None else np.array(discs, dtype=float)
        self.lag_s, self.noise, self.turn = lag_s, noise, turn
        self.controller = ControllerCore(parameters or ControllerParameters())
        self.model = WorldModelCore(WorldModelParameters())
        self.command = np.zeros(2)
        self.t = 1.0
        self.k = 0
        self.silent: set[str] = set()
        self.outcome = Outcome()
        self._moved_s = -1e9

    def say(self, topic: str, data: object) -> None:
        if topic not in self.silent:
            self.controller.handle(topic, data, self.t)

    def plan(self, poses: object) -> None:
        self.controller.handle("plan", m.Path(self.t, "map", np.array(poses, dtype=float)), self.t)

    def run(self, seconds: float, until_arrived: bool = True) -> Outcome:
        for _ in range(round(seconds / 0.01)):
            self.step()
            if until_arrived and self.outcome.modes and self.outcome.modes[-1] == "arrived":
                self.outcome.arrived_s = self.t - 1.0
                break
        return self.outcome

    def step(self) -> None:
        if self.k % 10 == 0:
            self.say("state/occupancy", self._occupancy())
            self.say("state/map_to_odom", m.Pose(self.t, "map", np.zeros(3), quaternion_of_yaw(0.0)))
        odometry = self._odometry()
        self.say("state/odometry", odometry)
        if self.k % 5 == 0:
            self.model.handle("state/odometry", odometry, self.t)
            objects = self._objects()
            self.say("state/objects", objects)
            self.model.handle("state/objects", objects, self.t)
            for output in self.model.tick(self.t):
                if output.topic != "world_model/path":
                    self.say(output.topic, output.data)
        if self.k % 2 == 0:
            for output in self.controller.tick(self.t):
                if output.topic == "cmd_vel_nav":
                    self.command = np.array([output.data.linear_x_mps, output.data.angular_z_rps])
                elif output.topic == "controller/status":
                    self.outcome.modes.append(output.data.mode)
                    self.outcome.statuses.append(output.data)
        self._move(0.01)
        self._judge()
        self.k += 1
        self.t = 1.0 + 0.01 * self.k

    def _move(self, dt: float) -> None:
        x = self.state
        x[3:] += (self.command - x[3:]) * (1.0 - np.exp(-dt / self.lag_s))
        x[:2] += x[3] * dt * np.array([np.cos(x[2]), np.sin(x[2])])
        x[2] += x[4] * dt
        self.people[:, :2] += self.people[:, 2:] * dt
        if self.turn:
            c, s = np.cos(self.turn * dt), np.sin(self.turn * dt)
            self.people[:, 2:] = self.people[:, 2:] @ np.array([[c, s], [-s, c]])
        self.outcome.trace.append(x.copy())

    def _judge(self) -> None:
        if abs(self.state[3]) > 0.05:
            self._moved_s = self.t
        discs = np.vstack(
            [np.column_stack([self.people[:, :2], np.full(len(self.people), PERSON_RADIUS_M)]), self.discs]
        )
        if not len(discs):
            return
        c, s = np.cos(self.state[2]), np.sin(self.state[2])
        local = (discs[:, :2] - self.state[:2]) @ np.array([[c, -s], [s, c]])
        gap = np.hypot(*np.maximum(np.abs(local) - HALF, 0.0).T) - discs[:, 2]
        recent = self.t - self._moved_s < 0.5
        self.outcome.contacts += int((gap < 0.0).any() and recent)
        self.outcome.standing_contacts += int((gap < 0.0).any() and not recent)
        if recent:
            self.outcome.clearance_m = min(self.outcome.clearance_m, float(gap.min()))

    def _odometry(self) -> m.Odometry:
        x = self.state + self.noise * self.rng.normal(0.0, [0.005, 0.005, 0.003, 0.01, 0.01])
        return m.Odometry(
            self.t, "odom", "base_link", np.array([x[0], x[1], 0.0]), quaternion_of_yaw(x[2]),
            np.array([x[3], 0.0, 0.0]), np.array([0.0, 0.0, x[4]]),
        )  # fmt: skip

    def _objects(self) -> m.Objects:
        rows = layouts.empty(layouts.OBJECT, len(self.people))
        seen = self.people + self.noise * self.rng.normal(0.0, [0.03, 0.03, 0.08, 0.08], self.people.shape)
        rows["id"], rows["class_id"], rows["existence"] = np.arange(len(rows)), 2, 1.0
        for column, name in enumerate(("x", "y", "vx", "vy")):
            rows[name] = seen[:, column]
        rows["radius"] = PERSON_RADIUS_M
        layouts.set_covariances(rows, np.tile(np.diag([0.001, 0.001, 0.01, 0.01]), (len(rows), 1, 1)))
        return m.Objects(self.t, "odom", rows)

    def _occupancy(self) -> m.OccupancyGrid:
        size, count = 0.1, 160
        corner = np.floor(self.state[:2] / size) * size - 0.5 * size * count
        cells = np.zeros((count, count), dtype=np.int8)
        centre = corner + (np.stack(np.meshgrid(np.arange(count), np.arange(count)), axis=-1) + 0.5) * size
        for x, y, radius in self.discs:
            cells[np.hypot(centre[..., 0] - x, centre[..., 1] - y) <= radius] = 100
        return m.OccupancyGrid(self.t, "odom", size, np.array([corner[0], corner[1], 0.0]), cells)


def straight(length_m: float, yaw_rad: float = 0.0) -> Array:
    """A route along x."""
    x = np.linspace(0.0, length_m, max(2, int(length_m / 0.25)))
    return np.column_stack([x, np.zeros_like(x), np.full_like(x, yaw_rad)])
