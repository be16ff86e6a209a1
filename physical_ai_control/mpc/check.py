"""Whether a solution is believed: the controller looks itself, whatever the solver says of its success."""

from __future__ import annotations

import numpy as np

from physical_ai_control.mpc.model import POSE
from physical_ai_control.mpc.problem import Problem, Solution
from physical_ai_core.geometry import Array

START = 1e-3
BOUND = 0.03  # m/s, rad/s, rad and their rates
APART_M = (0.1, 0.5)  # how far the solver's states may leave the model's roll-out: in the first third, at all


def fault(problem: Problem, solution: Solution, driven: Array) -> str:
    """Why the solution must not be used; empty when it may.

    `driven (N+1, nx)`: the model's roll-out of the solution's inputs, which is what the robot will do.
    """
    x, u = solution.states, solution.inputs
    if not (np.isfinite(x).all() and np.isfinite(solution.slack).all() and np.isfinite(driven).all()):
        return "not finite"
    if (np.abs(x[0] - problem.x0) > START).any():
        return "does not start at the state"
    if (u < problem.u_low - BOUND).any() or (u > problem.u_high + BOUND).any():
        return "acceleration out of limits"
    rates = driven[1:, POSE:]
    if (rates < problem.x_low[1:, POSE:] - BOUND).any() or (rates > problem.x_high[1:, POSE:] + BOUND).any():
        return "speed out of limits"
    apart = np.hypot(*(driven[:, :2] - x[:, :2]).T)
    if apart[: len(apart) // 3].max() > APART_M[0] or apart.max() > APART_M[1]:
        return "does not obey the model"
    return ""
