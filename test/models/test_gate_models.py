"""The model gate with real weights on recorded people and a recorded drive: who passes, and why others do not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from physical_ai_bench.crossing.results import Result
from physical_ai_bench.crossing.trial import Trial
from physical_ai_core.errors import InputError
from physical_ai_core.models.offer import About, Offer
from physical_ai_learning.release import judge as judging
from physical_ai_learning.release import recorded
from physical_ai_learning.release.decision import Decision
from physical_ai_learning.release.driven import check_simulator
from physical_ai_learning.release.evidence import at_most, upper, within
from physical_ai_learning.release.judge import judge
from physical_ai_learning.release.replayed import inputs
from physical_ai_learning.release.thresholds import load_thresholds
from physical_ai_telemetry.bag import Event
from physical_ai_world_model.ssm.weights import default_folder, load, save

SHIPPED = default_folder() / "people.safetensors"
BAG = Path(__file__).parents[1] / "data/replay/yard"
BOUNDS = load_thresholds("people")
LEAST_SPOKEN = 11  # row of the way that is heaviest for nobody and spoken of for seven in ten
Tensors = dict[str, NDArray[np.float32]]
RUN = Result("predicted", 0, "hotel", True, 0, 0, 50.0, 0.5, 0.6, 10, 1, 1.0, 2.0, 30.0, 1.0, 1.0, "", "")


def smooth(trial: Trial) -> Result:
    """In place of a minute in the simulator: its real form is the slow test below."""
    return replace(RUN, seed=trial.seed, time_s=50.0 + trial.seed)


@lru_cache(maxsize=1)
def beginning(bag: Path) -> list[Event]:
    return inputs(bag)[:1500]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer windows of each recording, and the drive's first seconds."""
    monkeypatch.setattr(recorded, "EVERY", {"hotel": 80, "zara01": 80, "zara02": 120, "students": 400})
    monkeypatch.setattr(judging, "inputs", beginning)


def made(folder: Path, change: Callable[[Tensors], None] = lambda tensors: None, factor: float = 1.0) -> Path:
    """A candidate: shipped weights, changed; calibration factors times `factor`."""
    shipped = load(SHIPPED)
    tensors = {name: value.copy() for name, value in shipped.tensors.items()}
    change(tensors)
    calibration = {**shipped.calibration, "factor": [factor * v for v in shipped.calibration["factor"]]}
    path = folder / "candidate.safetensors"
    save(path, tensors, shipped.shape, calibration)
    return path


def decide(candidate: Path) -> Decision:
    return judge(candidate, SHIPPED, SHIPPED, BOUNDS, [BAG], 3, run=smooth)


def refused_by(decision: Decision) -> set[str]:
    return {check.part.split()[0] for check in decision.checks if not check.kept}


def test_the_incumbent_passes_against_itself_and_the_decision_is_the_same_bytes(quick: None, tmp_path: Path) -> None:
    decision = decide(SHIPPED)
    assert decision.accepted and not decision.reasons
    again = decide(SHIPPED)
    assert decision.write(tmp_path / "a").read_bytes() == again.write(tmp_path / "b").read_bytes()
    said = json.loads((tmp_path / "a" / "decision.json").read_text())
    digest = hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert said["candidate"]["sha256"] == said["incumbent"]["sha256"] == digest
    assert set(said["about"]["recordings"]) == {"hotel", "zara01", "zara02", "students"} and said["about"]["bags"]
    content = decision.content()
    offer = Offer("people", 1, digest, 1, About((), "", "", hashlib.sha256(content).hexdigest()))
    offer.refuse_ungated(content, offer.about.decision_sha256)  # what the gate writes is what robots read
    assert "accepted" in decision.page()


def test_a_noised_model_is_refused_for_likelihood_and_deviation(quick: None, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)

    def noise(tensors: Tensors) -> None:
        for name, value in tensors.items():
            tensors[name] = value + 0.1 * value.std() * rng.standard_normal(value.shape).astype(np.float32)

    decision = decide(made(tmp_path, noise))
    assert {"deviation", "prediction"} <= refused_by(decision)


@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_a_miscalibrated_model_is_refused_for_its_regions(quick: None, tmp_path: Path, factor: float) -> None:
    decision = decide(made(tmp_path, factor=factor))
    assert any("coverage" in reason for reason in decision.reasons)
    assert not any("FDE" in reason for reason in decision.reasons)  # its means are the same
    assert not any("max from" in reason for reason in decision.reasons)


