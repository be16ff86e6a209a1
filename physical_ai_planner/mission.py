"""One accepted goal being carried out: which step, how far in it, where to go next. A state machine without a clock.

Times add up from measured steps, so a jump of the clock neither ends nor endlessly prolongs a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from physical_ai_core.geometry import Array, wrap
from physical_ai_core.goal import Event, GoalState, ObjectTarget, Task, Until
from physical_ai_core.reports import ControllerStatus
from physical_ai_planner.grounding import Aim, Waypoint, choose
from physical_ai_planner.localisation import Here, Thing
from physical_ai_planner.parameters import PlannerParameters

STANDING_MPS = 0.05
SETTLE_S = 3.0  # standing within the tolerance for so long is arrival, whatever the heading
MOVED_M = 0.5  # a followed object that moved less gives no new path
REACQUIRE_M = 2.0  # a lost object is taken up again in one of its class this near to where it was last
CLEAR_CONE_RAD = 1.0  # half of the cone ahead that must be empty for "the way is clear"


class Happening(str, Enum):
    """What a tick of the mission brought about."""

    STEP = "step"  # the next step has begun
    DONE = "done"
    SKIPPED = "skipped"  # a blocked point of a course was left out
    LOST = "lost"  # the followed object is gone; the mission ends
    WAITING = "waiting"  # waits for a person's word


@dataclass(frozen=True)
class Situation:
    """What a mission may know of the world at one moment."""

    here: Here
    things: Sequence[Thing] = ()
    status: ControllerStatus | None = None
    blocked_s: float = 0.0


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
    followed: int | None = None
    _follow_point: Waypoint | None = None
    _seen_at: Array | None = None
    _lost_s: float = 0.0
    _settled_s: float = 0.0
    _told: bool = False
    _asked_for_word: bool = False

    @property
    def aim(self) -> Aim:
        return self.aims[min(self.progress.step, len(self.aims) - 1)]

    def targets(self) -> tuple[Waypoint, ...]:
        """The points to drive through next, in order; empty: stand."""
        if self.done or self.paused or self.progress.there:
            return ()
        aim, at = self.aim, self.progress.waypoint
        if isinstance(aim.step.target, ObjectTarget):
            return () if self._follow_point is None else (self._follow_point,)
        if not aim.course:
            return ()
        rest = aim.course[at:]
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
        target = aim.course[self.progress.waypoint]
        if self._is_final(aim):
            if self._arrived(target, situation, dt_s):
                self._change(there=True, elapsed_s=0.0)
            return []
        radius = min(target.tolerance_m, 0.3) if aim.straight else self.parameters.pass_radius_m
        passed = float(np.hypot(*(target.xy - situation.here.pose[:2]))) <= radius
        blocked = situation.blocked_s >= self.parameters.blocked_patience_s
        if passed or blocked:
            self._pass()
        return [Happening.SKIPPED] if blocked and not passed else []

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
        thing = self._followed_thing(target, situation)
        if thing is None:
            self._lost_s += dt_s
            self._follow_point = None
            if self._lost_s < self.parameters.follow_lost_s:
                return []
            self.done = True
            return [Happening.LOST]
        self._lost_s, self._seen_at, self.followed = 0.0, np.array([thing.x_m, thing.y_m]), thing.id
        pose = situation.here.pose
        distance = max(thing.distance_m(pose), 1e-6)
        keep = self.parameters.follow_distance_m
        close = keep + 0.3
        if self.aim.step.task is Task.INSPECT and distance <= close:
            self._change(there=True, elapsed_s=0.0)
            return []
        toward = np.array([thing.x_m - pose[0], thing.y_m - pose[1]]) / distance
        if distance <= (keep if self._follow_point is not None else close):
            self._follow_point = None  # near enough: stand, and do not creep with every small step of the person
        else:
            xy = np.array([thing.x_m, thing.y_m]) - keep * toward
            old = self._follow_point
            if old is None or float(np.hypot(*(old.xy - xy))) > MOVED_M:
                self._follow_point = Waypoint(float(xy[0]), float(xy[1]), float(np.arctan2(toward[1], toward[0])))
        return []

    def _followed_thing(self, target: ObjectTarget, situation: Situation) -> Thing | None:
        if self.followed is None:
            return choose(situation.things, target, situation.here.pose)
        for thing in situation.things:
            if thing.id == self.followed:
                return thing
        if target.id is not None or self._seen_at is None:
            return None
        again = choose(situation.things, target, np.array([*self._seen_at, 0.0]))
        return again if again is not None and again.distance_m(self._seen_at) <= REACQUIRE_M else None

    # --- ends of steps ---

    def _over(self, situation: Situation) -> bool:
        step, progress, until = self.aim.step, self.progress, self.aim.step.until
        if until is not None and until.event is not None and self._has_come(until.event, situation):
            return True
        duration = until.duration_s if until is not None else None
        if step.task is Task.INSPECT:
            looked = self.parameters.inspect_s if duration is None else duration
            return progress.there and progress.elapsed_s >= looked and (until is None or until.event is None)
        if duration is not None and progress.elapsed_s >= duration:
            return True
        if step.task is Task.WAIT:
            last = progress.step == len(self.aims) - 1
            return _open_ended(until) and (last or self._told)
        if step.task in (Task.STOP, Task.CANCEL, Task.RESUME):
            return True
        return progress.there

    def _waits_for_word(self) -> bool:
        step = self.aim.step
        if step.task is not Task.WAIT:
            return False
        return _open_ended(step.until) or (step.until is not None and step.until.event is Event.INSTRUCTION)

    def _has_come(self, event: Event, situation: Situation) -> bool:
        people = [t for t in situation.things if t.class_name in ("person", "vehicle")]
        pose, near = situation.here.pose, self.parameters.near_m
        if event is Event.INSTRUCTION:
            return self._told
        if event is Event.PERSON_NEAR:
            return any(t.class_name == "person" and t.distance_m(pose) <= near for t in people)
        if event is Event.PATH_CLEAR:
            ahead = (
                abs(float(wrap(np.arctan2(t.y_m - pose[1], t.x_m - pose[0]) - pose[2]))) <= CLEAR_CONE_RAD
                and t.distance_m(pose) <= near
                for t in people
            )
            return situation.blocked_s <= 0.0 and not any(ahead)
        return False

    def _next(self) -> list[Happening]:
        self._follow_point, self._seen_at, self.followed = None, None, None
        self._lost_s = self._settled_s = 0.0
        self._asked_for_word = False
        final = self.aim.step.task in (Task.STOP, Task.CANCEL)
        if final or self.progress.step + 1 >= len(self.aims):
            self.done = True
            return [Happening.DONE]
        self.progress = Progress(step=self.progress.step + 1)
        return [Happening.STEP]

    def _change(self, **values: float | int | bool) -> None:
        self.progress = replace(self.progress, **values)  # type: ignore[arg-type]


def _open_ended(until: Until | None) -> bool:
    return until is None or (until.duration_s is None and until.event is None)
