"""Fields of many messages of one ROS type to the Arrow columns of their payload type.

Each payload type says once how its columns come out of the fields of its ROS message; `FAST` has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.ros.decode import POINT_TYPES
from physical_ai_telemetry.cdr import Block, NoLayout
from physical_ai_telemetry.flatten import ROWS
from physical_ai_telemetry.table import Columns, Stamps


def stamps(block: Block, name: str) -> Stamps:
    seconds, nanoseconds = block.values(f"{name}.sec"), block.values(f"{name}.nanosec")
    return np.asarray(seconds.astype(np.float64) + 1e-9 * nanoseconds.astype(np.float64))


def _lists(values: NDArray[Any]) -> pa.Array:
    """Rows (N, K) as an Arrow column of lists."""
    count, width = values.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32) if width else np.zeros(count + 1, np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.ascontiguousarray(values).ravel()))


def _unless(column: pa.Array, absent: NDArray[np.bool_]) -> pa.Array:
    if not absent.any():
        return column
    return pa.compute.if_else(pa.array(~absent), column, pa.scalar(None, column.type))


def _floats(block: Block, name: str) -> pa.Array:
    return pa.array(block.values(name).astype(np.float64))


def _joined(block: Block, prefix: str, names: str) -> NDArray[np.float64]:
    return np.stack([block.values(f"{prefix}.{name}") for name in names], axis=1).astype(np.float64)


def _yaw(q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heading of orientations (N, 4), as geometry.yaw_of has it."""
    x, y, z, w = q.T
    return np.asarray(np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)))


def _bytes(values: NDArray[Any]) -> pa.Array:
    """Rows (N, K) of one-byte numbers as a column of bytes."""
    count, width = values.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32) if width else np.zeros(count + 1, np.int32)
    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.BinaryArray.from_buffers(pa.binary(), count, [None, pa.py_buffer(offsets), data])


def _scan(b: Block) -> Columns:
    return {
        "frame_id": b.text("header.frame_id"),
        "angle_min_rad": _floats(b, "angle_min"),
        "angle_increment_rad": _floats(b, "angle_increment"),
        "range_min_m": _floats(b, "range_min"),
        "range_max_m": _floats(b, "range_max"),
        "ranges_m": _lists(b.values("ranges").astype(np.float32, copy=False)),
        "time_increment_s": _floats(b, "time_increment"),
    }


def _imu(b: Block) -> Columns:
    columns: Columns = {"frame_id": b.text("header.frame_id")}
    for name, source, axes in (
        ("orientation", "orientation", "xyzw"),
        ("angular_velocity", "angular_velocity", "xyz"),
        ("linear_acceleration", "linear_acceleration", "xyz"),
    ):
        cov = b.values(f"{source}_covariance")
        absent = cov[:, 0] == -1.0
        values = _joined(b, source, axes)
        columns[f"{name}_cov"] = _unless(_lists(cov), absent)
        if name == "orientation":
            columns["orientation_xyzw"] = _unless(_lists(values), absent)
        else:
            values[absent] = np.nan
            columns["angular_velocity_rps" if name[0] == "a" else "linear_acceleration_mps2"] = _lists(values)
    return columns


def _fix(b: Block) -> Columns:
    return {
        "frame_id": b.text("header.frame_id"),
        "latitude_deg": _floats(b, "latitude"),
        "longitude_deg": _floats(b, "longitude"),
        "altitude_m": _floats(b, "altitude"),
        "cov_enu_m2": _lists(b.values("position_covariance")),
        "status": pa.array(b.values("status.status").astype(np.int64)),
    }


def _battery(b: Block) -> Columns:
    return {
        "frame_id": b.text("header.frame_id"),
        "charge": _floats(b, "percentage"),
        "voltage_v": _floats(b, "voltage"),
        "current_a": _floats(b, "current"),
    }


def _odometry(b: Block) -> Columns:
    return {
        "frame_id": b.text("header.frame_id"),
        "child_frame_id": b.text("child_frame_id"),
        "position_m": _lists(_joined(b, "pose.pose.position", "xyz")),
        "orientation_xyzw": _lists(_joined(b, "pose.pose.orientation", "xyzw")),
        "linear_mps": _lists(_joined(b, "twist.twist.linear", "xyz")),
        "angular_rps": _lists(_joined(b, "twist.twist.angular", "xyz")),
        "pose_cov": _lists(b.values("pose.covariance")),
        "twist_cov": _lists(b.values("twist.covariance")),
    }


def _pose(b: Block) -> Columns:
    covered = b.has("pose.covariance")
    at = "pose.pose" if covered else "pose"
    return {
        "frame_id": b.text("header.frame_id"),
        "position_m": _lists(_joined(b, f"{at}.position", "xyz")),
        "orientation_xyzw": _lists(_joined(b, f"{at}.orientation", "xyzw")),
        "cov": _lists(b.values("pose.covariance")) if covered else pa.nulls(len(b), pa.list_(pa.float64())),
    }


def _twist(b: Block) -> Columns:
    stamped = b.has("twist.linear.x")
    at = "twist." if stamped else ""
    return {
        "frame_id": b.text("header.frame_id") if stamped else pa.repeat("base_link", len(b)),
        "linear_x_mps": _floats(b, f"{at}linear.x"),
        "angular_z_rps": _floats(b, f"{at}angular.z"),
        "linear_y_mps": _floats(b, f"{at}linear.y"),
    }


