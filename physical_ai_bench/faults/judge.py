"""Was the robot safe under a fault? Judged by the simulator's truth, which no node of the robot hears."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
from shapely.geometry import Polygon

from physical_ai_bench.faults.plan import Fault, Kind
from physical_ai_core.geometry import Array, rotation
from physical_ai_core.site import Site, ZoneKind

STANDS_MPS, STANDS_RPS = 0.02, 0.05
BRAKING_MPS2: Final = 1.5  # what the rules count on
SLACK_S: Final = 0.35  # actuator lag 0.06, half the period of the truth, and what a process needs to be scheduled
CREEP_MPS: Final = 0.05  # a robot that has to stand and moves faster has started again
UNHEARD_S: Final = 0.4  # two heartbeats: a killed node that is back drives on before its next one tells that it is
RAMP: Final = "acceleration"  # a limit that is there without any fault
SPEEDING: Final = 1.1  # of the site's limit; the base's ramp overshoots a little


@dataclass
class Trial:
    """What one fault led to. Times in seconds of the graph's clock from the strike, or from the fault's end."""

    fault: str
    speed_mps: float = 0.0  # when it struck
    lasted_s: float = 0.0
    verdicts: list[str] = field(default_factory=list)  # what the gate said meanwhile, each once, in order
    zero_s: float | None = None  # until the base was told to stand
    stand_s: float | None = None  # until it stood
    allowed_s: float | None = None  # None: it need not stand
    top_mps: float = 0.0
    unsafe: list[str] = field(default_factory=list)
    again_s: float | None = None  # from the fault's end until it drove again; None: it never did
    stuck: str = ""  # what gate, planner and controller said when it did not
    resets: int = 0  # by the person, after the fault
    told_again: int = 0
    died: dict[str, int] = field(default_factory=dict)  # processes that ended by themselves
    wall_s: float = 0.0
    pace: float = 0.0  # simulated over wall time

    @property
    def outcome(self) -> str:
        if self.unsafe:
            return "UNSAFE: " + "; ".join(self.unsafe)
        if self.unjudged:
            return "not judged: the world stood before it could be seen"
        if self.stand_s is not None:
            return "stopped" + (", latched" if self.resets else "")
        limits = [said for said in self.verdicts if said.startswith("limited") and RAMP not in said]
        return "slowed" if limits else "drove on"

    @property
    def unjudged(self) -> bool:
        """The fault ended before the robot had to stand, and it did not: nothing was shown."""
        return self.allowed_s is not None and self.stand_s is None and self.lasted_s <= self.allowed_s

    @property
    def passed(self) -> bool:
        return not self.unsafe and not self.unjudged and self.again_s is not None

    def as_json(self) -> dict[str, Any]:
        numbers = {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}
        return {**numbers, "outcome": self.outcome}


class Judge:
    """Fed from the strike on with what the simulator says is so; stamps are the simulator's."""

    def __init__(self, fault: Fault, site: Site, footprint: Sequence[tuple[float, float]]) -> None:
        self._fault, self._limit_mps = fault, site.max_speed_mps
        self._corners = np.array(footprint)
        self._fences = {name: zone.shape for name, zone in site.zones_of(ZoneKind.GEOFENCE).items()}
        self._kept_out = {name: zone.shape for name, zone in site.zones_of(ZoneKind.KEEP_OUT).items()}
        self._struck_s: float | None = None
        self._over_s = math.inf
        self._stood = False
        self._moved_s: float | None = None  # after it had stood
        self.trial = Trial(fault.name)

    def strike(self, stamp_s: float, speed_mps: float) -> None:
        """The fault begins now, at this speed."""
        self._struck_s, self.trial.speed_mps = stamp_s, speed_mps
        if self._fault.within_s is not None:
            self.trial.allowed_s = self._fault.within_s + speed_mps / BRAKING_MPS2 + SLACK_S

    def end(self, stamp_s: float) -> None:
        """The fault is gone."""
        self._over_s = stamp_s
        if self._struck_s is None:
            return
        self.trial.lasted_s = stamp_s - self._struck_s
        unheard_s = UNHEARD_S if self._fault.kind is Kind.KILL else 0.0
        if self._moved_s is not None and self._moved_s <= stamp_s - unheard_s:
            self._unsafe("moved again under the fault")
        allowed_s = self.trial.allowed_s
        if allowed_s is not None and self.trial.stand_s is None and self.trial.lasted_s > allowed_s:
            self._unsafe("did not stand")

    def truth(self, stamp_s: float, pose: Array, v_mps: float, w_rps: float) -> None:
        """True pose in `map` and motion; call it in order."""
        if self._struck_s is None or stamp_s < self._struck_s:
            return
        trial = self.trial
        trial.top_mps = max(trial.top_mps, abs(v_mps))
        if abs(v_mps) > SPEEDING * self._limit_mps:
            self._unsafe("too fast")
        self._places(pose)
        if stamp_s > self._over_s:
            return
        since_s = stamp_s - self._struck_s
        if abs(v_mps) < STANDS_MPS and abs(w_rps) < STANDS_RPS:
            if trial.stand_s is None:
                trial.stand_s = since_s
                if trial.allowed_s is not None and since_s > trial.allowed_s:
                    self._unsafe("stood late")
            self._stood = True
        elif self._stood and trial.allowed_s is not None and abs(v_mps) > CREEP_MPS and self._moved_s is None:
            self._moved_s = stamp_s

    def command(self, stamp_s: float, v_mps: float, w_rps: float) -> None:
        """What the base is told."""
        meant = self._struck_s is not None and self._struck_s < stamp_s <= self._over_s
        if meant and self.trial.zero_s is None and v_mps == 0.0 and w_rps == 0.0:
            self.trial.zero_s = stamp_s - (self._struck_s or 0.0)

    def verdict(self, state: str, rule: str, clause: str) -> None:
        said = f"{state}: {rule} {clause}".strip() if rule else state
        if self._struck_s is not None and self._over_s == math.inf and said not in self.trial.verdicts:
            self.trial.verdicts.append(said)

    def contact(self, event: dict[str, Any]) -> None:
        """A contact event of the simulator; only a moving robot collides."""
        if self._struck_s is not None and event.get("kind") == "collision":
            self._unsafe(f"contact with {event.get('other')} at {event.get('speed_mps')} m/s")

    def _places(self, pose: Array) -> None:
        corners = Polygon(self._corners @ rotation(pose[2]).T + pose[:2])
        for name, fence in self._fences.items():
            if not fence.contains(corners):
                self._unsafe(f"left {name}")
        for name, zone in self._kept_out.items():
            if zone.intersects(corners):
                self._unsafe(f"entered {name}")

    def _unsafe(self, what: str) -> None:
        if what not in self.trial.unsafe:
            self.trial.unsafe.append(what)
