"""The field's key figures, counted from what was said on the graph, live or from a bag; the whole, and per mission.

Definitions (docs/telemetry.md repeats them for the reader of a report):

operating time   sum of the gaps between successive `state/odometry` stamps; a gap above 1 s does not count.
distance         the estimated speed over the operating time, where it is above the stop speed: noise of the position
                 and jumps of the pose add nothing.
stop             the verdict goes from clear or limited to protective_stop or emergency_stop, by nobody's wish.
                 Within 1 s after the last one it is the same stop. With `emergency_stop` true from 1 s before to
                 0.5 s after its begin it was asked for, and is counted apart.
fault            a node reports ERROR or STALE (the gate's own while it holds the robot is none), or its heartbeat is
                 silent for 2 s while others speak, or it is found inactive during a mission after it was active
                 (restarted); counted per node from its begin to its end, once the robot has been allowed to move or
                 has a mission.
hard override    a rule of a hard limit begins to change commands (`is_hard`); again only after 1 s without it.
malfunction      a fault or a hard override.
recovery time    from the begin of a stop or fault to the first motion (> stop speed) under autonomy that the gate
                 lets through after the stop or fault is over; void when the mission ends before.
intervention     a person presses emergency stop, takes over or drives by hand, or stops or cancels a running mission
                 (`interventions.py`, those that count).
mission          a new goal that moves (`missions.py`).
latency          age of the newest scan when a command or a trajectory was said (`latency.py`).
energy           a proxy from mass and motion, and what the battery told (`motion.py`).

Rates are None where their denominator is zero.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.reports import Verdict
from physical_ai_core.robot import load_robot
from physical_ai_telemetry.faults import FaultWatch
from physical_ai_telemetry.figures import Kpis, MissionKpis
from physical_ai_telemetry.interventions import TOPICS as PEOPLE_TOPICS
from physical_ai_telemetry.interventions import InterventionTracker
from physical_ai_telemetry.latency import OFTEN, LatencyWatch, quantile_s
from physical_ai_telemetry.missions import BEGUN
from physical_ai_telemetry.motion import Motion
from physical_ai_telemetry.recovery import Episode, Recoveries
from physical_ai_telemetry.verdicts import MERGE_S, RUNNING, STOPPED, is_hard, part

__all__ = [
    "TOPICS",
    "KpiTracker",
    "Kpis",
    "MissionKpis",
    "is_hard",
    "kpis_of_bag",
    "kpis_of_events",
    "mass_of",
    "tracker_of_bag",
]
TOPICS: Final = tuple(
    dict.fromkeys(("state/odometry", "battery_state", "heartbeat", "ground_truth/events", *PEOPLE_TOPICS))
)  # to be decoded; of those of `latency.OFTEN` the header stamp alone is wanted
MOST_MISSIONS: Final = 200  # remembered; the figures of the whole count all


@dataclass(frozen=True)
class _Sums:
    """What had been counted at one moment; a mission is the difference of two."""

    stamp_s: float
    distance_m: float
    stops: int
    faults: int
    hard: int
    interventions: int
    recovery_s: float
    energy_j: float
    ages: NDArray[np.int64]


class KpiTracker:
    """Counts events fed in stamp order by `hear`; `kpis()` may be asked at any time. Never raises on odd content.

    `mass_kg` of the robot, for the energy proxy; None: not known.
    """

    def __init__(self, stop_speed_mps: float = 0.05, mass_kg: float | None = None) -> None:
        self.people = InterventionTracker()
        self._motion = Motion(stop_speed_mps, mass_kg)
        self._latency = LatencyWatch()
        self._recoveries = Recoveries()
        self._faults = FaultWatch()
        self._fault_count = 0
        self._open: dict[str, Episode] = {}  # of the faults that last
        self._verdict: Verdict | None = None
        self._may_move = False  # the gate has let the robot run since the last stop
        self._operating = False
        self._rule_seen_s: dict[str, float] = {}
        self._overrides: dict[str, int] = {}
        self._now_s = 0.0
        self._missions: deque[MissionKpis] = deque(maxlen=MOST_MISSIONS)
        self._mission: tuple[str, _Sums] | None = None  # goal id, and what was counted when it began
        self._collisions: int | None = None
        self._bumps = 0

    def hear(self, topic: str, data: Any, stamp_s: float) -> None:
        """Take one payload of a topic of `TOPICS` or `latency.OFTEN` (others are ignored)."""
        if not math.isfinite(stamp_s):
            return
        if topic in OFTEN:
            self.hear_stamp(topic, float(getattr(data, "stamp_s", math.nan)))
            return
        self._now_s = stamp_s
        self.people.hear(topic, data, stamp_s)
        if self.people.change:
            self._follow_mission(self.people.change, stamp_s)
        if isinstance(data, m.Odometry):
            if topic == "state/odometry" and self._motion.hear(data, stamp_s) and self._moves_by_itself():
                self._recoveries.moved(stamp_s)
        elif isinstance(data, Verdict):
            self._hear_verdict(data, stamp_s)
        elif isinstance(data, m.Diagnostics) and topic == "heartbeat":
            self._hear_heartbeat(data, stamp_s)
        elif topic == "emergency_stop" and isinstance(data, m.Flag):
            self._recoveries.emergency(data.data, stamp_s)
        elif isinstance(data, m.Battery):
            self._motion.hear_battery(data, stamp_s)
        elif topic.startswith("ground_truth/"):
            self._hear_truth(topic, data)

    def hear_stamp(self, topic: str, stamp_s: float) -> None:
        """Take the header stamp alone of a message on a topic of `latency.OFTEN`."""
        self._latency.hear(topic, stamp_s, self._motion.moves)

    def kpis(self) -> Kpis:
        hours, km = self._motion.operating_s / 3600.0, self._motion.distance_m / 1000.0
        malfunctions = self._fault_count + self._hard()
        energy_kj = self._motion.energy_kj()
        commands, plans = self._latency.counts["cmd_vel"], self._latency.counts["controller/trajectory"]

        def per(count: float, denominator: float) -> float | None:
            return count / denominator if denominator > 0.0 else None

        return Kpis(
            operating_time_s=self._motion.operating_s,
            distance_m=self._motion.distance_m,
            stops=self._recoveries.stops,
            stops_asked_for=self._recoveries.asked,
            stop_rate_per_h=per(self._recoveries.stops, hours),
            stop_rate_per_km=per(self._recoveries.stops, km),
            faults=self._fault_count,
            hard_overrides=self._hard(),
            malfunction_rate_per_h=per(malfunctions, hours),
            mtbf_h=per(hours, malfunctions),
            recovery_median_s=self._recoveries.quantile_s(50.0),
            recovery_p95_s=self._recoveries.quantile_s(95.0),
            recoveries=len(self._recoveries.times_s()),
            unrecovered=len(self._recoveries.pending),
            interventions=self.people.count,
            interventions_per_km=per(self.people.count, km),
            missions_begun=self.people.missions.begun,
            missions_completed=self.people.missions.completed,
            overrides_by_rule=dict(sorted(self._overrides.items())),
            collisions=self._collisions,
            bumps=None if self._collisions is None else self._bumps,
            sensor_to_command_p50_s=quantile_s(commands, 0.50),
            sensor_to_command_p99_s=quantile_s(commands, 0.99),
            sensor_to_trajectory_p50_s=quantile_s(plans, 0.50),
            sensor_to_trajectory_p99_s=quantile_s(plans, 0.99),
            energy_proxy_kj=energy_kj,
            energy_proxy_kj_per_km=None if energy_kj is None else per(energy_kj, km),
            battery_used=self._motion.battery_share,
            battery_wh=self._motion.battery_wh,
        )

    def recovery_times_s(self) -> list[float]:
        """From each stop or fault to the motion after it."""
        return self._recoveries.times_s()

    def latency_counts(self) -> dict[str, NDArray[np.int64]]:
        """Ages of the newest scan, by the topic that followed it, in the bins of `latency.py`."""
        return self._latency.copy()

    def missions(self) -> tuple[MissionKpis, ...]:
        """The last missions, the one that runs too."""
        if self._mission is None:
            return tuple(self._missions)
        return (*self._missions, self._since(*self._mission, None, "running"))

    # --- motion and gate ---

    def _moves_by_itself(self) -> bool:
        verdict = self._verdict
        autonomy = verdict is not None and verdict.state in RUNNING and verdict.source == "autonomy"
        return autonomy and self._motion.moves

    def _hear_verdict(self, data: Verdict, stamp_s: float) -> None:
        self._verdict = data
        if data.state in RUNNING:
            self._may_move = self._operating = True
            self._recoveries.end_stop(stamp_s)
        elif data.state in STOPPED and self._may_move:
            self._may_move = False
            self._recoveries.begin_stop(stamp_s)
        for item in data.interventions:
            rule = part(item, "rule")
            if stamp_s - self._rule_seen_s.get(rule, -math.inf) > MERGE_S:
                self._overrides[rule] = self._overrides.get(rule, 0) + 1
            self._rule_seen_s[rule] = stamp_s

    def _hard(self) -> int:
        return sum(count for rule, count in self._overrides.items() if is_hard(rule))

    # --- nodes ---

    def _hear_heartbeat(self, data: m.Diagnostics, stamp_s: float) -> None:
        on_mission = self.people.missions.goal is not None
        begun, ended = self._faults.hear(data, stamp_s, on_mission)
        for fault in begun:
            if self._operating or on_mission:
                self._fault_count += 1
                self._open[fault.node] = self._recoveries.begin_fault(fault.begin_s)
            else:
                self._faults.forget(fault)
        for fault in ended:
            episode = self._open.pop(fault.node, None)
            if episode is not None:
                episode.over_s = stamp_s

    # --- missions ---

    def _follow_mission(self, change: str, stamp_s: float) -> None:
        if self._mission is not None:
            outcome = "replaced" if change == BEGUN else change
            self._missions.append(self._since(*self._mission, stamp_s, outcome))
            self._mission = None
        if change == BEGUN:
            self._mission = (self.people.missions.goal_id, self._sums(stamp_s))
        else:
            self._recoveries.mission_ended()

    def _sums(self, stamp_s: float) -> _Sums:
        return _Sums(
            stamp_s,
            self._motion.distance_m,
            self._recoveries.stops,
            self._fault_count,
            self._hard(),
            self.people.count,
            sum(self._recoveries.times_s()),
            self._motion.energy_j,
            self._latency.counts["cmd_vel"].copy(),
        )

    def _since(self, goal_id: str, then: _Sums, end_s: float | None, outcome: str) -> MissionKpis:
        now = self._sums(self._now_s if end_s is None else end_s)
        ages = now.ages - then.ages
        return MissionKpis(
            goal_id=goal_id,
            begin_s=then.stamp_s,
            end_s=end_s,
            outcome=outcome,
            duration_s=max(0.0, now.stamp_s - then.stamp_s),
            distance_m=now.distance_m - then.distance_m,
            stops=max(0, now.stops - then.stops),
            faults=now.faults - then.faults,
            hard_overrides=now.hard - then.hard,
            interventions=now.interventions - then.interventions,
            recovery_s=max(0.0, now.recovery_s - then.recovery_s),
            sensor_to_command_p50_s=quantile_s(ages, 0.50),
            sensor_to_command_p99_s=quantile_s(ages, 0.99),
            energy_proxy_kj=None if self._motion.energy_kj() is None else (now.energy_j - then.energy_j) * 1e-3,
        )

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


def kpis_of_events(
    events: Iterable[tuple[str, Any, float]], stop_speed_mps: float = 0.05, mass_kg: float | None = None
) -> Kpis:
    """Figures of (topic, payload, stamp) events in stamp order."""
    tracker = KpiTracker(stop_speed_mps, mass_kg)
    for topic, data, stamp_s in events:
        tracker.hear(topic, data, stamp_s)
    return tracker.kpis()


def kpis_of_bag(path: str, stop_speed_mps: float = 0.05) -> Kpis:
    """Figures of a recorded bag (folder or file). Raises BagError."""
    return tracker_of_bag(path, stop_speed_mps).kpis()


def tracker_of_bag(path: str, stop_speed_mps: float = 0.05) -> KpiTracker:
    """All that is counted of a bag: figures, missions, interventions. Raises BagError."""
    from physical_ai_telemetry.bag import open_bag
    from physical_ai_telemetry.metadata import recorded_info

    with open_bag(path) as bag:
        tracker = KpiTracker(stop_speed_mps, mass_of(recorded_info(Path(path)).get("robot", "")))
        for topic, data, stamp_s in bag.events((*TOPICS, *OFTEN, "ground_truth/odometry")):
            tracker.hear(topic, data, stamp_s)
    return tracker


def mass_of(robot: str) -> float | None:
    """kg of a robot by its name or file; None where it is not known, or not from here."""
    if not robot:
        return None
    try:
        return load_robot(robot).design.mass_kg
    except PhysicalAIError:
        return None
