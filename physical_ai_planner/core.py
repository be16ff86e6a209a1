"""The planner's pure half: instructions in, one checked goal and its route out. The last valid word wins.

An instruction replaces the present goal only when it has become a valid goal of its own; a question or a refusal
leaves the present goal as it is. Stop, resume and cancel do not wait for the language model. A sentence spoken
before a stop never moves the robot after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import ValidationError

from physical_ai_core.core import ERROR, NOTHING, OK, WARN, Health, Output, Outputs
from physical_ai_core.errors import GoalError
from physical_ai_core.geometry import compose, yaw_of
from physical_ai_core.goal import GoalState, PlaceTarget, PoseTarget, RefusalReason, Step, Task, Words
from physical_ai_core.messages import Objects, OccupancyGrid, Odometry, Path, Pose, Scalar, Text
from physical_ai_core.reports import ControllerStatus, PlannerReply, Verdict
from physical_ai_core.robot import load_robot
from physical_ai_core.site import load_site
from physical_ai_planner import phrases
from physical_ai_planner.conversation import Conversation, Heard, refusal, reply
from physical_ai_planner.interpreter import Interpreter, Readiness
from physical_ai_planner.mission import Happening, Mission
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.present_goal import PresentGoal
from physical_ai_planner.pursuit import Advance, Pursuit
from physical_ai_planner.refused import Refused

REMIND_S = 60.0  # a robot that still waits says so again after this time
EARLY = 0.02  # share of a period by which a tick may come early and still count


class PlannerCore:
    """Topics as in the graph table. `interpreter` None: only fast words and poses are understood.

    Raises SiteError, RobotError when the site or the robot cannot be read.
    """

    def __init__(self, parameters: PlannerParameters, interpreter: Interpreter | None = None) -> None:
        self.p = parameters
        self.pursuit = Pursuit(parameters, load_site(parameters.site), load_robot(parameters.robot))
        self.conversation = Conversation(parameters, interpreter)
        self._goals = 0
        self._said_s: float | None = None
        self._waiting: tuple[GoalState, float] | None = None  # a goal that waits for the first pose
        self._kept: PresentGoal | None = None
        self._looked_for_kept = False
        self._lost = False
        self._emergency = False
        self._next_reminder_s = parameters.blocked_patience_s
        self._ears: dict[str, Callable[[Any, float], Outputs]] = {
            "instruction": self._instruction,
            "goal_pose": self._goal_pose,
            "state/odometry": self._odometry,
            "state/map_to_odom": self._map_to_odom,
            "state/objects": self._objects,
            "state/occupancy": self._occupancy,
            "world_model/surprise": self._surprise,
            "controller/status": self._status,
            "safety/verdict": self._verdict,
        }

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        ear = self._ears.get(topic)
        return ear(data, stamp_s) if ear is not None and np.isfinite(stamp_s) else NOTHING

    def tick(self, stamp_s: float) -> Outputs:
        if not np.isfinite(stamp_s):
            return NOTHING
        outputs = list(self._take(self.conversation.tick(stamp_s), stamp_s))
        outputs += self._restore(stamp_s)
        outputs += self._try_waiting(stamp_s)
        advance = self.pursuit.tick(stamp_s)
        outputs += self._tell(advance, stamp_s)
        period = 1.0 / self.p.plan_rate_hz
        elapsed = np.inf if self._said_s is None else stamp_s - self._said_s
        if outputs or not 0.0 <= elapsed < (1.0 - EARLY) * period:
            outputs += self._drive(stamp_s)
        return outputs

    def health(self) -> Health:
        status, mission = self.conversation.status(), self.pursuit.mission
        values = {
            "language": status.readiness.value,
            "goal_id": "" if mission is None else mission.goal.goal_id,
            "step": "" if mission is None else str(mission.progress.step),
            "searches": str(self.pursuit.router.searches),
            "to_go_m": f"{self.pursuit.way.length_m:.1f}",
        }
        if status.readiness is Readiness.FAILED:
            return Health(ERROR, f"language model: {status.message}", values)
        if self.pursuit.file_fault:
            return Health(WARN, self.pursuit.file_fault, values)
        if self._lost:
            return Health(WARN, "own position is missing", values)
        return Health(OK, "ok" if status.readiness is not Readiness.LOADING else "language model is loading", values)

    # --- what comes in ---

    def _odometry(self, data: Odometry, stamp_s: float) -> Outputs:
        self.pursuit.localisation.take_odometry(data)
        return NOTHING

    def _map_to_odom(self, data: Pose, stamp_s: float) -> Outputs:
        self.pursuit.localisation.take_map_to_odom(data)
        return NOTHING

    def _objects(self, data: Objects, stamp_s: float) -> Outputs:
        self.pursuit.localisation.take_objects(data)
        return NOTHING

    def _occupancy(self, data: OccupancyGrid, stamp_s: float) -> Outputs:
        self.pursuit.take_grid(data)
        return NOTHING

    def _surprise(self, data: Scalar, stamp_s: float) -> Outputs:
        if np.isfinite(data.data):
            self.pursuit.surprise = (float(data.data), stamp_s)
        return NOTHING

    def _status(self, data: ControllerStatus, stamp_s: float) -> Outputs:
        self.pursuit.status = data
        return NOTHING

    def _verdict(self, data: Verdict, stamp_s: float) -> Outputs:
        """An emergency stop pauses the goal: what a person stopped, a person starts again."""
        begun = data.state == "emergency_stop" and not self._emergency
        self._emergency = data.state == "emergency_stop"
        mission = self.pursuit.mission
        if not begun or self.p.resume_after_emergency_stop or mission is None or mission.done or mission.paused:
            return NOTHING
        self.pursuit.pause(True, stamp_s)
        return [self._info(phrases.EMERGENCY, stamp_s), self._goal_output(Task.STOP), *self._drive(stamp_s)]

    def _instruction(self, data: Text, stamp_s: float) -> Outputs:
        outputs = list(self._take(self.conversation.hear(data.data, stamp_s), stamp_s))
        return [*outputs, *self._take(self.conversation.tick(stamp_s), stamp_s)]  # a quick interpreter has it already

    def _goal_pose(self, data: Pose, stamp_s: float) -> Outputs:
        instruction_id = self.conversation.new_id(stamp_s)
        try:
            goal = GoalState(instruction_id=instruction_id, steps=(self._pose_step(data, stamp_s),))
        except Refused as error:
            return [_refusal_output(error, instruction_id, stamp_s)]
        return self._take([goal], stamp_s)

    def _pose_step(self, data: Pose, stamp_s: float) -> Step:
        position, turn = np.asarray(data.position_m, dtype=float), np.asarray(data.orientation_xyzw, dtype=float)
        norm = float(np.linalg.norm(turn))
        pose = np.array([*position[:2], yaw_of(turn / norm) if norm > 1e-3 else 0.0])
        if data.frame_id.lstrip("/") == "odom":
            here = self.pursuit.localisation.here(stamp_s)
            if here is None:
                raise Refused(RefusalReason.NOT_READY, phrases.NO_POSE.en, phrases.NO_POSE.ja)
            pose = compose(here.map_from_odom, pose)
        elif data.frame_id.lstrip("/") not in ("map", ""):
            raise Refused(
                RefusalReason.NOT_UNDERSTOOD,
                "I take goal poses in the frame map or odom only.",
                "目標位置はmapかodomの座標系で送ってください。",
            )
        try:
            return Step(
                task=Task.NAVIGATE,
                target=PoseTarget(x_m=pose[0], y_m=pose[1], yaw_rad=float(pose[2]) if norm > 1e-3 else None),
            )
        except ValidationError:
            raise Refused(
                RefusalReason.NOT_UNDERSTOOD,
                "This goal pose holds no sound numbers.",
                "目標位置の数値が正しくありません。",
            ) from None

    # --- goals ---

    def _take(self, heard: Heard, stamp_s: float) -> Outputs:
        outputs: list[Output] = []
        for item in heard:
            if isinstance(item, PlannerReply):
                outputs.append(Output("planner/reply", item))
            else:
                outputs += self._consider(item, stamp_s)
        return outputs

    def _consider(self, goal: GoalState, stamp_s: float) -> Outputs:
        """A goal that was said: obeyed, asked back, put off, or refused."""
        first = (goal.steps or (Step(task=Task.WAIT),))[0].task
        if first is Task.STOP:
            return self._stop(goal, stamp_s)
        try:
            if first is Task.RESUME and len(goal.steps or ()) == 1:
                return self._resume(goal, stamp_s)
            if first is Task.CANCEL and len(goal.steps or ()) == 1:
                return self._cancel(goal, stamp_s)
            mission = self.pursuit.prepare(goal, stamp_s)
        except Refused as error:
            if error.refusal.reason is RefusalReason.NOT_READY and self.pursuit.localisation.here(stamp_s) is None:
                return self._put_off(goal, stamp_s)
            return [_refusal_output(error, goal.instruction_id, stamp_s)]
        words = phrases.understood([phrases.step(aim.step, aim.spot) for aim in mission.aims])
        if goal.confidence < self.p.confidence_threshold:
            return [Output("planner/reply", self.conversation.ask(goal, phrases.confirm(words), stamp_s))]
        return self._begin(mission, words, stamp_s)

    def _begin(self, mission: Mission, words: Words, stamp_s: float) -> Outputs:
        self._goals += 1
        goal_id = f"g{self._goals}-{round(stamp_s * 1000.0)}"
        mission.goal = mission.goal.model_copy(update={"goal_id": goal_id})
        self._waiting = self._kept = None
        self._next_reminder_s = self.p.blocked_patience_s
        places = [s.target.name for s in mission.goal.steps or () if isinstance(s.target, PlaceTarget)]
        self.conversation.present = places[-1] if places else None
        self.pursuit.begin(mission, stamp_s)
        said = reply(stamp_s, "understood", words, mission.goal.instruction_id, goal_id)
        outputs = [Output("planner/reply", said), Output("goal_state", self.pursuit.present)]
        outputs += self._tell(self.pursuit.tick(stamp_s), stamp_s)
        return [*outputs, *self._drive(stamp_s)]

    def _put_off(self, goal: GoalState, stamp_s: float) -> Outputs:
        self._waiting = (goal, stamp_s)
        return [Output("planner/reply", reply(stamp_s, "info", phrases.WAITING_FOR_POSE, goal.instruction_id))]

    def _try_waiting(self, stamp_s: float) -> Outputs:
        if self._waiting is None:
            return NOTHING
        goal, since_s = self._waiting
        if self.pursuit.localisation.here(stamp_s) is not None:
            self._waiting = None
            return self._consider(goal, stamp_s)
        if abs(stamp_s - since_s) > self.p.pose_wait_s:
            self._waiting = None
            said = refusal(stamp_s, RefusalReason.NOT_READY, phrases.NO_POSE, goal.instruction_id)
            return [Output("planner/reply", said)]
        return NOTHING

    def _stop(self, goal: GoalState, stamp_s: float) -> Outputs:
        self.conversation.forget()
        mission = self.pursuit.mission
        going = mission is not None and not mission.done
        self._waiting = self._kept = None
        self.pursuit.pause(True, stamp_s)
        said = reply(
            stamp_s, "understood", phrases.STOPPED_GOAL if going else phrases.STOPPED, goal.instruction_id,
            mission.goal.goal_id if going and mission is not None else "",
        )  # fmt: skip
        stop = self._goal_output(Task.STOP, goal.instruction_id)
        return [stop, *self._drive(stamp_s), Output("planner/reply", said)]

    def _resume(self, goal: GoalState, stamp_s: float) -> Outputs:
        mission = self.pursuit.mission
        if mission is None or mission.done:
            raise Refused(RefusalReason.NOT_ABLE, phrases.NOTHING_TO_RESUME.en, phrases.NOTHING_TO_RESUME.ja)
        if mission.paused:
            self.pursuit.pause(False, stamp_s)
        else:
            mission.word()
        said = reply(stamp_s, "understood", phrases.RESUMED, goal.instruction_id, mission.goal.goal_id)
        outputs = [Output("planner/reply", said), Output("goal_state", self.pursuit.present)]
        outputs += self._tell(self.pursuit.tick(stamp_s), stamp_s)
        return [*outputs, *self._drive(stamp_s)]

    def _cancel(self, goal: GoalState, stamp_s: float) -> Outputs:
        self.conversation.forget()
        self._waiting = self._kept = None
        going = self.pursuit.mission is not None and not self.pursuit.mission.done
        outputs = [self._goal_output(Task.CANCEL, goal.instruction_id)]
        self.pursuit.drop()
        words = phrases.CANCELLED if going else phrases.NOTHING_TO_CANCEL
        said = Output("planner/reply", reply(stamp_s, "understood", words, goal.instruction_id))
        return [*outputs, *self._drive(stamp_s), said]

    def _restore(self, stamp_s: float) -> Outputs:
        """Take up the goal of a former run, once, as soon as the pose is known."""
        if not self._looked_for_kept:
            self._looked_for_kept = True
            try:
                self._kept = self.pursuit.kept(stamp_s)
            except GoalError as error:
                self.pursuit.file_fault = str(error)
        if self._kept is None or self.pursuit.localisation.here(stamp_s) is None:
            return NOTHING
        kept, self._kept = self._kept, None
        try:
            mission = self.pursuit.take_up(kept, stamp_s)
        except Refused as error:
            self.pursuit.drop()
            return [_refusal_output(error, kept.goal.instruction_id, stamp_s)]
        except GoalError as error:
            self.pursuit.drop()
            self.pursuit.file_fault = str(error)
            return NOTHING
        self.pursuit.begin(mission, stamp_s)
        rest = mission.aims[mission.progress.step :]
        words = phrases.restored(phrases.understood([phrases.step(aim.step, aim.spot) for aim in rest]))
        if mission.paused:
            words = phrases.STOPPED_GOAL
        goal = self._goal_output(Task.STOP) if mission.paused else Output("goal_state", self.pursuit.present)
        return [self._info(words, stamp_s), goal]

    # --- what goes out ---

    def _tell(self, advance: Advance, stamp_s: float) -> list[Output]:
        """The operator hears of every change; each hindrance once, and again after a while."""
        outputs: list[Output] = []
        mission = self.pursuit.mission
        active = mission is not None and not mission.done and not mission.paused
        if active and self._lost == advance.localised:
            self._lost = not advance.localised
            outputs.append(self._info(phrases.POSE_LOST if self._lost else phrases.POSE_BACK, stamp_s))
        elif advance.localised:
            self._lost = False
        for happening in advance.happened:
            outputs += self._tell_happening(happening, stamp_s)
        if advance.blocked_s == 0.0:
            self._next_reminder_s = self.p.blocked_patience_s
        elif advance.blocked_s >= self._next_reminder_s:
            self._next_reminder_s += REMIND_S
            outputs.append(self._info(phrases.BLOCKED if advance.found else phrases.NO_WAY_NOW, stamp_s))
        return outputs

    def _tell_happening(self, happening: Happening, stamp_s: float) -> list[Output]:
        mission = self.pursuit.mission
        assert mission is not None
        if happening is Happening.STEP:
            return [Output("goal_state", self.pursuit.present)]
        if happening is Happening.SKIPPED:
            return [self._info(phrases.SKIPPED, stamp_s)]
        if happening is Happening.WAITING:
            return [self._info(phrases.WAITING_FOR_WORD, stamp_s)]
        goal = mission.goal
        if happening is Happening.LOST:
            said = reply(stamp_s, "info", phrases.TARGET_LOST, goal.instruction_id, goal.goal_id)
        else:
            at = mission.progress.step
            before = mission.aims[at - 1] if at > 0 else None
            words = phrases.finished(
                mission.aim.step, mission.aim.spot, None if before is None else (before.step, before.spot)
            )
            said = reply(stamp_s, "done", words, goal.instruction_id, goal.goal_id)
        return [Output("planner/reply", said), Output("goal_state", self.pursuit.present)]

    def _drive(self, stamp_s: float) -> list[Output]:
        """The path in `map` (empty: stand) and the speed limit."""
        self._said_s = stamp_s
        path = Path(stamp_s, "map", self.pursuit.way.poses)
        return [Output("plan", path), Output("speed_limit", Scalar(self.pursuit.speed_mps))]

    def _goal_output(self, task: Task, instruction_id: str = "") -> Output:
        """The present goal, replaced by one word about it."""
        mission = self.pursuit.mission
        goal_id = "" if mission is None else mission.goal.goal_id
        instruction_id = instruction_id or ("" if mission is None else mission.goal.instruction_id)
        return Output("goal_state", GoalState(goal_id=goal_id, instruction_id=instruction_id, steps=(Step(task=task),)))

    def _info(self, words: Words, stamp_s: float) -> Output:
        mission = self.pursuit.mission
        ids = ("", "") if mission is None else (mission.goal.instruction_id, mission.goal.goal_id)
        return Output("planner/reply", reply(stamp_s, "info", words, *ids))


def _refusal_output(error: Refused, instruction_id: str, stamp_s: float) -> Output:
    said = error.refusal
    return Output(
        "planner/reply",
        reply(stamp_s, "refusal", said.text, instruction_id, reason=said.reason.value, options=error.options),
    )
