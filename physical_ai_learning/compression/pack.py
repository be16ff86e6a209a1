"""From weights that lie on a grid to the compact file, exactly: the step is read from the weights themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.compact.file import Codec, encode

Floats = NDArray[np.float32]
FINEST_BITS: Final = 30  # steps are whole multiples of 2^-30
MOST_NUMBER: Final = 1 << 12


def step_of(values: Floats) -> float:
    """The greatest step of which every value is a whole multiple; 0 where they lie on no grid worth the name."""
    scaled = np.ldexp(values.astype(np.float64).ravel(), FINEST_BITS)
    numbers = np.rint(scaled)
    if np.any(scaled != numbers) or not numbers.any():
        return 0.0
    step = math.gcd(*(int(n) for n in np.unique(np.abs(numbers))))
    return math.ldexp(step, -FINEST_BITS) if np.abs(numbers).max() / step <= MOST_NUMBER else 0.0


def exact_codecs(tensors: Mapping[str, Floats]) -> dict[str, Codec]:
    """For each tensor the codec that loses nothing: its own grid, else float32."""
    found = {}
    for name, value in tensors.items():
        step = step_of(value)
        zero = not value.any()
        found[name] = Codec("uniform", step or 1.0) if step or zero else Codec("fp32")
    return found


def packed(tensors: Mapping[str, Floats], about: Mapping[str, Any]) -> bytes:
    """The compact file of quantised weights, bit for bit what they are."""
    return encode(tensors, exact_codecs(tensors), about)
