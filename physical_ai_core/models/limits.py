"""What a model must not fall below on the robot, as data: `shadow` and `watch` of `config/release/NAME.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from physical_ai_core.errors import InputError
from physical_ai_core.share import share_path

FROZEN = ConfigDict(frozen=True, extra="forbid")


class ShadowLimits(BaseModel):
    """Of a candidate that forecast beside the incumbent; margins are candidate minus incumbent."""

    model_config = FROZEN
    compared_least: int = Field(2000, ge=1)
    nll_margin: float = Field(0.05, ge=0.0)
    fde_margin_m: float = Field(0.05, ge=0.0)
    coverage_least: float = Field(0.8, ge=0.0, le=1.0)
    coverage_most: float = Field(0.99, ge=0.0, le=1.0)
    latency_p99_ms_most: float = Field(20.0, gt=0.0)


class WatchLimits(BaseModel):
    """Of a promoted model: rates against those of the model before it, or absolute where there is no baseline."""

    model_config = FROZEN
    least_s: float = Field(1800.0, gt=0.0)
    events_least: int = Field(4, ge=1)
    alpha: float = Field(0.002, gt=0.0, lt=0.5)
    ratio: float = Field(1.5, ge=1.0)
    stops_per_h_most: float = Field(12.0, gt=0.0)
    malfunctions_per_h_most: float = Field(4.0, gt=0.0)
    surprised_level: float = Field(1.5, gt=0.0)
    surprised_share_margin: float = Field(0.05, ge=0.0)
    surprised_share_most: float = Field(0.25, ge=0.0, le=1.0)
    baseline_least_s: float = Field(1800.0, gt=0.0)


class RobotLimits(BaseModel):
    """`gate` is for the offline side, which checks it by itself."""

    model_config = FROZEN
    schema_version: int = Field(1, ge=1, le=1)
    gate: dict[str, Any] = Field(default_factory=dict)
    shadow: ShadowLimits = ShadowLimits()
    watch: WatchLimits = WatchLimits()


def limits_file(name_or_path: str) -> Path:
    path = Path(name_or_path)
    return path if path.suffix in {".yaml", ".yml"} else share_path("config/release") / f"{name_or_path}.yaml"


def load_limits(name_or_path: str = "people") -> RobotLimits:
    """Raises InputError: no such file, or not of this form."""
    path = limits_file(name_or_path)
    try:
        return RobotLimits.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise InputError(
            f"The limits {path} cannot be used: {error}.", "config/release/people.yaml shows the form."
        ) from error
