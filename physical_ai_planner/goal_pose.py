"""A pose from rviz or a Nav2 user as a step of a goal, to be checked like any other."""

from __future__ import annotations

import numpy as np
from pydantic import ValidationError

from physical_ai_core.geometry import Array, compose, yaw_of
from physical_ai_core.goal import PoseTarget, RefusalReason, Step, Task
from physical_ai_core.messages import Pose
from physical_ai_planner import phrases
from physical_ai_planner.refused import Refused

LEAST_NORM = 1e-3  # a quaternion shorter than this says nothing: any heading


def pose_step(data: Pose, map_from_odom: Array | None) -> Step:
    """The step that goes to a pose in `map` or `odom`. `map_from_odom` None: not known. Raises Refused."""
    position, turn = np.asarray(data.position_m, dtype=float), np.asarray(data.orientation_xyzw, dtype=float)
    norm = float(np.linalg.norm(turn))
    headed = norm > LEAST_NORM
    pose = np.array([*position[:2], yaw_of(turn / norm) if headed else 0.0])
    frame = data.frame_id.lstrip("/")
    if frame == "odom":
        if map_from_odom is None:
            raise Refused(RefusalReason.NOT_READY, phrases.NO_POSE.en, phrases.NO_POSE.ja)
        pose = compose(map_from_odom, pose)
    elif frame not in ("map", ""):
        raise Refused(
            RefusalReason.NOT_UNDERSTOOD,
            "I take goal poses in the frame map or odom only.",
            "目標位置はmapかodomの座標系で送ってください。",
        )
    try:
        target = PoseTarget(x_m=float(pose[0]), y_m=float(pose[1]), yaw_rad=float(pose[2]) if headed else None)
        return Step(task=Task.NAVIGATE, target=target)
    except ValidationError:
        raise Refused(
            RefusalReason.NOT_UNDERSTOOD, "This goal pose holds no sound numbers.", "目標位置の数値が正しくありません。"
        ) from None
