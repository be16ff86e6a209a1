"""ROS messages to payloads. Duck-typed: reads rclpy messages and messages that `rosbags` deserialised alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array
from physical_ai_core.goal import GoalState
from physical_ai_core.reports import JsonReport

# Encodings of sensor_msgs/Image that are understood: channels, and whether blue comes first.
_CHANNELS: Final = {"rgb8": (3, False), "bgr8": (3, True), "mono8": (1, False), "rgba8": (4, False), "bgra8": (4, True)}
MOST_SIDE_PX: Final = 16_384
# sensor_msgs/PointField datatypes.
POINT_TYPES: Final = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 8: "<f8"}


def stamp_of(header: Any) -> float:
    """Seconds of a std_msgs/Header (ROS 1 and ROS 2 spellings)."""
    stamp = header.stamp
    nanoseconds = stamp.nanosec if hasattr(stamp, "nanosec") else stamp.nsecs
    seconds = stamp.sec if hasattr(stamp, "sec") else stamp.secs
    return float(seconds) + 1e-9 * float(nanoseconds)


def decode(data_type: type[Any], message: Any) -> Any:
    """The payload of `data_type` held by a ROS message. Raises InputError when the content has another form."""
    if issubclass(data_type, GoalState):
        return GoalState.from_json(message.data)
    if issubclass(data_type, JsonReport):
        return data_type.from_json(message.data)
    try:
        return _DECODERS[data_type](message)
    except KeyError as error:
        raise InputError(
            f"No conversion to {data_type.__name__}.", "Add it to physical_ai_core/ros/decode.py."
        ) from error


def _vector(v: Any) -> Array:
    return np.array([v.x, v.y, v.z])


def _quaternion(q: Any) -> Array:
    return np.array([q.x, q.y, q.z, q.w])


def _square(values: Any, size: int) -> Array:
    return np.array(values, dtype=float).reshape(size, size)


def _floats(values: Any) -> Any:
    """A float32 view of array.array or ndarray."""
    return np.asarray(values, dtype=np.float32)


def _scan(msg: Any) -> m.LaserScan:
    return m.LaserScan(
        stamp_of(msg.header), msg.header.frame_id, float(msg.angle_min), float(msg.angle_increment),
        float(msg.range_min), float(msg.range_max), _floats(msg.ranges), float(msg.time_increment),
    )  # fmt: skip


def _imu(msg: Any) -> m.Imu:
    def part(value: Any, cov: Any) -> tuple[Any, Any]:
        return (None, None) if cov[0] == -1.0 else (value, _square(cov, 3))

    orientation, orientation_cov = part(_quaternion(msg.orientation), msg.orientation_covariance)
    rate, rate_cov = part(_vector(msg.angular_velocity), msg.angular_velocity_covariance)
    force, force_cov = part(_vector(msg.linear_acceleration), msg.linear_acceleration_covariance)
    nan = np.full(3, np.nan)
    return m.Imu(
        stamp_of(msg.header), msg.header.frame_id, nan if rate is None else rate, nan if force is None else force,
        orientation, orientation_cov, rate_cov, force_cov,
    )  # fmt: skip


def _fix(msg: Any) -> m.GnssFix:
    return m.GnssFix(
        stamp_of(msg.header), msg.header.frame_id, float(msg.latitude), float(msg.longitude), float(msg.altitude),
        _square(msg.position_covariance, 3), int(msg.status.status),
    )  # fmt: skip


def _battery(msg: Any) -> m.Battery:
    return m.Battery(
        stamp_of(msg.header), msg.header.frame_id, float(msg.percentage), float(msg.voltage), float(msg.current)
    )


def _odometry(msg: Any) -> m.Odometry:
    return m.Odometry(
        stamp_of(msg.header), msg.header.frame_id, msg.child_frame_id,
        _vector(msg.pose.pose.position), _quaternion(msg.pose.pose.orientation),
        _vector(msg.twist.twist.linear), _vector(msg.twist.twist.angular),
        _square(msg.pose.covariance, 6), _square(msg.twist.covariance, 6),
    )  # fmt: skip


def _pose(msg: Any) -> m.Pose:
    cov = None
    pose = msg.pose
    if hasattr(pose, "covariance"):
        cov, pose = _square(pose.covariance, 6), pose.pose
    return m.Pose(stamp_of(msg.header), msg.header.frame_id, _vector(pose.position), _quaternion(pose.orientation), cov)


def _twist(msg: Any) -> m.Twist:
    twist, stamp_s, frame = msg, float("nan"), "base_link"
    if hasattr(msg, "twist"):
        twist, stamp_s, frame = msg.twist, stamp_of(msg.header), msg.header.frame_id
    return m.Twist(stamp_s, frame, float(twist.linear.x), float(twist.angular.z), float(twist.linear.y))


def _joints(msg: Any) -> m.JointStates:
    return m.JointStates(
        stamp_of(msg.header), msg.header.frame_id, tuple(msg.name), np.array(msg.position, dtype=float),
        np.array(msg.velocity, dtype=float),
    )  # fmt: skip


def _grid(msg: Any) -> m.OccupancyGrid:
    origin = msg.info.origin
    pose = m.Pose(0.0, "", _vector(origin.position), _quaternion(origin.orientation))
    cells = np.asarray(msg.data, dtype=np.int8).reshape(msg.info.height, msg.info.width)
    return m.OccupancyGrid(stamp_of(msg.header), msg.header.frame_id, float(msg.info.resolution), pose.planar(), cells)


def _rows(msg: Any, layout: np.dtype[Any]) -> layouts.Rows:
    wire = np.dtype(
        {
            "names": [f.name for f in msg.fields],
            "formats": [POINT_TYPES[f.datatype] for f in msg.fields],
            "offsets": [f.offset for f in msg.fields],
            "itemsize": msg.point_step,
        }
    )
    missing = [name for name in layout.names or () if name not in (wire.names or ())]
    if missing:
        raise InputError(f"The cloud lacks the fields {missing}.", "docs/interfaces.md lists the layout.")
    count = msg.width * msg.height
    found = np.frombuffer(memoryview(msg.data), dtype=wire, count=count)
    if wire == layout:
        return found
    rows = np.empty(count, dtype=layout)
    for name in layout.names or ():
        rows[name] = found[name]
    return rows


_XYZ: Final = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4")])


def _points(msg: Any) -> m.PointCloud:
    rows = _rows(msg, _XYZ)
    xyz = np.column_stack([rows["x"], rows["y"], rows["z"]])
    return m.PointCloud(stamp_of(msg.header), msg.header.frame_id, xyz)


def _objects(msg: Any) -> m.Objects:
    return m.Objects(stamp_of(msg.header), msg.header.frame_id, _rows(msg, layouts.OBJECT))


def _prediction(msg: Any) -> m.Prediction:
    return m.Prediction(stamp_of(msg.header), msg.header.frame_id, _rows(msg, layouts.PREDICTION))


def _path(msg: Any) -> m.Path:
    poses = np.array([_pose(p).planar() for p in msg.poses]).reshape(-1, 3)
    stamps = np.array([stamp_of(p.header) for p in msg.poses])
    timed = len(stamps) > 1 and bool(np.all(np.diff(stamps) > 0.0))
    return m.Path(stamp_of(msg.header), msg.header.frame_id, poses, stamps if timed else None)


def _image(msg: Any) -> m.Image:
    """A view of the message's bytes, nothing is copied."""
    height, width, step = int(msg.height), int(msg.width), int(msg.step)
    if msg.encoding not in _CHANNELS:
        raise InputError(
            f"Image encoding '{msg.encoding:.40}' is not supported.", f"Publish one of {', '.join(_CHANNELS)}."
        )
    channels, blue_first = _CHANNELS[msg.encoding]
    found = memoryview(msg.data)
    step = step or width * channels  # some writers leave it out
    if not (0 < height <= MOST_SIDE_PX and 0 < width <= MOST_SIDE_PX and width * channels <= step):
        raise InputError(f"Image of {width} x {height} with a step of {step} is none.", "Check the camera's driver.")
    if found.nbytes < height * step:
        raise InputError(
            f"Image of {width} x {height} has {found.nbytes} bytes instead of {height * step}.", "Check the driver."
        )
    rows = np.frombuffer(found, dtype=np.uint8, count=height * step).reshape(height, step)
    pixels = rows[:, : width * channels].reshape(height, width, channels)
    if channels == 1:
        pixels = np.broadcast_to(pixels, (height, width, 3))
    else:
        pixels = pixels[..., 2::-1] if blue_first else pixels[..., :3]
    return m.Image(stamp_of(msg.header), msg.header.frame_id, pixels)


