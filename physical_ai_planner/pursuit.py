"""Carrying out the present goal: the mission, its route, its speed, and the copy of it on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from physical_ai_core.errors import GoalError
from physical_ai_core.geometry import Array
from physical_ai_core.goal import GoalState, ObjectTarget, RefusalReason, Step, Task
from physical_ai_core.messages import OccupancyGrid
from physical_ai_core.reports import ControllerStatus
from physical_ai_core.robot import Robot
from physical_ai_core.site import Site, ZoneKind
from physical_ai_planner import checks, phrases
from physical_ai_planner.grounding import Grounder, Waypoint
from physical_ai_planner.lasting import Lasting
from physical_ai_planner.live import LiveLayer
from physical_ai_planner.localisation import SIGMA_STEP_M, Here, Localisation
from physical_ai_planner.mission import STANDING_MPS, Happening, Mission, Situation
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.present_goal import PresentGoal, PresentGoalFile
from physical_ai_planner.refused import Refused
from physical_ai_planner.route import warm_up, with_yaw
from physical_ai_planner.router import NO_WAY, Router, Way
from physical_ai_planner.site_map import SiteMap, Terrain
from physical_ai_planner.speed import SpeedRule

BATTERY_FRESH_S = 60.0
SAVE_PERIOD_S = 2.0
GRID_PERIOD_S = 0.35
FOLLOW_SNAP_M = 3.0
ODOM = "odom"


@dataclass(frozen=True)
class Advance:
    """What one tick brought: happenings of the mission, and how the world hinders it."""

    happened: tuple[Happening, ...] = ()
    localised: bool = True
    blocked_s: float = 0.0
    found: bool = True


class Pursuit:
    """The present goal and its means."""

    def __init__(self, parameters: PlannerParameters, site: Site, robot: Robot) -> None:
        self.p, self.site, self.robot = parameters, site, robot
        inscribed = float(np.abs(_edge_distances(np.array(robot.footprint))).min())
        self.site_map = SiteMap(site, robot.radius_m, inscribed, parameters.resolution_m, parameters.comfort_m)
        usual = self.site_map.terrain(parameters.clearance_m, 0.0, ())
        warm_up(self.site_map, usual)  # what costs time is done before anyone waits for it
        self.live = LiveLayer(
            self.site_map, parameters.occupied_after_s, parameters.forget_after_s, parameters.unseen_price
        )
        self.router = Router(self.site_map, self.live, parameters)
        self.grounder = Grounder(site, self.site_map, parameters)
        self.speed_rule = SpeedRule(site, robot, parameters)
        self.localisation = Localisation(
            parameters.pose_timeout_s, parameters.map_timeout_s, parameters.max_map_sigma_m
        )
        self.mission: Mission | None = None
        self.status: ControllerStatus | None = None
        self.behind: tuple[GoalState, ...] = ()  # goals that wait, kept with the present one
        self.surprise = Lasting()
        self.battery: tuple[float, float] | None = None  # charge, stamp
        self.way: Way = NO_WAY
        self.speed_mps = 0.0
        self.file = PresentGoalFile(parameters.state_dir) if parameters.state_dir else None
        self.file_fault = ""
        self._grid: OccupancyGrid | None = None
        self._grid_taken_s = -np.inf
        self._margin_m = 0.0
        self._blocked_s = 0.0
        self._last_s: float | None = None
        self._saved_s = -np.inf

    # --- goals ---

    def prepare(self, goal: GoalState, now_s: float, after: Array | None = None) -> Mission:
        """Ground and check a goal; nothing changes yet. Raises Refused."""
        return self.prepared(goal, now_s, after)[0]

    def prepared(self, goal: GoalState, now_s: float, after: Array | None = None) -> tuple[Mission, list[Terrain]]:
        """A goal grounded and checked, and the terrain of each step. Raises Refused.

        `after` `[x, y, yaw]` in `map`: where the goal before it will end; what is around then is not known now.
        """
        checks.check_words(goal, self.grounder, self.charge(now_s) is not None)
        here = self.localisation.here(now_s)
        if here is None:
            raise Refused(RefusalReason.NOT_READY, phrases.NO_POSE.en, phrases.NO_POSE.ja)
        terrains = [self._terrain(step, here) for step in goal.steps or ()]
        start = here.pose if after is None else after
        things = self.localisation.things(here, now_s) if after is None else None
        aims = self.grounder.ground(goal, start, things, terrains)
        checks.check_aims(aims, terrains, self.site_map, start)
        return Mission(goal, aims, start, self.p), terrains

    def end_pose(self, now_s: float) -> Array | None:
        """Where the present goal ends, as far as that is known: its last point, else where the robot is."""
        here = self.localisation.here(now_s)
        mission = self.mission
        if mission is None or mission.done:
            return None if here is None else here.pose
        return end_of(mission, mission.start if here is None else here.pose)

    def begin(self, mission: Mission, now_s: float) -> None:
        """Make a mission the present one."""
        self.mission = mission
        self.router.clear()
        self._blocked_s = 0.0
        self.save(now_s)

    def drop(self) -> None:
        """There is no goal any more."""
        self.mission = None
        self._stand()
        if self.file is not None:
            self._guard(self.file.clear)

    def pause(self, paused: bool, now_s: float) -> None:
        if self.mission is not None:
            self.mission.paused = paused
            if paused:
                self._stand()
            self.save(now_s)

    def charge(self, now_s: float) -> float | None:
        """Of the battery, 0 to 1; None where it is not heard."""
        if self.battery is None or abs(now_s - self.battery[1]) > BATTERY_FRESH_S:
            return None
        return self.battery[0]

    @property
    def present(self) -> GoalState | None:
        """The present goal from its current step on: `steps[0]` is what is being done; a wait once all is done."""
        mission = self.mission
        if mission is None:
            return None
        rest = (Step(task=Task.WAIT),) if mission.done else mission.rest
        return mission.goal.model_copy(update={"steps": rest})

    # --- time ---

    def take_grid(self, grid: OccupancyGrid) -> None:
        if grid.frame_id == ODOM and grid.cells.ndim == 2 and np.isfinite(grid.stamp_s):
            self._grid = grid

    def tick(self, now_s: float) -> Advance:
        dt = 0.0 if self._last_s is None else float(np.clip(now_s - self._last_s, 0.0, 1.0))
        self._last_s = now_s
        here = self.localisation.here(now_s)
        if here is not None:
            self._look(here, now_s)
        mission = self.mission
        if mission is None or mission.done or mission.paused:
            self._stand()
            return Advance(localised=here is not None)
        if here is None:
            self._stand()
            return Advance(localised=False)
        things = self.localisation.things(here, now_s)
        situation = Situation(
            here, things, self._fresh_status(now_s), self._blocked_s, self.site_map.sees, self.charge(now_s)
        )
        happened = mission.tick(situation, dt)
        if Happening.SKIPPED in happened:
            self._blocked_s = 0.0
        self._steer(mission, here, now_s, dt)
        if happened or now_s - self._saved_s >= SAVE_PERIOD_S or now_s < self._saved_s:
            self.save(now_s)
        return Advance(tuple(happened), True, self._blocked_s, self.way.found)

    def _steer(self, mission: Mission, here: Here, now_s: float, dt: float) -> None:
        targets = mission.targets()
        if not targets:
            self._stand()
            self._blocked_s = 0.0
            return
        terrain = self._terrain(mission.aim.step, here)
        if isinstance(mission.aim.step.target, ObjectTarget):
            targets = tuple(self._beside(target, terrain) for target in targets)
        self.way = self.router.update(now_s, here.pose, targets, mission.aim.straight, terrain)
        if not np.all(np.isfinite(self.way.poses)):
            self.way = NO_WAY
        said_blocked = self.status is not None and self.status.mode == "blocked"
        hindered = not self.way.found or ((self.way.cut or said_blocked) and here.speed_mps <= STANDING_MPS)
        self._blocked_s = self._blocked_s + dt if hindered else 0.0
        self.speed_mps = self.speed_rule.limit(
            self.way.poses,
            here.pose,
            here.sigma_margin_m,
            mission.aim.step.limits.max_speed_mps,
            targets[0] if targets[0].dock else None,
        )

    def _beside(self, target: Waypoint, terrain: Terrain) -> Waypoint:
        """The allowed point nearest to one that follows something, which may walk where the robot may not."""
        free = self.site_map.nearest_free(terrain.free, target.xy, FOLLOW_SNAP_M)
        if free is None or bool(self.site_map.is_free(terrain.free, target.xy)[0]):
            return target
        return replace(target, x_m=float(free[0]), y_m=float(free[1]))

    def _stand(self) -> None:
        self.way, self.speed_mps = Way(with_yaw(np.zeros((0, 2)), 0.0, None)), 0.0
        self.router.clear()

    def _look(self, here: Here, now_s: float) -> None:
        grid = self._grid
        if grid is None or 0.0 <= now_s - self._grid_taken_s < GRID_PERIOD_S:
            return
        self._grid, self._grid_taken_s = None, now_s
        moving = [t for t in self.localisation.things(here, now_s) if t.speed_mps >= self.p.moving_speed_mps]
        circles = np.array([(t.x_m, t.y_m, t.radius_m) for t in moving]).reshape(-1, 3)
        self.live.add(grid, here.map_from_odom, circles, here.pose[:2])

    def _fresh_status(self, now_s: float) -> ControllerStatus | None:
        status = self.status
        return status if status is not None and abs(now_s - status.stamp_s) <= 1.0 else None

    def _terrain(self, step: Step, here: Here) -> Terrain:
        wanted = here.sigma_margin_m
        if not self._margin_m - 1.5 * SIGMA_STEP_M <= wanted <= self._margin_m:
            self._margin_m = wanted  # grows at once, shrinks only by more than a step
        zoned = self.site_map.fence is not None or self.site.zones_of(ZoneKind.KEEP_OUT) or step.limits.keep_out
        margin = self._margin_m if zoned else 0.0  # without zones there is nothing to keep farther from
        return checks.terrain_of(step, self.site_map, self.p.clearance_m, margin, self.grounder)

    # --- the copy on disk ---

    def save(self, now_s: float) -> None:
        """Keep the present goal, where a folder is set; a fault is told by `file_fault`, the mission goes on."""
        if self.file is None or self.mission is None:
            return
        self._saved_s = now_s
        mission, file = self.mission, self.file
        if mission.done:
            self._guard(file.clear)
            return
        start = tuple(float(v) for v in mission.start)
        present = PresentGoal(
            mission.goal, mission.progress, (start[0], start[1], start[2]), now_s, self.site.name, mission.paused,
            self.behind,
        )  # fmt: skip
        self._guard(lambda: file.save(present))

    def kept(self, now_s: float) -> PresentGoal | None:
        """The goal that a former run left, if it is of this site and young enough. Raises GoalError."""
        present = self.file.load() if self.file is not None else None
        if present is None or present.site != self.site.name:
            return None
        return present if 0.0 <= now_s - present.saved_s <= self.p.restore_within_s else None

    def take_up(self, present: PresentGoal, now_s: float) -> Mission:
        """A kept goal as a mission at its progress, checked anew. Raises Refused."""
        checks.check_words(present.goal, self.grounder, battery=True)  # it was heard before
        here = self.localisation.here(now_s)
        if here is None:
            raise Refused(RefusalReason.NOT_READY, phrases.NO_POSE.en, phrases.NO_POSE.ja)
        start = np.array(present.start)
        terrains = [self._terrain(step, here) for step in present.goal.steps or ()]
        aims = self.grounder.ground(present.goal, start, None, terrains)
        at = present.progress.step
        checks.check_aims(aims[at:], terrains[at:], self.site_map, here.pose)
        if aims[at].course and present.progress.waypoint >= len(aims[at].course):
            raise GoalError("The kept goal does not fit the site any more.", "Give the goal again.")
        return Mission(present.goal, aims, start, self.p, present.progress, present.paused)

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
            self.file_fault = ""
        except OSError as error:
            self.file_fault = f"the goal cannot be kept in {self.p.state_dir}: {error}"


def end_of(mission: Mission, pose: Array) -> Array:
    """Pose `[x, y, yaw]` in `map` at the end of a mission that is at `pose`: that of its last point."""
    for aim in reversed(mission.aims):
        if aim.course:
            last = aim.course[-1]
            return np.array([last.x_m, last.y_m, pose[2] if last.yaw_rad is None else last.yaw_rad])
    return np.asarray(pose, dtype=float)


def _edge_distances(footprint: Array) -> Array:
    """Distance of each edge line of a polygon (N, 2) from the origin."""
    edge = np.roll(footprint, -1, axis=0) - footprint
    return np.asarray((footprint[:, 0] * edge[:, 1] - footprint[:, 1] * edge[:, 0]) / np.hypot(*edge.T))
