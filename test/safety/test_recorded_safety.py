"""Ordinary driving of a real robot, recorded: nothing that its wheels and IMU say is called a contradiction."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from rosbags.highlevel import AnyReader

from physical_ai_core import graph
from physical_ai_core.robot import load_robot
from physical_ai_core.ros.decode import decode
from physical_ai_core.share import share_path
from physical_ai_core.site import load_site
from physical_ai_safety.hearing import Hearing
from physical_ai_safety.parameters import GateParameters
from physical_ai_safety.rules import combine
from physical_ai_safety.schema import RulesFile
from physical_ai_safety.situation import compile_rules

BAG = Path(__file__).parents[1] / "data/husky/test1.bag"
TOPICS = {"/imu/data": "imu/data", "/husky_velocity_controller/odom": "wheel/odometry"}


@pytest.mark.skipif(not BAG.exists(), reason=f"{BAG} is absent")
def test_six_minutes_of_a_real_husky_outdoors_hold_no_contradiction() -> None:
    robot = load_robot(yaml.safe_load(share_path("config/replay/husky_test1.yaml").read_text())["robot"])
    rules = RulesFile.model_validate({"name": "slow", "stopping": {"braking_mps2": 1.0, "yaw_braking_rps2": 2.0}})
    book = compile_rules(combine(rules, load_site("yard"), robot))
    hearing = Hearing(book, robot, GateParameters(require_imu=True), 5.0)
    found: dict[str, int] = {}
    heard = 0
    with AnyReader([BAG]) as reader:
        for connection, _, raw in reader.messages():
            topic = TOPICS.get(connection.topic)
            if topic is None:
                continue
            data = decode(graph.TOPIC[topic].data, reader.deserialize(raw, connection.msgtype))
            hearing.clock(data.stamp_s)
            hearing.takers[topic](data, data.stamp_s)
            heard += 1
            for fault in hearing.faults(hearing.now()):
                found[fault.clause] = found.get(fault.clause, 0) + 1
    assert heard > 5000 and found == {}
