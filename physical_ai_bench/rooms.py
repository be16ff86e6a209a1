"""Where each node's core lives: by convention `physical_ai_X.core:XCore`, `physical_ai_X.parameters:XParameters`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from physical_ai_core import graph
from physical_ai_core.core import Core
from physical_ai_core.errors import InputError
from physical_ai_core.parameters import describe, load

CORES: Final = {
    "perception": "PerceptionCore",
    "world_model": "WorldModelCore",
    "planner": "PlannerCore",
    "controller": "ControllerCore",
    "safety_gate": "GateCore",
    "telemetry": "TelemetryCore",
    "simulator": "SimulatorCore",
}


def parameters_of(node: str, values: Mapping[str, Any]) -> Any:
    """The node's parameter dataclass with `values` checked. Raises ParameterError, or InputError for no such node."""
    if node not in graph.NODE:
        raise InputError(f"There is no node '{node}'.", f"Nodes: {', '.join(graph.NODE)}.")
    module, _, name = graph.NODE[node].parameters.partition(":")
    return load(getattr(import_module(module), name), values)


def fitting(node: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the shared `values` (site, robot) that the node has a parameter for."""
    module, _, name = graph.NODE[node].parameters.partition(":")
    known = describe(getattr(import_module(module), name))
    return {key: value for key, value in values.items() if key in known}


def make_core(node: str, values: Mapping[str, Any], *extra: Any) -> Core:
    """Build the core of a node from its parameters (and what else its constructor takes), lent what its node lends."""
    parameters = parameters_of(node, values)
    if node == "controller" and not extra:
        from physical_ai_world_model.own_motion import own_motion_of

        p = parameters
        extra = (None, own_motion_of(p.own_motion_model, p.models_folder, p.actuator_lag_s))
    module = graph.NODE[node].parameters.split(".")[0]
    core: Core = getattr(import_module(f"{module}.core"), CORES[node])(parameters, *extra)
    return core
