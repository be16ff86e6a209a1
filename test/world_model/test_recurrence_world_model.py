"""The recurrence: one answer from every engine, exact in time, each agent for itself."""

import functools
import multiprocessing
import os
import platform
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from physical_ai_bench.benchmarks.ssm_step import random_weights
from physical_ai_core import native as build
from physical_ai_core.errors import DependencyError, InputError, ModelError, PhysicalAIError
from physical_ai_world_model.ssm.native.engine import SOURCE, defines
from physical_ai_world_model.ssm.recurrence import Recurrence
from physical_ai_world_model.ssm.shape import Shape

SMALL = Shape(features=5, width=16, inner=32, state=16, rank=3, layers=2)
ODD = Shape(features=3, width=12, inner=20, state=4, rank=1, layers=3)
NARROW = Shape(features=8, width=16, inner=16, state=8, rank=4, layers=1)
BACKENDS = ("c", "numba", "numpy")
Weights = dict[str, NDArray[np.float32]]


def reference(weights: Weights, shape: Shape, features: NDArray[np.float64], dt: float, state: NDArray[np.float64]):
    """One agent's step as the docstring of the room states it, in double precision; state (L, di, N) in place."""
    w = {name.removeprefix("encoder."): value.astype(np.float64) for name, value in weights.items()}

    def norm(x, of):
        return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * w[f"{of}norm.weight"] + w[f"{of}norm.bias"]

    def silu(x):
        return x / (1.0 + np.exp(-x))

    x = w["embed.weight"] @ features + w["embed.bias"]
    for i in range(shape.layers):
        of = f"blocks.{i}."
        u, z = np.split(w[of + "in_proj.weight"] @ norm(x, of), 2)
        u = silu(u)
        q, b, c = np.split(w[of + "x_proj.weight"] @ u, [shape.rank, shape.rank + shape.state])
        delta = np.logaddexp(0.0, w[of + "dt_proj.weight"] @ q + w[of + "dt_proj.bias"]) * dt
        a = -np.exp(w[of + "A_log"])
        state[i] = np.exp(a * delta)[:, None] * state[i] + np.outer(np.expm1(a * delta) / a * u, b)
        x = x + w[of + "out_proj.weight"] @ ((state[i] @ c + w[of + "D"] * u) * silu(z))
    return norm(x, "")


MADE: dict[tuple[str, Shape], Recurrence] = {}


def made(backend: str, shape: Shape = SMALL) -> Recurrence:
    """One of these for all tests; skips where this machine has no such engine, and says why."""
    if (backend, shape) not in MADE:
        try:
            MADE[backend, shape] = Recurrence(random_weights(shape, 3), shape, backend)
        except PhysicalAIError as error:
            pytest.skip(f"no {backend} here: {error}")
    return MADE[backend, shape]


@pytest.fixture(params=BACKENDS)
def recurrence(request: pytest.FixtureRequest) -> Recurrence:
    return made(request.param)


