"""Payloads as flat rows: dataclass fields to columns, arrays to lists. The inverse gives the payload back.

A payload type always has the same columns of the same Arrow types, whatever a recording holds, so that the tables of
many recordings fit together. Matrices of a known shape are flat lists; grids and pictures are bytes with their shape
beside them.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from physical_ai_core import messages as m
from physical_ai_core.goal import GoalState
from physical_ai_core.layouts import OBJECT, PREDICTION
from physical_ai_core.reports import JsonReport

ROWS: Final = {m.Objects: OBJECT, m.Prediction: PREDICTION}
JSON: Final = "json"  # column of reports and goals: their wire form, whole
GOAL_COLUMNS: Final = ("goal_id", "instruction_id")
SIX, THREE = (6, 6), (3, 3)
MATRICES: Final[dict[tuple[type[Any], str], tuple[int, ...]]] = {
    (m.Imu, "orientation_cov"): THREE,
    (m.Imu, "angular_velocity_cov"): THREE,
    (m.Imu, "linear_acceleration_cov"): THREE,
    (m.GnssFix, "cov_enu_m2"): THREE,
    (m.CameraInfo, "k"): THREE,
    (m.Odometry, "pose_cov"): SIX,
    (m.Odometry, "twist_cov"): SIX,
    (m.Pose, "cov"): SIX,
    (m.Path, "poses"): (-1, 3),
    (m.PointCloud, "points_m"): (-1, 3),
}
STATUSES: Final = pa.list_(
    pa.struct(
        [
            ("level", pa.int64()), ("name", pa.string()), ("message", pa.string()),
            ("values", pa.map_(pa.string(), pa.string())),
        ]
    )
)  # fmt: skip
_PLAIN: Final = {float: pa.float64(), int: pa.int64(), bool: pa.bool_(), str: pa.string()}


_KNOWN: Final[dict[type[Any], dict[str, pa.DataType]]] = {}


def columns_of(kind: type[Any]) -> dict[str, pa.DataType]:
    """Column -> Arrow type of a payload type, in order; `stamp_s` apart."""
    if kind not in _KNOWN:
        _KNOWN[kind] = _columns_of(kind)
    return _KNOWN[kind]


def _columns_of(kind: type[Any]) -> dict[str, pa.DataType]:
    if issubclass(kind, GoalState):
        return {JSON: pa.string(), **dict.fromkeys(GOAL_COLUMNS, pa.string())}
    hints = typing.get_type_hints(kind)
    if issubclass(kind, JsonReport):
        plain = {name: _PLAIN[hint] for name, hint in hints.items() if hint in _PLAIN and name != "stamp_s"}
        return {JSON: pa.string(), **plain}
    found: dict[str, pa.DataType] = {}
    for field in dataclasses.fields(kind):
        name, hint = field.name, hints[field.name]
        element = _element(hint)
        if name == "stamp_s":
            continue
        if kind in ROWS and name == "rows":
            layout = ROWS[kind]
            found |= {f"rows.{n}": pa.list_(pa.from_numpy_dtype(layout[n])) for n in layout.names or ()}
        elif element in (np.int8, np.uint8):
            found |= {name: pa.binary(), f"{name}_shape": pa.list_(pa.int32())}
        elif element is not None:
            found[name] = pa.list_(pa.from_numpy_dtype(np.dtype(element)))
        elif kind is m.Diagnostics:
            found[name] = STATUSES
        elif typing.get_origin(hint) is tuple:
            found[name] = pa.list_(_PLAIN[typing.get_args(hint)[0]])
        else:
            found[name] = _PLAIN[hint]
    return found


def flatten(data: Any) -> dict[str, Any]:
    """The row of a payload, by the columns of its type."""
    if isinstance(data, (GoalState, JsonReport)):
        names = [name for name in columns_of(type(data)) if name != JSON]
        return {JSON: data.to_json(), **{name: getattr(data, name) for name in names}}
    row: dict[str, Any] = {}
    for name in (field.name for field in dataclasses.fields(data)):
        value = getattr(data, name)
        if name == "stamp_s":
            continue
        if isinstance(value, np.ndarray) and value.dtype.names:
            row.update({f"{name}.{column}": value[column] for column in value.dtype.names})
        elif isinstance(value, np.ndarray) and value.dtype.itemsize == 1:
            row[name] = np.ascontiguousarray(value).tobytes()
            row[f"{name}_shape"] = np.array(value.shape, dtype=np.int32)
        elif isinstance(value, np.ndarray):
            row[name] = np.ascontiguousarray(value).ravel()
        elif isinstance(data, m.Diagnostics):
            row[name] = [{**dataclasses.asdict(item), "values": list(item.values.items())} for item in data.statuses]
        elif isinstance(value, tuple):
            row[name] = list(value)
        else:
            row[name] = value
    return row


def arrays(kind: type[Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, pa.Array]:
    """Rows of one payload type as Arrow columns."""
    return {name: pa.array([row[name] for row in rows], type=type_) for name, type_ in columns_of(kind).items()}


def unflatten(kind: type[Any], row: Mapping[str, Any], stamp_s: float) -> Any:
    """The payload of `kind` that `flatten` made this row of."""
    if issubclass(kind, GoalState) or issubclass(kind, JsonReport):
        return kind.from_json(row[JSON])
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for name in (field.name for field in dataclasses.fields(kind)):
        element = _element(hints[name])
        if name == "stamp_s":
            values[name] = stamp_s
        elif kind in ROWS and name == "rows":
            layout = ROWS[kind]
            rows = np.zeros(len(row[f"{name}.{(layout.names or ())[0]}"]), dtype=layout)
            for column in layout.names or ():
                rows[column] = row[f"{name}.{column}"]
            values[name] = rows
        elif row[name] is None:
            values[name] = None
        elif f"{name}_shape" in row:
            values[name] = np.frombuffer(row[name], dtype=element).reshape(row[f"{name}_shape"])
        elif element is not None:
            flat = np.asarray(row[name], dtype=element)
            shape = MATRICES.get((kind, name))
            values[name] = flat if shape is None else flat.reshape(shape)
        elif kind is m.Diagnostics:
            values[name] = tuple(m.Status(**{**item, "values": dict(item["values"])}) for item in row[name])
        elif typing.get_origin(hints[name]) is tuple:
            values[name] = tuple(row[name])
        else:
            values[name] = row[name]
    return kind(**values)


def _element(hint: Any) -> Any:
    """Element type of an array annotation (`NDArray[np.float32]`, `Array | None`), else None."""
    if typing.get_origin(hint) is np.ndarray:
        return typing.get_args(typing.get_args(hint)[1])[0]
    return next((found for found in map(_element, typing.get_args(hint)) if found is not None), None)
