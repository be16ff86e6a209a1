"""The Jacobians that the filter uses are the derivatives of what it predicts."""

from __future__ import annotations

import numpy as np
import pytest

from physical_ai_perception.fusion import measurements as z
from physical_ai_perception.fusion import model, rotations
from physical_ai_perception.fusion.filter import Filter
from physical_ai_perception.fusion.measurements import Measurement
from physical_ai_perception.fusion.model import Kernel, Layout
from physical_ai_perception.fusion.state import State

GRAVITY = 9.81
RATE, FORCE = [0.3, -0.2, 0.7], [0.8, -0.5, 9.9]
SEEN = rotations.of_roll_pitch_yaw(0.1, -0.15, 0.9)
LAYOUT = Layout(1)
COVARIANCE = np.array([[0.5, 0.1, 0.0], [0.1, 0.4, -0.05], [0.0, -0.05, 0.3]])

MODELS: dict[str, Measurement] = {
    "body velocity": z.body_velocity([1.0, 0.1, 0.0], [0.1, 0.1, 0.1]),
    "forward speed through its scale": z.body_velocity([1.0, 0.1, 0.0], [0.1, 0.1, 0.1], "x", 0),
    "yaw rate": z.wheel_yaw_rate(0.6, 0.7, 0.1),
    "no rotation": z.no_rotation(RATE, 0.1),
    "no velocity": z.no_velocity(0.1),
    "no velocity by any scale": z.no_velocity(0.1, 0),
    "gravity": z.gravity(FORCE, GRAVITY, 0.1),
    "antenna": z.antenna_position(np.ones(3), np.array([0.3, -0.2, 1.1]), COVARIANCE),
    "planar position": z.planar_pose(np.array([1.0, 2.0, 0.5]), COVARIANCE, "xy"),
}


def some_state(seed: int) -> State:
    rng = np.random.default_rng(seed)
    state = State(0.0, LAYOUT)
    state.position[:], state.velocity[:] = rng.normal(0, 10, 3), rng.normal(0, 1, 3)
    state.set_attitude(rotations.of_roll_pitch_yaw(*rng.uniform([-0.4, -0.4, -3.0], [0.4, 0.4, 3.0]).tolist()))
    state.gyro_bias[:], state.accel_bias[:] = rng.normal(0, 0.05, 3), rng.normal(0, 0.2, 3)
    state.scales[:] = rng.normal(0, 0.02, 1)
    root = rng.normal(size=(16, 16))
    state.covariance = root @ root.T * 0.01 + np.eye(16) * 1e-3
    return state


def moved(state: State, index: int, by: float) -> State:
    error = np.zeros(LAYOUT.error)
    error[index] = by
    other = state.copy()
    other.inject(error)
    return other


def seen_from(state: State, measurement: Measurement) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return Filter(state.copy(), GRAVITY, 0.999, 2.0).innovation(measurement)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seed", range(3))
def test_jacobian_equals_the_numerical_derivative_of_the_prediction(name: str, seed: int) -> None:
    state, seen, step = some_state(seed), MODELS[name], 1e-6
    jacobian = seen_from(state, seen)[1]
    assert jacobian.any()
    for index in range(LAYOUT.error):
        # The innovation is measured minus predicted: the prediction's slope is minus the innovation's.
        ahead, behind = seen_from(moved(state, index, step), seen)[0], seen_from(moved(state, index, -step), seen)[0]
        slope = -(ahead - behind) / (2 * step)
        np.testing.assert_allclose(jacobian[:, index], slope, atol=2e-7 * (1 + np.abs(slope).max()))


def test_heading_of_a_pose_is_compared_the_short_way_round() -> None:
    state = some_state(2)
    yaw = rotations.yaw(state.attitude)
    away, jacobian, _ = seen_from(state, z.planar_pose(np.array([0.0, 0.0, yaw + 0.2 - 4 * np.pi]), np.eye(3), "t"))
    np.testing.assert_allclose(away, [0.2], atol=1e-12)
    np.testing.assert_allclose(jacobian[0, 8], 1.0, atol=1e-12)  # about the vertical, whatever roll and pitch are


