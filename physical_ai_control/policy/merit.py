"""What a trajectory costs: the objective of the MPC on the model's own roll-out, violations at the exact penalty."""

from __future__ import annotations

import numpy as np

from physical_ai_control.mpc.problem import Ocp, Problem
from physical_ai_core.geometry import Array


def objective(ocp: Ocp, states: Array, inputs: Array, reference: Array, slack: Array) -> Array:
    """Cost (…) of `states (…, N+1, 5)`, `inputs (…, N, 2)` with `slack (…, N+1, 2)`: the one that is minimised."""
    c, s = np.cos(reference[..., 2]), np.sin(reference[..., 2])
    away = states - reference
    dx, dy = away[..., 0], away[..., 1]
    weights = np.array(ocp.state_weights)
    stage = weights[0] * (c * dx + s * dy) ** 2 + weights[1] * (c * dy - s * dx) ** 2
    stage = stage + (away[..., 2:] ** 2) @ weights[2:]
    cost = stage[..., :-1].sum(axis=-1) + ocp.terminal_factor * stage[..., -1]
    cost = cost + ((inputs**2) @ np.array(ocp.input_weights)).sum(axis=-1)
    linear, quadratic = np.array(ocp.slack_linear), np.array(ocp.slack_quadratic)
    return np.asarray(cost + (slack * (linear + 0.5 * quadratic * slack)).sum(axis=(-1, -2)))


def violation(ocp: Ocp, problem: Problem, states: Array) -> Array:
    """Slack (N+1, 2) that the trajectory needs: deepest cut into a row, moving and static."""
    rows = problem.keep_away
    ahead = rows[..., 3].copy()
    if ocp.braking_mps2 > 0.0:
        ahead[-1] += states[-1, 3] ** 2 / (2.0 * ocp.braking_mps2)
    dx = states[:, None, 0] + ahead * np.cos(states[:, None, 2]) - rows[..., 0]
    dy = states[:, None, 1] + ahead * np.sin(states[:, None, 2]) - rows[..., 1]
    cut = np.where(rows[..., 2] > 0.0, rows[..., 2] - np.sqrt(dx * dx + dy * dy), 0.0)
    cut[0] = 0.0
    if ocp.braking_mps2 == 0.0:
        cut[-1] = 0.0
    moving = cut[:, : ocp.moving].max(axis=1, initial=0.0)
    return np.column_stack([moving, cut[:, ocp.moving :].max(axis=1, initial=0.0)])


def merit(ocp: Ocp, problem: Problem, states: Array, inputs: Array) -> float:
    """Cost of a trajectory that obeys the model, violations included; infinite where it is no number."""
    cost = float(objective(ocp, states, inputs, problem.reference, violation(ocp, problem, states)))
    return cost if np.isfinite(cost) else float("inf")
