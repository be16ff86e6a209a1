"""Parameters of the gate node. What the robot may do stands in the rules file; here only which files, and time-outs."""

from __future__ import annotations

from dataclasses import dataclass

from physical_ai_core.parameters import parameter


@dataclass(frozen=True)
class GateParameters:
    site: str = parameter("yard", "", "Site: a name in config/sites or the path of a YAML file.")
    robot: str = parameter("scout", "", "Robot: a name in config/robots or the path of a YAML file.")
    rules: str = parameter("default", "", "Rules: a name in config/rules or the path of a YAML file.")
    payload: str = parameter("", "", "What is carried, by its name in the rules file; empty: any of them may be.")
    mode: str = parameter("", "", "How the robot works, by its name in the rules file; empty: no mode.")
    start_latched: bool = parameter(
        True,
        "",
        "After a start, and after any restart, stand until a person calls safety/reset. False: only for tests.",
    )
    require_imu: bool = parameter(False, "", "Stop when imu/data is silent; false: only warn.")
    steady_timeout_s: float = parameter(
        1.0,
        "s",
        "Stop when a required input is silent for so long by the steady clock, whatever the stamps say; 0: never.",
        minimum=0.0,
        maximum=60.0,
    )
    wall_offset_s: float = parameter(
        0.0,
        "s",
        "Added to the graph's stamps it gives seconds since 1970 (UTC), by which rules with hours hold. On a robot 0;"
        " a simulation that begins at 0 names its hour with it, else its hour is unknown and such rules always hold.",
    )
