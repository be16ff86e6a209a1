"""From the belief about every object to the rows of `world_model/prediction`: a Gaussian mixture per step ahead."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_core.layouts import PREDICTION, Rows
from physical_ai_world_model.kalman.imm import Belief
from physical_ai_world_model.kalman.motion import MotionModel, discretise
from physical_ai_world_model.kalman.tracks import STATIC

COLUMNS: Final = ("id", "mode", "weight", "t_s", "x", "y", "vx", "vy", "sxx", "sxy", "syy", "radius")  # of PREDICTION


class Fan(NamedTuple):
    """n objects, m modes, t steps: `mean (n, m, t, 4)`, position `cov (n, m, t, 2, 2)`, `weight (n, m)`."""

    mean: Array
    cov: Array
    weight: Array


class Predictor:
    """Fans out each mode of the belief over a fixed horizon; the matrices of every step are computed once."""

    def __init__(self, models: tuple[MotionModel, ...], horizon_s: float, step_s: float) -> None:
        self.times_s: Array = np.arange(round(horizon_s / step_s) + 1, dtype=np.float64) * step_s
        self._moving = self._stack(models)
        self._still = self._stack(STATIC * len(models))

    def _stack(self, models: tuple[MotionModel, ...]) -> tuple[Array, Array]:
        parts = [discretise(model, self.times_s) for model in models]
        return np.stack([f for f, _ in parts]), np.stack([q for _, q in parts])  # (m, t, 4, 4) each

    def fan(self, belief: Belief, static: NDArray[np.bool_]) -> Fan:
        """The mixture over the horizon; `static (n,)` objects stay where they are."""
        fan = self._spread(belief, *self._moving)
        if not static.any():
            return fan
        still = self._spread(belief, *self._still)
        mean = np.where(static[:, None, None, None], still.mean, fan.mean)
        cov = np.where(static[:, None, None, None, None], still.cov, fan.cov)
        return Fan(mean, cov, fan.weight)

    @staticmethod
    def _spread(belief: Belief, transition: Array, noise: Array) -> Fan:
        mean = np.einsum("mtij,nmj->nmti", transition, belief.mean)
        place = transition[..., :2, :]
        cov = place @ belief.cov[:, :, None] @ np.swapaxes(place, -1, -2) + noise[..., :2, :2]
        return Fan(mean, cov, belief.weight)

    def rows(self, fan: Fan, ids: NDArray[np.uint32], radius_m: Array, static: NDArray[np.bool_]) -> Rows:
        """PREDICTION rows, ordered by object, mode, time. A static object is one mode of weight 1."""
        weight = np.where(static[:, None], np.eye(fan.weight.shape[1])[0], fan.weight)
        return mixture_rows(fan._replace(weight=weight), ids, radius_m, self.times_s)


def mixture_rows(fan: Fan, ids: NDArray[np.uint32], radius_m: Array, times_s: Array) -> Rows:
    """PREDICTION rows of mixtures, ordered by object, mode, time; modes of no weight are left out."""
    cov = fan.cov
    spread = np.stack([cov[..., 0, 0], cov[..., 0, 1], cov[..., 1, 1]], axis=-1)
    return rows_of(fan.mean[..., :2], fan.mean[..., 2:], spread, fan.weight, ids, radius_m, times_s)


def rows_of(
    xy_m: Array, rate_mps: Array, spread: Array, weight: Array, ids: NDArray[np.uint32], radius_m: Array, times_s: Array
) -> Rows:
    """The same of positions and rates (n, m, t, 2), covariances [xx, xy, yy] (n, m, t, 3) and weights (n, m)."""
    kept = weight > 0.0
    numbers = np.empty((*xy_m.shape[:3], len(COLUMNS)), dtype=np.float32)
    numbers.view(np.uint32)[..., 0] = ids[:, None, None]
    numbers.view(np.uint32)[..., 1] = np.arange(weight.shape[1])[:, None]
    numbers[..., 2], numbers[..., 3] = weight[:, :, None], times_s
    numbers[..., 4:6], numbers[..., 6:8], numbers[..., 8:11] = xy_m, rate_mps, spread
    numbers[..., 11] = radius_m[:, None, None]
    if not kept.all():
        numbers = numbers[kept]
    return np.asarray(numbers.reshape(-1, len(COLUMNS)).view(PREDICTION)[:, 0])
