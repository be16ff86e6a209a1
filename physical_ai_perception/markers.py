"""What rviz shows of the objects: a body and its class, where it goes, and how well its place is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.layouts import OBJECT_CLASSES
from physical_ai_core.ros.encode import message_class, set_stamp

COLOURS: Final = {
    "unknown": (0.7, 0.7, 0.7), "static": (0.3, 0.45, 0.9), "person": (0.95, 0.55, 0.1), "vehicle": (0.85, 0.15, 0.5),
}  # fmt: skip
HEIGHTS_M: Final = {"unknown": 0.6, "static": 0.6, "person": 1.7, "vehicle": 1.4}
SIGMAS: Final = 2.0  # of the ellipse on the ground
AHEAD_S: Final = 1.0  # the arrow's tip is where the object is then
SLOW_MPS: Final = 0.1  # slower things have no arrow
ARROW, CYLINDER, TEXT, DELETE_ALL = 0, 3, 9, 3  # of visualization_msgs/Marker


def marker_array(objects: m.Objects) -> Any:
    """A visualization_msgs/MarkerArray in the objects' frame; its first marker takes the last picture away."""
    array = message_class("visualization_msgs/msg/MarkerArray")()
    clear = message_class("visualization_msgs/msg/Marker")()
    clear.header.frame_id, clear.action = objects.frame_id, DELETE_ALL
    array.markers.append(clear)
    covariances = layouts.covariances(objects.rows)
    for row, covariance in zip(objects.rows, covariances, strict=True):
        name = OBJECT_CLASSES[int(row["class_id"])] if row["class_id"] < len(OBJECT_CLASSES) else "unknown"
        array.markers += _object(objects, row, name, covariance)
    return array


def _object(objects: m.Objects, row: Any, name: str, covariance: Any) -> list[Any]:
    x, y, number, height = float(row["x"]), float(row["y"]), int(row["id"]), HEIGHTS_M[name]
    colour = (*COLOURS[name], 0.25 + 0.6 * float(row["existence"]))
    body = _marker(objects, "bodies", number, CYLINDER, colour)
    _place(body, (x, y, 0.5 * height), (2.0 * float(row["radius"]), 2.0 * float(row["radius"]), height))
    size, axes = np.linalg.eigh(covariance[:2, :2])
    ellipse = _marker(objects, "ellipses", number, CYLINDER, (*COLOURS[name], 0.3))
    long_m, wide_m = (2.0 * SIGMAS * float(np.sqrt(max(value, 1e-6))) for value in size[::-1])
    _place(ellipse, (x, y, 0.01), (long_m, wide_m, 0.02), float(np.arctan2(axes[1, 1], axes[0, 1])))
    text = _marker(objects, "names", number, TEXT, (1.0, 1.0, 1.0, 0.9))
    _place(text, (x, y, height + 0.2), (0.0, 0.0, 0.22))
    text.text = f"{number} {name}"
    drawn = [body, ellipse, text]
    vx, vy = float(row["vx"]), float(row["vy"])
    if np.hypot(vx, vy) > SLOW_MPS:
        arrow = _marker(objects, "velocities", number, ARROW, colour)
        arrow.scale.x, arrow.scale.y, arrow.scale.z = 0.05, 0.12, 0.15
        point = message_class("geometry_msgs/msg/Point")
        tip = (x + AHEAD_S * vx, y + AHEAD_S * vy)
        arrow.points = [point(x=x, y=y, z=0.1), point(x=tip[0], y=tip[1], z=0.1)]
        drawn.append(arrow)
    return drawn


def _marker(objects: m.Objects, space: str, number: int, kind: int, colour: Sequence[float]) -> Any:
    marker = message_class("visualization_msgs/msg/Marker")()
    set_stamp(marker.header.stamp, objects.stamp_s)
    marker.header.frame_id, marker.ns, marker.id, marker.type = objects.frame_id, space, number & 0x7FFFFFFF, kind
    marker.pose.orientation.w = 1.0
    marker.color.r, marker.color.g, marker.color.b, marker.color.a = (float(c) for c in colour)
    return marker


def _place(
    marker: Any, xyz: tuple[float, float, float], scale: tuple[float, float, float], yaw_rad: float = 0.0
) -> None:
    marker.pose.position.x, marker.pose.position.y, marker.pose.position.z = xyz
    marker.pose.orientation.z, marker.pose.orientation.w = float(np.sin(0.5 * yaw_rad)), float(np.cos(0.5 * yaw_rad))
    marker.scale.x, marker.scale.y, marker.scale.z = scale
