"""What a replay was made by: software, models, files and parameters, as hashes, to name what changed since."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np

from physical_ai_bench.regression.cast import Part, parameters, values_of
from physical_ai_bench.replay import ReplayConfig
from physical_ai_core import graph
from physical_ai_core.native import processor
from physical_ai_core.robot import robot_file
from physical_ai_core.share import share_path

CORE: Final = "physical_ai_core"
LENT: Final = {"controller": ("physical_ai_world_model",), "planner": ("physical_ai_control",)}  # what a node is lent
WEIGHTS: Final = (".npz", ".npy", ".safetensors", ".json", ".bin", ".yaml")


@dataclass(frozen=True)
class Provenance:
    """Short hashes by name. `parameters`: node -> name -> value, all of them, defaults too."""

    version: str = ""
    software: dict[str, str] = field(default_factory=dict)  # package -> its source
    models: dict[str, str] = field(default_factory=dict)  # file of weights; folder that a parameter names
    files: dict[str, str] = field(default_factory=dict)  # robot, site, rules
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    machine: str = ""  # processor and libraries of numbers: other ones, other last digits


def provenance(part: Part, config: ReplayConfig) -> Provenance:
    """Raises ParameterError."""
    packages = {CORE, *(package_of(node) for node in part.nodes)}
    packages |= {lent for node in part.nodes for lent in LENT.get(node, ())}
    roots = {name: Path(__file__).parents[2] / name for name in sorted(packages)}
    every = parameters(part, config)
    return Provenance(
        version=_version(),
        software={name: _hash_of(_sources(root), root) for name, root in roots.items()},
        models={
            f"{name}/{file.relative_to(root)}": _hash_of([file], root)
            for name, root in roots.items()
            for file in _weights(root)
        }
        | {name: _hash_of(_within(folder), folder) for name, folder in _named(every).items()},
        files={name: _hash_of([file], file.parent) for name, file in _files(part, config).items() if file.exists()},
        parameters=json.loads(json.dumps(every)),
        machine=hashlib.sha256(f"{processor()} {platform.python_version()} {np.__version__}".encode()).hexdigest()[:12],
    )


def changes(before: Provenance, now: Provenance) -> list[str]:
    """What is another one now, a line each, what most likely tells first."""
    lines = []
    for node in sorted(before.parameters.keys() | now.parameters.keys()):
        old, new = before.parameters.get(node, {}), now.parameters.get(node, {})
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                lines.append(f"parameter {node}.{name}: {old.get(name)} -> {new.get(name)}")
    lines += _changed("model", before.models, now.models)
    lines += _changed("file", before.files, now.files)
    lines += _changed("software", before.software, now.software)
    if before.machine != now.machine:
        lines.append("machine: another processor, Python or numpy; bits may differ within the tolerances")
    return lines


def package_of(node: str) -> str:
    return graph.NODE[node].parameters.split(".")[0]


def _changed(what: str, before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [
        f"{what} {name}: {before.get(name, 'none')} -> {now.get(name, 'none')}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]


def _files(part: Part, config: ReplayConfig) -> dict[str, Path]:
    """Robot, site and rules that the nodes read."""
    found: dict[str, Path] = {}
    every = parameters(part, config)
    for node in part.nodes:
        known = {**every[node], **values_of(node, config)}
        if known.get("robot"):
            found[f"robot {known['robot']}"] = robot_file(str(known["robot"]))
        for name in ("site", "rules"):
            if known.get(name):
                found[f"{name} {known[name]}"] = _shared(f"config/{name.rstrip('s')}s", str(known[name]))
    return found


def _named(every: Mapping[str, Mapping[str, Any]]) -> dict[str, Path]:
    """Folders that parameters name: weights, experts."""
    found = {f"{node}.{name}": Path(str(value)) for node, table in every.items() for name, value in table.items()}
    return {name: path for name, path in found.items() if path.parts and path.is_absolute() and path.is_dir()}


def _within(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _shared(folder: str, name_or_path: str) -> Path:
    path = Path(name_or_path)
    return path if path.suffix in {".yaml", ".yml"} else share_path(folder) / f"{name_or_path}.yaml"


def _sources(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.suffix in (".py", ".c", ".h"))


def _weights(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("data/**/*") if path.is_file() and path.suffix in WEIGHTS)


def _hash_of(files: Iterable[Path], root: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(str(file.relative_to(root)).encode() + b"\0" + _content(file, file.stat().st_mtime_ns))
    return digest.hexdigest()[:12]


@lru_cache(maxsize=4096)
def _content(file: Path, _changed_ns: int) -> bytes:
    return hashlib.sha256(file.read_bytes()).digest()


def _version() -> str:
    try:
        return version("physical_ai")
    except PackageNotFoundError:
        return "source tree"
