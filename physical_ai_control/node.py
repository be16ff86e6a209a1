"""The controller as a lifecycle node."""

from __future__ import annotations

import time

from physical_ai_control.core import ControllerCore
from physical_ai_control.parameters import ControllerParameters
from physical_ai_core.ros.node import CoreNode
from physical_ai_core.ros.spin import run_node
from physical_ai_world_model.own_motion import OwnMotion


class ControllerNode(CoreNode[ControllerParameters]):
    """Thin shell around `ControllerCore`; lends it a clock to report solve times with, and the world model's
    model of the own motion to make up for the age of its state."""

    def build(self, parameters: ControllerParameters) -> ControllerCore:
        return ControllerCore(parameters, time.perf_counter, OwnMotion(parameters.actuator_lag_s))


def main() -> None:
    raise SystemExit(run_node(lambda: ControllerNode("controller", ControllerParameters)))


if __name__ == "__main__":
    main()
