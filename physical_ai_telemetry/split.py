"""One file of a bag: an MCAP with embedded schemas that is readable up to its last flush, whatever happens to us."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from physical_ai_core.graph import Qos
from physical_ai_telemetry.mcap_file import McapFile
from physical_ai_telemetry.schemas import definition

CHUNK_BYTES: Final = 1 << 20
LIBRARY: Final = "physical_ai"
# rmw policy numbers, as rosbag2 writes them up to metadata version 8: history keep_last 1; reliable 1, best effort 2;
# transient local 1, volatile 2; liveliness system default 0.
_NEVER: Final = {"sec": 9223372036, "nsec": 854775807}


@dataclass(frozen=True)
class RecordedTopic:
    """A topic as it stands in a bag: resolved name, type, and the QoS it is offered with."""

    name: str
    ros_type: str
    qos: Qos = Qos.STATE

    def __hash__(self) -> int:  # asked for with every message
        return hash(self.name)


Letter = tuple[RecordedTopic, int, bytes]  # a message as it came: topic, when (ns of the graph's clock), bytes


def offered_qos(qos: Qos) -> str:
    """`offered_qos_profiles` of rosbag2 for a profile of the graph table."""
    profile = {
        "history": 1,
        "depth": 1 if qos in (Qos.COMMAND, Qos.LATCHED, Qos.CLOCK) else 5,
        "reliability": 2 if qos in (Qos.SENSOR, Qos.CLOCK) else 1,
        "durability": 1 if qos is Qos.LATCHED else 2,
        "deadline": dict(_NEVER),
        "lifespan": dict(_NEVER),
        "liveliness": 1,
        "liveliness_lease_duration": dict(_NEVER),
        "avoid_ros_namespace_conventions": False,
    }
    return str(yaml.safe_dump([profile], sort_keys=False)).strip()


def is_locked(path: Path) -> bool:
    """Whether some process is still writing this file."""
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


class Split:
    """Writer of one MCAP file. Holds a lock on it, so that nobody repairs a file that is being written.

    Every method raises OSError when the disk refuses.
    """

    def __init__(self, path: Path, compression: str, info: Mapping[str, str]) -> None:
        self.path = path
        self._file = path.open("xb", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._writer = McapFile(self._file, LIBRARY, compression, CHUNK_BYTES)
        self._writer.add_metadata(LIBRARY, dict(info))
        self._schemas: dict[str, int] = {}
        self._channels: dict[RecordedTopic, int] = {}
        self.messages = 0

    def write(self, topic: RecordedTopic, stamp_ns: int, data: bytes, said_ns: int | None = None) -> None:
        """Append one serialized message. `said_ns`: when it was said, where that is not when it counts."""
        channel = self._channels.get(topic)
        if channel is None:
            channel = self._open_channel(topic)
        self._writer.add_message(channel, stamp_ns, data, stamp_ns if said_ns is None else said_ns)
        self.messages += 1

    def note(self, name: str, values: Mapping[str, str]) -> None:
        """Add a metadata record."""
        self._writer.add_metadata(name, dict(values))

    def size(self) -> int:
        """Bytes on disk so far; the open chunk is not counted."""
        return self._writer.size()

    def flush(self) -> None:
        """Close the chunk and hand everything to the operating system."""
        self._writer.flush()

    def sync(self) -> None:
        """Force the file to the disk."""
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Write index and footer."""
        try:
            self._writer.finish()
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close without a footer, after a write failed; `recover` saves what is readable."""
        with suppress(OSError):
            self._file.close()

    def _open_channel(self, topic: RecordedTopic) -> int:
        schema = self._schemas.get(topic.ros_type)
        if schema is None:
            text = definition(topic.ros_type).encode()
            schema = self._schemas[topic.ros_type] = self._writer.register_schema(topic.ros_type, "ros2msg", text)
        channel = self._writer.register_channel(
            topic.name, "cdr", schema, {"offered_qos_profiles": offered_qos(topic.qos)}
        )
        self._channels[topic] = channel
        return channel
