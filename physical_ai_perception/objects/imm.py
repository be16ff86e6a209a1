"""Interacting multiple models for many tracks at once: nearly constant velocity, and manoeuvring.

Both modes are constant-velocity models of white acceleration noise, one small and one large: a person who turns or
stops leaves the first within a few scans. Reference: H. Blom, Y. Bar-Shalom, The interacting multiple model algorithm,
1988. Shapes: N tracks, 2 modes, state (x, y, vx, vy) in `odom`: `mean (N, 2, 4)`, `covariance (N, 2, 4, 4)`,
`weight (N, 2)` with rows that add up to 1.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array

CALM, MANOEUVRE = 0, 1
DWELL_S: Final = (4.0, 0.8)  # mean time in each mode
LEAST_WEIGHT: Final = 0.01  # no mode ever dies


class Beliefs:
    """The belief of every track, kept in arrays that share their first axis."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.mean = np.zeros((0, 2, 4))
        self.covariance = np.zeros((0, 2, 4, 4))
        self.weight = np.zeros((0, 2))

    def bear(self, position: Array, position_variance: Array, speed_variance: float) -> tuple[Array, Array]:
        """New tracks at rest at `position` (B, 2); their means (B, 4) and covariances (B, 4, 4)."""
        count = len(position)
        mean = np.zeros((count, 2, 4))
        mean[..., :2] = position[:, None]
        covariance = np.zeros((count, 2, 4, 4))
        covariance[..., 0, 0] = covariance[..., 1, 1] = position_variance[:, None]
        covariance[..., 2, 2] = covariance[..., 3, 3] = speed_variance
        self.mean = np.concatenate([self.mean, mean])
        self.covariance = np.concatenate([self.covariance, covariance])
        self.weight = np.concatenate([self.weight, np.full((count, 2), 0.5)])
        return mean[:, CALM], covariance[:, CALM]

    def keep(self, alive: NDArray[np.bool_]) -> None:
        self.mean, self.covariance, self.weight = self.mean[alive], self.covariance[alive], self.weight[alive]

    def predict(self, dt_s: float, density: Array) -> None:
        """Mix, then move ahead. `density` (N, 2): power density of the acceleration noise of each mode, m^2/s^3."""
        if not len(self.mean) or dt_s <= 0.0:
            return
        stay = np.exp(-dt_s / np.array(DWELL_S))
        chain = np.array([[stay[0], 1.0 - stay[0]], [1.0 - stay[1], stay[1]]])
        weight = self.weight @ chain
        calm = self.weight[:, :1] * chain[0] / weight  # (N, to): how much of each mode comes from the calm one
        apart = self.mean[:, CALM] - self.mean[:, MANOEUVRE]
        self.mean = self.mean[:, None, MANOEUVRE] + calm[..., None] * apart[:, None]
        c = calm[..., None, None]
        outer = (apart[:, :, None] * apart[:, None, :])[:, None]
        before, after = self.covariance[:, None, MANOEUVRE], self.covariance[:, None, CALM]
        covariance = before + c * (after - before) + (c * (1.0 - c)) * outer
        self.weight = weight
        self.mean[..., :2] += dt_s * self.mean[..., 2:]
        # F P F' in blocks: the velocity block adds to the others.
        covariance[..., :2, :] += dt_s * covariance[..., 2:, :]
        covariance[..., :, :2] += dt_s * covariance[..., :, 2:]
        same, cross, speed = dt_s**3 / 3.0, dt_s**2 / 2.0, dt_s
        noise = np.array([[same, 0, cross, 0], [0, same, 0, cross], [cross, 0, speed, 0], [0, cross, 0, speed]])
        covariance += density[..., None, None] * noise
        self.covariance = covariance

    def merged(self) -> tuple[Array, Array]:
        """Mean (N, 4) and covariance (N, 4, 4) of the whole mixture."""
        w = self.weight[:, CALM, None]
        apart = self.mean[:, CALM] - self.mean[:, MANOEUVRE]
        mean = self.mean[:, MANOEUVRE] + w * apart
        calm, wild = self.covariance[:, CALM], self.covariance[:, MANOEUVRE]
        w = w[..., None]
        covariance = wild + w * (calm - wild) + (w * (1.0 - w)) * (apart[:, :, None] * apart[:, None, :])
        return mean, covariance

    def update(self, track: NDArray[np.intp], position: Array, variance: Array) -> None:
        """Take measured positions (n, 2) with isotropic variance (n,) of the tracks of that index."""
        if not len(track):
            return
        mean, prior = self.mean[track], self.covariance[track]
        sxx = prior[..., 0, 0] + variance[:, None]
        syy = prior[..., 1, 1] + variance[:, None]
        sxy = prior[..., 0, 1]
        determinant = sxx * syy - sxy * sxy
        inverse = np.empty((*sxx.shape, 2, 2))
        inverse[..., 0, 0], inverse[..., 1, 1] = syy / determinant, sxx / determinant
        inverse[..., 0, 1] = inverse[..., 1, 0] = -sxy / determinant
        innovation = position[:, None] - mean[..., :2]
        cross = prior[..., :, :2]
        gain = cross @ inverse
        weighted = (inverse @ innovation[..., None])[..., 0]
        self.mean[track] = mean + (cross @ weighted[..., None])[..., 0]
        posterior = prior - gain @ cross.swapaxes(-1, -2)
        self.covariance[track] = 0.5 * (posterior + posterior.swapaxes(-1, -2))
        distance = (innovation * weighted).sum(axis=-1)
        log_weight = np.log(self.weight[track]) - 0.5 * (distance + np.log(determinant))
        weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        weight = np.maximum(weight / weight.sum(axis=1, keepdims=True), LEAST_WEIGHT)
        self.weight[track] = weight / weight.sum(axis=1, keepdims=True)
