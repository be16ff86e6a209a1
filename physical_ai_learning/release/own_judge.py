"""The gate for models of the own motion: missions on ground of every kind, recorded drives, runs among people."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from physical_ai_bench.crossing.trial import run_trial
from physical_ai_core.errors import ModelError
from physical_ai_learning.release.compared import check_deviation
from physical_ai_learning.release.decision import Case, Decision, Said, bag_hash, named
from physical_ai_learning.release.driven import PART, Run, check_simulator, ground_of, own_runs
from physical_ai_learning.release.evidence import Check
from physical_ai_learning.release.own_missions import check_prediction, deviations, missions_hash, tell
from physical_ai_learning.release.own_replayed import check_own_replay, own_drive
from physical_ai_learning.release.replayed import inputs
from physical_ai_learning.release.thresholds import OwnThresholds
from physical_ai_learning.world_model.own_record import Mission
from physical_ai_world_model.own_motion.probe import probe
from physical_ai_world_model.own_motion.source import MODEL
from physical_ai_world_model.own_motion.weights import load

MISSION_S: Final = 40.0


def judge_own_motion(
    candidate: Path, incumbent: Path, full: Path, thresholds: OwnThresholds, missions: Sequence[Mission],
    bags: Sequence[Path] = (), simulations: int = 0, first_seed: int = 0, told: Said = lambda text: None,
    run: Run = run_trial,
) -> Decision:  # fmt: skip
    """Candidate against incumbent. `full`: the full-precision model that the candidate was made of, or the incumbent.

    A candidate that cannot be loaded is refused, with that as the reason; ModelError is raised for the others.
    """
    theirs, whole = load(incumbent), load(full)
    about: dict[str, Any] = {
        "thresholds": thresholds.model_dump(), "full_sha256": whole.sha256, "software": version("physical_ai"),
        "missions": {"count": len(missions), "sha256": missions_hash(missions)},
        "bags": {bag.name: bag_hash(bag) for bag in bags},
        "simulations": {
            "runs": simulations, "first_seed": first_seed,
            "grounds": [ground_of(seed) for seed in range(first_seed, first_seed + simulations)],
        },
    }  # fmt: skip
    case = Case(MODEL, candidate, named(incumbent, theirs.sha256), about)
    try:
        mine = load(candidate)
        probe(candidate)
    except ModelError as error:
        return case.unloadable(error.cause)
    checks: list[Check] = []
    if missions:
        told("missions")
        paths = {mine.sha256: candidate, theirs.sha256: incumbent, whole.sha256: full}  # each once
        said = {sha256: tell(path, missions) for sha256, path in paths.items()}
        checks += check_deviation(*deviations(said[mine.sha256], said[whole.sha256]), thresholds.deviation)
        checks += check_prediction(said[mine.sha256], said[theirs.sha256], thresholds.prediction, thresholds.seed)
    for bag in bags:
        told(f"replay of {bag.name}")
        events = inputs(bag)
        drives = [own_drive(events, path) for path in (candidate, incumbent)]
        checks += check_own_replay(bag.name, drives[0], drives[1], thresholds.replay)
    if simulations:
        told("simulator")
        both = [own_runs(path, simulations, first_seed, run) for path in (candidate, incumbent)]
        checks += check_simulator(both[0], both[1], thresholds.simulator, thresholds.seed)
    looked = {"prediction": bool(missions), "replay": bool(bags), PART: bool(simulations)}
    return case.decided(mine.sha256, checks, looked)
