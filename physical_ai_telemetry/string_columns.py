"""Messages that are all strings to Arrow columns: goals and reports as JSON, diagnostics."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from physical_ai_core.errors import InputError
from physical_ai_core.reports import JsonReport
from physical_ai_telemetry.cdr import HEADER, NoLayout
from physical_ai_telemetry.flatten import JSON, STATUSES, columns_of
from physical_ai_telemetry.table import Columns, Stamps, Table


def reports(kind: type[Any], log_ns: NDArray[np.int64], payloads: Sequence[memoryview]) -> Table:
    """Reports and goals: the text as it was sent, and its plain fields. What is no such report is left out."""
    names = [name for name in columns_of(kind) if name != JSON]
    texts, kept, stamps = [], [], []
    plain: dict[str, list[Any]] = {name: [] for name in names}
    read = _reader(kind, ("stamp_s", *names))
    for number, payload in enumerate(payloads):
        body = bytes(payload)
        if body[:4] != HEADER:
            raise NoLayout("another encapsulation than little-endian CDR")
        text, _ = _string(body, 4)
        try:
            stamp_s, *told = read(text)
        except InputError:
            continue
        texts.append(text)
        kept.append(number)
        stamps.append(float(stamp_s))
        for values, value in zip(plain.values(), told, strict=True):
            values.append(value)
    types = columns_of(kind)
    columns = {JSON: pa.array(texts, pa.string()), **{n: pa.array(v, types[n]) for n, v in plain.items()}}
    return Table(log_ns[kept], np.array(stamps, dtype=np.float64), columns, len(payloads) - len(kept))


def _reader(kind: type[Any], names: Sequence[str]) -> Callable[[str], list[Any]]:
    """Text to these fields, as `kind.from_json` has them; of a plain report without making one, which takes longer."""

    def whole(text: str) -> list[Any]:
        data = kind.from_json(text)
        return [getattr(data, name, np.nan) for name in names]

    if getattr(kind.from_json, "__func__", None) is not _FROM_JSON or hasattr(kind, "__post_init__"):
        return whole
    asked = {one.name for one in fields(kind) if one.default is one.default_factory is MISSING}
    preset = {one.name: one.default for one in fields(kind)}

    def quick(text: str) -> list[Any]:
        try:
            said, end = _DECODER.raw_decode(text)
        except ValueError:
            return whole(text)
        if end != len(text) or type(said) is not dict or not said.keys() >= asked:
            return whole(text)
        return [said.get(name, preset[name]) if name in preset else np.nan for name in names]

    return quick


def diagnostics(payloads: Sequence[memoryview]) -> tuple[Stamps, Columns]:
    """Header stamps, and the statuses of each message. Raises NoLayout where a string reaches beyond its message."""
    stamps, rows, pairs, levels = [], [0], [0], []
    names: list[str] = []
    words: list[str] = []
    keys: list[str] = []
    values: list[str] = []
    length = _LENGTH
    for payload in payloads:
        body = bytes(payload)
        if body[:4] != HEADER:
            raise NoLayout("another encapsulation than little-endian CDR")
        seconds, nanoseconds = struct.unpack_from("<iI", body, 4)
        stamps.append(float(seconds) + 1e-9 * float(nanoseconds))
        _, at = _string(body, 12)
        count, at = _count(body, at)
        for _ in range(count):
            levels.append(body[at])
            name, at = _string(body, at + 1)
            word, at = _string(body, at)
            _, at = _string(body, at)
            names.append(name)
            words.append(word)
            told, at = _count(body, at)
            said: dict[str, str] = {}
            for _ in range(told):  # as `_string` does; most of the time goes here
                at = (at + 3) & ~3
                end = at + 4 + length(body, at)[0]
                key = body[at + 4 : end - 1].decode()
                at = (end + 3) & ~3
                end = at + 4 + length(body, at)[0]
                said[key] = body[at + 4 : end - 1].decode()
                at = end
            if at > len(body):
                raise NoLayout("a string reaches beyond its message")
            keys.extend(said)
            values.extend(said.values())
            pairs.append(len(keys))
        rows.append(len(levels))
    text = pa.string()
    told_pairs = pa.MapArray.from_arrays(pa.array(pairs, pa.int32()), pa.array(keys, text), pa.array(values, text))
    item = pa.StructArray.from_arrays(
        [pa.array(levels, pa.int64()), pa.array(names, text), pa.array(words, text), told_pairs],
        fields=list(STATUSES.value_type),
    )
    return np.array(stamps), {"statuses": pa.ListArray.from_arrays(pa.array(rows, pa.int32()), item)}


_DECODER: Final = json.JSONDecoder()
_FROM_JSON: Final = JsonReport.from_json.__func__  # type: ignore[attr-defined]
_LENGTH: Final = struct.Struct("<I").unpack_from


def _count(body: bytes, at: int) -> tuple[int, int]:
    at = (at + 3) & ~3  # the header of 4 bytes does not shift this alignment
    return _LENGTH(body, at)[0], at + 4


def _string(body: bytes, at: int) -> tuple[str, int]:
    at = (at + 3) & ~3
    end = at + 4 + _LENGTH(body, at)[0]
    if end > len(body):
        raise NoLayout("a string reaches beyond its message")
    return body[at + 4 : end - 1].decode(), end
