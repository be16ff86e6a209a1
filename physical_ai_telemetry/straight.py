"""The frequent message types from their bytes straight to payloads, with no ROS message in between.

Gives what `decode(kind, deserialized message)` gives, to the bit, at a third of its cost. Serves plain little-endian
CDR whose definition is the ROS distribution's own; whatever looks unusual is left to the slow way, which knows what to
say of it. Arrays of numbers are views of one copy and may be written to, those of scans and clouds are not.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, yaw_of
from physical_ai_core.goal import GoalState
from physical_ai_core.reports import JsonReport
from physical_ai_core.ros.decode import POINT_TYPES
from physical_ai_telemetry.cdr import HEADER
from physical_ai_telemetry.schemas import typestore

Straight = Callable[[bytes], Any]
ODD: Final = (struct.error, ValueError, IndexError, KeyError, OverflowError)  # what a decoder here raises: go slowly
_LENGTH: Final = struct.Struct("<I").unpack_from
_STAMPED: Final = struct.Struct("<4siII").unpack_from  # encapsulation, stamp, length of the frame's name


def straight(ros_type: str, kind: type[Any], definitions: Mapping[str, Any]) -> Straight | None:
    """Bytes of one message to its payload; None where there is only the slow way.

    `definitions`: of all message types of the recording, as `rosbags` describes them. The decoder raises one of `ODD`.
    """
    found = _STRINGS if ros_type == _STRING and issubclass(kind, (GoalState, JsonReport)) else _DECODERS
    made = found.get((ros_type, kind if found is _DECODERS else JsonReport))
    if made is None or not _same(ros_type, definitions, typestore().fielddefs):
        return None
    return made(kind)


def _same(ros_type: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a type has the same fields on both sides, down to its primitives."""
    if ros_type not in one or ros_type not in other or one[ros_type][1] != other[ros_type][1]:
        return False
    return all(_same(name, one, other) for _, part in one[ros_type][1] for name in _nested(part))


def _nested(description: Any) -> list[str]:
    if isinstance(description, str):
        return [description] if "/msg/" in description else []
    return [name for part in description for name in _nested(part)] if isinstance(description, tuple) else []


# --- pieces ---


def _text(body: bytes, at: int) -> tuple[str, int]:
    """A string whose length stands at the next fourfold place, and where it ends."""
    at = (at + 3) & ~3
    length = _LENGTH(body, at)[0]
    end = at + 4 + length
    if not length or end > len(body) or body[end - 1]:
        raise ValueError
    return body[at + 4 : end - 1].decode(), end


def _header(body: bytes) -> tuple[float, str, int]:
    """Stamp, frame, and where what follows may begin."""
    encapsulation, seconds, nanoseconds, length = _STAMPED(body)
    if encapsulation != HEADER or not length or body[15 + length]:
        raise ValueError
    return float(seconds) + 1e-9 * float(nanoseconds), body[16 : 15 + length].decode(), 16 + length


def _doubles(body: bytes, at: int, count: int) -> tuple[Array, int]:
    """So many doubles from the next eightfold place on (counted from after the encapsulation)."""
    at = ((at + 3) & ~7) + 4
    return np.frombuffer(body, "<f8", count, at).copy(), at + 8 * count


def _ends(body: bytes, at: int) -> None:
    if not at <= len(body) <= at + 3:
        raise ValueError


# --- types ---


def _imu(body: bytes) -> m.Imu:
    stamp_s, frame, at = _header(body)
    v, at = _doubles(body, at, 37)
    _ends(body, at)
    oriented, turned, pushed = v[4] != -1.0, v[16] != -1.0, v[28] != -1.0
    return m.Imu(
        stamp_s, frame,
        v[13:16] if turned else np.full(3, np.nan), v[25:28] if pushed else np.full(3, np.nan),
        v[0:4] if oriented else None, v[4:13].reshape(3, 3) if oriented else None,
        v[16:25].reshape(3, 3) if turned else None, v[28:37].reshape(3, 3) if pushed else None,
    )  # fmt: skip


def _odometry(body: bytes) -> m.Odometry:
    stamp_s, frame, at = _header(body)
    child, at = _text(body, at)
    v, at = _doubles(body, at, 85)
    _ends(body, at)
    return m.Odometry(
        stamp_s, frame, child, v[0:3], v[3:7], v[43:46], v[46:49], v[7:43].reshape(6, 6), v[49:85].reshape(6, 6)
    )


def _twist(body: bytes) -> m.Twist:
    stamp_s, frame, at = _header(body)
    at = ((at + 3) & ~7) + 4
    x, y, _, _, _, turn = _SIX(body, at)
    _ends(body, at + 48)
    return m.Twist(stamp_s, frame, x, turn, y)


_SIX: Final = struct.Struct("<6d").unpack_from


def _pose(body: bytes) -> m.Pose:
    stamp_s, frame, at = _header(body)
    v, at = _doubles(body, at, 43)
    _ends(body, at)
    return m.Pose(stamp_s, frame, v[:3], v[3:7], v[7:].reshape(6, 6))


