"""What a replay said, field by field, kept small and with the hash of its very bits.

Every payload is taken apart into numbers and texts under dotted paths (`interventions.0.numbers.distance_m`). Numbers
inside a text are taken out of it (`path#`), so that they get tolerances too. A long array is kept as a sketch.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import zlib
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from physical_ai_bench.regression.mail import Letter
from physical_ai_bench.regression.tolerances import Tolerances
from physical_ai_core import messages as m
from physical_ai_core.reports import Verdict

NUMBER: Final = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w])")
BATCH: Final = 256  # messages of a topic that are taken apart together
FREQUENT: Final = frozenset((m.Odometry, m.Twist, m.Pose, m.Objects, m.Scalar, m.Flag, m.Whole, Verdict))
DOUBLE: Final = np.dtype(np.float64)
HOLE: Final = "#"  # where a number stood in a text, and the end of the path of such numbers


@dataclass(frozen=True)
class Numbers:
    """One numeric field: `at` (n,) the message each belongs to, `counts` (n,) its elements, `values` all of them.

    A `sizes` that differs from `counts` is the length of what is kept as a sketch.
    """

    at: NDArray[np.int64]
    counts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Texts:
    """One field of text: `at` (n,) the message each belongs to."""

    at: NDArray[np.int64]
    values: tuple[str, ...]


@dataclass(frozen=True)
class Series:
    """One topic: `said_ns` (N,) on the replay's clock, in order, and its fields."""

    said_ns: NDArray[np.int64]
    numbers: dict[str, Numbers]
    texts: dict[str, Texts]
    sha256: str

    def __len__(self) -> int:
        return len(self.said_ns)


Spoken = Mapping[str, Series]


def digest_of(spoken: Spoken) -> str:
    """One hash over all topics."""
    return hashlib.sha256("".join(f"{topic}{spoken[topic].sha256}" for topic in sorted(spoken)).encode()).hexdigest()


@dataclass
class _Open:
    """A field that is still being written. Of an ignored one only its presence counts."""

    ignored: bool
    at: array[int] = field(default_factory=lambda: array("q"))
    counts: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    texts: list[str] = field(default_factory=list)
    checks: array[int] = field(default_factory=lambda: array("L"))  # of the bytes that a sketch leaves out


