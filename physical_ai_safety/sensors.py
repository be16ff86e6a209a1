"""All range sensors of the robot together: several LiDARs and 3D sensors, told apart by topic and frame.

Each keeps its own sweep, its own people and its own age. Who was heard once is missed when it falls silent, unless the
rules say that it comes when it likes; who is declared as required is waited for before the robot moves at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.robot import Mount
from physical_ai_safety.dead_reckoning import DeadReckoning
from physical_ai_safety.footprint import Hull
from physical_ai_safety.inputs import Inputs
from physical_ai_safety.ranges import RangeField, Ranges, merged
from physical_ai_safety.schema import RangeSensor

MOST_SENSORS: Final = 8  # more frames than this are no robot's sensors, but a fault
GLANCE: Final = 37  # every so many returns are compared before all of them are


class Source(NamedTuple):
    """One sensor. `name`: as it is called in verdicts and among the inputs."""

    name: str
    rules: RangeSensor
    field: RangeField


class SensorBank:
    """The range sensors, as one `Ranges`. Ages go into `inputs` under "scan FRAME" and "points FRAME"."""

    def __init__(
        self, hull: Hull, reckoning: DeadReckoning, inputs: Inputs, declared: Mapping[str, RangeSensor],
        ages_s: tuple[float, float], reach_m: float, blind_memory_s: float, walker_speeds_mps: tuple[float, float],
    ) -> None:  # fmt: skip
        """`ages_s`: greatest of a scan and of a cloud; `reach_m`: nothing farther matters."""
        self._hull, self._reckoning, self._inputs = hull, reckoning, inputs
        self._ages_s = dict(zip(("scan", "points"), ages_s, strict=True))
        self._how = (reach_m, blind_memory_s, walker_speeds_mps)
        self._declared = dict(declared)
        self._sources: dict[tuple[str, str], Source] = {}
        self._last: dict[str, NDArray[np.float32]] = {}
        self._ready: tuple[tuple[object, ...], Ranges] | None = None
        for frame, rules in self._declared.items():
            self._add(rules.topic, frame, rules)

    @property
    def fields(self) -> tuple[RangeField, ...]:
        return tuple(source.field for source in self._sources.values())

    def sweep(self, scan: m.LaserScan, mount: Mount, stamp_s: float, now_s: float, moves: bool) -> str:
        """Take a scan. Returns "" or the reason why it is refused. `moves`: the robot does."""
        source = self._source("scan", scan.frame_id)
        if source is None:
            return "too many sensors"
        refusal = self._inputs.check(source.name, stamp_s, now_s) or self._frozen(source, scan.ranges_m, moves)
        others = [field for field in self.fields if field is not source.field]
        refusal = refusal or source.field.sweep(scan, mount, others, source.rules.masked_rad)
        if not refusal:
            self._inputs.note(source.name, stamp_s)
            newest_s = self._inputs.stamp_s("scan")
            self._inputs.note("scan", stamp_s if newest_s is None else max(newest_s, stamp_s))
        return refusal

    def cloud(self, cloud: m.PointCloud, mount: Mount, stamp_s: float, now_s: float, moves: bool) -> str:
        """Take a 3D sweep. Returns "" or the reason why it is refused. `moves`: the robot does."""
        source = self._source("points", cloud.frame_id)
        if source is None:
            return "too many sensors"
        refusal = self._inputs.check(source.name, stamp_s, now_s) or self._frozen(source, cloud.points_m, moves)
        if not refusal:
            source.field.cloud(cloud, mount, source.rules.view_rad)
            self._inputs.note(source.name, stamp_s)
        return refusal

    def follow(self) -> bool:
        """Look for people in what was swept last. Returns whether there was anything to look at."""
        return any([field.follow() for field in self.fields])

    def now(self) -> Ranges:
        """Everything at the present pose; computed once until the robot moves or a sensor speaks."""
        fields, pose = self.fields, self._reckoning.now
        key = (pose, *(field.version for field in fields))
        if self._ready is None or self._ready[0] != key:
            self._ready = (key, merged(fields, self._hull, self._reckoning))
        return self._ready[1]

    def missing(self) -> tuple[str, ...]:
        """Sensors that the rules require and that were never heard."""
        return self._inputs.never(self.awaited() if self._declared else ("scan",))

    def awaited(self) -> tuple[str, ...]:
        """Inputs that must go on: all that were heard once, but for those that come when they like."""
        return tuple(source.name for source in self._sources.values() if source.rules.required)

    def age_s(self, now_s: float) -> float | None:
        """Age of the oldest picture in use; None before the first."""
        names = [name for name in self.awaited() if not self._inputs.never((name,))]
        return max(self._inputs.age_s(name, now_s) for name in names) if names else None

    def forget(self) -> None:
        """The clock jumped."""
        for source in self._sources.values():
            source.field.forget()
        if not self._declared:
            self._sources.clear()
        self._last.clear()
        self._ready = None

    def _source(self, topic: Literal["scan", "points"], frame: str) -> Source | None:
        known = self._sources.get((topic, frame))
        if known is not None or len(self._sources) >= MOST_SENSORS:
            return known
        return self._add(topic, frame, RangeSensor(topic=topic))

    def _add(self, topic: str, frame: str, rules: RangeSensor) -> Source:
        limit_s = rules.max_age_s or self._ages_s[topic]
        reach_m, memory_s, speeds = self._how
        source = Source(
            f"{topic} {frame}", rules, RangeField(self._hull, self._reckoning, reach_m, memory_s, speeds, limit_s)
        )
        self._inputs.add(source.name, topic, limit_s)
        self._sources[topic, frame] = source
        return source

    def _frozen(self, source: Source, seen: NDArray[np.float32], moves: bool) -> str:
        """Ranges (N,) or points (N, 3) equal to the last ones to the bit, while the robot moves and something is in
        sight, are no picture of now."""
        last, self._last[source.name] = self._last.get(source.name), seen
        if last is None or not moves or not (_same(last[::GLANCE], seen[::GLANCE]) and _same(last, seen)):
            return ""
        return "frozen" if bool(np.isfinite(last).any()) else ""


def _same(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """To the bit, so that what is no number equals itself."""
    return np.array_equal(one.view(np.uint32), other.view(np.uint32))
