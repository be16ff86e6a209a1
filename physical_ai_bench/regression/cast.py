"""Which nodes a replay plays, from which recorded topics, with which parameters: their cores behind their live mail."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from physical_ai_bench.regression.mail import LiveNode, LiveTelemetry, live
from physical_ai_bench.regression.readings import RecordedReader
from physical_ai_bench.replay import ReplayConfig
from physical_ai_bench.rooms import fitting, make_core, parameters_of
from physical_ai_core import graph
from physical_ai_core.core import Core
from physical_ai_core.errors import BagError, InputError

GRAPH: Final = "graph"
NODES: Final = ("safety_gate", "perception", "world_model", "controller", "planner", "telemetry")
ALSO_HEARD: Final[Mapping[str, Collection[str]]] = {"telemetry": LiveTelemetry.HEARS}
# Without these a node has nothing to say; a bag that lacks them is the wrong bag.
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "safety_gate": ("scan", "wheel/odometry"),
    "perception": ("imu/data", "wheel/odometry"),
    "world_model": ("state/odometry", "state/objects"),
    "controller": ("state/odometry", "plan"),
    "planner": ("state/odometry",),
    "telemetry": ("state/odometry", "safety/verdict"),
    GRAPH: ("imu/data", "wheel/odometry", "scan"),
}
CONFIG_FILE: Final = "replay.yaml"  # in the bag's folder


@dataclass(frozen=True)
class Part:
    """What is played: one node on its recorded inputs, or the whole graph on the sensors' and persons' topics."""

    name: str
    nodes: tuple[str, ...]

    @property
    def said(self) -> frozenset[str]:
        """Topics that the played nodes say: recorded ones of these are never fed."""
        return frozenset(topic.name for node in self.nodes for topic in graph.said_by(node))

    @property
    def fed(self) -> frozenset[str]:
        """Recorded topics that are fed. Heartbeats are: those of nodes that are not played."""
        heard = {topic.name for node in self.nodes for topic in graph.heard_by(node)}
        heard |= {topic for node in self.nodes for topic in ALSO_HEARD.get(node, ())}
        return frozenset((heard - self.said) | (heard & {"heartbeat"}))

    @property
    def needed(self) -> tuple[str, ...]:
        return NEEDED[self.name]


def part_of(name: str) -> Part:
    """Raises InputError."""
    if name == GRAPH:
        return Part(GRAPH, NODES)
    if name not in NODES:
        raise InputError(f"There is no node '{name}' to replay.", f"Nodes: {', '.join(NODES)}, or '{GRAPH}' for all.")
    return Part(name, (name,))


def config_of(bag: Path, given: ReplayConfig | None, robot: str, site: str) -> ReplayConfig:
    """The configuration given, else `replay.yaml` in the bag's folder, else what the recorder wrote into the bag.

    Raises InputError for a file that is none, BagError where it is for another robot than the bag's.
    """
    from physical_ai_bench.replay import load_replay_config

    beside = bag / CONFIG_FILE
    config = given
    if config is None and bag.is_dir() and beside.exists():
        config = load_replay_config(str(beside))
    if config is None:
        config = ReplayConfig(robot=robot or None, site=site or None)
    if robot and config.robot and Path(robot).stem != Path(config.robot).stem:
        raise BagError(
            f"The bag {bag} is of robot '{robot}', the replay is set up for '{config.robot}'.",
            "Choose the bag's own configuration, or record with the robot that is meant.",
        )
    return config


def values_of(node: str, config: ReplayConfig) -> dict[str, Any]:
    """Parameters that differ from their defaults."""
    shared = {"robot": config.robot, "site": config.site}
    values = fitting(node, {name: value for name, value in shared.items() if value is not None})
    if node == "perception" and config.site is None:
        values["site"] = ""
    values.update(fitting(node, config.parameters.get("/**", {})))
    values.update(config.parameters.get(node, {}))
    return values


def parameters(part: Part, config: ReplayConfig) -> dict[str, dict[str, Any]]:
    """Every parameter of every node that is played, as it will be. Raises ParameterError."""
    return {node: asdict(parameters_of(node, values_of(node, config))) for node in part.nodes}


def rates_of(part: Part, config: ReplayConfig) -> dict[str, float]:
    """Rates of ticks that a parameter sets."""
    if "controller" not in part.nodes:
        return {}
    return {"controller": float(parameters_of("controller", values_of("controller", config)).tick_hz)}


def cast(
    nodes: Collection[str], config: ReplayConfig, reader: Callable[[Any], RecordedReader | None]
) -> dict[str, LiveNode]:
    """Fresh cores. `reader` makes the planner's interpreter from its parameters. Raises as the cores do."""
    return {node: live(node, _core(node, values_of(node, config), reader)) for node in nodes}


def _core(node: str, values: dict[str, Any], reader: Callable[[Any], RecordedReader | None]) -> Core:
    """As the live node builds it, but for what needs a clock or a process of its own."""
    if node != "planner":
        if node == "perception":
            _compile(parameters_of(node, values))
        return make_core(node, values)
    from physical_ai_control.drive_forecast import ControllerDrive
    from physical_ai_control.parameters import ControllerParameters
    from physical_ai_planner.core import PlannerCore
    from physical_ai_planner.experts.council import Council

    p = parameters_of(node, values)
    council = Council(Path(p.experts_folder) if p.experts_folder else None) if p.experts_enabled else None
    return PlannerCore(p, reader(p), driver=ControllerDrive(ControllerParameters()), council=council)


def _compile(p: Any) -> None:
    """What perception's live node compiles before it is active."""
    from physical_ai_perception.fusion.model import Layout, prepare
    from physical_ai_perception.fusion.sensors import sensors_of

    for scales in {0, len(sensors_of(p).scales)}:
        prepare(Layout(scales), p.gravity_mps2)
