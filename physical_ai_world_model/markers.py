"""What rviz shows of the world model: the fan of every object's ways, how sure they are, and the robot's own path."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.layouts import Rows
from physical_ai_core.ros.encode import message_class, set_stamp
from physical_ai_world_model.surprise import CHI2_90

LEARNT: Final = (0.15, 0.75, 0.65)  # the learnt model speaks
KALMAN: Final = (0.95, 0.65, 0.10)  # the Kalman filter does
OWN: Final = (0.95, 0.95, 0.95)
ELLIPSES_AT_S: Final = (1.0, 2.0, 3.0, 4.8)
LEAST_WEIGHT: Final = 0.15  # lighter ways have a line and no ellipses
ALPHA: Final = (0.15, 0.85)  # of a line whose way is sure not to be taken, and sure to be
ELLIPSE_ALPHA: Final = 0.25
STRIDE: Final = 2  # of the steps, for the lines' points
CYLINDER, LINE_STRIP, DELETE_ALL = 3, 4, 3  # of visualization_msgs/Marker


def marker_array(prediction: m.Prediction, learnt: Collection[int], path: m.Path | None) -> Any:
    """A visualization_msgs/MarkerArray in the prediction's frame; its first marker takes the last picture away.

    `learnt`: ids for which the learnt model speaks. `path`: the robot's own, where there is one.
    """
    array = message_class("visualization_msgs/msg/MarkerArray")()
    clear = message_class("visualization_msgs/msg/Marker")()
    clear.header.frame_id, clear.action = prediction.frame_id, DELETE_ALL
    array.markers.append(clear)
    for number, way in enumerate(_ways(prediction.rows)):
        weight, colour = float(way["weight"][0]), LEARNT if int(way["id"][0]) in learnt else KALMAN
        shown = np.append(way[:-1:STRIDE], way[-1:])
        alpha = ALPHA[0] + (ALPHA[1] - ALPHA[0]) * weight
        array.markers.append(_line(prediction, "ways", number, (*colour, alpha), shown["x"], shown["y"]))
        if weight >= LEAST_WEIGHT:
            array.markers += _ellipses(prediction, number * len(ELLIPSES_AT_S), way, (*colour, ELLIPSE_ALPHA * weight))
    if path is not None and len(path.poses) > 1:
        x, y = path.poses[:, :2].T
        array.markers.append(_line(prediction, "own path", 0, (*OWN, 0.9), x, y))
    return array


def _ways(rows: Rows) -> Iterator[Rows]:
    """Rows of one object and mode after the other, as they are ordered."""
    if len(rows):
        key = np.stack([rows["id"], rows["mode"]], axis=-1)
        yield from np.split(rows, np.flatnonzero((key[1:] != key[:-1]).any(axis=1)) + 1)


def _line(said: m.Prediction, space: str, number: int, colour: Sequence[float], x: Array, y: Array) -> Any:
    marker = _marker(said, space, number, LINE_STRIP, colour)
    marker.scale.x = 0.04
    point = message_class("geometry_msgs/msg/Point")
    marker.points = [point(x=a, y=b, z=0.05) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    return marker


def _ellipses(said: m.Prediction, first: int, way: Rows, colour: Sequence[float]) -> list[Any]:
    """Regions that hold 90 % of one mode, flat on the ground."""
    seats = [int(np.argmin(np.abs(way["t_s"] - at_s))) for at_s in ELLIPSES_AT_S if at_s <= way["t_s"][-1] + 1e-3]
    rows = way[seats]
    xx, xy, yy = (rows[name].astype(float) for name in ("sxx", "sxy", "syy"))
    middle, half = 0.5 * (xx + yy), np.hypot(0.5 * (xx - yy), xy)
    size_m = 2.0 * np.sqrt(CHI2_90 * np.maximum(np.stack([middle + half, middle - half], axis=-1), 1e-6))
    yaw_rad = 0.5 * np.arctan2(2.0 * xy, xx - yy)  # of the long axis
    drawn = []
    for k, row in enumerate(rows):
        marker = _marker(said, "regions", first + k, CYLINDER, colour)
        marker.pose.position.x, marker.pose.position.y, marker.pose.position.z = float(row["x"]), float(row["y"]), 0.01
        marker.pose.orientation.z = float(np.sin(0.5 * yaw_rad[k]))
        marker.pose.orientation.w = float(np.cos(0.5 * yaw_rad[k]))
        marker.scale.x, marker.scale.y, marker.scale.z = float(size_m[k, 0]), float(size_m[k, 1]), 0.02
        drawn.append(marker)
    return drawn


def _marker(said: m.Prediction, space: str, number: int, kind: int, colour: Sequence[float]) -> Any:
    marker = message_class("visualization_msgs/msg/Marker")()
    set_stamp(marker.header.stamp, said.stamp_s)
    marker.header.frame_id, marker.ns, marker.id, marker.type = said.frame_id, space, number, kind
    marker.pose.orientation.w = 1.0
    marker.color.r, marker.color.g, marker.color.b, marker.color.a = (float(c) for c in colour)
    return marker
