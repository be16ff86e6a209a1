"""What a report shows, gathered from the events of one run: a bag's, or those of the in-process bench."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, compose
from physical_ai_core.goal import GoalState, PlaceTarget, PoseTarget
from physical_ai_core.reports import PlannerReply, Verdict
from physical_ai_telemetry import incidents
from physical_ai_telemetry.incidents import Cause, Incident, IncidentDetector, grouped
from physical_ai_telemetry.interventions import Intervention, InterventionTracker

TOPICS: Final = (
    "state/odometry", "state/map_to_odom", "ground_truth/odometry", "ground_truth/people", "ground_truth/events",
    "plan", "instruction", "goal_state", "planner/reply", "safety/verdict",
)  # fmt: skip
HEARD: Final = (*TOPICS, *incidents.TOPICS)
SAMPLE_S: Final = 0.1  # paths are thinned to this


@dataclass(frozen=True)
class Mark:
    """A moment at which a gate rule began to change commands, or a contact; `xy` in `map`."""

    stamp_s: float
    xy: tuple[float, float]
    kind: str  # a verdict state, collision or bump
    rule: str
    en: str
    ja: str


@dataclass
class RunData:
    """Paths are rows `t x y yaw` in `map`; speeds rows `t actual asked allowed` in m/s."""

    truth: list[tuple[float, float, float, float]] = field(default_factory=list)
    estimate: list[tuple[float, float, float, float]] = field(default_factory=list)
    people: dict[int, list[tuple[float, float, float]]] = field(default_factory=dict)
    plans: list[Array] = field(default_factory=list)
    speeds: list[tuple[float, float, float, float]] = field(default_factory=list)
    states: list[tuple[float, str]] = field(default_factory=list)  # verdict state and when it began
    marks: list[Mark] = field(default_factory=list)
    instructions: list[tuple[float, str]] = field(default_factory=list)
    replies: list[tuple[float, PlannerReply]] = field(default_factory=list)
    interventions: tuple[Intervention, ...] = ()
    incidents: tuple[Incident, ...] = ()
    goal: GoalState | None = None
    start_s: float = math.inf
    end_s: float = -math.inf

    def path(self) -> NDArray[np.float64]:
        """The true path where there is one, else the estimate; (N, 4)."""
        return np.array(self.truth or self.estimate, dtype=float).reshape(-1, 4)

    def at(self, stamp_s: float) -> tuple[float, float] | None:
        """Where the robot was."""
        rows = self.truth or self.estimate
        if not rows:
            return None
        index = min(bisect_left(rows, (stamp_s,)), len(rows) - 1)
        return rows[index][1], rows[index][2]

    def goal_place(self) -> str | PoseTarget | None:
        """Name of the last place, or pose, of the last goal."""
        for step in reversed((self.goal.steps if self.goal is not None else None) or ()):
            if isinstance(step.target, PlaceTarget):
                return step.target.name
            if isinstance(step.target, PoseTarget):
                return step.target
        return None


class Gatherer:
    """Feed it events in stamp order by `hear`, then call `finish`; the result is `data`."""

    def __init__(self) -> None:
        self.data = RunData()
        self._people = InterventionTracker()
        self._detector = IncidentDetector()
        self._causes: list[Cause] = []
        self._map_from_odom: Array | None = None
        self._speed_mps = 0.0
        self._rules: set[str] = set()

    def finish(self) -> RunData:
        """Also what only the end tells: how long interventions lasted, which causes are one incident."""
        self.data.interventions = self._people.interventions()
        self.data.incidents = grouped(self._causes)
        return self.data

    def hear(self, topic: str, data: Any, stamp_s: float) -> None:
        run = self.data
        self._people.hear(topic, data, stamp_s)
        self._causes += self._detector.hear(topic, data, stamp_s)
        if topic in TOPICS and math.isfinite(stamp_s):
            run.start_s, run.end_s = min(run.start_s, stamp_s), max(run.end_s, stamp_s)
        if topic == "ground_truth/odometry":
            self._add(run.truth, stamp_s, data.planar_pose())
        elif topic == "state/map_to_odom":
            self._map_from_odom = data.planar()
        elif topic == "state/odometry":
            self._speed_mps = float(data.linear_mps[0])
            if self._map_from_odom is not None:
                self._add(run.estimate, stamp_s, compose(self._map_from_odom, data.planar_pose()))
        elif topic == "ground_truth/people":
            for row in data.rows:
                track = run.people.setdefault(int(row["id"]), [])
                if not track or stamp_s - track[-1][0] >= SAMPLE_S:
                    track.append((stamp_s, float(row["x"]), float(row["y"])))
        elif topic == "plan":
            if len(data.poses) > 1 and (not run.plans or not np.array_equal(run.plans[-1], data.poses)):
                run.plans.append(np.asarray(data.poses))
        elif topic == "instruction":
            run.instructions.append((stamp_s, data.data))
        elif topic == "goal_state":
            if any(step.target is not None for step in data.steps or ()):
                run.goal = data
        elif topic == "planner/reply":
            run.replies.append((stamp_s, data))
        elif topic == "safety/verdict":
            self._verdict(data, stamp_s)
        elif topic == "ground_truth/events":
            self._event(data, stamp_s)

    def _add(self, rows: list[tuple[float, float, float, float]], stamp_s: float, pose: Array) -> None:
        if np.isfinite(pose).all() and (not rows or stamp_s - rows[-1][0] >= SAMPLE_S - 1e-6):
            rows.append((stamp_s, float(pose[0]), float(pose[1]), float(pose[2])))

    def _verdict(self, data: Verdict, stamp_s: float) -> None:
        run = self.data
        changed = not run.states or run.states[-1][1] != data.state
        if changed:
            run.states.append((stamp_s, data.state))
        asked, allowed = _first(data.command_in), _first(data.command_out)
        if changed or not run.speeds or stamp_s - run.speeds[-1][0] >= SAMPLE_S - 1e-6:
            run.speeds.append((stamp_s, self._speed_mps, asked, allowed))
        rules = {_rule(item) for item in data.interventions}
        xy = run.at(stamp_s)
        if xy is not None and data.state != "waiting":
            for rule in sorted(rules - self._rules):
                run.marks.append(Mark(stamp_s, xy, data.state, rule, data.en, data.ja))
        self._rules = rules

    def _event(self, data: m.Text, stamp_s: float) -> None:
        try:
            event = json.loads(data.data)
            kind = str(event.get("kind", ""))
        except (ValueError, AttributeError):
            return
        xy = self.data.at(stamp_s)
        if kind in ("collision", "bump") and xy is not None:
            with_what = str(event.get("with", event.get("other", "")))
            self.data.marks.append(Mark(stamp_s, xy, kind, kind, f"{kind} {with_what}".strip(), kind))


def gather(events: Iterable[tuple[str, Any, float]]) -> RunData:
    """Run data of (topic, payload, stamp) events."""
    gatherer = Gatherer()
    for topic, data, stamp_s in events:
        gatherer.hear(topic, data, stamp_s)
    return gatherer.finish()


def _rule(item: Any) -> str:
    return str(item.get("rule", "") if isinstance(item, dict) else getattr(item, "rule", ""))


def _first(command: Any) -> float:
    try:
        return float(command[0])
    except (TypeError, ValueError, IndexError):
        return math.nan
