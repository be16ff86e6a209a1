"""Whole numbers in and out of a file: fixed width, exponential Golomb, or a place in the stream that all share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.compact import bits, golomb, rans

Numbers = NDArray[np.int64]
Coder = Literal["shortest", "packed", "golomb", "rans"]


class Writer:
    """Codes the numbers of one tensor after the other; what `rans` codes waits for `stream`."""

    def __init__(self) -> None:
        self._symbols: list[Numbers] = []
        self._tables: list[Numbers] = []

    def put(self, numbers: Numbers, coder: Coder, entry: dict[str, Any]) -> bytes:
        """Bytes that stand at the tensor's own place; how to read them is added to its entry."""
        lowest = int(numbers.min(initial=0))
        shifted, folded = numbers - lowest, bits.folded(numbers)
        most = int(shifted.max(initial=0))
        width, order = bits.width_of(most), golomb.best_order(folded)
        sizes = {"packed": float(len(shifted) * width), "golomb": float(golomb.lengths(folded, order).sum())}
        if len(shifted) and most < rans.MOST_SYMBOLS:
            levels = rans.levels_of(np.bincount(shifted))
            rises = bits.folded(np.diff(levels, prepend=0))
            table_order = golomb.best_order(rises)
            table = golomb.encode(rises, table_order)
            sizes["rans"] = rans.cost_bits(shifted, levels) + 8 * len(table)
        chosen = min(sizes, key=lambda name: sizes[name]) if coder == "shortest" else coder
        if chosen not in sizes:
            raise ValueError(f"{most + 1} different numbers are too many for rans: take golomb")
        entry["c"] = chosen
        if chosen == "packed":
            entry["w"], entry["l"] = width, lowest
            return bits.pack(shifted, width)
        if chosen == "golomb":
            entry["g"] = order
            return golomb.encode(folded, order)
        entry["l"], entry["a"] = lowest, [len(levels), table_order]
        self._symbols.append(shifted)
        self._tables.append(levels)
        return table

    def stream(self) -> bytes:
        """What all `rans` tensors share, the last part of the payload."""
        if not self._symbols:
            return b""
        which = np.repeat(np.arange(len(self._symbols)), [len(s) for s in self._symbols])
        return rans.encode(np.concatenate(self._symbols), which, self._tables)


def own_numbers(entry: Mapping[str, Any], part: bytes, count: int) -> Numbers | None:
    """The numbers of a tensor that stand at its own place; None where the stream has them."""
    if entry["c"] == "packed":
        return bits.unpack(part, count, int(entry["w"])) + int(entry["l"])
    if entry["c"] == "golomb":
        return bits.unfolded(golomb.decode(part, count, int(entry["g"])))
    if entry["c"] == "rans":
        return None
    raise ValueError(f"no code is called {entry['c']!r}")


def table_of(entry: Mapping[str, Any], part: bytes) -> Numbers:
    """The levels of a tensor whose numbers are in the stream."""
    many, order = (int(n) for n in entry["a"])
    return np.cumsum(bits.unfolded(golomb.decode(part, many, order)))
