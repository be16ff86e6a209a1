"""What is sound of an MCAP file of which some bytes are wrong: every chunk but those that were hit.

Records are read one after the other by their lengths. A chunk is sound where its CRC is right; it names its length
twice, so that one of both may be wrong, and its opcode too. Any other record is sound where it is written again as
the same bytes. Behind what is not sound reading goes on where its length says, if a sound record lies there, else at
the next place at which one does. Schemas and channels are taken from the summary where its CRC is right.

Format: MCAP specification 0 (mcap.dev/spec).
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import lz4.frame
import zstandard
from mcap.data_stream import ReadDataStream, RecordBuilder
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import (
    Attachment,
    AttachmentIndex,
    Channel,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    Message,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)

MAGIC: Final = b"\x89MCAP0\r\n"
FOOTER_BYTES: Final = 9 + 20 + len(MAGIC)  # record head, footer, magic
MOST_BYTES: Final = 1 << 30  # of a chunk, uncompressed; a larger one is taken as damaged
LONGEST_NS: Final = 3600 * 10**9  # of a chunk; a longer one does not know its times
# Everything a cut or wrong byte can raise inside the mcap library and the decompressors.
BROKEN: Final = (
    McapError, struct.error, zstandard.ZstdError, zlib.error, ValueError, KeyError, RuntimeError, OverflowError,
    MemoryError,
)  # fmt: skip
_HEAD: Final = struct.Struct("<BQ")  # opcode, length
_CHUNK: Final = struct.Struct("<BQQQQI")  # opcode, length, start, end, uncompressed size, uncompressed crc
_FOOTER: Final = struct.Struct("<BQQQI")  # opcode, length, summary's start, its offsets' start, crc
_MESSAGE: Final = struct.Struct("<HIQQ")  # channel, sequence, log time, publish time
_NAMES: Final = (b"", b"zstd", b"lz4")
_CHUNK_LIKE: Final = re.compile(rb".{37}(?:\x04\0\0\0zstd|\x03\0\0\0lz4|\0\0\0\0)", re.DOTALL)
_RECORD_LIKE: Final = re.compile(rb"[\x01\x03\x04\x06\x07\x0c](?=.{5}\0\0\0)", re.DOTALL)  # shorter than 2^40 bytes
_KINDS: Final[dict[int, Any]] = {
    Opcode.HEADER: Header, Opcode.FOOTER: Footer, Opcode.SCHEMA: Schema, Opcode.CHANNEL: Channel,
    Opcode.CHUNK_INDEX: ChunkIndex, Opcode.ATTACHMENT: Attachment, Opcode.ATTACHMENT_INDEX: AttachmentIndex,
    Opcode.STATISTICS: Statistics, Opcode.METADATA: Metadata, Opcode.METADATA_INDEX: MetadataIndex,
    Opcode.SUMMARY_OFFSET: SummaryOffset, Opcode.DATA_END: DataEnd,
}  # fmt: skip


@dataclass(frozen=True)
class Lost:
    """A chunk that is not kept: where it began in the file, and from when to when its messages were recorded (ns),
    None where even that is not known."""

    at: int
    begin_ns: int | None = None
    end_ns: int | None = None


@dataclass(frozen=True)
class Summary:
    """Of a finished file whose summary's CRC is right."""

    schemas: tuple[Schema, ...]
    channels: tuple[Channel, ...]
    chunks: tuple[ChunkIndex, ...]


