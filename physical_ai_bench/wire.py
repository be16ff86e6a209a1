"""What happens to messages between cores: nothing, or one of the faults that happen in the field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from typing import Any, Final, Protocol

import numpy as np

from physical_ai_core import graph
from physical_ai_core.errors import InputError
from physical_ai_core.goal import GoalState


class Wire(Protocol):
    """Carries a payload said at `now_s`: yields (delay in seconds, what arrives); nothing: it is lost."""

    def carry(self, topic: str, data: Any, now_s: float) -> Iterable[tuple[float, Any]]: ...


class PerfectWire:
    """Everything arrives, at once."""

    def carry(self, topic: str, data: Any, now_s: float) -> Iterable[tuple[float, Any]]:
        return ((0.0, data),)


PERFECT: Final = PerfectWire()


class FaultKind(str, Enum):
    NONE = "none"
    SILENCE = "silence"  # nothing arrives on the topic
    DELAY = "delay"  # everything arrives `amount_s` late
    POISON = "nan"  # every number is NaN
    FREEZE = "freeze"  # the last good content comes again and again, with new stamps
    JUMP = "jump"  # stamps are `amount_s` ahead
    DROP_NODE = "drop"  # the node dies and a fresh one comes back at the end


@dataclass(frozen=True)
class Fault:
    """One fault on a topic or a node, from `at_s` for `for_s` seconds of the run."""

    kind: FaultKind
    target: str = ""
    at_s: float = 0.0
    for_s: float = 1e9
    amount_s: float = 0.0

    def __post_init__(self) -> None:
        known = graph.NODE if self.kind is FaultKind.DROP_NODE else graph.TOPIC
        if self.kind is not FaultKind.NONE and self.target not in known:
            what = "node" if self.kind is FaultKind.DROP_NODE else "topic"
            raise InputError(f"There is no {what} '{self.target}' for a fault.", f"Known: {', '.join(known)}.")

    @property
    def name(self) -> str:
        amount = f"({self.amount_s:g}s)" if self.amount_s else ""
        return self.kind.value if self.kind is FaultKind.NONE else f"{self.kind.value}{amount}:{self.target}"

    def active(self, now_s: float) -> bool:
        return self.at_s <= now_s < self.at_s + self.for_s


class FaultyWire:
    """A wire with faults; times count from `origin_s` of the runner's clock."""

    def __init__(self, faults: Sequence[Fault], origin_s: float = 0.0) -> None:
        self._faults = [f for f in faults if f.kind not in (FaultKind.NONE, FaultKind.DROP_NODE)]
        self._origin_s = origin_s
        self._last_good: dict[str, Any] = {}

    def carry(self, topic: str, data: Any, now_s: float) -> Iterable[tuple[float, Any]]:
        delay_s = 0.0
        faulty = False
        for fault in self._faults:
            if fault.target != topic or not fault.active(now_s - self._origin_s):
                continue
            faulty = True
            if fault.kind is FaultKind.SILENCE:
                return ()
            if fault.kind is FaultKind.DELAY:
                delay_s += fault.amount_s
            elif fault.kind is FaultKind.POISON:
                data = poisoned(data)
            elif fault.kind is FaultKind.FREEZE:
                data = restamped(self._last_good.get(topic, data), getattr(data, "stamp_s", None))
            elif fault.kind is FaultKind.JUMP:
                data = restamped(data, getattr(data, "stamp_s", 0.0) + fault.amount_s)
        if not faulty:
            self._last_good[topic] = data
        return ((delay_s, data),)


def restamped(data: Any, stamp_s: float | None) -> Any:
    """The same content at another time."""
    if stamp_s is None or not hasattr(data, "stamp_s"):
        return data
    return replace(data, stamp_s=stamp_s)


def poisoned(data: Any) -> Any:
    """The payload with NaN in place of every real number but its stamp."""
    if not is_dataclass(data) or isinstance(data, (type, GoalState)):
        return data
    changes: dict[str, Any] = {}
    for field in fields(data):
        value = getattr(data, field.name)
        if field.name == "stamp_s":
            continue
        if isinstance(value, float):
            changes[field.name] = float("nan")
        elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
            changes[field.name] = np.full_like(value, np.nan)
        elif isinstance(value, np.ndarray) and value.dtype.names:
            rows = value.copy()
            for name in rows.dtype.names or ():
                if rows.dtype[name].kind == "f":
                    rows[name] = np.nan
            changes[field.name] = rows
    return replace(data, **changes)
