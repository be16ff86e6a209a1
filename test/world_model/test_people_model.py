"""The learnt forecast: one meaning over sampling rates, directions and engines, and a mixture that adds up."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_core.errors import ModelError
from physical_ai_core.geometry import Array
from physical_ai_world_model.calibration import Calibration, fit
from physical_ai_world_model.mixture import levels, merged, normal_points
from physical_ai_world_model.ssm.crowd import ROBOT, Crowd, PeopleModel, Plan
from physical_ai_world_model.ssm.decoder import condensed, polynomials, unfold
from physical_ai_world_model.ssm.shape import Shape
from physical_ai_world_model.ssm.tokens import Tokens, tokenise
from physical_ai_world_model.ssm.weights import CARD, default_folder, load, save

AHEAD_S = np.arange(1, 13) * 0.4
ONE = np.array([7])


@pytest.fixture(scope="module")
def model() -> PeopleModel:
    return PeopleModel(load(default_folder()))


def curve(t: Array) -> Array:
    """A person who walks a wide bend and slows down a little (…, 2)."""
    along = 1.3 * t - 0.04 * t**2
    return np.stack([8.0 * np.sin(along / 8.0), 8.0 * (1.0 - np.cos(along / 8.0))], axis=-1)


def watched(model: PeopleModel, step_s: float, seconds: float = 4.8, turn_rad: float = 0.0) -> Crowd:
    c, s = np.cos(turn_rad), np.sin(turn_rad)
    crowd = Crowd(model)
    for t in np.arange(round(seconds / step_s) + 1) * step_s:
        crowd.observe(ONE, curve(np.array([t])) @ np.array([[c, s], [-s, c]]), float(t))
    return crowd


def centre(crowd: Crowd, now_s: float = 4.8) -> Array:
    """Mean of the mixture (12, 2)."""
    fans = crowd.predict(ONE, AHEAD_S, now_s)
    return np.asarray(np.einsum("nk,nktd->ntd", fans.weight, fans.mean_m)[0])


@pytest.mark.parametrize("step_s", [0.05, 0.1, 0.2, 0.3, 0.8, 1.2])
def test_how_often_one_looks_changes_the_forecast_by_less_than_four_percent_of_the_way(
    model: PeopleModel, step_s: float
) -> None:
    usual, other = centre(watched(model, 0.4)), centre(watched(model, step_s))
    way = np.linalg.norm(usual - curve(np.array(4.8)), axis=1)
    assert (np.linalg.norm(other - usual, axis=1) < 0.01 + 0.04 * way).all()


def test_missing_samples_are_seconds_without_a_look_and_nothing_else(model: PeopleModel) -> None:
    crowd = Crowd(model)
    for t in np.array([0.0, 0.1, 0.5, 0.7, 1.6, 1.7, 2.4, 3.2, 3.3, 4.1, 4.5, 4.8]):
        crowd.observe(ONE, curve(np.array([t])), float(t))
    assert np.linalg.norm(centre(crowd) - centre(watched(model, 0.4)), axis=1).max() < 0.5


@given(turn_rad=st.floats(-3.1, 3.1))
@settings(max_examples=12, deadline=None)
def test_a_turned_world_gives_the_turned_forecast(model: PeopleModel, turn_rad: float) -> None:
    c, s = np.cos(turn_rad), np.sin(turn_rad)
    turned = centre(watched(model, 0.4)) @ np.array([[c, s], [-s, c]])
    np.testing.assert_allclose(centre(watched(model, 0.4, turn_rad=turn_rad)), turned, atol=2e-3)


def test_the_forecast_runs_on_when_nobody_looks(model: PeopleModel) -> None:
    crowd = watched(model, 0.4)
    now = crowd.predict(ONE, np.array([1.0, 2.0]), 4.8)
    later = crowd.predict(ONE, np.array([0.5, 1.5]), 5.3)
    np.testing.assert_allclose(now.mean_m, later.mean_m, atol=1e-4)
    np.testing.assert_allclose(now.covariance, later.covariance, rtol=1e-3)


def test_rates_are_the_slope_of_the_ways(model: PeopleModel) -> None:
    at_s = np.linspace(0.5, 4.5, 401)
    fans = watched(model, 0.4).predict(ONE, at_s, 4.8)
    slope = np.gradient(fans.mean_m, at_s, axis=2)[:, :, 1:-1]
    np.testing.assert_allclose(slope, fans.rate_mps[:, :, 1:-1], atol=0.02)


def test_weights_add_up_and_covariances_are_positive(model: PeopleModel) -> None:
    fans = watched(model, 0.1).predict(ONE, AHEAD_S, 4.8)
    np.testing.assert_allclose(fans.weight.sum(axis=1), 1.0, rtol=1e-5)
    xx, xy, yy = np.moveaxis(fans.covariance, -1, 0)
    assert (xx > 0).all() and (xx * yy - xy**2 > 0).all()


def two(model: PeopleModel, plan: Plan | None) -> Array:
    """The mean way of a person who walks toward a robot that stands 4 m ahead."""
    crowd = Crowd(model)
    for t in np.arange(13) * 0.4:
        crowd.observe(np.array([ROBOT]), np.array([[9.0, 0.0]]), float(t))
        crowd.observe(ONE, np.array([[1.2 * t - 0.76, 0.05]]), float(t))
    fans = crowd.predict(ONE, AHEAD_S, 4.8, plan)
    return np.asarray(np.einsum("nk,nktd->ntd", fans.weight, fans.mean_m)[0])


def test_where_the_robot_means_to_go_changes_where_people_go(model: PeopleModel) -> None:
    stays = Plan(np.tile([9.0, 0.0], (4, 1)))
    comes = Plan(np.array([[8.0, 0.0], [7.0, 0.0], [6.0, 0.0], [5.0, 0.0]]))
    assert np.abs(two(model, comes) - two(model, stays)).max() > 0.02


def test_who_is_far_away_changes_nothing(model: PeopleModel) -> None:
    crowd, alone = Crowd(model), watched(model, 0.4)
    for t in np.arange(13) * 0.4:
        crowd.observe(np.array([7, 8]), np.stack([curve(t), [200.0, 3.0]]), float(t))
    np.testing.assert_allclose(
        crowd.predict(ONE, AHEAD_S, 4.8).mean_m, alone.predict(ONE, AHEAD_S, 4.8).mean_m, atol=1e-4
    )


def test_two_moments_survive_the_merging_of_modes(model: PeopleModel) -> None:
    fans = watched(model, 0.2).predict(ONE, AHEAD_S, 4.8)
    few = merged(*fans, 3)
    assert few[3].shape == (1, 3)
    for mean, covariance, weight in ((fans.mean_m, fans.covariance, fans.weight), (few[0], few[2], few[3])):
        first = np.einsum("nk,nktd->ntd", weight, mean)
        second = np.einsum("nk,nkt->nt", weight, covariance[..., 0] + mean[..., 0] ** 2) - first[..., 0] ** 2
        if covariance is fans.covariance:
            kept = first, second
    np.testing.assert_allclose(first, kept[0], atol=1e-4)
    np.testing.assert_allclose(second, kept[1], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("at_once", [True, False])
def test_few_modes_made_at_once_are_the_many_merged(model: PeopleModel, at_once: bool) -> None:
    """The node's way (no rates and rows of the many modes) beside the plain one: unfold, calibrate, merge."""
    rng = np.random.default_rng(4)
    n, shape, horizon_s = 6, model.shape, 4.8
    coefficients = (0.4 * rng.normal(size=(n, shape.modes, shape.outputs))).astype(np.float32)
    own_mps = rng.normal(0.0, 1.0, (n, 2))
    s = np.linspace(0.0, 1.1, 25) if at_once else np.sort(rng.uniform(0.0, 1.2, (n, 25)), axis=1)
    factor = 0.5 + s
    many = unfold(coefficients, own_mps, s, horizon_s, shape)
    mean, rate, covariance, weight = (np.asarray(value, dtype=float) for value in many)
    plain = merged(mean, rate, covariance * factor[..., None, :, None], weight, 3)
    quick = condensed(coefficients, own_mps, s, horizon_s, shape, factor, 3)
    for found, wanted in zip(quick, plain, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5)