@pytest.mark.parametrize("full", [True, False])
def test_orientation_innovation_is_the_attitude_error_that_was_put_in(full: bool) -> None:
    state = some_state(4)
    error = np.array([2e-4, -3e-4, 5e-4])
    truth = rotations.multiply(rotations.exponential(*error.tolist()), state.attitude)
    if full:
        away, jacobian, _ = seen_from(state, z.orientation(truth, [1.0] * 3))
        np.testing.assert_allclose(away, error, atol=1e-9)
        np.testing.assert_allclose(jacobian[:, 6:9], np.eye(3), atol=1e-3)
    else:
        turned = rotations.multiply(rotations.of_yaw(1.3), truth)  # level knows nothing of the heading
        away = seen_from(state, z.level(truth, [1.0] * 3))[0]
        np.testing.assert_allclose(away, error[:2], atol=1e-6)
        np.testing.assert_allclose(seen_from(state, z.level(turned, [1.0] * 3))[0], away, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_transition_equals_the_numerical_derivative_of_propagation(seed: int) -> None:
    step, state = 1e-5, some_state(seed)
    controls = np.array([1e-3, *RATE, *FORCE, 0.0, 0.0, 0.0, 0.0, 0.0])
    function = model.propagation(LAYOUT, GRAVITY)

    def after(start: State) -> State:
        end = start.copy()
        Kernel(function, [start.full, controls], [end.full])()
        return end

    middle = after(state)
    transition = np.asarray(model.transition(LAYOUT, GRAVITY)(state.full, controls))
    for index in range(LAYOUT.error):
        ahead, behind = after(moved(state, index, step)), after(moved(state, index, -step))
        slope = (ahead.difference(middle) - behind.difference(middle)) / (2 * step)
        if index == 15:  # what the acceleration tells about the wheels' scale is left out on purpose
            slope[3:6] = transition[3:6, 15]
        np.testing.assert_allclose(transition[:, index], slope, atol=2e-5)  # second order in dt, too
    expected = transition @ state.covariance @ transition.T
    np.testing.assert_allclose(middle.covariance, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", MODELS)
def test_a_correction_is_that_of_the_textbook(name: str) -> None:
    state, seen = some_state(5), MODELS[name]
    away, jacobian, noise = seen_from(state, seen)
    before = state.covariance
    gain = before @ jacobian.T @ np.linalg.inv(jacobian @ before @ jacobian.T + noise)
    rest = np.eye(LAYOUT.error) - gain @ jacobian
    expected = state.copy()
    expected.inject(gain @ away)
    f = Filter(state, GRAVITY, 0.999, 2.0)
    assert f.update("it", seen, 0.0, gated=False)
    np.testing.assert_allclose(f.state.covariance, rest @ before @ rest.T + gain @ noise @ gain.T, atol=1e-9)
    np.testing.assert_allclose(f.state.full[: LAYOUT.nominal], expected.full[: LAYOUT.nominal], atol=1e-9)
    distance = away @ np.linalg.solve(jacobian @ before @ jacobian.T + noise, away) / seen.rows
    assert f.gates["it"].distance == pytest.approx(distance, rel=1e-8)


def test_every_attitude_comes_back_from_its_matrix_and_its_rotation_vector() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        x, y, w, v = rng.normal(size=4).tolist()
        q = rotations.normalised((x, y, w, v))
        np.testing.assert_allclose(rotations.of_matrix(rotations.matrix(q)), q, atol=1e-9)
        back = rotations.exponential(*rotations.logarithm(q))
        np.testing.assert_allclose(np.abs(np.dot(back, q)), 1.0, atol=1e-12)
        roll, pitch = rotations.roll_pitch(q)
        again = rotations.of_roll_pitch_yaw(roll, pitch, rotations.yaw(q))
        np.testing.assert_allclose(np.abs(np.dot(again, q)), 1.0, atol=1e-9)
