"""How near is the same: tolerances by topic and field, fields that are ignored, how long arrays are kept; as data."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from physical_ai_core import graph
from physical_ai_core.errors import InputError
from physical_ai_core.share import share_path

DEFAULT: Final = "default"
FOLDER: Final = "config/replay/tolerances"


class Tolerance(BaseModel):
    """The same: |value - reference| <= absolute + relative * |reference|, in the field's own unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    absolute: float = Field(0.0, ge=0.0)
    relative: float = Field(0.0, ge=0.0)


class Tolerances(BaseModel):
    """`fields` and `ignore`: patterns of `topic.field` (`*` any characters); of `fields` the first that fits counts.

    Arrays longer than `longest` are compared by a sketch: their length, mean, extremes, and `probes` elements.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: int = Field(1, ge=1, le=1)
    about: str = ""
    longest: int = Field(16, ge=1)
    probes: int = Field(8, ge=0, le=256)
    default: Tolerance = Tolerance(absolute=1e-6, relative=1e-6)
    fields: dict[str, Tolerance] = Field(default_factory=dict)
    ignore: tuple[str, ...] = ()

    def of(self, topic: str, field: str) -> Tolerance:
        return self._found(topic, field)[0]

    def ignored(self, topic: str, field: str) -> bool:
        return self._found(topic, field)[1]

    @cached_property
    def _known(self) -> dict[tuple[str, str], tuple[Tolerance, bool]]:
        return {}

    def _found(self, topic: str, field: str) -> tuple[Tolerance, bool]:
        found = self._known.get((topic, field))
        if found is None:
            name = f"{topic}.{field}"
            fits = (tolerance for pattern, tolerance in self.fields.items() if fnmatchcase(name, pattern))
            ignored = any(fnmatchcase(name, pattern) for pattern in self.ignore)
            found = self._known[topic, field] = (next(fits, self.default), ignored)
        return found


def load_tolerances(name_or_path: str = DEFAULT) -> Tolerances:
    """Read `config/replay/tolerances/NAME.yaml` or a path.

    Raises InputError: no such file, not of this form, no such topic.
    """
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        path = share_path(FOLDER) / f"{name_or_path}.yaml"
    mend = "docs/replay.md shows the form; the package's own is config/replay/tolerances/default.yaml."
    try:
        found = Tolerances.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise InputError(f"The tolerances {path} cannot be used: {error}.", mend) from error
    for pattern in (*found.fields, *found.ignore):
        topic = pattern.split(".")[0]
        if "*" not in topic and topic not in graph.TOPIC:
            raise InputError(f"The tolerances {path} name '{pattern}', but the graph has no topic '{topic}'.", mend)
    return found
