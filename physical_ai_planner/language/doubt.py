"""When the interpreter asks back: what training found out about this adapter's probabilities.

It comes in the header of the adapter's weights, so that one hash pins both, and lies beside the merged model as
`planner.json`. A model without it keeps the defaults.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from physical_ai_core.errors import ModelError

FILE = "planner.json"
MIN_CONFIDENCE = 0.7


class Doubt(BaseModel):
    """`calibrated` turns the least sure token's probability into that of a right goal; below `min_confidence`: ask."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    variant: str = "plain"  # or "reasoning": clauses before the goal line
    temperature: float = Field(1.0, gt=0.0, le=100.0)
    min_confidence: float = Field(MIN_CONFIDENCE, ge=0.0, le=1.0)

    def calibrated(self, probability: float) -> float:
        """The probability after the temperature: its log odds divided by it."""
        p = min(max(probability, 1e-9), 1.0 - 1e-9)
        return probability if self.temperature == 1.0 else 1.0 / (1.0 + ((1.0 - p) / p) ** (1.0 / self.temperature))


def doubt_of(folder: Path) -> Doubt:
    """What lies beside a prepared model; defaults where nothing does. Raises ModelError."""
    file = folder / FILE
    if not file.exists():
        return Doubt()
    try:
        return Doubt.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise ModelError(f"{file} cannot be used: {str(error).splitlines()[0]}.", "Prepare the model again.") from error


def header_of(adapter: Path) -> dict[str, Any]:
    """What the header of an adapter's weights says to the planner; {} where it says nothing."""
    with adapter.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(min(size, 1 << 24)))
    found = json.loads(header.get("__metadata__", {}).get("planner", "{}"))
    return found if isinstance(found, dict) else {}


def write_beside(adapter: Path, folder: Path) -> None:
    """Put an adapter's header beside the model it was merged into."""
    found = header_of(adapter)
    if found:
        (folder / FILE).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

