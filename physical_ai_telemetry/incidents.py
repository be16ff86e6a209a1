"""What is worth keeping: moments at which something went wrong or a person had to act, and the time around them.

| `kind` | when | `rule` |
|---|---|---|
| gate | the gate stops the robot, or a hard limit takes away more than half of what was asked | the gate's rule |
| fault | a node is in error, silent, or restarted during a mission | the node |
| takeover | a person takes over, drives by hand, or presses emergency stop | what the person did |
| refusal | the planner refuses an instruction | its reason |
| surprise | `world_model/surprise` stays above 1 for `surprise_s` | `surprise` |

Gate and faults count once the robot has been let run or has a mission: what happens before is the start.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from physical_ai_core import messages as m
from physical_ai_core.goal import GoalState
from physical_ai_core.reports import PlannerReply, Verdict
from physical_ai_telemetry.faults import FaultWatch
from physical_ai_telemetry.interventions import TOPICS as PEOPLE_TOPICS
from physical_ai_telemetry.interventions import InterventionTracker
from physical_ai_telemetry.verdicts import MERGE_S, RUNNING, STOPPED, is_hard, part

SURPRISE: Final = "world_model/surprise"
TOPICS: Final = tuple(dict.fromkeys((*PEOPLE_TOPICS, "heartbeat", SURPRISE)))
KINDS: Final = ("gate", "fault", "takeover", "refusal", "surprise")
BY_HAND: Final = ("takeover", "teleop", "emergency_stop")
HARD_CUT: Final = 0.5  # a limit that leaves more than this share of the command shapes it, which is no incident
CALIBRATED: Final = 1.0  # surprise above this is beyond the model's calibration
BEFORE_S: Final = 30.0
AFTER_S: Final = 10.0
LONGEST_S: Final = 120.0
SURPRISE_S: Final = 1.0
MOST_CAUSES: Final = 50


@dataclass(frozen=True)
class Cause:
    """Why something is kept. `stamp_s` in the graph's clock; `rule` is an id, `en` and `ja` are for people."""

    stamp_s: float
    kind: str
    rule: str
    en: str = ""
    ja: str = ""
    mission: str = ""


@dataclass(frozen=True)
class Incident:
    """Causes that lie near each other, and the time around them that is kept."""

    begin_s: float
    end_s: float
    causes: tuple[Cause, ...]
    more_causes: int = 0  # not listed

    def joined_by(self, cause: Cause, after_s: float = AFTER_S, longest_s: float = LONGEST_S) -> Incident | None:
        """This incident with a further cause, its end moved within the bound; None where it lies outside."""
        if not self.begin_s <= cause.stamp_s <= self.end_s:
            return None
        end_s = max(self.end_s, min(cause.stamp_s + after_s, self.begin_s + longest_s))
        if len(self.causes) >= MOST_CAUSES:
            return replace(self, end_s=end_s, more_causes=self.more_causes + 1)
        return replace(self, end_s=end_s, causes=(*self.causes, cause))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def begun_by(cause: Cause, before_s: float = BEFORE_S, after_s: float = AFTER_S) -> Incident:
    """The incident of one cause."""
    return Incident(cause.stamp_s - before_s, cause.stamp_s + after_s, (cause,))


def grouped(
    causes: Iterable[Cause], before_s: float = BEFORE_S, after_s: float = AFTER_S, longest_s: float = LONGEST_S
) -> tuple[Incident, ...]:
    """Incidents of causes in stamp order; what comes within the time of the last one belongs to it."""
    incidents: list[Incident] = []
    for cause in causes:
        joined = incidents[-1].joined_by(cause, after_s, longest_s) if incidents else None
        if joined is not None:
            incidents[-1] = joined
        else:
            incidents.append(begun_by(cause, before_s, after_s))
    return tuple(incidents)