def test_a_rare_huge_outlier_is_refused_by_the_worst_deviation_alone(quick: None, tmp_path: Path) -> None:
    """Metres aside in one way of little weight: likelihood and errors do not see it (they even gain a little)."""

    def rare(tensors: Tensors) -> None:
        tensors["head.mode"][LEAST_SPOKEN] *= 1.5

    decision = decide(made(tmp_path, rare))
    assert refused_by(decision) == {"deviation"}
    assert any("max from the full-precision model" in reason for reason in decision.reasons)


def test_swapped_tensors_are_refused(quick: None, tmp_path: Path) -> None:
    def swap(tensors: Tensors) -> None:
        tensors["social.query.weight"], tensors["head.hidden.bias"] = (
            tensors["social.value.weight"].copy(), tensors["head.context.bias"].copy(),
        )  # fmt: skip
        tensors["social.value.weight"], tensors["head.context.bias"] = (
            load(SHIPPED).tensors["social.query.weight"], load(SHIPPED).tensors["head.hidden.bias"],
        )  # fmt: skip

    decision = decide(made(tmp_path, swap))
    assert "deviation" in refused_by(decision) and "prediction" in refused_by(decision)


def test_what_cannot_be_loaded_is_refused_with_that_reason(tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(SHIPPED.read_bytes()[:-100])
    decision = decide(path)
    assert not decision.accepted and decision.reasons[0].startswith("loading")

    def spoil(tensors: Tensors) -> None:
        tensors["head.out.bias"][:] = 1e30

    decision = decide(made(tmp_path, spoil))
    assert refused_by(decision) == {"loading"} and "what cannot be" in decision.reasons[0]


def test_nothing_is_accepted_unless_everything_was_looked_at(quick: None) -> None:
    decision = judge(SHIPPED, SHIPPED, SHIPPED, BOUNDS)
    assert refused_by(decision) == {"replay", "simulator"}


@pytest.mark.parametrize("change, name", [
    ({"collisions": 1}, "collisions"), ({"reached": False}, "goals missed"), ({"time_s": 60.0}, "time longer"),
    ({"gate_stops": 3}, "gate stops"),
])  # fmt: skip
def test_each_figure_of_the_simulator_can_refuse(change: dict[str, object], name: str) -> None:
    before = [replace(RUN, seed=k) for k in range(6)]
    after = [replace(one, **change) for one in before]  # type: ignore[arg-type]
    failed = [check.name for check in check_simulator(after, before, BOUNDS.simulator, 7) if not check.kept]
    assert len(failed) == 1 and failed[0].startswith(name)
    assert all(check.kept for check in check_simulator(before, before, BOUNDS.simulator, 7))


def test_few_runs_that_differ_by_chance_are_not_enough_to_accept() -> None:
    """The interval is wide with few runs: what cannot be told is refused."""
    before = [replace(RUN, seed=k, time_s=50.0) for k in range(3)]
    after = [replace(one, time_s=time_s) for one, time_s in zip(before, (40.0, 50.0, 60.0), strict=True)]
    assert any(c.name.startswith("time") and not c.kept for c in check_simulator(after, before, BOUNDS.simulator, 7))


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(0.0, 10.0))
def test_what_is_no_number_is_never_kept(value: float, bound: float) -> None:
    assert at_most("x", "y", value, bound).kept == (value <= bound)
    assert within("x", "y", value, 0.0, bound).kept == (0.0 <= value <= bound)
    assert not at_most("x", "y", float("nan"), bound).kept


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=30), st.integers(1, 5))
def test_the_interval_holds_the_mean_and_copies_in_a_cluster_do_not_narrow_it(values: list[float], copies: int) -> None:
    difference, number = np.array(values), np.arange(len(values))
    mean, high = upper(difference, number, 1)
    again = upper(np.repeat(difference, copies), np.repeat(number, copies), 1)
    assert high >= mean - 0.1 - 1e-9 and np.allclose(again, (mean, high))


@pytest.mark.parametrize("text", ["", "gate: 3", "gate: {}", "schema_version: 2", "gate: {seed: 1, odd: 2}", "\t:"])
def test_bounds_that_make_no_sense_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bounds.yaml"
    path.write_text(text)
    with pytest.raises(InputError):
        load_thresholds(str(path))


@pytest.mark.slow
def test_real_runs_of_the_incumbent_against_itself(tmp_path: Path) -> None:
    decision = judge(SHIPPED, SHIPPED, SHIPPED, BOUNDS, [BAG], 1)
    assert decision.accepted
