"""What the first message of a kind costs (imports, compiled code, caches), paid before the node is active."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.fusion.model import Layout, prepare
from physical_ai_perception.parameters import PerceptionParameters

FRAME: Final = "base_link"
ROUNDS: Final = 60  # long enough for a robot at rest to be known as such
PERIOD_S: Final = 0.01
SURROUNDINGS_EVERY: Final = 10


def warm_up(parameters: PerceptionParameters) -> None:
    """Drive a core that nobody uses: level ground, at rest, walls all around, two poles."""
    core = PerceptionCore(replace(parameters, site="", start_pose="origin", resume_file=""))
    for scales in {0, len(core.sensors.scales)}:
        prepare(Layout(scales), parameters.gravity_mps2)
    rest, covariance = np.zeros(3), np.eye(3) * 1e-4
    force = np.array([0.0, 0.0, parameters.gravity_mps2])
    ranges = np.full(720, 8.0, dtype=np.float32)
    ranges[100:104] = ranges[300:306] = 3.0
    for turn in range(ROUNDS):
        now_s = 1.0 + PERIOD_S * turn
        said: list[tuple[str, object]] = [
            ("imu/data", m.Imu(now_s, FRAME, rest, force, None, None, covariance, covariance)),
            ("wheel/odometry", m.Odometry(now_s, "odom", FRAME, rest, quaternion_of_yaw(0.0), rest, rest)),
        ]
        if turn % SURROUNDINGS_EVERY == 0:
            said.append(("gps/fix", m.GnssFix(now_s, FRAME, 35.0, 139.0, 0.0, covariance)))
            said.append(("scan", m.LaserScan(now_s, FRAME, -np.pi, 2.0 * np.pi / 720.0, 0.05, 25.0, ranges)))
        for topic, data in said:
            core.handle(topic, data, now_s)
        core.tick(now_s)
    core.health()
