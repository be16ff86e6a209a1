"""One step of a goal in numbers: points in `map` to drive through, and how."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from physical_ai_core.geometry import Array
from physical_ai_core.goal import Step
from physical_ai_planner.phrases import Spot


@dataclass(frozen=True)
class Waypoint:
    """A point in `map` to pass or to stand at; `yaw_rad` None: any heading.

    `named`: the site says that the robot stands here, so it may be nearer to a structure than the usual clearance.
    `dock`: approached slowly; `straight`: on a straight line; `align`: the robot stands here, looking along `yaw_rad`,
    before it goes on; `work`: the implement works on the way here.
    """

    x_m: float
    y_m: float
    yaw_rad: float | None = None
    tolerance_m: float = 0.3
    named: bool = False
    dock: bool = False
    straight: bool = False
    align: bool = False
    work: bool = False

    @property
    def xy(self) -> Array:
        return np.array([self.x_m, self.y_m])


@dataclass(frozen=True)
class Aim:
    """One step in numbers. `course`: points in order (empty where the step stands or follows an object).

    `closed`: the course is a loop; `straight`: straight lines between its points are meant. `tool_area`: where the
    implement may be on. `docks`: the end of the course must be met straight; `retreat`: where to begin anew.
    """

    step: Step
    spot: Spot
    course: tuple[Waypoint, ...] = ()
    closed: bool = False
    straight: bool = False
    tool_area: shapely.Geometry | None = None
    docks: bool = False
    retreat: Waypoint | None = None
