"""The planner's pure half: instructions in, one checked goal and its route out. The last valid word wins.

An instruction replaces the present goal only when it has become a valid goal of its own; a question or a refusal
leaves the present goal as it is. Stop, resume and cancel do not wait for the language model. A sentence spoken
before a stop never moves the robot after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from physical_ai_core.core import ERROR, NOTHING, OK, WARN, Health, Output, Outputs
from physical_ai_core.forecast import DriveForecast, PeopleForecast
from physical_ai_core.goal import GoalState
from physical_ai_core.messages import Battery, Objects, OccupancyGrid, Odometry, Path, Pose, Prediction, Scalar, Text
from physical_ai_core.reports import ControllerStatus, Verdict
from physical_ai_core.robot import load_robot
from physical_ai_core.site import load_site
from physical_ai_planner.conversation import Conversation, Instruction
from physical_ai_planner.experts.council import Counsellor
from physical_ai_planner.experts.seat import Seat
from physical_ai_planner.goal_pose import pose_step
from physical_ai_planner.goals import Goals
from physical_ai_planner.interpreter import Interpreter, Readiness, Reading
from physical_ai_planner.judge import Adviser, Judge
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.people_ahead import PredictedPeople
from physical_ai_planner.pursuit import Pursuit
from physical_ai_planner.refused import Refused
from physical_ai_planner.replies import Replies, refused
from physical_ai_planner.restart import Restart

EARLY = 0.02  # share of a period by which a tick may come early and still count


class PlannerCore:
    """Topics as in the graph table. `interpreter` None: only fast words and poses are understood.

    `people` None: those of `world_model/prediction`, where somebody says it; `driver` None: the robot's own limits;
    `adviser` None: nobody speaks before the checks; `council` None: no expert speaks after
    them. Raises SiteError, RobotError when site or robot cannot be read.
    """

    def __init__(
        self,
        parameters: PlannerParameters,
        interpreter: Interpreter | None = None,
        *,
        people: PeopleForecast | None = None,
        driver: DriveForecast | None = None,
        adviser: Adviser | None = None,
        council: Counsellor | None = None,
    ) -> None:
        self.p = parameters
        self.pursuit = Pursuit(parameters, load_site(parameters.site), load_robot(parameters.robot))
        self.conversation = Conversation(parameters, interpreter)
        self._predicted = PredictedPeople()
        self.judge = Judge(parameters, self.pursuit, people or self._predicted, driver, adviser)
        self.replies = Replies(parameters, self.pursuit)
        self.seat = None if council is None else Seat(self.pursuit, council, parameters.experts_log)
        self.goals = Goals(
            parameters, self.pursuit, self.conversation, self.judge, self.replies, self._drive, self.seat
        )
        self.restart = Restart(self.goals)
        self._said_s: float | None = None
        self._ears: dict[str, Callable[[Any, float], Outputs]] = {
            "instruction": self._instruction,
            "goal_pose": self._goal_pose,
            "state/odometry": self._odometry,
            "state/map_to_odom": self._map_to_odom,
            "state/objects": self._objects,
            "state/occupancy": self._occupancy,
            "world_model/prediction": self._prediction,
            "world_model/surprise": self._surprise,
            "battery_state": self._battery,
            "controller/status": self._status,
            "safety/verdict": self._verdict,
        }

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        ear = self._ears.get(topic)
        return ear(data, stamp_s) if ear is not None and np.isfinite(stamp_s) else NOTHING

    def tick(self, stamp_s: float) -> Outputs:
        if not np.isfinite(stamp_s):
            return NOTHING
        here = self.pursuit.localisation.here(stamp_s)
        self._predicted.map_from_odom = None if here is None else here.map_from_odom
        outputs = list(self.goals.think(stamp_s))
        outputs += self.goals.take(self.conversation.tick(stamp_s), stamp_s)
        outputs += self.restart.tick(stamp_s)
        outputs += self.goals.try_put_off(stamp_s)
        outputs += self.replies.tell(self.pursuit.tick(stamp_s), stamp_s)
        outputs += self.goals.next(stamp_s)
        period = 1.0 / self.p.plan_rate_hz
        elapsed = np.inf if self._said_s is None else stamp_s - self._said_s
        if outputs or not 0.0 <= elapsed < (1.0 - EARLY) * period:
            outputs += self._drive(stamp_s)
        return outputs

    def health(self) -> Health:
        status, mission = self.conversation.status(), self.pursuit.mission
        values = {
            "language": status.readiness.value,
            "model": (self.p.model_directory or self.p.model or "package") if self.p.language_enabled else "",
            "goal_id": "" if mission is None else mission.goal.goal_id,
            "step": "" if mission is None else str(mission.progress.step),
            "waiting": str(len(self.goals.line)),
            "searches": str(self.pursuit.router.searches),
            "to_go_m": f"{self.pursuit.way.length_m:.1f}",
        }
        if status.readiness is Readiness.FAILED:
            return Health(ERROR, f"language model: {status.message}", values)
        if self.pursuit.file_fault:
            return Health(WARN, self.pursuit.file_fault, values)
        if self.seat is not None and self.seat.fault:
            return Health(WARN, self.seat.fault, values)
        if self.replies.lost:
            return Health(WARN, "own position is missing", values)
        return Health(OK, "ok" if status.readiness is not Readiness.LOADING else "language model is loading", values)

    # --- what comes in ---

    def _odometry(self, data: Odometry, stamp_s: float) -> Outputs:
        self.pursuit.localisation.take_odometry(data)
        if self.seat is not None:
            self.seat.take_odometry(data)
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

    def _prediction(self, data: Prediction, stamp_s: float) -> Outputs:
        self._predicted.take(data)
        return NOTHING

    def _battery(self, data: Battery, stamp_s: float) -> Outputs:
        if 0.0 <= data.charge <= 1.0:
            self.pursuit.battery = (float(data.charge), stamp_s)
        return NOTHING

    def _surprise(self, data: Scalar, stamp_s: float) -> Outputs:
        self.pursuit.surprise.take(float(data.data), stamp_s)
        return NOTHING

    def _status(self, data: ControllerStatus, stamp_s: float) -> Outputs:
        self.pursuit.status = data
        return NOTHING

    def _verdict(self, data: Verdict, stamp_s: float) -> Outputs:
        if self.seat is not None:
            self.seat.take_verdict(data)
        return self.goals.emergency_stop(data.state == "emergency_stop", stamp_s)

    def _instruction(self, data: Text, stamp_s: float) -> Outputs:
        outputs = list(self.goals.take(self.conversation.hear(data.data, stamp_s), stamp_s))
        # a quick interpreter has it already
        return [*outputs, *self.goals.take(self.conversation.tick(stamp_s), stamp_s)]

    def _goal_pose(self, data: Pose, stamp_s: float) -> Outputs:
        instruction_id = self.conversation.new_id(stamp_s)
        here = self.pursuit.localisation.here(stamp_s)
        try:
            step = pose_step(data, None if here is None else here.map_from_odom)
        except Refused as error:
            return [refused(error, instruction_id, stamp_s)]
        goal = GoalState(instruction_id=instruction_id, steps=(step,))
        return self.goals.consider(Instruction((Reading(goal, 1.0),), instruction_id, confirmed=True), stamp_s)

    # --- what goes out ---

    def _drive(self, stamp_s: float) -> list[Output]:
        """The path in `map` (empty: stand) and the speed limit."""
        self._said_s = stamp_s
        path = Path(stamp_s, "map", self.pursuit.way.poses)
        return [Output("plan", path), Output("speed_limit", Scalar(self.pursuit.speed_mps))]
