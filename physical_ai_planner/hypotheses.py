"""Hypothesis and check: the readings of one sentence, each tried out on this site, and what comes of them.

Pure: what a reading would do is found out by `try_out`, which the caller brings. Rules of `decide`, in order:

1. Readings that make the robot do the same are one hypothesis; their probabilities add up.
2. None can be carried out: the most probable one is answered, by its own question or by the reason it is refused for.
3. A reading that cannot be carried out is more probable than every other: it is answered, unless one that can is close.
4. Several that can be carried out are close: one short question names them.
5. The best is obeyed where it is at least as probable as the threshold, else asked back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from physical_ai_core.goal import GoalState, RefusalReason, Task
from physical_ai_planner.aim import Aim
from physical_ai_planner.interpreter import Reading
from physical_ai_planner.mission import Mission
from physical_ai_planner.refused import Refused
from physical_ai_planner.rollout import RollOut

MOST = 8  # readings that are weighed at all
LEAST_SHARE = 0.02  # a reading this much less probable than the first is not tried out
CONFLICT_COST = 0.5  # of certainly coming too near to a person
TIME_COST = 0.1  # of ten minutes or more
LONG_S = 600.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `value` and `limit` in `unit`, NaN where there is no number."""

    name: str
    passed: bool
    value: float = math.nan
    limit: float = math.nan
    unit: str = ""
    note: str = ""


class Trial(NamedTuple):
    """A reading that can be carried out. `sense`: how likely a person means such a thing, against usual goals."""

    mission: Mission
    checks: tuple[Check, ...] = ()
    rolled: RollOut | None = None
    sense: float = 1.0


@dataclass(frozen=True)
class Hypothesis:
    """A reading and what trying it out showed. `cost`: how little one would like to do it, beside being right.

    `mission` None: it cannot be carried out; `refused` says why, or its goal is a question or a refusal by itself.
    """

    line: str
    probability: float
    goal: GoalState
    checks: tuple[Check, ...] = ()
    cost: float = 0.0
    mission: Mission | None = None
    refused: Refused | None = None

    @property
    def feasible(self) -> bool:
        return self.mission is not None

    @property
    def score(self) -> float:
        """Probability, less for what it costs."""
        return self.probability * math.exp(-self.cost)


@dataclass(frozen=True)
class Rules:
    """`threshold`: nothing less probable is carried out unasked; `close`: share of the best score that is a rival."""

    threshold: float = 0.6
    close: float = 0.5
    choices: int = 3


class Instead(Exception):
    """Carries the question or refusal that stands in place of a goal's steps."""

    def __init__(self, goal: GoalState) -> None:
        super().__init__()
        self.goal = goal


class Obey(NamedTuple):
    best: Hypothesis


class Confirm(NamedTuple):
    """Ask "did I get this right?"."""

    best: Hypothesis


class Choose(NamedTuple):
    """Ask which one is meant."""

    rivals: tuple[Hypothesis, ...]


class Reply(NamedTuple):
    """Say what stands in the way of this one."""

    why: Hypothesis


Decision = Obey | Confirm | Choose | Reply


def weigh(readings: Sequence[Reading], try_out: Callable[[GoalState], Trial]) -> tuple[Hypothesis, ...]:
    """Every plausible reading tried out; readings that come to the same are one. Nothing that `try_out` raises passes.

    Sorted by falling probability; empty only where `readings` is. `try_out` raises Refused, or `Instead` with the
    question or refusal that an adviser puts in a goal's place.
    """
    return merged(readings, [tried(reading, try_out) for reading in plausible(readings)])


def plausible(readings: Sequence[Reading]) -> list[Reading]:
    """The readings that are worth trying out, most probable first."""
    ranked = sorted(readings, key=lambda reading: -_sound(reading.probability))[:MOST]
    least = LEAST_SHARE * _sound(ranked[0].probability) if ranked else 0.0
    return [reading for reading in ranked if _sound(reading.probability) >= least]


