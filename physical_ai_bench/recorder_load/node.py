"""The processes of a recorder's load, each `python -m physical_ai_bench.recorder_load.node WHAT …`.

speak SECONDS FACTOR CAMERA_MBPS BY_HAND   the traffic; prints how many messages it said on each topic, as JSON
plain FILE                                 a subscriber with a callback a topic that calls the mcap library's writer
hear                                       takes everything ten times a second and throws it away: the floor
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

import rclpy
from mcap.writer import Writer
from rclpy.node import Node
from rclpy.serialization import serialize_message
from rclpy.signals import SignalHandlerOptions

from physical_ai_bench.recorder_load.traffic import voices
from physical_ai_core import graph
from physical_ai_core.ros import mail
from physical_ai_core.ros.encode import encode, message_class
from physical_ai_core.ros.qos import publisher_qos
from physical_ai_core.ros.spin import run_node
from physical_ai_telemetry.node import STAMP, STAMP_AT, recording_qos
from physical_ai_telemetry.schemas import definition

STEP_S: Final = 0.004
SETTLE_S: Final = 0.5
LAST_S: Final = 1.0
PATIENCE_S: Final = 30.0


def speak(seconds: float, factor: float, camera_mbps: float, by_hand: bool) -> dict[str, int]:
    """Say everything once somebody listens to everything; stamps of headers are the present."""
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    node = Node("traffic")
    said = voices(factor, camera_mbps, by_hand)
    mouths = []
    for voice in said:
        topic = voice.topic
        message = message_class(topic.ros_type)
        raw = [bytearray(serialize_message(encode(topic.ros_type, data))) for data in voice.payloads]
        stamped = "header" in message.get_fields_and_field_types()
        mouths.append((node.create_publisher(message, topic.name, publisher_qos(topic)), raw, stamped))
    deadline_s = time.monotonic() + PATIENCE_S
    while any(not mouth.get_subscription_count() for mouth, *_ in mouths) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    time.sleep(SETTLE_S)
    counts = [0] * len(said)
    begun_s = time.monotonic()
    while (now_s := time.monotonic() - begun_s) < seconds:
        wall_ns = time.time_ns()
        for index, (mouth, raw, stamped) in enumerate(mouths):
            while counts[index] < now_s * said[index].rate_hz:
                data = raw[counts[index] % len(raw)]
                if stamped:
                    STAMP.pack_into(data, STAMP_AT, *divmod(wall_ns, 1_000_000_000))
                mouth.publish(bytes(data))
                counts[index] += 1
        time.sleep(STEP_S)
    time.sleep(LAST_S)
    return {voice.topic.name: counts[index] for index, voice in enumerate(said)}


def heard_topics() -> list[graph.Topic]:
    """What a recorder hears of the traffic, the camera too."""
    return [voice.topic for voice in voices(1.0, 1.0, True)]


class Plain(Node):
    """What one writes in an hour: a raw subscription a topic, and the library's writer in its callback."""

    def __init__(self, path: Path) -> None:
        super().__init__("plain_recorder")
        self._stream = path.open("wb")
        self._writer: Any = Writer(self._stream)
        self._writer.start(profile="ros2", library="plain")
        self._ears = []
        for topic in heard_topics():
            schema = self._writer.register_schema(topic.ros_type, "ros2msg", definition(topic.ros_type).encode())
            channel = self._writer.register_channel(topic.name, "cdr", schema)
            callback = partial(self._write, channel)
            message = message_class(topic.ros_type)
            self._ears.append(self.create_subscription(message, topic.name, callback, recording_qos(topic), raw=True))

    def _write(self, channel: int, data: bytes) -> None:
        now_ns = time.time_ns()
        self._writer.add_message(channel, now_ns, data, now_ns)

    def close(self) -> None:
        self._writer.finish()
        self._stream.close()


class Hear(Node):
    """Takes and forgets."""

    def __init__(self) -> None:
        super().__init__("hear")
        self._ears = [
            mail.keep(self, message_class(topic.ros_type), topic.name, recording_qos(topic), raw=True)
            for topic in heard_topics()
        ]
        self._counts = dict.fromkeys((topic.name for topic in heard_topics()), 0)
        self.create_timer(0.1, self._look)

    @property
    def subscriptions(self) -> Any:
        return iter(())  # wakes for its timer alone

    def _look(self) -> None:
        for name, ear in zip(self._counts, self._ears, strict=True):
            self._counts[name] += sum(1 for _ in mail.take(ear))

    def close(self) -> None:
        print(json.dumps(self._counts), flush=True)


def main(arguments: list[str]) -> int:
    if arguments[0] == "speak":
        seconds, factor, camera_mbps = (float(text) for text in arguments[1:4])
        print(json.dumps(speak(seconds, factor, camera_mbps, arguments[4] == "by_hand")), flush=True)
        return 0
    if arguments[0] == "plain":
        return run_node(lambda: Plain(Path(arguments[1])), [])
    return run_node(Hear, [])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
