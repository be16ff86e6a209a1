"""Messages of one indexed MCAP file in the order of their recording, a chunk at a time.

The same order as that of `rosbags`: by log time, then by chunk, then as they lie in the chunk; at a tenth of its cost a
message. What has no index is left to the other readers.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from mcap.exceptions import McapError
from mcap.reader import make_reader

from physical_ai_telemetry.mcap_batches import MESSAGE, decompressed

_HEAD: Final = struct.Struct("<BQ")
_MESSAGE: Final = struct.Struct("<BQHIQ")  # opcode, length, channel, sequence, log time; publish time follows
_DATA: Final = 31  # bytes from a message record's begin to its data


class Ordered(NamedTuple):
    """What `messages` needs: the file's chunks in the order of their begins, and topics by channel."""

    path: Path
    chunks: tuple[Any, ...]
    topics: dict[int, str]


def ordered(path: Path) -> Ordered | None:
    """None where the file is no MCAP with an index of chunks."""
    try:
        with path.open("rb") as stream:
            summary = make_reader(stream).get_summary()
    except (McapError, ValueError, IndexError, OSError, struct.error):
        return None
    if summary is None or not summary.chunk_indexes or summary.statistics is None:
        return None
    if any(not chunk.message_index_offsets for chunk in summary.chunk_indexes):
        return None
    chunks = sorted(summary.chunk_indexes, key=lambda chunk: (chunk.message_start_time, chunk.chunk_start_offset))
    return Ordered(path, tuple(chunks), {number: channel.topic for number, channel in summary.channels.items()})


def messages(file: Ordered, topics: Collection[str]) -> Iterator[tuple[int, str, bytes]]:
    """(log time ns, topic, serialized message). Raises ValueError or what a decompressor says of a damaged chunk."""
    wanted = {number: topic for number, topic in file.topics.items() if topic in topics}
    chunks = [chunk for chunk in file.chunks if any(number in wanted for number in chunk.message_index_offsets)]
    waiting: list[tuple[int, int, str, bytes]] = []
    with file.path.open("rb") as stream:
        for index, chunk in enumerate(chunks):
            waiting += _of_chunk(stream, chunk, wanted)
            waiting.sort(key=itemgetter(0, 1))
            last = index + 1 == len(chunks)
            until_ns = waiting[-1][0] + 1 if last and waiting else 0 if last else chunks[index + 1].message_start_time
            ready = next((at for at, one in enumerate(waiting) if one[0] >= until_ns), len(waiting))
            for log_ns, _, topic, body in waiting[:ready]:
                yield log_ns, topic, body
            del waiting[:ready]


def _of_chunk(stream: BinaryIO, chunk: Any, wanted: dict[int, str]) -> list[tuple[int, int, str, bytes]]:
    plain, place = _plain(stream, chunk), chunk.chunk_start_offset
    found: list[tuple[int, int, str, bytes]] = []
    position, end, unpack, size = 0, len(plain), _MESSAGE.unpack_from, _MESSAGE.size
    while position < end:
        if plain[position] == MESSAGE and position + size <= end:
            _, length, number, _, log_ns = unpack(plain, position)
            topic = wanted.get(number)
            if topic is not None:
                found.append((log_ns, place, topic, plain[position + _DATA : position + 9 + length]))
        else:
            _, length = _HEAD.unpack_from(plain, position)
        position += 9 + length
    if position != end:
        raise ValueError("a record reaches beyond its chunk")
    return found


def _plain(stream: BinaryIO, chunk: Any) -> bytes:
    """The chunk's records."""
    stream.seek(chunk.chunk_start_offset + 9 + 24)
    crc = struct.unpack("<I", stream.read(4))[0]
    stream.seek(chunk.chunk_start_offset + 9 + 40 + len(chunk.compression))
    packed = stream.read(chunk.compressed_size)
    return decompressed(chunk.compression, packed, chunk.uncompressed_size, crc, chunk.chunk_start_offset)
