"""A model's tensors in one small file, and back into the arrays that run.

Each tensor is stored in one of these ways, told in the header:

    fp32, fp16, bf16   the numbers themselves: what must lose nothing, or little
    rf8          a byte each (`rf8.py`), or its codes as whole numbers
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

from physical_ai_core.compact import golomb, rans, rf8
from physical_ai_core.compact.form import MEND, ForeignModelError, TamperedModelError, unwrapped, wrapped
from physical_ai_core.compact.numbers import Coder, Numbers, Writer, own_numbers, table_of

Floats = NDArray[np.float32]
Kind = Literal["fp32", "fp16", "bf16", "rf8", "uniform"]


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
    by = _along(np.asarray(step, dtype=np.float32), values.ndim).astype(np.float64)
    return np.asarray(np.rint(values.astype(np.float64) / by), dtype=np.int64)


def _along(steps: Floats, dimensions: int) -> Floats:
    """Steps of rows, shaped to meet their tensor."""
    return steps.reshape(-1, *[1] * (dimensions - 1)) if steps.ndim else steps


def encode(tensors: Mapping[str, Floats], codecs: Mapping[str, Codec], about: Mapping[str, Any]) -> bytes:
    """The file's bytes. Tensors without a codec stay float32. Raises ValueError for numbers that are not finite."""
    entries: list[dict[str, Any]] = []
    parts: list[bytes] = []
    writer = Writer()
    for name in sorted(tensors):
        value = np.asarray(tensors[name], dtype=np.float32, order="C")
        if not np.isfinite(value).all():
            raise ValueError(f"the tensor '{name}' holds numbers that are not finite")
        codec = codecs.get(name, Codec())
        entry: dict[str, Any] = {"n": name, "s": list(value.shape), "k": codec.kind}
        part = _coded(value, codec, entry, writer)
        entry["z"] = len(part)
        entries.append(entry)
        parts.append(part)
    return wrapped({"about": dict(about), "tensors": entries}, b"".join([*parts, writer.stream()]))


def _coded(value: Floats, codec: Codec, entry: dict[str, Any], writer: Writer) -> bytes:
    """Bytes that stand at the tensor's own place."""
    if codec.kind == "fp32":
        return value.astype("<f4").tobytes()
    if codec.kind == "fp16":
        return value.astype("<f2").tobytes()
    if codec.kind == "bf16":
        return _upper_half(value).astype("<u2").tobytes()
    if codec.kind == "rf8":
        entry["b"] = rf8.bias_for(value)
        codes = rf8.encode(value, entry["b"])
        if codec.coder == "packed":
            return codes.tobytes()
        signed = np.where(codes > rf8.NAN_CODE, rf8.NAN_CODE - codes.astype(np.int64), codes)
        return writer.put(signed.ravel(), codec.coder, entry)
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
        numbers[kept] = 0
    return front + writer.put(numbers, codec.coder, entry)


def _upper_half(value: Floats) -> NDArray[np.uint16]:
    """bfloat16, rounded to the nearest, of two to the even one."""
    raw = value.view(np.uint32).astype(np.uint64)
    return np.asarray((raw + np.uint64(0x7FFF) + ((raw >> np.uint64(16)) & np.uint64(1))) >> np.uint64(16), np.uint16)


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
    waiting: list[tuple[_Frame, Numbers]] = []
    at = 0
    for entry in entries:
        part = payload[at : at + int(entry["z"])]
        at += int(entry["z"])
        frame, rest = _Frame.read(entry, part)
        if frame.plain is not None:
            tensors[frame.name] = frame.plain
            continue
        numbers = own_numbers(entry, rest, frame.count)
        if numbers is None:
            waiting.append((frame, table_of(entry, rest)))
        else:
            tensors[frame.name] = frame.filled(numbers)
    if not waiting and at != len(payload):
        raise ValueError("there are bytes behind the last tensor")
    counts = np.array([frame.count for frame, _ in waiting], dtype=np.int64)
    which = np.repeat(np.arange(len(counts)), counts)
    symbols = rans.decode(payload[at:], which, [levels for _, levels in waiting])
    for (frame, _), own in zip(waiting, np.split(symbols, np.cumsum(counts)[:-1]), strict=False):
        tensors[frame.name] = frame.filled(own + frame.lowest)
    return tensors


@dataclass(frozen=True)
class _Frame:
    """A tensor on its way: already whole, or waiting for its numbers."""

    name: str
    shape: tuple[int, ...]
    plain: Floats | None = None
    bias: int | None = None  # of rf8
    steps: Floats = field(default_factory=lambda: np.zeros((), dtype=np.float32))
    lowest: int = 0
    kept: Numbers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    kept_values: Floats = field(default_factory=lambda: np.zeros(0, dtype=np.float32))

    @property
    def count(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @staticmethod
    def read(entry: Mapping[str, Any], part: bytes) -> tuple[_Frame, bytes]:
        """The frame, and the bytes behind what it needs."""
        name, shape, kind = str(entry["n"]), tuple(int(n) for n in entry["s"]), entry["k"]
        if kind in ("fp32", "fp16", "bf16"):
            return _Frame(name, shape, _plain(kind, part).reshape(shape)), b""
        if kind == "rf8":
            bias = int(entry["b"])
            if "c" in entry:
                return _Frame(name, shape, bias=bias, lowest=int(entry.get("l", 0))), part
            return _Frame(name, shape, rf8.decode(np.frombuffer(part, dtype=np.uint8), bias).reshape(shape)), b""
        if kind != "uniform":
            raise ValueError(f"no way of storing is called {kind!r}")
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
        return _Frame(name, shape, None, None, steps, int(entry.get("l", 0)), kept, values), part

    def filled(self, numbers: Numbers) -> Floats:
        """The tensor of these numbers, and what was kept put back."""
        if self.bias is not None:
            if int(np.abs(numbers).max(initial=0)) > rf8.LEVELS:
                raise ValueError("a code is out of range")
            codes = np.where(numbers < 0, rf8.NAN_CODE - numbers, numbers).astype(np.uint8)
            return rf8.decode(codes, self.bias).reshape(self.shape)
        shaped = numbers.astype(np.float32).reshape(self.shape)
        found = np.array(shaped * _along(self.steps, len(self.shape)), dtype=np.float32)
        if len(self.kept):
            found.reshape(-1)[self.kept] = self.kept_values
        return found


def _plain(kind: str, part: bytes) -> Floats:
    if kind == "bf16":
        return np.asarray((np.frombuffer(part, dtype="<u2").astype(np.uint32) << np.uint32(16)).view(np.float32))
    return np.frombuffer(part, dtype="<f4" if kind == "fp32" else "<f2").astype(np.float32)
