"""CDR, the wire form of ROS 2 messages, by whole batches: one numpy layout for all messages of the same lengths.

A message type is a tree of primitives, strings, arrays and sequences. Once every string and sequence has a length, each
field stands at a fixed offset, so that a thousand messages are decoded by one view each field. The layout is read off
the first message; the others that share its size are compared with it at the places of their length prefixes only.

Source: OMG DDS-XTypes, plain CDR version 1 (little endian, alignment up to 8, counted from after the 4-byte header).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rosbags.typesys import get_types_from_msg

HEADER: Final = b"\x00\x01\x00\x00"  # plain CDR, little endian
REST: Final = ".rest"  # all structs of a sequence but the first, as one array
MANY: Final = 8  # structs of a sequence from which on they are looked at as one array
MOST_LAYOUTS: Final = 64  # remembered of one size of message
MOST_FIELDS: Final = 20_000  # of one layout; a message of more structs than this is no case for columns
_SIZES: Final = {
    "bool": "u1", "byte": "u1", "char": "u1", "octet": "u1", "int8": "i1", "uint8": "u1", "int16": "<i2",
    "uint16": "<u2", "int32": "<i4", "uint32": "<u4", "int64": "<i8", "uint64": "<u8", "float32": "<f4",
    "float64": "<f8",
}  # fmt: skip
_LENGTH: Final = struct.Struct("<I")
_BASE, _NAME, _ARRAY, _SEQUENCE = 1, 2, 3, 4  # node types of rosbags' field descriptions
Fields = Mapping[str, Any]


class NoLayout(Exception):
    """A message that no layout fits: cut, of another encoding, or of a kind that columns do not serve."""


@lru_cache(maxsize=256)
def fields_of(definition: str, ros_type: str) -> Fields:
    """Field descriptions of a message type and all it is made of, from the text embedded in a recording."""
    try:
        return {name: description[1] for name, description in get_types_from_msg(definition, ros_type).items()}
    except Exception as error:  # the parser raises whatever its grammar met
        raise NoLayout(f"the definition of {ros_type} cannot be read: {error}") from error


@dataclass
class Layout:
    """Where each field stands, counted from after the encapsulation header. Nested names are joined by dots.

    Structs of a sequence stand under their index (`fields.0.name`), or, where many follow at the same distance, all
    but the first as one array of structs (`poses.0.header`, `poses.rest`).
    """

    names: list[str] = field(default_factory=list)
    formats: list[Any] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    lengths: list[tuple[int, int]] = field(default_factory=list)  # offset of each length prefix and what it says
    counts: dict[str, int] = field(default_factory=dict)  # elements of each sequence
    size: int = 0

    def dtype(self, whole: int) -> np.dtype[Any]:
        """Of messages of `whole` bytes, header included."""
        offsets = [len(HEADER) + at for at in self.offsets]
        ends = [at + np.dtype(form).itemsize for at, form in zip(offsets, self.formats, strict=True)]
        return np.dtype(
            {"names": self.names, "formats": self.formats, "offsets": offsets, "itemsize": max([whole, *ends])}
        )

    def prefixes(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Bytes (P, 4) of a message that hold its lengths, and what they say."""
        places = np.array([at for at, _ in self.lengths], dtype=np.int64)[:, None] + len(HEADER) + np.arange(4)
        return places, np.array([length for _, length in self.lengths], dtype="<u4").view(np.uint8).reshape(-1, 4)


def layout_of(types: Fields, ros_type: str, body: bytes) -> Layout:
    """The layout that one message's lengths give. Raises NoLayout where the message ends too early."""
    made = Layout()
    try:
        _lay_struct(types, ros_type, "", body, made)
    except (struct.error, KeyError, RecursionError) as error:
        raise NoLayout(str(error)) from error
    if made.size > len(body):
        raise NoLayout(f"{made.size} bytes are needed and {len(body)} there")
    return made


