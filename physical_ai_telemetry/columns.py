"""Serialized messages of one channel to the Arrow columns of their payload type, without an object a message.

Each payload type says once how its columns come out of the fields of its ROS message. What that does not serve (an
odd encoding, a definition that cannot be read, content that `decode` would refuse) takes the slow way, message by
message, and gives the same columns.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray
from rosbags.serde import SerdeError

from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_core.goal import GoalState
from physical_ai_core.reports import JsonReport
from physical_ai_core.ros.decode import POINT_TYPES, decode
from physical_ai_telemetry.cdr import HEADER, Block, BlockReader, NoLayout
from physical_ai_telemetry.flatten import JSON, ROWS, STATUSES, arrays, columns_of, flatten
from physical_ai_telemetry.mcap_batches import Batch, Channel
from physical_ai_telemetry.schemas import typestore

Columns = dict[str, pa.Array]
Stamps = NDArray[np.float64]
_REFUSED: Final = (InputError, AttributeError, ValueError, IndexError, TypeError, KeyError, struct.error, SerdeError)


@dataclass(frozen=True)
class Table:
    """Rows of one channel in the file's order; `stamp_s` from the header, NaN where the message has none."""

    log_ns: NDArray[np.int64]
    stamp_s: Stamps
    columns: Columns
    unreadable: int = 0

    def __len__(self) -> int:
        return len(self.log_ns)

    def times_s(self) -> Stamps:
        """When each message is of: its header's stamp, else the time of its recording."""
        return np.where(self.stamp_s > 0.0, self.stamp_s, self.log_ns * 1e-9)


def joined(tables: Sequence[Table]) -> Table:
    """Rows of several tables of one payload type, one after the other."""
    if len(tables) == 1:
        return tables[0]
    columns = {name: pa.concat_arrays([table.columns[name] for table in tables]) for name in tables[0].columns}
    return Table(
        np.concatenate([table.log_ns for table in tables]),
        np.concatenate([table.stamp_s for table in tables]),
        columns,
        sum(table.unreadable for table in tables),
    )


class ChannelDecoder:
    """Batches of one channel to tables of the payload `kind`."""

    def __init__(self, channel: Channel, kind: type[Any]) -> None:
        self._channel, self._kind = channel, kind
        self._reader: BlockReader | None = None
        self.slow = 0  # messages that took the slow way
        if kind in _FAST and channel.encoding == "cdr":
            try:
                self._reader = BlockReader(channel.definition, channel.ros_type)
            except NoLayout:
                self._reader = None

    def table(self, batch: Batch) -> Table:
        """All messages at once; where that fails, one by one, so that a spoilt one costs no other."""
        log_ns = np.array(batch.log_ns, dtype=np.int64)
        found = self._quick(log_ns, batch.payloads)
        if found is not None:
            return found
        if not self._has_quick() or len(log_ns) < 2:
            return self._slow(log_ns, batch.payloads)
        return joined([self.table(Batch([log], [one])) for log, one in zip(batch.log_ns, batch.payloads, strict=True)])

    def _has_quick(self) -> bool:
        return (
            self._reader is not None or self._kind is m.Diagnostics or issubclass(self._kind, (GoalState, JsonReport))
        )

    def _quick(self, log_ns: NDArray[np.int64], payloads: Sequence[memoryview]) -> Table | None:
        try:
            if issubclass(self._kind, (GoalState, JsonReport)):
                return _reports(self._kind, log_ns, payloads)
            if self._kind is m.Diagnostics:
                stamps, columns = _diagnostics(payloads)
                return Table(log_ns, stamps, columns)
            if self._reader is not None:
                return self._fast(log_ns, payloads)
        except (NoLayout, *_REFUSED):
            pass
        return None

    def _fast(self, log_ns: NDArray[np.int64], payloads: Sequence[memoryview]) -> Table:
        assert self._reader is not None
        parts: list[pa.Table] = []
        stamps = np.full(len(payloads), np.nan)
        order: list[NDArray[np.int64]] = []
        types = columns_of(self._kind)
        for block in self._reader.blocks(payloads):
            columns = _FAST[self._kind](block)
            if block.has("header.stamp.sec"):
                stamps[block.index] = _stamps(block, "header.stamp")
            parts.append(pa.table([columns[name].cast(type_) for name, type_ in types.items()], names=list(types)))
            order.append(block.index)
        table = parts[0] if len(parts) == 1 else pa.concat_tables(parts)
        index = order[0] if len(order) == 1 else np.concatenate(order)
        if len(order) > 1:
            table = table.combine_chunks().take(pa.array(np.argsort(index)))
        return Table(log_ns, stamps, {name: _whole(table.column(name)) for name in types})

    def _slow(self, log_ns: NDArray[np.int64], payloads: Sequence[memoryview]) -> Table:
        store, rows, stamps, kept = typestore(), [], [], []
        self.slow += len(payloads)
        for number, payload in enumerate(payloads):
            try:
                data = decode(self._kind, store.deserialize_cdr(bytes(payload), self._channel.ros_type))
            except _REFUSED:
                continue
            rows.append(flatten(data))
            stamps.append(float(getattr(data, "stamp_s", np.nan)))
            kept.append(number)
        unreadable = len(payloads) - len(kept)
        return Table(log_ns[kept], np.array(stamps, dtype=np.float64), arrays(self._kind, rows), unreadable)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _stamps(block: Block, name: str) -> Stamps:
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


