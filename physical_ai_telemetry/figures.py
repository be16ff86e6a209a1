"""The figures of a robot and of one mission, by names that carry the units; `kpi.py` defines and counts them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


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
    sensor_to_command_p50_s: float | None = None
    sensor_to_command_p99_s: float | None = None
    sensor_to_trajectory_p50_s: float | None = None
    sensor_to_trajectory_p99_s: float | None = None
    energy_proxy_kj: float | None = None  # None where the robot's mass is not known
    energy_proxy_kj_per_km: float | None = None
    battery_used: float | None = None  # share of its charge, from 0 to 1
    battery_wh: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_json(self) -> str:
        return json.dumps({"schema_version": "1.1", **self.to_dict()}, indent=2, ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True)
class MissionKpis:
    """One mission. `outcome`: completed, stopped, cancelled, replaced (by the next goal), or running."""

    goal_id: str
    begin_s: float
    end_s: float | None
    outcome: str
    duration_s: float
    distance_m: float
    stops: int
    faults: int
    hard_overrides: int
    interventions: int
    recovery_s: float  # time between stops or faults and the motion after them, together
    sensor_to_command_p50_s: float | None
    sensor_to_command_p99_s: float | None
    energy_proxy_kj: float | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