def _lay_struct(types: Fields, ros_type: str, prefix: str, body: bytes, made: Layout) -> None:
    for name, description in types[ros_type]:
        _lay(types, description, f"{prefix}{name}", body, made)


def _lay(types: Fields, description: Any, name: str, body: bytes, made: Layout) -> None:
    kind, detail = int(description[0]), description[1]
    if kind == _NAME:
        _lay_struct(types, detail, f"{name}.", body, made)
    elif kind == _BASE:
        if detail[0] == "string":
            length = _prefix(body, made)
            _place(made, name, f"V{max(length - 1, 0)}", 1, length)
        else:
            _place(made, name, _format(detail[0]), np.dtype(_format(detail[0])).itemsize)
    else:
        element, count = detail[0], int(detail[1])
        if kind == _SEQUENCE:
            count = made.counts[name] = _prefix(body, made)
        if int(element[0]) == _BASE and element[1][0] != "string":
            form = np.dtype(_format(element[1][0]))
            if count or kind == _ARRAY:
                _place(made, name, (form, (count,)), form.itemsize, count * form.itemsize)
            return
        if count > MOST_FIELDS:
            raise NoLayout(f"{count} elements of {name}")
        many = count >= MANY and int(element[0]) == _NAME
        if many:  # the first stands by itself: what follows it may begin at another alignment
            _lay(types, element, f"{name}.0", body, made)
            if _lay_rest(types, element[1], name, count - 1, body, made):
                return
        for index in range(int(many), count):
            _lay(types, element, f"{name}.{index}", body, made)


def _lay_rest(types: Fields, ros_type: str, name: str, count: int, body: bytes, made: Layout) -> bool:
    """Structs as one array, where this message has all of them at one distance. False: it has not."""
    first = Layout(size=made.size)
    _lay_struct(types, ros_type, "", body, first)
    second = Layout(size=first.size)
    _lay_struct(types, ros_type, "", body, second)
    stride, start = second.offsets[0] - first.offsets[0], first.offsets[0]
    lengths = [(at + k * stride, length) for k in range(count) for at, length in first.lengths]
    if [at - stride for at in second.offsets] != first.offsets or stride % 8 or first.counts != second.counts:
        return False
    if any(body[at : at + 4] != _LENGTH.pack(length) for at, length in lengths):
        return False
    offsets = [at - start for at in first.offsets]
    form = np.dtype({"names": first.names, "formats": first.formats, "offsets": offsets, "itemsize": stride})
    made.lengths += lengths
    made.names.append(name + REST)
    made.formats.append((form, (count,)))
    made.offsets.append(start)
    made.size = first.size + (count - 1) * stride
    return True


def _format(primitive: str) -> str:
    try:
        return _SIZES[primitive]
    except KeyError as error:
        raise NoLayout(f"{primitive} has no layout") from error


