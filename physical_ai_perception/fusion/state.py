"""The nominal state and its error: what the filter knows, and how a correction is put into it.

Error state (15): position, velocity, attitude, gyro bias, accelerometer bias, three each. The attitude error is a
rotation vector of the *world* frame, `R_true = Exp(error) R`: yaw variance is then one diagonal element, and a
change of frame is one block rotation. Reference: J. Sola, Quaternion kinematics for the error-state Kalman filter,
2017, chapter 7 (global angular error).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_perception.fusion import rotations
from physical_ai_perception.fusion.rotations import IDENTITY, Quaternion

SIZE: Final = 15
POSITION: Final = slice(0, 3)
VELOCITY: Final = slice(3, 6)
ATTITUDE: Final = slice(6, 9)
GYRO_BIAS: Final = slice(9, 12)
ACCEL_BIAS: Final = slice(12, 15)
# Largest variances that the filter keeps: beyond them an element means "unknown", and float arithmetic stays sound.
MOST_VARIANCE: Final = np.repeat([1e8, 1e4, 10.0, 1.0, 25.0], 3)
MOST_SIGMA: Final = np.sqrt(MOST_VARIANCE)


@dataclass
class State:
    """Pose and motion of `base_link` in the filter's world frame (odom or map).

    `rotation` (3, 3) always belongs to `attitude`; `covariance` (15, 15) is that of the error state.
    """

    stamp_s: float
    position: Array = field(default_factory=lambda: np.zeros(3))
    velocity: Array = field(default_factory=lambda: np.zeros(3))
    attitude: Quaternion = IDENTITY
    gyro_bias: Array = field(default_factory=lambda: np.zeros(3))
    accel_bias: Array = field(default_factory=lambda: np.zeros(3))
    covariance: Array = field(default_factory=lambda: np.eye(SIZE) * 1e-6)
    rotation: Array = field(default_factory=lambda: np.eye(3))

    def set_attitude(self, attitude: Quaternion) -> None:
        """Put in an attitude; its matrix follows."""
        self.attitude = rotations.normalised(attitude)
        rotations.fill_matrix(self.attitude, self.rotation)

    def inject(self, error: Array) -> None:
        """Move the nominal state by an error (15,)."""
        self.position += error[POSITION]
        self.velocity += error[VELOCITY]
        x, y, z = error[ATTITUDE].tolist()
        self.set_attitude(rotations.multiply(rotations.exponential(x, y, z), self.attitude))
        self.gyro_bias += error[GYRO_BIAS]
        self.accel_bias += error[ACCEL_BIAS]

    def difference(self, other: State) -> Array:
        """The error (15,) that `other.inject` needs to become this state."""
        turn = rotations.multiply(self.attitude, rotations.conjugate(other.attitude))
        return np.concatenate(
            [
                self.position - other.position,
                self.velocity - other.velocity,
                rotations.logarithm(turn),
                self.gyro_bias - other.gyro_bias,
                self.accel_bias - other.accel_bias,
            ]
        )

    def copy(self) -> State:
        """A state that shares no array with this one."""
        return State(
            self.stamp_s,
            self.position.copy(),
            self.velocity.copy(),
            self.attitude,
            self.gyro_bias.copy(),
            self.accel_bias.copy(),
            self.covariance.copy(),
            self.rotation.copy(),
        )

    def bound_covariance(self) -> None:
        """Scale rows and columns so that no variance leaves its bound; correlations, and so definiteness, stay."""
        variance = self.covariance.diagonal()
        if (variance > MOST_VARIANCE).any():
            scale = np.minimum(1.0, MOST_SIGMA / np.sqrt(np.maximum(variance, 1e-300)))
            self.covariance *= scale
            self.covariance *= scale[:, None]

    def is_finite(self) -> bool:
        """Every number of the state is one."""
        parts = (self.position, self.velocity, self.gyro_bias, self.accel_bias)
        total = sum(self.attitude) + sum(sum(part.tolist()) for part in parts) + float(self.covariance.sum())
        return bool(total - total == 0.0)
