"""Exponential Golomb codes of order k (Teuhola 1978), the code of BackSlash (Wu, Wen, Han, arXiv 2504.16968).

A number v ≥ 0 is written as v + 2^k in binary, led by as many zeros as that has bits beyond k + 1. Short for small
numbers, never bad for great ones, and no table. The order suits the spread: 2^k is about the size of a usual number.

Where a code ends is known only once it is read. Decoding in numpy: from the next one-bit of every place follows the
place behind a code that would begin there; following that map 2^h codes at a time gives anchors, between which all are
read in step.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
MOST_ORDER: Final = 24
LARGEST: Final = (1 << 40) - 1
STRIDE_BITS: Final = 7  # 128 codes between two anchors


def lengths(values: Numbers, order: int) -> Numbers:
    """Bits of the code of each value."""
    return np.asarray(2 * _bit_lengths(values + (1 << order)) - 1 - order, dtype=np.int64)


def best_order(values: Numbers, most: int = MOST_ORDER) -> int:
    """The order whose code is shortest for these values."""
    if not len(values):
        return 0
    most = min(most, int(values.max()).bit_length())
    return min(range(most + 1), key=lambda order: int(lengths(values, order).sum()))


def encode(values: Numbers, order: int) -> bytes:
    """Codes of all values (0 to LARGEST), the last byte filled with zeros."""
    if len(values) and (int(values.min()) < 0 or int(values.max()) > LARGEST):
        raise ValueError(f"numbers of 0 to {LARGEST} can be coded, found {values.min()} to {values.max()}")
    plain = np.asarray(values, dtype=np.int64) + (1 << order)
    digits = _bit_lengths(plain)
    size = 2 * digits - 1 - order
    begin = np.cumsum(size) - size
    which = np.repeat(np.arange(len(plain)), digits)
    within = np.arange(len(which)) - np.repeat(np.cumsum(digits) - digits, digits)
    stream = np.zeros(int(size.sum()), dtype=np.uint8)
    stream[begin[which] + (size - digits)[which] + within] = (plain[which] >> (digits[which] - 1 - within)) & 1
    return np.packbits(stream).tobytes()


def decode(content: bytes, count: int, order: int) -> Numbers:
    """The first `count` numbers. Raises ValueError where the bytes end before them."""
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    bits = np.unpackbits(np.frombuffer(content, dtype=np.uint8))
    total = len(bits)
    place = np.arange(total + 1)
    one = np.full(total + 1, total)
    one[:total] = np.where(bits == 1, place[:total], total)
    one = np.minimum.accumulate(one[::-1])[::-1]
    behind = np.minimum(2 * one - place + 1 + order, total)
    starts = _follow(behind, count)
    first = one[starts]
    digits = first - starts + 1 + order
    if np.any(first + digits > total) or np.any(starts >= total):
        raise ValueError(f"{total} bits end before {count} codes of order {order}")
    values = np.zeros(count, dtype=np.int64)
    for k in range(int(digits.max())):
        more = k < digits
        values[more] = 2 * values[more] + bits[first[more] + k]
    return np.asarray(values - (1 << order), dtype=np.int64)


def _follow(behind: Numbers, count: int) -> Numbers:
    """Where the first `count` codes begin."""
    leap = behind
    for _ in range(STRIDE_BITS):
        leap = leap[leap]
    stride = 1 << STRIDE_BITS
    anchors = np.zeros(-(-count // stride), dtype=np.int64)
    for k in range(1, len(anchors)):
        anchors[k] = leap[anchors[k - 1]]
    starts = np.empty((stride, len(anchors)), dtype=np.int64)
    for k in range(stride):
        starts[k] = anchors
        anchors = behind[anchors]
    return np.asarray(starts.T.ravel()[:count], dtype=np.int64)


def _bit_lengths(values: Numbers) -> Numbers:
    """Digits in binary of numbers from 1 to 2^52."""
    return np.asarray(np.frexp(values.astype(np.float64))[1], dtype=np.int64)
