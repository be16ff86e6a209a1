"""The gate for models of people: everything is looked at, nothing is weighed against another, all must be kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from physical_ai_bench.crossing.trial import run_trial
from physical_ai_core.errors import ModelError
from physical_ai_core.models.disk import Disk
from physical_ai_learning.release.driven import PART, Run, check_simulator, runs
from physical_ai_learning.release.evidence import Check
from physical_ai_learning.release.recorded import (
    SCENES,
    Judged,
    check_deviation,
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
Told = Callable[[str], None]


@dataclass(frozen=True)
class Decision:
    """`about`: hashes of everything that was looked at. Two judgements of the same files are the same bytes."""

    accepted: bool
    candidate: dict[str, str]
    incumbent: dict[str, str]
    about: dict[str, Any]
    checks: tuple[Check, ...]

    @property
    def reasons(self) -> list[str]:
        return [check.reason for check in self.checks if not check.kept]

    def content(self) -> bytes:
        said = {
            "schema_version": 1, "model": MODEL, "accepted": self.accepted, "reasons": self.reasons,
            "candidate": self.candidate, "incumbent": self.incumbent, "about": self.about,
            "checks": [asdict(check) for check in self.checks],
        }  # fmt: skip
        return (json.dumps(said, indent=2, sort_keys=True, ensure_ascii=False, default=str) + "\n").encode()

    def page(self) -> str:
        """For a person."""
        verdict = "**accepted** (承認)" if self.accepted else "**refused** (却下)"
        lines = [f"# Model gate: {verdict}", ""]
        lines += [f"- {reason}" for reason in self.reasons] + ([""] if self.reasons else [])
        for name, said in (("candidate", self.candidate), ("incumbent", self.incumbent)):
            lines.append(f"{name}: `{said['file']}` sha256 `{said['sha256']}`  ")
        lines += ["", "| part | what | value | bound | kept | |", "|---|---|---|---|---|---|"]
        lines += [
            f"| {c.part} | {c.name} | {c.value:.4g} | {c.bound} | {'yes' if c.kept else '**no**'} | {c.detail} |"
            for c in self.checks
        ]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path) -> Path:
        """`decision.json` and `decision.md`; → the first."""
        Disk().replace(folder / "decision.md", self.page().encode())
        Disk().replace(folder / "decision.json", self.content())
        return folder / "decision.json"


def judge(
    candidate: Path, incumbent: Path, full: Path, thresholds: Thresholds, bags: Sequence[Path] = (),
    simulations: int = 0, first_seed: int = 0, told: Told = lambda text: None, run: Run = run_trial,
) -> Decision:  # fmt: skip
    """Candidate against incumbent. `full`: the full-precision model that the candidate was made of, or the incumbent.

    A candidate that cannot be loaded is refused, with that as the reason; ModelError is raised for the others.
    """
    theirs, whole = load(incumbent), load(full)
    about: dict[str, Any] = {
        "thresholds": thresholds.model_dump(), "full_sha256": whole.sha256, "software": version("physical_ai"),
        "recordings": {scene: _hash(PEOPLE_FOLDER / f"{scene}.npz") for scene in SCENES},
        "bags": {bag.name: _bag_hash(bag) for bag in bags},
        "simulations": {"runs": simulations, "first_seed": first_seed},
    }  # fmt: skip
    before = {"file": _file(incumbent), "sha256": theirs.sha256}
    try:
        mine = load(candidate)
        probe(mine)
    except ModelError as error:
        found = {"file": candidate.name, "sha256": _hash(candidate) if candidate.is_file() else ""}
        check = Check("loading", "errors", 1.0, "must be 0", False, error.cause)
        return Decision(False, found, before, about, (check,))
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
    for part, looked in (("replay", bool(bags)), (PART, bool(simulations))):
        if not looked:
            checks.append(Check(part, "looked at", 0.0, "must be 1", False, "name bags, and a number of runs"))
    accepted = all(check.kept for check in checks)
    return Decision(accepted, {"file": _file(candidate), "sha256": mine.sha256}, before, about, tuple(checks))


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


def _file(path: Path) -> str:
    return path.name


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _bag_hash(bag: Path) -> str:
    files = sorted(bag.glob("*.mcap")) if bag.is_dir() else [bag]
    return hashlib.sha256("".join(_hash(path) for path in files).encode()).hexdigest()