class Salvage:
    """Reads `content` (bytes or a map of a file). `lost` and `wrong_bytes` are told when the reading is at its end.

    `wrong_bytes`: of what is not sound, the end that a killed recorder left unfinished included. `differs`: something
    was repaired on the way, or stands otherwise in the summary.
    """

    def __init__(self, content: Any) -> None:
        self._content, self._size = content, len(content)
        self.summary = summary_of(content)
        self.lost: list[Lost] = []
        self.wrong_bytes = 0
        self.differs = content[: len(MAGIC)] != MAGIC or (self.summary is None and not _without_crc(content))
        self._found: list[int] = []  # where sound chunks begin
        self._suspects: list[Lost] = []

    def records(self) -> Iterator[Any]:
        """Schemas, channels, metadata and messages, in their order."""
        for piece in self.pieces():
            if isinstance(piece, bytes):
                yield from broken_up(piece)
            else:
                yield piece

    def pieces(self) -> Iterator[Any]:
        """Schemas, channels and metadata as records, chunks as the bytes that they hold."""
        if self.summary is not None:
            yield from self.summary.schemas
            yield from self.summary.channels
        at = min(len(MAGIC), self._size)
        while at < self._size:
            sound = self._sound(at)
            if sound is None:
                at = self._beyond(at)
                continue
            at, piece = sound
            if isinstance(piece, (DataEnd, Footer)):
                break
            if isinstance(piece, (Schema, Channel)) and self.summary is not None:
                self.differs |= piece not in (*self.summary.schemas, *self.summary.channels)
            elif isinstance(piece, (bytes, Schema, Channel, Metadata)):
                yield piece
        self._count()

    def _sound(self, at: int) -> tuple[int, Any] | None:
        """Where the record at `at` ends, and what it is; None for one that is not sound."""
        chunk = chunk_at(self._content, at)
        if chunk is None:
            return record_at(self._content, at)
        self._found.append(at)
        end, plain = chunk
        opcode, length = _HEAD.unpack_from(self._content, at)
        self.differs |= opcode != Opcode.CHUNK or end != at + _HEAD.size + length
        return end, plain

    def _beyond(self, at: int) -> int:
        """Where reading goes on behind what is not sound at `at`."""
        content, size = self._content, self._size
        self.differs = True
        ends = _ends(content, at)
        follow = [end for end in ends if end < size and (is_sound(content, end) or _is_magic(content, end))]
        beyond = follow[0] if follow else next(self._plausible(at + 1), size)
        whole = beyond < size or any(end <= size for end in ends)  # else an unfinished end
        if whole and (content[at] == Opcode.CHUNK or _CHUNK_LIKE.match(content, at)):
            self._suspects.append(Lost(at, *_times(content, at)))
        self.wrong_bytes += beyond - at
        return beyond

    def _plausible(self, begin: int) -> Iterator[int]:
        for found in _RECORD_LIKE.finditer(self._content, begin):
            if is_sound(self._content, found.start()):
                yield found.start()

    def _count(self) -> None:
        """Which chunks are lost: by the summary, else by what looked like one."""
        if self.summary is None:
            self.lost = self._suspects
            return
        found = set(self._found)
        self.lost = [
            Lost(chunk.chunk_start_offset, chunk.message_start_time, chunk.message_end_time)
            for chunk in self.summary.chunks
            if chunk.chunk_start_offset not in found
        ]


def summary_of(content: Any) -> Summary | None:
    """None where there is none, or its CRC is missing or wrong."""
    begin = len(content) - FOOTER_BYTES
    if begin < len(MAGIC):
        return None
    opcode, length, start, _, crc = _FOOTER.unpack_from(content, begin)
    if (opcode, length) != (Opcode.FOOTER, 20) or crc == 0 or not 0 < start <= begin:
        return None
    if zlib.crc32(content[start : begin + 25]) != crc:
        return None
    found: list[Any] = []
    while start < begin:
        record = record_at(content, start)
        if record is None:
            return None
        start = record[0]
        found.append(record[1])
    return Summary(
        tuple(r for r in found if isinstance(r, Schema)), tuple(r for r in found if isinstance(r, Channel)),
        tuple(r for r in found if isinstance(r, ChunkIndex)),
    )  # fmt: skip


def _without_crc(content: Any) -> bool:
    """Whether the footer at the end is whole and names no CRC, as some tools write it."""
    begin = len(content) - FOOTER_BYTES
    if begin < len(MAGIC):
        return False
    opcode, length, _, _, crc = _FOOTER.unpack_from(content, begin)
    return (opcode, length, crc) == (Opcode.FOOTER, 20, 0) and _is_magic(content, begin + 29)


def chunk_at(content: Any, at: int, strict: bool = False) -> tuple[int, bytes] | None:
    """End and plain bytes of the chunk at `at`, whatever its opcode; None where no length makes its CRC right.

    `strict`: opcode and both lengths have to be right.
    """
    if not _CHUNK_LIKE.match(content, at):
        return None
    opcode, _, _, _, size, crc = _CHUNK.unpack_from(content, at)
    name, ends = _compression(content, at), _ends(content, at)
    exact = opcode == Opcode.CHUNK and len(set(ends)) == 1
    if size > MOST_BYTES or ((strict or crc == 0) and not exact):
        return None
    begin = at + _CHUNK.size + 4 + len(name) + 8
    for end in dict.fromkeys(ends):
        if begin <= end <= len(content):
            plain = _inflated(name, content[begin:end], size)
            if plain is not None and (crc == 0 or zlib.crc32(plain) == crc):
                return end, plain
    return None


