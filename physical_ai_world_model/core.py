"""The world model's core: objects and own motion in, mixture prediction, own path and surprise out."""

from __future__ import annotations

from typing import Any

import numpy as np

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.core import NOTHING, OK, STALE, WARN, Health, Output, Outputs
from physical_ai_core.geometry import Array, gravity_in_base
from physical_ai_world_model.ids import first_rows
from physical_ai_world_model.kalman.imm import Belief
from physical_ai_world_model.kalman.motion import MotionModel
from physical_ai_world_model.kalman.tracks import Tracks
from physical_ai_world_model.own_motion import commands_along, follow_trajectory, own_motion_of
from physical_ai_world_model.own_motion.source import heed, own_shadow_of
from physical_ai_world_model.parameters import WorldModelParameters
from physical_ai_world_model.people import People, plan_of, square
from physical_ai_world_model.predictor import Predictor, rows_of
from physical_ai_world_model.surprise import Surprise, moments, planar_covariances

LEAST_COMPARISONS = 10
FRAME = "odom"
UNKNOWN = layouts.OBJECT_CLASSES.index("unknown")
SURE = 2.0  # standard deviations by which an unknown thing must be faster than none, to be one that moves
PERSON, VEHICLE = (layouts.OBJECT_CLASSES.index(name) for name in ("person", "vehicle"))
PATH_PERIOD_S = 0.09  # 10 Hz of a tick of 20
COMMAND_LEAD_S = 0.02  # from a trajectory's moment to its command's effect, beside the actuator's lag


