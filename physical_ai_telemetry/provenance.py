"""What ran when something was recorded: software, models, site, rules, robot and parameters, by name and hash."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import yaml

from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.messages import Diagnostics
from physical_ai_core.robot import robot_file
from physical_ai_core.share import share_path
from physical_ai_core.site import site_file
from physical_ai_telemetry.parameters import TelemetryParameters

# Cards of the models that the suite carries. A node that was told of other weights says so in its parameters.
CARDS: Final = {"people": "data/people/model.yaml", "own_motion": "data/own_motion/model.yaml"}
CARDS_OF: Final = "physical_ai_world_model"
LANGUAGE_CARD: Final = "config/models/planner_language.yaml"
# Node -> values of its heartbeat that name what it runs.
SAID: Final = {
    "safety_gate": ("rules",),
    "planner": ("model",),
    "world_model": ("people_model", "people_sha256", "own_motion_sha256", "shadow.candidate"),
}


@dataclass(frozen=True)
class Provenance:
    """Hashes are the first 64 hexadecimal digits of a SHA-256 of the file; "" where there is none.

    `models`: sha256 of the card, and of the weights as the card pins them. `parameters`: of telemetry itself, and, as
    `files`, what the parameter files say that this node was started with (the other nodes' too, where they share them).
    `said`: what nodes name in their heartbeats (`SAID`), as `world_model.people_sha256`: what runs, where the cards
    say what is installed.
    """

    software: str = ""
    python: str = ""
    site: str = ""
    site_sha256: str = ""
    robot: str = ""
    robot_sha256: str = ""
    models: dict[str, dict[str, str]] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def provenance(settings: TelemetryParameters, arguments: Sequence[str] = ()) -> Provenance:
    """Read once, at activation. `arguments`: of the process, for its parameter files. Never raises."""
    try:
        software = f"physical_ai {version('physical_ai')}"
    except PackageNotFoundError:
        software = ""
    return Provenance(
        software,
        sys.version.split()[0],
        settings.site,
        _hash_of(lambda: site_file(settings.site)),
        settings.robot,
        _hash_of(lambda: robot_file(settings.robot)),
        _models(),
        {"telemetry": asdict(settings), "files": _parameter_files(arguments)},
    )


def said_by(data: Diagnostics) -> dict[str, str]:
    """What the statuses of a heartbeat name of what runs."""
    return {
        f"{status.name}.{name}": status.values[name]
        for status in data.statuses
        for name in SAID.get(status.name, ())
        if status.values.get(name)
    }


def _models() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    spec = find_spec(CARDS_OF)
    root = Path(spec.origin).parent if spec is not None and spec.origin else None
    cards = {name: root / card for name, card in CARDS.items()} if root is not None else {}
    with suppress(PhysicalAIError):
        cards["language"] = share_path(LANGUAGE_CARD)
    for name, path in cards.items():
        try:
            content = path.read_bytes()
            card = yaml.safe_load(content)
        except (OSError, yaml.YAMLError):
            continue
        entry = {"card_sha256": hashlib.sha256(content).hexdigest()}
        if isinstance(card, Mapping):
            for key, part in (("weights_sha256", card), *((f"{k}_sha256", card.get(k)) for k in ("gguf", "adapter"))):
                if isinstance(part, Mapping) and "sha256" in part:
                    entry[key] = str(part["sha256"])
        found[name] = entry
    return found


def _parameter_files(arguments: Sequence[str]) -> dict[str, Any]:
    """Content of each `--params-file`, which a launch gives to all nodes alike."""
    found: dict[str, Any] = {}
    for flag, name in pairwise(arguments):
        if flag == "--params-file":
            try:
                found[name] = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
                found[name] = f"unreadable: {type(error).__name__}"
    return found


def _hash_of(path: Any) -> str:
    try:
        return hashlib.sha256(path().read_bytes()).hexdigest()
    except (OSError, PhysicalAIError):
        return ""
