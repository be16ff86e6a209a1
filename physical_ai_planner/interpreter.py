"""What the planner needs from whatever turns sentences into goal states."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol, runtime_checkable

from physical_ai_core.goal import GoalState


class Readiness(str, Enum):
    READY = "ready"
    LOADING = "loading"
    FAILED = "failed"
    ABSENT = "absent"  # none is configured


class InterpreterStatus(NamedTuple):
    readiness: Readiness
    message: str = ""


class Reading(NamedTuple):
    """One way to read a sentence: what it means here, and how probable it is among all readings, in [0, 1].

    `line`: the compact goal line it came from, empty where there is none.
    """

    goal: GoalState
    probability: float
    line: str = ""


class Interpreter(Protocol):
    """Sentence in, goal state out, some time later. No call may block."""

    def submit(self, instruction_id: str, text: str, present: str | None = None) -> None:
        """Take one sentence; its answer comes out of `poll` with the same `instruction_id`.

        `present`: id of the place that the robot goes to or stands at by its last goal, for "there".
        """
        ...

    def poll(self) -> list[GoalState]:
        """Answers that came since the last call: steps, a question, or a refusal each."""
        ...

    def status(self) -> InterpreterStatus:
        """Whether sentences are answered now."""
        ...


@runtime_checkable
class ReadsMany(Protocol):
    """An interpreter that can say in which other ways a sentence may be read."""

    def readings(self, instruction_id: str) -> tuple[Reading, ...]:
        """All readings behind an answer that `poll` gave, most probable first; asked once, then forgotten."""
        ...
