"""RF8: a weight as the sum of its two leading binary digits, ± 2^e (1 + 2^-g), in one byte.

The rule is that of Wu et al., arXiv 2506.00486: keep the first two significant binary digits of each weight, no more
than four places apart; a product is then two shifts and an addition. How the digits share a byte is told here:

    code 0          zero
    code 1 … 127    e and g, rising with the value: five values an octave (1, 17/16, 9/8, 5/4, 3/2), 25 octaves and two
    code 128        not a number
    code 129 … 255  the negatives of 1 … 127

A tensor has one `bias`, the exponent of code 1. Encoding takes the nearest value; the farthest apart two neighbours lie
is a third (3/2 to 2), so the relative error of a weight in range is at most one seventh. What is beyond the greatest
value (infinities too) becomes the greatest, what is below half of the smallest becomes zero, not-a-number stays.
`encode(decode(code))` is the code again for each of the 256.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]
NAN_CODE: Final = 128
IN_OCTAVE: Final = (1.0, 1.0625, 1.125, 1.25, 1.5)
LEVELS: Final = 127
MAGNITUDES: Final[NDArray[np.float64]] = np.array([IN_OCTAVE[m % 5] * 2.0 ** (m // 5) for m in range(LEVELS)])
MIDDLES: Final[NDArray[np.float64]] = np.concatenate([[0.5], (MAGNITUDES[1:] + MAGNITUDES[:-1]) / 2.0])
LOWEST_BIAS: Final = -120  # every value stays a normal float32
HIGHEST_BIAS: Final = 100


def bias_for(values: ArrayLike) -> int:
    """The exponent of code 1 with which the greatest of the values is just in range."""
    greatest = float(np.max(np.abs(np.asarray(values, dtype=np.float64)), initial=0.0))
    if greatest <= 0.0 or not math.isfinite(greatest):
        return 0
    bias = math.frexp(greatest)[1] - 25  # the last whole octave begins at 2^24 of code 1
    return min(max(bias, LOWEST_BIAS), HIGHEST_BIAS)


def encode(values: ArrayLike, bias: int) -> Codes:
    """The nearest code of each value; of two as near, the greater in size."""
    x = np.asarray(values, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        size = np.minimum(np.abs(np.ldexp(x, -bias)), MAGNITUDES[-1])
    rank = np.searchsorted(MIDDLES, size, side="right")  # 0 … 127; not a number sorts last and is put right below
    codes = np.where(np.signbit(x) & (rank > 0), rank + NAN_CODE, rank)
    return np.where(np.isnan(x), NAN_CODE, codes).astype(np.uint8)


def table(bias: int) -> Floats:
    """The value of each of the 256 codes, exact in float32."""
    positive = np.ldexp(MAGNITUDES, bias)
    return np.concatenate([[0.0], positive, [np.nan], -positive]).astype(np.float32)


def decode(codes: Codes, bias: int) -> Floats:
    """Values of codes of any shape."""
    return np.asarray(table(bias)[codes], dtype=np.float32)
