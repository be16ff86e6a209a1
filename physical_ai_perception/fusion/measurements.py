"""Measurement models: each gives innovation, Jacobian against the error state, and noise, and nothing else.

Jacobians follow from `R_true = Exp(error) R`; the tests check each against numerical differentiation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_perception.fusion import rotations
from physical_ai_perception.fusion.rotations import Quaternion
from physical_ai_perception.fusion.state import ACCEL_BIAS, ATTITUDE, GYRO_BIAS, POSITION, SIZE, VELOCITY, State

UP = np.array([0.0, 0.0, 1.0])


class Measurement(NamedTuple):
    """`innovation` (m,) is measured minus predicted; `jacobian` (m, 15); `noise` (m, m)."""

    innovation: Array
    jacobian: Array
    noise: Array


def body_velocity(state: State, velocity_mps: Array, sigmas_mps: Array) -> Measurement:
    """Velocity of `base_link` in its own frame: wheel speed forward, none sideways and upwards."""
    turn_back = state.rotation.T
    jacobian = np.zeros((3, SIZE))
    jacobian[:, VELOCITY] = turn_back
    jacobian[:, ATTITUDE] = turn_back @ rotations.skew(state.velocity)
    return Measurement(velocity_mps - turn_back @ state.velocity, jacobian, np.diag(sigmas_mps**2))


def yaw_rate(state: State, wheel_rps: float, gyro_rps: Array, sigma_rps: float) -> Measurement:
    """Yaw rate from the wheels against the gyro: it observes the gyro bias about the body's vertical."""
    jacobian = np.zeros((1, SIZE))
    jacobian[0, 11] = -1.0
    predicted = float(gyro_rps[2] - state.gyro_bias[2])
    return Measurement(np.array([wheel_rps - predicted]), jacobian, np.array([[sigma_rps**2]]))


def no_rotation(state: State, gyro_rps: Array, sigma_rps: float) -> Measurement:
    """At rest the gyro reads its bias."""
    jacobian = np.zeros((3, SIZE))
    jacobian[:, GYRO_BIAS] = -np.eye(3)
    return Measurement(state.gyro_bias - gyro_rps, jacobian, np.eye(3) * sigma_rps**2)


def no_velocity(state: State, sigma_mps: float) -> Measurement:
    """At rest the velocity is zero."""
    jacobian = np.zeros((3, SIZE))
    jacobian[:, VELOCITY] = np.eye(3)
    return Measurement(-state.velocity, jacobian, np.eye(3) * sigma_mps**2)


def gravity(state: State, force_mps2: Array, gravity_mps2: float, sigma_mps2: float) -> Measurement:
    """Without acceleration the accelerometer shows the vertical."""
    turn_back = state.rotation.T
    up = turn_back[:, 2] * gravity_mps2
    jacobian = np.zeros((3, SIZE))
    jacobian[:, ATTITUDE] = turn_back @ rotations.skew(UP * gravity_mps2)
    jacobian[:, ACCEL_BIAS] = np.eye(3)
    return Measurement(force_mps2 - up - state.accel_bias, jacobian, np.eye(3) * sigma_mps2**2)


def orientation(state: State, measured: Quaternion, noise: Array) -> Measurement:
    """A full attitude of `base_link` in the world; `noise` (3, 3) rad^2 about the world axes."""
    error = rotations.logarithm(rotations.multiply(measured, rotations.conjugate(state.attitude)))
    jacobian = np.zeros((3, SIZE))
    jacobian[:, ATTITUDE] = np.eye(3)
    return Measurement(np.array(error), jacobian, noise)


def level(state: State, measured: Quaternion, noise: Array) -> Measurement:
    """Roll and pitch only: where the measured attitude sees the vertical; `noise` (2, 2) rad^2."""
    up = state.rotation @ rotations.matrix(measured)[2, :]
    jacobian = np.zeros((2, SIZE))
    jacobian[0, 6] = jacobian[1, 7] = 1.0
    return Measurement(np.array([up[1], -up[0]]), jacobian, noise)


def antenna_position(state: State, position_m: Array, lever_arm_m: Array, noise: Array) -> Measurement:
    """Position (3,) of an antenna that sits at `lever_arm_m` in `base_link`; `noise` (3, 3) m^2."""
    arm = state.rotation @ lever_arm_m
    jacobian = np.zeros((3, SIZE))
    jacobian[:, POSITION] = np.eye(3)
    jacobian[:, ATTITUDE] = -rotations.skew(arm)
    return Measurement(position_m - state.position - arm, jacobian, noise)


def rows(measurement: Measurement, first: int, last: int) -> Measurement:
    """Only the components [first, last)."""
    part = slice(first, last)
    return Measurement(measurement.innovation[part], measurement.jacobian[part], measurement.noise[part, part])
