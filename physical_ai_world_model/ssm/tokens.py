"""From observed positions to the features that the state space reads: exact in continuous time, O(1) a sample.

Each agent has a Kalman filter of constant velocity (white noise acceleration, exact discretisation for the measured
`dt`, gain a function of the times alone) and two leaky means of its velocity. All three are linear in the positions
and turn with them; the features are their components along the agent's own direction, so that a forecast does not
depend on where the axes point. How often somebody looks changes what is known, not what is meant: seconds, not samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array

FEATURES: Final = 8
POSITION_VARIANCE_M2: Final = 0.06**2
ACCELERATION_PSD: Final = 0.2  # m^2/s^3
FIRST_SPEED_VARIANCE: Final = 1.5**2  # (m/s)^2, before anything was seen move
SHORT_S: Final = 1.0  # time constants of the leaky means
LONG_S: Final = 3.0
BLEND: Final = 0.25  # of the short mean in the direction, which steadies it for somebody who stands
AGE_S: Final = 1.0
LEAST_SPEED_MPS: Final = 0.05


@dataclass
class Tokens:
    """What is kept of n agents: position, velocity, means (n, 2); covariance [pp, pv, vv] (n, 3); age (n,) in s."""

    xy_m: Array
    v_mps: Array
    covariance: Array
    short_mps: Array
    long_mps: Array
    age_s: Array

    @staticmethod
    def begin(xy_m: Array) -> Tokens:
        """First sight of n agents at positions (n, 2)."""
        n, zero = len(xy_m), np.zeros_like(xy_m)
        covariance = np.tile([POSITION_VARIANCE_M2, 0.0, FIRST_SPEED_VARIANCE], (n, 1))
        return Tokens(xy_m.copy(), zero, covariance, zero.copy(), zero.copy(), np.zeros(n))

    def advance(self, xy_m: Array, dt_s: Array) -> None:
        """Take the next positions (n, 2), `dt_s` (n,) > 0 after the last."""
        pp, pv, vv = self.covariance.T
        q = ACCELERATION_PSD
        pp = pp + dt_s * (2.0 * pv + dt_s * vv) + q * dt_s**3 / 3.0
        pv = pv + dt_s * vv + q * dt_s**2 / 2.0
        vv = vv + q * dt_s
        total = pp + POSITION_VARIANCE_M2
        gain_p, gain_v = pp / total, pv / total
        ahead = self.xy_m + dt_s[:, None] * self.v_mps
        innovation = xy_m - ahead
        first = self.age_s <= 0.0
        self.xy_m = ahead + gain_p[:, None] * innovation
        self.v_mps = self.v_mps + gain_v[:, None] * innovation
        self.covariance = np.column_stack([(1.0 - gain_p) * pp, (1.0 - gain_p) * pv, vv - gain_v * pv])
        for mean, tau_s in ((self.short_mps, SHORT_S), (self.long_mps, LONG_S)):
            share = np.where(first, 1.0, -np.expm1(-dt_s / tau_s))
            mean += share[:, None] * (self.v_mps - mean)
        self.age_s = self.age_s + dt_s

    def direction(self) -> Array:
        """Unit vectors (n, 2) of where the agents go."""
        return direction(self.v_mps, self.short_mps)

    def features(self) -> Array:
        """Features (n, 8) of the present moment."""
        return features(self.v_mps, self.short_mps, self.long_mps, self.age_s)


def blended(v_mps: Array, short_mps: Array) -> Array:
    """The velocity (…, 2) whose direction is the agent's own frame."""
    return (1.0 - BLEND) * v_mps + BLEND * short_mps


def direction(v_mps: Array, short_mps: Array) -> Array:
    """Unit vectors (…, 2); along x where nothing moves."""
    along = blended(v_mps, short_mps)
    size = np.hypot(along[..., 0], along[..., 1])[..., None]
    return np.where(size > 1e-6, along / np.maximum(size, 1e-6), np.array([1.0, 0.0]))


def into(direction: Array, vector: Array) -> Array:
    """Components (…, 2) of a vector along and to the left of a direction."""
    c, s = direction[..., 0], direction[..., 1]
    return np.stack([vector[..., 0] * c + vector[..., 1] * s, vector[..., 1] * c - vector[..., 0] * s], axis=-1)


def out_of(direction: Array, vector: Array) -> Array:
    """The inverse of `into`."""
    c, s = direction[..., 0], direction[..., 1]
    return np.stack([vector[..., 0] * c - vector[..., 1] * s, vector[..., 0] * s + vector[..., 1] * c], axis=-1)


def features(v_mps: Array, short_mps: Array, long_mps: Array, age_s: Array) -> Array:
    """(…, 8): velocity and both means in the own frame, log speed, and how young the track is."""
    frame = direction(v_mps, short_mps)
    along = blended(v_mps, short_mps)
    speed = np.hypot(along[..., 0], along[..., 1])
    parts = [into(frame, v) for v in (v_mps, short_mps, long_mps)]
    return np.concatenate(
        [*parts, np.log(speed + LEAST_SPEED_MPS)[..., None], np.exp(-age_s / AGE_S)[..., None]], axis=-1
    )


def tokenise(stamps_s: Array, xy_m: Array) -> tuple[Array, Array, Array]:
    """Whole tracks at once: stamps (n, T), positions (n, T, 2), not a number where not seen.

    → velocities [v, short, long] (n, T, 3, 2), elapsed time since the sample before (n, T), 0 where there is no
    token (nothing seen, or the first sight, which has no velocity), age (n, T). Ends on the last sight.
    """
    n, steps = xy_m.shape[:2]
    seen: NDArray[np.bool_] = np.asarray(np.isfinite(xy_m).all(axis=-1), dtype=np.bool_)
    kept = Tokens.begin(np.zeros((n, 2)))
    last_s, begun = np.zeros(n), np.zeros(n, dtype=bool)
    velocities, elapsed_s, age_s = np.zeros((n, steps, 3, 2)), np.zeros((n, steps)), np.zeros((n, steps))
    for k in range(steps):
        new = seen[:, k] & ~begun
        kept.xy_m[new] = xy_m[new, k]
        again = np.flatnonzero(seen[:, k] & begun)
        if len(again):
            part = Tokens(*(value[again] for value in vars(kept).values()))
            dt_s = stamps_s[again, k] - last_s[again]
            part.advance(xy_m[again, k], dt_s)
            for name, value in vars(part).items():
                getattr(kept, name)[again] = value
            elapsed_s[again, k] = dt_s
        last_s[seen[:, k]] = stamps_s[seen[:, k], k]
        begun |= seen[:, k]
        velocities[:, k] = np.stack([kept.v_mps, kept.short_mps, kept.long_mps], axis=1)
        age_s[:, k] = kept.age_s
    return velocities, elapsed_s, age_s
