"""The field's key figures, counted from what was said on the graph, live or from a bag.

Definitions (docs/telemetry.md repeats them for the reader of a report):

operating time   sum of the gaps between successive `state/odometry` stamps; a gap above 1 s does not count.
distance         the estimated speed over the operating time, where it is above the stop speed: noise of the position
                 and jumps of the pose add nothing.
stop             the verdict goes from clear or limited to protective_stop or emergency_stop, by nobody's wish.
                 Within 1 s after the last one it is the same stop. With `emergency_stop` true from 1 s before to
                 0.5 s after its begin it was asked for, and is counted apart.
fault            a node reports ERROR or STALE, or its heartbeat is silent for 2 s while others speak, or it is found
                 inactive during a mission after it was active (restarted); counted per node from its begin to its
                 end, once the robot has been allowed to move or has a mission.
hard override    a rule of a hard limit begins to change commands (`is_hard`); again only after 1 s without it.
malfunction      a fault or a hard override.
recovery time    from the begin of a stop or fault to the first motion (> stop speed) under autonomy that the gate
                 lets through after the stop or fault is over; void when the mission ends before.
intervention     a person presses emergency stop, takes over by teleoperation, or stops or cancels a running mission.
mission          a new goal that moves; completed when the planner says `done` for it, or, where only one step has a
                 target, when the controller says `arrived`.

Rates are None where their denominator is zero.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.goal import GoalState, Task
from physical_ai_core.reports import ControllerStatus, PlannerReply, Verdict

TOPICS: Final = (
    "state/odometry",
    "safety/verdict",
    "goal_state",
    "planner/reply",
    "controller/status",
    "heartbeat",
    "emergency_stop",
    "ground_truth/events",
)
STOPPED: Final = ("protective_stop", "emergency_stop")
RUNNING: Final = ("clear", "limited")
MOVING_TASKS: Final = (Task.NAVIGATE, Task.FOLLOW, Task.COVER, Task.INSPECT, Task.DOCK, Task.PATROL)
# Rules that shape or hold a permitted command, or carry out a wish. Any other rule counts as guarding a hard limit.
SOFT_RULES: Final = (
    "acceleration", "person", "hold", "waiting", "emergency_stop", "crew", "start", "dead_man", "approval",
)  # fmt: skip

GAP_S: Final = 1.0  # operating time is not counted across longer silence
ABSURD_MPS: Final = 20.0  # faster than this the estimate is wrong
MERGE_S: Final = 1.0  # a stop or an override that returns sooner is the same one
ASKED_BEFORE_S, ASKED_AFTER_S = 1.0, 0.5
SILENT_S: Final = 2.0


def is_hard(rule: str) -> bool:
    """Whether a gate rule guards a hard limit, by its id."""
    return rule not in SOFT_RULES


@dataclass(frozen=True)
class Kpis:
    """The figures at one moment; field names carry the units."""

    operating_time_s: float = 0.0
    distance_m: float = 0.0
    stops: int = 0
    stops_asked_for: int = 0
    stop_rate_per_h: float | None = None
    stop_rate_per_km: float | None = None
    faults: int = 0
    hard_overrides: int = 0
    malfunction_rate_per_h: float | None = None
    mtbf_h: float | None = None
    recovery_median_s: float | None = None
    recovery_p95_s: float | None = None
    recoveries: int = 0
    unrecovered: int = 0
    interventions: int = 0
    interventions_per_km: float | None = None
    missions_begun: int = 0
    missions_completed: int = 0
    overrides_by_rule: dict[str, int] = field(default_factory=dict)
    collisions: int | None = None  # None where there is no ground truth
    bumps: int | None = None  # a person walked into the standing robot

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_json(self) -> str:
        return json.dumps({"schema_version": "1.0", **self.to_dict()}, indent=2, ensure_ascii=False, allow_nan=False)


@dataclass(eq=False)
class _Episode:
    """A stop or a fault whose recovery is awaited; `over_s` None while it lasts."""

    begin_s: float
    over_s: float | None = None
    asked: bool = False
    recovery_s: float | None = None


class KpiTracker:
    """Counts events fed in stamp order by `hear`; `kpis()` may be asked at any time. Never raises on odd content."""

    def __init__(self, stop_speed_mps: float = 0.05) -> None:
        self._stop_speed_mps = stop_speed_mps
        self._operating_s = self._distance_m = 0.0
        self._odometry_s: float | None = None
        self._verdict: Verdict | None = None
        self._may_move = False  # the gate has let the robot run since the last stop
        self._operating = False
        self._stop: _Episode | None = None
        self._stops: list[_Episode] = []
        self._stop_count = self._asked_count = 0
        self._emergency = False
        self._emergency_s = -math.inf
        self._rule_seen_s: dict[str, float] = {}
        self._overrides: dict[str, int] = {}
        self._beats: dict[str, float] = {}
        self._was_active: set[str] = set()
        self._open_faults: dict[str, _Episode] = {}
        self._fault_count = 0
        self._pending: list[_Episode] = []
        self._recovered: list[_Episode] = []
        self._interventions = 0
        self._mission: GoalState | None = None
        self._last_goal_id: str | None = None
        self._begun = self._completed = 0
        self._collisions: int | None = None
        self._bumps = 0

    def hear(self, topic: str, data: Any, stamp_s: float) -> None:
        """Take one payload of a topic of `TOPICS` (others are ignored)."""
        if not math.isfinite(stamp_s):
            return
        if isinstance(data, m.Odometry) and topic == "state/odometry":
            self._hear_odometry(data, stamp_s)
        elif isinstance(data, Verdict):
            self._hear_verdict(data, stamp_s)
        elif isinstance(data, GoalState):
            self._hear_goal(data)
        elif isinstance(data, PlannerReply):
            if data.kind == "done" and self._is_mission(data.goal_id):
                self._end_mission(completed=True)
        elif isinstance(data, ControllerStatus):
            if data.mode == "arrived" and self._is_mission(data.goal_id) and self._single_target():
                self._end_mission(completed=True)
        elif isinstance(data, m.Diagnostics) and topic == "heartbeat":
            self._hear_heartbeat(data, stamp_s)
        elif topic == "emergency_stop" and isinstance(data, m.Flag):
            self._hear_emergency(data.data, stamp_s)
        elif topic.startswith("ground_truth/"):
            self._hear_truth(topic, data)

    def kpis(self) -> Kpis:
        hours, km = self._operating_s / 3600.0, self._distance_m / 1000.0
        hard = sum(count for rule, count in self._overrides.items() if is_hard(rule))
        malfunctions = self._fault_count + hard
        recoveries = [episode.recovery_s for episode in self._recovered if episode.recovery_s is not None]

        def per(count: float, denominator: float) -> float | None:
            return count / denominator if denominator > 0.0 else None

        return Kpis(
            operating_time_s=self._operating_s,
            distance_m=self._distance_m,
            stops=self._stop_count,
            stops_asked_for=self._asked_count,
            stop_rate_per_h=per(self._stop_count, hours),
            stop_rate_per_km=per(self._stop_count, km),
            faults=self._fault_count,
            hard_overrides=hard,
            malfunction_rate_per_h=per(malfunctions, hours),
            mtbf_h=per(hours, malfunctions),
            recovery_median_s=float(np.median(recoveries)) if recoveries else None,
            recovery_p95_s=float(np.percentile(recoveries, 95)) if recoveries else None,
            recoveries=len(recoveries),
            unrecovered=len(self._pending),
            interventions=self._interventions,
            interventions_per_km=per(self._interventions, km),
            missions_begun=self._begun,
            missions_completed=self._completed,
            overrides_by_rule=dict(sorted(self._overrides.items())),
            collisions=self._collisions,
            bumps=None if self._collisions is None else self._bumps,
        )

    # --- motion ---

    def _hear_odometry(self, data: m.Odometry, stamp_s: float) -> None:
        speed = math.hypot(float(data.linear_mps[0]), float(data.linear_mps[1]))
        if not speed <= ABSURD_MPS:  # NaN too
            return
        gap_s = stamp_s - self._odometry_s if self._odometry_s is not None else 0.0
        self._odometry_s = stamp_s
        if 0.0 < gap_s <= GAP_S:
            self._operating_s += gap_s
            if speed > self._stop_speed_mps:
                self._distance_m += speed * gap_s
        if speed > self._stop_speed_mps and self._under_autonomy():
            self._recover(stamp_s)

    def _under_autonomy(self) -> bool:
        verdict = self._verdict
        return verdict is not None and verdict.state in RUNNING and verdict.source == "autonomy"

    def _recover(self, stamp_s: float) -> None:
        waiting = []
        for episode in self._pending:
            if episode.over_s is not None and stamp_s >= episode.over_s:
                episode.recovery_s = stamp_s - episode.begin_s
                self._recovered.append(episode)
            else:
                waiting.append(episode)
        self._pending = waiting

    # --- the gate ---

    def _hear_verdict(self, data: Verdict, stamp_s: float) -> None:
        before, self._verdict = self._verdict, data
        if data.state in RUNNING:
            self._may_move = self._operating = True
            if self._stop is not None and self._stop.over_s is None:
                self._stop.over_s = stamp_s
        elif data.state in STOPPED and self._may_move:
            self._may_move = False
            self._begin_stop(stamp_s)
        if data.source == "teleop" and (before is None or before.source != "teleop"):
            self._interventions += 1
        for item in data.interventions:
            rule = str(item.get("rule", "") if isinstance(item, dict) else getattr(item, "rule", ""))
            if stamp_s - self._rule_seen_s.get(rule, -math.inf) > MERGE_S:
                self._overrides[rule] = self._overrides.get(rule, 0) + 1
            self._rule_seen_s[rule] = stamp_s

    def _begin_stop(self, stamp_s: float) -> None:
        last = self._stop
        if last is not None and last.over_s is not None and stamp_s - last.over_s <= MERGE_S:
            last.over_s = None
            if last in self._recovered:  # it had moved in between: one stop, one recovery
                self._recovered.remove(last)
                self._pending.append(last)
            return
        asked = self._emergency or stamp_s - self._emergency_s <= ASKED_BEFORE_S
        self._stop = _Episode(stamp_s, asked=asked)
        if asked:
            self._asked_count += 1
        else:
            self._stop_count += 1
            self._pending.append(self._stop)

    def _hear_emergency(self, pressed: bool, stamp_s: float) -> None:
        if pressed and not self._emergency:
            self._interventions += 1
            stop = self._stop
            if stop is not None and not stop.asked and 0.0 <= stamp_s - stop.begin_s <= ASKED_AFTER_S:
                stop.asked = True  # the verdict overtook the button on the way here
                self._stop_count -= 1
                self._asked_count += 1
                self._pending = [episode for episode in self._pending if episode is not stop]
        self._emergency = pressed
        if pressed:
            self._emergency_s = stamp_s

    # --- nodes ---

    def _hear_heartbeat(self, data: m.Diagnostics, stamp_s: float) -> None:
        for status in data.statuses:
            self._beats[status.name] = stamp_s
            active = status.values.get("active") == "true"
            if active:
                self._was_active.add(status.name)
            restarted = not active and status.name in self._was_active and self._mission is not None
            if status.level >= 2 or restarted:
                self._begin_fault(status.name, stamp_s)
            else:
                self._end_fault(status.name, stamp_s)
        for name, beat_s in self._beats.items():
            if stamp_s - beat_s > SILENT_S:
                self._begin_fault(name, beat_s)

    def _begin_fault(self, name: str, stamp_s: float) -> None:
        if name in self._open_faults or not (self._operating or self._mission is not None):
            return
        self._fault_count += 1
        self._open_faults[name] = episode = _Episode(stamp_s)
        self._pending.append(episode)

    def _end_fault(self, name: str, stamp_s: float) -> None:
        episode = self._open_faults.pop(name, None)
        if episode is not None:
            episode.over_s = stamp_s

    # --- missions ---

    def _hear_goal(self, goal: GoalState) -> None:
        if not goal.steps:
            return
        tasks = {step.task for step in goal.steps}
        if tasks & set(MOVING_TASKS):
            if goal.goal_id != self._last_goal_id or not goal.goal_id:
                self._begun += 1
                self._mission = goal
                self._last_goal_id = goal.goal_id
        elif tasks & {Task.STOP, Task.CANCEL} and self._mission is not None:
            self._interventions += 1
            self._end_mission(completed=False)

    def _is_mission(self, goal_id: str) -> bool:
        return self._mission is not None and goal_id == self._mission.goal_id

    def _single_target(self) -> bool:
        steps = self._mission.steps if self._mission is not None else None
        return steps is not None and sum(step.target is not None for step in steps) == 1

    def _end_mission(self, completed: bool) -> None:
        self._completed += completed
        self._mission = None
        self._pending = [episode for episode in self._pending if episode.over_s is None and episode is not self._stop]

    # --- simulation only ---

    def _hear_truth(self, topic: str, data: Any) -> None:
        if self._collisions is None:
            self._collisions = 0
        if topic != "ground_truth/events" or not isinstance(data, m.Text):
            return
        try:
            kind = json.loads(data.data).get("kind", "")
        except (ValueError, AttributeError):
            return
        self._collisions += kind == "collision"
        self._bumps += kind == "bump"


def kpis_of_events(events: Iterable[tuple[str, Any, float]], stop_speed_mps: float = 0.05) -> Kpis:
    """Figures of (topic, payload, stamp) events in stamp order."""
    tracker = KpiTracker(stop_speed_mps)
    for topic, data, stamp_s in events:
        tracker.hear(topic, data, stamp_s)
    return tracker.kpis()


def kpis_of_bag(path: str, stop_speed_mps: float = 0.05) -> Kpis:
    """Figures of a recorded bag (folder or file). Raises BagError."""
    from physical_ai_telemetry.bag import open_bag

    with open_bag(path) as bag:
        return kpis_of_events(bag.events((*TOPICS, "ground_truth/odometry")), stop_speed_mps)
