"""Where everything lies in the three flat arrays that both backends read and write: `given`, `answer`, `memory`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from physical_ai_control.mpc.problem import NU, NX, Ocp
from physical_ai_core.geometry import Array

LANES = 8  # stages are padded to a multiple of it: doubles in the widest vector register
TRIANGLE = NX * (NX + 1) // 2
NAMES = ("iterations", "mu", "residual", "status", "cost")  # of `answer["info"]`
SOLVED, LIMIT, BAD_INPUT, BROKEN = 0, 1, 2, 3  # `info` status


@dataclass(frozen=True)
class Sizes:
    """What the code is compiled for. `bounded`: states that have bounds; the others' are taken for infinite."""

    steps: int
    moving: int
    static: int
    varying: int  # entries of a stage's Jacobian that are no constants
    hessian: int  # entries of a stage's Hessian that may differ from zero
    bounded: tuple[int, ...]

    @property
    def rows(self) -> int:
        return self.moving + self.static

    @property
    def stride(self) -> int:
        """Stages from 0 to N, padded."""
        return -(-(self.steps + 1) // LANES) * LANES

    @property
    def count(self) -> int:
        """Inequalities a stage: both bounds of states and inputs, distance rows, two slacks."""
        return 2 * len(self.bounded) + 2 * NU + self.rows + 2

    @cached_property
    def given(self) -> Mapping[str, tuple[int, ...]]:
        n = self.steps
        return {
            "options": (8,),  # mu at the start, mu at the end, tolerance, reach, most iterations, shift; two spare
            "weights": (NX + NU + 5,),  # states, inputs, terminal factor, slack linear (2), slack quadratic (2)
            "x0": (NX,), "u_low": (NU,), "u_high": (NU,), "reference": (n + 1, NX), "x_low": (n + 1, NX),
            "x_high": (n + 1, NX), "guess_x": (n + 1, NX), "guess_u": (n, NU), "keep_away": (n + 1, self.rows, 4),
        }  # fmt: skip

    @cached_property
    def answer(self) -> Mapping[str, tuple[int, ...]]:
        n = self.steps
        return {"info": (8,), "states": (n + 1, NX), "inputs": (n, NU), "slack": (n, 2), "gains": (n, NU, NX)}

    @cached_property
    def memory(self) -> Mapping[str, tuple[int, ...]]:
        """`lam` is what a solve leaves to the next; the rest is scratch."""
        k, count = self.stride, self.count
        flat = ("lam", "t", "residual", "both", "inverse", "weight", "pull", "bend", "change", "along")
        shapes: dict[str, tuple[int, ...]] = {name: (count, k) for name in flat}
        return shapes | {
            "x": (NX, k), "u": (NU, k), "base_x": (NX, k), "base_u": (NU, k), "ref": (NX, k), "after": (NX, k),
            "d": (self.varying, k), "away": (4, k), "live": (1, k), "g": (3 * self.rows, k), "gap": (self.rows, k),
            "h": (self.hessian, k), "cost_h": (self.hessian, k), "q": (NX + NU, k), "dx": (NX, k), "du": (NU, k),
            "slack_pull": (2, k), "slack_inverse": (2, k), "slack_row": (6, k), "gain": (k, NU * NX),
            "quu": (k, NU * (NU + 1) // 2), "step": (k, NU),
        }  # fmt: skip


def sizes_of(ocp: Ocp, varying: int, hessian: int, bounded: tuple[int, ...]) -> Sizes:
    return Sizes(ocp.steps, ocp.moving, ocp.static, varying, hessian, bounded)


def offsets(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Where each part begins; the last entry, '', is the length of all."""
    found, at = {}, 0
    for name, shape in shapes.items():
        found[name] = at
        at += -(-int(np.prod(shape)) // LANES) * LANES
    return {**found, "": at}


class Arrays:
    """A flat array, aligned to cache lines, and named views into it."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        at = offsets(shapes)
        room = np.zeros(at[""] + LANES)
        skip = (-room.ctypes.data % 64) // 8
        self.flat: Array = room[skip : skip + at[""]]
        self._views = {
            name: self.flat[at[name] : at[name] + int(np.prod(shape))].reshape(shape) for name, shape in shapes.items()
        }

    def __getitem__(self, name: str) -> Array:
        return self._views[name]
