"""Payloads as flat rows: dataclass fields to columns, arrays to lists. The inverse gives the payload back."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.goal import GoalState
from physical_ai_core.layouts import OBJECT, PREDICTION
from physical_ai_core.reports import JsonReport

ROWS = {m.Objects: OBJECT, m.Prediction: PREDICTION}
JSON = "json"  # column of reports and goals: their wire form, whole


def flatten(data: Any) -> dict[str, Any]:
    """Columns of a payload. Matrices keep their shape in `<field>_shape`; structured rows become one list a field."""
    if isinstance(data, GoalState):
        return {JSON: data.to_json(), "goal_id": data.goal_id, "instruction_id": data.instruction_id}
    if isinstance(data, JsonReport):
        plain = {
            key: value
            for key, value in dataclasses.asdict(data).items()
            if isinstance(value, (str, int, float, bool)) and key != "stamp_s"
        }
        return {JSON: data.to_json(), **plain}
    row: dict[str, Any] = {}
    for field in dataclasses.fields(data):
        value = getattr(data, field.name)
        if field.name == "stamp_s":
            continue
        if isinstance(value, np.ndarray) and value.dtype.names:
            row.update({f"{field.name}.{name}": value[name] for name in value.dtype.names})
        elif isinstance(value, np.ndarray) and value.ndim > 1:
            row[field.name] = np.ascontiguousarray(value).ravel()
            row[f"{field.name}_shape"] = np.array(value.shape, dtype=np.int32)
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            row[field.name] = [dataclasses.asdict(item) for item in value]
        elif isinstance(value, tuple):
            row[field.name] = list(value)
        else:
            row[field.name] = value
    return row


def unflatten(kind: type[Any], row: Mapping[str, Any], stamp_s: float) -> Any:
    """The payload of `kind` that `flatten` made this row of."""
    if issubclass(kind, GoalState) or issubclass(kind, JsonReport):
        return kind.from_json(row[JSON])
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        name = field.name
        if name == "stamp_s":
            values[name] = stamp_s
        elif kind in ROWS and name == "rows":
            layout = ROWS[kind]
            rows = np.zeros(len(row[f"{name}.{(layout.names or ())[0]}"]), dtype=layout)
            for column in layout.names or ():
                rows[column] = row[f"{name}.{column}"]
            values[name] = rows
        elif row.get(f"{name}_shape") is not None:
            shape = tuple(int(n) for n in row[f"{name}_shape"])
            values[name] = np.asarray(row[name], dtype=_element(hints[name])).reshape(shape)
        elif kind is m.Diagnostics and name == "statuses":
            values[name] = tuple(m.Status(**{**item, "values": dict(item["values"])}) for item in row[name])
        elif typing.get_origin(hints[name]) is tuple:
            values[name] = tuple(row[name])
        elif _element(hints[name]) is not None and row[name] is not None:
            values[name] = np.asarray(row[name], dtype=_element(hints[name]))
        else:
            values[name] = row[name]
    return kind(**values)


def _element(hint: Any) -> Any:
    """Element type of an array annotation (`NDArray[np.float32]`, `Array | None`), else None."""
    if typing.get_origin(hint) is np.ndarray:
        return typing.get_args(typing.get_args(hint)[1])[0]
    return next((found for found in map(_element, typing.get_args(hint)) if found is not None), None)