def _prefix(body: bytes, made: Layout) -> int:
    at = -(-made.size // 4) * 4
    length = int(_LENGTH.unpack_from(body, at)[0])
    if length > len(body):
        raise NoLayout(f"a length of {length} in {len(body)} bytes")
    made.lengths.append((at, length))
    made.size = at + 4
    return length


def _place(made: Layout, name: str, form: Any, align: int, size: int | None = None) -> None:
    at = -(-made.size // align) * align
    made.names.append(name)
    made.formats.append(form)
    made.offsets.append(at)
    made.size = at + (np.dtype(form).itemsize if size is None else size)
    if len(made.names) > MOST_FIELDS:
        raise NoLayout("too many fields")


class Block:
    """Messages of one layout. `index` says which of the batch they are."""

    def __init__(self, index: NDArray[np.int64], rows: NDArray[np.void], counts: Mapping[str, int]) -> None:
        self.index, self._rows, self._counts = index, rows, counts

    def __len__(self) -> int:
        return len(self.index)

    def count(self, name: str) -> int:
        """Elements of a sequence, the same in every message."""
        return self._counts[name]

    def has(self, name: str) -> bool:
        return name in (self._rows.dtype.names or ())

    def values(self, name: str) -> NDArray[Any]:
        """A primitive field (N,), an array or a sequence of primitives (N, K)."""
        if name in self._counts and not self._counts[name]:
            return np.empty((len(self), 0))
        return np.ascontiguousarray(self._rows[name])

    def texts(self, name: str) -> list[str]:
        """A string field of every message. Raises UnicodeDecodeError."""
        column = np.ascontiguousarray(self._rows[name])
        width = column.dtype.itemsize
        if not width:
            return [""] * len(self)
        raw = column.tobytes()
        first = raw[:width]
        if raw == first * len(self):
            return [first.decode()] * len(self)
        return [raw[at : at + width].decode() for at in range(0, len(raw), width)]

    def text(self, name: str) -> pa.Array:
        """The same as an Arrow array."""
        found = self.texts(name)
        return pa.repeat(found[0], len(found)) if found and found.count(found[0]) == len(found) else pa.array(found)

    def each(self, name: str, part: str) -> NDArray[Any]:
        """A primitive field (N, K) of the K structs of a sequence."""
        if self.has(name + REST):
            first = self.values(f"{name}.0.{part}")
            return np.concatenate([first[:, None], self._rows[name + REST][part]], axis=1)
        return np.stack([self.values(f"{name}.{index}.{part}") for index in range(self.count(name))], axis=1)


class BlockReader:
    """Sorts the messages of one channel into blocks; remembers layouts from batch to batch."""

    def __init__(self, definition: str, ros_type: str) -> None:
        self._types = fields_of(definition, ros_type)
        self._ros_type = ros_type
        self._known: dict[int, list[_Known]] = {}  # by size of the message

    def blocks(self, payloads: Sequence[memoryview]) -> Iterator[Block]:
        """Every message once. Raises NoLayout when one has none."""
        sizes = np.fromiter(map(len, payloads), dtype=np.int64, count=len(payloads))
        for size in np.unique(sizes).tolist():
            index = np.flatnonzero(sizes == size)
            if size < len(HEADER):
                raise NoLayout(f"a message of {size} bytes")
            joined = b"".join([payloads[i] for i in index.tolist()] if len(index) < len(payloads) else payloads)
            whole = np.frombuffer(joined, dtype=np.uint8).reshape(len(index), size)
            if (whole[:, : len(HEADER)] != np.frombuffer(HEADER, dtype=np.uint8)).any():
                raise NoLayout("another encapsulation than little-endian CDR")
            yield from self._same_size(index, whole)

    def _same_size(self, index: NDArray[np.int64], whole: NDArray[np.uint8]) -> Iterator[Block]:
        size = whole.shape[1]
        known = self._known.setdefault(size, [])
        tried = 0
        while len(index):
            if tried == len(known):
                made = layout_of(self._types, self._ros_type, whole[0, len(HEADER) :].tobytes())
                known.append(_Known(made.dtype(size), *made.prefixes(), made.counts))
            layout = known[tried]
            tried += 1
            if len(known) > MOST_LAYOUTS:  # strings of ever new lengths: forget the oldest
                known.pop(0)
                tried -= 1
            fits = (whole[:, layout.places] == layout.says).all(axis=(1, 2))
            if fits.any():
                yield Block(index[fits], _rows(whole if fits.all() else whole[fits], layout.form), layout.counts)
                index, whole = index[~fits], whole[~fits]


class _Known(NamedTuple):
    form: np.dtype[Any]
    places: NDArray[np.int64]
    says: NDArray[np.uint8]
    counts: Mapping[str, int]


def _rows(whole: NDArray[np.uint8], form: np.dtype[Any]) -> NDArray[np.void]:
    if form.itemsize > whole.shape[1]:  # an array of structs whose last has no padding behind it
        whole = np.pad(whole, ((0, 0), (0, form.itemsize - whole.shape[1])))
    rows: NDArray[np.void] = np.ndarray(len(whole), form, np.ascontiguousarray(whole).data)
    return rows
