"""The gate for models of people: everything is looked at, nothing is weighed against another, all must be kept."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from physical_ai_bench.crossing.trial import run_trial
from physical_ai_core.errors import ModelError
from physical_ai_learning.release.compared import check_deviation
from physical_ai_learning.release.decision import Case, Decision, Said, bag_hash, file_hash, named
from physical_ai_learning.release.driven import PART, Run, check_simulator, runs
from physical_ai_learning.release.evidence import Check
from physical_ai_learning.release.recorded import (
    SCENES,
    Judged,
    check_prediction,
    deviations,
    forecasts,
    joined,
    judged,
)
from physical_ai_learning.release.replayed import check_replay, drive, inputs
from physical_ai_learning.release.thresholds import Thresholds
from physical_ai_sim.people import FOLDER as PEOPLE_FOLDER
from physical_ai_world_model.ssm.crowd import PeopleModel
from physical_ai_world_model.ssm.probe import probe
from physical_ai_world_model.ssm.weights import PeopleWeights, load

MODEL: Final = "people"


def judge(
    candidate: Path, incumbent: Path, full: Path, thresholds: Thresholds, bags: Sequence[Path] = (),
    simulations: int = 0, first_seed: int = 0, told: Said = lambda text: None, run: Run = run_trial,
) -> Decision:  # fmt: skip
    """Candidate against incumbent. `full`: the full-precision model that the candidate was made of, or the incumbent.

    A candidate that cannot be loaded is refused, with that as the reason; ModelError is raised for the others.
    """
    theirs, whole = load(incumbent), load(full)
    about: dict[str, Any] = {
        "thresholds": thresholds.model_dump(), "full_sha256": whole.sha256, "software": version("physical_ai"),
        "recordings": {scene: file_hash(PEOPLE_FOLDER / f"{scene}.npz") for scene in SCENES},
        "bags": {bag.name: bag_hash(bag) for bag in bags},
        "simulations": {"runs": simulations, "first_seed": first_seed},
    }  # fmt: skip
    case = Case(MODEL, candidate, named(incumbent, theirs.sha256), about)
    try:
        mine = load(candidate)
        probe(mine)
    except ModelError as error:
        return case.unloadable(error.cause)
    checks: list[Check] = []
    told("recorded people")
    checks += _recorded(mine, theirs, whole, thresholds)
    for bag in bags:
        told(f"replay of {bag.name}")
        events = inputs(bag)
        checks += check_replay(bag.name, drive(events, candidate), drive(events, incumbent), thresholds.replay)
    if simulations:
        told("simulator")
        both = [runs(path, simulations, first_seed, run) for path in (candidate, incumbent)]
        checks += check_simulator(both[0], both[1], thresholds.simulator, thresholds.seed)
    return case.decided(mine.sha256, checks, {"replay": bool(bags), PART: bool(simulations)})


def _recorded(mine: PeopleWeights, theirs: PeopleWeights, whole: PeopleWeights, thresholds: Thresholds) -> list[Check]:
    names = {"mine": mine, "theirs": theirs, "whole": whole}
    models = {weights.sha256: PeopleModel(weights) for weights in names.values()}  # each once
    parts: dict[str, list[Judged]] = {"mine": [], "theirs": []}
    away, ratio = [], []
    for by_hash, truth, window in forecasts(models):
        said = {name: by_hash[weights.sha256] for name, weights in names.items()}
        for name, found in parts.items():
            found.append(judged(said[name], truth, window))
        a, r = deviations(said["mine"], said["whole"])
        away.append(a)
        ratio.append(r)
    checks = check_deviation(np.concatenate(away), np.concatenate(ratio), thresholds.deviation)
    together = {name: joined(found) for name, found in parts.items()}
    return checks + check_prediction(together["mine"], together["theirs"], thresholds.prediction, thresholds.seed)
