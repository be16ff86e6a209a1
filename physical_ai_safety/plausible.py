"""Whether what the sensors say can be: a covered scanner, wheels that slip or block, an encoder or IMU that froze.

Each check needs its time: one odd sample stops nothing, a lasting contradiction does, by name and with its numbers.
A contradiction says that somebody is wrong, not who: the robot stands either way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.robot import MotionLimits
from physical_ai_safety.schema import Plausible

FEWEST_VALID = 0.5  # of all rays; a sensor that gives less is covered or broken
SECTORS, FEWEST_IN_SECTOR = 8, 0.2  # and of each eighth of the sweep: a hand, mud, a fallen tarpaulin
PERCEIVED_FRESH_S = 0.3
MOVES_MPS, TURNS_RPS = 0.05, 0.1
JUMPS, JUMPS_WITHIN_S = 3, 1.0  # one leap may be a collision; it is the bumper's matter
SKID = 0.5  # share of the turn by which wheels that skid in turning are off (four wheels without steering)
SLIP = 0.3  # and share of the speed by which they may slip


class Fault(NamedTuple):
    """A contradiction: its name and the numbers that show it."""

    clause: str
    numbers: Mapping[str, float] = {}


def blinded(
    usable: NDArray[np.bool_], first_rad: float, step_rad: float, masked_rad: Sequence[tuple[float, float]] = ()
) -> str:
    """ "" for a sweep that sees enough, else "blinded", with the sector where only that is dark.

    `usable` (N,): rays that hit something or reach their range. `masked_rad`: what the robot itself covers.
    """
    seen = usable
    if masked_rad:
        angles = first_rad + step_rad * np.arange(len(usable))
        seen = usable | np.logical_or.reduce([(angles >= a) & (angles <= b) for a, b in masked_rad])
    n = len(seen)
    if not n or int(np.count_nonzero(seen)) < FEWEST_VALID * n:
        return "blinded"
    if n < 4 * SECTORS:
        return ""
    edges = [n * k // SECTORS for k in range(SECTORS + 1)]
    counts = np.add.reduceat(seen, edges[:-1], dtype=np.int64).tolist()
    for k, count in enumerate(counts):
        if count < FEWEST_IN_SECTOR * (edges[k + 1] - edges[k]):
            a, b = (round(math.degrees(first_rad + step_rad * edge)) for edge in (edges[k], edges[k + 1]))
            return f"blinded {a} to {b} deg"
    return ""


class MotionCheck:
    """Wheels against gyroscope and perception, and each against its own past. Times are stamps in s."""

    def __init__(self, rules: Plausible, limits: MotionLimits) -> None:
        self._rules = rules
        self._change_mps2 = 1.5 * max(limits.max_acceleration_mps2, limits.max_deceleration_mps2)
        self.forget()

    def forget(self) -> None:
        """The clock jumped: begin anew."""
        self._since: dict[str, tuple[float, Fault]] = {}
        self._wheel: tuple[float, float, float] | None = None
        self._position: tuple[float, ...] | None = None
        self._position_lives = False
        self._perceived = (math.nan, math.nan)  # no moment is near to none
        self._imu: tuple[float, ...] | None = None
        self._imu_lives = False
        self._leaps: list[float] = []

    def wheels(self, stamp_s: float, v_mps: float, w_rps: float, gyro_rps: float | None, position_m: Any) -> None:
        """The wheels' speed and turn, the gyroscope's turn of the same moment (None: none), the wheels' position."""
        rules = self._rules
        if gyro_rps is not None:
            off = abs(w_rps - gyro_rps)
            self._hold(
                "wheels against gyroscope", off > rules.yaw_rps + SKID * max(abs(w_rps), abs(gyro_rps)), stamp_s,
                {"wheels_rps": w_rps, "gyro_rps": gyro_rps},
            )  # fmt: skip
        seen_s, seen = self._perceived
        if abs(stamp_s - seen_s) < PERCEIVED_FRESH_S:
            off = abs(v_mps - seen)
            self._hold(
                "wheels against perception", off > rules.speed_mps + SLIP * max(abs(v_mps), abs(seen)), stamp_s,
                {"wheels_mps": v_mps, "perceived_mps": seen},
            )  # fmt: skip
        last, position = self._wheel, tuple(position_m.tolist())
        if last is not None:
            gap_s = max(0.0, stamp_s - last[0])
            if abs(v_mps - last[1]) > self._change_mps2 * gap_s + rules.leap_mps:
                self._leaps = [s for s in self._leaps if stamp_s - s < JUMPS_WITHIN_S] + [stamp_s]
            same = position == self._position and (v_mps, w_rps) == last[1:]
            self._position_lives = self._position_lives or position != self._position
            moving = abs(v_mps) > MOVES_MPS or abs(w_rps) > TURNS_RPS
            self._hold("wheels frozen", same and moving and self._position_lives, stamp_s, {"wheels_mps": v_mps})
        self._wheel, self._position = (stamp_s, v_mps, w_rps), position

    def perceived(self, stamp_s: float, v_mps: float) -> None:
        """Perception's speed. What is no number is not taken: perception's silence is judged by its age."""
        if math.isfinite(v_mps):
            self._perceived = (stamp_s, v_mps)

    def perceived_mps(self, now_s: float) -> float:
        """Perception's speed while it is fresh, else 0: it can only add to what the wheels say, never take away."""
        stamp_s, v_mps = self._perceived
        return v_mps if abs(now_s - stamp_s) < PERCEIVED_FRESH_S else 0.0

    def imu(self, stamp_s: float, felt: tuple[float, ...]) -> None:
        """Turn rates and specific forces; a living IMU never says the same six numbers twice while the robot moves."""
        moving = self._wheel is not None and (abs(self._wheel[1]) > MOVES_MPS or abs(self._wheel[2]) > TURNS_RPS)
        self._imu_lives = self._imu_lives or (self._imu is not None and felt != self._imu)
        self._hold("imu frozen", felt == self._imu and moving and self._imu_lives, stamp_s, {"gyro_rps": felt[2]})
        self._imu = felt

    def faults(self, now_s: float) -> tuple[Fault, ...]:
        """What has lasted long enough."""
        rules = self._rules
        patience = {"wheels against gyroscope": rules.yaw_s, "wheels against perception": rules.speed_s}
        found = tuple(
            fault for name, (since_s, fault) in self._since.items()
            if now_s - since_s >= patience.get(name, rules.frozen_s)
        )  # fmt: skip
        leaps = [s for s in self._leaps if now_s - s < JUMPS_WITHIN_S]
        return (*found, Fault("wheels leap", {"leaps": float(len(leaps))})) if len(leaps) >= JUMPS else found

    def _hold(self, name: str, odd: bool, stamp_s: float, numbers: dict[str, float]) -> None:
        if not odd:
            self._since.pop(name, None)
            return
        since_s = self._since[name][0] if name in self._since else stamp_s
        self._since[name] = (since_s, Fault(name, numbers))
