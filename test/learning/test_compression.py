"""Models designed to be small: fits that find what was drawn, a push that shortens codes, steps by what errors cost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gennorm
from scipy.stats import t as student

torch = pytest.importorskip("torch", reason="extra `language`: training needs torch")

from physical_ai_core.compact import bits, golomb  # noqa: E402
from physical_ai_core.compact.file import Codec, decode, encode, whole  # noqa: E402
from physical_ai_core.compact.form import ForeignModelError, TamperedModelError, TruncatedModelError  # noqa: E402
from physical_ai_core.errors import ModelError  # noqa: E402
from physical_ai_learning.compression import ggd  # noqa: E402
from physical_ai_learning.compression.backslash import RateConstraint, Small  # noqa: E402
from physical_ai_learning.compression.deepshape import reshaped  # noqa: E402
from physical_ai_learning.compression.init import begin_as_ggd  # noqa: E402
from physical_ai_learning.compression.pack import exact_codecs, packed, step_of  # noqa: E402
from physical_ai_learning.compression.quantise import golomb_order, int8_rows, uniform, with_outliers  # noqa: E402
from physical_ai_learning.compression.sensitivity import (  # noqa: E402
    people_sensitivity,
    snapped,
    steps_by_sensitivity,
)
from physical_ai_learning.world_model.batches import assemble, group_of, part_of  # noqa: E402
from physical_ai_learning.world_model.network import PeopleModel as Module  # noqa: E402
from physical_ai_learning.world_model.people_run import SMOKE, run_fold, shipped_recordings  # noqa: E402
from physical_ai_learning.world_model.train_people import run_model  # noqa: E402
from physical_ai_learning.world_model.windows import protocol_windows  # noqa: E402
from physical_ai_world_model.ssm.crowd import Crowd, PeopleModel  # noqa: E402
from physical_ai_world_model.ssm.shape import Shape  # noqa: E402
from physical_ai_world_model.ssm.weights import ARCHITECTURE, default_folder, load, said_of  # noqa: E402

HOTEL = {"hotel": shipped_recordings()["hotel"]}
SMALL = Path("people_small")


@pytest.fixture(scope="module")
def scene():  # type: ignore[no-untyped-def]
    """Shipped weights, their torch module, and a group of windows of the extract."""
    weights = load(default_folder())
    module = Module(weights.shape)
    module.load_state_dict({name: torch.tensor(value) for name, value in weights.tensors.items()})
    windows = protocol_windows(HOTEL["hotel"])
    group = group_of(part_of(windows, np.arange(0, int(windows.window[-1]) + 1, 3)))
    return weights, module.eval(), group


@torch.no_grad()
def guesses(module, tensors, group):  # type: ignore[no-untyped-def]
    module.load_state_dict({name: torch.tensor(np.asarray(value)) for name, value in tensors.items()})
    return run_model(module, assemble(group, torch.arange(group.windows))).mean[:, 0].numpy()


# What weights look like


@pytest.mark.parametrize("shape", [0.5, 0.8, 1.0, 1.5, 2.0, 3.0])
def test_the_shape_that_was_drawn_is_found(shape: float) -> None:
    values = gennorm.rvs(shape, scale=0.07, size=40_000, random_state=7)
    fit = ggd.fit(values)
    assert fit.shape == pytest.approx(shape, rel=0.06)
    assert fit.scale == pytest.approx(0.07, rel=0.1)
    assert ggd.shape_by_moments(values) == pytest.approx(shape, rel=0.12)
    assert np.allclose(fit.log_density(values), gennorm.logpdf(values, fit.shape, scale=fit.scale))


def test_likelihood_is_at_its_top_where_the_fit_says() -> None:
    values = gennorm.rvs(1.3, scale=1.0, size=5000, random_state=1)
    fit = ggd.fit(values)
    for shape, scale in ((fit.shape * 1.1, fit.scale), (fit.shape, fit.scale * 1.1), (fit.shape / 1.1, fit.scale)):
        assert ggd.Fit("ggd", 0.0, scale, shape).log_density(values).sum() < fit.log_density(values).sum()


@pytest.mark.parametrize(
    ("family", "values"),
    [
        ("student", student.rvs(3, scale=0.1, size=8000, random_state=2)),
        ("ggd", gennorm.rvs(0.5, scale=0.1, size=8000, random_state=3)),
        ("laplace", gennorm.rvs(1.0, scale=0.1, size=8000, random_state=4)),
    ],
)
def test_the_family_is_chosen_by_what_it_was_not_fitted_to(family: str, values: np.ndarray) -> None:
    scores = ggd.held_out(values)
    assert scores[family] >= max(scores.values()) - 2e-3
    assert scores[ggd.choose(values).family] == max(scores.values())
    other = "laplace" if family != "laplace" else "gaussian"
    assert scores[family] > scores[other] + 0.01


@given(st.floats(0.4, 4.0), st.floats(0.01, 10.0), st.floats(0.001, 0.999))
def test_quantiles_turn_the_distribution_back(shape: float, scale: float, share: float) -> None:
    assert gennorm.cdf(ggd.quantiles(share, shape, scale), shape, scale=scale) == pytest.approx(share, abs=1e-6)


def test_a_generalised_beginning_keeps_the_spread_and_changes_the_shape() -> None:
    torch.manual_seed(0)
    plain, drawn = Module(Shape()), Module(Shape())
    begin_as_ggd(drawn, 0.8, seed=1)
    before, after = plain.head.hidden.weight, drawn.head.hidden.weight
    assert float(after.detach().std()) == pytest.approx(float(before.detach().std()), rel=0.05)
    assert ggd.fit(after.detach().numpy()).shape == pytest.approx(0.8, rel=0.1)
    begin_as_ggd(drawn, 2.0, seed=1, gain=2.0)
    assert float(after.detach().var()) == pytest.approx(2.0 / 128, rel=0.05)


def test_deepshape_keeps_the_order_and_sharpens_the_shape() -> None:
    values = gennorm.rvs(1.6, scale=0.1, size=(90, 100), random_state=5).astype(np.float32)
    found = reshaped(values, 0.6)
    assert np.array_equal(np.argsort(found.ravel(), kind="stable"), np.argsort(values.ravel(), kind="stable"))
    assert ggd.fit(found).shape == pytest.approx(0.6 * ggd.fit(values).shape, rel=0.03)
    assert float(np.sqrt(np.mean(found**2))) == pytest.approx(float(np.sqrt(np.mean(values**2))), rel=0.03)


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("step", [0.02, 0.1, 0.5, 2.0])
def test_the_golomb_order_follows_from_the_shape(shape: float, step: float) -> None:
    values = gennorm.rvs(shape, scale=1.0, size=20_000, random_state=6)
    numbers = bits.folded(np.rint(values / step).astype(np.int64))
    least = golomb.lengths(numbers, golomb.best_order(numbers)).sum()
    assert golomb.lengths(numbers, golomb_order(ggd.fit(values), step)).sum() <= 1.01 * least


# Training that counts bits


def linear(seed: int = 0) -> torch.nn.Linear:
    torch.manual_seed(seed)
    return torch.nn.Linear(80, 60)


@pytest.mark.parametrize("shape", [0.6, 1.0, 2.0])
def test_the_push_is_the_slope_of_the_code_length(shape: float) -> None:
    layer = linear()
    constraint = RateConstraint(layer, Small(backslash=1.0, prior_shape=shape), {})
    before = layer.weight.detach().double().numpy().copy()
    scale = ggd.scale_of(before, shape)
    rate = 1e-6
    constraint.shrink(rate)
    pushed = (before - layer.weight.detach().double().numpy()) / rate
    h = 1e-6
    slope = ((np.abs(before) / scale + 0.25 + h) ** shape - (np.abs(before) / scale + 0.25 - h) ** shape) / (2 * h)
    clear = np.abs(before) > 1e-3  # the others end at zero
    assert clear.mean() > 0.9
    assert np.allclose(pushed[clear], (np.sign(before) * slope / scale)[clear], rtol=0.01, atol=0.02)


def test_the_push_ends_at_zero_and_shortens_the_code() -> None:
    layer = linear()
    before = layer.weight.detach().numpy().copy()
    constraint = RateConstraint(layer, Small(backslash=0.5), {"weight": 0.02})
    for _ in range(60):
        constraint.refit()
        constraint.shrink(1e-3)
    after = layer.weight.detach().numpy()
    assert np.all((np.sign(after) == np.sign(before)) | (after == 0.0))
    assert np.all(np.abs(after) <= np.abs(before))
    sizes = [len(encode({"w": w}, {"w": Codec("uniform", 0.02)}, {})) for w in (before, after)]
    assert sizes[1] < 0.8 * sizes[0]
    assert constraint.shapes[0] < 3.0


def test_without_a_rate_nothing_is_pushed_and_what_was_held_comes_back_bit_for_bit() -> None:
    layer = linear()
    before = layer.weight.detach().clone()
    constraint = RateConstraint(layer, Small(quantise=0.5), {"weight": 0.03125})
    with constraint.held():
        assert torch.equal(layer.weight, torch.round(before / 0.03125) * 0.03125)
    constraint.shrink(1.0)
    assert torch.equal(layer.weight, before)


def test_one_prior_serves_all_tensors_alike_and_many_their_own() -> None:
    pair = torch.nn.Sequential(linear(1), linear(2))
    with torch.no_grad():
        pair[1].weight.copy_(torch.tensor(gennorm.rvs(0.5, scale=0.01, size=(60, 80), random_state=1)))
    own, one = (RateConstraint(pair, Small(backslash=0.1, one_shape=flag), {}) for flag in (False, True))
    assert own.shapes[0] > 2.0 > 0.7 > own.shapes[1]
    assert one.shapes[0] == one.shapes[1]


# Steps that know what matters


@given(st.floats(1e-9, 1e9))
def test_steps_of_seven_bits_multiply_exactly(step: float) -> None:
    short = snapped(step)
    assert abs(short - step) <= step / 128.0
    numbers = np.arange(-5000, 5000, 37)
    assert np.array_equal(numbers.astype(np.float32) * np.float32(short), (numbers * short).astype(np.float64))


def test_the_cost_of_an_error_is_foretold(scene) -> None:  # type: ignore[no-untyped-def]
    """h δ² against how far the guess and the weighted ways really move, for random errors of whole tensors."""
    weights, module, group = scene
    sensitivity = people_sensitivity(module, [group], windows=group.windows, draws=4)
    batch = assemble(group, torch.arange(group.windows))

    @torch.no_grad()
    def said(tensors):  # type: ignore[no-untyped-def]
        module.load_state_dict({name: torch.tensor(value) for name, value in tensors.items()})
        return run_model(module, batch)

    full = said(weights.tensors)
    share = torch.cat([torch.ones_like(full.log_weight[:, :1]), full.log_weight[:, 1:].exp()], 1)
    rng = np.random.default_rng(0)
    for name in ("encoder.embed.weight", "head.out.weight", "social.join.weight"):
        told = measured = 0.0
        for _ in range(4):
            noise = 1e-3 * rng.normal(size=weights.tensors[name].shape).astype(np.float32)
            moved = said({**weights.tensors, name: weights.tensors[name] + noise}).mean - full.mean
            told += float((sensitivity[name] * noise**2).sum())
            measured += float((share * moved.pow(2).sum((2, 3))).sum(1).mean())
        assert 0.3 * told < measured < 3.0 * told, name
    said(weights.tensors)


def test_steps_spend_bits_where_errors_cost_and_protecting_pays(scene) -> None:  # type: ignore[no-untyped-def]
    weights, module, group = scene
    sensitivity = people_sensitivity(module, [group])
    full = guesses(module, weights.tensors, group)
    away, sizes = [], []
    for protect in (True, False):
        steps = steps_by_sensitivity(weights.tensors, sensitivity, 0.6, protect)
        content = encode(weights.tensors, uniform(steps), {})
        away.append(np.linalg.norm(guesses(module, decode(content).tensors, group) - full, axis=-1).mean())
        sizes.append(len(content))
        if protect:
            assert steps["encoder.embed.weight"] < 0.1 * weights.tensors["encoder.embed.weight"].std()
            shares = [np.log(steps[n] / v.std()) * v.size for n, v in weights.tensors.items()]
            assert np.exp(sum(shares) / 125_972) == pytest.approx(0.6, rel=0.03)
    guesses(module, weights.tensors, group)
    assert abs(sizes[0] / sizes[1] - 1.0) < 0.03
    assert away[0] < 0.6 * away[1], "as many bytes, less error"


def test_single_weights_far_out_are_kept_and_rows_have_their_own_step() -> None:
    rng = np.random.default_rng(0)
    value = rng.normal(0.0, 0.05, (32, 64)).astype(np.float32)
    value[3, 7], value[20, 1] = 0.9, -0.7
    codecs = with_outliers({"w": value}, {"w": Codec("uniform", 0.06)}, 6.0)
    back = decode(encode({"w": value}, codecs, {})).tensors["w"]
    assert back[3, 7] == np.float32(np.float16(0.9))
    assert back[20, 1] == np.float32(np.float16(-0.7))
    rows = decode(encode({"w": value}, int8_rows({"w": value}), {})).tensors["w"]
    assert np.all(np.abs(rows - value).max(axis=1) <= np.abs(value).max(axis=1) / 254.0 * (1 + 1e-5))


# The whole way


@given(st.integers(1, 127), st.integers(-12, 3), st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_the_step_is_read_from_the_weights_and_nothing_is_lost(part: int, power: int, seed: int) -> None:
    step = part * 2.0**power
    numbers = np.random.default_rng(seed).integers(-9, 10, (6, 7))
    value = (numbers * step).astype(np.float32)
    assert decode(packed({"w": value}, {})).tensors["w"].tobytes() == (value + 0.0).tobytes()
    if numbers.any():
        found = step_of(value)
        assert found >= step
        assert np.array_equal(whole(value, found) * found, value)


def test_weights_on_no_grid_stay_as_they_are() -> None:
    value = np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32)
    assert exact_codecs({"w": value})["w"].kind == "fp32"
    assert np.array_equal(decode(packed({"w": value}, {})).tensors["w"], value)


def test_a_small_training_writes_a_file_that_a_robot_runs_exactly(tmp_path: Path) -> None:
    """The robot's forecasts from the compact file are those of the quantised tensors, bit for bit."""
    tiny = replace(SMOKE, steps=6, every=3, rows=96)
    small = Small(backslash=0.005, one_shape=True, quantise=0.6, start=str(default_folder()))
    metrics = run_fold(HOTEL, "all", replace(tiny, small=small), Shape(), tmp_path, lambda *_: None)
    folder = tmp_path / "weights"
    compact, plain = load(folder), load(folder / "people.safetensors")
    assert compact.sha256 == metrics["sha256"] != plain.sha256
    assert (folder / "people.pai").stat().st_size < 0.11 * (folder / "people.safetensors").stat().st_size
    assert all(codec.kind == "uniform" for codec in exact_codecs(plain.tensors).values())
    said = []
    for weights in (compact, plain):
        crowd = Crowd(PeopleModel(weights, "numpy"))
        for k in range(8):
            crowd.observe(np.array([1, 2]), np.array([[0.5 * k, 0.0], [4.0 - 0.4 * k, 0.3 * k]]), 0.4 * k)
        said.append(crowd.predict(np.array([1, 2]), np.array([1.0, 4.8]), 2.8, horizon_s=4.8))
    assert said[0].mean_m.tobytes() == said[1].mean_m.tobytes()
    assert said[0].covariance.tobytes() == said[1].covariance.tobytes()
    card = yaml.safe_load((folder / "model.yaml").read_text(encoding="utf-8"))
    assert card["command"].endswith(" --backslash 0.005 --quantise 0.6 --one-prior --start DIR")
    assert "shape" in json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["course"][0]


