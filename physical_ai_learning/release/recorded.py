"""Candidate, incumbent and full-precision model on the same recorded people: likelihood, regions, errors, deviation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_bench.benchmarks.trajectories import hybrid
from physical_ai_core.geometry import Array
from physical_ai_learning.release.compared import LEVEL, PREDICTION, check_paired, check_regions
from physical_ai_learning.release.evidence import Check
from physical_ai_learning.release.thresholds import PredictionBounds
from physical_ai_learning.world_model.recordings import STEP_S, Recording, Track
from physical_ai_learning.world_model.windows import AHEAD, protocol_windows
from physical_ai_sim.people import read_points
from physical_ai_world_model.mixture import levels, log_density
from physical_ai_world_model.ssm.crowd import PeopleModel

SCENES: Final = ("hotel", "zara01", "zara02", "students")
EVERY: Final = {"hotel": 24, "zara01": 24, "zara02": 36, "students": 80}  # frames between two windows
SPOKEN: Final = 0.01  # ways of less weight than this in the full-precision model do not count for deviation


@dataclass(frozen=True)
class Said:
    """Of n people at 12 steps: mean (n, K, 12, 2), covariance (n, K, 12, 3), weight (n, K)."""

    guess: Array
    mean: Array
    covariance: Array
    weight: Array


@dataclass(frozen=True)
class Judged:
    """NLL, inside the 90 % region and error of the best guess, (n, 12) each; the window (n,) of each person."""

    nll: Array
    inside: Array
    error_m: Array
    window: NDArray[np.int64]
    finite: bool


def recordings(scenes: tuple[str, ...] = SCENES) -> Iterator[Recording]:
    for name in scenes:
        person, step, xy = read_points(name)
        tracks = []
        for number in np.unique(person):
            rows = np.flatnonzero(person == number)
            rows = rows[np.argsort(step[rows])]
            tracks.append(Track(int(number), step[rows] - step.min(), xy[rows]))
        yield Recording(name, STEP_S, tuple(tracks))


def forecasts(models: dict[str, PeopleModel]) -> Iterator[tuple[dict[str, Said], Array, NDArray[np.int64]]]:
    """What each model says of the same windows, what came (n, 12, 2), and the windows' numbers (n,)."""
    first = 0
    for recording in recordings():
        windows = protocol_windows(recording, EVERY[recording.name])
        if not len(windows.window):
            continue
        rows, mine = np.arange(len(windows.window)), windows.stays
        with np.errstate(all="ignore"):
            said = {name: Said(*hybrid(model, windows, rows, mine)) for name, model in models.items()}
        yield said, windows.ahead_m[mine], windows.window[mine] + first
        first += int(windows.window[-1]) + 1


def judged(said: Said, truth: Array, window: NDArray[np.int64]) -> Judged:
    finite = all(bool(np.isfinite(part).all()) for part in (said.guess, said.mean, said.covariance, said.weight))
    nll, inside = np.full(truth.shape[:2], np.nan), np.zeros(truth.shape[:2])
    with np.errstate(all="ignore"):
        for k in range(AHEAD):
            at = (said.mean[:, :, k], said.covariance[:, :, k], said.weight)
            nll[:, k] = -log_density(*at, truth[:, k : k + 1])[:, 0]
            inside[:, k] = levels(*at, truth[:, k]) <= LEVEL
        error = np.linalg.norm(said.guess - truth, axis=-1)
    return Judged(nll, inside, error, window, finite)


def joined(parts: list[Judged]) -> Judged:
    return Judged(
        np.concatenate([part.nll for part in parts]), np.concatenate([part.inside for part in parts]),
        np.concatenate([part.error_m for part in parts]), np.concatenate([part.window for part in parts]),
        all(part.finite for part in parts),
    )  # fmt: skip


def deviations(candidate: Said, full: Said) -> tuple[Array, Array]:
    """Of every way that the full-precision model speaks of, at every step: distance in m, and the ratio of the spread
    (1 or more, either way)."""
    spoken = full.weight >= SPOKEN
    away = np.linalg.norm(candidate.mean - full.mean, axis=-1)[spoken]
    with np.errstate(all="ignore"):
        size = [np.sqrt(said.covariance[..., 0] + said.covariance[..., 2])[spoken] for said in (candidate, full)]
        ratio = np.exp(np.abs(np.log(size[0] / size[1])))
    weight = np.abs(candidate.weight - full.weight).max() if len(full.weight) else 0.0
    return np.where(np.isfinite(away), away, np.inf).ravel(), np.append(np.nan_to_num(ratio, nan=np.inf), 1.0 + weight)


def check_prediction(candidate: Judged, incumbent: Judged, bounds: PredictionBounds, seed: int) -> list[Check]:
    """Regions at each horizon; likelihood and last error beside the incumbent's."""
    found = [Check(PREDICTION, "finite", float(candidate.finite), "must be 1", candidate.finite or not bounds.finite)]
    times_s = [(k + 1) * STEP_S for k in range(AHEAD)]
    found += check_regions(candidate.inside, incumbent.inside, times_s, bounds)
    for name, mine, theirs, margin in (
        ("NLL", candidate.nll.mean(axis=1), incumbent.nll.mean(axis=1), bounds.nll_margin),
        ("FDE", candidate.error_m[:, -1], incumbent.error_m[:, -1], bounds.fde_margin_m),
    ):
        found.append(check_paired(name, mine, theirs, candidate.window, margin, seed, "people"))
    return found
