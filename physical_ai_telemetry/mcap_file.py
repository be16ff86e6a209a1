"""An MCAP file written by whole chunks, with as little Python a message as there can be.

The `mcap` library writes this format too, and its records are used here for all that is written once a file. What
differs is the way of a message: its head is packed in one call, its bytes are not touched again until the chunk
is closed, and a large message that does not compress (a picture) goes to the disk as it is, in a chunk of its own.

Format: MCAP specification 0 (mcap.dev/spec). Sections: schemas and channels before the first chunk that needs them,
chunks each followed by the indexes of their messages, metadata, then the summary.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from io import FileIO
from typing import Any, Final

import lz4.frame
import zstandard
from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    Channel,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)

MAGIC: Final = b"\x89MCAP0\r\n"
LARGE_BYTES: Final = 64_000  # a message from this size on has a chunk of its own
WORTH_IT: Final = 0.9  # a large message is compressed when a piece of it comes out smaller than this share
PIECE_BYTES: Final = 16_384
LEVEL: Final = 1  # of zstd: half the time of 3, about 3 % larger
_MESSAGE: Final = struct.Struct("<BQHIQQ")  # opcode, length, channel, sequence, log time, publish time
_MESSAGE_BYTES: Final = 2 + 4 + 8 + 8
_CHUNK: Final = struct.Struct("<BQQQQI")  # opcode, length, start, end, uncompressed size, uncompressed crc
_INDEX: Final = struct.Struct("<BQHI")  # opcode, length, channel, bytes of its records


class McapFile:
    """Writer on an open, unbuffered file. Every method raises OSError when the disk refuses."""

    def __init__(self, stream: FileIO, library: str, compression: str, chunk_bytes: int) -> None:
        self._stream, self._chunk_bytes, self._compression = stream, chunk_bytes, compression
        self._compress = _compressor(compression)
        self._at = 0  # bytes in the file
        self._schemas: list[Schema] = []
        self._channels: list[Channel] = []
        self._chunks: list[ChunkIndex] = []
        self._notes: list[MetadataIndex] = []
        self._counts: dict[int, int] = {}
        self._begin_ns = self._end_ns = 0
        # the open chunk
        self._parts: list[bytes] = []
        self._size = 0
        self._offsets: dict[int, list[int]] = {}  # channel -> log time, offset, log time, offset, …
        self._write(MAGIC)
        self._put(Header(profile="ros2", library=library))

    def size(self) -> int:
        """Bytes in the file; the open chunk is not among them."""
        return self._at

    def register_schema(self, name: str, encoding: str, data: bytes) -> int:
        number = len(self._schemas) + 1
        schema = Schema(id=number, name=name, encoding=encoding, data=data)
        self._put(schema)
        self._schemas.append(schema)
        return number

    def register_channel(self, topic: str, encoding: str, schema_id: int, metadata: Mapping[str, str]) -> int:
        number = len(self._channels) + 1
        channel = Channel(
            id=number, topic=topic, message_encoding=encoding, schema_id=schema_id, metadata=dict(metadata)
        )
        self._put(channel)
        self._channels.append(channel)
        self._counts[number] = 0
        self._offsets[number] = []
        return number

    def add_message(self, channel: int, log_ns: int, data: bytes, publish_ns: int) -> None:
        """Append one message; it is in the file after the next `flush`, or when the chunk is full."""
        length = len(data)
        head = _MESSAGE.pack(Opcode.MESSAGE, _MESSAGE_BYTES + length, channel, 0, log_ns, publish_ns)
        if length >= LARGE_BYTES:
            self._write_chunk([head, data], len(head) + length, {channel: [log_ns, 0]}, self._is_worth_it(data))
            return
        self._parts += (head, data)
        self._offsets[channel] += (log_ns, self._size)
        self._size += len(head) + length
        if self._size >= self._chunk_bytes:
            self.flush()

    def add_metadata(self, name: str, values: Mapping[str, str]) -> None:
        at = self._at
        self._put(Metadata(name=name, metadata=dict(values)))
        self._notes.append(MetadataIndex(offset=at, length=self._at - at, name=name))

    def flush(self) -> None:
        """Close the open chunk and hand it to the operating system."""
        if not self._parts:
            return
        parts, self._parts = self._parts, []
        size, self._size = self._size, 0
        offsets = {channel: found for channel, found in self._offsets.items() if found}
        for channel in offsets:
            self._offsets[channel] = []
        self._write_chunk([b"".join(parts)], size, offsets, True)

    def finish(self) -> None:
        """Write what is open, the summary and the footer."""
        self.flush()
        self._put(DataEnd(0))
        start = self._at
        summary, offsets = RecordBuilder(), RecordBuilder()
        groups: Sequence[tuple[Opcode, Sequence[Any]]] = (
            (Opcode.SCHEMA, self._schemas),
            (Opcode.CHANNEL, self._channels),
            (Opcode.STATISTICS, [self._statistics()]),
            (Opcode.CHUNK_INDEX, self._chunks),
            (Opcode.METADATA_INDEX, self._notes),
        )
        for opcode, records in groups:
            begin = summary.count
            for record in records:
                record.write(summary)
            if records:
                length = summary.count - begin
                SummaryOffset(group_opcode=opcode, group_start=start + begin, group_length=length).write(offsets)
        offsets_start = start + summary.count
        content = summary.end() + offsets.end()
        head = struct.pack("<BQQQ", Opcode.FOOTER, 8 + 8 + 4, start, offsets_start)
        self._write(content)
        self._put(Footer(start, offsets_start, zlib.crc32(head, zlib.crc32(content))))
        self._write(MAGIC)

    # --- bytes ---

    def _write_chunk(self, parts: list[bytes], size: int, offsets: dict[int, list[int]], compressed: bool) -> None:
        crc = 0
        for part in parts:
            crc = zlib.crc32(part, crc)
        begin_ns = min(min(found[::2]) for found in offsets.values())
        end_ns = max(max(found[::2]) for found in offsets.values())
        name = self._compression if compressed and self._compression != "none" else ""
        stored = [self._compress(b"".join(parts))] if name else parts
        stored_bytes = sum(map(len, stored))
        compression = struct.pack("<I", len(name)) + name.encode()
        length = _CHUNK.size - 9 + len(compression) + 8 + stored_bytes
        head = _CHUNK.pack(Opcode.CHUNK, length, begin_ns, end_ns, size, crc) + compression
        at = self._at
        indexes, places = [], {}
        place = at + 9 + length
        for channel, found in offsets.items():
            body = struct.pack(f"<{len(found)}Q", *found)
            indexes.append(_INDEX.pack(Opcode.MESSAGE_INDEX, 6 + len(body), channel, len(body)) + body)
            places[channel] = place
            place += len(indexes[-1])
        self._write(head + struct.pack("<Q", stored_bytes), *stored, *indexes)
        first = not self._chunks
        self._begin_ns = begin_ns if first else min(self._begin_ns, begin_ns)
        self._end_ns = max(self._end_ns, end_ns)
        for channel, found in offsets.items():
            self._counts[channel] += len(found) // 2
        self._chunks.append(
            ChunkIndex(
                message_start_time=begin_ns,
                message_end_time=end_ns,
                chunk_start_offset=at,
                chunk_length=9 + length,
                message_index_offsets=places,
                message_index_length=sum(map(len, indexes)),
                compression=name,
                compressed_size=stored_bytes,
                uncompressed_size=size,
            )
        )

    def _is_worth_it(self, data: bytes) -> bool:
        """Whether a large message compresses, by a piece from its middle."""
        if self._compression == "none":
            return False
        middle = len(data) // 2
        piece = data[middle : middle + PIECE_BYTES]
        return len(self._compress(piece)) < WORTH_IT * len(piece)

    def _statistics(self) -> Statistics:
        return Statistics(
            attachment_count=0,
            channel_count=len(self._channels),
            channel_message_counts={channel: count for channel, count in self._counts.items() if count},
            chunk_count=len(self._chunks),
            message_count=sum(self._counts.values()),
            metadata_count=len(self._notes),
            message_start_time=self._begin_ns,
            message_end_time=self._end_ns,
            schema_count=len(self._schemas),
        )

    def _put(self, record: Any) -> None:
        builder = RecordBuilder()
        record.write(builder)
        self._write(builder.end())

    def _write(self, *parts: bytes) -> None:
        """All of it in as few calls as the system takes; a disk that takes a part only is asked again, and raises."""
        total = sum(map(len, parts))
        written = os.writev(self._stream.fileno(), parts) if len(parts) <= MOST_PARTS else 0
        if written < total:
            rest = memoryview(b"".join(parts))[written:]
            while rest:
                count = self._stream.write(rest)
                rest = rest[count or 0 :]
        self._at += total


MOST_PARTS: Final = 512  # below IOV_MAX of every system


def _compressor(name: str) -> Callable[[bytes], bytes]:
    if name == "zstd":
        return zstandard.ZstdCompressor(level=LEVEL).compress
    if name == "lz4":
        return _lz4
    return bytes


def _lz4(data: bytes) -> bytes:
    return bytes(lz4.frame.compress(data))