def _camera_info(msg: Any) -> m.CameraInfo:
    k = msg.k if hasattr(msg, "k") else msg.K
    d = msg.d if hasattr(msg, "d") else msg.D
    return m.CameraInfo(
        stamp_of(msg.header), msg.header.frame_id, int(msg.width), int(msg.height), _square(k, 3),
        np.array(d, dtype=float), str(msg.distortion_model),
    )  # fmt: skip


def _diagnostics(msg: Any) -> m.Diagnostics:
    def level(value: Any) -> int:
        return value[0] if isinstance(value, (bytes, bytearray)) else int(value)

    statuses = tuple(
        m.Status(level(s.level), s.name, s.message, {v.key: v.value for v in s.values}) for s in msg.status
    )
    return m.Diagnostics(stamp_of(msg.header), statuses)


def _clock(msg: Any) -> m.Clock:
    return m.Clock(float(msg.clock.sec) + 1e-9 * msg.clock.nanosec)


_DECODERS: Final[dict[type[Any], Callable[[Any], Any]]] = {
    m.LaserScan: _scan,
    m.PointCloud: _points,
    m.Imu: _imu,
    m.GnssFix: _fix,
    m.Odometry: _odometry,
    m.Pose: _pose,
    m.Twist: _twist,
    m.JointStates: _joints,
    m.OccupancyGrid: _grid,
    m.Objects: _objects,
    m.Prediction: _prediction,
    m.Path: _path,
    m.Image: _image,
    m.CameraInfo: _camera_info,
    m.Diagnostics: _diagnostics,
    m.Clock: _clock,
    m.Text: lambda msg: m.Text(str(msg.data)),
    m.Battery: _battery,
    m.Flag: lambda msg: m.Flag(bool(msg.data)),
    m.Scalar: lambda msg: m.Scalar(float(msg.data)),
    m.Whole: lambda msg: m.Whole(int(msg.data)),
}
