"""Propagation of the state and its covariance over a measured interval, by the IMU or without one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_perception.fusion import rotations
from physical_ai_perception.fusion.state import ACCEL_BIAS, ATTITUDE, GYRO_BIAS, POSITION, SIZE, VELOCITY, State


class Noise(NamedTuple):
    """Spectral densities of what drives the error state (SI units squared per Hz; walks squared per second)."""

    gyro: float
    accel: float
    gyro_walk: float
    accel_walk: float


class Propagator:
    """Discrete error-state propagation; keeps its matrices so that a step allocates next to nothing.

    `gravity_mps2` is the length of gravity; the world z axis points up.
    """

    def __init__(self, gravity_mps2: float) -> None:
        self._gravity = gravity_mps2
        self._transition = np.eye(SIZE)
        self._product = np.empty((SIZE, SIZE))
        self._diagonal = np.arange(SIZE) * (SIZE + 1)
        self._noise = np.empty(SIZE)

    def step(self, state: State, dt_s: float, rate: Array, force: Array, noise: Noise) -> None:
        """Move `state` by `dt_s` under a body rate (rad/s) and specific force (m/s^2), both with bias.

        Midpoint attitude for the force, exact for a constant rate; first order in the covariance.
        """
        wx, wy, wz = ((rate - state.gyro_bias) * dt_s).tolist()
        middle = rotations.multiply(state.attitude, rotations.exponential(0.5 * wx, 0.5 * wy, 0.5 * wz))
        rotations.fill_matrix(middle, state.rotation)
        world_force = state.rotation @ (force - state.accel_bias)
        fx, fy, fz = world_force.tolist()
        world_force[2] = fz - self._gravity
        self._covariance(state, dt_s, fx, fy, fz, noise)
        world_force *= dt_s
        state.position += dt_s * (state.velocity + 0.5 * world_force)
        state.velocity += world_force
        state.set_attitude(rotations.multiply(state.attitude, rotations.exponential(wx, wy, wz)))
        state.stamp_s += dt_s

    def _covariance(self, state: State, dt_s: float, fx: float, fy: float, fz: float, noise: Noise) -> None:
        f, turn = self._transition, state.rotation
        f[0, 3] = f[1, 4] = f[2, 5] = dt_s
        f[3, 7], f[3, 8], f[4, 8] = fz * dt_s, -fy * dt_s, fx * dt_s
        f[4, 6], f[5, 6], f[5, 7] = -fz * dt_s, fy * dt_s, -fx * dt_s
        turned = turn * -dt_s
        f[VELOCITY, ACCEL_BIAS] = turned
        f[ATTITUDE, GYRO_BIAS] = turned
        covariance = state.covariance
        np.matmul(f, covariance, out=self._product)
        np.matmul(self._product, f.T, out=covariance)
        q = self._noise
        q[POSITION] = noise.accel * dt_s**3 / 3.0
        q[VELOCITY] = noise.accel * dt_s
        q[ATTITUDE] = noise.gyro * dt_s
        q[GYRO_BIAS] = noise.gyro_walk * dt_s
        q[ACCEL_BIAS] = noise.accel_walk * dt_s
        covariance.ravel()[self._diagonal] += q

    def transition(self) -> Array:
        """The error transition (15, 15) of the last step."""
        return np.array(self._transition)
