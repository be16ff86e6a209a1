"""The camera through the whole core: a tag corrects the pose in `map`, and every bad camera is named by health."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flat_world import imu, wheels
from tag_pictures import K, picture, standing

from physical_ai_core import messages as m
from physical_ai_core.geometry import compose
from physical_ai_perception.camera.place import TagPlace, face_turn
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.parameters import PerceptionParameters

WALL = TagPlace(np.array([4.0, 1.0, 0.6]), face_turn(np.pi), 0.3)
TRUE = (2.0, 0.8, 0.05)
START_S = 100.0


@pytest.fixture(scope="module")
def seen() -> m.Image:
    grey = picture(standing(TRUE), {17: WALL})
    return m.Image(START_S, "camera", np.broadcast_to(grey[..., None], (*grey.shape, 3)))


@pytest.fixture
def core(tmp_path: Path) -> PerceptionCore:
    """Starts 0.3 m beside where it stands, and knows that it may be off by half a metre."""
    place = {"names": {"en": ["here"]}, "pose": {"x_m": 2.2, "y_m": 1.0, "yaw_rad": 0.0}}
    tag = {"pose": {"x_m": 4.0, "y_m": 1.0, "yaw_rad": np.pi}, "height_m": 0.6, "size_m": 0.3}
    site = tmp_path / "hall.yaml"
    site.write_text(json.dumps({"name": "hall", "start": "here", "places": {"here": place}, "tags": {"17": tag}}))
    expected = ("imu/data", "wheel/odometry", "camera/image_raw")
    return PerceptionCore(
        PerceptionParameters(
            site=str(site), expected_sensors=expected, start_position_sigma_m=0.5, start_yaw_sigma_rad=0.2
        )
    )


Show = Callable[[float], tuple[m.CameraInfo | None, m.Image | None]]


def stand(core: PerceptionCore, seconds: float, show: Show, since_s: float = 0.0) -> np.ndarray | None:
    """At rest for so long, a picture every 0.1 s; the last pose in `map`."""
    pose, odometry = None, None
    for i in range(round(since_s * 100), round((since_s + seconds) * 100)):
        now_s = START_S + 0.01 * i
        core.handle("imu/data", imu(now_s), now_s)
        if i % 2 == 0:
            core.handle("wheel/odometry", wheels(now_s), now_s)
        if i % 10 == 5:
            for topic, data in zip(("camera/camera_info", "camera/image_raw"), show(now_s), strict=True):
                if data is not None:
                    core.handle(topic, data, data.stamp_s)
        for output in core.tick(now_s):
            if output.topic == "state/odometry":
                odometry = output.data
            elif output.topic == "state/map_to_odom" and odometry is not None:
                pose = compose(output.data.planar(), odometry.planar_pose())
    return pose


def info(stamp_s: float) -> m.CameraInfo:
    return m.CameraInfo(stamp_s, "camera", 640, 480, K, np.zeros(5))


def test_a_tag_brings_the_robot_to_where_it_stands(core: PerceptionCore, seen: m.Image) -> None:
    before = stand(core, 0.3, lambda now_s: (None, None))
    assert before is not None and np.hypot(*(before[:2] - TRUE[:2])) > 0.25
    after = stand(core, 2.5, lambda now_s: (info(now_s), replace(seen, stamp_s=now_s)), since_s=0.3)
    assert after is not None and np.hypot(*(after[:2] - TRUE[:2])) < 0.06
    assert abs(after[2] - TRUE[2]) < 0.04
    assert "tag 17" in core.health().values


def spoilt(seen: m.Image, how: str, now_s: float) -> tuple[m.CameraInfo | None, m.Image | None]:
    calibration, image = info(now_s), replace(seen, stamp_s=now_s)
    if how == "absent":
        return calibration, None
    if how == "not calibrated":
        return replace(calibration, k=np.zeros((3, 3))), image
    if how == "NaN intrinsics":
        return replace(calibration, k=np.full((3, 3), np.nan)), image
    if how == "no camera_info":
        return None, image
    if how == "other size":
        return calibration, replace(image, pixels=image.pixels[:100])
    if how == "empty":
        return calibration, replace(image, pixels=np.zeros((0, 0, 3), dtype=np.uint8))
    if how == "unknown frame":
        return replace(calibration, frame_id="nose"), replace(image, frame_id="nose")
    if how == "from the future":
        return replace(calibration, stamp_s=now_s + 3600.0), replace(image, stamp_s=now_s + 3600.0)
    if how == "hours old":
        return replace(calibration, stamp_s=now_s - 3600.0), replace(image, stamp_s=now_s - 3600.0)
    if how == "stamp NaN":
        return calibration, replace(image, stamp_s=float("nan"))
    return calibration, replace(image, stamp_s=START_S)  # stuck


@pytest.mark.parametrize(
    ("how", "named"),
    [
        ("absent", "camera/image_raw"),
        ("not calibrated", "focal length is zero"),
        ("NaN intrinsics", "not finite"),
        ("no camera_info", "no camera/camera_info"),
        ("other size", "640 x 100"),
        ("empty", "not (H, W, 3) bytes"),
        ("unknown frame", "nose"),
        ("from the future", "from the future"),
        ("hours old", "old"),
        ("stamp NaN", "not a number"),
        ("stuck", "camera/image_raw: stamp"),
    ],
)
def test_every_bad_camera_is_named_and_the_state_stays(
    core: PerceptionCore, seen: m.Image, how: str, named: str
) -> None:
    pose = stand(core, 0.8, lambda now_s: spoilt(seen, how, now_s))
    health = core.health()
    assert health.level >= 1
    assert named in health.message
    assert pose is not None and np.isfinite(pose).all()
    if how != "stuck":  # the first of them was a good one
        assert np.hypot(pose[0] - 2.2, pose[1] - 1.0) < 0.05  # nothing of it moved the robot
