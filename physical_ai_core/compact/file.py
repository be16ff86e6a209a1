"""A model's tensors in one small file, and back into the arrays that run.

Each tensor is stored in one of these ways, told in the header:

    fp32, fp16   the numbers themselves: what must not lose anything
    rf8          a byte each (`rf8.py`)
    uniform      whole multiples of a step, one for the tensor or one a row; the whole numbers are coded as `packed`
                 (fixed width), `golomb` or `rans`, whichever is shortest, or as told
    and outliers single weights of such a tensor that are kept in fp16 beside it

All `rans` tensors share one stream, each with its own table. What comes back is float32: a whole number times its step,
one multiplication, the same on every machine. Loading needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.compact import bits, golomb, rans, rf8
from physical_ai_core.compact.form import MEND, ForeignModelError, TamperedModelError, unwrapped, wrapped

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]
Kind = Literal["fp32", "fp16", "rf8", "uniform"]
Coder = Literal["shortest", "packed", "golomb", "rans"]


@dataclass(frozen=True)
class Codec:
    """How one tensor is stored. `step`: of uniform, one number or one a row (float32). `outliers`: flat positions that
    are kept in fp16."""

    kind: Kind = "fp32"
    step: float | Floats = 0.0
    coder: Coder = "shortest"
    outliers: Numbers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


@dataclass(frozen=True)
class Compact:
    """What a file holds: tensors by name (float32) and what its maker says of the model (`architecture` and more)."""

    tensors: dict[str, Floats]
    about: Mapping[str, Any]


def whole(values: Floats, step: float | Floats) -> Numbers:
    """The whole numbers whose multiples of the step are nearest."""
    by = np.asarray(step, dtype=np.float64)
    return np.rint(values.astype(np.float64) / (by.reshape(-1, *[1] * (values.ndim - 1)) if by.ndim else by)).astype(
        np.int64
    )


def encode(tensors: Mapping[str, Floats], codecs: Mapping[str, Codec], about: Mapping[str, Any]) -> bytes:
    """The file's bytes. Tensors without a codec stay float32. Raises ValueError for numbers that are not finite."""
    entries: list[dict[str, Any]] = []
    parts: list[bytes] = []
    symbols: list[Numbers] = []
    tables: list[Numbers] = []
    for name in sorted(tensors):
        value = np.asarray(tensors[name], dtype=np.float32, order="C")
        if not np.isfinite(value).all():
            raise ValueError(f"the tensor '{name}' holds numbers that are not finite")
        codec = codecs.get(name, Codec())
        entry: dict[str, Any] = {"n": name, "s": list(value.shape), "k": codec.kind}
        if codec.kind in ("fp32", "fp16"):
            part = value.astype("<f4" if codec.kind == "fp32" else "<f2").tobytes()
        elif codec.kind == "rf8":
            entry["b"] = rf8.bias_for(value)
            part = rf8.encode(value, entry["b"]).tobytes()
        else:
            part = _uniform(value, codec, entry, symbols, tables)
        entry["z"] = len(part)
        entries.append(entry)
        parts.append(part)
    header: dict[str, Any] = {"about": dict(about), "tensors": entries}
    if symbols:
        which = np.repeat(np.arange(len(symbols)), [len(s) for s in symbols])
        parts.append(rans.encode(np.concatenate(symbols), which, tables))
    return wrapped(header, b"".join(parts))


def _uniform(
    value: Floats, codec: Codec, entry: dict[str, Any], symbols: list[Numbers], tables: list[Numbers]
) -> bytes:
    """Bytes of a uniform tensor that stand at its own place; symbols of `rans` go to the stream."""
    steps = np.asarray(codec.step, dtype=np.float32)
    front = b""
    if steps.ndim:
        entry["r"] = 1
        front = steps.astype("<f4").tobytes()
    else:
        entry["t"] = float(steps)
    numbers = whole(value, codec.step).ravel()
    if len(codec.outliers):
        kept = np.sort(np.asarray(codec.outliers, dtype=np.int64))
        gaps = np.diff(kept, prepend=-1) - 1
        order = golomb.best_order(gaps)
        where = golomb.encode(gaps, order)
        entry["o"] = [len(kept), order, len(where)]
        front += where + value.ravel()[kept].astype("<f2").tobytes()
        numbers = numbers.copy()
        numbers[kept] = 0
    lowest = int(numbers.min(initial=0))
    shifted = numbers - lowest
    width, order = bits.width_of(int(shifted.max(initial=0))), golomb.best_order(bits.folded(numbers))
    sizes = {"packed": len(shifted) * width, "golomb": int(golomb.lengths(bits.folded(numbers), order).sum())}
    levels: Numbers = np.zeros(0, dtype=np.int64)
    if int(shifted.max(initial=0)) < rans.MOST_SYMBOLS and len(shifted):
        levels = rans.levels_of(np.bincount(shifted))
        table_order = golomb.best_order(bits.folded(np.diff(levels, prepend=0)))
        table = golomb.encode(bits.folded(np.diff(levels, prepend=0)), table_order)
        sizes["rans"] = int(rans.cost_bits(shifted, levels)) + 8 * len(table)
    coder = codec.coder if codec.coder != "shortest" else min(sizes, key=lambda name: sizes[name])
    entry["c"] = coder
    if coder == "packed":
        entry["w"], entry["l"] = width, lowest
        return front + bits.pack(shifted, width)
    if coder == "golomb":
        entry["g"] = order
        return front + golomb.encode(bits.folded(numbers), order)
    entry["l"], entry["a"] = lowest, [len(levels), table_order, len(table)]
    symbols.append(shifted)
    tables.append(levels)
    return front + table