def test_attention_is_that_of_keys_and_values_made_for_each_neighbour(model: PeopleModel) -> None:
    rng = np.random.default_rng(5)
    decoder, w, d = model.decoder, load(default_folder()).tensors, model.shape.width
    h, others = rng.normal(size=(2, 5, d)).astype(np.float32)
    edges = rng.normal(size=(5, 3, model.shape.edge)).astype(np.float32)
    near = np.array([[1, 2, -1], [0, 4, 3], [-1, -1, -1], [1, -1, 4], [0, 1, 2]])

    def linear(name: str, x: Array) -> Array:
        return np.asarray(x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0.0))

    def bent(x: Array) -> Array:
        return x / (1.0 + np.exp(-x))

    e = linear("social.mix", bent(linear("social.edge", edges) + linear("social.other", others)[np.maximum(near, 0)]))
    score = np.einsum("nd,nmd->nm", linear("social.query", h), linear("social.key", e)) / np.sqrt(d)
    part = np.where(near >= 0, np.exp(score), 0.0)
    weight = part / (part.sum(axis=1, keepdims=True) + 1.0)
    seen = np.einsum("nm,nmd->nd", weight, linear("social.value", e))
    wanted = h + linear("social.out", bent(linear("social.join", np.concatenate([h, seen], axis=1))))
    np.testing.assert_allclose(decoder.attend(h, decoder.met(others), edges, near), wanted, rtol=1e-4, atol=1e-5)