_FAST: Final[dict[type[Any], Callable[[Block], Columns]]] = {
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


# --- what is all strings: reports as JSON, diagnostics ---


def _reports(kind: type[Any], log_ns: NDArray[np.int64], payloads: Sequence[memoryview]) -> Table:
    """Reports and goals: the text as it was sent, and its plain fields. What is no such report is left out."""
    names = [name for name in columns_of(kind) if name != JSON]
    texts, kept, stamps = [], [], []
    plain: dict[str, list[Any]] = {name: [] for name in names}
    for number, payload in enumerate(payloads):
        body = bytes(payload)
        if body[:4] != HEADER:
            raise NoLayout("another encapsulation than little-endian CDR")
        text, _ = _string(body, 4)
        try:
            data = kind.from_json(text)
        except InputError:
            continue
        texts.append(text)
        kept.append(number)
        stamps.append(float(getattr(data, "stamp_s", np.nan)))
        for name, values in plain.items():
            values.append(getattr(data, name))
    types = columns_of(kind)
    columns = {JSON: pa.array(texts, pa.string()), **{n: pa.array(v, types[n]) for n, v in plain.items()}}
    return Table(log_ns[kept], np.array(stamps, dtype=np.float64), columns, len(payloads) - len(kept))


def _diagnostics(payloads: Sequence[memoryview]) -> tuple[Stamps, Columns]:
    stamps, rows, pairs, levels = [], [0], [0], []
    names: list[str] = []
    words: list[str] = []
    keys: list[str] = []
    values: list[str] = []
    length = _LENGTH
    for payload in payloads:
        body = bytes(payload)
        if body[:4] != HEADER:
            raise NoLayout("another encapsulation than little-endian CDR")
        seconds, nanoseconds = struct.unpack_from("<iI", body, 4)
        stamps.append(float(seconds) + 1e-9 * float(nanoseconds))
        _, at = _string(body, 12)
        count, at = _count(body, at)
        for _ in range(count):
            levels.append(body[at])
            name, at = _string(body, at + 1)
            word, at = _string(body, at)
            _, at = _string(body, at)
            names.append(name)
            words.append(word)
            told, at = _count(body, at)
            said: dict[str, str] = {}
            for _ in range(told):  # as `_string` does; most of the time goes here
                at = (at + 3) & ~3
                end = at + 4 + length(body, at)[0]
                key = body[at + 4 : end - 1].decode()
                at = (end + 3) & ~3
                end = at + 4 + length(body, at)[0]
                said[key] = body[at + 4 : end - 1].decode()
                at = end
            if at > len(body):
                raise NoLayout("a string reaches beyond its message")
            keys.extend(said)
            values.extend(said.values())
            pairs.append(len(keys))
        rows.append(len(levels))
    text = pa.string()
    told_pairs = pa.MapArray.from_arrays(pa.array(pairs, pa.int32()), pa.array(keys, text), pa.array(values, text))
    item = pa.StructArray.from_arrays(
        [pa.array(levels, pa.int64()), pa.array(names, text), pa.array(words, text), told_pairs],
        fields=list(STATUSES.value_type),
    )
    return np.array(stamps), {"statuses": pa.ListArray.from_arrays(pa.array(rows, pa.int32()), item)}


_LENGTH: Final = struct.Struct("<I").unpack_from


def _count(body: bytes, at: int) -> tuple[int, int]:
    at = (at + 3) & ~3  # the header of 4 bytes does not shift this alignment
    return _LENGTH(body, at)[0], at + 4


def _string(body: bytes, at: int) -> tuple[str, int]:
    at = (at + 3) & ~3
    end = at + 4 + _LENGTH(body, at)[0]
    if end > len(body):
        raise NoLayout("a string reaches beyond its message")
    return body[at + 4 : end - 1].decode(), end