def decode(content: bytes, architecture: str | None = None, name: str = "The model") -> Compact:
    """The tensors again, bit for bit as they were quantised.

    Raises TruncatedModelError, TamperedModelError, and ForeignModelError where another architecture is wanted.
    """
    header, payload = unwrapped(content, name)
    try:
        about = dict(header["about"])
        found = about.get("architecture", "none")
        if architecture is not None and found != architecture:
            raise ForeignModelError(
                f"{name} is of the architecture '{found}', this runs '{architecture}'.", "Name weights of this robot's."
            )
        return Compact(_tensors(header["tensors"], payload), about)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, MemoryError) as error:
        raise TamperedModelError(f"{name} contradicts itself: {error!r}.", MEND) from error


def _tensors(entries: list[dict[str, Any]], payload: bytes) -> dict[str, Floats]:
    tensors: dict[str, Floats] = {}
    waiting: list[tuple[dict[str, Any], _Uniform]] = []
    at = 0
    for entry in entries:
        part = payload[at : at + int(entry["z"])]
        at += int(entry["z"])
        shape = tuple(int(n) for n in entry["s"])
        if entry["k"] in ("fp32", "fp16"):
            raw = np.frombuffer(part, dtype="<f4" if entry["k"] == "fp32" else "<f2")
            tensors[entry["n"]] = raw.astype(np.float32).reshape(shape)
        elif entry["k"] == "rf8":
            tensors[entry["n"]] = rf8.decode(np.frombuffer(part, dtype=np.uint8), int(entry["b"])).reshape(shape)
        elif entry["k"] == "uniform":
            uniform = _Uniform.read(entry, shape, part)
            if uniform.levels is None:
                tensors[entry["n"]] = uniform.value(uniform.numbers)
            else:
                waiting.append((entry, uniform))
        else:
            raise ValueError(f"no way of storing is called {entry['k']!r}")
    if waiting:
        counts = [uniform.count for _, uniform in waiting]
        levels = [uniform.levels for _, uniform in waiting if uniform.levels is not None]
        symbols = rans.decode(payload[at:], np.repeat(np.arange(len(counts)), counts), levels)
        for (entry, uniform), own in zip(waiting, np.split(symbols, np.cumsum(counts)[:-1]), strict=True):
            tensors[entry["n"]] = uniform.value(own + int(entry["l"]))
    elif at != len(payload):
        raise ValueError("there are bytes behind the last tensor")
    return tensors


@dataclass(frozen=True)
class _Uniform:
    """A uniform tensor on its way: its numbers, or the table by which the stream tells them."""

    shape: tuple[int, ...]
    steps: Floats
    kept: Numbers
    kept_values: Floats
    numbers: Numbers
    levels: Numbers | None

    @property
    def count(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @staticmethod
    def read(entry: Mapping[str, Any], shape: tuple[int, ...], part: bytes) -> _Uniform:
        count = int(np.prod(shape, dtype=np.int64))
        steps: Floats = np.full((), entry.get("t", 0.0), dtype=np.float32)
        if entry.get("r"):
            steps = np.frombuffer(part, dtype="<f4", count=shape[0]).astype(np.float32)
            part = part[4 * shape[0] :]
        kept, values = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        if "o" in entry:
            many, order, size = (int(n) for n in entry["o"])
            kept = np.cumsum(golomb.decode(part[:size], many, order) + 1) - 1
            values = np.frombuffer(part, dtype="<f2", count=many, offset=size).astype(np.float32)
            part = part[size + 2 * many :]
        if entry["c"] == "packed":
            numbers = bits.unpack(part, count, int(entry["w"])) + int(entry["l"])
            return _Uniform(shape, steps, kept, values, numbers, None)
        if entry["c"] == "golomb":
            return _Uniform(
                shape, steps, kept, values, bits.unfolded(golomb.decode(part, count, int(entry["g"]))), None
            )
        if entry["c"] != "rans":
            raise ValueError(f"no code is called {entry['c']!r}")
        many, order, size = (int(n) for n in entry["a"])
        levels = np.cumsum(bits.unfolded(golomb.decode(part[:size], many, order)))
        return _Uniform(shape, steps, kept, values, np.zeros(0, dtype=np.int64), levels)

    def value(self, numbers: Numbers) -> Floats:
        """Whole numbers times their steps, and what was kept put back."""
        steps = self.steps.reshape(-1, *[1] * (len(self.shape) - 1)) if self.steps.ndim else self.steps
        found = np.asarray(numbers.astype(np.float32).reshape(self.shape) * steps, dtype=np.float32)
        if len(self.kept):
            found = found.ravel()
            found[self.kept] = self.kept_values
            found = found.reshape(self.shape)
        return found
