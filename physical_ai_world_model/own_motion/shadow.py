"""A candidate for the own motion that is compared with the weights in use and never acts.

Where the robot will be depends on commands that nobody knows yet. So both are heard late: what the robot lived through
reaches two runtimes two seconds afterwards, they say where it will be under the commands that then came, and where it
was is known at once. Any error ends the shadow alone and is told.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_world_model.own_motion.model import Ahead, OwnMotion

LEADS_S: Final[Array] = np.array([0.5, 1.0, 2.0])
LATE_S: Final = float(LEADS_S[-1])
LONGEST_S: Final = 0.2  # between two states: with a greater gap the truth in between is not known
MOVED_M: Final = 0.1  # less than this in the longest lead tells nothing
MOST: Final = 50.0  # one squared Mahalanobis distance counts as this at most
INSIDE: Final = 4.605  # squared Mahalanobis distance of the edge of a 90 % region, in two axes
LATENCIES: Final = 512
HEARD: Final = 2048  # inputs kept at most


class Heard(NamedTuple):
    """A state (with its pose) or a command (without), and how a runtime is told of it."""

    stamp_s: float
    pose: Array | None
    command: tuple[float, float]
    tell: Callable[[OwnMotion], None]


class OwnShadow:
    """`incumbent` and `candidate` are runtimes of its own. `command` and `observe` follow those of the one in use."""

    def __init__(
        self, incumbent: OwnMotion, candidate: OwnMotion, period_s: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:  # fmt: skip
        self.fault = candidate.missing
        self._both, self._period_s, self._clock = (incumbent, candidate), period_s, clock
        self._heard: deque[Heard] = deque(maxlen=HEARD)
        self._spoke_s = -np.inf
        self._sums = np.zeros((2, 3))  # incumbent, candidate × nll, inside, distance
        self._compared = 0
        self._latency_ms: deque[float] = deque(maxlen=LATENCIES)

    def clear(self) -> None:
        """Forget the past, not the score."""
        self._heard.clear()
        self._spoke_s = -np.inf
        for own in self._both:
            own.clear()

    def command(self, stamp_s: float, v: float, w: float) -> None:
        self._heard.append(Heard(stamp_s, None, (v, w), lambda own: own.command(stamp_s, v, w)))

    def observe(self, stamp_s: float, pose: Array, twist: Array, pull_mps2: Array) -> None:
        if self.fault:
            return
        self._heard.append(
            Heard(stamp_s, pose, (0.0, 0.0), lambda own: own.observe(stamp_s, pose, twist, pull_mps2))
        )  # fmt: skip
        try:
            late_s = self._tell_until(stamp_s - LATE_S)
            if late_s is not None and not 0.0 <= late_s - self._spoke_s < self._period_s:
                self._spoke_s = late_s
                self._compare(late_s)
        except Exception as error:  # whatever a candidate does, the one in use goes on
            self.fault = f"{type(error).__name__}: {error}"

    def report(self) -> dict[str, Any]:
        """The score, for a file and for who promotes: as that of the shadow of people."""
        candidate = self._both[1].sha256
        if not self._compared:
            return {"candidate": candidate, "compared": 0, "fault": self.fault}
        mean = self._sums / self._compared
        return {
            "candidate": candidate,
            "compared": self._compared,
            "nll_more": round(float(mean[1, 0] - mean[0, 0]), 4),
            "fde_more_m": round(float(mean[1, 2] - mean[0, 2]), 5),
            "nll": round(float(mean[1, 0]), 4),
            "fde_m": round(float(mean[1, 2]), 5),
            "inside_90": round(float(mean[1, 1]), 4),
            "incumbent_inside_90": round(float(mean[0, 1]), 4),
            "latency_p99_ms": round(float(np.quantile(self._latency_ms, 0.99)), 3),
            "fault": self.fault,
        }

    def values(self) -> dict[str, str]:
        """The same for heartbeat and diagnostics."""
        return {f"own_shadow.{name}": str(value) for name, value in self.report().items() if value != ""}

    def _tell_until(self, until_s: float) -> float | None:
        """Both hear what was until then; → the stamp of the last state they heard now."""
        last_s = None
        while self._heard and self._heard[0].stamp_s <= until_s:
            one = self._heard.popleft()
            for own in self._both:
                one.tell(own)
            last_s = one.stamp_s if one.pose is not None else last_s
        return last_s

    def _compare(self, late_s: float) -> None:
        states = [(one.stamp_s, one.pose) for one in self._heard if one.pose is not None]
        at_s, xy = np.array([stamp_s for stamp_s, _ in states]), np.array([pose[:2] for _, pose in states])
        if len(at_s) < 2 or np.diff(at_s).max() > LONGEST_S or np.diff(at_s).min() <= 0.0:
            return
        truth = np.column_stack([np.interp(late_s + LEADS_S, at_s, column) for column in xy.T])
        if float(np.hypot(*(truth[-1] - xy[0]))) < MOVED_M or self._both[0].fallback(late_s):
            return
        given = _rising([(one.stamp_s, *one.command) for one in self._heard if one.pose is None])
        theirs = self._both[0].predict(late_s, LEADS_S, given)
        began = self._clock()
        mine = self._both[1].predict(late_s, LEADS_S, given)
        self._latency_ms.append(1e3 * (self._clock() - began))
        if not (np.isfinite(mine.poses).all() and np.isfinite(mine.covariance).all()):
            raise ValueError("its prediction is not finite")
        self._sums += np.array([_scores(theirs, truth), _scores(mine, truth)])
        self._compared += len(LEADS_S)


def _rising(rows: Sequence[tuple[float, float, float]]) -> tuple[Array, Array] | None:
    """Stamps that rise with their commands; of one stamp the last."""
    table = np.array(rows, dtype=float).reshape(-1, 3)[::-1]
    table = table[np.unique(table[:, 0], return_index=True)[1]]
    return (table[:, 0], table[:, 1:]) if len(table) else None


def _scores(said: Ahead, truth: Array) -> list[float]:
    """Sums over the leads of NLL, of inside 90 %, of the distance."""
    off = truth - said.poses[:, :2]
    distance = np.einsum("ti,tij,tj->t", off, np.linalg.inv(said.covariance), off)
    nll = 0.5 * (np.minimum(distance, MOST) + np.log(np.linalg.det(said.covariance))) + np.log(2.0 * np.pi)
    return [float(nll.sum()), float((distance <= INSIDE).sum()), float(np.hypot(*off.T).sum())]
