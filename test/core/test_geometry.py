"""Planar poses compose, invert and wrap as SE(2) must."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from physical_ai_core.geometry import (
    compose,
    invert,
    path_length,
    quaternion_of_yaw,
    transform_points,
    transform_poses,
    wrap,
    yaw_of,
)

number = st.floats(-100.0, 100.0)
pose = st.tuples(number, number, st.floats(-3.1, 3.1)).map(np.array)


@given(pose, pose, pose)
def test_composition_is_associative(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    left, right = compose(compose(a, b), c), compose(a, compose(b, c))
    assert np.allclose(left[:2], right[:2], atol=1e-9)
    assert abs(float(wrap(left[2] - right[2]))) < 1e-9


@given(pose)
def test_a_pose_times_its_inverse_is_the_identity(a: np.ndarray) -> None:
    identity = compose(a, invert(a))
    assert np.allclose(identity[:2], 0.0, atol=1e-9)
    assert abs(float(wrap(identity[2]))) < 1e-9


@given(st.floats(-1e4, 1e4))
def test_wrapping_keeps_the_direction_and_the_range(angle: float) -> None:
    wrapped = float(wrap(angle))
    assert -np.pi <= wrapped < np.pi
    assert np.isclose(np.cos(wrapped), np.cos(angle), atol=1e-8)
    assert np.isclose(np.sin(wrapped), np.sin(angle), atol=1e-8)


@given(st.floats(-3.14, 3.14))
def test_yaw_survives_the_quaternion(yaw: float) -> None:
    assert np.isclose(yaw_of(quaternion_of_yaw(yaw)), yaw, atol=1e-12)


def test_points_and_poses_transform_alike() -> None:
    frame = np.array([1.0, 2.0, np.pi / 2])
    assert np.allclose(transform_points(frame, [[1.0, 0.0]]), [[1.0, 3.0]])
    assert np.allclose(transform_poses(frame, [[1.0, 0.0, 0.0]]), [[1.0, 3.0, np.pi / 2]])


def test_the_length_of_a_polyline_is_the_sum_of_its_legs() -> None:
    assert path_length([[0, 0], [3, 4], [3, 5]]) == 6.0
    assert path_length([[1, 1]]) == 0.0
