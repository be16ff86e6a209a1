"""Goals that wait behind the present one, in order."""

from __future__ import annotations

from dataclasses import dataclass

from physical_ai_core.geometry import Array
from physical_ai_core.goal import GoalState

MOST = 4


@dataclass(frozen=True)
class Waiting:
    """A goal in line, and `[x, y, yaw]` in `map` where it will end (None: not known, as after a restart)."""

    goal: GoalState
    end: Array | None


class Line:
    """At most MOST goals."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        return len(self._waiting) >= MOST

    @property
    def goals(self) -> tuple[GoalState, ...]:
        return tuple(waiting.goal for waiting in self._waiting)

    @property
    def last(self) -> Waiting | None:
        return self._waiting[-1] if self._waiting else None

    def add(self, waiting: Waiting) -> int:
        """Put a goal at the end; its place in the line, from 1."""
        self._waiting.append(waiting)
        return len(self._waiting)

    def replace_last(self, waiting: Waiting) -> None:
        self._waiting[-1:] = [waiting]

    def before_last(self) -> Waiting | None:
        return self._waiting[-2] if len(self._waiting) > 1 else None

    def take(self) -> GoalState | None:
        """The first in line, no longer in it."""
        return self._waiting.pop(0).goal if self._waiting else None

    def clear(self) -> int:
        """Drop all; how many there were."""
        count, self._waiting = len(self._waiting), []
        return count

    def restore(self, goals: tuple[GoalState, ...]) -> None:
        self._waiting = [Waiting(goal, None) for goal in goals[:MOST]]
