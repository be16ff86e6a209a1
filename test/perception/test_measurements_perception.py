"""The Jacobians that the filter uses are the derivatives of what it predicts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from physical_ai_perception.fusion import measurements as z
from physical_ai_perception.fusion import rotations
from physical_ai_perception.fusion.measurements import Measurement
from physical_ai_perception.fusion.propagation import Noise, Propagator
from physical_ai_perception.fusion.state import SIZE, State

GRAVITY = 9.81
RATE, FORCE = np.array([0.3, -0.2, 0.7]), np.array([0.8, -0.5, 9.9])
SEEN = rotations.of_roll_pitch_yaw(0.1, -0.15, 0.9)

MODELS: dict[str, Callable[[State], Measurement]] = {
    "body velocity": lambda s: z.body_velocity(s, np.array([1.0, 0.1, 0.0]), np.array([0.1, 0.1, 0.1])),
    "yaw rate": lambda s: z.yaw_rate(s, 0.6, RATE, 0.1),
    "no rotation": lambda s: z.no_rotation(s, RATE, 0.1),
    "no velocity": lambda s: z.no_velocity(s, 0.1),
    "gravity": lambda s: z.gravity(s, FORCE, GRAVITY, 0.1),
    "antenna": lambda s: z.antenna_position(s, np.ones(3), np.array([0.3, -0.2, 1.1]), np.eye(3)),
}


def some_state(seed: int) -> State:
    rng = np.random.default_rng(seed)
    state = State(0.0, rng.normal(0, 10, 3), rng.normal(0, 1, 3))
    state.set_attitude(rotations.of_roll_pitch_yaw(*rng.uniform([-0.4, -0.4, -3.0], [0.4, 0.4, 3.0]).tolist()))
    state.gyro_bias, state.accel_bias = rng.normal(0, 0.05, 3), rng.normal(0, 0.2, 3)
    return state


def moved(state: State, index: int, by: float) -> State:
    error = np.zeros(SIZE)
    error[index] = by
    other = state.copy()
    other.inject(error)
    return other


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seed", range(3))
def test_jacobian_equals_the_numerical_derivative_of_the_prediction(name: str, seed: int) -> None:
    state, model, step = some_state(seed), MODELS[name], 1e-6
    jacobian = model(state).jacobian
    for index in range(SIZE):
        # The innovation is measured minus predicted: the prediction's slope is minus the innovation's.
        slope = -(model(moved(state, index, step)).innovation - model(moved(state, index, -step)).innovation) / (
            2 * step
        )
        np.testing.assert_allclose(jacobian[:, index], slope, atol=2e-7 * (1 + np.abs(slope).max()))


@pytest.mark.parametrize("full", [True, False])
def test_orientation_innovation_is_the_attitude_error_that_was_put_in(full: bool) -> None:
    state = some_state(4)
    error = np.array([2e-4, -3e-4, 5e-4])
    truth = rotations.multiply(rotations.exponential(*error.tolist()), state.attitude)
    if full:
        seen = z.orientation(state, truth, np.eye(3))
        np.testing.assert_allclose(seen.innovation, error, atol=1e-9)
    else:
        turned = rotations.multiply(rotations.of_yaw(1.3), truth)  # level knows nothing of the heading
        error_turned = z.level(state, truth, np.eye(2)).innovation
        np.testing.assert_allclose(error_turned, error[:2], atol=1e-6)
        np.testing.assert_allclose(z.level(state, turned, np.eye(2)).innovation, error_turned, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_transition_equals_the_numerical_derivative_of_propagation(seed: int) -> None:
    dt_s, step, noise = 1e-3, 1e-5, Noise(0.0, 0.0, 0.0, 0.0)
    propagator, state = Propagator(GRAVITY), some_state(seed)

    def after(start: State) -> State:
        end = start.copy()
        propagator.step(end, dt_s, RATE, FORCE, noise)
        return end

    middle = after(state)
    transition = propagator.transition()
    for index in range(SIZE):
        ahead, behind = after(moved(state, index, step)), after(moved(state, index, -step))
        slope = (ahead.difference(middle) - behind.difference(middle)) / (2 * step)
        np.testing.assert_allclose(transition[:, index], slope, atol=2e-5)  # second order in dt is left out on purpose


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
