"""Range coding with asymmetric numeral systems (rANS, Duda 2013), many states side by side so that numpy does it.

Symbol i belongs to state i mod N; a row of N symbols is coded at a time. States lie in [2^16, 2^32) and give or take
16-bit words. What comes out is within a thousandth of the entropy under the tables used, plus two bytes a state. A
table is a list of levels: a symbol's share is proportional to 2^(−level / 4), in whole numbers alone, so that every
machine reads the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
SHARE_BITS: Final = 14
TOTAL: Final = 1 << SHARE_BITS
LOWEST: Final = 1 << 16
MOST_LEVEL: Final = 63
QUARTERS: Final = (1048576, 881744, 741455, 623487)  # 2^20 · 2^(−j / 4)
SYMBOLS_A_STATE: Final = 1024
MOST_STATES: Final = 1 << 16
MOST_SYMBOLS: Final = 1 << 12  # of one table


def levels_of(counts: Numbers) -> Numbers:
    """The levels nearest to what was counted: 0 for the most frequent symbol."""
    most = max(int(counts.max()), 1)
    with np.errstate(divide="ignore"):
        octaves = np.log2(most / np.maximum(counts, 1e-9))
    return np.clip(np.rint(4.0 * octaves), 0, MOST_LEVEL).astype(np.int64)


def shares_of(levels: Numbers) -> Numbers:
    """Whole shares of TOTAL, each at least one. Raises ValueError for levels out of range or too many."""
    if not 0 < len(levels) <= MOST_SYMBOLS or int(levels.min()) < 0 or int(levels.max()) > MOST_LEVEL:
        raise ValueError(f"a table of {len(levels)} symbols cannot be used")
    weight = np.array(QUARTERS, dtype=np.int64)[levels % 4] >> (levels // 4)
    room = TOTAL - len(levels)
    shares = 1 + weight * room // int(weight.sum())
    shares[int(np.argmax(shares))] += TOTAL - int(shares.sum())
    return np.asarray(shares, dtype=np.int64)


def states_for(count: int) -> int:
    """How many states code so many symbols: few enough to cost little, enough to be quick."""
    return min(max(count // SYMBOLS_A_STATE, 1), MOST_STATES)


def cost_bits(symbols: Numbers, levels: Numbers) -> float:
    """Bits that the symbols take under a table."""
    return float(np.bincount(symbols, minlength=len(levels)) @ (SHARE_BITS - np.log2(shares_of(levels))))


def encode(symbols: Numbers, tables: Numbers, levels: Sequence[Numbers]) -> bytes:
    """Symbols (n,), each by the table (n,) of its number."""
    count = len(symbols)
    if count == 0:
        return b""
    share, below, base = _flat(levels)
    n = states_for(count)
    at = base[tables] + symbols
    f_all, c_all = share[at].astype(np.uint64), below[at].astype(np.uint64)
    state = np.full(n, LOWEST, dtype=np.uint64)
    words: list[NDArray[np.uint16]] = []
    shift = np.uint64(32 - SHARE_BITS)
    for begin in range((count - 1) // n * n, -1, -n):
        f, c = f_all[begin : begin + n], c_all[begin : begin + n]
        x = state[: len(f)]
        full = x >= (f << shift)
        words.append((x[full] & np.uint64(0xFFFF)).astype(np.uint16))
        x = np.where(full, x >> np.uint64(16), x)
        state[: len(f)] = ((x // f) << np.uint64(SHARE_BITS)) + x % f + c
    return state.astype("<u4").tobytes() + np.concatenate(words[::-1]).astype("<u2").tobytes()


def decode(content: bytes, tables: Numbers, levels: Sequence[Numbers]) -> Numbers:
    """The symbols again. Raises ValueError where the bytes are not what `encode` made of that many symbols."""
    count = len(tables)
    if count == 0:
        if content:
            raise ValueError("bytes without symbols")
        return np.zeros(0, dtype=np.int64)
    share, below, base = _flat(levels)
    n = states_for(count)
    if len(content) < 4 * n or len(content) % 2:
        raise ValueError(f"{len(content)} bytes cannot hold {n} states")
    x = np.frombuffer(content, dtype="<u4", count=n).astype(np.uint32)
    words = np.frombuffer(content, dtype="<u2", offset=4 * n).astype(np.uint32)
    slots = np.concatenate([np.repeat(np.arange(len(v)), shares_of(v)) for v in levels]).astype(np.uint16)
    places = (tables * TOTAL).astype(np.int32)
    bases = base[tables].astype(np.int32)
    share, below = share.astype(np.uint32), below.astype(np.uint32)
    found = np.empty(count, dtype=np.uint16)
    mask, bits = np.uint32(TOTAL - 1), np.uint32(SHARE_BITS)
    taken = 0
    for begin in range(0, count, n):
        end = min(begin + n, count)
        now = x[: end - begin]
        slot = now & mask
        symbol = slots[places[begin:end] + slot]
        found[begin:end] = symbol
        at = bases[begin:end] + symbol
        now = share[at] * (now >> bits) + slot - below[at]
        short = np.flatnonzero(now < LOWEST)
        more = words[taken : taken + len(short)]
        if len(more) < len(short):
            raise ValueError("the words end before the symbols")
        now[short] = (now[short] << np.uint32(16)) | more
        x[: end - begin] = now
        taken += len(short)
    if taken != len(words) or np.any(x != LOWEST):
        raise ValueError("states and words do not end where they began")
    return found.astype(np.int64)


def _flat(levels: Sequence[Numbers]) -> tuple[Numbers, Numbers, Numbers]:
    """Shares and the sums before them of all tables in a row, and where each table begins."""
    shares = [shares_of(v) for v in levels]
    below = np.concatenate([np.cumsum(v) - v for v in shares])
    sizes = np.array([len(v) for v in shares])
    return np.concatenate(shares), below, np.cumsum(sizes) - sizes