def test_the_small_weights_of_the_package_are_a_tenth_and_say_nearly_the_same(scene) -> None:  # type: ignore[no-untyped-def]
    weights, module, group = scene
    small = load(SMALL)
    files = [next(default_folder().glob("*.safetensors")), default_folder().parent / SMALL / "people.pai"]
    assert files[1].stat().st_size <= 0.1 * files[0].stat().st_size
    full, found = (guesses(module, side.tensors, group) for side in (weights, small))
    guesses(module, weights.tensors, group)
    assert np.linalg.norm(found - full, axis=-1).mean() < 0.08


def test_a_robot_refuses_damaged_foreign_and_unfit_small_weights(tmp_path: Path) -> None:
    content = (default_folder().parent / SMALL / "people.pai").read_bytes()
    path = tmp_path / "people.pai"
    for spoilt, error in (
        (content[:-1], TruncatedModelError), (content[:30], TruncatedModelError),
        (content[:-1] + bytes([content[-1] ^ 1]), TamperedModelError),
        (encode({"w": np.ones(3, dtype=np.float32)}, {}, {"architecture": "arm-1"}), ForeignModelError),
    ):  # fmt: skip
        path.write_bytes(spoilt)
        with pytest.raises(error):
            load(path)
    whole_model = load(SMALL)
    about = said_of(whole_model.shape, whole_model.calibration)
    assert about["architecture"] == ARCHITECTURE
    fewer = {name: value for name, value in whole_model.tensors.items() if name != "head.mode"}
    path.write_bytes(packed(fewer, about))
    with pytest.raises(ModelError, match=r"head\.mode"):
        load(path)
