"""Node parameters: one frozen dataclass a node, from which come descriptors, validation, defaults and documentation.

Example:
    @dataclass(frozen=True)
    class GateParameters:
        max_speed_mps: float = parameter(2.0, "m/s", "Highest forward speed.", minimum=0.0, maximum=10.0)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, get_type_hints

from physical_ai_core.errors import ParameterError

P = TypeVar("P")
_META = "physical_ai"


@dataclass(frozen=True)
class Descriptor:
    """What a parameter means: `unit` ("" for none), `description`, allowed range or choices."""

    unit: str
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    read_only: bool = True


def parameter(
    default: Any,
    unit: str,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    read_only: bool = True,
) -> Any:
    """A dataclass field with its descriptor. Types: bool, int, float, str, tuple[float, ...], tuple[str, ...]."""
    meta = Descriptor(unit, description, minimum, maximum, choices, read_only)
    return field(default=default, metadata={_META: meta})


def describe(cls: type[Any]) -> dict[str, tuple[Any, Any, Descriptor]]:
    """Name -> (type, default, descriptor) of every parameter of a dataclass."""
    hints = get_type_hints(cls)
    return {f.name: (hints[f.name], f.default, f.metadata[_META]) for f in fields(cls) if _META in f.metadata}


def load(cls: type[P], values: Mapping[str, Any]) -> P:
    """Check `values` and build the parameters; absent ones take their default. Raises ParameterError."""
    known = describe(cls)
    for name in values:
        if name not in known:
            raise ParameterError(
                f"'{name}' is not a parameter of {cls.__name__}.", f"Known parameters: {', '.join(sorted(known))}."
            )
    return cls(**{name: _checked(name, *known[name][::2], values[name]) for name in values})


def _checked(name: str, kind: Any, meta: Descriptor, value: Any) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind in (tuple[float, ...], tuple[str, ...]):
        element = float if kind == tuple[float, ...] else str
        try:
            value = tuple(element(v) for v in value) if not isinstance(value, str) else None
        except (TypeError, ValueError):
            value = None
        if value is None:
            raise ParameterError(f"Parameter '{name}' must be a list of {element.__name__}.", meta.description)
        numbers = value if element is float else ()
    else:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ParameterError(
                f"Parameter '{name}' must be of type {kind.__name__}, found {value!r}.", meta.description
            )
        numbers = (value,) if kind in (int, float) else ()
    low = -float("inf") if meta.minimum is None else meta.minimum
    high = float("inf") if meta.maximum is None else meta.maximum
    for number in numbers:
        if not low <= number <= high:
            raise ParameterError(
                f"Parameter '{name}' is {number} {meta.unit}, outside {low} … {high} {meta.unit}.", meta.description
            )
    if meta.choices and value not in meta.choices:
        raise ParameterError(f"Parameter '{name}' is {value!r}.", f"Choose one of {', '.join(meta.choices)}.")
    return value
