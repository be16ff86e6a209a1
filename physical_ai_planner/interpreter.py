"""What the planner needs from whatever turns sentences into goal states."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol

from physical_ai_core.goal import GoalState


class Readiness(str, Enum):
    READY = "ready"
    LOADING = "loading"
    FAILED = "failed"
    ABSENT = "absent"  # none is configured


class InterpreterStatus(NamedTuple):
    readiness: Readiness
    message: str = ""


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
