"""Sentences → goals without a robot and without a graph: the planner as it runs, the robot at the site's start.

`OfflinePlanner` asks the same core that the node runs, each sentence as if it were the first one said. What sensors
would say is assumed: the pose is known, the battery is heard, one person and one vehicle stand in sight (so that
"follow me" can be read).
`LanguageAlone` leaves the numeric check out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from physical_ai_core import layouts
from physical_ai_core.core import Outputs
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_core.goal import GoalState, Question, Refusal, RefusalReason, Task, Words
from physical_ai_core.messages import Battery, Objects, Odometry, Pose, Text
from physical_ai_planner import halt
from physical_ai_planner.core import PlannerCore
from physical_ai_planner.experts.council import Council
from physical_ai_planner.interpreter import Interpreter, InterpreterStatus, Reading, ReadsMany
from physical_ai_planner.parameters import PlannerParameters

POLL_S = 0.002
START_S = 100.0  # of the clock that the core is told
CHARGE = 0.6  # of the battery
IN_SIGHT_M = 3.0  # how far ahead of the start the assumed person stands; the vehicle a metre farther
ABOUT_PRESENT = (Task.RESUME, Task.CANCEL)


class Outcome(NamedTuple):
    """What became of a sentence: steps, a question or a refusal. `seconds`: wall time from the sentence to it."""

    goal: GoalState
    seconds: float


class Reader(Protocol):
    """Reads one sentence. `present`: id of the place that "there" means before the sentence names one."""

    def read(self, text: str, present: str | None = None) -> Outcome: ...


class LanguageAlone:
    """The interpreter's own answer, which knows the site's names and nothing of its ground."""

    def __init__(self, interpreter: Interpreter, pause: Callable[[float], None] = time.sleep) -> None:
        self._interpreter, self._pause, self._count = interpreter, pause, 0

    def read(self, text: str, present: str | None = None) -> Outcome:
        began, self._count = time.perf_counter(), self._count + 1
        wanted = f"o{self._count}"
        self._interpreter.submit(wanted, text, present)
        while True:
            for goal in self._interpreter.poll():
                if goal.instruction_id == wanted:
                    return Outcome(goal, time.perf_counter() - began)
            self._pause(POLL_S)


def planner_core(parameters: PlannerParameters, interpreter: Interpreter) -> PlannerCore:
    """The core as the node makes it, without what other rooms lend it."""
    folder = Path(parameters.experts_folder) if parameters.experts_folder else None
    council = Council(folder) if parameters.experts_enabled else None
    return PlannerCore(parameters, interpreter, council=council)


class OfflinePlanner:
    """Raises SiteError, RobotError when site or robot cannot be read."""

    def __init__(
        self, parameters: PlannerParameters, interpreter: Interpreter,
        make: Callable[[PlannerParameters, Interpreter], PlannerCore] = planner_core,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self._heard = _Heard(interpreter)
        self._core = make(parameters, self._heard)
        self._pause, self._now_s = pause, START_S
        site = self._core.pursuit.site
        self._pose = site.places[site.start].pose.as_array()

    def read(self, text: str, present: str | None = None) -> Outcome:
        core, began = self._core, time.perf_counter()
        fast = halt.fast_goal(text)
        if fast is not None and fast.steps is not None and fast.steps[0].task in ABOUT_PRESENT:
            return Outcome(fast, time.perf_counter() - began)  # there is no present goal here
        self._now_s += 1.0
        self._sense()
        core.handle("instruction", Text("cancel"), self._now_s)  # every sentence is the first one
        core.conversation.present = present
        self._heard.last = None
        outputs = core.handle("instruction", Text(text), self._now_s)
        while True:
            found = self._found(outputs)
            if found is not None:
                return Outcome(found, time.perf_counter() - began)
            self._pause(POLL_S)
            outputs = core.tick(self._now_s)

    def _sense(self) -> None:
        """Tell the core that the robot stands at the start, and who is there."""
        now_s, pose = self._now_s, self._pose
        still, ahead = np.zeros(3), np.array([np.cos(pose[2]), np.sin(pose[2])])
        xyz, turn = np.array([*pose[:2], 0.0]), quaternion_of_yaw(float(pose[2]))
        rows = layouts.empty(layouts.OBJECT, 2)
        for row, (number, name) in zip(rows, enumerate(("person", "vehicle")), strict=True):
            row["id"], (row["x"], row["y"]) = number + 1, pose[:2] + (IN_SIGHT_M + number) * ahead
            row["class_id"], row["radius"], row["existence"] = layouts.OBJECT_CLASSES.index(name), 0.3, 1.0
        self._core.handle("state/odometry", Odometry(now_s, "odom", "base_link", xyz, turn, still, still), now_s)
        level = Pose(now_s, "map", still, quaternion_of_yaw(0.0), np.eye(6) * 1e-4)
        self._core.handle("state/map_to_odom", level, now_s)
        self._core.handle("battery_state", Battery(now_s, "base_link", CHARGE), now_s)
        self._core.handle("state/objects", Objects(now_s, "odom", rows), now_s)

    def _found(self, outputs: Outputs) -> GoalState | None:
        """The goal in what the core said, or why there is none; None: it is still thinking."""
        goals = [output.data for output in outputs if output.topic == "goal_state" and output.data is not None]
        said = [output.data for output in outputs if output.topic == "planner/reply"]
        reply = next((r for r in said if r.kind in ("understood", "question", "refusal")), None)
        heard = self._heard.last
        if goals:
            said_first, mission = GoalState.model_validate(goals[0]), self._core.pursuit.mission
            if mission is not None and mission.goal.goal_id == said_first.goal_id:
                return mission.goal  # what goes out says of a tool whether it is on at this moment
            return said_first
        if reply is None:
            return None
        steps = None if heard is None else heard.steps
        if steps is not None and (reply.kind == "understood" or steps[0].task in ABOUT_PRESENT):
            return heard
        words, confidence = Words(en=reply.en, ja=reply.ja), 1.0 if heard is None else heard.confidence
        if reply.kind == "question":
            return GoalState(question=Question(text=words, options=tuple(reply.options)), confidence=confidence)
        reason = RefusalReason(reply.reason or RefusalReason.NOT_UNDERSTOOD)
        return GoalState(refusal=Refusal(reason=reason, text=words), confidence=confidence)


class _Heard:
    """Remembers the last answer that went through it."""

    def __init__(self, inner: Interpreter) -> None:
        self._inner = inner
        self.last: GoalState | None = None

    def submit(self, instruction_id: str, text: str, present: str | None = None) -> None:
        self._inner.submit(instruction_id, text, present)

    def poll(self) -> list[GoalState]:
        goals = self._inner.poll()
        self.last = goals[-1] if goals else self.last
        return goals

    def status(self) -> InterpreterStatus:
        return self._inner.status()

    def readings(self, instruction_id: str) -> tuple[Reading, ...]:
        return self._inner.readings(instruction_id) if isinstance(self._inner, ReadsMany) else ()
