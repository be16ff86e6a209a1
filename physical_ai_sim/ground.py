"""The ground under the wheels: its friction, patches of other friction, and its slope.

A slope turns gravity, not the ground: `map` lies in the ground, so that poses and structures stay as they are written.
With the parameters' defaults nothing of the frozen physics changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array
from physical_ai_sim import physics as p
from physical_ai_sim.parameters import SimulatorParameters


class Ground:
    """Sets the friction of each wheel's contact by where the wheel is. Raises InputError for patches without sense."""

    def __init__(self, parameters: SimulatorParameters, model: Any, data: Any) -> None:
        """Writes gravity and the wheels' friction into `model`."""
        self._friction = parameters.ground_friction
        self._patches = read_patches(parameters.ground_patches)
        self._geoms = np.array([model.geom(f"{side}_wheel").id for side in ("left", "right")])
        self._model, self._data = model, data
        if parameters.ground_slope_rad:
            model.opt.gravity[:] = gravity(parameters.ground_slope_rad, parameters.ground_slope_direction_rad)
        # MuJoCo takes the larger friction of the two that touch: the ground itself must not be the rougher one.
        model.geom("ground").friction[0] = min(p.GROUND_FRICTION, self._friction, *self._patches[:, 3])
        model.geom_friction[self._geoms, 0] = self._friction

    @property
    def gravity_mps2(self) -> Array:
        """Gravity in `map`, pointing down."""
        return np.array(self._model.opt.gravity)

    def update(self) -> None:
        """Friction where the wheels are now."""
        if len(self._patches):
            for geom in self._geoms:
                away = np.hypot(*(self._patches[:, :2] - self._data.geom_xpos[geom, :2]).T)
                inside = np.flatnonzero(away < self._patches[:, 2])
                self._model.geom_friction[geom, 0] = self._patches[inside[0], 3] if len(inside) else self._friction


def gravity(slope_rad: float, uphill_rad: float) -> Array:
    """Gravity (3,) in a ground whose height grows towards `uphill_rad`."""
    down = -np.sin(slope_rad)
    return p.GRAVITY_MPS2 * np.array([down * np.cos(uphill_rad), down * np.sin(uphill_rad), -np.cos(slope_rad)])


def read_patches(text: str) -> Array:
    """Rows (N, 4) of x m, y m, radius m, friction."""
    rows = [row.replace(",", " ").split() for row in text.split(";") if row.strip()]
    try:
        patches = np.array(rows, dtype=float).reshape(-1, 4)
    except ValueError as error:
        raise InputError(
            f"The ground patches '{text}' cannot be read: {error}.", "Give 'x y radius friction; …', in metres."
        ) from error
    if not (np.isfinite(patches).all() and (patches[:, 2] > 0.0).all() and (patches[:, 3] >= 0.02).all()):
        raise InputError(
            f"The ground patches '{text}' make no ground.", "Radius above 0, friction of at least 0.02, all finite."
        )
    return patches
