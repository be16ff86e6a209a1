"""What a filter knows: nominal state and error covariance in one flat vector, with views on its parts.

The order of the vector and the meaning of the error state are those of `model`. The attitude error is a rotation vector
of the *world* frame, `R_true = Exp(error) R`: yaw variance is then one diagonal element, and a change of frame is
one block rotation. The velocity turns with it (and shrinks as the wheel scale grows, see `model`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_perception.fusion import rotations
from physical_ai_perception.fusion.model import Layout, triangle
from physical_ai_perception.fusion.rotations import Quaternion

POSITION: Final = slice(0, 3)
VELOCITY: Final = slice(3, 6)
ATTITUDE: Final = slice(6, 9)
GYRO_BIAS: Final = slice(9, 12)
ACCEL_BIAS: Final = slice(12, 15)
SCALES: Final = slice(15, None)
POSE: Final = (0, 1, 2, 6, 7, 8)  # rows of position and attitude
PLANAR: Final = (0, 1, 8)  # x, y, yaw
MOST_SCALE: Final = 0.15  # a wheel that is wrong by more is broken, not badly calibrated
# Largest variances that the filter keeps: beyond them an element means "unknown", and float arithmetic stays sound.
MOST_VARIANCES: Final = (1e8, 1e4, 10.0, 1.0, 25.0)
LEAST_VARIANCE: Final = 1e-14


class State:
    """Pose and motion of `base_link` in the filter's world frame (odom or map); `full` holds all but the stamp."""

    def __init__(self, stamp_s: float, layout: Layout, full: Array | None = None) -> None:
        self.stamp_s = stamp_s
        self.layout = layout
        self.full = np.zeros(layout.full) if full is None else full
        nominal = self.full[: layout.nominal]
        self.position, self.velocity = nominal[0:3], nominal[3:6]
        self.gyro_bias, self.accel_bias, self.scales = nominal[10:13], nominal[13:16], nominal[16:]
        self._quaternion, self._packed = nominal[6:10], self.full[layout.nominal :]
        self._row, self._column, self._diagonal = triangle(layout)
        if full is None:
            self._quaternion[3] = 1.0
            self._packed[self._diagonal] = 1e-6

    @property
    def attitude(self) -> Quaternion:
        x, y, z, w = self._quaternion.tolist()
        return x, y, z, w

    def set_attitude(self, attitude: Quaternion) -> None:
        """Put in an attitude."""
        self._quaternion[:] = rotations.normalised(attitude)

    @property
    def rotation(self) -> Array:
        """Matrix (3, 3) that turns a vector of `base_link` into the world."""
        return rotations.matrix(self.attitude)

    @property
    def covariance(self) -> Array:
        """A copy (n, n) of the error covariance."""
        n = self.layout.error
        whole = np.empty((n, n))
        whole[self._row, self._column] = self._packed
        whole[self._column, self._row] = self._packed
        return whole

    @covariance.setter
    def covariance(self, covariance: Array) -> None:
        self._packed[:] = covariance[self._row, self._column]

    def add_covariance(self, more: Array) -> None:
        """Add (n, n) to the covariance."""
        self._packed += more[self._row, self._column]

    def body_velocity(self) -> tuple[Array, Array]:
        """Velocity of `base_link` in its own frame (3,) and its covariance (3, 3)."""
        turn_back = self.rotation.T
        velocity = turn_back @ self.velocity
        shown = np.zeros((3, self.layout.error))
        shown[:, VELOCITY] = turn_back
        if self.layout.scales:
            shown[0, 15] = -velocity[0]
        return velocity, shown @ self.covariance @ shown.T

    @property
    def variances(self) -> Array:
        """Diagonal (n,) of the covariance."""
        return np.asarray(self._packed[self._diagonal])

    def inject(self, error: Array) -> None:
        """Move the nominal state by an error (n,)."""
        self.position += error[POSITION]
        x, y, z = error[ATTITUDE].tolist()
        turn = rotations.exponential(x, y, z)
        self.set_attitude(rotations.multiply(turn, self.attitude))
        self.velocity[:] = self._carried(turn, self.velocity, error[SCALES]) + error[VELOCITY]
        self.gyro_bias += error[GYRO_BIAS]
        self.accel_bias += error[ACCEL_BIAS]
        self.scales[:] = (1.0 + self.scales) * np.exp(error[SCALES]) - 1.0

    def difference(self, other: State) -> Array:
        """The error (n,) that `other.inject` needs to become this state."""
        turn = rotations.multiply(self.attitude, rotations.conjugate(other.attitude))
        scales = np.log((1.0 + self.scales) / (1.0 + other.scales))
        return np.concatenate(
            [
                self.position - other.position,
                self.velocity - self._carried(turn, other.velocity, scales),
                rotations.logarithm(turn),
                self.gyro_bias - other.gyro_bias,
                self.accel_bias - other.accel_bias,
                scales,
            ]
        )

    def _carried(self, turn: Quaternion, velocity: Array, scales: Array) -> Array:
        """A velocity as errors of attitude and scale move it, to this state's attitude."""
        turned = rotations.matrix(turn) @ velocity
        if not self.layout.scales:
            return np.asarray(turned)
        forward = self.rotation[:, 0]
        return np.asarray(turned + forward * (forward @ turned) * np.expm1(-scales[0]))

    def copy(self) -> State:
        """A state that shares no array with this one."""
        return State(self.stamp_s, self.layout, self.full.copy())

    def bound(self) -> None:
        """Keep variances and wheel scales inside their bounds; correlations, and so definiteness, stay."""
        variance, most = self._packed[self._diagonal], _most(self.layout)
        above, below = variance > most, variance < LEAST_VARIANCE
        if (above | below).any():
            if above.any():
                scale = np.minimum(1.0, np.sqrt(most / np.maximum(variance, LEAST_VARIANCE)))
                self._packed *= scale[self._row] * scale[self._column]
            if below.any():
                self._packed[self._diagonal] = np.maximum(self._packed[self._diagonal], LEAST_VARIANCE)
        for index, scale_error in enumerate(self.scales.tolist()):
            if abs(scale_error) > MOST_SCALE:
                self.scales[index] = max(-MOST_SCALE, min(MOST_SCALE, scale_error))

    def covariance_of(self, rows: tuple[int, ...]) -> Array:
        """A copy of some rows and columns of the error covariance: PLANAR or POSE."""
        return np.asarray(self._packed[_places(self.layout, rows)])

    def is_finite(self) -> bool:
        """Every number of the state is one."""
        total = float(self.full.dot(_ones(self.layout)))  # a third of the time that its sum takes
        return total - total == 0.0


@lru_cache(maxsize=16)
def _ones(layout: Layout) -> Array:
    return np.ones(layout.full)


@lru_cache(maxsize=16)
def _places(layout: Layout, rows: tuple[int, ...]) -> NDArray[np.intp]:
    """Where in the packed triangle each element of these rows and columns lies."""
    row, column = np.meshgrid(rows, rows, indexing="ij")
    low, high = np.minimum(row, column), np.maximum(row, column)
    return np.asarray(high * (high + 1) // 2 + low)


@lru_cache(maxsize=16)
def _most(layout: Layout) -> Array:
    return np.concatenate([np.repeat(MOST_VARIANCES, 3), np.full(layout.scales, MOST_SCALE**2)])
