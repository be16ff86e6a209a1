"""Which points of a 3D cloud are ground: a height profile outwards along each of many sectors.

After M. Himmelsbach et al., Fast segmentation of 3D point clouds for ground vehicles, 2010, with one number a cell
(its lowest point) in place of fitted lines. From one cell to the next the ground rises and falls by a bounded slope.
"""

from __future__ import annotations

from math import tan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array

SECTORS: Final = 120
RING_M: Final = 0.4
RINGS: Final = 64  # to 25.6 m
ROUGH_M: Final = 0.04  # and so much besides the slope, at every step
LOW_OUTLIER_M: Final = 0.3  # below what the slope allows: a mirror image, not the ground


def above(sector: NDArray[np.intp], distance: Array, z: Array, slope_rad: float) -> Array:
    """Height of each point (N,) above the ground.

    `sector` (N,) of SECTORS and `distance` from the sensor in the plane; `z` in `base_link`, which stands on ground.
    """
    ring = np.minimum((distance * (1.0 / RING_M)).astype(np.intp), RINGS - 1)
    lowest = np.full(RINGS * SECTORS, np.inf, dtype=z.dtype)  # of one type, or minimum.at is ten times slower
    np.minimum.at(lowest, ring * SECTORS + sector, z)
    middle = _profile(lowest.reshape(RINGS, SECTORS), tan(slope_rad)).ravel()
    # Between the middles of the rings the ground is a straight line.
    at = np.clip(distance * (1.0 / RING_M) - 0.5, 0.0, RINGS - 1.001)
    inner = at.astype(np.intp)
    cell = inner * SECTORS + sector
    below = middle[cell]
    return np.asarray(z - below - (at - inner) * (middle[cell + SECTORS] - below))


def _profile(lowest: Array, slope: float) -> Array:
    """Ground height (RINGS, SECTORS) in the middle of each ring, straight over rings in which none is seen."""
    taken = np.zeros((RINGS, SECTORS), dtype=bool)
    height = np.zeros((RINGS, SECTORS))
    here, since = np.zeros(SECTORS), np.full(SECTORS, 0.5)  # at the robot, and rings passed since it was last seen
    for ring, low in enumerate(lowest):
        reach = (slope * RING_M) * since + ROUGH_M
        floor = here - reach
        seen = (low < here + reach) & (low > floor - LOW_OUTLIER_M)
        # A step down is the edge of what we took for ground, up to where the slope allows it.
        here = np.where(seen, np.maximum(low, floor), here)
        since = np.where(seen, 1.0, since + 1.0)
        height[ring], taken[ring] = here, seen
    rings = np.arange(RINGS)[:, None]
    before = np.maximum.accumulate(np.where(taken, rings, -1), axis=0)
    after = np.minimum.accumulate(np.where(taken, rings, RINGS)[::-1], axis=0)[::-1]
    column = np.arange(SECTORS)
    low_end = np.where(before < 0, 0.0, height[np.maximum(before, 0), column])
    high_end = np.where(after == RINGS, low_end, height[np.minimum(after, RINGS - 1), column])
    part = (rings - before) / np.maximum(after - before, 1)
    return np.asarray(low_end + part * (high_end - low_end))
