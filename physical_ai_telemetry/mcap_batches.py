"""Reading MCAP files by whole chunks: each channel's serialized messages as they lie in the file, nothing copied.

The `mcap` library makes three objects a message; here a chunk is decompressed once and messages are views into it.
What the file's index would say is not needed, so that a file that was recovered or written by others reads alike.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import lz4.frame
import zstandard

from physical_ai_core.errors import BagError

MAGIC: Final = b"\x89MCAP0\r\n"
SCHEMA, CHANNEL, MESSAGE, CHUNK = 3, 4, 5, 6
MOST_CHUNK_BYTES: Final = 1 << 30
_HEAD: Final = struct.Struct("<BQ")
_MESSAGE: Final = struct.Struct("<BQHIQ")  # opcode, length, channel, sequence, log time; publish time follows
_DATA: Final = 31  # bytes from a message record's begin to its data
_CHUNK: Final = struct.Struct("<QQQII")
_FAILS: Final = (struct.error, zstandard.ZstdError, RuntimeError, UnicodeDecodeError, IndexError, KeyError, ValueError)


@dataclass(frozen=True)
class Channel:
    """One connection of a file: its topic, message type, how messages are encoded, and the type's definition."""

    topic: str
    ros_type: str
    encoding: str
    definition: str


@dataclass(frozen=True)
class Batch:
    """Messages of one channel in the file's order; `log_ns` when each was recorded."""

    log_ns: list[int] = field(default_factory=list)
    payloads: list[memoryview] = field(default_factory=list)


Batches = dict[Channel, Batch]


def batches(path: Path, wanted: Callable[[Channel], bool], batch_bytes: int = 32 << 20) -> Iterator[Batches]:
    """Messages of the wanted channels, about `batch_bytes` of decompressed file at a time.

    Raises BagError for what is no MCAP, for a file that was cut, and for a damaged chunk.
    """
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield from _Reader(mapped, wanted, batch_bytes).read()
    except (OSError, *_FAILS) as error:
        raise BagError(
            f"The file {path} cannot be read: {error}.", "recover() keeps what is whole of an unfinished recording."
        ) from error


class _Reader:
    def __init__(self, data: Any, wanted: Callable[[Channel], bool], batch_bytes: int) -> None:
        self._data, self._wanted, self._batch_bytes = data, wanted, batch_bytes
        self._schemas: dict[int, tuple[str, str]] = {}
        self._channels: dict[int, Channel | None] = {}  # None: not wanted
        self._found: dict[int, Batch] = {}

    def read(self) -> Iterator[Batches]:
        data = self._data
        if data[: len(MAGIC)] != MAGIC:
            raise ValueError("it does not begin as an MCAP does")
        if data[-len(MAGIC) :] != MAGIC:
            raise ValueError("its end is missing")
        position, end, held = len(MAGIC), len(data) - len(MAGIC), 0
        while position < end:
            opcode, length = _HEAD.unpack_from(data, position)
            start, position = position + _HEAD.size, position + _HEAD.size + length
            if position > end:
                raise ValueError(f"a record at byte {start} reaches beyond its end")
            if opcode == CHUNK:
                held += self._records(self._chunk(start, position))
            elif opcode in (SCHEMA, CHANNEL, MESSAGE):
                held += self._records(data[start - _HEAD.size : position])
            if held >= self._batch_bytes:
                yield self._take()
                held = 0
        if self._found:
            yield self._take()

    def _take(self) -> Batches:
        found, self._found = self._found, {}
        taken: Batches = {}
        for number, batch in found.items():
            channel = self._channels[number]
            assert channel is not None
            if channel in taken:  # the same connection, announced twice
                taken[channel].log_ns.extend(batch.log_ns)
                taken[channel].payloads.extend(batch.payloads)
            else:
                taken[channel] = batch
        return taken

    def _chunk(self, start: int, end: int) -> bytes:
        _, _, size, crc, name_size = _CHUNK.unpack_from(self._data, start)
        begin = start + _CHUNK.size + name_size
        name = self._data[start + _CHUNK.size : begin].decode()
        packed = self._data[begin + 8 : end]
        return decompressed(name, packed, size, crc, start)

    def _records(self, plain: bytes) -> int:
        """Sort the records of a chunk. Returns the bytes that now wait."""
        view, position, end = memoryview(plain), 0, len(plain)
        found, channels, unpack, size = self._found, self._channels, _MESSAGE.unpack_from, _MESSAGE.size
        while position < end:
            if position + size <= end and plain[position] == MESSAGE:
                _, length, number, _, log_ns = unpack(plain, position)
                batch = found.get(number)
                if batch is None and channels[number] is not None:
                    batch = found[number] = Batch()
                if batch is not None:
                    batch.log_ns.append(log_ns)
                    batch.payloads.append(view[position + _DATA : position + 9 + length])
            else:
                opcode, length = _HEAD.unpack_from(plain, position)
                self._announce(opcode, plain[position + 9 : position + 9 + length])
            position += 9 + length
        if position != end:
            raise ValueError("a record reaches beyond its chunk")
        return end

    def _announce(self, opcode: int, body: bytes) -> None:
        if opcode == SCHEMA:
            number = struct.unpack_from("<H", body)[0]
            name, at = _text(body, 2)
            _, at = _text(body, at)
            definition, _ = _text(body, at)
            self._schemas[number] = (name, definition)
        elif opcode == CHANNEL:
            number, schema = struct.unpack_from("<HH", body)
            topic, at = _text(body, 4)
            encoding, _ = _text(body, at)
            ros_type, definition = self._schemas.get(schema, ("", ""))
            channel = Channel(topic, ros_type, encoding, definition)
            self._channels[number] = channel if self._wanted(channel) else None


def decompressed(name: str, packed: bytes, size: int, crc: int, at: int) -> bytes:
    """The records of a chunk that is compressed by `name` and begins at byte `at` of its file.

    Raises ValueError, or what the decompressor says of damaged bytes.
    """
    if size > MOST_CHUNK_BYTES:
        raise ValueError(f"a chunk says that it holds {size} bytes")
    if name == "zstd":
        plain = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
    elif name == "lz4":
        plain = lz4.frame.decompress(packed)
    elif name == "":
        plain = packed
    else:
        raise ValueError(f"it is compressed by '{name}', which nobody here knows")
    if len(plain) != size or (crc and zlib.crc32(plain) != crc):
        raise ValueError(f"the chunk at byte {at} is damaged")
    return bytes(plain)


def _text(body: bytes, at: int) -> tuple[str, int]:
    size = struct.unpack_from("<I", body, at)[0]
    return body[at + 4 : at + 4 + size].decode("utf-8", "replace"), at + 4 + size
