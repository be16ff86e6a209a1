"""What an expert may say: nothing, tighter limits, a question, a refusal. Combined: refuse > ask > tightest limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from physical_ai_core.goal import GoalState, Limits, RefusalReason, Step, Task, Words

STANDING: Final = frozenset({Task.WAIT, Task.STOP, Task.RESUME, Task.CANCEL})
Kind = Literal["abstain", "tighten", "ask", "refuse"]
LEAST_SPEED_MPS: Final = 0.05  # tighter than this is no limit but a stand still, which takes a refusal


@dataclass(frozen=True)
class Advice:
    """Of one rule. `limits` hold for the steps of `tasks` (empty: every step that moves); `numbers`: what it saw.

    A question may carry limits too: they hold when the person agrees.
    """

    expert: str
    rule: str
    kind: Kind
    clause: str
    words: Words
    numbers: dict[str, float | str] = field(default_factory=dict)
    confidence: float = 1.0
    limits: Limits = field(default_factory=Limits)
    tasks: frozenset[Task] = frozenset()
    reason: RefusalReason = RefusalReason.FORBIDDEN
    unknown: bool = False  # said because a fact is not known


def tightened(old: Limits, new: Limits) -> Limits:
    """The tighter of both, in every part; never looser than either. Commutative, associative, idempotent."""
    speeds = [v for v in (old.max_speed_mps, new.max_speed_mps) if v is not None]
    rooms = [v for v in (old.min_clearance_m, new.min_clearance_m) if v is not None]
    return Limits(
        max_speed_mps=min(speeds, default=None),
        min_clearance_m=max(rooms, default=None),
        keep_out=tuple(sorted({*old.keep_out, *new.keep_out})),
    )


def is_tighter(new: Limits, old: Limits) -> bool:
    """Whether `new` allows nothing that `old` forbids."""
    slower = old.max_speed_mps is None or (new.max_speed_mps is not None and new.max_speed_mps <= old.max_speed_mps)
    roomier = old.min_clearance_m is None or (
        new.min_clearance_m is not None and new.min_clearance_m >= old.min_clearance_m
    )
    return slower and roomier and set(old.keep_out) <= set(new.keep_out)


def _applies(advice: Advice, step: Step) -> bool:
    return step.task in advice.tasks if advice.tasks else step.task not in STANDING


def apply(goal: GoalState, advice: Sequence[Advice]) -> GoalState:
    """The goal with every advice's limits; the same object where none of them is tighter."""
    steps, changed = [], False
    for step in goal.steps or ():
        limits = step.limits
        for one in advice:
            if _applies(one, step):
                limits = tightened(limits, one.limits)
        changed = changed or limits != step.limits
        steps.append(step if limits == step.limits else step.model_copy(update={"limits": limits}))
    return goal.model_copy(update={"steps": tuple(steps)}) if changed else goal
