"""A baseline that identifies lag and gain as it drives: recursive least squares of a first-order base, per axis.

`v' = a v + b c + k` over one sample, with forgetting; what a careful engineer would put between the kinematic model and
a learnt one.
"""

from __future__ import annotations

import numpy as np

from physical_ai_core.geometry import Array, wrap

FORGET_S = 5.0


class FirstOrder:
    """One axis at a fixed sample time."""

    def __init__(self, sample_s: float, lag_s: float) -> None:
        self._sample_s, keep = sample_s, float(np.exp(-sample_s / lag_s))
        self._forget = float(np.exp(-sample_s / FORGET_S))
        self.theta = np.array([keep, 1.0 - keep, 0.0])
        self._cov = np.diag([0.1, 0.1, 0.01])
        self._last: Array | None = None

    def observe(self, value: float, command: float) -> None:
        """The measured value, and the command from now on."""
        if self._last is not None:
            gain = self._cov @ self._last / (self._forget + self._last @ self._cov @ self._last)
            self.theta = self.theta + gain * (value - self._last @ self.theta)
            cov = (self._cov - np.outer(gain, self._last @ self._cov)) / self._forget
            self._cov = cov * min(1.0, 1.0 / max(np.trace(cov), 1e-12))  # forgetting must not blow it up at rest
        self._last = np.array([value, command, 1.0])

    def ahead(self, value: float, commands: Array) -> Array:
        """Values (k + 1,) under one command a sample, with a stable pole and a gain of at most one and a half."""
        keep = float(np.clip(self.theta[0], 0.0, 0.999))
        gain = float(np.clip(self.theta[1] / (1.0 - keep), 0.3, 1.5))
        drift = float(np.clip(self.theta[2] / (1.0 - keep), -0.2, 0.2))
        out = np.empty(len(commands) + 1)
        out[0] = value
        for k, command in enumerate(commands):
            out[k + 1] = keep * out[k] + (1.0 - keep) * (gain * command + drift)
        return out


def poses(start: Array, speed: Array, turn: Array, sample_s: float) -> Array:
    """Poses (k + 1, 3) of a unicycle at speeds (k + 1,) and yaw rates (k + 1,)."""
    yaw = start[2] + np.concatenate([[0.0], np.cumsum(0.5 * (turn[1:] + turn[:-1]))]) * sample_s
    middle = 0.5 * (yaw[1:] + yaw[:-1])
    step = (0.5 * (speed[1:] + speed[:-1]) * sample_s)[:, None] * np.column_stack([np.cos(middle), np.sin(middle)])
    xy = start[:2] + np.vstack([np.zeros(2), np.cumsum(step, axis=0)])
    return np.column_stack([xy, wrap(yaw)])
