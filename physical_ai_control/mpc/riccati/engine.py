"""The compiled solver for one problem: C where there is a compiler, else numba; believed only after it was checked.

What it is checked against is the kernel's Python text, run as plain Python on a few problems (milliseconds each). Both
backends call `riccati_solve(given, answer, memory)` on the three flat arrays of layout.py.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from platform import machine
from types import ModuleType
from typing import Final, Literal, NamedTuple

import numpy as np

from physical_ai_control.mpc.problem import Ocp
from physical_ai_control.mpc.riccati.generate import c_source, python_source
from physical_ai_control.mpc.riccati.layout import Arrays, Sizes
from physical_ai_control.mpc.riccati.stage import Stage, build
from physical_ai_control.mpc.transcription import SMOOTH_M2
from physical_ai_core.errors import DependencyError, PhysicalAIError
from physical_ai_core.geometry import Array
from physical_ai_core.native import BuildError, library_of, loaded, private_folder

Backend = Literal["c", "numba", "python"]
# Sums may be reordered and products contracted; NaN must hold, or a check on it would be compiled away. Never
# -ffast-math itself: linking with it makes the whole process flush small numbers to zero.
C_OPTIONS: Final = (
    "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-fassociative-math", "-freciprocal-math",
    "-ffp-contract=fast", "-fopenmp-simd", *(["-mprefer-vector-width=512"] if machine() == "x86_64" else []),
)  # fmt: skip
PLAIN: Final = "def jit(function):\n    return function\n\n"
NUMBA: Final = (
    "import numba\njit = numba.njit(cache=True, error_model='numpy',"
    " fastmath={'contract', 'nsz', 'reassoc', 'arcp'})\n\n"
)
AGREE: Final = 1e-6  # of both answers, relative to 1 + their size


class Engine(NamedTuple):
    """`call` solves what is in `given` and says the status; `given["weights"]` are already those of the problem."""

    backend: Backend
    sizes: Sizes
    given: Arrays
    answer: Arrays
    memory: Arrays
    call: Callable[[], int]
    why: str  # why the backends before this one were not taken


def make_engine(ocp: Ocp, wanted: Backend | None = None, bounded: tuple[int, ...] | None = None) -> Engine:
    """The fastest backend that can be had and gives the right answer, or the `wanted` one.

    `bounded`: states whose bounds are heeded; None: all. Raises BuildError when there is none.
    """
    model, stage = ocp.model, build(ocp.model, ocp.dt_s, SMOOTH_M2)
    heeded = tuple(range(model.nx)) if bounded is None else bounded
    sizes = Sizes(
        model.nx, model.nu, ocp.steps, ocp.moving, ocp.static, stage.varying, len(stage.hessian), heeded,
        ocp.braking_mps2 > 0.0,
    )  # fmt: skip
    given, answer, memory = Arrays(sizes.given), Arrays(sizes.answer), Arrays(sizes.memory)
    given["weights"][:] = weights(ocp)
    given["options"][6] = 0.5 / ocp.braking_mps2 if sizes.ends else 0.0
    refusals: list[PhysicalAIError] = []
    for backend in (wanted,) if wanted else ("c", "numba"):
        try:
            solve = _load(backend, stage, sizes)
            if backend != "python":
                verify(solve, stage, sizes, given["weights"])
        except PhysicalAIError as error:
            refusals.append(error)
            continue
        except Exception as error:  # whatever a just-in-time compiler stumbles over: the robot drives without it
            refusals.append(BuildError(f"{backend} failed: {type(error).__name__}: {error}.", "Clear its cache."))
            continue
        call: Callable[[], int] = partial(solve, given.flat, answer.flat, memory.flat)
        if isinstance(solve, _Native):
            call = partial(solve.function, *(array.flat.ctypes.data for array in (given, answer, memory)))
        return Engine(backend, sizes, given, answer, memory, call, " ".join(map(str, refusals)))
    causes = " ".join(error.cause for error in refusals)
    raise BuildError(f"The Riccati solver cannot run: {causes}", "Install gcc, or numba (physical_ai[fast]).")


def weights(ocp: Ocp) -> Array:
    """In the order of the kernel."""
    return np.array([
        *ocp.state_weights, *ocp.input_weights, ocp.terminal_factor, *ocp.slack_linear, *ocp.slack_quadratic,
    ])  # fmt: skip


class _Native:
    """`riccati_solve` of the library, called with arrays."""

    def __init__(self, path: Path) -> None:
        library = loaded(path)
        self.function = library.riccati_solve
        self.function.argtypes, self.function.restype = [ctypes.c_void_p] * 3, ctypes.c_int64

    def __call__(self, given: Array, answer: Array, memory: Array) -> int:
        return int(self.function(given.ctypes.data, answer.ctypes.data, memory.ctypes.data))


def _load(backend: Backend, stage: Stage, sizes: Sizes) -> Callable[[Array, Array, Array], int]:
    if backend == "c":
        return _Native(library_of(c_source(stage, sizes), "riccati", C_OPTIONS)[0])
    if backend == "python":
        return _module(python_source(stage, sizes, PLAIN), None).riccati_solve  # type: ignore[no-any-return]
    if importlib.util.find_spec("numba") is None:
        raise DependencyError("numba", "fast")
    # numba caches machine code beside the module it came from; the module's name is the hash of all that shapes it.
    return _module(python_source(stage, sizes, NUMBA), private_folder()).riccati_solve  # type: ignore[no-any-return]


def _module(text: str, folder: Path | None) -> ModuleType:
    """The text as a module; kept as a file in the folder, if any."""
    name = f"riccati_{hashlib.sha256(text.encode()).hexdigest()[:24]}"
    if folder is None:
        module = ModuleType(name)
        exec(compile(text, name, "exec"), module.__dict__)
        return module
    path = folder / f"{name}.py"
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # numba looks it up when it reads its cache
    spec.loader.exec_module(module)
    return module


def verify(solve: Callable[[Array, Array, Array], int], stage: Stage, sizes: Sizes, of: Array) -> None:
    """Compare with plain Python: a cold start, a warm one, a warm one later. Raises BuildError."""
    plain = _load("python", stage, sizes)
    given = Arrays(sizes.given)
    memories, answers = [Arrays(sizes.memory) for _ in range(2)], [Arrays(sizes.answer) for _ in range(2)]
    for turn, (mu, shift) in enumerate(((1.0, -1.0), (0.1, 0.0), (0.1, 0.5))):
        example(given, sizes, of, turn)
        given["options"][:7] = mu, 1e-4, 1e-4, 1e-3, 12, shift, 0.3
        status = [
            f(given.flat, answer.flat, memory.flat)
            for f, answer, memory in zip((solve, plain), answers, memories, strict=True)
        ]
        found, right = (answer.flat for answer in answers)
        if status[0] != status[1] or not (np.abs(found - right) <= AGREE * (1.0 + np.abs(right))).all():
            worst = float(np.abs(found - right).max())
            raise BuildError(
                f"A compiled Riccati solver is {worst:.1e} away from plain Python: it is not used.",
                "Another compiler, or numba.",
            )


def example(given: Arrays, sizes: Sizes, of: Array, turn: int) -> None:
    """A robot in a bend that must evade points beside and on its way; something of everything is active."""
    k, nx = np.arange(sizes.steps + 1), sizes.nx
    given.flat[:] = 0.0
    given["weights"][:] = of
    given["x0"][:4], given["x0"][4:] = (0.05 * turn, 0.1, 0.2, 0.5), 0.1
    given["reference"][:, :4] = np.column_stack([0.1 * k, 0.02 * k, 0.2 + 0.01 * k, 0.0 * k + 1.1])
    given["guess_x"][:] = given["reference"]
    given["guess_x"][0] = given["x0"]
    most = np.array([1e4, 1e4, 1e4, 1.0, *([0.8] * (nx - 4))])
    given["x_low"][:], given["x_high"][:] = -most, most
    given["x_low"][:, 3] = -0.1
    given["u_low"][:], given["u_high"][:] = -1.0, 1.0
    row = np.arange(sizes.rows)
    given["keep_away"][..., 0], given["keep_away"][..., 1] = 0.6 + 0.3 * row, 0.3 * (-1.0) ** row
    given["keep_away"][..., 2], given["keep_away"][..., 3] = np.where(row == 2, 0.0, 0.5), 0.1 * (row % 2)
