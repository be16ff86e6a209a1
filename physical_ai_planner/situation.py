"""What a mission may know of the world at one moment, and which events have come in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physical_ai_core.geometry import wrap
from physical_ai_core.goal import Event, Until
from physical_ai_core.reports import ControllerStatus
from physical_ai_planner.follow import Sight
from physical_ai_planner.localisation import Here, Thing

FULL, LOW = 0.95, 0.2  # charge of the battery from which on it is called so
CLEAR_CONE_RAD = 1.0  # half of the cone ahead that must be empty for "the way is clear"


@dataclass(frozen=True)
class Situation:
    """What a mission may know of the world at one moment."""

    here: Here
    things: Sequence[Thing] = ()
    status: ControllerStatus | None = None
    blocked_s: float = 0.0
    sight: Sight = lambda a, b: True
    charge: float | None = None  # of the battery, 0 to 1


def has_come(event: Event, situation: Situation, told: bool, near_m: float) -> bool:
    """Whether an event is there. `told`: a person said to go on; `near_m`: a person nearer than this is near."""
    people = [t for t in situation.things if t.class_name in ("person", "vehicle")]
    pose = situation.here.pose
    if event is Event.INSTRUCTION:
        return told
    if event is Event.PERSON_NEAR:
        return any(t.class_name == "person" and t.distance_m(pose) <= near_m for t in people)
    if event is Event.PATH_CLEAR:
        ahead = (
            abs(float(wrap(np.arctan2(t.y_m - pose[1], t.x_m - pose[0]) - pose[2]))) <= CLEAR_CONE_RAD
            and t.distance_m(pose) <= near_m
            for t in people
        )
        return situation.blocked_s <= 0.0 and not any(ahead)
    if event is Event.BATTERY_FULL:
        return situation.charge is not None and situation.charge >= FULL
    if event is Event.BATTERY_LOW:
        return situation.charge is not None and situation.charge <= LOW
    return False


def open_ended(until: Until | None) -> bool:
    """No time and no event ends it."""
    return until is None or (until.duration_s is None and until.event is None)
