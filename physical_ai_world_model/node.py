"""The world model as a lifecycle node."""

from __future__ import annotations

from typing import Any, Final

from physical_ai_core import messages as m
from physical_ai_core.core import Output
from physical_ai_core.ros.encode import message_class
from physical_ai_core.ros.node import CoreNode, Tick
from physical_ai_core.ros.spin import run_node
from physical_ai_world_model.core import WorldModelCore
from physical_ai_world_model.markers import marker_array
from physical_ai_world_model.parameters import WorldModelParameters

MARK_EVERY_S: Final = 0.19
LOOK_EVERY_S: Final = 1.0  # whether the model in use was rolled back


class WorldModelNode(CoreNode[WorldModelParameters]):
    """Thin shell around `WorldModelCore`."""

    TICK = Tick.STEADY
    _markers: Any = None
    _path: m.Path | None = None
    _marked_s = _looked_s = float("-inf")

    def build(self, parameters: WorldModelParameters) -> WorldModelCore:
        return WorldModelCore(parameters)

    def opened(self) -> None:
        if self._markers is None:
            kind = message_class("visualization_msgs/msg/MarkerArray")
            self._markers = self.create_publisher(kind, "world_model/markers", 1)

    def said(self, output: Output) -> None:
        if output.topic == "world_model/path":
            self._path = output.data
        elif output.topic == "world_model/prediction":
            self._mark(output.data)
            self._heed(output.data.stamp_s)

    def _heed(self, stamp_s: float) -> None:
        if isinstance(self.core, WorldModelCore) and not 0.0 <= stamp_s - self._looked_s < LOOK_EVERY_S:
            self._looked_s = stamp_s
            self.core.heed()

    def _mark(self, data: m.Prediction) -> None:
        """Markers for whoever looks, seldom enough to cost nothing worth speaking of."""
        if 0.0 <= data.stamp_s - self._marked_s < MARK_EVERY_S or not self._markers.get_subscription_count():
            return
        self._marked_s = data.stamp_s
        learnt = self.core.learnt_ids if isinstance(self.core, WorldModelCore) else frozenset()
        path = self._path if self._path is not None and 0.0 <= data.stamp_s - self._path.stamp_s < 0.5 else None
        self._markers.publish(marker_array(data, learnt, path))


def main() -> None:
    raise SystemExit(run_node(lambda: WorldModelNode("world_model", WorldModelParameters)))


if __name__ == "__main__":
    main()