def _joints(b: Block) -> Columns:
    names = [b.texts(f"name.{index}") for index in range(b.count("name"))]
    return {
        "frame_id": b.text("header.frame_id"),
        "names": pa.array([list(row) for row in zip(*names, strict=True)] if names else [[]] * len(b)),
        "positions": _lists(b.values("position")),
        "velocities": _lists(b.values("velocity")),
    }


def _grid(b: Block) -> Columns:
    height, width = b.values("info.height").astype(np.int64), b.values("info.width").astype(np.int64)
    cells = b.values("data")
    if (height * width != cells.shape[1]).any():
        raise NoLayout("a grid of another size than it says")
    position, q = _joined(b, "info.origin.position", "xyz"), _joined(b, "info.origin.orientation", "xyzw")
    return {
        "frame_id": b.text("header.frame_id"),
        "resolution_m": _floats(b, "info.resolution"),
        "origin": _lists(np.column_stack([position[:, :2], _yaw(q)])),
        "cells": _bytes(cells),
        "cells_shape": _lists(np.column_stack([height, width]).astype(np.int32)),
    }


def _path(b: Block) -> Columns:
    count = b.count("poses")
    if not count:
        empty = _lists(np.empty((len(b), 0)))
        return {
            "frame_id": b.text("header.frame_id"), "poses": empty, "stamps_s": pa.nulls(len(b), pa.list_(pa.float64()))
        }  # fmt: skip
    x, y = b.each("poses", "pose.position.x"), b.each("poses", "pose.position.y")
    q = [b.each("poses", f"pose.orientation.{axis}").ravel() for axis in "xyzw"]
    poses = np.stack([x, y, _yaw(np.stack(q, axis=1)).reshape(x.shape)], axis=2)
    seconds, nanoseconds = (b.each("poses", f"header.stamp.{part}").astype(np.float64) for part in ("sec", "nanosec"))
    stamps = seconds + 1e-9 * nanoseconds
    timed = np.all(np.diff(stamps, axis=1) > 0.0, axis=1) & (count > 1)
    return {
        "frame_id": b.text("header.frame_id"),
        "poses": _lists(poses.reshape(len(b), -1)),
        "stamps_s": _unless(_lists(stamps), ~timed),
    }


def _rows(b: Block, names: Sequence[str]) -> Mapping[str, NDArray[Any]]:
    """Fields (N, K) of clouds whose points have the same layout. Raises NoLayout where they differ."""
    steps, sizes = np.unique(b.values("point_step")), np.unique(b.values("width").astype(np.int64) * b.values("height"))
    places, formats, offsets = [], [], []
    for index in range(b.count("fields")):
        at = f"fields.{index}"
        (name,), offset, kind = (
            set(b.texts(f"{at}.name")),
            *(np.unique(b.values(f"{at}.{part}")) for part in ("offset", "datatype")),
        )
        if len(offset) != 1 or len(kind) != 1:
            raise NoLayout("clouds of several layouts")
        places.append(name)
        formats.append(POINT_TYPES[int(kind[0])])
        offsets.append(int(offset[0]))
    if len(steps) != 1 or len(sizes) != 1 or not set(names) <= set(places):
        raise NoLayout("clouds of several layouts")
    count, step, data = int(sizes[0]), int(steps[0]), b.values("data")
    if data.shape[1] < count * step:
        raise NoLayout("a cloud with fewer bytes than it says")
    if not count:
        return {name: np.empty((len(b), 0), dtype=formats[places.index(name)]) for name in names}
    wire = np.dtype({"names": places, "formats": formats, "offsets": offsets, "itemsize": step})
    packed = np.ascontiguousarray(data[:, : count * step]).view(wire)
    return {name: packed[name] for name in names}


def _points(b: Block) -> Columns:
    rows = _rows(b, "xyz")
    xyz = np.stack([rows[name].astype(np.float32) for name in "xyz"], axis=2)
    return {"frame_id": b.text("header.frame_id"), "points_m": _lists(xyz.reshape(len(b), -1))}


def _of_layout(kind: type[Any]) -> Callable[[Block], Columns]:
    layout = ROWS[kind]

    def columns(b: Block) -> Columns:
        rows = _rows(b, layout.names or ())
        return {
            "frame_id": b.text("header.frame_id"),
            **{f"rows.{name}": _lists(rows[name].astype(layout[name])) for name in layout.names or ()},
        }

    return columns


FAST: Final[dict[type[Any], Callable[[Block], Columns]]] = {
    m.LaserScan: _scan,
    m.PointCloud: _points,
    m.Imu: _imu,
    m.GnssFix: _fix,
    m.Battery: _battery,
    m.Odometry: _odometry,
    m.Pose: _pose,
    m.Twist: _twist,
    m.JointStates: _joints,
    m.OccupancyGrid: _grid,
    m.Objects: _of_layout(m.Objects),
    m.Prediction: _of_layout(m.Prediction),
    m.Path: _path,
    m.Text: lambda b: {"data": b.text("data")},
    m.Flag: lambda b: {"data": pa.array(b.values("data").astype(bool))},
    m.Scalar: lambda b: {"data": _floats(b, "data")},
    m.Whole: lambda b: {"data": pa.array(b.values("data").astype(np.int64))},
}
