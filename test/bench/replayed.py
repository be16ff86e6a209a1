"""What the tests of the replay share: the reference bags, and small bags with something wrong about them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from mcap.reader import make_reader

from physical_ai_core.graph import TOPIC
from physical_ai_telemetry.metadata import write_metadata
from physical_ai_telemetry.split import RecordedTopic, Split

ROOT = Path(__file__).parents[1] / "data" / "replay"
YARD, EMPTY = ROOT / "yard", ROOT / "yard_empty"
REFERENCES = ROOT / "references"
Message = tuple[str, str, int, bytes]  # topic, ROS type, log time ns, bytes


def messages(bag: Path) -> list[Message]:
    """Everything in a bag's only file, in order."""
    with (bag / f"{bag.name}_0.mcap").open("rb") as stream:
        found = make_reader(stream).iter_messages()
        return [(channel.topic, schema.name, message.log_time, message.data) for schema, channel, message in found]


def rewritten(
    bag: Path, target: Path, change: Callable[[list[Message]], list[Message]], robot: str = "scout", every: int = 500
) -> Path:
    """A copy of a bag with other messages, a chunk of every so many, recorded on `robot`."""
    target.mkdir()
    for name in ("replay.yaml", "readings.json"):
        shutil.copy(bag / name, target / name)
    split = Split(target / f"{target.name}_0.mcap", "zstd", {"robot": robot, "site": "yard"})
    for count, (topic, ros_type, log_ns, data) in enumerate(change(messages(bag)), 1):
        spec = TOPIC.get(topic.lstrip("/")) or TOPIC.get(topic.split("/", 2)[-1]) or TOPIC[topic]
        split.write(RecordedTopic(topic, ros_type, spec.qos), log_ns, data)
        if count % every == 0:
            split.flush()
    split.close()
    write_metadata(target)
    return target


def first_seconds(seconds: float) -> Callable[[list[Message]], list[Message]]:
    """Only the beginning."""

    def cut(every: list[Message]) -> list[Message]:
        return [one for one in every if one[2] < every[0][2] + round(seconds * 1e9)]

    return cut
