"""The world model as a lifecycle node."""

from __future__ import annotations

from physical_ai_core.ros.node import CoreNode, Tick
from physical_ai_core.ros.spin import run_node
from physical_ai_world_model.core import WorldModelCore
from physical_ai_world_model.parameters import WorldModelParameters


class WorldModelNode(CoreNode[WorldModelParameters]):
    """Thin shell around `WorldModelCore`."""

    TICK = Tick.STEADY

    def build(self, parameters: WorldModelParameters) -> WorldModelCore:
        return WorldModelCore(parameters)


def main() -> None:
    raise SystemExit(run_node(lambda: WorldModelNode("world_model", WorldModelParameters)))


if __name__ == "__main__":
    main()
