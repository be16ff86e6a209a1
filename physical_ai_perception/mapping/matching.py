"""Refine a pose of points in a likelihood field.

Maximises the mean of the field over the points, `F(T p)`: written as least squares on `sqrt(1 - F)`, which near a
surface is the distance to it over `σ√2` and far from every surface is constant, so outliers pull nothing (Welsch's
robust kernel). Gauss-Newton with Levenberg's damping; a prior pose with its information holds what the surfaces leave
open.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_perception.mapping.field import Field

LEAST_GAP: Final = 0.02  # 1 - F below this counts as this: at the ridge the square root has a cusp
STILL_M: Final = 3e-4  # and rad
CLOSE_M: Final = 1.5e-3  # a step as small (m, rad) that gains nothing: the field is no smoother than this
LEAST_BACK: Final = 0.3  # damping after a step that gained nothing
MOST_DAMPING: Final = 1e6


class Prior(NamedTuple):
    """A pose (3,) that is expected, with its information (3, 3)."""

    pose: Array
    information: Array


class Refined(NamedTuple):
    """`pose` (3,); `information` (3, 3) of the surfaces alone, in metres and radians; `score` mean of the field."""

    pose: Array
    information: Array
    score: float


def refine(
    field: Field, points: Array, start: Array, weight: float, prior: Prior | None = None, iterations: int = 12
) -> Refined:
    """Move `points` (N, 2) from `start` (3,) to where they agree best with the field.

    `weight` is `2 σ² / s²` for the field's σ and a point's own sigma s: residuals times it are squared sigmas.
    """
    x, y, yaw = (float(value) for value in start)
    cost, gradient, hessian, score = _normal(field, points, x, y, yaw, weight, prior)
    damping = 1e-3
    for _ in range(iterations):
        dx, dy, dyaw = _solve(hessian, gradient, damping)
        trial = _normal(field, points, x + dx, y + dy, yaw + dyaw, weight, prior)
        if trial[0] < cost:
            x, y, yaw = x + dx, y + dy, yaw + dyaw
            gained = cost - trial[0]
            cost, gradient, hessian, score = trial
            damping = max(damping * 0.2, 1e-6)
            if (abs(dx) + abs(dy) < STILL_M and abs(dyaw) < STILL_M) or gained < 2e-4 * cost:
                break
        else:
            damping = max(damping * 8.0, LEAST_BACK)
            if (abs(dx) + abs(dy) < CLOSE_M and abs(dyaw) < CLOSE_M) or damping > MOST_DAMPING:
                break
    information = hessian - prior.information if prior is not None else hessian
    return Refined(np.array([x, y, math.remainder(yaw, 2.0 * math.pi)]), information, score)


def _solve(hessian: Array, gradient: Array, damping: float) -> tuple[float, float, float]:
    """`-(H + damping diag H)⁻¹ g` for a symmetric 3x3 matrix, by Cramer's rule: the step is three numbers."""
    (a, b, c), (_, d, e), (_, _, f) = hessian.tolist()
    a, d, f = a * (1.0 + damping) + 1e-9, d * (1.0 + damping) + 1e-9, f * (1.0 + damping) + 1e-9
    gx, gy, gz = gradient.tolist()
    cx, cy, cz = d * f - e * e, c * e - b * f, b * e - c * d
    scale = -1.0 / (a * cx + b * cy + c * cz)
    return (
        scale * (cx * gx + cy * gy + cz * gz),
        scale * (cy * gx + (a * f - c * c) * gy + (b * c - a * e) * gz),
        scale * (cz * gx + (b * c - a * e) * gy + (a * d - b * b) * gz),
    )


def _normal(
    field: Field, points: Array, x: float, y: float, yaw: float, weight: float, prior: Prior | None
) -> tuple[float, Array, Array, float]:
    """Cost, gradient (3,), Gauss-Newton Hessian (3, 3) and mean field at a pose."""
    c, s = math.cos(yaw), math.sin(yaw)
    px, py = points[:, 0], points[:, 1]
    placed = np.empty((len(points), 2))
    turned_x, turned_y = c * px - s * py, s * px + c * py
    placed[:, 0], placed[:, 1] = turned_x + x, turned_y + y
    value, along_x, along_y = field.sample(placed)
    gap = 1.0 - value
    scale = -0.5 / np.sqrt(np.maximum(gap, LEAST_GAP))
    jacobian = np.empty((3, len(points)))
    jacobian[0], jacobian[1] = along_x * scale, along_y * scale
    jacobian[2] = jacobian[1] * turned_x - jacobian[0] * turned_y
    hessian = weight * (jacobian @ jacobian.T)
    gradient = weight * (jacobian @ np.sqrt(np.maximum(gap, 0.0)))
    cost = weight * float(gap.sum())
    if prior is not None:
        off = np.array([x - prior.pose[0], y - prior.pose[1], math.remainder(yaw - prior.pose[2], 2.0 * math.pi)])
        pull = prior.information @ off
        hessian = hessian + prior.information
        gradient = gradient + pull
        cost += float(off @ pull)
    return cost, gradient, hessian, float(value.mean()) if len(points) else 0.0
