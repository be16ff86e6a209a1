"""Speaks on every recorded topic of the graph at its rate in the table, with content of the demo's size.

Run as a program: `python traffic.py SECONDS [FACTOR]`; prints how many messages it published on each topic, as JSON.
"""

from __future__ import annotations

import json
import sys
import time

from physical_ai_bench.recorder_load.traffic import ON_EVENT_HZ, payload
from physical_ai_core import graph

__all__ = ["payload", "speak"]


def speak(seconds: float, factor: float) -> dict[str, int]:
    import rclpy
    from rclpy.serialization import serialize_message

    from physical_ai_core.ros.encode import encode, message_class
    from physical_ai_core.ros.qos import publisher_qos

    rclpy.init()
    node = rclpy.create_node("traffic")
    mouths = []
    for topic in graph.TOPICS:
        if topic.recorded and topic.name != "points" and not topic.name.startswith("camera"):
            # Heartbeats and diagnostics come from every node.
            voices = len(topic.says) if len(topic.says) > 1 else 1
            rate_hz = factor * voices * (topic.rate_hz or ON_EVENT_HZ)
            publisher = node.create_publisher(message_class(topic.ros_type), topic.name, publisher_qos(topic))
            mouths.append((topic, rate_hz, publisher))
    deadline = time.monotonic() + 30.0
    while any(not publisher.get_subscription_count() for *_, publisher in mouths) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    raw = [bytes(serialize_message(encode(t.ros_type, payload(t, 1.0 + k)))) for k, (t, *_) in enumerate(mouths)]
    counts = [0] * len(mouths)
    start = time.monotonic()
    while (now := time.monotonic() - start) < seconds:
        for index, (_, rate_hz, publisher) in enumerate(mouths):
            while counts[index] < now * rate_hz:
                publisher.publish(raw[index])
                counts[index] += 1
        time.sleep(0.004)
    time.sleep(1.0)
    return {topic.name: counts[index] for index, (topic, *_) in enumerate(mouths)}


if __name__ == "__main__":
    print(json.dumps(speak(float(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 1.0)))
