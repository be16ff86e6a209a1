"""What a relay makes of serialised messages: pure, one `Spoiler` a topic.

A message whose type begins with a header, or with a time, begins with its stamp: four bytes of encapsulation, then
seconds and nanoseconds. That much is read and written here; content is spoilt by `rewrite`, which knows the type.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.random import Generator

from physical_ai_bench.faults.plan import Kind
from physical_ai_bench.wire import poisoned
from physical_ai_core.goal import GoalState

STAMP: Final = struct.Struct("<iI")
STAMP_AT: Final = 4  # after the encapsulation
BODY_AT: Final = STAMP_AT + STAMP.size
NANO: Final = 1_000_000_000
SHARE: Final = 0.3  # of the numbers that a corrupt message has at random
GARBLED: Final = 0.02  # of the bytes
Rewrite = Callable[[bytes, Kind], bytes]


def stamp_ns(message: bytes) -> int:
    sec, nanosec = STAMP.unpack_from(message, STAMP_AT)
    return int(sec) * NANO + int(nanosec)


def stamped(message: bytes, nanoseconds: int) -> bytes:
    """The same message at another time; never before 0."""
    sec, nanosec = divmod(max(0, nanoseconds), NANO)
    return message[:STAMP_AT] + STAMP.pack(sec, nanosec) + message[BODY_AT:]


class Spoiler:
    """Carries the messages of one topic. `has_stamp`: they begin with one; without it a delay is by arrival."""

    def __init__(self, has_stamp: bool, rewrite: Rewrite, random: Generator) -> None:
        self._has_stamp, self._rewrite, self._random = has_stamp, rewrite, random
        self._kind, self._amount = Kind.NONE, 0.0
        self._held: deque[tuple[int, bytes]] = deque()  # due, message
        self._newest_ns = 0
        self._good: bytes | None = None

    def set(self, kind: Kind, amount: float = 0.0) -> None:
        """Spoil from now on in this way. What a delay still holds is lost when it ends."""
        self._kind, self._amount = kind, amount
        self._held.clear()

    def carry(self, message: bytes, arrived_s: float) -> Iterator[bytes]:
        """What is to be said for a message that arrived."""
        kind, ahead_ns = self._kind, round(self._amount * NANO)
        time_ns = stamp_ns(message) if self._has_stamp else round(arrived_s * NANO)
        self._newest_ns = max(self._newest_ns, time_ns)
        if kind is Kind.NONE:
            self._good = message
        if kind in (Kind.NONE, Kind.DUPLICATE, Kind.FLOOD):
            times = {Kind.NONE: 1, Kind.DUPLICATE: 2}.get(kind, int(self._amount))
            yield from (message for _ in range(times))
        elif kind is Kind.DELAY:
            self._held.append((time_ns + ahead_ns, message))
            yield from self.due(arrived_s)
        elif kind is Kind.SHIFT:
            yield stamped(message, time_ns + ahead_ns) if self._has_stamp else message
        elif kind is Kind.FREEZE:
            good = self._good or message
            yield stamped(good, time_ns) if self._has_stamp else good
        elif kind is Kind.GARBLE:
            yield garbled(message, self._random, BODY_AT if self._has_stamp else STAMP_AT)
        elif kind is not Kind.SILENCE:
            yield self._rewrite(message, kind)

    def due(self, now_s: float) -> Iterator[bytes]:
        """Delayed messages whose time has come: by the stamps of the newer ones, which is the graph's time."""
        until_ns = self._newest_ns if self._has_stamp else round(now_s * NANO)
        while self._held and self._held[0][0] <= until_ns:
            yield self._held.popleft()[1]


def garbled(message: bytes, random: Generator, begin: int) -> bytes:
    """Some bytes from `begin` on at random."""
    content = bytearray(message)
    count = max(1, round(GARBLED * (len(content) - begin)))
    for place in random.integers(begin, max(begin + 1, len(content)), count):
        if place < len(content):
            content[place] = int(random.integers(256))
    return bytes(content)


def spoilt(data: Any, kind: Kind, random: Generator) -> Any:
    """A payload with NaN, or numbers at random, in place of its real numbers; stamps stay."""
    return poisoned(data) if kind is Kind.NAN else corrupted(data, random)


def corrupted(data: Any, random: Generator) -> Any:
    """Every field, or element of an array, at random in `SHARE` of the cases."""
    if not is_dataclass(data) or isinstance(data, (type, GoalState)):
        return data
    changes: dict[str, Any] = {}
    for field in fields(data):
        value = getattr(data, field.name)
        if field.name == "stamp_s":
            continue
        if isinstance(value, float):
            changes[field.name] = float(_wrong(np.array([value]), random)[0])
        elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
            changes[field.name] = _wrong(value, random)
        elif isinstance(value, np.ndarray) and value.dtype.names:
            rows = value.copy()
            for name in rows.dtype.names or ():
                if rows.dtype[name].kind == "f":
                    rows[name] = _wrong(rows[name], random)
            changes[field.name] = rows
    return replace(data, **changes)


def _wrong(values: Any, random: Generator) -> Any:
    shape = np.shape(values)
    wild = random.choice(np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0]), shape)
    near = -values * random.uniform(0.0, 3.0, shape)
    wrong = np.where(random.random(shape) < 0.5, wild, near)
    with np.errstate(over="ignore"):
        return np.where(random.random(shape) < SHARE, wrong, values).astype(np.asarray(values).dtype)
