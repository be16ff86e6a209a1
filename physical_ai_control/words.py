"""Messages that the controller says again and again, made once and filled anew.

The constructors of ROS messages in Python cost more than what is in them: to make a trajectory of 26 stamped poses
takes seven times as long as to fill it. Publishing copies, so what was said stays as it was.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.ros.encode import encode, set_stamp

TRAJECTORY: Final = graph.TOPIC["controller/trajectory"].ros_type


class TrajectoryMessage:
    """One nav_msgs/Path for every trajectory of the same length."""

    def __init__(self) -> None:
        self._message: Any = None

    def of(self, path: m.Path) -> Any:
        """The message of `path`, which must be timed; valid until the next call."""
        message = self._message
        if message is None or len(message.poses) != len(path.poses) or message.header.frame_id != path.frame_id:
            self._message = encode(TRAJECTORY, path)
            return self._message
        stamps_s = path.stamps_s if path.stamps_s is not None else np.full(len(path.poses), path.stamp_s)
        set_stamp(message.header.stamp, path.stamp_s)
        half = 0.5 * path.poses[:, 2]
        rows = np.column_stack([stamps_s, path.poses[:, :2], np.sin(half), np.cos(half)]).tolist()
        for stamped, (stamp_s, x, y, sine, cosine) in zip(message.poses, rows, strict=True):
            set_stamp(stamped.header.stamp, stamp_s)
            pose = stamped.pose
            position, orientation = pose.position, pose.orientation
            position.x, position.y = x, y
            orientation.z, orientation.w = sine, cosine
        return message
