"""The latest word of every input, refused where it is not finite, and whether it is fresh enough to drive by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.people import Forecast
from physical_ai_control.surroundings import Surroundings
from physical_ai_core import messages as m
from physical_ai_core import reports
from physical_ai_core.geometry import Array
from physical_ai_core.layouts import OBJECT_CLASSES

MOVES = (OBJECT_CLASSES.index("person"), OBJECT_CLASSES.index("vehicle"))
MOVING_MPS = 0.3
MOST_DOUBT_MPS = 0.3  # the new seem to move by chance, but nobody at a walking pace is taken for a post
SURE = 2.0  # standard deviations by which an unknown thing must be faster, to be one that moves
MOST_REMEMBERED = 200  # ids of things that stood and are out of sight
ERASE_M = 0.15  # around a moving object, besides its radius, occupied cells are its own
FUTURE_S = 0.1  # a stamp this far ahead is of another clock
FRAME = "odom"
REACH, FAST = 1e6, 30.0  # m and m/s (or rad/s): numbers beyond are not of this world


class Intake:
    """Keeps the last usable payload of each topic."""

    def __init__(self, parameters: ControllerParameters, own_radius_m: float) -> None:
        self._p, self._own_radius_m = parameters, own_radius_m
        self.clear()

    def clear(self) -> None:
        self.odometry: m.Odometry | None = None
        self.map_to_odom: m.Pose | None = None
        self.forecast: Forecast | None = None
        self.surroundings: Surroundings | None = None
        self.verdict: reports.Verdict | None = None
        self.surprise = 0.0
        self._standing = np.zeros(0, dtype=np.uint32)
        self._known: tuple[Forecast, NDArray[np.uint32], Forecast] | None = None  # what `people` said of which
        self._moving = np.zeros((0, 3))

    def handle(self, topic: str, data: Any, stamp_s: float) -> None:
        """Keep `data`. What is not finite or not in odom is dropped: its topic goes stale and the robot brakes."""
        if topic == "state/odometry":
            parts = (data.position_m, data.orientation_xyzw, data.linear_mps, data.angular_rps)
            if data.frame_id == FRAME and all(
                _sane(*part) for part in zip(parts, (REACH, 2.0, FAST, FAST), strict=True)
            ):
                self.odometry = data
        elif topic == "state/map_to_odom":
            if _sane(data.planar(), REACH):
                self.map_to_odom = data
        elif topic == "world_model/prediction":
            self._predicted(data)
        elif topic == "state/objects":
            self._objects(data)
        elif topic == "state/occupancy":
            self._occupancy(data)
        elif topic == "world_model/surprise":
            self.surprise = float(data.data) if np.isfinite(data.data) else np.inf
        elif topic == "safety/verdict":
            self.verdict = data

    def trouble(self, now_s: float) -> str:
        """Why the robot must not drive by these inputs; empty when it may."""
        p = self._p
        ages = (
            ("state/odometry", None if self.odometry is None else self.odometry.stamp_s, p.stale_s),
            ("state/map_to_odom", None if self.map_to_odom is None else self.map_to_odom.stamp_s, p.slow_stale_s),
            ("world_model/prediction", None if self.forecast is None else self.forecast.stamp_s, p.stale_s),
            ("state/occupancy", None if self.surroundings is None else self.surroundings.stamp_s, p.slow_stale_s),
        )
        for topic, stamp_s, limit_s in ages:
            if stamp_s is None:
                return f"{topic} was never heard"
            if not -FUTURE_S <= now_s - stamp_s <= limit_s:
                return f"{topic} is {now_s - stamp_s:.2f} s old"
        return ""

    def age_s(self, now_s: float) -> float:
        """Age of the odometry, infinite without one."""
        return float("inf") if self.odometry is None else now_s - self.odometry.stamp_s

    def map_from_odom(self) -> Array:
        assert self.map_to_odom is not None
        return self.map_to_odom.planar()

    def people(self) -> Forecast:
        """The forecast of what moves; what stands is in the occupancy, with a smaller margin."""
        assert self.forecast is not None
        known = self._known
        if known is None or known[0] is not self.forecast or known[1] is not self._standing:
            known = self._known = self.forecast, self._standing, self.forecast.without(self._standing)
        return known[2]

    def _predicted(self, data: m.Prediction) -> None:
        columns = [data.rows[name] for name in ("weight", "t_s", "x", "y", "sxx", "sxy", "syy", "radius")]
        if data.frame_id == FRAME and all(_sane(column, REACH) for column in columns):
            self.forecast = Forecast(data)

    def _objects(self, data: m.Objects) -> None:
        rows = data.rows
        with np.errstate(invalid="ignore"):
            doubt = np.minimum(SURE * np.sqrt(np.maximum(rows["cvxvx"], rows["cvyvy"])), MOST_DOUBT_MPS)
            slow = np.hypot(rows["vx"], rows["vy"]) - doubt <= MOVING_MPS  # what is not a number is not slow
            moving = np.isin(rows["class_id"], MOVES) | ~slow
        # Of whom nothing is seen any more, the last that was known holds as long as somebody predicts.
        before = self._standing[~np.isin(self._standing, rows["id"])][-MOST_REMEMBERED:]
        self._standing = np.concatenate([before, rows["id"][~moving]])
        discs = np.column_stack([rows["x"], rows["y"], rows["radius"] + ERASE_M])[moving].astype(float)
        self._moving = discs[np.isfinite(discs).all(axis=1) & (np.abs(discs) < REACH).all(axis=1)]

    def _occupancy(self, data: m.OccupancyGrid) -> None:
        usable = data.frame_id == FRAME and data.resolution_m > 0.0 and _sane(data.origin, REACH)
        if not usable or data.cells.ndim != 2 or self.odometry is None:
            return
        robot = self.odometry.planar_pose()
        self.surroundings = Surroundings(data, robot, self._p.occupied, self._moving, self._own_radius_m)


def _sane(values: Any, limit: float) -> bool:
    """Every number is finite and no larger than `limit`."""
    with np.errstate(invalid="ignore"):
        return bool((np.abs(values) <= limit).all())
