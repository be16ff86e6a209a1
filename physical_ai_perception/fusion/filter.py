"""The error-state Kalman filter: propagation, gated updates in Joseph form, and coming back from a long rejection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import chdtri

from physical_ai_core.geometry import Array
from physical_ai_perception.fusion.measurements import Measurement
from physical_ai_perception.fusion.propagation import Noise, Propagator
from physical_ai_perception.fusion.state import SIZE, State

MOST_ROWS: Final = 6
BOUND_EVERY_S: Final = 0.1  # of propagation, between looks at the bounds of the covariance
RECOVERY_COUNT: Final = 5  # a single late outlier is not a long rejection


@dataclass
class Gate:
    """What one source's innovations did: `rejected` in total, and since when without a break."""

    accepted: int = 0
    rejected: int = 0
    recovered: int = 0
    streak: int = 0
    streak_since_s: float = 0.0
    distance: float = 0.0  # squared Mahalanobis distance of the last innovation over its degrees of freedom


class Filter:
    """One instance; `state` may be read at any time, and is finite at any time.

    Example:
        f = Filter(State(0.0), gravity_mps2=9.81, gate_probability=0.999, recovery_s=4.0)
        f.propagate(0.005, gyro, accelerometer, noise)
        f.update("wheel/odometry", measurements.body_velocity(f.state, v, sigmas), stamp_s)
    """

    def __init__(self, state: State, gravity_mps2: float, gate_probability: float, recovery_s: float) -> None:
        self.state = state
        self.gates: dict[str, Gate] = {}
        self.faults = 0  # updates undone because they would have left a number that is none
        self._propagator = Propagator(gravity_mps2)
        self._limits = [0.0] + [float(chdtri(rows, 1.0 - gate_probability)) for rows in range(1, MOST_ROWS + 1)]
        self._recovery_s = recovery_s
        self._identity = np.eye(SIZE)
        self._unbounded_s = 0.0

    def propagate(self, dt_s: float, rate: Array, force: Array, noise: Noise) -> None:
        """Move on by `dt_s` > 0 under a body rate and a specific force."""
        self._propagator.step(self.state, dt_s, rate, force, noise)
        self._unbounded_s += dt_s
        if self._unbounded_s >= BOUND_EVERY_S:
            self._unbounded_s = 0.0
            self.state.bound_covariance()

    def update(self, source: str, measurement: Measurement, stamp_s: float, gated: bool = True) -> bool:
        """Take a measurement; False when it was rejected. A source rejected for long is let in again."""
        innovation, jacobian, noise = measurement
        gate = self.gates.setdefault(source, Gate())
        covariance = self.state.covariance
        cross = covariance @ jacobian.T
        inverse = np.linalg.inv(jacobian @ cross + noise)
        distance = float(innovation @ inverse @ innovation)
        if not distance >= 0.0:  # NaN, or a spread that is not positive: never let in
            gate.rejected += 1
            return False
        gate.distance = distance / len(innovation)
        if gated and distance > self._limits[len(innovation)]:
            if not self._long_rejected(gate, stamp_s):
                return False
            self._open(jacobian, innovation)
            gate.recovered += 1
            cross = covariance @ jacobian.T
            inverse = np.linalg.inv(jacobian @ cross + noise)
        gate.streak = 0
        gate.accepted += 1
        self._correct(cross @ inverse, innovation, jacobian, noise)
        return True

    def _correct(self, gain: Array, innovation: Array, jacobian: Array, noise: Array) -> None:
        error = gain @ innovation
        total = float(error.sum())
        if total - total != 0.0:
            self.faults += 1
            return
        state = self.state
        rest = self._identity - gain @ jacobian
        covariance = rest @ state.covariance @ rest.T + gain @ noise @ gain.T
        np.add(covariance, covariance.T, out=state.covariance)
        state.covariance *= 0.5
        state.inject(error)

    def _long_rejected(self, gate: Gate, stamp_s: float) -> bool:
        gate.rejected += 1
        if gate.streak == 0:
            gate.streak_since_s = stamp_s
        gate.streak += 1
        return gate.streak >= RECOVERY_COUNT and stamp_s - gate.streak_since_s >= self._recovery_s

    def _open(self, jacobian: Array, innovation: Array) -> None:
        """Admit that what is measured first of all (position, velocity, attitude …) may be wrong by the innovation."""
        block = int(np.flatnonzero(jacobian.any(axis=0))[0]) // 3 * 3
        part = slice(block, block + 3)
        along = np.linalg.lstsq(jacobian[:, part], innovation, rcond=None)[0]
        self.state.covariance[part, part] += np.outer(along, along)
        self.state.bound_covariance()