class Listener:
    """A tap that keeps what the played nodes say. Ignored fields count as zero, or as no text.

    Frequent payloads wait and are taken apart by whole columns, in the order in which they were said.
    """

    def __init__(self, topics: frozenset[str], tolerances: Tolerances) -> None:
        self._topics, self._tolerances = topics, tolerances
        self._said: dict[str, array[int]] = {topic: array("q") for topic in topics}
        self._fields: dict[str, dict[str, _Open]] = {topic: {} for topic in topics}
        self._waiting: dict[str, list[Any]] = {topic: [] for topic in topics}

    def tap(self, topic: str, data: Any, now_s: float) -> None:
        waiting = self._waiting.get(topic)
        if waiting is None or isinstance(data, Letter):  # a recorded message of a shared topic
            return
        self._said[topic].append(round(now_s * 1e9))
        waiting.append(data)
        if len(waiting) >= BATCH or type(data) not in FREQUENT:
            self._take_apart(topic)

    def _take_apart(self, topic: str) -> None:
        waiting = self._waiting[topic]
        first = len(self._said[topic]) - len(waiting)
        if len(waiting) > 1 and all(type(data) is type(waiting[0]) for data in waiting):
            for name in _names(type(waiting[0])):
                self._column(topic, name, first, [getattr(data, name) for data in waiting])
        else:
            for index, data in enumerate(waiting, first):
                for path, value in parts(data):
                    self._one(self._open(topic, path), index, value)
        waiting.clear()

    def _open(self, topic: str, path: str) -> _Open:
        kept = self._fields[topic].get(path)
        if kept is None:
            kept = self._fields[topic][path] = _Open(self._tolerances.ignored(topic, path))
        return kept

    def _one(self, kept: _Open, index: int, value: Any) -> None:
        kept.at.append(index)
        if isinstance(value, str):
            kept.texts.append("" if kept.ignored else value)
        elif kept.ignored or isinstance(value, float):
            kept.counts.append(1)
            kept.sizes.append(1)
            kept.values.append(0.0 if kept.ignored else value)
        else:
            self._keep(kept, value)

    def _keep(self, kept: _Open, value: NDArray[Any]) -> None:
        flat = value.ravel()
        size = len(flat)
        kept.sizes.append(size)
        if size > self._tolerances.longest:
            kept.checks.append(zlib.crc32(flat.tobytes()))
            flat = sketch(flat, self._tolerances.probes)
        elif flat.dtype != np.float64:
            flat = flat.astype(np.float64)
        kept.counts.append(len(flat))
        kept.values.frombytes(flat.tobytes())

    def _column(self, topic: str, name: str, first: int, values: list[Any]) -> None:
        """One field of messages that follow each other; what is no plain column goes one by one."""
        kinds, longest = set(map(type, values)), self._tolerances.longest
        if kinds == {float}:
            self._rows(self._open(topic, name), first, [1] * len(values), np.array(values))
        elif kinds == {np.ndarray} and values[0].dtype.names and max(map(len, values)) <= longest:
            rows, sizes = np.concatenate(values), list(map(len, values))
            for part in values[0].dtype.names:
                self._rows(self._open(topic, f"{name}.{part}"), first, sizes, rows[part].astype(np.float64))
        elif kinds == {np.ndarray} and {(one.dtype, one.size) for one in values} == {(DOUBLE, values[0].size)}:
            block, kept = np.array(values).reshape(len(values), -1), self._open(topic, name)
            sizes = [block.shape[1]] * len(values)
            if block.shape[1] > longest and not kept.ignored:
                kept.checks.extend([zlib.crc32(row.tobytes()) for row in block])
                block = sketches(block, self._tolerances.probes)
            self._rows(kept, first, sizes, block)
        else:
            for index, value in enumerate(values, first):
                for path, part in _of(name, value):
                    self._one(self._open(topic, path), index, part)

    def _rows(self, kept: _Open, first: int, sizes: list[int], values: NDArray[np.float64]) -> None:
        """Numbers of as many messages as there are sizes."""
        count = len(sizes)
        kept.at.extend(range(first, first + count))
        if kept.ignored:
            sizes, values = [1] * count, np.zeros(count)
        kept.sizes.extend(sizes)
        kept.counts.extend([values.shape[1]] * count if values.ndim == 2 else sizes)
        kept.values.frombytes(values.tobytes())

    def spoken(self) -> Spoken:
        for topic in self._topics:
            self._take_apart(topic)
        return {topic: self._series(topic) for topic in sorted(self._topics) if self._said[topic]}

    def _series(self, topic: str) -> Series:
        said = np.array(self._said[topic], dtype=np.int64)
        digest = hashlib.sha256(said.tobytes())
        numbers: dict[str, Numbers] = {}
        texts: dict[str, Texts] = {}
        for path, kept in sorted(self._fields[topic].items()):
            at = np.array(kept.at, dtype=np.int64)
            digest.update(path.encode() + at.tobytes())
            if kept.texts:
                texts[path] = Texts(at, tuple(kept.texts))
                digest.update("\0".join(kept.texts).encode())
            else:
                counts, sizes = (np.array(part, dtype=np.int64) for part in (kept.counts, kept.sizes))
                numbers[path] = Numbers(at, counts, sizes, np.array(kept.values, dtype=np.float64))
                digest.update(sizes.tobytes() + kept.values.tobytes() + kept.checks.tobytes())
        return Series(said, numbers, texts, digest.hexdigest())


