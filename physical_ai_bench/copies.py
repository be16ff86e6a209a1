"""A fleet of recordings from one: copies of a recorded drive at other times, under other robots' names.

Every stamp is moved: of recording, in the headers, and in the reports' JSON; so no copy equals another, and all say
what the drive said. Only whole seconds are added, so that the wire form keeps its size.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer

from physical_ai_core.errors import InputError
from physical_ai_telemetry.dataset.source import files_of
from physical_ai_telemetry.metadata import recorded_info, write_metadata

COMPRESSION: Final = {"zstd": CompressionType.ZSTD, "none": CompressionType.NONE}
STAMP: Final = re.compile(r'("stamp_s": )([0-9.eE+-]+)')
STRING: Final = "std_msgs/msg/String"


@dataclass(frozen=True)
class Drive:
    """A recording in memory: channels as (topic, type, definition, metadata), messages as (channel, stamp, bytes)."""

    info: dict[str, str]
    channels: tuple[tuple[str, str, bytes, dict[str, str]], ...]
    messages: tuple[tuple[int, int, bytes], ...]

    @property
    def seconds(self) -> int:
        """Whole seconds from the first to after the last message."""
        stamps = [stamp_ns for _, stamp_ns, _ in self.messages]
        return (max(stamps) - min(stamps)) // 10**9 + 1

    @property
    def bytes(self) -> int:
        """Of the messages alone."""
        return sum(len(data) for _, _, data in self.messages)


def load(bag: Path) -> Drive:
    """Read a recording of ours. Raises BagError, or InputError where it is no MCAP."""
    channels: dict[tuple[str, str], int] = {}
    kept: list[tuple[str, str, bytes, dict[str, str]]] = []
    messages = []
    for path in files_of(bag):
        if path.suffix != ".mcap":
            raise InputError(f"{path} is no MCAP.", "Give a recording of this suite.")
        with path.open("rb") as stream:
            for schema, channel, message in make_reader(stream).iter_messages():
                key = (channel.topic, schema.name)
                if key not in channels:
                    channels[key] = len(kept)
                    kept.append((channel.topic, schema.name, schema.data, dict(channel.metadata)))
                messages.append((channels[key], message.log_time, message.data))
    return Drive(recorded_info(bag), tuple(kept), tuple(messages))


def write(
    drive: Drive, folder: Path, by_s: int, robot: str, software: str = "", compression: str = "zstd", laps: int = 1
) -> Path:
    """One copy as a bag folder; `laps`: so many times the drive, one after the other."""
    folder.mkdir(parents=True)
    path = folder / f"{folder.name}_0.mcap"
    with path.open("wb") as stream:
        writer: Any = Writer(stream, chunk_size=1 << 20, compression=COMPRESSION[compression])
        writer.start(profile="ros2", library="physical_ai")
        info = {**drive.info, "robot_id": robot, **({"software": software} if software else {})}
        writer.add_metadata("physical_ai", info)
        numbers = []
        for topic, ros_type, definition, metadata in drive.channels:
            schema = writer.register_schema(ros_type, "ros2msg", definition)
            numbers.append(writer.register_channel(topic, "cdr", schema, metadata))
        for lap in range(laps):
            for channel, log_ns, data in _moved(drive, by_s + lap * drive.seconds):
                writer.add_message(numbers[channel], log_ns, data, log_ns)
        writer.finish()
    write_metadata(folder)
    return folder


def _moved(drive: Drive, by_s: int) -> Iterator[tuple[int, int, bytes]]:
    headed = [b"Header header" in definition.split(b"====")[0] for _, _, definition, _ in drive.channels]
    told = [ros_type == STRING for _, ros_type, _, _ in drive.channels]
    for channel, log_ns, data in drive.messages:
        made = data
        if headed[channel]:
            made = data[:4] + struct.pack("<i", struct.unpack_from("<i", data, 4)[0] + by_s) + data[8:]
        elif told[channel]:
            made = _retold(data, by_s)
        yield channel, log_ns + by_s * 10**9, made


def _retold(data: bytes, by_s: int) -> bytes:
    size = struct.unpack_from("<I", data, 4)[0]
    text = data[8 : 8 + size - 1].decode()
    moved = STAMP.sub(lambda found: f"{found[1]}{float(found[2]) + by_s!r}", text)
    body = moved.encode() + b"\0"
    return data[:4] + struct.pack("<I", len(body)) + body