def _pose_alone(body: bytes) -> m.Pose:
    stamp_s, frame, at = _header(body)
    v, at = _doubles(body, at, 7)
    _ends(body, at)
    return m.Pose(stamp_s, frame, v[:3], v[3:])


def _fix(body: bytes) -> m.GnssFix:
    stamp_s, frame, at = _header(body)
    status = struct.unpack_from("<b", body, at)[0]
    v, at = _doubles(body, ((at + 2) & ~1) + 2, 12)
    _ends(body, at + 1)
    return m.GnssFix(stamp_s, frame, float(v[0]), float(v[1]), float(v[2]), v[3:].reshape(3, 3), status)


def _scan(body: bytes) -> m.LaserScan:
    stamp_s, frame, at = _header(body)
    at = (at + 3) & ~3
    least, _, step, step_s, _, near, far, count = _SWEEP(body, at)
    ranges = np.frombuffer(body, "<f4", count, at + 32)
    at += 32 + 4 * count
    _ends(body, at + 4 + 4 * _LENGTH(body, at)[0])
    return m.LaserScan(stamp_s, frame, least, step, near, far, ranges, step_s)


_SWEEP: Final = struct.Struct("<7fI").unpack_from


def _grid(body: bytes) -> m.OccupancyGrid:
    stamp_s, frame, at = _header(body)
    at = (at + 3) & ~3
    _, _, resolution_m, width, height = _MAP(body, at)
    v, at = _doubles(body, at + 20, 7)
    if _LENGTH(body, at)[0] != width * height:
        raise ValueError
    cells = np.frombuffer(body, np.int8, width * height, at + 4).reshape(height, width)
    _ends(body, at + 4 + width * height)
    return m.OccupancyGrid(stamp_s, frame, resolution_m, np.array([v[0], v[1], yaw_of(v[3:])]), cells)


_MAP: Final = struct.Struct("<iIfII").unpack_from


def _path(body: bytes) -> m.Path:
    stamp_s, frame, at = _header(body)
    at = (at + 3) & ~3
    count = _LENGTH(body, at)[0]
    at += 4
    if not count:
        raise ValueError
    seconds, nanoseconds = _TWO_OF_TIME(body, at)
    _, after = _text(body, at + 8)
    name = np.frombuffer(body[at + 8 : after], f"V{after - at - 8}")
    pose, at = _doubles(body, after, 7)
    form = _pose_form(name.dtype.itemsize)
    rest = np.frombuffer(body, form, count - 1, at) if count > 1 else np.empty(0, form)
    _ends(body, at + (count - 1) * form.itemsize)
    if rest["name"].tobytes() != name.tobytes() * (count - 1):  # of the frame: the same for all
        raise ValueError
    v = np.vstack([pose, rest["pose"]])
    x, y, z, w = np.ascontiguousarray(v[:, 3:].T)
    with np.errstate(invalid="ignore", over="ignore"):
        yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    stamps = np.empty(count)
    stamps[0] = float(seconds) + 1e-9 * float(nanoseconds)
    stamps[1:] = rest["sec"] + 1e-9 * rest["nanosec"]
    timed = count > 1 and bool(np.all(np.diff(stamps) > 0.0))
    return m.Path(stamp_s, frame, np.column_stack([v[:, :2], yaw]), stamps if timed else None)


_TWO_OF_TIME: Final = struct.Struct("<iI").unpack_from


@lru_cache(maxsize=64)
def _pose_form(name: int) -> np.dtype[Any]:
    """A stamped pose that begins at an eightfold place, its frame's name of so many bytes with their length."""
    place = (15 + name) & ~7
    names, formats = ["sec", "nanosec", "name", "pose"], ["<i4", "<u4", f"V{name}", ("<f8", 7)]
    form: Any = {"names": names, "formats": formats, "offsets": [0, 4, 8, place], "itemsize": place + 56}
    made: np.dtype[Any] = np.dtype(form)
    return made


class _Cloud:
    """Rows of a point cloud; remembers how the last cloud's points were laid out."""

    def __init__(self, wanted: np.dtype[Any]) -> None:
        self._wanted = wanted
        self._at, self._fields, self._step, self._wire = 0, b"", -1, wanted
        self._alike = True  # on the wire as wanted

    def rows(self, body: bytes) -> tuple[float, str, NDArray[Any]]:
        stamp_s, frame, at = _header(body)
        at = (at + 3) & ~3
        height, width = _TWO(body, at)
        if at + 8 != self._at or not body.startswith(self._fields, self._at):
            self._look(body, at + 8)
        at = (self._at + len(self._fields) + 4) & ~3  # after is_bigendian
        step, _, length = _THREE(body, at)
        if step != self._step:
            raise ValueError
        _ends(body, at + 13 + length)
        found = np.frombuffer(memoryview(body)[at + 12 : at + 12 + length], self._wire, width * height)
        if self._alike:
            return stamp_s, frame, found
        rows = np.empty(width * height, self._wanted)
        for name in self._wanted.names or ():
            rows[name] = found[name]
        return stamp_s, frame, rows

    def _look(self, body: bytes, at: int) -> None:
        """Read the description of the points. Raises one of `ODD`, and remembers nothing then."""
        names, formats, offsets = [], [], []
        begin, self._at = at, 0
        count = _LENGTH(body, at)[0]
        at += 4
        for _ in range(count):
            name, at = _text(body, at)
            at = (at + 3) & ~3
            offset, kind = _FIELD(body, at)
            names.append(name)
            formats.append(POINT_TYPES[kind])
            offsets.append(offset)
            at += 12
        if not set(self._wanted.names or ()) <= set(names):
            raise ValueError
        step = _LENGTH(body, (at + 4) & ~3)[0]
        form: Any = {"names": names, "formats": formats, "offsets": offsets, "itemsize": step}
        self._wire, self._step = np.dtype(form), step
        self._alike = self._wire == self._wanted
        self._fields, self._at = body[begin:at], begin


