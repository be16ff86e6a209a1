"""The recurrence through the C of this folder."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from physical_ai_core.native import BuildError, loaded, shared_library
from physical_ai_world_model.ssm.packing import ELAPSED_LIMIT_S, FEATURE_LIMIT, Floats, padded
from physical_ai_world_model.ssm.shape import Shape

SOURCE: Final = Path(__file__).with_name("recurrence.c")


class _Call(ctypes.Structure):
    """`struct call` of the C file."""

    _fields_ = [
        (name, ctypes.c_void_p) for name in ("weights", "features", "elapsed_s", "state", "hidden")
    ] + [("agents", ctypes.c_int64)]  # fmt: skip


class Native:
    """Engine over the flat weights of `packing.pack`. Raises BuildError where there is no library."""

    def __init__(self, flat: Floats, shape: Shape) -> None:
        path, self.compiler = shared_library(SOURCE, defines(shape))
        library = loaded(path)
        self._flat = flat
        self._advance = library.recurrence_advance
        self._advance.argtypes, self._advance.restype = [ctypes.c_void_p], ctypes.c_int64
        library.recurrence_bytes.restype = ctypes.c_int64
        found = library.recurrence_bytes()
        if found != flat.nbytes:
            raise BuildError(f"The library reads {found} bytes of weights, not {flat.nbytes}.", f"Remove {path}.")

    def bind(self, features: Floats, elapsed_s: Floats, state: Floats, hidden: Floats) -> Callable[[], int]:
        """A step over these very arrays, which the caller keeps alive; it says how many agents it refused."""
        arrays = (self._flat, features, elapsed_s, state, hidden)
        call = _Call(*(array.ctypes.data for array in arrays), len(features))
        return partial(self._advance, ctypes.byref(call))


def defines(shape: Shape) -> dict[str, str]:
    """The sizes, for the compiler's command line."""
    return {
        "FEATURES": str(shape.features), "WIDTH": str(shape.width), "INNER": str(shape.inner),
        "STATE": str(shape.state), "RANK": str(shape.rank), "LAYERS": str(shape.layers),
        "PROJECTED": str(padded(2 * shape.state + shape.rank)),
        "FEATURE_LIMIT": f"{FEATURE_LIMIT:.1f}f", "ELAPSED_LIMIT": f"{ELAPSED_LIMIT_S:.1f}f",
    }  # fmt: skip
