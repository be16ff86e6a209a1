"""A `*.replay.yaml`: which bags a fleet's CI replays, on which nodes, against what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from physical_ai_bench.regression.cast import part_of
from physical_ai_core.errors import InputError


class Suite(BaseModel):
    """Paths count from the file. `config`, `tolerances`: names under config/replay (tolerances/), or files."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    bags: tuple[str, ...] = Field(min_length=1)
    against: str
    nodes: tuple[str, ...] = ("graph",)
    tolerances: str | None = None
    config: str | None = None

    def options(self) -> dict[str, Any]:
        return {"tolerances": self.tolerances, "config": self.config}


def load_suite(path: Path) -> Suite:
    """Raises InputError."""
    try:
        suite = Suite.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise InputError(
            f"The replay suite {path} cannot be used: {error}.", "Three lines: bags, against, nodes; docs/replay.md."
        ) from error
    for node in suite.nodes:
        part_of(node)
    return suite
