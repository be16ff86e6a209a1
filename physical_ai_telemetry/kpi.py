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

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.robot import load_robot
from physical_ai_telemetry.figures import Kpis, MissionKpis
from physical_ai_telemetry.interventions import TOPICS as PEOPLE_TOPICS
from physical_ai_telemetry.kpi_tracker import KpiTracker
from physical_ai_telemetry.latency import OFTEN
from physical_ai_telemetry.verdicts import is_hard

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