@dataclass
class IncidentDetector:
    """Feed it events in stamp order by `hear`, which returns the causes that begin. Keeps no clock."""

    kinds: Collection[str] = KINDS
    surprise_s: float = SURPRISE_S
    _people: InterventionTracker = field(default_factory=InterventionTracker)
    _faults: FaultWatch = field(default_factory=FaultWatch)
    _has_run: bool = False  # the gate has let the robot run
    _stopped: bool = False
    _stop_over_s: float = -math.inf
    _rule_seen_s: dict[str, float] = field(default_factory=dict)
    _surprised_s: float | None = None  # since when
    _surprise_told: bool = False
    _calm_s: float | None = None
    _refused: str = ""

    def hear(self, topic: str, data: Any, stamp_s: float) -> tuple[Cause, ...]:
        """Take one payload (of `TOPICS`; others are ignored)."""
        if not math.isfinite(stamp_s):
            return ()
        causes = [
            self._cause(stamp_s, "takeover", one.what, f"{one.who or 'A person'} {one.en}.", f"{one.who}{one.ja}。")
            for one in self._people.hear(topic, data, stamp_s)
            if one.what in BY_HAND
        ]
        if isinstance(data, Verdict):
            causes += self._hear_verdict(data, stamp_s)
        elif topic == "heartbeat" and isinstance(data, m.Diagnostics):
            causes += self._hear_heartbeat(data, stamp_s)
        elif topic == SURPRISE and isinstance(data, m.Scalar):
            causes += self._hear_surprise(data.data, stamp_s)
        elif isinstance(data, PlannerReply) and data.kind == "refusal":
            causes += self._hear_refusal(data.instruction_id, data.reason, data.en, data.ja, stamp_s)
        elif isinstance(data, GoalState) and data.refusal is not None:
            text = data.refusal.text
            causes += self._hear_refusal(data.instruction_id, data.refusal.reason.value, text.en, text.ja, stamp_s)
        return tuple(cause for cause in causes if cause.kind in self.kinds)

    def _cause(self, stamp_s: float, kind: str, rule: str, en: str, ja: str) -> Cause:
        return Cause(stamp_s, kind, rule, en, ja, self._people.missions.goal_id)

    def _hear_verdict(self, data: Verdict, stamp_s: float) -> list[Cause]:
        stopped = data.state in STOPPED
        if data.state in RUNNING:
            if self._stopped:
                self._stop_over_s = stamp_s
            self._has_run, self._stopped = True, False
        hard = [rule for item in data.interventions if is_hard(rule := part(item, "rule"))]
        again = [rule for rule in hard if stamp_s - self._rule_seen_s.get(rule, -math.inf) > MERGE_S]
        self._rule_seen_s.update({rule: stamp_s for rule in hard if stopped or _is_cut(data)})
        if stopped and self._has_run and not self._stopped:
            self._stopped = True
            if stamp_s - self._stop_over_s <= MERGE_S:
                return []
            first = part(data.interventions[0], "rule") if data.interventions else data.state
            return [self._cause(stamp_s, "gate", hard[0] if hard else first, data.en, data.ja)]
        if data.state in RUNNING and again and _is_cut(data):
            return [self._cause(stamp_s, "gate", again[0], data.en, data.ja)]
        return []

    def _hear_heartbeat(self, data: m.Diagnostics, stamp_s: float) -> list[Cause]:
        on_mission = self._people.missions.goal is not None
        causes = []
        for fault in self._faults.hear(data, stamp_s, on_mission)[0]:
            if self._has_run or on_mission:
                en = f"Fault of {fault.node}: {fault.why}. {fault.message}"
                ja = f"{fault.node}の異常({fault.why})。"
                causes.append(self._cause(stamp_s, "fault", fault.node, en, ja))
            else:
                self._faults.forget(fault)
        return causes

    def _hear_surprise(self, value: float, stamp_s: float) -> list[Cause]:
        if value > CALIBRATED:
            self._calm_s = None
            if self._surprised_s is None or stamp_s < self._surprised_s:
                self._surprised_s = stamp_s
            if not self._surprise_told and stamp_s - self._surprised_s >= self.surprise_s:
                self._surprise_told = True
                en = f"The world moves beyond the model's calibration ({value:.1f}) for {self.surprise_s:g} s."
                ja = f"予測の想定を超える動きが{self.surprise_s:g}秒続いています({value:.1f})。"
                return [self._cause(stamp_s, "surprise", "surprise", en, ja)]
        else:
            self._surprised_s = None
            self._calm_s = stamp_s if self._calm_s is None else self._calm_s
            if stamp_s - self._calm_s >= MERGE_S:
                self._surprise_told = False
        return []

    def _hear_refusal(self, instruction_id: str, reason: str, en: str, ja: str, stamp_s: float) -> list[Cause]:
        if instruction_id and instruction_id == self._refused:  # goal and reply both say it
            return []
        self._refused = instruction_id
        return [self._cause(stamp_s, "refusal", reason or "refusal", en, ja)]


def _is_cut(data: Verdict) -> bool:
    """More than half of the speed or of the turning that was asked is taken away."""
    pairs = list(zip(data.command_in, data.command_out, strict=False))
    return any(abs(allowed) < HARD_CUT * abs(asked) for asked, allowed in pairs if asked is not None)


def incidents_of_events(events: Iterable[tuple[str, Any, float]]) -> tuple[Incident, ...]:
    """Incidents of (topic, payload, stamp) events in stamp order."""
    detector = IncidentDetector()
    return grouped(cause for topic, data, stamp_s in events for cause in detector.hear(topic, data, stamp_s))


def incidents_of_bag(path: str | Path) -> tuple[Incident, ...]:
    """Incidents while this bag was recorded, in the order in which they began. Raises BagError."""
    from physical_ai_telemetry.bag import open_bag

    with open_bag(path) as bag:
        return incidents_of_events(bag.events(TOPICS))
