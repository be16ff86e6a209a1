"""The optimal-control problem as plain arrays, and the protocol of whatever solves it.

States `[x_m, y_m, yaw_rad, …]` and inputs are those of a model (model.py), by default the unicycle's `v_mps, w_rps`
and accelerations `[dv, dw]`; N steps of `dt_s`. A body circle on the robot's axis keeps its distance to a point at
every stage: `|p + offset * heading - point| >= reach - slack`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np

from physical_ai_control.mpc.model import Limits, Model
from physical_ai_control.mpc.models.unicycle import declare
from physical_ai_core.geometry import Array
from physical_ai_core.robot import Drivetrain

UNICYCLE: Final = declare(Limits(1.0, 1.5, 1.5, 2.5), Drivetrain())
MOVING, STATIC = 0, 1  # columns of the slack


@dataclass(frozen=True)
class Ocp:
    """What does not change between solves: sizes and weights.

    Tracking weights are on the error along and across the reference, on heading, and on what the model's states name
    (squares of SI units). Slack costs
    `linear * s + quadratic / 2 * s^2` a stage; with a large linear part the penalty is exact (Kerrigan and
    Maciejowski 2000): a feasible problem is solved without slack.

    Terminal set (`braking_mps2` above 0): from the last state the robot can come to rest, braking straight on, clear of
    all that the rows of stage N name: `|p + (offset + v^2 / (2 braking)) * heading - point| >= reach - slack`.
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
    weight_sideways: float = 2.0
    weight_steering: float = 0.3
    weight_steering_rate: float = 0.1
    terminal_factor: float = 4.0
    slack_linear: tuple[float, float] = (40.0, 120.0)  # moving, static
    slack_quadratic: tuple[float, float] = (200.0, 1000.0)
    braking_mps2: float = 0.0  # deceleration of the terminal set; 0: none
    model: Model = UNICYCLE

    @property
    def rows(self) -> int:
        return self.moving + self.static

    @property
    def state_weights(self) -> tuple[float, ...]:
        """Of the error along, across, in heading, and of each state beyond the pose."""
        further = (getattr(self, f"weight_{state.weight}") for state in self.model.states)
        return (self.weight_along, self.weight_across, self.weight_yaw, *further)

    @property
    def input_weights(self) -> tuple[float, ...]:
        """Of each input's size."""
        return tuple(getattr(self, f"weight_{one.weight}") for one in self.model.inputs)


class Problem(NamedTuple):
    """One instance. `keep_away (N+1, rows, 4)`: point x, y, reach, offset of the body circle along the heading;
    moving rows first. A row whose reach is 0 is always fulfilled. Rows of stage 0 and bounds of stage 0 are not
    read; rows of stage N only with a terminal set, and then for the place where braking from x_N leads."""

    x0: Array  # (nx,)
    reference: Array  # (N+1, nx), heading continuous
    keep_away: Array
    x_low: Array  # (N+1, nx)
    x_high: Array
    u_low: Array  # (nu,)
    u_high: Array


class Guess(NamedTuple):
    """Where the solver starts: `states (N+1, nx)`, `inputs (N, nu)`."""

    states: Array
    inputs: Array


class Solution(NamedTuple):
    """What a solver claims; `check.py` decides whether it is believed."""

    states: Array  # (N+1, nx)
    inputs: Array  # (N, nu)
    slack: Array  # (N, 2), or (N+1, 2) with a terminal set: moving, static
    cost: float
    iterations: int
    status: str = "solved"  # in the solver's own words
    gains: Array | None = None  # (N, nu, nx): feedback of the QP around the solution, where the solver has it


class Solver(Protocol):
    """Anything that improves a guess. Must return within a bounded number of `iterations`; may return nonsense."""

    def solve(self, problem: Problem, guess: Guess, iterations: int) -> Solution: ...


def shift(guess: Guess, ratio: float) -> Guess:
    """The guess moved on by `ratio` steps (>= 0), linearly; past its end the last state stands still."""
    steps = len(guess.inputs)
    at: Array = np.arange(steps + 1, dtype=np.float64) + max(0.0, ratio)
    states, inputs = _between(guess.states, at), _between(guess.inputs, at[:-1])
    inputs[at[:-1] > steps - 1] = 0.0
    return Guess(states, inputs)


def _between(rows: Array, at: Array) -> Array:
    """`rows (n, k)` at fractions of a row `at (m,)` (>= 0), linearly; past the end the last one."""
    last = len(rows) - 1
    at = np.minimum(at, last)
    low = at.astype(np.intp)
    first = rows[low]
    return np.asarray((rows[np.minimum(low + 1, last)] - first) * (at - low)[:, None] + first)
