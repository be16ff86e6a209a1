"""What the tests of model updates share: a repository with keys, a robot's folder, decisions, weights, commands."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner

from physical_ai_cli.main import app
from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.models.client import ModelClient
from physical_ai_core.models.offer import Offer, Wanted
from physical_ai_core.models.slots import Slots
from physical_ai_learning.release.repository import Policy, Repository
from physical_ai_world_model.ssm.shape import ARCHITECTURE
from physical_ai_world_model.ssm.weights import default_folder, load, save

NOW = datetime.now(timezone.utc)
SCOUT = Wanted("scout", ARCHITECTURE, "0.1.0")
RUNNER = CliRunner()
SHIPPED = default_folder() / "people.safetensors"


def weights(folder: Path, share: float) -> bytes:
    """Real weights, each tensor times 1 + `share`."""
    shipped = load(SHIPPED)
    path = folder / f"made_{share}.safetensors"
    save(path, {k: v * np.float32(1.0 + share) for k, v in shipped.tensors.items()}, shipped.shape, shipped.calibration)
    return path.read_bytes()


def accepts(content: bytes, name: str = "people", accepted: bool = True) -> bytes:
    """A decision of the gate about these bytes."""
    return json.dumps(
        {"accepted": accepted, "model": name, "candidate": {"sha256": hashlib.sha256(content).hexdigest()}}
    ).encode()


@dataclass
class Site:
    """One publisher and one robot."""

    folder: Path

    @property
    def stick(self) -> Path:
        return self.folder / "stick"

    @property
    def models(self) -> Path:
        return self.folder / "robot"

    @property
    def slots(self) -> Slots:
        return Slots("people", self.models)

    def repository(self, days: int = 0) -> Repository:
        return Repository(self.stick, self.folder / "keys", NOW + timedelta(days=days))

    def begin(self, policy: Policy | None = None) -> None:
        root = self.repository().begin(policy)
        ModelClient(self.models, str(self.stick)).believe(root.read_bytes())

    def publish(self, content: bytes, days: int = 0, **changed: object) -> Offer:
        said = {"name": "people", "robots": ["scout"], "architecture": ARCHITECTURE, "minimum_software": "0.1.0"}
        return self.repository(days).publish(content, accepts(content), **{**said, **changed})  # type: ignore[arg-type]

    def client(self, days: float = 0.0, source: str = "") -> ModelClient:
        return ModelClient(self.models, source or str(self.stick), NOW + timedelta(days=days))

    def install(self, days: float = 0.0, wanted: Wanted = SCOUT, source: str = "") -> ModelClient:
        client = self.client(days, source)
        client.refresh()
        client.install("people", wanted, lambda folder: None)
        return client


def say(*words: object) -> tuple[int, Any]:
    """Exit code and JSON, as `main` would give them."""
    result = RUNNER.invoke(app, ["models", *map(str, words), "--json"])
    if isinstance(result.exception, PhysicalAIError):
        return result.exception.exit_code, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout) if result.stdout.startswith("{") else result.stdout
