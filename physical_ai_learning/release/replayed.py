"""The world model with each set of weights on the same recorded inputs: how surprised it is, and whom it believes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from physical_ai_core.core import Outputs
from physical_ai_core.geometry import Array
from physical_ai_learning.release.evidence import Check, at_most
from physical_ai_learning.release.thresholds import ReplayBounds
from physical_ai_telemetry.bag import Event, open_bag
from physical_ai_world_model.core import WorldModelCore
from physical_ai_world_model.parameters import WorldModelParameters

HEARS: Final = ("state/odometry", "state/objects", "cmd_vel", "controller/trajectory")
TICK_S: Final = 0.05


@dataclass(frozen=True)
class Drive:
    """Of each tick: surprise, objects that the learnt forecast speaks for, and those lost. `fault`: what broke."""

    surprise: Array
    learnt: Array
    lost: Array
    digest: str
    fault: str

    @property
    def believed(self) -> float:
        """Share of object-moments that are believed; 1 where there were none."""
        total = float(self.learnt.sum() + self.lost.sum())
        return float(self.learnt.sum()) / total if total else 1.0


def inputs(bag: Path) -> list[Event]:
    """What the world model heard, in the order of recording. Raises BagError."""
    with open_bag(bag) as opened:
        return [event for event in opened.events(HEARS)]


def ticks(core: WorldModelCore, events: list[Event]) -> Iterator[tuple[float, Outputs]]:
    """Twenty ticks a second of the recording's clock and what each says; nothing of the machine's clock gets in."""
    next_s = events[0].stamp_s if events else 0.0
    for event in events:
        while event.stamp_s >= next_s:
            yield next_s, core.tick(next_s)
            next_s += TICK_S
        core.handle(event.topic, event.data, event.stamp_s)


def drive(events: list[Event], weights: Path) -> Drive:
    """The whole recording with these weights of people."""
    core = WorldModelCore(WorldModelParameters(people_model=str(weights)))
    surprise, learnt, lost, digest, fault = [], [], [], hashlib.sha256(), ""
    if not core.people.speaks:
        return Drive(np.zeros(0), np.zeros(0), np.zeros(0), "", core.people.silent_because)
    try:
        for _, said in ticks(core, events):
            for output in said:
                if output.topic == "world_model/prediction":
                    digest.update(output.data.rows.tobytes())
                elif output.topic == "world_model/surprise":
                    surprise.append(float(output.data.data))
            learnt.append(len(core.learnt_ids))
            lost.append(core.people.trust.lost)
    except Exception as error:  # a candidate that breaks the core is refused, and that is told
        fault = f"{type(error).__name__}: {error}"
    return Drive(np.array(surprise), np.array(learnt), np.array(lost), digest.hexdigest(), fault)


def check_replay(name: str, candidate: Drive, incumbent: Drive, bounds: ReplayBounds) -> list[Check]:
    part = f"replay {name}"
    if candidate.fault:
        return [Check(part, "faults", 1.0, "must be 0", False, candidate.fault)]
    both = (candidate.surprise > 0.0) & (incumbent.surprise > 0.0)
    mine, theirs = (float(d.surprise[both].mean()) if both.any() else 0.0 for d in (candidate, incumbent))
    less = incumbent.believed - candidate.believed
    return [
        at_most(part, "surprise more than the incumbent's", mine - theirs, bounds.surprise_margin,
                f"{mine:.3f}, incumbent {theirs:.3f}, {int(both.sum())} moments"),
        at_most(part, "believed less of the time than the incumbent", less, bounds.learnt_share_margin,
                f"{candidate.believed:.3f}, incumbent {incumbent.believed:.3f}"),
    ]  # fmt: skip
