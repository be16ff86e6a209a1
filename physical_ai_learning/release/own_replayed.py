"""The world model with each set of weights of the own motion on the same recorded inputs, against what then came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_learning.release.evidence import Check, at_most
from physical_ai_learning.release.replayed import ticks
from physical_ai_learning.release.thresholds import OwnReplayBounds
from physical_ai_telemetry.bag import Event
from physical_ai_world_model.core import WorldModelCore
from physical_ai_world_model.parameters import WorldModelParameters

LEADS_S: Final = np.array([1.0, 2.0])
SETTLED_S: Final = 1.0  # from the first state on; before that nothing learnt can speak
MOVED_M: Final = 0.1  # less than this in the longest lead is no motion to be told
MOST: Final = 50.0  # one squared Mahalanobis distance counts as this at most


@dataclass(frozen=True)
class OwnDrive:
    """Of n moments in which the robot went somewhere: error (n, 2) at the leads, m; surprise (n, 2), near 1 where the
    stated spread is right; whether the learnt model was believed (n,). `fault`: what broke."""

    error_m: Array
    surprise: Array
    learnt: Array
    fault: str

    @property
    def believed(self) -> float:
        return float(self.learnt.mean()) if len(self.learnt) else 1.0


def own_drive(events: list[Event], weights: Path) -> OwnDrive:
    """The whole recording; what is said is said under the commands that were then given."""
    core = WorldModelCore(WorldModelParameters(people_model="", own_motion_model=str(weights)))
    came, moments, fault = Came(events), [], core.own.missing
    try:
        for now_s, said in ticks(core, events) if not fault else ():
            paths = [output.data.poses for output in said if output.topic == "world_model/path"]
            if not all(bool(np.isfinite(path).all()) for path in paths):
                raise FloatingPointError("the own path is not finite")
            if came.moves(now_s):
                moments.append(_moment(core, came, now_s))
    except Exception as error:  # a candidate that breaks the core is refused, and that is told
        fault = f"{type(error).__name__}: {error}"
    table = np.array(moments).reshape(len(moments), 1 + 2 * len(LEADS_S))
    return OwnDrive(table[:, 1 : 1 + len(LEADS_S)], table[:, 1 + len(LEADS_S) :], table[:, 0], fault)


def _moment(core: WorldModelCore, came: Came, now_s: float) -> list[float]:
    """Whether it is learnt, errors, surprises."""
    told = core.own.predict(now_s, LEADS_S, came.commands_from(now_s))
    off = came.positions(now_s + LEADS_S) - told.poses[:, :2]
    distance = np.einsum("ti,tij,tj->t", off, np.linalg.inv(told.covariance), off)
    return [float(not told.reason), *np.hypot(*off.T).tolist(), *(0.5 * np.minimum(distance, MOST)).tolist()]


class Came:
    """What a recording tells of the robot afterwards: where it was, and what it was told."""

    def __init__(self, events: list[Event]) -> None:
        self._at_s, self._xy = _in_order(
            (event.data.stamp_s, *event.data.planar_pose()[:2]) for event in events if event.topic == "state/odometry"
        )
        self._given_s, self._commands = _in_order(
            (event.stamp_s, event.data.linear_x_mps, event.data.angular_z_rps)
            for event in events
            if event.topic == "cmd_vel"
        )

    def positions(self, stamps_s: Array) -> Array:
        return np.column_stack([np.interp(stamps_s, self._at_s, column) for column in self._xy.T])

    def moves(self, now_s: float) -> bool:
        """Whether it goes somewhere in the longest lead, and all of that is recorded."""
        if not len(self._at_s) or not self._at_s[0] + SETTLED_S <= now_s <= self._at_s[-1] - LEADS_S[-1]:
            return False
        way = np.diff(self.positions(np.array([now_s, now_s + LEADS_S[-1]])), axis=0)[0]
        return bool(np.hypot(*way) >= MOVED_M)

    def commands_from(self, now_s: float) -> tuple[Array, Array] | None:
        """Of the longest lead, as `OwnMotion.predict` takes them; None where none came."""
        begin, end = np.searchsorted(self._given_s, [now_s, now_s + LEADS_S[-1]])
        return (self._given_s[begin:end], self._commands[begin:end]) if end > begin else None


def _in_order(rows: Iterable[tuple[float, ...]]) -> tuple[Array, Array]:
    """Stamps (n,) that rise and two columns (n, 2); of one stamp the last, and nothing that is no number."""
    table = np.array(list(rows), dtype=float).reshape(-1, 3)[::-1]
    table = table[np.isfinite(table).all(axis=1)]
    table = table[np.unique(table[:, 0], return_index=True)[1]]
    return table[:, 0], table[:, 1:]


def check_own_replay(name: str, candidate: OwnDrive, incumbent: OwnDrive, bounds: OwnReplayBounds) -> list[Check]:
    part = f"replay {name}"
    if candidate.fault:
        return [Check(part, "faults", 1.0, "must be 0", False, candidate.fault)]
    moments = len(candidate.learnt)
    if not moments or moments != len(incumbent.learnt):
        return [
            Check(part, "moments of motion", float(moments), "must be some", False, "name a bag in which it drives")
        ]
    mine, theirs = (drive.error_m.mean(axis=0) for drive in (candidate, incumbent))
    wild, usual = (float(drive.surprise.mean()) for drive in (candidate, incumbent))
    found = [
        at_most(part, f"error at {lead_s:g} s more than the incumbent's, m", float(a - b), bounds.error_margin_m,
                f"{a:.4f}, incumbent {b:.4f}, {moments} moments")
        for lead_s, a, b in zip(LEADS_S, mine, theirs, strict=True)
    ]  # fmt: skip
    less = incumbent.believed - candidate.believed
    return [
        *found,
        at_most(part, "surprise more than the incumbent's", wild - usual, bounds.surprise_margin,
                f"{wild:.3f}, incumbent {usual:.3f}"),
        at_most(part, "believed less of the time than the incumbent", less, bounds.believed_share_margin,
                f"{candidate.believed:.3f}, incumbent {incumbent.believed:.3f}"),
    ]  # fmt: skip
