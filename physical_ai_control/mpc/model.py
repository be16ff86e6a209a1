"""A model of motion as data, and what every solver derives from it: one definition in casadi, no derivative by hand.

A state is `[x_m, y_m, yaw_rad, …]` in the frame of the reference, followed by what the model adds; an input changes the
state by `rate`, the continuous dynamics. One file under models/ declares each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import casadi as ca
import numpy as np

from physical_ai_core.geometry import Array

POSE = 3


class Limits(NamedTuple):
    """Magnitudes that the base and the parameters allow; forward speed is the choice's."""

    acceleration_mps2: float
    deceleration_mps2: float
    yaw_rate_rps: float
    yaw_acceleration_rps2: float


class State(NamedTuple):
    """A state beyond the pose. `weight`: the field `weight_…` of the problem that its error bears."""

    name: str
    unit: str
    weight: str
    driven_by: int  # the input that is its rate
    limit: float = float("inf")  # magnitude; infinite: the choice's speed
    rests: bool = False  # zero at the end of every horizon


class Input(NamedTuple):
    """An input between its bounds; `weight` as above."""

    name: str
    unit: str
    weight: str
    low: float
    high: float


@dataclass(frozen=True)
class Model:
    """What one file declares.

    `rate(x, u)`: casadi expression of the state's derivative. `twist(x)`: forward speed, speed to the left and yaw
    rate of base_link in the state, which is what a command is made of. `after_pose(vx, vy, w, before)`: the states
    beyond the pose for a twist (numbers or arrays alike); what a twist does not tell is taken from `before`, the same
    states a moment ago.
    """

    name: str
    states: tuple[State, ...]  # beyond x, y and yaw; the first is the forward speed
    inputs: tuple[Input, ...]
    rate: Callable[[Any, Any], Any]
    twist: Callable[[Any], tuple[Any, Any, Any]]
    after_pose: Callable[[Array, Array, Array, tuple[Any, ...]], tuple[Array, ...]]
    least_radius_m: float = 0.0  # of a turn; above 0 the base cannot turn where it stands

    @property
    def nx(self) -> int:
        return POSE + len(self.states)

    @property
    def nu(self) -> int:
        return len(self.inputs)

    @property
    def turns_in_place(self) -> bool:
        return self.least_radius_m == 0.0

    def step(self, x: Any, u: Any, dt_s: float) -> Any:
        """Symbolic successor of the state: one Runge-Kutta step of fourth order."""
        k1 = self.rate(x, u)
        k2 = self.rate(x + 0.5 * dt_s * k1, u)
        k3 = self.rate(x + 0.5 * dt_s * k2, u)
        k4 = self.rate(x + dt_s * k3, u)
        return x + dt_s / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)

    @cached_property
    def plain(self) -> bool:
        """The states are pose, forward speed and yaw rate themselves, the inputs their accelerations."""
        x = ca.SX.sym("x", self.nx)
        told = self.twist(x)
        return (self.nx, self.nu) == (5, 2) and all(
            ca.is_equal(ca.SX(value), wanted) for value, wanted in zip(told, (x[3], ca.SX(0), x[4]), strict=True)
        )

    @cached_property
    def _twist(self) -> Any:
        x = ca.SX.sym("x", self.nx)
        return ca.Function("twist", [x], [ca.vertcat(*self.twist(x))])

    def twists(self, states: Array) -> Array:
        """Forward speed, speed to the left, yaw rate (n, 3) of states (n, nx)."""
        if self.plain:
            return np.column_stack([states[:, 3], np.zeros(len(states)), states[:, 4]])
        return np.asarray(np.array(self._twist(states.T), dtype=float).T)

    def of_motion(self, motion: Array, before: Array | None = None) -> Array:
        """States (n, nx) of `motion (n, 5 or 6)`: x, y, yaw, forward speed, yaw rate, and speed to the left.

        `before (nx,)`: the state a moment ago, for what a twist does not tell.
        """
        if self.plain:
            return np.asarray(motion[:, :5])
        left = motion[:, 5] if motion.shape[1] > 5 else np.zeros(len(motion))
        last = tuple(0.0 for _ in self.states) if before is None else tuple(before[POSE:])
        return np.column_stack([motion[:, :POSE], *self.after_pose(motion[:, 3], left, motion[:, 4], last)])

    def feasible(self, command: Array, most: Array) -> Array:
        """The command (2,) (forward speed, yaw rate) that the base can follow: not above `most (2,)`, and where it
        cannot turn on the spot on the same bend, slower, or on the tightest."""
        if self.turns_in_place:
            return np.asarray(command)
        fast = max(1.0, float((np.abs(command) / most).max()))
        tightest = abs(float(command[0])) / self.least_radius_m
        return np.array([command[0], np.clip(command[1], -tightest, tightest)]) / fast

    def motion(self, states: Array) -> Array:
        """`[x, y, yaw, forward speed, yaw rate]` (n, 5) of states (n, nx)."""
        return states if self.plain else np.column_stack([states[:, :POSE], self.twists(states)[:, [0, 2]]])


class Rollout:
    """States (N+1, nx) from `x0` under inputs (N, nu): the model itself, whatever a solver made of it."""

    def __init__(self, model: Model, steps: int, dt_s: float) -> None:
        x, u = ca.SX.sym("x", model.nx), ca.SX.sym("u", model.nu)
        whole = ca.Function("step", [x, u], [model.step(x, u, dt_s)]).mapaccum("rollout", steps)
        # Through buffers: casadi's conversion of numpy arrays takes five times as long as the roll-out itself.
        self._x0: Array = np.empty(model.nx)
        self._inputs: Array = np.empty((steps, model.nu))  # casadi stores by columns
        self._states: Array = np.empty((steps + 1, model.nx))
        buffer: Any
        buffer, self._run = whole.buffer()
        buffer.set_arg(0, self._x0.data)
        buffer.set_arg(1, self._inputs.data)
        buffer.set_res(0, self._states[1:].data)
        self._kept = whole, buffer

    def __call__(self, x0: Array, inputs: Array) -> Array:
        self._x0[:], self._inputs[:], self._states[0] = x0, inputs, x0
        self._run()
        return np.array(self._states)
