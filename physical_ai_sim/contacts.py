"""Ground truth of contacts: what the robot touched, and whether that counts as a collision.

A collision is contact while the robot moved faster than 0.05 m/s within the last 0.5 s. A person who walks into a robot
that stands is a `bump`, counted apart; a standing robot that leans on a structure is `structure`. Each contact is
reported once, when it begins; one that the robot then drives on from becomes a collision.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array, rotation
from physical_ai_sim import physics as p
from physical_ai_sim.people import Crowd

REARM_S: Final = 1.0  # a contact that chatters is one contact
SCHEMA: Final = "1.0"


@dataclass(frozen=True)
class Contact:
    """`kind`: collision, bump or structure; `other`: name of the structure, or `person N`; pose in `map`.

    `speed_mps`: the fastest that any point of the footprint moved within the last 0.5 s.
    """

    stamp_s: float
    kind: str
    other: str
    speed_mps: float
    x_m: float
    y_m: float

    def as_json(self) -> dict[str, object]:
        numbers = {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(self).items()}
        return {"schema_version": SCHEMA, **numbers}


def touches(footprint_half_m: Array, pose: Array, centres_m: Array, radius_m: float) -> NDArray[np.bool_]:
    """Which circles (N, 2) meet the rectangle of half sizes `footprint_half_m` standing at `pose`."""
    local = (centres_m - pose[:2]) @ rotation(pose[2])  # rows turned by -yaw
    outside = np.maximum(np.abs(local) - footprint_half_m, 0.0)
    return np.asarray(np.hypot(outside[:, 0], outside[:, 1]) < radius_m)


def footprint_speed(footprint_half_m: Array, vx_mps: float, vy_mps: float, yaw_rate_rps: float) -> float:
    """Speed of the fastest corner: a robot that turns on the spot moves, too."""
    spin_x, spin_y = np.abs(yaw_rate_rps) * footprint_half_m[::-1]
    return float(np.hypot(abs(vx_mps) + spin_x, abs(vy_mps) + spin_y))


class ContactJudge:
    """Turns touching into contact events."""

    def __init__(self, footprint_half_m: Array) -> None:
        self._half = footprint_half_m
        self._reach_m = float(np.hypot(*footprint_half_m)) + p.PERSON_RADIUS_M
        self._speeds: deque[tuple[float, float]] = deque()
        self._touching: dict[str, tuple[str, float]] = {}  # other -> kind already reported, last touch

    def judge(self, stamp_s: float, pose: Array, speed_mps: float, crowd: Crowd, structures: set[str]) -> list[Contact]:
        """`structures` are those the physics found in contact. Returns the contacts that begin now."""
        self._speeds.append((stamp_s, speed_mps))
        while stamp_s - self._speeds[0][0] > p.COLLISION_MEMORY_S + 1e-9:
            self._speeds.popleft()
        self._touching = {k: v for k, v in self._touching.items() if stamp_s - v[1] <= REARM_S}
        touched = {name: "structure" for name in structures}
        touched.update((f"person {number}", "bump") for number in self._persons(pose, crowd))
        if not touched:
            return []
        fastest = max(speed for _, speed in self._speeds)
        begun = []
        for other, standing in sorted(touched.items()):
            kind = "collision" if fastest > p.COLLISION_SPEED_MPS else standing
            before = self._touching.get(other, ("", 0.0))[0]
            news = not before or (kind == "collision" and before != "collision")
            self._touching[other] = (kind if news else before, stamp_s)
            if news:
                begun.append(Contact(stamp_s, kind, other, fastest, float(pose[0]), float(pose[1])))
        return begun

    def _persons(self, pose: Array, crowd: Crowd) -> list[int]:
        if not len(crowd):
            return []
        near = np.abs(crowd.position_m - pose[:2]).max(axis=1) < self._reach_m
        if not near.any():
            return []
        met = touches(self._half, pose, crowd.position_m[near], p.PERSON_RADIUS_M)
        return [int(number) for number in crowd.ids[near][met]]