def merged(readings: Sequence[Reading], found: Sequence[Hypothesis]) -> tuple[Hypothesis, ...]:
    """One hypothesis for all that come to the same. What readings without sense gave up goes to all others, those that
    were not tried too, in their proportions."""
    before = min(1.0, sum(_sound(reading.probability) for reading in plausible(readings)))
    after = sum(hypothesis.probability for hypothesis in found)
    rest = 1.0 - before
    scale = 1.0 / (after + rest) if after < before - 1e-9 and after + rest > 0.0 else 1.0
    same: dict[object, Hypothesis] = {}
    for hypothesis in sorted(found, key=lambda h: -h.probability):
        known = same.setdefault(_meaning(hypothesis), replace(hypothesis, probability=0.0))
        probability = min(1.0, known.probability + scale * hypothesis.probability)
        same[_meaning(hypothesis)] = replace(known, probability=probability)
    return tuple(sorted(same.values(), key=lambda h: -h.probability))


def decide(hypotheses: Sequence[Hypothesis], rules: Rules) -> Decision:
    """What to do about a sentence with these hypotheses (at least one)."""
    top = max(hypotheses, key=lambda h: h.probability)
    able = sorted((h for h in hypotheses if h.feasible), key=lambda h: -h.score)
    if not able:
        return Reply(top)
    best = able[0]
    if not top.feasible and best.score < rules.close * top.probability:
        return Reply(top)
    rivals = tuple(h for h in able if h is best or h.score >= rules.close * best.score)[: rules.choices]
    if len(rivals) > 1:
        return Choose(rivals)
    doubted = any(not h.feasible and h.probability >= rules.close * best.score for h in hypotheses)
    return Obey(best) if best.probability >= rules.threshold and not doubted else Confirm(best)


def cost_of(rolled: RollOut | None) -> float:
    """Small against probability: it orders readings that are nearly as likely as each other."""
    if rolled is None:
        return 0.0
    conflict = rolled.conflict if math.isfinite(rolled.conflict) else 0.0
    lasting = min(1.0, rolled.time_s / LONG_S) if math.isfinite(rolled.time_s) else 1.0
    return CONFLICT_COST * conflict + TIME_COST * lasting


def tried(reading: Reading, try_out: Callable[[GoalState], Trial]) -> Hypothesis:
    """One reading tried out, whatever that raises."""
    goal, probability = reading.goal, _sound(reading.probability)
    if goal.steps is None:
        return Hypothesis(reading.line, probability, goal)
    try:
        trial = try_out(goal)
    except Instead as instead:
        return Hypothesis(reading.line, probability, instead.goal)
    except Refused as error:
        failed = Check(error.refusal.reason.value, False, note=error.refusal.text.en)
        return Hypothesis(reading.line, probability, goal, (failed,), refused=error)
    except Exception as error:  # one broken candidate must not take the others, or the tick, with it
        said = Refused(
            RefusalReason.NOT_ABLE, "I cannot work out how to do that.", "その指示の実行方法を計算できませんでした。"
        )
        failed = Check("broken", False, note=f"{type(error).__name__}: {error}"[:200])
        return Hypothesis(reading.line, probability, goal, (failed,), refused=said)
    probability *= min(1.0, max(0.0, trial.sense))
    return Hypothesis(reading.line, probability, trial.mission.goal, trial.checks, cost_of(trial.rolled), trial.mission)


def _meaning(hypothesis: Hypothesis) -> object:
    """Equal for hypotheses that come to the same for the robot and its operator."""
    goal = hypothesis.goal
    if hypothesis.mission is not None:
        return ("do", goal.queue, tuple(_doing(aim) for aim in hypothesis.mission.aims))
    if goal.question is not None:
        return ("ask", tuple(sorted(goal.question.options)), goal.question.text.en)
    refusal = goal.refusal if hypothesis.refused is None else hypothesis.refused.refusal
    return ("no", None if refusal is None else (refusal.reason, refusal.text.en))


def _doing(aim: Aim) -> object:
    """What the robot does in a step: two names of one place, or `go` and `dock` done in the same way, are the same."""
    step = aim.step
    task = Task.NAVIGATE if step.task is Task.DOCK else step.task
    target = step.target if not aim.course else None  # with a course, the course is what counts
    asked = (task, target, step.limits, step.until, bool(step.tool))
    return (asked, aim.course, aim.closed, aim.straight, aim.docks, aim.retreat)


def _sound(probability: float) -> float:
    return probability if 0.0 <= probability <= 1.0 else 0.0
