"""The selective state space, one step at a time: O(1) a step and an agent, exact in continuous time.

Sizes (`Shape`): F features, d width, di inner channels, N states a channel, r rank, L layers. For features f, the time
dt since the agent's last step, and its state s (L, di, N):

    x = embed f + bias
    for each layer:
        u, z = split(in_proj LayerNorm(x));  u = silu(u)
        q, B, C = split(x_proj u, [r, N, N])
        delta = softplus(dt_proj q + bias) dt;  a = -exp(A_log)
        s = exp(a delta) s + (expm1(a delta) / a u) B'       zero-order hold, exact: k steps of dt / k are one of dt
        x = x + out_proj ((s C + D u) silu(z))
    h = LayerNorm(x)

The selective state space is that of Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces"
(2023), with one decay a channel, which makes the hold exact in the form that Mamba's kernel trains, and without the
convolution, whose fixed taps would tie the model to one sampling rate.

Three engines compute it: C compiled at first use (`native`), numba (`jit`), numpy (`plain`). A new engine is held
against numpy before it is trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.errors import DependencyError, InputError, PhysicalAIError
from physical_ai_core.native import BuildError
from physical_ai_world_model.ssm.packing import Floats, aligned, checked, pack
from physical_ai_world_model.ssm.plain import Plain
from physical_ai_world_model.ssm.shape import Shape

Wanted = Literal["auto", "c", "numba", "numpy"]
AGREEMENT: Final = 1e-3  # between an engine and numpy, of the largest value: a wrong engine is off by far more


class Backend(NamedTuple):
    """Which engine runs, and why that one."""

    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.name} ({self.why})"


class Engine(Protocol):
    """Anything that can step over fixed arrays: features (n, F), elapsed (n,), state (n, L, di, N), hidden (n, d)."""

    def bind(self, features: Floats, elapsed_s: Floats, state: Floats, hidden: Floats) -> Callable[[], int]: ...


class Recurrence:
    """The recurrence with given weights; keeps no state of any agent.

    A step costs the copy of its inputs, a call, and the copy of what it returns. The address of the state is kept while
    the very same array is passed, so keep one array for the agents that are there, and do not reshape it in place.
    Features and dt may be of any floating type. One thread at a time: the buffers are the object's own.

    Bad input concerns its agent alone: where a feature is not finite or beyond 1e6, or dt is not within [0, 1e6] s, the
    agent is refused: its state stays as it is, its row of h is NaN, and `refused` counts it. A state that is not finite
    stays so, and makes its own row of h NaN, until the caller sets it to zero. Raises ModelError for weights of other
    sizes, InputError for arrays of other sizes, DependencyError or BuildError where `backend` names what cannot run.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.generic]], shape: Shape, backend: Wanted = "auto") -> None:
        self.shape = shape
        self._flat, self._parts = pack(checked(weights, shape), shape)
        self._engine, self.backend = self._choose(backend)
        self.refused = 0
        self._state: Floats | None = None
        self._hidden: Floats = aligned((0, shape.width))

    @property
    def weight_bytes(self) -> int:
        """Read once in every step of one agent, and once for every four of many (C)."""
        return int(self._flat.nbytes)

    def new_state(self, agents: int) -> Floats:
        """Zeros (n, L, di, N) that begin on a cache line."""
        return aligned((agents, self.shape.layers, self.shape.inner, self.shape.state))

    def step(self, features: NDArray[np.floating], dt: NDArray[np.floating], state: Floats) -> Floats:
        """Advance n agents: features (n, F), elapsed seconds (n,), state (n, L, di, N) in place → h (n, d), new."""
        if state is not self._state:
            self._bind(state)
        if features.shape != self._features.shape:
            raise _wrong_size("features", features.shape, self._features.shape)
        if dt.shape != self._elapsed_s.shape:
            raise _wrong_size("dt", dt.shape, self._elapsed_s.shape)
        self._features[...] = features
        self._elapsed_s[...] = dt
        self.refused += self._run()
        answer: Floats = self._hidden.copy()
        return answer

    def _bind(self, state: Floats) -> None:
        """Buffers and call for this state. Raises InputError."""
        shape = self.shape
        size = (shape.layers, shape.inner, shape.state)
        if not isinstance(state, np.ndarray) or state.ndim != 4 or state.shape[1:] != size:
            raise _wrong_size("state", getattr(state, "shape", type(state).__name__), ("n", *size))
        if state.dtype != np.float32 or not state.flags.c_contiguous or not state.flags.writeable:
            raise InputError(
                f"The state is advanced in place; this one is {state.dtype}, strides {state.strides}.",
                "Pass a writable, C-contiguous float32 array, as new_state makes it.",
            )
        n = len(state)
        if self._state is None or n != len(self._state):
            self._features, self._elapsed_s = aligned((n, shape.features)), aligned((n,))
            self._hidden = aligned((n, shape.width))
        self._run = self._engine.bind(self._features, self._elapsed_s, state, self._hidden)
        self._state = state

    def _choose(self, wanted: Wanted) -> tuple[Engine, Backend]:
        """The first engine that can be had and agrees with numpy."""
        makers: dict[str, Callable[[], tuple[Engine, str]]] = {"c": self._native, "numba": self._jit}
        plain = Plain(self._parts, self.shape)
        if wanted not in ("auto", "numpy", *makers):
            raise InputError(f"There is no backend '{wanted}'.", "Choose auto, c, numba or numpy.")
        if wanted == "numpy":
            return plain, Backend("numpy", "as asked")
        reasons = []
        for name in makers if wanted == "auto" else (wanted,):
            try:
                engine, about = makers[name]()
                self._hold_against(engine, plain, name)
            except PhysicalAIError as error:
                if wanted != "auto":
                    raise
                reasons.append(error.cause)
                continue
            return engine, Backend(name, " ".join([*reasons, about]))
        return plain, Backend("numpy", " ".join(reasons))

    def _native(self) -> tuple[Engine, str]:
        from physical_ai_world_model.ssm.native.engine import Native

        engine = Native(self._flat, self.shape)
        return engine, f"compiled by {engine.compiler}"

    def _jit(self) -> tuple[Engine, str]:
        try:
            import numba

            from physical_ai_world_model.ssm.jit import Jit
        except ImportError as error:
            raise DependencyError("numba", "fast") from error
        return Jit(self._flat, self._parts, self.shape), f"numba {numba.__version__}"

    def _hold_against(self, engine: Engine, plain: Plain, name: str) -> None:
        """Three steps of five agents, one of them refused. Raises BuildError; numba compiles here, not in a tick."""
        rng = np.random.default_rng(0)
        answers = []
        state = self.new_state(5)
        state[...] = rng.normal(size=state.shape)
        inputs = rng.normal(size=(3, 5, self.shape.features)), rng.uniform(0.0, 1.0, (3, 5))
        inputs[0][1, 2, 0] = np.nan
        for candidate in (plain, engine):
            own, hidden = state.copy(), np.empty((3, 5, self.shape.width), np.float32)
            for k in range(3):
                features, elapsed_s = (value[k].astype(np.float32) for value in inputs)
                candidate.bind(features, elapsed_s, own, hidden[k])()
            answers.append((own, hidden))
        for told, true in zip(answers[1], answers[0], strict=True):
            bound = AGREEMENT * max(1.0, float(np.nanmax(np.abs(true))))
            if not np.allclose(told, true, rtol=0.0, atol=bound, equal_nan=True):
                raise BuildError(f"The {name} engine does not agree with numpy.", "Report processor and compiler.")


def _wrong_size(name: str, found: object, wanted: object) -> InputError:
    return InputError(f"{name} is of size {found}, not {wanted}.", "The state's first size is the number of agents.")
