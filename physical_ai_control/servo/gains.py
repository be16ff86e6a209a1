"""Feedback gains along a trajectory: time-varying LQR on the unicycle whose base follows its command with a lag.

Backward Riccati recursion of the discrete LQR (Anderson & Moore, Optimal Control, 1990, ch. 2.4) on the model
linearised by casadi at every step. A solver whose own recursion already has gains is asked for those instead.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import casadi as ca
import numpy as np

from physical_ai_core.geometry import Array

LEAST_LAG_S = 0.02  # a base that follows at once is treated as this fast


@runtime_checkable
class OffersGains(Protocol):
    """What a solution that brings its own recursion looks like."""

    @property
    def gains(self) -> Array:
        """(N, 2, 5): change of the acceleration input (m/s², rad/s²) a unit of deviation of the state."""
        ...


class Weights(NamedTuple):
    """Deviations and corrections that cost as much as each other."""

    position_m: float = 0.1
    yaw_rad: float = 0.1
    speed_mps: float = 0.4
    yaw_rate_rps: float = 0.8
    correction_mps: float = 0.2
    correction_rps: float = 0.4


class TrackingGains:
    """Gains for trajectories of one step length and one lag."""

    def __init__(self, steps: int, dt_s: float, lag_s: float, weights: Weights | None = None) -> None:
        w = weights or Weights()
        self.dt_s, self.lag_s = dt_s, max(lag_s, LEAST_LAG_S)
        spread = [w.position_m, w.position_m, w.yaw_rad, w.speed_mps, w.yaw_rate_rps]
        self._q = np.diag(1.0 / np.square(spread))
        self._r = np.diag(1.0 / np.square([w.correction_mps, w.correction_rps]))
        x, u = ca.SX.sym("x", 5), ca.SX.sym("u", 2)
        after = lag_step(x, u, dt_s, self.lag_s)
        one = ca.Function("linearised", [x, u], [ca.jacobian(after, x), ca.jacobian(after, u)])
        self._linearise, self._steps = one.map(steps), steps

    def __call__(self, states: Array, inputs: Array) -> Array:
        """Gains (N, 2, 5) in command space along `states (N+1, 5)`, `inputs (N, 2)` (accelerations)."""
        commands = states[:-1, 3:] + self.lag_s * inputs
        a_all, b_all = self._linearise(states[:-1].T, commands.T)
        a = np.asarray(a_all, dtype=float).reshape(5, self._steps, 5).swapaxes(0, 1)
        b = np.asarray(b_all, dtype=float).reshape(5, self._steps, 2).swapaxes(0, 1)
        value, gains = self._q, np.empty((self._steps, 2, 5))
        for k in range(self._steps - 1, -1, -1):
            vb, va = value @ b[k], value @ a[k]
            h, g = self._r + b[k].T @ vb, b[k].T @ va
            gains[k] = -_solve_2(h, g)
            value = self._q + a[k].T @ va + g.T @ gains[k]
            value = 0.5 * (value + value.T)
        return gains


def lag_step(x: Any, u: Any, dt_s: float, lag_s: float) -> Any:
    """Symbolic successor of the state under the velocity command `u (2,)`; Runge-Kutta in steps below the lag."""

    def rate(s: Any) -> Any:
        return ca.vertcat(s[3] * ca.cos(s[2]), s[3] * ca.sin(s[2]), s[4], (u[0] - s[3]) / lag_s, (u[1] - s[4]) / lag_s)

    pieces = max(1, int(np.ceil(dt_s / lag_s)))
    h = dt_s / pieces
    for _ in range(pieces):
        k1 = rate(x)
        k2 = rate(x + 0.5 * h * k1)
        k3 = rate(x + 0.5 * h * k2)
        k4 = rate(x + h * k3)
        x = x + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return x


def in_command_space(gains: Array, lag_s: float) -> Array:
    """Gains on the acceleration (N, 2, 5) as gains on the velocity command.

    An acceleration `du` is asked for by the command `v + lag · du` of the *measured* speed, hence the identity.
    """
    measured = np.zeros((2, 5))
    measured[0, 3] = measured[1, 4] = 1.0
    return np.asarray(lag_s * gains + measured)


def _solve_2(h: Array, g: Array) -> Array:
    """`h⁻¹ g` of a 2 × 2 matrix; numpy's solver costs ten times as much."""
    determinant = h[0, 0] * h[1, 1] - h[0, 1] * h[1, 0]
    inverse = np.array([[h[1, 1], -h[0, 1]], [-h[1, 0], h[0, 0]]]) / determinant
    return np.asarray(inverse @ g)
