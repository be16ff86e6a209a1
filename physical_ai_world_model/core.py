"""The world model's core: objects and own motion in, mixture prediction, own path and surprise out."""

from __future__ import annotations

from typing import Any

import numpy as np

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.core import NOTHING, OK, STALE, WARN, Health, Output, Outputs
from physical_ai_core.geometry import Array
from physical_ai_world_model.kalman.motion import MotionModel
from physical_ai_world_model.kalman.tracks import Tracks
from physical_ai_world_model.own_motion import follow_command, follow_trajectory
from physical_ai_world_model.parameters import WorldModelParameters
from physical_ai_world_model.predictor import Fan, Predictor
from physical_ai_world_model.surprise import Surprise, moments

LEAST_COMPARISONS = 10
FRAME = "odom"
PATH_PERIOD_S = 0.09  # 10 Hz of a tick of 20


class WorldModelCore:
    """Kalman form: an interacting-multiple-model filter over every object, a kinematic model of the robot."""

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
        self._odometry: m.Odometry | None = None
        self._command: m.Twist | None = None
        self._trajectory: m.Path | None = None
        self._heard_objects_s = -np.inf
        self._refused = 0
        self._wrong_frame = ""
        self._now_s = self._path_s = -np.inf
        self._last_surprise = 0.0

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        """Take one payload; answers only by `tick`."""
        if not np.isfinite(stamp_s):
            return NOTHING
        if topic == "state/objects":
            self._observe(data, stamp_s)
        elif topic == "state/odometry" and _finite_odometry(data):
            self._odometry = data
        elif topic == "cmd_vel" and np.isfinite([data.linear_x_mps, data.angular_z_rps]).all():
            self._command = m.Twist(stamp_s, data.frame_id, data.linear_x_mps, data.angular_z_rps)
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
        }
        if self._wrong_frame:
            return Health(WARN, f"objects in frame '{self._wrong_frame}' are refused: send them in '{FRAME}'", values)
        if self._odometry is None or self._now_s - self._odometry.stamp_s > self._p.stale_s:
            return Health(STALE, "state/odometry is silent", values)
        if self._now_s - self._heard_objects_s > self._p.stale_s:
            return Health(STALE, "state/objects is silent: vanished objects are no longer predicted", values)
        if self._refused:
            return Health(WARN, f"{self._refused} object rows refused (not finite or out of range)", values)
        return Health(OK, "ok", values)

    def _forget(self) -> None:
        self._tracks.clear()
        self._surprise.clear()
        self._odometry = self._command = self._trajectory = None
        self._heard_objects_s = self._path_s = -np.inf

    def _observe(self, data: m.Objects, stamp_s: float) -> None:
        if data.frame_id != FRAME:
            self._wrong_frame = data.frame_id
            return
        self._wrong_frame = ""
        rows = self._nearest(data.rows, self._p.max_objects)
        self._heard_objects_s = stamp_s
        self._refused = self._tracks.observe(rows, stamp_s)
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
        cov = layouts.covariances(rows)[:, :2, :2]
        near = np.isfinite(xy).all(axis=1) & np.isfinite(cov).all(axis=(1, 2))
        if self._odometry is not None:
            with np.errstate(invalid="ignore"):
                near &= np.hypot(*(xy - self._here()[:2]).T) < self._p.surprise_radius_m
        _, first = np.unique(rows["id"][near], return_index=True)
        self._surprise.observe(stamp_s, rows["id"][near][first], xy[near][first], cov[near][first])

    def _predict(self, stamp_s: float) -> m.Prediction:
        tracks = self._tracks
        keep = tracks.present(stamp_s)
        if not keep.any():
            return m.Prediction(stamp_s, FRAME, layouts.empty(layouts.PREDICTION))
        belief = tracks.at(stamp_s)
        fan = self._predictor.fan(belief, tracks.static)
        self._expect(fan, stamp_s, keep)
        rows = self._predictor.rows(Fan(*(a[keep] for a in fan)), tracks.ids[keep], tracks.radius_m[keep],
                                    tracks.static[keep])  # fmt: skip
        return m.Prediction(stamp_s, FRAME, rows)

    def _expect(self, fan: Fan, stamp_s: float, keep: Any) -> None:
        mean, cov = moments(fan.mean[keep, :, self._lead, :2], fan.cov[keep, :, self._lead], fan.weight[keep])
        lead_s = float(self._predictor.times_s[self._lead])
        self._surprise.expect(stamp_s + lead_s, self._tracks.ids[keep], mean, cov)

    def _own_path(self, stamp_s: float) -> m.Path | None:
        odometry = self._odometry
        if odometry is None or not 0.0 <= abs(stamp_s - odometry.stamp_s) <= self._p.stale_s:
            return None
        times = self._predictor.times_s
        trajectory = self._trajectory
        if trajectory is not None and abs(stamp_s - trajectory.stamp_s) <= self._p.stale_s:
            assert trajectory.stamps_s is not None
            poses = follow_trajectory(trajectory.poses, trajectory.stamps_s, stamp_s + times)
            return m.Path(stamp_s, FRAME, poses, stamp_s + times)
        twist = np.array([odometry.linear_mps[0], odometry.angular_rps[2]])
        command = twist
        if self._command is not None and abs(stamp_s - self._command.stamp_s) <= self._p.stale_s:
            command = np.array([self._command.linear_x_mps, self._command.angular_z_rps])
        age = float(np.clip(stamp_s - odometry.stamp_s, 0.0, self._p.stale_s))
        poses = follow_command(
            odometry.planar_pose(), twist, command, self._p.actuator_lag_s, np.concatenate([[0.0], age + times])
        )
        return m.Path(stamp_s, FRAME, poses[1:], stamp_s + times)


def _finite_odometry(data: m.Odometry) -> bool:
    numbers = (data.position_m, data.orientation_xyzw, data.linear_mps, data.angular_rps)
    return all(bool(np.isfinite(part).all()) for part in numbers)
