"""What "no worse" means, as data: the section `gate` of `config/release/NAME.yaml`."""

from __future__ import annotations

from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from physical_ai_core.errors import InputError
from physical_ai_core.models.limits import limits_file, load_limits

FROZEN = ConfigDict(frozen=True, extra="forbid")


class DeviationBounds(BaseModel):
    """Of the candidate's forecasts from those of the full-precision model it was made of."""

    model_config = FROZEN
    p99_9_m: float = Field(gt=0.0)
    max_m: float = Field(gt=0.0)
    spread_ratio_max: float = Field(gt=1.0)


class PredictionBounds(BaseModel):
    """On recorded people; margins are candidate minus incumbent, of which the interval's upper end counts."""

    model_config = FROZEN
    coverage_least: float = Field(ge=0.0, le=1.0)
    coverage_most: float = Field(ge=0.0, le=1.0)
    coverage_margin: float = Field(ge=0.0)
    nll_margin: float = Field(ge=0.0)
    fde_margin_m: float = Field(ge=0.0)
    finite: bool = True


class ReplayBounds(BaseModel):
    """The world model on recorded inputs."""

    model_config = FROZEN
    surprise_margin: float = Field(ge=0.0)
    learnt_share_margin: float = Field(ge=0.0)


class SimulatorBounds(BaseModel):
    """Crossing runs with paired seeds."""

    model_config = FROZEN
    collisions_at_most: int = Field(ge=0)
    time_ratio_margin: float = Field(ge=0.0)
    stops_margin: float = Field(ge=0.0)
    unreached_more_at_most: int = Field(ge=0)


class Thresholds(BaseModel):
    model_config = FROZEN
    seed: int = 7
    deviation: DeviationBounds
    prediction: PredictionBounds
    replay: ReplayBounds
    simulator: SimulatorBounds


class OwnPredictionBounds(BaseModel):
    """On simulated missions; margins are candidate minus incumbent, of which the interval's upper end counts."""

    model_config = FROZEN
    coverage_least: float = Field(ge=0.0, le=1.0)
    coverage_most: float = Field(ge=0.0, le=1.0)
    coverage_margin: float = Field(ge=0.0)
    nll_margin: float = Field(ge=0.0)
    error_share_margin: float = Field(ge=0.0)
    believed_share_margin: float = Field(ge=0.0)


class OwnReplayBounds(BaseModel):
    """The own motion in the world model on recorded inputs."""

    model_config = FROZEN
    error_margin_m: float = Field(ge=0.0)
    surprise_margin: float = Field(ge=0.0)
    believed_share_margin: float = Field(ge=0.0)


class OwnThresholds(BaseModel):
    model_config = FROZEN
    seed: int = 7
    deviation: DeviationBounds
    prediction: OwnPredictionBounds
    replay: OwnReplayBounds
    simulator: SimulatorBounds


Bounds = TypeVar("Bounds", Thresholds, OwnThresholds)


def load_thresholds(name_or_path: str) -> Thresholds:
    """Of people. Raises InputError: no such file, unknown or missing bounds, or bounds that make no sense."""
    return _gate(name_or_path, Thresholds, "people")


def load_own_thresholds(name_or_path: str) -> OwnThresholds:
    """Of the own motion. Raises InputError, likewise."""
    return _gate(name_or_path, OwnThresholds, "own_motion")


def _gate(name_or_path: str, kind: type[Bounds], model: str) -> Bounds:
    path = limits_file(name_or_path)
    load_limits(name_or_path)  # the other sections must be sound, too
    try:
        return kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))["gate"])
    except (OSError, KeyError, TypeError, ValidationError) as error:
        raise InputError(
            f"The bounds {path} cannot be used for '{model}': {error}.", f"config/release/{model}.yaml shows the form."
        ) from error
