"""Whole numbers as bits: a fixed width for all, most significant bit first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def pack(values: Numbers, width: int) -> bytes:
    """`width` bits of each value of 0 to 2^width − 1."""
    shifts = np.arange(width - 1, -1, -1, dtype=np.int64)
    return np.packbits(((values[:, None] >> shifts) & 1).astype(np.uint8).ravel()).tobytes()


def unpack(content: bytes, count: int, width: int) -> Numbers:
    """The values again. Raises ValueError where the bytes are too few."""
    if len(content) * 8 < count * width:
        raise ValueError(f"{count} numbers of {width} bits need {(count * width + 7) // 8} bytes, found {len(content)}")
    found = np.unpackbits(np.frombuffer(content, dtype=np.uint8), count=count * width).reshape(count, width)
    weights = np.int64(1) << np.arange(width - 1, -1, -1, dtype=np.int64)
    return np.asarray(found @ weights, dtype=np.int64)


def width_of(most: int) -> int:
    """Bits that numbers of 0 to `most` need."""
    return max(int(most).bit_length(), 1)


def folded(values: Numbers) -> Numbers:
    """0, −1, 1, −2, 2 … as 0, 1, 2, 3, 4 …"""
    return np.asarray(np.where(values >= 0, 2 * values, -2 * values - 1), dtype=np.int64)


def unfolded(values: Numbers) -> Numbers:
    """`folded` turned back."""
    return np.asarray(np.where(values % 2 == 0, values // 2, -(values + 1) // 2), dtype=np.int64)
