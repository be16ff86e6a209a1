"""Unicycle with acceleration inputs: one definition in casadi, from which every solver takes its derivatives.

`step` is one Runge-Kutta step of fourth order. The base follows its velocity command with a first-order lag `tau`:
`dv = (v_command - v) / tau`; so an acceleration `dv` is asked for by the command `v + tau * dv`.
"""

from __future__ import annotations

from typing import Any

import casadi as ca
import numpy as np

from physical_ai_core.geometry import Array


def step(x: Any, u: Any, dt_s: float) -> Any:
    """Symbolic successor of the state."""

    def rate(state: Any) -> Any:
        return ca.vertcat(state[3] * ca.cos(state[2]), state[3] * ca.sin(state[2]), state[4], u[0], u[1])

    k1 = rate(x)
    k2 = rate(x + 0.5 * dt_s * k1)
    k3 = rate(x + 0.5 * dt_s * k2)
    k4 = rate(x + dt_s * k3)
    return x + dt_s / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


def successors(states: Array, inputs: Array, dt_s: float) -> Array:
    """Numeric successors (n, 5) of states (n, 5) under inputs (n, 2); the same step, in numpy."""

    def rate(x: Array) -> Array:
        speed, yaw = x[:, 3], x[:, 2]
        return np.column_stack([speed * np.cos(yaw), speed * np.sin(yaw), x[:, 4], inputs])

    k1 = rate(states)
    k2 = rate(states + 0.5 * dt_s * k1)
    k3 = rate(states + 0.5 * dt_s * k2)
    k4 = rate(states + dt_s * k3)
    return states + dt_s / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


class Rollout:
    """States (N+1, 5) from `x0` under inputs (N, 2): the model itself, whatever a solver made of it."""

    def __init__(self, steps: int, dt_s: float) -> None:
        x, u = ca.SX.sym("x", 5), ca.SX.sym("u", 2)
        self._run = ca.Function("step", [x, u], [step(x, u, dt_s)]).mapaccum("rollout", steps)

    def __call__(self, x0: Array, inputs: Array) -> Array:
        later = np.asarray(self._run(x0, inputs.T), dtype=float).T
        return np.vstack([x0, later])
