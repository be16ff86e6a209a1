"""Candidate, incumbent and full-precision model of the own motion on the same missions that training has not seen.

Simulated, because there the truth is known: each on ground of its own (friction, slope, patches), driven to points or
by drawn commands. The robot's own runtime hears the state as it comes, at one rate or half of it, and says where it
will be under the commands that were then given: its fallbacks are its answers, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_learning.release.compared import LEVEL, PREDICTION, check_paired, check_regions
from physical_ai_learning.release.decision import digest
from physical_ai_learning.release.evidence import Check, at_most
from physical_ai_learning.release.thresholds import OwnPredictionBounds
from physical_ai_learning.world_model.own_data import part_of
from physical_ai_learning.world_model.own_record import ROW_S, Mission
from physical_ai_world_model.own_motion.model import OwnMotion

TIMES_S: Final[Array] = np.linspace(0.2, 3.0, 15)
HORIZONS: Final = (1, 4, 9, 14)  # of `TIMES_S`: 0.4, 1, 2 and 3 s
EVERY: Final = 18  # rows between two predictions
FIRST_S: Final = 1.0
LAG_S: Final = 0.15  # as the core's parameter
MOST: Final = 50.0
INSIDE: Final = -2.0 * float(np.log(1.0 - LEVEL))  # squared Mahalanobis distance of the region's edge, in two axes


@dataclass(frozen=True)
class Told:
    """Of n predictions at the 15 `TIMES_S`: mean (n, 15, 2), covariance (n, 15, 2, 2), what came (n, 15, 2), whether
    the learnt model spoke (n,), and the mission's number (n,)."""

    mean: Array
    covariance: Array
    truth: Array
    learnt: NDArray[np.bool_]
    mission: NDArray[np.int64]

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.mean).all() and np.isfinite(self.covariance).all())

    @property
    def error_m(self) -> Array:
        """(n, 4) at the horizons."""
        return np.asarray(np.linalg.norm((self.mean - self.truth)[:, HORIZONS], axis=-1))

    def scores(self) -> tuple[Array, Array]:
        """Negative log-likelihood and inside of the stated 90 % region, (n, 4) each. A squared Mahalanobis distance
        counts as `MOST` at most: a single surprise (a patch of ice) is not to drown all others."""
        off, spread = (self.truth - self.mean)[:, HORIZONS], self.covariance[:, HORIZONS]
        with np.errstate(all="ignore"):
            distance = np.einsum("nti,ntij,ntj->nt", off, np.linalg.inv(spread), off)
            nll = 0.5 * (np.minimum(distance, MOST) + np.log(np.linalg.det(spread))) + np.log(2.0 * np.pi)
        return nll, np.asarray(distance <= INSIDE)


def seeds(count: int) -> list[int]:
    """The first missions that neither training nor calibration has seen."""
    found: list[int] = []
    seed = 0
    while len(found) < count:
        found += [seed] if part_of(seed) == "judge" else []
        seed += 1
    return found


def missions_hash(missions: Sequence[Mission]) -> str:
    parts = [np.ascontiguousarray(part).tobytes() for one in missions for part in (one.truth, one.seen, one.command)]
    return digest(b"".join(parts))


def tell(weights: Path, missions: Sequence[Mission]) -> Told:
    """Drive the robot's runtime along each mission."""
    own = OwnMotion(LAG_S, folder=weights)
    parts = [_along(own, mission, 1 + number % 2, number) for number, mission in enumerate(missions)]
    joined = (np.concatenate([getattr(part, name) for part in parts]) for name in Told.__dataclass_fields__)
    return Told(*joined)


def _along(own: OwnMotion, mission: Mission, skip: int, number: int) -> Told:
    own.clear()
    at = np.round(TIMES_S / ROW_S).astype(int)
    horizon = int(at[-1])
    mean, covariance, truth, learnt = [], [], [], []
    for row in range(0, len(mission.truth) - horizon, skip):
        stamp_s = row * ROW_S
        own.observe(stamp_s, mission.truth[row, :3], mission.seen[row, :3], mission.seen[row, 3:5])
        for k in range(skip):
            own.command(stamp_s + k * ROW_S, *mission.command[row + k])
        if stamp_s < FIRST_S or row % EVERY:
            continue
        stamps: Array = stamp_s + ROW_S * np.arange(horizon, dtype=float)
        ahead = own.predict(stamp_s, TIMES_S, (stamps, mission.command[row : row + horizon]))
        mean.append(ahead.poses[:, :2])
        covariance.append(ahead.covariance)
        truth.append(mission.truth[row + at, :2])
        learnt.append(not ahead.reason)
    return Told(
        np.array(mean), np.array(covariance), np.array(truth), np.array(learnt), np.full(len(mean), number)
    )  # fmt: skip


def deviations(candidate: Told, full: Told) -> tuple[Array, Array]:
    """Of every prediction at every time: distance in m, and the ratio of the spread (1 or more, either way)."""
    with np.errstate(all="ignore"):
        away = np.linalg.norm(candidate.mean - full.mean, axis=-1)
        size = [np.sqrt(np.trace(told.covariance, axis1=-2, axis2=-1)) for told in (candidate, full)]
        ratio = np.exp(np.abs(np.log(size[0] / size[1])))
    return np.nan_to_num(away, nan=np.inf).ravel(), np.nan_to_num(ratio, nan=np.inf).ravel()


def check_prediction(candidate: Told, incumbent: Told, bounds: OwnPredictionBounds, seed: int) -> list[Check]:
    """Regions and errors at each horizon, likelihood, and how often the learnt model is believed."""
    found = [Check(PREDICTION, "finite", float(candidate.finite), "must be 1", candidate.finite)]
    (mine, inside), (theirs, incumbents) = candidate.scores(), incumbent.scores()
    times_s = TIMES_S[list(HORIZONS)].tolist()
    found += check_regions(inside, incumbents, times_s, bounds)
    cluster, what = candidate.mission, "predictions"
    found.append(check_paired("NLL", mine.mean(1), theirs.mean(1), cluster, bounds.nll_margin, seed, what))
    for k, time_s in enumerate(times_s):
        error, usual = candidate.error_m[:, k], incumbent.error_m[:, k]
        margin = float(f"{bounds.error_share_margin * usual.mean():.6g}")
        found.append(check_paired(f"error at {time_s:.1f} s, m,", error, usual, cluster, margin, seed, what))
    less = float(incumbent.learnt.mean() - candidate.learnt.mean())
    detail = f"{candidate.learnt.mean():.3f}, incumbent {incumbent.learnt.mean():.3f}"
    found.append(at_most(PREDICTION, "believed less than the incumbent", less, bounds.believed_share_margin, detail))
    return found
