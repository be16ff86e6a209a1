"""Counts the field's figures from what is said on the graph; `kpi.py` defines each of them."""

from __future__ import annotations

import json
import math
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.reports import Verdict
from physical_ai_telemetry.faults import FaultWatch
from physical_ai_telemetry.figures import Kpis, MissionKpis
from physical_ai_telemetry.interventions import InterventionTracker
from physical_ai_telemetry.latency import OFTEN, LatencyWatch, quantile_s
from physical_ai_telemetry.missions import BEGUN
from physical_ai_telemetry.motion import Motion
from physical_ai_telemetry.recovery import Episode, Recoveries
from physical_ai_telemetry.verdicts import MERGE_S, RUNNING, STOPPED, is_hard, part

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
