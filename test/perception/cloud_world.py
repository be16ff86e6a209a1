"""A 3D LiDAR in the flat world of the other tests, whose ground may rise ahead of the robot."""

from __future__ import annotations

import numpy as np
from flat_world import World

from physical_ai_core.geometry import Array

EYE = np.array([0.15, 0.0, 0.3])  # of frame `lidar` in base_link, as on robot scout
FOOT_M = 2.0  # the slope begins so far ahead
PERSON_M, WALL_M = 1.7, 2.5  # heights


def cloud(
    world: World, rng: np.random.Generator, slope_rad: float = 0.0, bearings: int = 720, rings: int = 32,
) -> Array:  # fmt: skip
    """Points (N, 3) float32 in frame `lidar` of a robot at the origin."""
    bearing, elevation = (
        a.ravel() for a in np.meshgrid(np.linspace(-np.pi, np.pi, bearings, False), np.linspace(-0.3, 0.25, rings))
    )
    rise, fall = np.tan(slope_rad), np.tan(elevation)
    ahead = np.cos(bearing)

    def ground(x: Array) -> Array:
        return np.maximum(0.0, x - FOOT_M) * rise

    with np.errstate(all="ignore"):
        flat = -EYE[2] / fall
        flat[(flat < 0.0) | (EYE[0] + flat * ahead > FOOT_M)] = np.inf
        steep = (rise * (EYE[0] - FOOT_M) - EYE[2]) / (fall - rise * ahead)
        steep[(steep < 0.0) | (EYE[0] + steep * ahead <= FOOT_M)] = np.inf
    best = np.minimum(flat, steep)
    parts = [(World(circles=circle[None]), PERSON_M) for circle in world.circles]
    for part, height in [*parts, (World(walls=world.walls), WALL_M)]:
        reach = part.ranges(EYE[:2], bearing)
        with np.errstate(invalid="ignore"):
            over = EYE[2] + reach * fall - ground(np.where(np.isfinite(reach), EYE[0] + reach * ahead, 0.0))
        best = np.where((over > 0.0) & (over < height), np.minimum(best, reach), best)
    best = np.where(best < 25.0, best, np.inf)
    hit = np.isfinite(best)
    reach = best[hit] + rng.normal(0.0, 0.01, hit.sum())
    return np.column_stack([reach * np.cos(bearing[hit]), reach * np.sin(bearing[hit]), reach * fall[hit]]).astype(
        np.float32
    )
