"""The newest operations of a filter with the state after each, so that it can go back and do them again."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, Final, NamedTuple

import numpy as np

from physical_ai_core.geometry import Array

KEPT: Final = 1024  # operations; at 400 Hz IMU and 100 Hz wheels some 2 s


class Step(NamedTuple):
    """A propagation; `controls` as `model.propagation` takes them, its first element the interval."""

    controls: list[float]


class Correction(NamedTuple):
    """A measurement that was taken, at its own time."""

    source: str
    measurement: Any
    gated: bool
    opened: bool = False  # let in after a long rejection: the state admitted doubt first


Operation = Step | Correction


class Timeline:
    """Bounded: at most `KEPT` operations and not more than `span_s` seconds are of use."""

    def __init__(self, size: int, span_s: float) -> None:
        self._states = np.empty((2 * KEPT, size))
        self._stamps: list[float] = []
        self._operations: list[Operation | None] = []
        self._first = 0  # row of the first entry
        self.span_s = span_s

    def __len__(self) -> int:
        return len(self._stamps)

    def begin(self, stamp_s: float, full: Array) -> None:
        """Forget all, and start from a state."""
        self._stamps, self._operations, self._first = [stamp_s], [None], 0
        self._states[0] = full

    def add(self, stamp_s: float, operation: Operation, full: Array) -> None:
        """`full` is the state after the operation, `stamp_s` its stamp."""
        row = self._first + len(self._stamps)
        if row == 2 * KEPT:
            drop = len(self._stamps) - KEPT + 1
            kept = self._states[self._first + drop : row]
            self._states[: len(kept)] = kept
            del self._stamps[:drop], self._operations[:drop]
            self._first, row = 0, len(kept)
        self._states[row] = full
        self._stamps.append(stamp_s)
        self._operations.append(operation)

    def before(self, stamp_s: float) -> int:
        """Index of the last entry that is not later than `stamp_s`; -1: the record does not reach so far back."""
        if not self._stamps or stamp_s < self._stamps[-1] - self.span_s:
            return -1
        index = bisect_right(self._stamps, stamp_s) - 1
        return index if len(self._stamps) - index <= KEPT else -1

    def reaching(self, stamp_s: float) -> int:
        """Index of the last entry that is not later than `stamp_s`, or of the first that is held."""
        held = max(0, len(self._stamps) - KEPT)
        return max(held, bisect_right(self._stamps, stamp_s) - 1)

    def state(self, index: int) -> tuple[float, Array]:
        """Stamp and state after an entry; a view that the next `add` may overwrite."""
        return self._stamps[index], self._states[self._first + index]

    def after(self, index: int) -> list[Operation]:
        """The operations that followed an entry."""
        return [operation for operation in self._operations[index + 1 :] if operation is not None]

    def cut(self, index: int) -> None:
        """Forget what followed an entry."""
        del self._stamps[index + 1 :], self._operations[index + 1 :]
