"""Whether a promoted model made the robot worse: counts under it against counts under the model before.

Stops and malfunctions are rare, so rates are compared as counts: were both models alike, the events would fall on the
new one in proportion to its hours; how likely as many or more are is a binomial tail, exact. Surprise is a share of
time. What is counted is kept by the hash of the model, so that a restart forgets nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from physical_ai_core.models.limits import ShadowLimits, WatchLimits

HOUR_S = 3600.0
MOST_GAP_S = 2.0  # between two reports; a longer one is a silence and counts for no model


@dataclass
class Tally:
    """What happened while one model was in use."""

    time_s: float = 0.0
    stops: int = 0
    malfunctions: int = 0
    surprised_s: float = 0.0

    @staticmethod
    def read(said: Any) -> Tally:
        """From a file; anew where it is none."""
        try:
            return Tally(
                float(said["time_s"]), int(said["stops"]), int(said["malfunctions"]), float(said["surprised_s"])
            )
        except (KeyError, TypeError, ValueError):
            return Tally()


@dataclass(frozen=True)
class Report:
    """Telemetry's figures at one moment: since its own start."""

    operating_time_s: float
    stops: int
    malfunctions: int

    @staticmethod
    def read(values: Mapping[str, str]) -> Report | None:
        """From the heartbeat of telemetry."""
        try:
            faults = int(values["faults"]) + int(values["hard_overrides"])
            found = Report(float(values["operating_time_s"]), int(values["stops"]), faults)
        except (KeyError, ValueError):
            return None
        return found if math.isfinite(found.operating_time_s) else None


class Watch:
    """Feed it reports and surprise; ask for reasons to go back."""

    def __init__(self, limits: WatchLimits, kept: Mapping[str, Any] | None = None) -> None:
        self.limits = limits
        self.tallies = {str(name): Tally.read(said) for name, said in (kept or {}).items()}
        self._last: tuple[str, Report] | None = None

    def hear(self, model: str, report: Report, surprise: float) -> None:
        """`model`: hash of what is in use now. The first report after a change of model or of telemetry only begins."""
        before = self._last
        self._last = (model, report)
        if before is None or before[0] != model:
            return
        time_s = report.operating_time_s - before[1].operating_time_s
        stops, faults = report.stops - before[1].stops, report.malfunctions - before[1].malfunctions
        if time_s < 0.0 or stops < 0 or faults < 0:
            return  # telemetry began anew
        tally = self.tallies.setdefault(model, Tally())
        tally.stops += stops
        tally.malfunctions += faults
        if time_s <= MOST_GAP_S:
            tally.time_s += time_s
            tally.surprised_s += time_s if surprise > self.limits.surprised_level else 0.0
        else:
            tally.time_s += time_s

    def reasons(self, model: str, before: str) -> list[str]:
        """Why to go back from `model` to the one `before` it; empty: no reason, or too little known."""
        new, old = self.tallies.get(model, Tally()), self.tallies.get(before, Tally())
        limits, found = self.limits, []
        for what, most in (("stops", limits.stops_per_h_most), ("malfunctions", limits.malfunctions_per_h_most)):
            reason = self._rate(what, getattr(new, what), new.time_s, getattr(old, what), old.time_s, most)
            if reason:
                found.append(reason)
        if new.time_s >= limits.least_s:
            share = new.surprised_s / new.time_s
            most = limits.surprised_share_most
            if old.time_s >= limits.baseline_least_s:
                most = min(1.0, old.surprised_s / old.time_s + limits.surprised_share_margin)
            if share > most:
                found.append(f"surprised {share:.0%} of the time, at most {most:.0%}")
        return found

    def kept(self) -> dict[str, dict[str, float]]:
        """For a file."""
        return {name: asdict(tally) for name, tally in self.tallies.items()}

    def _rate(self, what: str, events: int, time_s: float, before: int, before_s: float, most_per_h: float) -> str:
        limits = self.limits
        if events < limits.events_least or time_s <= 0.0:
            return ""
        rate = HOUR_S * events / time_s
        if before_s >= limits.baseline_least_s:
            p = tail(events, events + before, time_s / (time_s + before_s))
            usual = HOUR_S * before / before_s
            if p < limits.alpha and rate > limits.ratio * usual:
                return f"{what} {rate:.1f} an hour, {usual:.1f} before (p = {p:.2g})"
            return ""
        p = poisson_tail(events, most_per_h * time_s / HOUR_S)
        return f"{what} {rate:.1f} an hour, at most {most_per_h:g} (p = {p:.2g})" if p < limits.alpha else ""


def judge_shadow(report: Mapping[str, Any], candidate: str, limits: ShadowLimits) -> list[str]:
    """Why a candidate that ran beside the incumbent is not to be promoted; empty: it may be."""
    try:
        if report["candidate"] != candidate:
            return [f"the shadow's record is about {report['candidate'][:12]}, not {candidate[:12]}"]
        compared, nll, fde = int(report["compared"]), float(report["nll_more"]), float(report["fde_more_m"])
        inside, latency = float(report["inside_90"]), float(report["latency_p99_ms"])
    except (KeyError, TypeError, ValueError):
        return ["it has not run as a shadow yet (shadow_model, own_shadow_model: installed)"]
    found = []
    if compared < limits.compared_least:
        found.append(f"only {compared} of {limits.compared_least} forecasts were compared")
    if not nll <= limits.nll_margin:
        found.append(f"its log-likelihood is worse by {nll:.3f} nat, at most {limits.nll_margin:g}")
    if not fde <= limits.fde_margin_m:
        found.append(f"its errors are greater by {fde:.3f} m, at most {limits.fde_margin_m:g}")
    if not limits.coverage_least <= inside <= limits.coverage_most:
        found.append(f"{inside:.0%} lies inside its stated 90 %")
    if not latency <= limits.latency_p99_ms_most:
        found.append(f"it takes {latency:.1f} ms (p99), at most {limits.latency_p99_ms_most:g}")
    return found


def tail(events: int, total: int, share: float) -> float:
    """P(X ≥ events), X binomial of `total` draws."""
    if not 0.0 < share < 1.0:
        return 1.0
    logs = [
        math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)
        + k * math.log(share) + (total - k) * math.log1p(-share)
        for k in range(events, total + 1)
    ]  # fmt: skip
    return min(1.0, sum(math.exp(value) for value in logs))


def poisson_tail(events: int, mean: float) -> float:
    """P(X ≥ events), X Poisson."""
    below = sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(events))
    return max(0.0, 1.0 - below)