def sketch(flat: NDArray[Any], probes: int) -> NDArray[np.float64]:
    """Share of finite elements, their mean, least and greatest, and `probes` elements evenly spread."""
    picked = _places(len(flat), probes)
    found = np.empty(4 + len(picked))
    found[4:] = flat[picked]
    total = float(flat.sum(dtype=np.float64))
    if isfinite(total):
        found[:4] = 1.0, total / len(flat), flat.min(), flat.max()
        return found
    finite = flat[np.isfinite(flat)].astype(np.float64)
    most = (finite.mean(), finite.min(), finite.max()) if len(finite) else (0.0, 0.0, 0.0)
    found[:4] = len(finite) / len(flat), *most
    return found


def sketches(block: NDArray[np.float64], probes: int) -> NDArray[np.float64]:
    """`sketch` of every row."""
    total = block.sum(axis=1)
    if not np.isfinite(total).all():
        return np.stack([sketch(row, probes) for row in block])
    picked = _places(block.shape[1], probes)
    found = np.empty((len(block), 4 + len(picked)))
    found[:, 0], found[:, 1] = 1.0, total / block.shape[1]
    found[:, 2], found[:, 3] = block.min(axis=1), block.max(axis=1)
    found[:, 4:] = block[:, picked]
    return found


@lru_cache(maxsize=1024)
def _places(size: int, probes: int) -> NDArray[np.int64]:
    return np.linspace(0, size - 1, probes).astype(np.int64)


def parts(data: Any) -> Iterator[tuple[str, Any]]:
    """(path, float or array or text) of everything in a payload; None is absent."""
    if isinstance(data, m.Diagnostics):
        yield "stamp_s", data.stamp_s
        for status in data.statuses:
            yield f"{status.name}.level", float(status.level)
            yield from _text(f"{status.name}.message", status.message)
            for key, value in status.values.items():
                yield from _text(f"{status.name}.{key}", value)
        return
    if isinstance(data, BaseModel):
        data = data.model_dump(mode="json", exclude_none=True)
        yield from _of("", data)
        return
    for name in _names(type(data)):
        yield from _of(name, getattr(data, name))


_NAMES: Final[dict[type[Any], tuple[str, ...]]] = {}


def _names(kind: type[Any]) -> tuple[str, ...]:
    found = _NAMES.get(kind)
    if found is None:
        found = _NAMES[kind] = tuple(part.name for part in dataclasses.fields(kind))
    return found


def _of(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, float):
        yield path, value
    elif isinstance(value, np.ndarray):
        if value.dtype.names:
            for name in value.dtype.names:
                yield f"{path}.{name}", value[name]
        else:
            yield path, value
    elif value is None:
        return
    elif isinstance(value, str):
        yield from _text(path, value)
    elif isinstance(value, (bool, int, np.number, np.bool_)):
        yield path, float(value)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _of(f"{path}.{key}" if path else str(key), one)
    elif isinstance(value, (list, tuple)):
        if value and all(isinstance(one, (float, int)) for one in value):
            yield path, np.array(value, dtype=np.float64)
        else:
            yield f"{path}.count", float(len(value))
            for index, one in enumerate(value):
                yield from _of(f"{path}.{index}", one)
    elif dataclasses.is_dataclass(value):
        for name in _names(type(value)):
            yield from _of(f"{path}.{name}", getattr(value, name))
    else:
        yield from _text(path, str(value))


def _text(path: str, text: str) -> Iterator[tuple[str, Any]]:
    frame, numbers = split_numbers(text)
    if frame != HOLE:  # of a number alone there are no words
        yield path, frame
    if numbers:
        yield f"{path}{HOLE}", np.array(numbers)


@lru_cache(maxsize=4096)
def split_numbers(text: str) -> tuple[str, tuple[float, ...]]:
    """The text with `#` for each number that stands alone, and those numbers."""
    numbers = NUMBER.findall(text)
    return (NUMBER.sub(HOLE, text), tuple(float(one) for one in numbers)) if numbers else (text, ())