_TWO, _THREE, _FIELD = (struct.Struct(form).unpack_from for form in ("<II", "<III", "<IB"))
_XYZ: Final = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4")])


def _cloud_of(kind: type[Any]) -> Straight:
    if kind is m.PointCloud:
        points = _Cloud(_XYZ)

        def xyz(body: bytes) -> m.PointCloud:
            stamp_s, frame, rows = points.rows(body)
            return m.PointCloud(stamp_s, frame, np.column_stack([rows["x"], rows["y"], rows["z"]]))

        return xyz
    cloud = _Cloud(layouts.OBJECT if kind is m.Objects else layouts.PREDICTION)
    return lambda body: kind(*cloud.rows(body))


def _diagnostics(body: bytes) -> m.Diagnostics:
    stamp_s, _, at = _header(body)
    at = (at + 3) & ~3
    count = _LENGTH(body, at)[0]
    at += 4
    statuses = []
    for _ in range(count):
        level = body[at]
        if level > 127:  # the long way reads this byte as signed; no sound level is so great
            raise ValueError
        name, at = _text(body, at + 1)
        message, at = _text(body, at)
        _, at = _text(body, at)
        at = (at + 3) & ~3
        told = _LENGTH(body, at)[0]
        at += 4
        values = {}
        for _ in range(told):
            key, at = _text(body, at)
            values[key], at = _text(body, at)
        statuses.append(m.Status(level, name, message, values))
    _ends(body, at)
    return m.Diagnostics(stamp_s, tuple(statuses))


def _string(body: bytes) -> str:
    if body[:4] != HEADER:
        raise ValueError
    text, at = _text(body, 4)
    _ends(body, at)
    return text


def _report(kind: type[Any]) -> Straight:
    return lambda body: kind.from_json(_string(body))


def _plain(form: str, kind: type[Any]) -> Callable[[type[Any]], Straight]:
    """A message of one primitive."""
    unpack, end = struct.Struct("<4s" + form).unpack_from, 4 + struct.calcsize("<" + form)

    def decoded(body: bytes) -> Any:
        encapsulation, value = unpack(body)
        _ends(body, end)
        if encapsulation != HEADER:
            raise ValueError
        return kind(value)

    return lambda _: decoded


def _always(decoded: Straight) -> Callable[[type[Any]], Straight]:
    return lambda _: decoded


_STRING: Final = "std_msgs/msg/String"
_STRINGS: Final[dict[tuple[str, type[Any]], Callable[[type[Any]], Straight]]] = {(_STRING, JsonReport): _report}
_DECODERS: Final[dict[tuple[str, type[Any]], Callable[[type[Any]], Straight]]] = {
    ("sensor_msgs/msg/Imu", m.Imu): _always(_imu),
    ("nav_msgs/msg/Odometry", m.Odometry): _always(_odometry),
    ("geometry_msgs/msg/TwistStamped", m.Twist): _always(_twist),
    ("geometry_msgs/msg/PoseWithCovarianceStamped", m.Pose): _always(_pose),
    ("geometry_msgs/msg/PoseStamped", m.Pose): _always(_pose_alone),
    ("sensor_msgs/msg/NavSatFix", m.GnssFix): _always(_fix),
    ("sensor_msgs/msg/LaserScan", m.LaserScan): _always(_scan),
    ("nav_msgs/msg/OccupancyGrid", m.OccupancyGrid): _always(_grid),
    ("nav_msgs/msg/Path", m.Path): _always(_path),
    ("sensor_msgs/msg/PointCloud2", m.PointCloud): _cloud_of,
    ("sensor_msgs/msg/PointCloud2", m.Objects): _cloud_of,
    ("sensor_msgs/msg/PointCloud2", m.Prediction): _cloud_of,
    ("diagnostic_msgs/msg/DiagnosticArray", m.Diagnostics): _always(_diagnostics),
    (_STRING, m.Text): _always(lambda body: m.Text(_string(body))),
    ("std_msgs/msg/Float64", m.Scalar): _plain("d", m.Scalar),
    ("std_msgs/msg/Int8", m.Whole): _plain("b", m.Whole),
    ("std_msgs/msg/Bool", m.Flag): _plain("?", m.Flag),
}
