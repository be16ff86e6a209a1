"""One bag's facts: runs, missions, overrides, incidents, interventions, recoveries and latencies, as small tables.

Every count and sum is a whole number (milliseconds, millimetres, joules), so that adding them in any order, on any
number of machines, gives the same result to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from physical_ai_core.errors import BagError
from physical_ai_telemetry.dataset.events import events_of
from physical_ai_telemetry.dataset.source import files_of
from physical_ai_telemetry.incidents import TOPICS as INCIDENT_TOPICS
from physical_ai_telemetry.incidents import Cause, IncidentDetector, grouped
from physical_ai_telemetry.kpi import TOPICS as KPI_TOPICS
from physical_ai_telemetry.kpi import KpiTracker, is_hard, mass_of
from physical_ai_telemetry.latency import OFTEN
from physical_ai_telemetry.metadata import recorded_info

TRUTH: Final = "ground_truth/odometry"
VERSION: Final = 1  # of these tables; another one is ingested anew
TEXT, WHOLE, YES = pa.string(), pa.int64(), pa.bool_()
_SUMS: Final = {
    name: WHOLE
    for name in (
        "operating_ms", "distance_mm", "stops", "stops_asked", "faults", "hard_overrides", "interventions",
        "recoveries", "recovery_ms", "unrecovered", "missions_begun", "missions_completed", "collisions", "bumps",
        "energy_j",
    )
}  # fmt: skip
SCHEMAS: Final[dict[str, pa.Schema]] = {
    name: pa.schema({"bag": TEXT, "robot": TEXT, **columns})
    for name, columns in {
        "runs": {
            "name": TEXT, "kind": TEXT, "site": TEXT, "software": TEXT, "models": TEXT, "begin_ns": WHOLE,
            "end_ns": WHOLE, "bytes": WHOLE, "messages": WHOLE, **_SUMS,
        },
        "missions": {
            "goal_id": TEXT, "software": TEXT, "site": TEXT, "begin_ms": WHOLE, "outcome": TEXT, "duration_ms": WHOLE,
            "distance_mm": WHOLE, "stops": WHOLE, "faults": WHOLE, "hard_overrides": WHOLE, "interventions": WHOLE,
            "recovery_ms": WHOLE,
        },
        "overrides": {"rule": TEXT, "hard": YES, "count": WHOLE},
        "incidents": {"begin_ms": WHOLE, "cause": TEXT, "rule": TEXT, "causes": WHOLE, "mission": TEXT, "said": TEXT,
                      "said_ja": TEXT},
        "interventions": {"begin_ms": WHOLE, "duration_ms": WHOLE, "what": TEXT, "role": TEXT, "mission": TEXT,
                          "counts": YES},
        "recoveries": {"recovery_ms": WHOLE},
        "latency": {"way": TEXT, "bin_ms": WHOLE, "count": WHOLE},
    }.items()
}  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """Tables of one bag by name; `skipped` says why there are none."""

    bag: str
    tables: dict[str, pa.Table]
    skipped: str = ""


def robot_of(path: Path, info: dict[str, str]) -> str:
    """Which robot it was: named by its recorder, else its namespace, else the folder that its bags lie in."""
    named = info.get("robot_id", "")
    namespace = info.get("node", "").strip("/").rpartition("/")[0]
    return named or namespace or path.resolve().parent.name


def facts_of(path: Path, sha256: str) -> Facts:
    """All facts of a bag. Raises BagError; a bag that is the cut of a drive is skipped, the drive counts it."""
    info = recorded_info(path)
    if info.get("incident"):
        return Facts(sha256, {}, "an incident, cut from a drive")
    tracker, detector = KpiTracker(mass_kg=mass_of(info.get("robot", ""))), IncidentDetector()
    causes: list[Cause] = []
    begin_ns, end_ns, messages = None, 0, 0
    often = {*OFTEN, TRUTH} - {*KPI_TOPICS, *INCIDENT_TOPICS}
    for one in events_of(path, {*KPI_TOPICS, *INCIDENT_TOPICS}, often):
        messages += 1
        begin_ns, end_ns = one.log_ns if begin_ns is None else begin_ns, max(end_ns, one.log_ns)
        if one.topic in OFTEN:
            tracker.hear_stamp(one.topic, one.own_s)
            continue
        tracker.hear(one.topic, one.data, one.stamp_s)
        if one.topic == TRUTH:  # that it is there is what counts
            continue
        causes += detector.hear(one.topic, one.data, one.stamp_s)
    if begin_ns is None:
        raise BagError(f"The bag {path} has no message of the graph.", "Give recordings of this suite.")
    own = {"bag": sha256, "robot": robot_of(path, info)}
    kpis = tracker.kpis()
    told = {"software": info.get("software", ""), "site": info.get("site", "")}
    run = {
        **own, **told, "name": path.name, "kind": info.get("robot", ""), "models": info.get("models", ""),
        "begin_ns": begin_ns, "end_ns": end_ns, "bytes": sum(file.stat().st_size for file in files_of(path)),
        "messages": messages,
        "operating_ms": _milli(kpis.operating_time_s), "distance_mm": _milli(kpis.distance_m), "stops": kpis.stops,
        "stops_asked": kpis.stops_asked_for, "faults": kpis.faults, "hard_overrides": kpis.hard_overrides,
        "interventions": kpis.interventions, "recoveries": kpis.recoveries,
        "recovery_ms": sum(_milli(t) for t in tracker.recovery_times_s()), "unrecovered": kpis.unrecovered,
        "missions_begun": kpis.missions_begun, "missions_completed": kpis.missions_completed,
        "collisions": kpis.collisions, "bumps": kpis.bumps,
        "energy_j": None if kpis.energy_proxy_kj is None else _milli(kpis.energy_proxy_kj),
    }  # fmt: skip
    rows: dict[str, list[dict[str, Any]]] = {
        "runs": [run],
        "missions": [{**own, **told, **_mission(one)} for one in tracker.missions()],
        "overrides": [
            {**own, "rule": rule, "hard": is_hard(rule), "count": count}
            for rule, count in kpis.overrides_by_rule.items()
        ],
        "incidents": [
            {
                **own, "begin_ms": _milli(first.stamp_s), "cause": first.kind, "rule": first.rule,
                "causes": len(one.causes) + one.more_causes, "mission": first.mission, "said": first.en,
                "said_ja": first.ja,
            }
            for one in grouped(causes)
            for first in one.causes[:1]
        ],
        "interventions": [
            {
                **own, "begin_ms": _milli(one.begin_s), "what": one.what, "role": one.role, "mission": one.mission,
                "duration_ms": None if one.end_s is None else _milli(one.end_s - one.begin_s), "counts": one.counts,
            }
            for one in tracker.people.interventions()
        ],
        "recoveries": [{**own, "recovery_ms": _milli(t)} for t in tracker.recovery_times_s()],
        "latency": [
            {**own, "way": way, "bin_ms": int(bin_) + 1, "count": int(counts[bin_])}
            for way, counts in tracker.latency_counts().items()
            for bin_ in np.flatnonzero(counts)
        ],
    }  # fmt: skip
    return Facts(sha256, {name: pa.Table.from_pylist(rows[name], schema=schema) for name, schema in SCHEMAS.items()})


def _milli(value: float) -> int:
    return round(value * 1000.0)


def _mission(one: Any) -> dict[str, Any]:
    return {
        "goal_id": one.goal_id, "begin_ms": _milli(one.begin_s), "outcome": one.outcome,
        "duration_ms": _milli(one.duration_s), "distance_mm": _milli(one.distance_m), "stops": one.stops,
        "faults": one.faults, "hard_overrides": one.hard_overrides, "interventions": one.interventions,
        "recovery_ms": _milli(one.recovery_s),
    }  # fmt: skip
