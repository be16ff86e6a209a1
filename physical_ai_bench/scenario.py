"""A scenario: site, world, people, instruction and time limit, as one YAML file under `config/scenarios`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from physical_ai_core.errors import InputError
from physical_ai_core.robot import robot_file
from physical_ai_core.share import share_path

ParameterTable = dict[str, dict[str, Any]]  # node ("/**" for all) -> parameter -> value


class Scenario(BaseModel):
    """What a demo runs. `parameters` are per node and win over the robot's parameter file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: int = 1
    name: str
    about: str = ""
    site: str
    instruction: str
    time_limit_s: float = Field(180.0, gt=0.0, le=3600.0)
    parameters: ParameterTable = {}


def load_scenario(name_or_path: str) -> Scenario:
    """Read `config/scenarios/NAME.yaml` or a path. Raises InputError."""
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        path = share_path("config/scenarios") / f"{name_or_path}.yaml"
    try:
        return Scenario.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        known = sorted(p.stem for p in share_path("config/scenarios").glob("*.yaml"))
        raise InputError(
            f"The scenario {path} cannot be used: {error}.", f"Give a YAML file or one of {known}."
        ) from error


def overlaid(scenario: Scenario, *tables: ParameterTable) -> Scenario:
    """The scenario with further parameters, which win; of later tables over earlier ones."""
    table = {node: dict(values) for node, values in scenario.parameters.items()}
    for further in tables:
        for node, values in further.items():
            table.setdefault(node, {}).update(values)
    return scenario.model_copy(update={"parameters": table})


def fingerprint(scenario: Scenario, *without: tuple[str, str]) -> str:
    """Of robot, rules, site and parameters: results of different ones do not belong together.

    `without`: (node, parameter) that vary from run to run.
    """
    table = {node: dict(values) for node, values in scenario.parameters.items()}
    for node, name in without:
        table.get(node, {}).pop(name, None)
    robot = robot_file(str(table.get("/**", {}).get("robot", "scout")))
    rules = Path(str(table.get("safety_gate", {}).get("rules", "default")))
    if rules.suffix not in {".yaml", ".yml"}:
        rules = share_path("config/rules") / f"{rules}.yaml"
    digest = hashlib.sha256(json.dumps(table, sort_keys=True, default=str).encode())
    for file in (robot, rules, share_path("config/sites") / f"{scenario.site}.yaml"):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:8]


def write_parameters(path: Path, *tables: ParameterTable) -> None:
    """Write one ROS parameter file; later tables win."""
    merged: ParameterTable = {}
    for table in tables:
        for node, values in table.items():
            merged.setdefault(node, {}).update(values)
    content = {node: {"ros__parameters": values} for node, values in merged.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=True), encoding="utf-8")


def read_parameters(path: Path) -> ParameterTable:
    """Read a ROS parameter file into a table. Raises InputError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        return {node: dict(entry["ros__parameters"]) for node, entry in content.items()}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"The parameter file {path} cannot be used ({type(error).__name__}: {error}).",
            "Give YAML of the form NODE: {ros__parameters: {NAME: VALUE}}.",
        ) from error
