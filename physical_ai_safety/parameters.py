"""Parameters of the gate node. What the robot may do stands in the rules file; here only which files, and time-outs."""

from __future__ import annotations

from dataclasses import dataclass

from physical_ai_core.parameters import parameter


@dataclass(frozen=True)
class GateParameters:
    site: str = parameter("yard", "", "Site: a name in config/sites or the path of a YAML file.")
    robot: str = parameter("scout", "", "Robot: a name in config/robots or the path of a YAML file.")
    rules: str = parameter("default", "", "Rules: a name in config/rules or the path of a YAML file.")
    require_imu: bool = parameter(False, "", "Stop when imu/data is silent; false: only warn.")
    steady_timeout_s: float = parameter(
        1.0,
        "s",
        "Stop when a required input is silent for so long by the steady clock, whatever the stamps say; 0: never.",
        minimum=0.0,
        maximum=60.0,
    )
