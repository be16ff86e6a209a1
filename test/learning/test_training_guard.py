"""The guard of every training: what is refused, what never is, and that its state is all it knows."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_learning.training.guard import DivergedError, Guard, Limits
from physical_ai_learning.training.recovery import Recovery

finite = st.floats(-1e6, 1e6)
norms = st.floats(1e-6, 1e6)
broken = st.sampled_from([math.nan, math.inf, -math.inf])
pairs = st.lists(st.tuples(st.one_of(finite, broken), st.one_of(norms, broken)), max_size=80)
PATIENT = Limits(returns=10**9)


@given(pairs)
def test_a_number_that_is_none_is_never_learnt_from(batches: list[tuple[float, float]]) -> None:
    guard = Guard(PATIENT)
    for loss, norm in batches:
        verdict = guard.judge(loss, norm)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            assert verdict != "take" and guard.why
    assert guard.refused >= sum(not (math.isfinite(a) and math.isfinite(b)) for a, b in batches)


@given(st.floats(-100.0, 100.0), st.floats(0.0, 5.0), st.integers(0, 1000))
@settings(max_examples=40)
def test_noise_about_a_level_is_never_refused(level: float, size: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    guard = Guard()
    for _ in range(200):
        loss = level + size * rng.uniform(-1.0, 1.0)
        assert guard.judge(loss, math.exp(rng.uniform(-1.0, 1.0))) == "take"


@given(st.floats(0.1, 10.0), st.floats(0.01, 0.2), st.integers(0, 1000))
@settings(max_examples=40)
def test_a_spike_is_refused_and_does_not_move_the_level(level: float, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    guard = Guard()
    for _ in range(60):
        guard.judge(level * (1.0 + share * rng.uniform(-1.0, 1.0)), 1.0)
    most = guard.most_loss()
    assert guard.judge(most + 100.0 * level, 1.0) == "skip"
    assert guard.judge(level, 1e9) == "skip"
    assert guard.most_loss() == most
    assert guard.judge(level, 1.0) == "take"


@given(pairs, pairs)
def test_a_guard_restored_from_its_state_gives_the_same_verdicts(
    before: list[tuple[float, float]], after: list[tuple[float, float]]
) -> None:
    one, other = Guard(PATIENT), Guard(PATIENT)
    for loss, norm in before:
        one.judge(loss, norm)
    other.restore(json.loads(json.dumps(one.state())))
    assert [one.judge(*b) for b in after] == [other.judge(*b) for b in after]
    assert one.state() == other.state()


@given(st.lists(st.tuples(finite, norms), min_size=1, max_size=80), st.integers(-4, 4))
def test_the_scale_of_the_loss_does_not_matter_without_a_floor(batches: list[tuple[float, float]], k: int) -> None:
    limits = Limits(floor=0.0, returns=10**9)
    one, other = Guard(limits), Guard(limits)
    for loss, norm in batches:
        assert one.judge(loss, norm) == other.judge(loss * 2.0**k, norm)


def test_the_third_refused_batch_in_a_row_goes_back_and_the_level_is_learnt_anew() -> None:
    guard = Guard()
    for _ in range(30):
        guard.judge(1.0, 1.0)
    assert [guard.judge(50.0, 1.0) for _ in range(3)] == ["skip", "skip", "back"]
    assert guard.judge(50.0, 1.0) == "take"  # after going back nothing is known
    assert (guard.refused, guard.returned) == (3, 1)


def test_a_training_that_goes_wrong_after_every_return_is_given_up_with_its_reason() -> None:
    guard = Guard()
    with pytest.raises(DivergedError, match=r"5 times.*the loss is nan"):
        for _ in range(100):
            guard.judge(math.nan, 1.0)
    assert guard.returned == 5


def test_what_comes_back_is_the_last_good_copy() -> None:
    weights = [0.0]
    recovery = Recovery(Guard(), lambda: list(weights), lambda kept: weights.__setitem__(slice(None), kept), every=2)
    for step in range(1, 6):
        assert recovery.judge(step, 1.0, 1.0) == "take"
        weights[0] += 1.0
        recovery.taken(step)
    verdicts = [recovery.judge(5 + k, math.nan, 1.0) for k in range(3)]
    assert verdicts == ["skip", "skip", "back"] and weights == [4.0]
    assert recovery.said("back") == {"refused": "back", "why": "the loss is nan", "back_to_step": 4}
