"""The robot as the controller needs it: one circle against people, two circles on its axis against narrow places."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_core.robot import Robot


class Body(NamedTuple):
    """`radius_m`: circle around base_link. `front_m`, `rear_m`: centres along x of two circles of `half_radius_m`."""

    radius_m: float
    front_m: float
    rear_m: float
    half_radius_m: float
    half_m: Array  # (2,) half length and half width of a rectangle around base_link that holds the footprint


def body_of(robot: Robot) -> Body:
    """Circles that cover the footprint's bounding rectangle."""
    corners = np.array(robot.footprint)
    low, high = corners.min(axis=0), corners.max(axis=0)
    quarter, half_width = 0.25 * (high[0] - low[0]), float(np.abs(corners[:, 1]).max())
    middle = 0.5 * (high[0] + low[0])
    return Body(
        robot.radius_m,
        float(middle + quarter),
        float(middle - quarter),
        float(np.hypot(quarter, half_width)),
        np.abs(corners).max(axis=0),
    )
