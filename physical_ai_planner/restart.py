"""After a restart: the goal of the former run, and those that waited behind it, are taken up again."""

from __future__ import annotations

from physical_ai_core.core import NOTHING, Output, Outputs
from physical_ai_core.errors import GoalError
from physical_ai_core.goal import Task
from physical_ai_planner import phrases
from physical_ai_planner.conversation import last_place
from physical_ai_planner.goals import Goals
from physical_ai_planner.present_goal import PresentGoal
from physical_ai_planner.refused import Refused
from physical_ai_planner.replies import refused


class Restart:
    """Looks once for what was kept, and takes it up as soon as the pose is known; a newer word wins over it."""

    def __init__(self, goals: Goals) -> None:
        self.goals, self.pursuit = goals, goals.pursuit
        self._kept: PresentGoal | None = None
        self._looked = False

    def tick(self, stamp_s: float) -> Outputs:
        if not self._looked:
            self._looked = True
            try:
                self._kept = self.pursuit.kept(stamp_s)
            except GoalError as error:
                self.pursuit.file_fault = str(error)
        if self.goals.touched:
            self._kept = None
        if self._kept is None or self.pursuit.localisation.here(stamp_s) is None:
            return NOTHING
        kept, self._kept = self._kept, None
        return self._take_up(kept, stamp_s)

    def _take_up(self, kept: PresentGoal, stamp_s: float) -> Outputs:
        try:
            mission = self.pursuit.take_up(kept, stamp_s)
        except Refused as error:
            self.pursuit.drop()
            return [refused(error, kept.goal.instruction_id, stamp_s)]
        except GoalError as error:
            self.pursuit.drop()
            self.pursuit.file_fault = str(error)
            return NOTHING
        replies, line = self.goals.replies, self.goals.line
        line.restore(kept.behind)
        self.pursuit.behind = line.goals
        self.pursuit.begin(mission, stamp_s)
        self.goals.conversation.present = last_place(mission.goal)
        rest = mission.aims[mission.progress.step :]
        words = phrases.restored(phrases.understood([phrases.step(aim.step, aim.spot) for aim in rest]))
        if mission.paused:
            words = phrases.STOPPED_GOAL
        goal = replies.goal(Task.STOP) if mission.paused else Output("goal_state", self.pursuit.present)
        return [replies.info(words, stamp_s), goal]
