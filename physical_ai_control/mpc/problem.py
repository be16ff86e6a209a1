"""The optimal-control problem as plain arrays, and the protocol of whatever solves it.

State `[x_m, y_m, yaw_rad, v_mps, w_rps]`, input `[dv, dw]` (accelerations), N steps of `dt_s`. A body circle on the
robot's axis keeps its distance to a point at every stage: `|p + offset * heading - point| >= reach - slack`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from physical_ai_core.geometry import Array

NX, NU = 5, 2
MOVING, STATIC = 0, 1  # columns of the slack


@dataclass(frozen=True)
class Ocp:
    """What does not change between solves: sizes and weights.

    Tracking weights are on the error along and across the reference, heading, speed and yaw rate. Slack costs
    `linear * s + quadratic / 2 * s^2` a stage; with a large linear part the penalty is exact (Kerrigan and
    Maciejowski 2000): a feasible problem is solved without slack.
    """

    steps: int = 25
    dt_s: float = 0.1
    moving: int = 5  # distance rows a stage to moving obstacles
    static: int = 4  # distance rows a stage to static ones
    weight_along: float = 2.0
    weight_across: float = 6.0
    weight_yaw: float = 0.6
    weight_speed: float = 1.0
    weight_yaw_rate: float = 0.15
    weight_acceleration: float = 0.15
    weight_yaw_acceleration: float = 0.05
    terminal_factor: float = 4.0
    slack_linear: tuple[float, float] = (40.0, 120.0)  # moving, static
    slack_quadratic: tuple[float, float] = (200.0, 1000.0)

    @property
    def rows(self) -> int:
        return self.moving + self.static


class Problem(NamedTuple):
    """One instance. `keep_away (N+1, rows, 4)`: point x, y, reach, offset of the body circle along the heading;
    moving rows first. A row whose reach is 0 is always fulfilled. Rows of stages 0 and N and bounds of stage 0
    are not read."""

    x0: Array  # (5,)
    reference: Array  # (N+1, 5), heading continuous
    keep_away: Array
    x_low: Array  # (N+1, 5)
    x_high: Array
    u_low: Array  # (2,)
    u_high: Array


class Guess(NamedTuple):
    """Where the solver starts: `states (N+1, 5)`, `inputs (N, 2)`."""

    states: Array
    inputs: Array


class Solution(NamedTuple):
    """What a solver claims; `check.py` decides whether it is believed."""

    states: Array  # (N+1, 5)
    inputs: Array  # (N, 2)
    slack: Array  # (N, 2): moving, static
    cost: float
    iterations: int
    status: str = "solved"  # in the solver's own words
    gains: Array | None = None  # (N, 2, 5): feedback of the QP around the solution, where the solver has it


class Solver(Protocol):
    """Anything that improves a guess. Must return within a bounded number of `iterations`; may return nonsense."""

    def solve(self, problem: Problem, guess: Guess, iterations: int) -> Solution: ...


def shift(guess: Guess, ratio: float) -> Guess:
    """The guess moved on by `ratio` steps (>= 0), linearly; past its end the last state stands still."""
    steps = len(guess.inputs)
    at = np.arange(steps + 1) + max(0.0, ratio)
    at_x, at_u = np.minimum(at, steps), np.minimum(at[:-1], steps - 1)
    grid = np.arange(steps + 1)
    states = np.column_stack([np.interp(at_x, grid, column) for column in guess.states.T])
    inputs = np.column_stack([np.interp(at_u, grid[:-1], column) for column in guess.inputs.T])
    inputs[at[:-1] > steps - 1] = 0.0
    return Guess(states, inputs)