@functools.cache
def long_run(shape: Shape) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Two hundred irregular steps of five agents: features, elapsed times, true answers, true state at the end."""
    rng, weights = np.random.default_rng(5), random_weights(shape, 3)
    features = rng.normal(size=(200, 5, shape.features)).astype(np.float32)
    dt = (rng.exponential(0.2, (200, 5)) * rng.integers(0, 2, (200, 5))).astype(np.float32)
    state = np.zeros((5, shape.layers, shape.inner, shape.state))
    told = [
        [reference(weights, shape, f.astype(np.float64), float(t), s) for f, t, s in zip(fs, ts, state, strict=True)]
        for fs, ts in zip(features, dt, strict=True)
    ]
    return features, dt, np.array(told), state


def check_long_run(engine: Recurrence) -> None:
    features, dt, told, true = long_run(engine.shape)
    state = engine.new_state(5)
    for k in range(200):
        np.testing.assert_allclose(engine.step(features[k], dt[k], state), told[k], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(state, true, rtol=1e-4, atol=1e-4 * np.abs(true).max())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", [SMALL, ODD, NARROW, Shape()], ids=["small", "odd", "narrow", "real"])
def test_two_hundred_irregular_steps_stay_with_double_precision(
    backend: str, shape: Shape, request: pytest.FixtureRequest
) -> None:
    if backend == "numba" and shape != SMALL and not request.config.getoption("--long"):
        pytest.skip("each shape is a compilation of seconds; run with --long")
    check_long_run(made(backend, shape))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these are the lesser processors of x86-64")
@pytest.mark.parametrize("processor", ["x86-64", "x86-64-v3"])
def test_c_for_a_lesser_processor_says_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, processor: str
) -> None:
    made("c")
    monkeypatch.setenv("PHYSICAL_AI_CACHE", str(tmp_path))
    monkeypatch.setattr(build, "FLAGS", (("-O1", f"-march={processor}"),))
    check_long_run(Recurrence(random_weights(SMALL, 3), SMALL, "c"))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16), dt=st.floats(1e-4, 20.0), parts=st.integers(2, 7), backend=st.sampled_from(BACKENDS))
def test_sub_steps_are_one_step(seed: int, dt: float, parts: int, backend: str) -> None:
    engine, rng = made(backend), np.random.default_rng(seed)
    features = rng.normal(size=(3, SMALL.features)).astype(np.float32)
    # The state of the first layer meets the same inputs in every sub-step; so does all that is read from it at the end.
    one, many = engine.new_state(3), engine.new_state(3)
    one[...] = many[...] = rng.normal(size=one.shape)
    engine.step(features, np.full(3, dt), one)
    shares = rng.dirichlet(np.ones(parts)) * dt
    for share in shares:
        engine.step(features, np.full(3, share), many)
    np.testing.assert_allclose(many[:, 0], one[:, 0], rtol=1e-5, atol=1e-5 * max(1.0, np.abs(one).max()))


def test_sub_steps_are_one_step_in_every_layer_where_the_layers_below_stand_still() -> None:
    """What enters layer 2 depends on how far layer 1 has come; with layer 1's output shut, all of it is exact."""
    weights = random_weights(SMALL, 3)
    weights["encoder.blocks.0.out_proj.weight"] = np.zeros_like(weights["encoder.blocks.0.out_proj.weight"])
    engine, features = Recurrence(weights, SMALL), np.linspace(-1.0, 1.0, 2 * SMALL.features).reshape(2, -1)
    one, many = engine.new_state(2), engine.new_state(2)
    h = engine.step(features, np.array([0.8, 3.0]), one)
    for _ in range(4):
        last = engine.step(features, np.array([0.2, 0.75]), many)
    np.testing.assert_allclose(last, h, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(many, one, rtol=1e-5, atol=1e-5)


def test_no_time_leaves_the_state_to_the_bit(recurrence: Recurrence) -> None:
    rng = np.random.default_rng(0)
    state = recurrence.new_state(6)
    state[...] = rng.normal(size=state.shape)
    before = state.copy()
    h = recurrence.step(rng.normal(size=(6, SMALL.features)), np.zeros(6), state)
    np.testing.assert_array_equal(state, before)
    assert np.isfinite(h).all()


def test_a_very_long_time_forgets_what_was(recurrence: Recurrence) -> None:
    features = np.ones((1, SMALL.features))
    fresh, old = recurrence.new_state(1), recurrence.new_state(1)
    old[...] = 50.0
    for state in (fresh, old):
        recurrence.step(features, np.array([1e6]), state)
    np.testing.assert_allclose(old[:, 0], fresh[:, 0], rtol=1e-5)


@pytest.mark.parametrize("backend", ["c", "numba"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16), n=st.integers(1, 11), scale=st.sampled_from([1e-3, 1.0, 30.0, 1e5]))
def test_engines_agree(backend: str, seed: int, n: int, scale: float) -> None:
    engine, plain, rng = made(backend), made("numpy"), np.random.default_rng(seed)
    states = engine.new_state(n), plain.new_state(n)
    for _ in range(3):
        features, dt = scale * rng.normal(size=(n, SMALL.features)), rng.exponential(1.0, n)
        h, wanted = (e.step(features, dt, s) for e, s in zip((engine, plain), states, strict=True))
        np.testing.assert_allclose(h, wanted, rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(states[0], states[1], rtol=1e-4, atol=2e-5 * max(1.0, np.abs(states[1]).max()))


def test_a_batch_is_its_agents_one_by_one(recurrence: Recurrence) -> None:
    rng, n = np.random.default_rng(1), 7
    together, alone = recurrence.new_state(n), [recurrence.new_state(1) for _ in range(n)]
    for _ in range(4):
        features, dt = rng.normal(size=(n, SMALL.features)), rng.uniform(0.0, 1.0, n)
        h = recurrence.step(features, dt, together)
        single = [recurrence.step(features[i : i + 1], dt[i : i + 1], alone[i]) for i in range(n)]
        np.testing.assert_allclose(h, np.concatenate(single), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("feature", "dt"), [(np.nan, 0.1), (np.inf, 0.1), (1e30, 0.1), (0.0, -0.1), (0.0, np.nan), (0.0, np.inf)]
)
def test_an_agent_with_bad_input_is_refused_alone(recurrence: Recurrence, feature: float, dt: float) -> None:
    rng, n, bad = np.random.default_rng(2), 6, 2
    features, times = rng.normal(size=(n, SMALL.features)), np.full(n, 0.3)
    clean, spoilt = recurrence.new_state(n), recurrence.new_state(n)
    clean[...] = spoilt[...] = rng.normal(size=clean.shape)
    before, refused = spoilt[bad].copy(), recurrence.refused
    wanted = recurrence.step(features, times, clean)
    features[bad, 1], times[bad] = feature, dt
    h = recurrence.step(features, times, spoilt)
    others = np.arange(n) != bad
    np.testing.assert_array_equal(h[others], wanted[others])
    np.testing.assert_array_equal(spoilt[others], clean[others])
    np.testing.assert_array_equal(spoilt[bad], before)
    assert np.isnan(h[bad]).all()
    assert recurrence.refused == refused + 1


def test_a_state_that_is_no_number_stays_with_its_agent(recurrence: Recurrence) -> None:
    state = recurrence.new_state(5)
    state[3, 0, 4, 2] = np.nan
    h = recurrence.step(np.ones((5, SMALL.features)), np.full(5, 0.1), state)
    assert np.isnan(h).any(axis=1).tolist() == [False, False, False, True, False]


def test_no_agents_is_no_work(recurrence: Recurrence) -> None:
    assert recurrence.step(np.zeros((0, SMALL.features)), np.zeros(0), recurrence.new_state(0)).shape == (
        0,
        SMALL.width,
    )


def test_agents_may_come_and_go_between_steps(recurrence: Recurrence) -> None:
    features, dt = np.ones((9, SMALL.features)), np.full(9, 0.1)
    wanted = recurrence.step(features, dt, recurrence.new_state(9))[0]
    for n in (3, 9, 1, 4, 4):
        np.testing.assert_allclose(recurrence.step(features[:n], dt[:n], recurrence.new_state(n))[0], wanted, rtol=1e-5)


def test_an_answer_is_the_callers_to_keep(recurrence: Recurrence) -> None:
    state, dt = recurrence.new_state(1), np.ones(1)
    first = recurrence.step(np.ones((1, SMALL.features)), dt, state)
    kept = first.copy()
    recurrence.step(-np.ones((1, SMALL.features)), dt, state)
    np.testing.assert_array_equal(first, kept)


def test_arrays_of_other_sizes_are_refused_by_name(recurrence: Recurrence) -> None:
    features, dt, state = np.ones((2, SMALL.features)), np.ones(2), recurrence.new_state(2)
    with pytest.raises(InputError, match=r"features is of size \(3, 5\), not \(2, 5\)"):
        recurrence.step(np.ones((3, 5)), dt, state)
    with pytest.raises(InputError, match=r"dt is of size \(2, 1\), not \(2,\)"):
        recurrence.step(features, dt[:, None], state)
    with pytest.raises(InputError, match=r"state is of size \(2, 2, 32, 8\), not \('n', 2, 32, 16\)"):
        recurrence.step(features, dt, state[..., :8])
    with pytest.raises(InputError, match="float64"):
        recurrence.step(features, dt, state.astype(np.float64))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="C-contiguous"):
        recurrence.step(features, dt, np.asfortranarray(state))
    assert np.isfinite(recurrence.step(features, dt, state)).all()


def test_weights_of_other_sizes_are_refused_by_name() -> None:
    weights = random_weights(SMALL, 0)
    with pytest.raises(ModelError, match=r"encoder.embed.weight is of size \(16, 5\), not \(64, 8\)"):
        Recurrence(weights, Shape(), "numpy")
    missing = {name: value for name, value in weights.items() if name != "encoder.blocks.1.A_log"}
    with pytest.raises(ModelError, match=r"lack the tensor encoder\.blocks\.1\.A_log"):
        Recurrence(missing, SMALL, "numpy")
    weights["encoder.blocks.0.D"][3] = np.nan
    with pytest.raises(ModelError, match=r"encoder\.blocks\.0\.D"):
        Recurrence(weights, SMALL, "numpy")


def without_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PHYSICAL_AI_CACHE", str(tmp_path / "cache"))


def test_without_a_compiler_another_engine_runs_and_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_compiler(monkeypatch, tmp_path)
    found = Recurrence(random_weights(SMALL, 0), SMALL).backend
    assert found.name in ("numba", "numpy")
    assert "no C compiler" in found.why
    with pytest.raises(build.BuildError, match="no C compiler"):
        Recurrence(random_weights(SMALL, 0), SMALL, "c")


def test_without_compiler_and_numba_numpy_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_compiler(monkeypatch, tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "numba", None)
    found = Recurrence(random_weights(SMALL, 0), SMALL).backend
    assert found.name == "numpy"
    assert "no C compiler" in found.why
    assert "'numba' is not installed" in found.why
    with pytest.raises(DependencyError, match="fast"):
        Recurrence(random_weights(SMALL, 0), SMALL, "numba")


def compiler_that(tmp_path: Path, does: str) -> None:
    script = tmp_path / "gcc"
    script.write_text(f"#!/bin/sh\ncase $1 in --version) echo mock 1.0;; *) {does};; esac\n")
    script.chmod(0o755)


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("echo fatal error: no headers >&2; exit 1", "no headers"),
        ("while [ $1 != -o ]; do shift; done; echo rubbish > $2", "cannot be loaded"),
    ],
)
def test_a_compiler_that_fails_is_named_and_does_not_stop_anything(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, does: str, reason: str
) -> None:
    without_compiler(monkeypatch, tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "numba", None)
    compiler_that(tmp_path, does)
    found = Recurrence(random_weights(SMALL, 0), SMALL).backend
    assert (found.name, reason in found.why) == ("numpy", True), found
    assert not list((tmp_path / "cache").rglob("*.*")), "neither a part nor a damaged library stays"


