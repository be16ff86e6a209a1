"""What the planner says while it drives: every change, each hindrance once and again after a while."""

from __future__ import annotations

from physical_ai_core.core import Output
from physical_ai_core.goal import GoalState, Step, Task, Words
from physical_ai_planner import phrases
from physical_ai_planner.conversation import reply
from physical_ai_planner.mission import Happening
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.pursuit import Advance, Pursuit
from physical_ai_planner.refused import Refused

REMIND_S = 60.0  # a robot that still waits says so again after this time


class Replies:
    """Words and goal states about the present mission."""

    def __init__(self, parameters: PlannerParameters, pursuit: Pursuit) -> None:
        self.p, self.pursuit = parameters, pursuit
        self.lost = False  # own position is missing while driving
        self._next_reminder_s = parameters.blocked_patience_s

    def fresh(self) -> None:
        """A new mission has begun."""
        self._next_reminder_s = self.p.blocked_patience_s

    def tell(self, advance: Advance, stamp_s: float) -> list[Output]:
        """What one tick of the pursuit is worth saying."""
        outputs: list[Output] = []
        mission = self.pursuit.mission
        active = mission is not None and not mission.done and not mission.paused
        if active and self.lost == advance.localised:
            self.lost = not advance.localised
            outputs.append(self.info(phrases.POSE_LOST if self.lost else phrases.POSE_BACK, stamp_s))
        elif advance.localised:
            self.lost = False
        for happening in advance.happened:
            outputs += self._tell_happening(happening, stamp_s)
        if advance.blocked_s == 0.0:
            self._next_reminder_s = self.p.blocked_patience_s
        elif advance.blocked_s >= self._next_reminder_s:
            self._next_reminder_s += REMIND_S
            outputs.append(self.info(phrases.BLOCKED if advance.found else phrases.NO_WAY_NOW, stamp_s))
        return outputs

    def _tell_happening(self, happening: Happening, stamp_s: float) -> list[Output]:
        mission = self.pursuit.mission
        assert mission is not None
        if happening in (Happening.STEP, Happening.TOOL):
            return [Output("goal_state", self.pursuit.present)]
        if happening is Happening.SKIPPED:
            return [self.info(phrases.SKIPPED, stamp_s)]
        if happening is Happening.RETRY:
            return [self.info(phrases.DOCK_AGAIN, stamp_s)]
        if happening is Happening.WAITING:
            return [self.info(phrases.WAITING_FOR_WORD, stamp_s)]
        goal = mission.goal
        if happening in (Happening.LOST, Happening.GIVEN_UP):
            words = phrases.TARGET_LOST if happening is Happening.LOST else phrases.DOCK_GIVEN_UP
            said = reply(stamp_s, "info", words, goal.instruction_id, goal.goal_id)
        else:
            at = mission.progress.step
            before = mission.aims[at - 1] if at > 0 else None
            words = phrases.finished(
                mission.aim.step, mission.aim.spot, None if before is None else (before.step, before.spot)
            )
            said = reply(stamp_s, "done", words, goal.instruction_id, goal.goal_id)
        return [Output("planner/reply", said), Output("goal_state", self.pursuit.present)]

    def goal(self, task: Task, instruction_id: str = "") -> Output:
        """The present goal, replaced by one word about it."""
        mission = self.pursuit.mission
        goal_id = "" if mission is None else mission.goal.goal_id
        instruction_id = instruction_id or ("" if mission is None else mission.goal.instruction_id)
        return Output("goal_state", GoalState(goal_id=goal_id, instruction_id=instruction_id, steps=(Step(task=task),)))

    def info(self, words: Words, stamp_s: float) -> Output:
        mission = self.pursuit.mission
        ids = ("", "") if mission is None else (mission.goal.instruction_id, mission.goal.goal_id)
        return Output("planner/reply", reply(stamp_s, "info", words, *ids))


def refused(error: Refused, instruction_id: str, stamp_s: float) -> Output:
    said = error.refusal
    return Output(
        "planner/reply",
        reply(stamp_s, "refusal", said.text, instruction_id, reason=said.reason.value, options=error.options),
    )
