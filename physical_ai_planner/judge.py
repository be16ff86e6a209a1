"""The readings of a sentence, checked and rehearsed on this site from where the robot is: what shall be done about it.

Every goal goes through here, whoever wrote it: a model, a table of commands, or a pose from rviz.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from physical_ai_core.forecast import DriveForecast, PeopleForecast
from physical_ai_core.geometry import Array
from physical_ai_core.goal import GoalState, Limits, Task
from physical_ai_planner.conversation import Instruction
from physical_ai_planner.hypotheses import (
    Check,
    Decision,
    Hypothesis,
    Instead,
    Rules,
    Trial,
    decide,
    merged,
    plausible,
    tried,
    weigh,
)
from physical_ai_planner.interpreter import Reading
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.pursuit import Pursuit
from physical_ai_planner.rollout import REACTION_S, Rehearsal, RollOut

JOULES_A_WH = 3600.0
ODD = 0.2  # factor on the probability of a goal that no person means

Adviser = Callable[[GoalState], GoalState]  # the same goal, tighter; or a question or a refusal in its place


@dataclass
class Thought:
    """An instruction being weighed. `after`: the pose where the goal before it ends, of one that queues.

    `corrects_line`: it takes the place of the goal that waits last.
    """

    said: Instruction
    after: Array | None
    corrects_line: bool
    left: deque[Reading]  # not yet tried out
    found: list[Hypothesis] = field(default_factory=list)


class Judge:
    """Weighs readings. `people` and `driver` are lent by a composition root; `adviser` speaks before the checks."""

    def __init__(
        self,
        parameters: PlannerParameters,
        pursuit: Pursuit,
        people: PeopleForecast | None = None,
        driver: DriveForecast | None = None,
        adviser: Adviser | None = None,
    ) -> None:
        self.p, self.pursuit, self.adviser = parameters, pursuit, adviser
        self.rules = Rules(parameters.confidence_threshold, parameters.close_readings)
        self.rehearsal = Rehearsal(
            pursuit.site, pursuit.robot, pursuit.site_map, parameters.slowdown_mps2, people, driver
        )
        self.weighed: tuple[Hypothesis, ...] = ()  # of the last sentence, for whoever wants to see why

    def judge(self, readings: Sequence[Reading], now_s: float, after: Array | None = None) -> Decision:
        """What to do about a sentence. `after`: the pose where the goal before it ends, of one that queues."""
        self.weighed = weigh(readings, lambda goal: self.try_out(goal, now_s, after))
        return decide(self.weighed, self.rules)

    def thought(self, said: Instruction, after: Array | None, corrects_line: bool) -> Thought:
        """An instruction to be weighed, a reading at a time (`go_on`)."""
        return Thought(said, after, corrects_line, deque(plausible(said.readings)))

    def go_on(self, thought: Thought, now_s: float) -> Decision | None:
        """Try out the next reading of a thought; the decision, once there is none left."""
        if thought.left:
            reading = thought.left.popleft()
            thought.found.append(tried(reading, lambda goal: self.try_out(goal, now_s, thought.after)))
        if thought.left:
            return None
        self.weighed = merged(thought.said.readings, thought.found)
        return decide(self.weighed, self.rules)

    def try_out(self, goal: GoalState, now_s: float, after: Array | None = None) -> Trial:
        """A goal checked and rehearsed. Raises Refused, Instead."""
        if self.adviser is not None:
            goal = self.adviser(goal)
            if goal.steps is None:
                raise Instead(goal)
        mission, terrains = self.pursuit.prepared(goal, now_s, after)
        here = self.pursuit.localisation.here(now_s)
        speed = here.speed_mps if here is not None and after is None else 0.0
        rolled = self.rehearsal.run(mission.aims, terrains, mission.start, now_s, speed)
        most = seen_speed(self.p.sight_m, self.p.slowdown_mps2)
        if rolled.top_mps > most + 1e-6:
            mission, terrains = self.pursuit.prepared(slower(goal, most), now_s, after)
            rolled = self.rehearsal.run(mission.aims, terrains, mission.start, now_s, speed)
        odd = oddity(goal)
        found = checks(rolled, self.p)
        return Trial(mission, (*found, Check("sense", not odd, note=odd)), rolled, ODD if odd else 1.0)


def oddity(goal: GoalState) -> str:
    """What no person means: a drive to a place that is given a time. On arrival the time would change nothing, before
    it would cut the drive short; a wait was meant. Empty where nothing is odd."""
    timed = (step for step in goal.steps or () if step.task in (Task.NAVIGATE, Task.DOCK) and step.until is not None)
    return "a drive for a time" if any(s.until is not None and s.until.duration_s is not None for s in timed) else ""


def checks(rolled: RollOut, parameters: PlannerParameters) -> tuple[Check, ...]:
    """What a mission that may be driven was found to be. Energy is reported only: no topic carries the battery."""
    return (
        Check("site rules", True),
        Check("way", True, rolled.length_m, unit="m"),
        Check("time", True, rolled.time_s, unit="s"),
        Check("stopping distance", rolled.stopping_m <= parameters.sight_m, rolled.stopping_m, parameters.sight_m, "m"),
        Check("energy", True, rolled.energy_j / JOULES_A_WH, unit="Wh"),
        Check("people", True, rolled.conflict, unit="", note="probability of coming too near within seconds"),
    )


def seen_speed(sight_m: float, deceleration_mps2: float) -> float:
    """Highest speed (m/s) from which the robot stands within what it sees, its reaction counted."""
    t, a = REACTION_S, deceleration_mps2
    return a * (math.sqrt(t * t + 2.0 * sight_m / a) - t)


def slower(goal: GoalState, most_mps: float) -> GoalState:
    """The goal with every step's speed limited; limits only tighten."""
    steps = []
    for step in goal.steps or ():
        asked = step.limits.max_speed_mps
        speed = float(np.clip(most_mps if asked is None else min(asked, most_mps), 0.01, 20.0))
        limits = Limits.model_validate({**step.limits.model_dump(), "max_speed_mps": speed})
        steps.append(step.model_copy(update={"limits": limits}))
    return goal.model_copy(update={"steps": tuple(steps)})
