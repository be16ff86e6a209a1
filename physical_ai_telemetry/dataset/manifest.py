"""`dataset.json`: what a data set is made of, so that a model trained on it can be traced back to drives."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from physical_ai_telemetry.dataset.parts import PARTS, Shares
from physical_ai_telemetry.dataset.recording import Recording

NAME: Final = "dataset.json"
SCHEMA_VERSION: Final = "1.0"


def software() -> str:
    """This suite and its version."""
    try:
        return f"physical_ai {version('physical_ai')}"
    except PackageNotFoundError:
        return "physical_ai"


def manifest(
    form: str,
    recordings: Sequence[Recording],
    parts: Mapping[str, str],
    shares: Shares,
    licence: str,
    duplicates: Sequence[str],
    counts: Mapping[str, Any],
) -> dict[str, Any]:
    """The content of `dataset.json`. `counts`: what the form itself counts (rows or frames)."""
    units = [unit for recording in recordings for unit in recording.units]
    return {
        "schema_version": SCHEMA_VERSION,
        "format": form,
        "software": software(),
        "licence": licence,
        "split": {**asdict(shares), "by": "mission and bag, SHA-256; units that share messages go together"},
        "units": {part: sum(parts[unit.name] == part for unit in units) for part in PARTS},
        "missions": {part: sum(parts[unit.name] == part for unit in units if unit.mission) for part in PARTS},
        "bags": [_bag(recording, parts) for recording in recordings],
        "duplicates_left_out": list(duplicates),
        **counts,
    }


def _bag(recording: Recording, parts: Mapping[str, str]) -> dict[str, Any]:
    first, last = recording.units[0].begin_ns, recording.units[-1].end_ns
    return {
        "id": recording.id,
        "name": recording.path.name,
        "sha256": recording.sha256,
        "begin_ns": first,
        "duration_s": round((last - first) * 1e-9, 3),
        "recorded": recording.info,  # site, robot, software, models: what the recorder wrote
        "interventions": len(recording.interventions),
        "units": [
            {
                "name": unit.name,
                "mission": unit.mission,
                "split": parts[unit.name],
                "begin_ns": unit.begin_ns,
                "end_ns": unit.end_ns,
                "instruction": unit.instruction,
                "completed": unit.completed,
            }
            for unit in recording.units
        ],
    }


def write_manifest(folder: Path, content: Mapping[str, Any]) -> Path:
    path = folder / NAME
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return path
