"""The motion models and the filter over them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physical_ai_world_model.kalman import imm
from physical_ai_world_model.kalman.motion import MotionModel, discretise

steps = st.floats(0.0, 3.0)


@given(first=steps, second=steps, damping=st.sampled_from([0.0, 1e-4, 0.5, 3.0]))
def test_two_short_steps_are_one_long_step(first: float, second: float, damping: float) -> None:
    model = MotionModel("any", damping, 0.3)
    (f1, q1), (f2, q2), (f, q) = (discretise(model, dt) for dt in (first, second, first + second))
    np.testing.assert_allclose(f2 @ f1, f, atol=2e-3)
    np.testing.assert_allclose(f2 @ q1 @ f2.T + q2, q, atol=5e-3, rtol=1e-2)


def test_process_noise_is_positive_semidefinite_for_any_step() -> None:
    for damping in (0.0, 0.3, 5.0):
        _, noise = discretise(MotionModel("any", damping, 0.2), np.geomspace(1e-6, 10.0, 60))
        assert np.linalg.eigvalsh(noise).min() >= -1e-12


def test_mixing_keeps_the_weights_and_the_mean_of_the_whole() -> None:
    rng = np.random.default_rng(1)
    belief = imm.Belief(rng.normal(size=(7, 2, 4)), np.tile(np.eye(4), (7, 2, 1, 1)), rng.dirichlet([1, 1], 7))
    mixed = imm.mix(belief, imm.switching(2, 0.1, 3.0))
    np.testing.assert_allclose(mixed.weight.sum(axis=1), 1.0)
    np.testing.assert_allclose(
        np.einsum("nm,nmi->ni", mixed.weight, mixed.mean), np.einsum("nm,nmi->ni", belief.weight, belief.mean)
    )


def test_an_update_pulls_to_the_measurement_and_shrinks_the_covariance() -> None:
    belief = imm.Belief(np.zeros((1, 2, 4)), np.tile(np.eye(4), (1, 2, 1, 1)), np.array([[0.5, 0.5]]))
    after, distance = imm.update(belief, np.ones((1, 4)), np.eye(4)[None])
    np.testing.assert_allclose(after.mean, 0.5)
    np.testing.assert_allclose(after.cov[0, 0], 0.5 * np.eye(4), atol=1e-12)
    assert distance[0] == pytest.approx(2.0)
