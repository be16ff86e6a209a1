"""Wheel mappings as data: which speeds the wheels need for a velocity of the base, and the reverse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physical_ai_core.errors import ParameterError
from physical_ai_core.geometry import Array


@dataclass(frozen=True)
class WheelMapping:
    """`matrix (n, 3)`: wheel speeds (rad/s) of the base's velocity (forward m/s, left m/s, counter-clockwise rad/s)."""

    names: tuple[str, ...]
    matrix: Array

    def __post_init__(self) -> None:
        if self.matrix.shape != (len(self.names), 3) or not np.isfinite(self.matrix).all():
            raise ParameterError(f"{len(self.names)} wheels and a matrix {self.matrix.shape}.", "It must be (n, 3).")

    def wheels(self, velocity: Array, most_rps: float = np.inf) -> Array:
        """Speeds (n,) of `velocity (3,)`. Beyond `most_rps` all are scaled alike: the robot slows, its arc stays."""
        speeds = np.asarray(self.matrix @ np.asarray(velocity, dtype=float))
        fastest = float(np.abs(speeds).max(initial=0.0))
        return speeds * (most_rps / fastest) if fastest > most_rps else speeds

    def velocity(self, speeds: Array) -> Array:
        """Velocity (3,) that fits wheel speeds (n,) best (least squares; left is 0 where no wheel can tell)."""
        return np.asarray(np.linalg.pinv(self.matrix) @ np.asarray(speeds, dtype=float))


def differential(names: Sequence[str], radius_m: float, track_m: float) -> WheelMapping:
    """Two wheels, left then right, `track_m` apart."""
    _above_zero(radius_m=radius_m, track_m=track_m)
    rows = [[1.0, 0.0, -0.5 * track_m], [1.0, 0.0, 0.5 * track_m]]
    return WheelMapping(_named(names, 2), np.array(rows) / radius_m)


def skid_steer(names: Sequence[str], radius_m: float, track_m: float, widening: float = 1.5) -> WheelMapping:
    """Four wheels: front left, front right, rear left, rear right.

    Wheels that slip sideways turn the robot less than their track says: it acts like a track `widening` times as wide,
    to be identified on the robot (Mandow et al., IROS 2007; 1.3 to 2 on most ground).
    """
    _above_zero(radius_m=radius_m, track_m=track_m, widening=widening)
    half = 0.5 * track_m * widening
    rows = [[1.0, 0.0, -half], [1.0, 0.0, half], [1.0, 0.0, -half], [1.0, 0.0, half]]
    return WheelMapping(_named(names, 4), np.array(rows) / radius_m)


def mecanum(names: Sequence[str], radius_m: float, track_m: float, wheelbase_m: float) -> WheelMapping:
    """Four wheels with rollers at 45° that form an X seen from above: front left, front right, rear left, rear right.

    Lynch & Park, Modern Robotics (2017), 13.2.1.
    """
    _above_zero(radius_m=radius_m, track_m=track_m, wheelbase_m=wheelbase_m)
    arm = 0.5 * (track_m + wheelbase_m)
    rows = [[1.0, -1.0, -arm], [1.0, 1.0, arm], [1.0, 1.0, -arm], [1.0, -1.0, arm]]
    return WheelMapping(_named(names, 4), np.array(rows) / radius_m)


def mapping(
    kind: str, names: Sequence[str], radius_m: float, track_m: float, wheelbase_m: float, widening: float
) -> WheelMapping:
    """The mapping of this name. Raises ParameterError."""
    if kind == "differential":
        return differential(names, radius_m, track_m)
    if kind == "skid_steer":
        return skid_steer(names, radius_m, track_m, widening)
    if kind == "mecanum":
        return mecanum(names, radius_m, track_m, wheelbase_m)
    raise ParameterError(f"There is no drive '{kind}'.", "Known: differential, skid_steer, mecanum.")


def _named(names: Sequence[str], count: int) -> tuple[str, ...]:
    if len(names) != count or len(set(names)) != count:
        raise ParameterError(f"This drive has {count} wheels, found the joints {list(names)}.", "Name each once.")
    return tuple(names)


def _above_zero(**values: float) -> None:
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0.0):
            raise ParameterError(f"'{name}' is {value}.", "It must be above zero.")
