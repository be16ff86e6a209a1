"""What the controller is told of people: the world model's word, or a plainer one in its place (the ablation)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.core import Core, Health, Output, Outputs

PREDICTED, VELOCITY, STANDING, NOBODY = "predicted", "velocity", "standing", "nobody"
FORECASTS: Final = (PREDICTED, VELOCITY, STANDING)
PSD: Final = 0.05  # m²/s³, doubt of the constant velocity: that of the Kalman filter's cruising mode
TIMES_S: Final = np.arange(0.0, 4.9, 0.2)
STATIC: Final = layouts.OBJECT_CLASSES.index("static")
TOPIC: Final = "world_model/prediction"


class Plain:
    """A world model whose forecasts are replaced: everybody goes on as seen (`VELOCITY`), or stays (`STANDING`)."""

    def __init__(self, inner: Core, how: str) -> None:
        self._inner, self._moves = inner, how == VELOCITY
        self._objects: m.Objects | None = None

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        if topic == "state/objects":
            self._objects = data
        return self._inner.handle(topic, data, stamp_s)

    def tick(self, stamp_s: float) -> Outputs:
        return [
            Output(TOPIC, self._plain(output.data)) if output.topic == TOPIC else output
            for output in self._inner.tick(stamp_s)
        ]

    def health(self) -> Health:
        return self._inner.health()

    def _plain(self, said: m.Prediction) -> m.Prediction:
        if self._objects is None:
            return m.Prediction(said.stamp_s, said.frame_id, layouts.empty(layouts.PREDICTION))
        objects, times = self._objects.rows, TIMES_S
        age_s = said.stamp_s - self._objects.stamp_s
        rows = layouts.empty(layouts.PREDICTION, len(objects) * len(times))
        table = rows.reshape(len(objects), len(times))
        moves = (objects["class_id"] != STATIC)[:, None] & self._moves
        ahead = (age_s + times) * moves
        table["id"], table["weight"], table["radius"] = objects["id"][:, None], 1.0, objects["radius"][:, None]
        table["t_s"] = times
        for axis in "xy":
            table[axis] = objects[axis][:, None] + objects[f"v{axis}"][:, None] * ahead
            grown = 2.0 * objects[f"c{axis}v{axis}"][:, None] * ahead + objects[f"cv{axis}v{axis}"][:, None] * ahead**2
            table[f"s{axis}{axis}"] = objects[f"c{axis}{axis}"][:, None] + grown + PSD * ahead**3 / 3.0
        return m.Prediction(said.stamp_s, said.frame_id, rows)
