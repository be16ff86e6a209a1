"""What the controller says at every tick besides the trajectory: the time, the state, and whether to follow or obey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array

DIRECT_VALID_S: Final = 0.2  # a command without trajectory is obeyed so long
OBEY: Final = -1  # of `follow`: obey the command
BRAKE: Final = -2  # of `follow`: brake at once, the controller takes its hand away


class Present(NamedTuple):
    """`now_s`: the graph's clock when CLOCK_MONOTONIC showed `monotonic_s`; `pace`: seconds of it a second (1 but in
    simulation). `follow`: the sequence of the trajectory to follow, or OBEY: obey `linear_mps`, `angular_rps` instead,
    or BRAKE. `state (5,)` at `now_s` in `odom`; None where it is not known."""

    now_s: float
    monotonic_s: float
    pace: float
    follow: int
    linear_mps: float
    angular_rps: float
    state: tuple[float, ...] | None


def pack(present: Present) -> Array:
    """As one row of float64; an unknown state is NaN."""
    state = present.state if present.state is not None else (np.nan,) * 5
    return np.array([*present[:3], float(present.follow), *present[4:6], *state])


def unpack(row: Sequence[float]) -> Present:
    """The reverse. Raises InputError where the row has another length."""
    if len(row) != 11:
        raise InputError(f"{len(row)} numbers are not a present.", "Write it with `pack`.")
    state = tuple(row[6:])
    follow = int(row[3]) if abs(row[3]) < 2.0**53 else BRAKE
    return Present(row[0], row[1], row[2], follow, row[4], row[5], None if state[0] != state[0] else state)