def test_a_cache_that_others_may_write_is_not_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compiler_that(tmp_path, "exit 1")
    without_compiler(monkeypatch, tmp_path)
    folder = tmp_path / "cache" / "native"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    with pytest.raises(build.BuildError, match="Others may write"):
        Recurrence(random_weights(SMALL, 0), SMALL, "c")


def _build(folder: str, start: "multiprocessing.synchronize.Barrier", told: "multiprocessing.Queue[str]") -> None:
    os.environ["PHYSICAL_AI_CACHE"] = folder
    start.wait()
    told.put(str(Recurrence(random_weights(SMALL, 0), SMALL, "c").backend))


def test_two_processes_that_build_at_once_both_run_it(tmp_path: Path) -> None:
    made("c")
    spawn = multiprocessing.get_context("spawn")
    start, told = spawn.Barrier(2), spawn.Queue()
    both = [spawn.Process(target=_build, args=(str(tmp_path), start, told)) for _ in range(2)]
    for process in both:
        process.start()
    assert all(told.get(timeout=120).startswith("c (compiled by") for _ in both)
    for process in both:
        process.join()
    assert len(list((tmp_path / "native").iterdir())) == 1, "one library, no parts"


def test_the_library_is_named_after_all_that_shapes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made("c")
    first, _ = build.shared_library(SOURCE, defines(SMALL), tmp_path)
    assert build.shared_library(SOURCE, defines(SMALL), tmp_path)[0] == first
    assert build.shared_library(SOURCE, defines(ODD), tmp_path)[0] != first
    monkeypatch.setattr(build, "processor", lambda: "another")
    assert build.shared_library(SOURCE, defines(SMALL), tmp_path)[0] != first