class WorldModelCore:
    """Hybrid: an interacting-multiple-model filter over every object is base and fallback; a learnt state-space model
    speaks for those who walk, as long as what it says holds."""

    def __init__(self, parameters: WorldModelParameters) -> None:
        p = self._p = parameters
        models = (
            MotionModel("cruise", 0.0, p.cruise_psd),
            MotionModel("slow", p.slow_damping_per_s, p.slow_psd),
        )
        self._tracks = Tracks(models, p.dwell_s, p.coast_s, p.measurement_inflation)
        self._predictor = Predictor(models, p.horizon_s, p.step_s)
        self._lead = int(np.argmin(np.abs(self._predictor.times_s - p.surprise_lead_s)))
        self._surprise = Surprise(float(self._predictor.times_s[self._lead]), p.surprise_window_s, LEAST_COMPARISONS)
        self.people = People(p)
        self.own = own_motion_of(p.own_motion_model, p.models_folder, p.actuator_lag_s)
        self.own_shadow, self._own_shadow_missing = own_shadow_of(
            p.own_shadow_model, p.own_motion_model, p.models_folder, p.actuator_lag_s, p.shadow_period_s
        )
        self._odometry: m.Odometry | None = None
        self._trajectory: m.Path | None = None
        self._heard_objects_s = -np.inf
        self._refused = 0
        self._wrong_frame = ""
        self._now_s = self._path_s = -np.inf
        self._last_surprise = 0.0
        self.learnt_ids: frozenset[int] = frozenset()  # for whom the learnt model spoke in the last tick

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        """Take one payload; answers only by `tick`."""
        if not np.isfinite(stamp_s):
            return NOTHING
        if topic == "state/objects":
            self._observe(data, stamp_s)
        elif topic == "state/odometry" and _finite_odometry(data):
            self._odometry = data
            twist = np.array([data.linear_mps[0], data.linear_mps[1], data.angular_rps[2]])
            pose, pull = data.planar_pose(), gravity_in_base(data.orientation_xyzw)
            self.own.observe(data.stamp_s, pose, twist, pull)
            if self.own_shadow is not None:
                self.own_shadow.observe(data.stamp_s, pose, twist, pull)
        elif topic == "cmd_vel" and np.isfinite([data.linear_x_mps, data.angular_z_rps]).all():
            self.own.command(stamp_s, data.linear_x_mps, data.angular_z_rps)
            if self.own_shadow is not None:
                self.own_shadow.command(stamp_s, data.linear_x_mps, data.angular_z_rps)
        elif topic == "controller/trajectory":
            usable = data.stamps_s is not None and len(data.poses) > 1 and bool(np.isfinite(data.poses).all())
            self._trajectory = data if usable else None
        return NOTHING

    def tick(self, stamp_s: float) -> Outputs:
        """Predict from `stamp_s` on."""
        if not np.isfinite(stamp_s):
            return NOTHING
        if stamp_s < self._now_s - self._p.stale_s:  # the clock was set back: a bag or a simulation began anew
            self._forget()
        self._now_s = stamp_s
        said = [Output("world_model/prediction", self._predict(stamp_s))]
        path = None if 0.0 <= stamp_s - self._path_s < PATH_PERIOD_S else self._own_path(stamp_s)
        if path is not None:
            self._path_s = stamp_s
            said.append(Output("world_model/path", path))
        self._last_surprise = self._surprise.value(stamp_s)
        said.append(Output("world_model/surprise", m.Scalar(self._last_surprise)))
        return said

    def health(self) -> Health:
        """STALE without odometry or objects; WARN where rows or frames had to be refused."""
        values = {
            "objects": str(len(self._tracks)),
            "surprise": f"{self._last_surprise:.2f}",
            "refused_rows": str(self._refused),
            "learnt_forecast": self._learnt(),
            "people_model": self.people.source,
            "people_sha256": self.people.sha256,
            "own_motion_model": self.own.source,
            "own_motion_sha256": self.own.sha256,
            "own_motion": self.own.fallback(self._now_s) or "learnt",
        }
        if self.people.shadow is not None:
            values |= self.people.shadow.values()
        elif self.people.shadow_missing:
            values["shadow.fault"] = self.people.shadow_missing
        if self.own_shadow is not None:
            values |= self.own_shadow.values()
        elif self._own_shadow_missing:
            values["own_shadow.fault"] = self._own_shadow_missing
        if self._wrong_frame:
            return Health(WARN, f"objects in frame '{self._wrong_frame}' are refused: send them in '{FRAME}'", values)
        if self._odometry is None or self._now_s - self._odometry.stamp_s > self._p.stale_s:
            return Health(STALE, "state/odometry is silent", values)
        if self._now_s - self._heard_objects_s > self._p.stale_s:
            fade = f"objects fade out within {self._p.coast_s:g} s of when they were seen last"
            return Health(STALE, f"state/objects is silent: {fade}", values)
        if self._refused:
            return Health(WARN, f"{self._refused} object rows refused (not finite or out of range)", values)
        if self._p.people_model and not self.people.speaks:
            return Health(WARN, f"Kalman forecasts alone: {self.people.silent_because}", values)
        if self._p.own_motion_model and self.own.missing:
            return Health(WARN, f"own motion by the kinematic model alone: {self.own.missing}", values)
        if self.people.warning or self.own.warning:
            return Health(WARN, self.people.warning or self.own.warning, values)
        return Health(OK, "ok", values)

    def heed(self) -> None:
        """Installed weights that were rolled back since keep silent. Reads a small file of each; for once a second."""
        self.people.heed()
        heed(self.own, self._p.models_folder)

    def _learnt(self) -> str:
        if not self.people.speaks:
            return self.people.silent_because
        return (
            f"{len(self.learnt_ids)} objects, {self.people.trust.lost} left to the Kalman filter; {self.people.backend}"
        )

    def _forget(self) -> None:
        self._tracks.clear()
        self._surprise.clear()
        self.people.clear()
        self._odometry = self._trajectory = None
        self.own.clear()
        if self.own_shadow is not None:
            self.own_shadow.clear()
        self._heard_objects_s = self._path_s = -np.inf

    def _observe(self, data: m.Objects, stamp_s: float) -> None:
        if data.frame_id != FRAME:
            self._wrong_frame = data.frame_id
            return
        self._wrong_frame = ""
        rows = self._nearest(data.rows, self._p.max_objects)
        self._heard_objects_s = stamp_s
        self._refused = self._tracks.observe(rows, stamp_s)
        self.people.observe(rows, stamp_s, self._tracks.ids[~self._tracks.static])
        self._compare(rows, stamp_s)

    def _nearest(self, rows: layouts.Rows, count: int) -> layouts.Rows:
        if len(rows) <= count:
            return rows
        away = np.nan_to_num(np.hypot(rows["x"] - self._here()[0], rows["y"] - self._here()[1]), nan=np.inf)
        return np.asarray(rows[np.argsort(away, kind="stable")[:count]])

    def _here(self) -> Array:
        return np.zeros(3) if self._odometry is None else self._odometry.planar_pose()

    def _compare(self, rows: layouts.Rows, stamp_s: float) -> None:
        xy = np.column_stack([rows["x"], rows["y"]]).astype(float)
        cov = planar_covariances(rows)
        near = np.isfinite(xy).all(axis=1) & np.isfinite(cov).all(axis=(1, 2))
        if self._odometry is not None:
            with np.errstate(invalid="ignore"):
                near &= np.hypot(*(xy - self._here()[:2]).T) < self._p.surprise_radius_m
        # Only what moves: the middle of a standing thing shifts as its other sides come into view: no surprise.
        with np.errstate(invalid="ignore"):
            doubt = SURE * np.sqrt(np.maximum(rows["cvxvx"], rows["cvyvy"]))
            kind = rows["class_id"]
            moves = (kind == PERSON) | (kind == VEHICLE)
            moves |= (kind == UNKNOWN) & (np.hypot(rows["vx"], rows["vy"]) > doubt)
        seats = np.flatnonzero(near & moves)
        seats = seats[first_rows(rows["id"][seats])]
        self._surprise.observe(stamp_s, rows["id"][seats], xy[seats], cov[seats])

    def _predict(self, stamp_s: float) -> m.Prediction:
        tracks = self._tracks
        keep = tracks.present(stamp_s)
        if not keep.any():
            self.learnt_ids = frozenset()
            return m.Prediction(stamp_s, FRAME, layouts.empty(layouts.PREDICTION))
        belief = tracks.at(stamp_s)
        odometry = self._odometry
        if odometry is not None and abs(stamp_s - odometry.stamp_s) <= self._p.stale_s:
            self.people.observe_robot(np.array(odometry.position_m[:2], dtype=float), odometry.stamp_s)
        kept = np.flatnonzero(keep)
        plan = plan_of(self._fresh_trajectory(stamp_s), stamp_s)
        times_s = self._predictor.times_s
        said, fans = self.people.forecast(tracks.ids[kept], times_s, stamp_s, self._lead, plan)
        self.learnt_ids = frozenset(tracks.ids[kept[said]].tolist())
        mine = kept[~said]
        ids, static = tracks.ids[mine], tracks.static[mine]
        fan = self._predictor.fan(Belief(*(a[mine] for a in belief)), static)
        mean, cov = moments(fan.mean[:, :, self._lead, :2], fan.cov[:, :, self._lead], fan.weight)
        parts = [self._predictor.rows(fan, ids, tracks.radius_m[mine], static)]
        if fans is not None and len(fans.weight):
            walkers = kept[said]
            here = moments(*(a[walkers] for a in belief))[1]
            spread = fans.covariance + here[:, [0, 0, 1], [0, 1, 1]][:, None, None].astype(np.float32)
            names, radius_m = tracks.ids[walkers], tracks.radius_m[walkers]
            parts.append(rows_of(fans.mean_m, fans.rate_mps, spread, fans.weight, names, radius_m, times_s))
            more = moments(fans.mean_m[:, :, self._lead], square(spread[:, :, self._lead]), fans.weight)
            mean, cov = np.concatenate([mean, more[0]]), np.concatenate([cov, more[1]])
            ids = np.concatenate([ids, names])
        self._surprise.expect(stamp_s + float(times_s[self._lead]), ids, mean, cov)
        return m.Prediction(stamp_s, FRAME, np.concatenate(parts))

    def _fresh_trajectory(self, stamp_s: float) -> m.Path | None:
        trajectory = self._trajectory
        fresh = trajectory is not None and abs(stamp_s - trajectory.stamp_s) <= self._p.stale_s
        return trajectory if fresh else None

    def _own_path(self, stamp_s: float) -> m.Path | None:
        odometry = self._odometry
        if odometry is None or not 0.0 <= abs(stamp_s - odometry.stamp_s) <= self._p.stale_s:
            return None
        times_s = self._predictor.times_s
        trajectory = self._fresh_trajectory(stamp_s)
        if trajectory is None or trajectory.stamps_s is None:
            return m.Path(stamp_s, FRAME, self.own.predict(stamp_s, times_s).poses, stamp_s + times_s)
        lead_s = self._p.actuator_lag_s + COMMAND_LEAD_S
        ahead = self.own.predict(stamp_s, times_s, commands_along(trajectory.poses, trajectory.stamps_s, lead_s))
        poses = ahead.poses
        if ahead.reason:
            poses = follow_trajectory(trajectory.poses, trajectory.stamps_s, stamp_s + times_s)
        return m.Path(stamp_s, FRAME, poses, stamp_s + times_s)


def _finite_odometry(data: m.Odometry) -> bool:
    numbers = (data.position_m, data.orientation_xyzw, data.linear_mps, data.angular_rps)
    return all(bool(np.isfinite(part).all()) for part in numbers)
