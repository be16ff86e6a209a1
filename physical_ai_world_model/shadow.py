"""A candidate that forecasts beside those in use: it is compared with what then happens, and never acts.

It sees the same people, seldom (its recurrence is exact in time, so that looking less often changes little), and now
and then both say where everybody will be in 1, 2 and 4 s. What then comes is held against both. Nothing that goes
wrong here reaches the forecast that is published: any error ends the shadow and is told.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_world_model.mixture import levels, log_density
from physical_ai_world_model.ssm.crowd import Crowd, PeopleModel
from physical_ai_world_model.ssm.decoder import Fans
from physical_ai_world_model.ssm.weights import PeopleWeights

LEADS_S: Final = np.array([1.0, 2.0, 4.0])
NEAR_S: Final = 0.06
LOOK_S: Final = 0.2  # the shadow looks at most so often
MOST: Final = 24  # people a forecast
LATENCIES: Final = 512
LEVEL: Final = 0.9


@dataclass(frozen=True)
class Pending:
    """What both said of `ids` for `stamp_s`: mean (n, K, 2), covariance (n, K, 3), weight (n, K)."""

    stamp_s: float
    ids: NDArray[np.int64]
    said: tuple[tuple[Array, Array, Array], tuple[Array, Array, Array]]  # incumbent, candidate


class Shadow:
    """One candidate. `observe` and `forecast` follow those of the incumbent; `values` and `report` tell the score."""

    def __init__(
        self, weights: PeopleWeights, period_s: float, modes: int, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.sha256, self.fault = weights.sha256, ""
        self._crowd = Crowd(PeopleModel(weights))
        self._period_s, self._modes, self._clock = period_s, modes, clock
        self._pending: deque[Pending] = deque(maxlen=64)
        self._looked_s = self._spoke_s = -np.inf
        self._sums = np.zeros((2, 3))  # incumbent, candidate × nll, inside, distance of the mean
        self._compared = 0
        self._latency_ms: deque[float] = deque(maxlen=LATENCIES)

    def clear(self) -> None:
        self._crowd.clear()
        self._pending.clear()
        self._looked_s = self._spoke_s = -np.inf

    def observe(self, ids: NDArray[np.int64], xy_m: Array, stamp_s: float, keep: NDArray[np.int64]) -> None:
        """Whom the incumbent sees, and whom it still knows."""
        if self.fault:
            return
        try:
            self._score(ids, xy_m, stamp_s)
            self._crowd.keep(keep)
            if stamp_s - self._looked_s >= LOOK_S - 1e-3 or stamp_s < self._looked_s:
                self._looked_s = stamp_s
                self._crowd.observe(ids, xy_m, stamp_s)
        except Exception as error:  # whatever a candidate does, the incumbent goes on
            self.fault = f"{type(error).__name__}: {error}"

    def forecast(self, incumbent: Crowd, ids: NDArray[np.int64], stamp_s: float) -> None:
        """Both say where `ids`, known to the incumbent, will be; seldom."""
        if self.fault or 0.0 <= stamp_s - self._spoke_s < self._period_s:
            return
        self._spoke_s = stamp_s
        both = np.array([i for i in ids.tolist() if i in self._crowd][:MOST], dtype=np.int64)
        if not len(both):
            return
        try:
            began = self._clock()
            mine = self._crowd.predict(both, LEADS_S, stamp_s, modes=self._modes)
            self._latency_ms.append(1e3 * (self._clock() - began))
            theirs = incumbent.predict(both, LEADS_S, stamp_s, modes=self._modes)
            if not all(bool(np.isfinite(part).all()) for part in mine):
                raise ValueError("its forecast is not finite")
        except Exception as error:
            self.fault = f"{type(error).__name__}: {error}"
            return
        for k, lead_s in enumerate(LEADS_S.tolist()):
            self._pending.append(Pending(stamp_s + lead_s, both, (_at(theirs, k), _at(mine, k))))

    def report(self) -> dict[str, Any]:
        """The score, for a file and for who promotes."""
        if not self._compared:
            return {"candidate": self.sha256, "compared": 0, "fault": self.fault}
        mean = self._sums / self._compared
        return {
            "candidate": self.sha256,
            "compared": self._compared,
            "nll_more": round(float(mean[1, 0] - mean[0, 0]), 4),
            "fde_more_m": round(float(mean[1, 2] - mean[0, 2]), 4),
            "nll": round(float(mean[1, 0]), 4),
            "fde_m": round(float(mean[1, 2]), 4),
            "inside_90": round(float(mean[1, 1]), 4),
            "incumbent_inside_90": round(float(mean[0, 1]), 4),
            "latency_p99_ms": round(float(np.quantile(self._latency_ms, 0.99)), 3) if self._latency_ms else 0.0,
            "fault": self.fault,
        }

    def values(self) -> dict[str, str]:
        """The same for heartbeat and diagnostics."""
        return {f"shadow.{name}": str(value) for name, value in self.report().items() if value != ""}

    def _score(self, ids: NDArray[np.int64], xy_m: Array, stamp_s: float) -> None:
        """Hold what is seen now against what was said for this moment."""
        row = {int(i): k for k, i in enumerate(ids.tolist())}
        left: list[Pending] = []
        for one in self._pending:
            if one.stamp_s > stamp_s + NEAR_S:
                left.append(one)
            elif abs(one.stamp_s - stamp_s) <= NEAR_S:
                there = [k for k, i in enumerate(one.ids.tolist()) if i in row]
                if there:
                    truth = xy_m[[row[int(one.ids[k])] for k in there]]
                    self._sums += np.array(
                        [_scores(mean[there], cov[there], weight[there], truth) for mean, cov, weight in one.said]
                    )
                    self._compared += len(there)
        self._pending.clear()
        self._pending.extend(left)


def _at(fans: Fans, k: int) -> tuple[Array, Array, Array]:
    return fans.mean_m[:, :, k], fans.covariance[:, :, k], fans.weight


def _scores(mean: Array, covariance: Array, weight: Array, truth: Array) -> list[float]:
    """Sums over people of NLL, of inside 90 %, of the distance from the mixture's mean."""
    nll = -log_density(mean, covariance, weight, truth[:, None])[:, 0]
    inside = levels(mean, covariance, weight, truth) <= LEVEL
    centre = np.einsum("nk,nkd->nd", weight, mean)
    return [float(nll.sum()), float(inside.sum()), float(np.linalg.norm(centre - truth, axis=1).sum())]