def test_who_is_seen_alone_is_advanced_as_among_all(model: PeopleModel) -> None:
    """The robot is seen at its own moments: few seats of many are taken out for a step, and nothing else changes."""
    everybody = np.arange(8)
    t = np.arange(13) * 0.4
    together, apart = Crowd(model), Crowd(model)
    for time_s in t:
        xy = curve(np.array([time_s])) + np.column_stack([everybody * 1.5, 0.0 * everybody])
        together.observe(everybody, xy, float(time_s))
        for part in (everybody[:1], everybody[1:]):
            apart.observe(part, xy[part], float(time_s))
    for one, other in zip(*(c.predict(everybody, AHEAD_S, 4.8) for c in (together, apart)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_batch_tokens_are_those_of_one_sample_after_the_other() -> None:
    t = np.cumsum(np.random.default_rng(1).uniform(0.1, 0.9, (5, 9)), axis=1)
    xy = curve(t)
    xy[2, :3] = np.nan
    velocities, elapsed_s, age_s = tokenise(t, xy)
    for person in range(5):
        seen = np.flatnonzero(np.isfinite(xy[person, :, 0]))
        tokens = Tokens.begin(xy[person, seen[:1]])
        for before, k in pairwise(seen):
            tokens.advance(xy[person, k : k + 1], np.array([t[person, k] - t[person, before]]))
            assert elapsed_s[person, k] == pytest.approx(t[person, k] - t[person, before])
        np.testing.assert_allclose(velocities[person, -1, 0], tokens.v_mps[0], atol=1e-12)
        np.testing.assert_allclose(velocities[person, -1, 2], tokens.long_mps[0], atol=1e-12)
        assert age_s[person, -1] == pytest.approx(tokens.age_s[0])


def test_polynomials_are_the_integrals_of_their_rates() -> None:
    s = np.linspace(0.0, 1.0, 2001)
    path, rate = polynomials(6, s)
    np.testing.assert_allclose(np.gradient(path, s, axis=0)[2:-2], rate[2:-2], atol=1e-4)
    np.testing.assert_allclose(path[0], 0.0, atol=1e-12)


def test_a_region_of_ninety_percent_holds_ninety_percent_of_its_own_draws() -> None:
    rng = np.random.default_rng(0)
    n, modes = 3000, 4
    mean = rng.normal(size=(n, modes, 2)) * 2.0
    covariance = np.tile([0.3, 0.1, 0.2], (n, modes, 1))
    weight = rng.dirichlet(np.ones(modes), n)
    mode = (rng.random((n, 1)) > np.cumsum(weight, axis=1)).sum(axis=1)
    truth = mean[np.arange(n), mode] + rng.multivariate_normal([0, 0], [[0.3, 0.1], [0.1, 0.2]], n)
    assert abs((levels(mean, covariance, weight, truth) <= 0.9).mean() - 0.9) < 0.02


def test_the_calibration_finds_the_spread_that_was_wrong() -> None:
    rng = np.random.default_rng(0)
    n = 800
    truth = rng.normal(size=(n, 2, 2)) * np.array([1.0, 2.0])[:, None]
    unit = np.tile([1.0, 0.0, 1.0], (n, 1, 2, 1))
    found = fit(np.zeros((n, 1, 2, 2)), unit, np.ones((n, 1)), truth, np.array([0.5, 1.0]))
    np.testing.assert_allclose(found.factor, [1.0, 4.0], rtol=0.2)
    assert Calibration.read(found.data()).at(np.array([0.75]))[0] == pytest.approx(found.factor.mean(), rel=1e-3)


@pytest.mark.parametrize("count", [5, 15, 25])
def test_the_points_that_stand_for_a_gaussian_measure_nine_tenths_exactly(count: int) -> None:
    radius = np.sort(np.hypot(*normal_points(count).T))
    inside = -2.0 * np.log(0.1)  # squared radius that holds nine tenths
    truth = np.sqrt(np.array([0.97, 1.03]) * inside)
    level = (radius < truth[:, None]).mean(axis=1)
    assert level[0] <= 0.9 < level[1]


def test_the_torch_module_says_the_same_as_the_robots_runtime(model: PeopleModel) -> None:
    torch = pytest.importorskip("torch", reason="extra `language`: torch trains, robots do without")
    from physical_ai_learning.world_model.batches import assemble, group_of
    from physical_ai_learning.world_model.loss import paths_of
    from physical_ai_learning.world_model.network import PeopleModel as Module
    from physical_ai_learning.world_model.windows import Windows

    rng = np.random.default_rng(3)
    stamps_s = (np.arange(8) - 7) * 0.4
    start, speed = rng.uniform(-4, 4, (6, 1, 2)), rng.normal(0, 1, (6, 1, 2))
    xy = start + speed * np.arange(20)[:, None] * 0.4 + 0.02 * rng.normal(size=(6, 20, 2))
    near = np.array([[j for j in range(6) if j != i] + [-1] * 7 for i in range(6)])
    windows = Windows(np.zeros(6, dtype=np.int64), stamps_s, 0.4, xy[:, :8], xy[:, 8:], near)
    weights = load(default_folder())
    module = Module(weights.shape).eval()
    module.load_state_dict({k: torch.tensor(v) for k, v in weights.tensors.items()})
    with torch.no_grad():
        batch = assemble(group_of(windows), torch.arange(1))
        out = module(batch.features, batch.dt_s, batch.target, batch.edges, batch.near, batch.log_horizon)
        paths = paths_of(out, batch.own_mps, batch.horizon_s, weights.shape)
    plain = PeopleModel(replace(weights, calibration={}))
    crowd = Crowd(plain)
    for k, stamp_s in enumerate(stamps_s):
        crowd.observe(np.arange(6), xy[:, k], float(stamp_s))
    fans = crowd.predict(np.arange(6), AHEAD_S, 0.0)
    away = np.linalg.norm(fans.mean_m - xy[:, None, 7:8], axis=-1)
    want = paths.mean[:, 1:].norm(dim=-1).numpy()
    assert np.linalg.norm(away - want) / np.linalg.norm(want) < 1e-4
    size = fans.covariance[..., 0] * fans.covariance[..., 2] - fans.covariance[..., 1] ** 2
    rho = paths.correlation[:, 1:, None].numpy()
    wanted = (paths.sigma[:, 1:].prod(-1).numpy() ** 2) * (1.0 - rho**2)
    assert np.abs(np.log(size) - np.log(wanted)).max() < 1e-3


@pytest.mark.parametrize("engine", ["kernel"])
def test_the_gpu_kernel_says_the_same_as_the_loop(engine: str) -> None:
    torch = pytest.importorskip("torch", reason="extra `language`")
    if not torch.cuda.is_available():
        pytest.skip("no GPU here; `physical-ai bench people_training --device cuda` prints the difference")
    from physical_ai_learning.world_model.network import scan_kernel, scan_loop

    u, b, c = (torch.randn(4, 9, size, device="cuda") for size in (128, 16, 16))
    delta, a = torch.rand(4, 9, 128, device="cuda"), -torch.rand(128, device="cuda") * 6
    one, two_ = scan_loop(u, delta, a, b, c), scan_kernel(u, delta, a, b, c)
    assert float((one - two_).norm() / one.norm()) < 1e-4


def test_folding_the_hold_into_the_input_turns_eulers_rule_into_the_exact_one() -> None:
    """What the kernel computes, h' = exp(aδ) h + δ u' B, with u' = u (exp(aδ) − 1)/(aδ), is the exact hold."""
    torch = pytest.importorskip("torch", reason="extra `language`")
    from physical_ai_learning.world_model.network import scan_loop

    generator = torch.Generator().manual_seed(0)
    u, b, c = (torch.randn(2, 6, size, generator=generator, dtype=torch.float64) for size in (5, 3, 3))
    delta, a = (
        torch.rand(2, 6, 5, generator=generator, dtype=torch.float64),
        -torch.rand(5, generator=generator).double(),
    )
    folded = u * torch.expm1(a * delta) / (a * delta)
    h, out = torch.zeros(2, 5, 3, dtype=torch.float64), []
    for t in range(6):
        h = torch.exp(a * delta[:, t])[..., None] * h + (delta[:, t] * folded[:, t])[..., None] * b[:, t, None]
        out.append((h * c[:, t, None]).sum(-1))
    torch.testing.assert_close(torch.stack(out, 1), scan_loop(u, delta, a, b, c))


# --- weights that cannot be used ---


def test_damaged_weights_are_named_by_their_hash(tmp_path: Path) -> None:
    folder = default_folder()
    (tmp_path / CARD).write_text((folder / CARD).read_text())
    content = bytearray((folder / "people.safetensors").read_bytes())
    content[-5] ^= 0xFF
    (tmp_path / "people.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="sha256"):
        load(tmp_path)


def test_weights_of_another_architecture_are_refused_by_name(tmp_path: Path) -> None:
    from safetensors.numpy import save as pack

    path = tmp_path / "other.safetensors"
    path.write_bytes(pack({"x": np.zeros(3, dtype=np.float32)}, {"physical_ai": '{"architecture": "gru-9"}'}))
    with pytest.raises(ModelError, match=r"gru-9.*selective-zoh-people-1"):
        load(path)


def test_a_tensor_that_does_not_fit_is_named(tmp_path: Path) -> None:
    weights = load(default_folder())
    save(tmp_path / "w.safetensors", {**weights.tensors, "head.out.bias": np.zeros(3)}, weights.shape, {})
    with pytest.raises(ModelError, match=r"head\.out\.bias.*\(3,\)"):
        load(tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match="finite"):
        spoilt = weights.tensors["head.out.bias"] * np.nan
        save(tmp_path / "w.safetensors", {**weights.tensors, "head.out.bias": spoilt}, weights.shape, {})
        load(tmp_path / "w.safetensors")


@pytest.mark.parametrize("calibration", [{"share": [0.0, 1.0]}, {"share": [0.0, 1.0], "factor": [1.0, -2.0]}, [3]])
def test_a_calibration_that_cannot_be_is_refused(tmp_path: Path, calibration: object) -> None:
    from safetensors.numpy import save as pack

    weights = load(default_folder())
    about = {"architecture": "selective-zoh-people-1", "shape": asdict(weights.shape), "calibration": calibration}
    (tmp_path / "w").write_bytes(pack(weights.tensors, {"physical_ai": json.dumps(about)}))
    with pytest.raises(ModelError, match="calibration"):
        load(tmp_path / "w")


def test_features_of_another_kind_are_refused(tmp_path: Path) -> None:
    weights = load(default_folder())
    save(tmp_path / "w", weights.tensors, replace(weights.shape, edge=30), {})
    with pytest.raises(ModelError, match="30 of a neighbour"):
        load(tmp_path / "w")


def test_the_same_weights_make_the_same_file(tmp_path: Path) -> None:
    weights = load(default_folder())
    assert save(tmp_path / "w", weights.tensors, weights.shape, weights.calibration) == weights.sha256
    assert Shape().outputs == weights.shape.outputs