def record_at(content: Any, at: int) -> tuple[int, Any] | None:
    """End and record at `at`; the record is None where its kind says nothing here. None where it is not sound."""
    if at + _HEAD.size > len(content):
        return None
    opcode, length = _HEAD.unpack_from(content, at)
    begin, end = at + _HEAD.size, at + _HEAD.size + length
    if end > len(content):
        return None
    if opcode == Opcode.MESSAGE_INDEX:
        sound = length >= 6 and struct.unpack_from("<I", content, begin + 2)[0] == length - 6 and (length - 6) % 16 == 0
        return (end, None) if sound else None
    kind = _KINDS.get(opcode)
    if kind is None:
        return None
    body = bytes(content[begin:end])
    try:
        record = kind.read(ReadDataStream(io.BytesIO(body)))
        builder = RecordBuilder()
        record.write(builder)
        same = builder.end() == _HEAD.pack(opcode, length) + body
    except BROKEN:
        return None
    return (end, record) if same else None


def is_sound(content: Any, at: int) -> bool:
    """Whether a record begins at `at`."""
    return (chunk_at(content, at, strict=True) or record_at(content, at)) is not None


def broken_up(plain: bytes) -> Iterator[Any]:
    """Records of a chunk's bytes."""
    at = 0
    while at + _HEAD.size <= len(plain):
        opcode, length = _HEAD.unpack_from(plain, at)
        at += _HEAD.size
        if opcode == Opcode.MESSAGE and length >= _MESSAGE.size:
            channel, sequence, log_ns, publish_ns = _MESSAGE.unpack_from(plain, at)
            yield Message(channel, log_ns, plain[at + _MESSAGE.size : at + length], publish_ns, sequence)
        elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
            yield _KINDS[opcode].read(ReadDataStream(io.BytesIO(plain[at : at + length])))
        at += length


def _compression(content: Any, at: int) -> bytes:
    """As `_CHUNK_LIKE` found it."""
    (length,) = struct.unpack_from("<I", content, at + _CHUNK.size)
    return bytes(content[at + _CHUNK.size + 4 : at + _CHUNK.size + 4 + length])


def _ends(content: Any, at: int) -> list[int]:
    """Where the record at `at` may end: by its length, and for what looks like a chunk by that of its content."""
    if at + _HEAD.size > len(content):
        return []
    ends = [at + _HEAD.size + _HEAD.unpack_from(content, at)[1]]
    if _CHUNK_LIKE.match(content, at):
        begin = at + _CHUNK.size + 4 + len(_compression(content, at)) + 8
        if begin <= len(content):
            ends.append(begin + struct.unpack_from("<Q", content, begin - 8)[0])
    return ends


def _inflated(name: bytes, stored: bytes, size: int) -> bytes | None:
    """None where `stored` is not one whole frame, to its last byte, of `size` bytes."""
    if not name:
        return stored if len(stored) == size else None
    try:
        if name == b"zstd":
            if zstandard.get_frame_parameters(stored).content_size not in (size, zstandard.CONTENTSIZE_UNKNOWN):
                return None
            frame: Any = zstandard.ZstdDecompressor().decompressobj()
            plain = bytes(frame.decompress(stored))
        else:
            frame = lz4.frame.LZ4FrameDecompressor()
            plain = bytes(frame.decompress(stored, max_length=size + 1))
    except BROKEN:
        return None
    return plain if frame.eof and not frame.unused_data and len(plain) == size else None


def _is_magic(content: Any, at: int) -> bool:
    return at == len(content) - len(MAGIC) and content[at:] == MAGIC


def _times(content: Any, at: int) -> tuple[int | None, int | None]:
    if at + _CHUNK.size > len(content):
        return None, None
    _, _, begin_ns, end_ns, _, _ = _CHUNK.unpack_from(content, at)
    return (begin_ns, end_ns) if begin_ns <= end_ns <= begin_ns + LONGEST_NS else (None, None)
