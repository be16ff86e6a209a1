"""The people ahead as the world model predicts them, and how likely a drive comes too near to one."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from physical_ai_core.forecast import Crowd, Driven
from physical_ai_core.geometry import Array, rotation, transform_points
from physical_ai_core.messages import Prediction

FRESH_S = 1.0
LEAST_SIGMA_M = 0.05


class PredictedPeople:
    """A `PeopleForecast` from the last message of `world_model/prediction` (frame `odom`)."""

    def __init__(self) -> None:
        self._prediction: Prediction | None = None
        self.map_from_odom: Array | None = None  # `[x, y, yaw]`, kept up to date by the owner

    def take(self, prediction: Prediction) -> None:
        if np.isfinite(prediction.stamp_s) and prediction.frame_id.lstrip("/") == "odom":
            self._prediction = prediction

    def at(self, stamp_s: float, ahead_s: Array) -> Crowd | None:
        said, joint = self._prediction, self.map_from_odom
        if said is None or joint is None or not abs(stamp_s - said.stamp_s) <= FRESH_S:
            return None
        names = ("weight", "t_s", "x", "y", "sxx", "sxy", "syy", "radius")
        numbers = np.column_stack([said.rows[name] for name in names]).astype(float).reshape(-1, len(names))
        keep = np.isfinite(numbers).all(axis=1)
        numbers, who = numbers[keep], np.column_stack([said.rows["id"], said.rows["mode"]])[keep].astype(np.int64)
        components, of = np.unique(who, axis=0, return_inverse=True)
        wanted = stamp_s - said.stamp_s + np.asarray(ahead_s, dtype=float)
        tracks = np.full((len(components), len(wanted), 5), np.nan)
        weight, radius = np.zeros(len(components)), np.zeros(len(components))
        for index in range(len(components)):
            rows = numbers[of.reshape(-1) == index]
            rows = rows[np.argsort(rows[:, 1], kind="stable")]
            weight[index], radius[index] = rows[0, 0], rows[0, 7]
            for column in range(5):
                tracks[index, :, column] = np.interp(wanted, rows[:, 1], rows[:, 2 + column], np.nan, np.nan)
        turn = rotation(float(joint[2]))
        size = (len(components), len(wanted))
        mean = transform_points(joint, tracks[..., :2].reshape(-1, 2)).reshape(*size, 2)
        cov = tracks[..., [2, 3, 3, 4]].reshape(*size, 2, 2)
        return Crowd(mean, turn @ cov @ turn.T, weight, components[:, 0], radius)


def conflict(driven: Driven, times_s: Array, crowd: Crowd, keep_m: float) -> float:
    """Probability that some person's centre comes within its radius and `keep_m` of the drive, in [0, 1].

    Of each mixture component the worst moment counts; the Gaussian is taken along the line to the robot.
    `times_s` (t,) are the times of the crowd.
    """
    if not len(crowd.weight) or not len(driven.times_s):
        return 0.0
    at = np.column_stack([np.interp(times_s, driven.times_s, driven.xy_m[:, axis]) for axis in (0, 1)])
    gap = crowd.mean_m - at
    distance = np.hypot(gap[..., 0], gap[..., 1])
    toward = gap / np.maximum(distance, 1e-6)[..., None]
    variance = np.einsum("mti,mtij,mtj->mt", toward, crowd.cov_m2, toward)
    sigma = np.sqrt(np.maximum(variance, LEAST_SIGMA_M**2))
    odds = np.nan_to_num(ndtr((crowd.radius_m[:, None] + keep_m - distance) / sigma))
    worst = np.clip(crowd.weight, 0.0, 1.0) * odds.max(axis=1)
    alone = [1.0 - min(1.0, float(worst[crowd.person == person].sum())) for person in np.unique(crowd.person)]
    return float(1.0 - np.prod(alone))
