"""One accepted goal being carried out: which step, how far in it, where to go next. A state machine without a clock.

Times add up from measured steps, so a jump of the clock neither ends nor endlessly prolongs a step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
import shapely

from physical_ai_core.geometry import Array, wrap
from physical_ai_core.goal import Event, GoalState, ObjectTarget, Step, Task
from physical_ai_planner.aim import Aim, Waypoint
from physical_ai_planner.follow import BAND_M, Follower
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.situation import Situation, has_come, open_ended

__all__ = ["STANDING_MPS", "Happening", "Mission", "Progress", "Situation"]

STANDING_MPS = 0.05
SETTLE_S = 3.0  # standing within the tolerance for so long is arrival, whatever the heading
PASSED_M = 0.3  # a corner of a straight course counts as passed this near to it
SWITCH_M = 0.15  # and one where the implement is switched, this near
BEYOND_M = 0.5  # or once the robot has cut the corner, at most this far off
BACKED_M = 0.4
SKIP_M = 1.0


class Happening(str, Enum):
    """What a tick of the mission brought about."""

    STEP = "step"  # the next step has begun
    DONE = "done"
    SKIPPED = "skipped"  # a blocked point of a course was left out
    TOOL = "tool"  # the implement is to be switched
    RETRY = "retry"  # not straight before the dock: once more
    GIVEN_UP = "given_up"  # and now often enough; the mission ends
    LOST = "lost"  # the followed object is gone; the mission ends
    WAITING = "waiting"  # waits for a person's word


@dataclass(frozen=True)
class Progress:
    """Where in a goal; what is kept over a restart."""

    step: int = 0
    waypoint: int = 0
    laps: int = 0
    elapsed_s: float = 0.0
    there: bool = False  # the step's place is reached; what is left is time


@dataclass
class Mission:
    """`aims` are the grounded steps of `goal`; `start` the pose in `map` they were grounded from."""

    goal: GoalState
    aims: list[Aim]
    start: Array
    parameters: PlannerParameters
    progress: Progress = Progress()
    paused: bool = False
    done: bool = False
    tool: bool = False  # the implement is to be on now
    _follower: Follower | None = None
    _tries: int = 0
    _backing: bool = False
    _settled_s: float = 0.0
    _told: bool = False
    _asked_for_word: bool = False

    @property
    def aim(self) -> Aim:
        return self.aims[min(self.progress.step, len(self.aims) - 1)]

    @property
    def rest(self) -> tuple[Step, ...]:
        """The steps from the present one on; of one that works a field `tool` says whether the implement is on now."""
        first, *others = (self.goal.steps or ())[self.progress.step :]
        if first.task is Task.COVER and first.tool:
            first = first.model_copy(update={"tool": self.tool and not self.paused})
        return (first, *others)

    def targets(self) -> tuple[Waypoint, ...]:
        """The points to drive through next, in order; empty: stand."""
        if self.done or self.paused or self.progress.there:
            return ()
        aim, at = self.aim, self.progress.waypoint
        if isinstance(aim.step.target, ObjectTarget):
            point = self._follower.point if self._follower is not None else None
            return () if point is None else (point,)
        if self._backing and aim.retreat is not None:
            return (aim.retreat,)
        if not aim.course:
            return ()
        rest = aim.course[at:]
        stop = next((i for i, waypoint in enumerate(rest) if waypoint.align), len(rest))
        rest = rest[: stop + 1]
        return rest + aim.course[:at] if aim.closed and not self._last_lap() else rest

    def word(self) -> None:
        """A person said to go on."""
        self._told = True

    def tick(self, situation: Situation, dt_s: float) -> list[Happening]:
        """Advance by `dt_s`; returns what happened, in order."""
        if self.done or self.paused:
            return []
        self._change(elapsed_s=self.progress.elapsed_s + dt_s)
        happened = self._drive(situation, dt_s)
        if self.done:
            return happened
        happened += self._switch(situation)
        if self._over(situation):
            happened += self._next()
        elif self._waits_for_word() and not self._asked_for_word:
            self._asked_for_word = True
            happened.append(Happening.WAITING)
        self._told = False
        return happened

    # --- driving ---

    def _drive(self, situation: Situation, dt_s: float) -> list[Happening]:
        aim = self.aim
        if self.progress.there:
            return []
        if isinstance(aim.step.target, ObjectTarget):
            return self._follow(aim.step.target, situation, dt_s)
        if not aim.course:
            return []
        if self._backing and aim.retreat is not None:
            self._backing = float(np.hypot(*(aim.retreat.xy - situation.here.pose[:2]))) > BACKED_M
            return []
        while not self._is_final(aim) and self._passed(aim, situation.here.pose):
            self._pass()
        target = aim.course[self.progress.waypoint]
        if target.align or self._is_final(aim):
            if not self._arrived(target, situation, dt_s):
                return []
            if aim.docks and not self._straight(target, situation.here.pose):
                return self._retry(aim)
            if target.align:
                self._pass()
                self._settled_s = 0.0
            else:
                self._change(there=True, elapsed_s=0.0)
            return []
        if situation.blocked_s >= self.parameters.blocked_patience_s:
            self._pass()
            while aim.straight and not self._is_final(aim) and self._beside(aim, target):
                self._pass()
            return [Happening.SKIPPED]
        return []

    def _beside(self, aim: Aim, skipped: Waypoint) -> bool:
        """Whether the present point of a fine course is so near to one left out that the same thing stands there."""
        return float(np.hypot(*(aim.course[self.progress.waypoint].xy - skipped.xy))) < SKIP_M

    def _passed(self, aim: Aim, pose: Array) -> bool:
        at = self.progress.waypoint
        target, following = aim.course[at], aim.course[(at + 1) % len(aim.course)]
        if target.align:
            return False
        away = float(np.hypot(*(target.xy - pose[:2])))
        if not aim.straight:
            return away <= self.parameters.pass_radius_m
        if away <= min(target.tolerance_m, PASSED_M if following.work == target.work else SWITCH_M):
            return True
        before = aim.course[at - 1].xy if at else self.start[:2]
        return away <= BEYOND_M and _beyond(before, target.xy, following.xy, pose[:2])

    def _straight(self, target: Waypoint, pose: Array) -> bool:
        """Whether the robot stands on the dock's axis and looks along it."""
        if target.yaw_rad is None:
            return True
        off = pose[:2] - target.xy
        sideways = abs(float(np.cos(target.yaw_rad) * off[1] - np.sin(target.yaw_rad) * off[0]))
        turned = abs(float(wrap(target.yaw_rad - pose[2])))
        return sideways <= self.parameters.dock_align_m and turned <= self.parameters.dock_align_rad

    def _retry(self, aim: Aim) -> list[Happening]:
        """Back off and approach the dock anew, unless that was tried often enough."""
        self._tries, self._settled_s = self._tries + 1, 0.0
        if self._tries >= self.parameters.dock_tries:
            self.done = True
            return [Happening.GIVEN_UP]
        self._backing = aim.retreat is not None
        self._change(waypoint=0)
        return [Happening.RETRY]

    def _switch(self, situation: Situation) -> list[Happening]:
        """The implement is on while the robot is on a pass and wholly inside what is to be worked."""
        aim, at = self.aim, self.progress.waypoint
        wanted = False
        if aim.step.task is Task.COVER and aim.step.tool and not self.progress.there and 0 < at < len(aim.course):
            pose, target = situation.here.pose, aim.course[at]
            line = shapely.LineString([aim.course[at - 1].xy, target.xy])
            here = shapely.Point(pose[:2])
            off_m = max(PASSED_M, 0.5 * self.parameters.lane_width_m)
            inside = aim.tool_area is None or aim.tool_area.covers(here)
            wanted = target.work and inside and bool(line.distance(here) <= off_m)
        if wanted == self.tool:
            return []
        self.tool = wanted
        return [Happening.TOOL]

    def _is_final(self, aim: Aim) -> bool:
        last = self.progress.waypoint == len(aim.course) - 1
        return last and (not aim.closed or self._last_lap())

    def _last_lap(self) -> bool:
        until = self.aim.step.until
        return until is not None and until.laps is not None and self.progress.laps >= until.laps - 1

    def _pass(self) -> None:
        at = self.progress.waypoint + 1
        if at < len(self.aim.course):
            self._change(waypoint=at)
        else:
            self._change(waypoint=0, laps=self.progress.laps + 1)

    def _arrived(self, target: Waypoint, situation: Situation, dt_s: float) -> bool:
        here, status = situation.here, situation.status
        distance = float(np.hypot(*(target.xy - here.pose[:2])))
        near = distance <= target.tolerance_m
        standing = here.speed_mps <= STANDING_MPS
        self._settled_s = self._settled_s + dt_s if near and standing else 0.0
        if near and target.yaw_rad is None:
            return here.speed_mps <= 0.1 or target.tolerance_m > 0.5
        heading = 0.0 if target.yaw_rad is None else abs(float(wrap(target.yaw_rad - here.pose[2])))
        if near and standing and heading <= self.parameters.arrived_yaw_rad:
            return True
        if self._settled_s >= SETTLE_S:
            return True
        says_so = status is not None and status.mode == "arrived" and status.goal_id == self.goal.goal_id
        return says_so and situation.blocked_s == 0.0 and standing and distance <= 2.0 * target.tolerance_m

    def _follow(self, target: ObjectTarget, situation: Situation, dt_s: float) -> list[Happening]:
        follower = self._follower = self._follower or Follower(self.parameters)
        seen = follower.update(target, situation.things, situation.here.pose, dt_s, situation.sight)
        if not seen and follower.gone:
            self.done = True
            return [Happening.LOST]
        close = self.parameters.follow_distance_m + BAND_M
        if seen and self.aim.step.task is Task.INSPECT and follower.distance_m <= close:
            self._change(there=True, elapsed_s=0.0)
        return []

    # --- ends of steps ---

    def _over(self, situation: Situation) -> bool:
        step, progress, until = self.aim.step, self.progress, self.aim.step.until
        event = until.event if until is not None else None
        if event is not None:
            come = has_come(event, situation, self._told, self.parameters.near_m)
            if step.task is Task.DOCK:  # charging begins when it is there
                return come and progress.there
            if come:
                return True
        duration = until.duration_s if until is not None else None
        if step.task is Task.INSPECT:
            looked = self.parameters.inspect_s if duration is None else duration
            return progress.there and progress.elapsed_s >= looked and (until is None or until.event is None)
        if duration is not None and progress.elapsed_s >= duration:
            return True
        if step.task is Task.WAIT:
            last = progress.step == len(self.aims) - 1
            return open_ended(until) and (last or self._told)
        if step.task in (Task.STOP, Task.CANCEL, Task.RESUME):
            return True
        return progress.there

    def _waits_for_word(self) -> bool:
        step = self.aim.step
        if step.task is not Task.WAIT:
            return False
        return open_ended(step.until) or (step.until is not None and step.until.event is Event.INSTRUCTION)

    def _next(self) -> list[Happening]:
        self._follower, self.tool, self._backing = None, False, False
        self._settled_s, self._tries = 0.0, 0
        self._asked_for_word = False
        final = self.aim.step.task in (Task.STOP, Task.CANCEL)
        if final or self.progress.step + 1 >= len(self.aims):
            self.done = True
            return [Happening.DONE]
        self.progress = Progress(step=self.progress.step + 1)
        return [Happening.STEP]

    def _change(self, **values: float | int | bool) -> None:
        self.progress = replace(self.progress, **values)  # type: ignore[arg-type]


def _beyond(before: Array, corner: Array, after: Array, at: Array) -> bool:
    """Whether a robot at `at` is past the line that halves a corner, which a controller cuts."""
    into, out = corner - before, after - corner
    across = into / max(float(np.hypot(*into)), 1e-9) + out / max(float(np.hypot(*out)), 1e-9)
    return float(across @ (at - corner)) > 0.0
