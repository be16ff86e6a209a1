"""Whether a solution is believed: the controller looks itself, whatever the solver says of its success."""

from __future__ import annotations

import numpy as np

from physical_ai_control.mpc.model import successors
from physical_ai_control.mpc.problem import Problem, Solution

GAP = np.array([0.02, 0.02, 0.03, 0.03, 0.05])  # m, m, rad, m/s, rad/s by which one step may miss the model
BOUND = 0.03  # m/s, rad/s and their rates


def fault(problem: Problem, solution: Solution, dt_s: float) -> str:
    """Why the solution must not be used; empty when it may."""
    x, u = solution.states, solution.inputs
    if not (np.isfinite(x).all() and np.isfinite(u).all() and np.isfinite(solution.slack).all()):
        return "not finite"
    if np.any(np.abs(x[0] - problem.x0) > GAP):
        return "does not start at the state"
    if np.any(u < problem.u_low - BOUND) or np.any(u > problem.u_high + BOUND):
        return "acceleration out of limits"
    rates = x[1:, 3:]
    if np.any(rates < problem.x_low[1:, 3:] - BOUND) or np.any(rates > problem.x_high[1:, 3:] + BOUND):
        return "speed out of limits"
    if np.any(np.abs(successors(x[:-1], u, dt_s) - x[1:]) > GAP):
        return "does not obey the model"
    return ""
