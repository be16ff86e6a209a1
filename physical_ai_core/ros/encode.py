"""Payloads to ROS messages. Message classes are imported by name on first use, so only what is spoken is loaded."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Final

import numpy as np

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import quaternion_of_yaw


@cache
def message_class(ros_type: str) -> Any:
    """Class of `package/msg/Name`. Raises InputError when the package is not installed."""
    package, _, name = ros_type.split("/")
    try:
        return getattr(import_module(f"{package}.msg"), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"The ROS message {ros_type} is not available ({error}).", f"Install {package}.") from error


def encode(ros_type: str, data: Any) -> Any:
    """The ROS message of `ros_type` that holds a payload."""
    message = message_class(ros_type)()
    if hasattr(data, "to_json"):
        message.data = data.to_json()
        return message
    if isinstance(data, m.Twist) and ros_type.endswith("/Twist"):
        _fill_twist(message, data)
        return message
    try:
        _ENCODERS[type(data)](message, data)
    except KeyError as error:
        raise InputError(
            f"No conversion from {type(data).__name__}.", "Add it to physical_ai_core/ros/encode.py."
        ) from error
    return message


def set_stamp(stamp: Any, stamp_s: float) -> None:
    """Write seconds into a builtin_interfaces/Time, rounded to the nanosecond."""
    nanoseconds = max(0, round(stamp_s * 1e9))
    stamp.sec, stamp.nanosec = divmod(nanoseconds, 1_000_000_000)


def _header(message: Any, data: Any) -> None:
    set_stamp(message.header.stamp, data.stamp_s)
    message.header.frame_id = data.frame_id


def _set_vector(target: Any, values: Any) -> None:
    target.x, target.y, target.z = float(values[0]), float(values[1]), float(values[2])


def _set_quaternion(target: Any, q: Any) -> None:
    target.x, target.y, target.z, target.w = float(q[0]), float(q[1]), float(q[2]), float(q[3])


def _set_planar(target: Any, pose: Any) -> None:
    target.position.x, target.position.y = float(pose[0]), float(pose[1])
    _set_quaternion(target.orientation, quaternion_of_yaw(float(pose[2])))


def _scan(msg: Any, data: m.LaserScan) -> None:
    _header(msg, data)
    msg.angle_min, msg.angle_increment = data.angle_min_rad, data.angle_increment_rad
    msg.angle_max = data.angle_min_rad + data.angle_increment_rad * max(0, len(data.ranges_m) - 1)
    msg.range_min, msg.range_max = data.range_min_m, data.range_max_m
    msg.time_increment = data.time_increment_s
    msg.ranges = array("f", np.ascontiguousarray(data.ranges_m, dtype=np.float32).tobytes())


def _imu(msg: Any, data: m.Imu) -> None:
    _header(msg, data)
    _set_vector(msg.angular_velocity, data.angular_velocity_rps)
    _set_vector(msg.linear_acceleration, data.linear_acceleration_mps2)
    if data.orientation_xyzw is None:
        msg.orientation_covariance[0] = -1.0
    else:
        _set_quaternion(msg.orientation, data.orientation_xyzw)
        if data.orientation_cov is not None:
            msg.orientation_covariance = data.orientation_cov.ravel()
    if data.angular_velocity_cov is not None:
        msg.angular_velocity_covariance = data.angular_velocity_cov.ravel()
    if data.linear_acceleration_cov is not None:
        msg.linear_acceleration_covariance = data.linear_acceleration_cov.ravel()


def _fix(msg: Any, data: m.GnssFix) -> None:
    _header(msg, data)
    msg.latitude, msg.longitude, msg.altitude = data.latitude_deg, data.longitude_deg, data.altitude_m
    msg.position_covariance = np.asarray(data.cov_enu_m2, dtype=float).ravel()
    msg.position_covariance_type = 2
    msg.status.status = data.status


def _battery(msg: Any, data: m.Battery) -> None:
    _header(msg, data)
    msg.percentage, msg.voltage, msg.current = data.charge, data.voltage_v, data.current_a
    msg.present = True


def _odometry(msg: Any, data: m.Odometry) -> None:
    _header(msg, data)
    msg.child_frame_id = data.child_frame_id
    _set_vector(msg.pose.pose.position, data.position_m)
    _set_quaternion(msg.pose.pose.orientation, data.orientation_xyzw)
    _set_vector(msg.twist.twist.linear, data.linear_mps)
    _set_vector(msg.twist.twist.angular, data.angular_rps)
    msg.pose.covariance = np.asarray(data.pose_cov, dtype=float).ravel()
    msg.twist.covariance = np.asarray(data.twist_cov, dtype=float).ravel()


def _pose(msg: Any, data: m.Pose) -> None:
    _header(msg, data)
    pose = msg.pose
    if hasattr(pose, "covariance"):
        if data.cov is not None:
            pose.covariance = np.asarray(data.cov, dtype=float).ravel()
        pose = pose.pose
    _set_vector(pose.position, data.position_m)
    _set_quaternion(pose.orientation, data.orientation_xyzw)


def _fill_twist(twist: Any, data: m.Twist) -> None:
    twist.linear.x, twist.linear.y = float(data.linear_x_mps), float(data.linear_y_mps)
    twist.angular.z = float(data.angular_z_rps)


def _twist(msg: Any, data: m.Twist) -> None:
    _header(msg, data)
    _fill_twist(msg.twist, data)


def _joints(msg: Any, data: m.JointStates) -> None:
    _header(msg, data)
    msg.name, msg.position, msg.velocity = list(data.names), data.positions.tolist(), data.velocities.tolist()


def _grid(msg: Any, data: m.OccupancyGrid) -> None:
    _header(msg, data)
    set_stamp(msg.info.map_load_time, data.stamp_s)
    msg.info.resolution = data.resolution_m
    msg.info.height, msg.info.width = data.cells.shape
    _set_planar(msg.info.origin, data.origin)
    msg.data = array("b", np.ascontiguousarray(data.cells, dtype=np.int8).tobytes())


def _cloud(msg: Any, data: Any, rows: layouts.Rows) -> None:
    _header(msg, data)
    field_class = message_class("sensor_msgs/msg/PointField")
    for name in rows.dtype.names or ():
        kind, offset = rows.dtype.fields[name][:2]  # type: ignore[index]
        msg.fields.append(field_class(name=name, offset=offset, datatype=_POINT_CODES[kind.str], count=1))
    msg.height, msg.width = 1, len(rows)
    msg.point_step, msg.row_step = rows.dtype.itemsize, rows.dtype.itemsize * len(rows)
    msg.is_dense = True
    msg.data = array("B", np.ascontiguousarray(rows).tobytes())


_POINT_CODES: Final = {"|i1": 1, "|u1": 2, "<i2": 3, "<u2": 4, "<i4": 5, "<u4": 6, "<f4": 7, "<f8": 8}


def _points(msg: Any, data: m.PointCloud) -> None:
    xyz = np.ascontiguousarray(data.points_m, dtype=np.float32)
    _cloud(msg, data, xyz.view([("x", "<f4"), ("y", "<f4"), ("z", "<f4")]).reshape(-1))


def _path(msg: Any, data: m.Path) -> None:
    _header(msg, data)
    pose_class = message_class("geometry_msgs/msg/PoseStamped")
    stamps = data.stamps_s if data.stamps_s is not None else np.full(len(data.poses), data.stamp_s)
    for pose, stamp_s in zip(data.poses, stamps, strict=True):
        stamped = pose_class()
        set_stamp(stamped.header.stamp, float(stamp_s))
        stamped.header.frame_id = data.frame_id
        _set_planar(stamped.pose, pose)
        msg.poses.append(stamped)


def _image(msg: Any, data: m.Image) -> None:
    _header(msg, data)
    msg.height, msg.width = data.pixels.shape[:2]
    msg.encoding, msg.step = "rgb8", 3 * msg.width
    msg.data = array("B", np.ascontiguousarray(data.pixels).tobytes())


def _camera_info(msg: Any, data: m.CameraInfo) -> None:
    _header(msg, data)
    msg.width, msg.height, msg.distortion_model = data.width, data.height, data.distortion_model
    msg.k, msg.d = data.k.ravel(), data.d.tolist()
    msg.r = np.eye(3).ravel()
    msg.p = np.column_stack([data.k, np.zeros(3)]).ravel()


def _diagnostics(msg: Any, data: m.Diagnostics) -> None:
    set_stamp(msg.header.stamp, data.stamp_s)
    status_class = message_class("diagnostic_msgs/msg/DiagnosticStatus")
    value_class = message_class("diagnostic_msgs/msg/KeyValue")
    for status in data.statuses:
        values = [value_class(key=key, value=value) for key, value in status.values.items()]
        msg.status.append(
            status_class(level=bytes([status.level]), name=status.name, message=status.message, values=values)
        )


def _plain(msg: Any, data: Any) -> None:
    msg.data = data.data


_ENCODERS: Final[dict[type[Any], Callable[[Any, Any], None]]] = {
    m.LaserScan: _scan,
    m.PointCloud: _points,
    m.Imu: _imu,
    m.GnssFix: _fix,
    m.Odometry: _odometry,
    m.Pose: _pose,
    m.Twist: _twist,
    m.JointStates: _joints,
    m.OccupancyGrid: _grid,
    m.Objects: lambda msg, data: _cloud(msg, data, data.rows),
    m.Prediction: lambda msg, data: _cloud(msg, data, data.rows),
    m.Path: _path,
    m.Image: _image,
    m.CameraInfo: _camera_info,
    m.Diagnostics: _diagnostics,
    m.Clock: lambda msg, data: set_stamp(msg.clock, data.stamp_s),
    m.Text: _plain,
    m.Battery: _battery,
    m.Flag: _plain,
    m.Scalar: _plain,
    m.Whole: _plain,
}


def encode_wire(ros_type: str, data: Any) -> bytes:
    """The payload as it goes over the wire and stands in a bag (CDR)."""
    from rclpy.serialization import serialize_message

    return bytes(serialize_message(encode(ros_type, data)))
