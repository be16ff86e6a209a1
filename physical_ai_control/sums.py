"""The choice's sums in C (sums.c), to the last bit what numpy gives; without a compiler numpy does them.

Arrays with dozens of candidates, people and moments cost numpy some milliseconds a decision, in C a tenth of that.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.geometry import Array
from physical_ai_core.native import library_of, loaded

SOURCE: Final = Path(__file__).with_name("sums.c")
# Nothing here changes a number: no contraction, and only what C would say by errno or a trap is left out.
OPTIONS: Final = ("-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")
POINTER, COUNT, NUMBER = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
ARGUMENTS: Final = {
    "timed": [POINTER, COUNT, NUMBER, POINTER, COUNT, *[NUMBER] * 7, COUNT, *[POINTER] * 2],
    "closeness": [*[POINTER] * 7, *[COUNT] * 7, NUMBER, POINTER],
    "unsafety": [*[POINTER] * 6, *[COUNT] * 6, *[NUMBER] * 3, POINTER],
    "look": [POINTER, POINTER, COUNT, COUNT, POINTER, COUNT, POINTER, POINTER],
}


@cache
def functions() -> dict[str, Callable[..., int]]:
    """By name; empty where they cannot be built."""
    try:
        library = loaded(library_of(SOURCE.read_text(encoding="utf-8"), SOURCE.stem, OPTIONS)[0])
    except (PhysicalAIError, OSError):
        return {}
    found: dict[str, Callable[..., int]] = {}
    for name, arguments in ARGUMENTS.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, COUNT
        found[name] = function
    return found


def at(array: NDArray[Any]) -> int:
    """Where its first element is; the array must be contiguous, and be kept."""
    address: int = array.__array_interface__["data"][0]
    return address


def packed(array: Array) -> Array:
    """Contiguous doubles: the array itself where it is so already."""
    return np.ascontiguousarray(array, dtype=np.float64)
