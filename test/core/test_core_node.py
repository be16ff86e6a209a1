"""What a node hands its core, and when; no graph is needed for it."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from physical_ai_core import graph
from physical_ai_core import messages as m

pytest.importorskip("rclpy")


@pytest.mark.parametrize(
    ("since_mail_s", "told"),
    [(-60.0, ["wheel/odometry", "scan"]), (0.3, ["wheel/odometry", "state/odometry", "scan"]),
     (math.inf, ["wheel/odometry", "state/odometry", "scan"])],
)  # fmt: skip
def test_a_message_that_wakes_a_node_finds_the_samples_read_where_the_tick_is_overdue(
    since_mail_s: float, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from physical_ai_core.ros import mail
    from physical_ai_core.ros.encode import encode
    from physical_ai_core.ros.node import CoreNode

    heard: list[str] = []
    waiting = {"wheel/odometry": 1.00, "state/odometry": 1.01}

    def letters(name: str) -> Any:
        stamp_s = waiting.pop(name, None)
        return [] if stamp_s is None else [(encode("std_msgs/msg/Float64", m.Scalar(stamp_s)), {})]

    monkeypatch.setattr(mail, "take", letters)
    monkeypatch.setattr(mail, "read_clock", lambda node: None)
    node: Any = object.__new__(CoreNode)  # without a middleware
    node.spec, node._active = graph.NODE["safety_gate"], True
    node._mail = [(graph.TOPIC[name], name) for name in waiting]
    node._mail_s = time.monotonic() - since_mail_s
    node._handle = lambda topic, message: heard.append(topic.name)
    node._hear(graph.TOPIC["scan"], None)
    assert heard == told
