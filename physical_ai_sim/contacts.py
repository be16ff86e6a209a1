"""Ground truth of contacts: what the robot touched, and whether that counts as a collision.

A collision is contact while the robot moved faster than 0.05 m/s within the last 0.5 s. A person who walks into a robot
that stands is a bump and counted apart. Each contact is reported once, when it begins; a bump that the robot then
drives on from becomes a collision.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass

import numpy as np

from physical_ai_core.geometry import Array, rotation
from physical_ai_sim import physics as p
from physical_ai_sim.people import Person

REARM_S = 1.0  # a contact that chatters is one contact


@dataclass(frozen=True)
class Contact:
    """`kind` is collision or bump; `other` names the structure or `person N`; pose in `map`."""

    stamp_s: float
    kind: str
    other: str
    speed_mps: float
    x_m: float
    y_m: float

    def as_json(self) -> dict[str, object]:
        return {"schema_version": "1.0", **asdict(self)}


def touches(footprint_half_m: Array, pose: Array, centre: Array, radius_m: float) -> bool:
    """Whether a circle meets the rectangle of half sizes `footprint_half_m` standing at `pose`."""
    local = rotation(-pose[2]) @ (centre - pose[:2])
    outside = np.maximum(np.abs(local) - footprint_half_m, 0.0)
    return bool(np.hypot(*outside) < radius_m)


class ContactJudge:
    """Turns touching into contact events."""

    def __init__(self, footprint_half_m: Array) -> None:
        self._half = footprint_half_m
        self._speeds: deque[tuple[float, float]] = deque()
        self._touching: dict[str, tuple[str, float]] = {}  # other -> kind already reported, last touch

    def judge(
        self, stamp_s: float, pose: Array, speed_mps: float, people: list[Person], structures: set[str]
    ) -> list[Contact]:
        """`structures` are those the physics found in contact. Returns the contacts that begin now."""
        self._speeds.append((stamp_s, speed_mps))
        while stamp_s - self._speeds[0][0] > p.COLLISION_MEMORY_S:
            self._speeds.popleft()
        fastest = max(speed for _, speed in self._speeds)
        others = structures | {
            f"person {person.id}"
            for person in people
            if touches(self._half, pose, person.position_m, p.PERSON_RADIUS_M)
        }
        kind = "collision" if fastest > p.COLLISION_SPEED_MPS else "bump"
        begun = []
        for other in sorted(others):
            before = self._touching.get(other, ("", 0.0))[0]
            self._touching[other] = (before or kind, stamp_s)
            if not before or (before == "bump" and kind == "collision"):
                self._touching[other] = (kind, stamp_s)
                begun.append(Contact(stamp_s, kind, other, fastest, float(pose[0]), float(pose[1])))
        for other, (_, last_s) in list(self._touching.items()):
            if stamp_s - last_s > REARM_S:
                del self._touching[other]
        return begun
