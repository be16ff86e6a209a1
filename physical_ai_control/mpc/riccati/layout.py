"""Where everything lies in the three flat arrays that both backends read and write: `given`, `answer`, `memory`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from physical_ai_core.geometry import Array

LANES = 8  # stages are padded to a multiple of it: doubles in the widest vector register
NAMES = ("iterations", "mu", "residual", "status", "cost")  # of `answer["info"]`
SOLVED, LIMIT, BAD_INPUT, BROKEN = 0, 1, 2, 3  # `info` status


@dataclass(frozen=True)
class Sizes:
    """What the code is compiled for. `bounded`: states that have bounds; the others' are taken for infinite."""

    nx: int
    nu: int
    steps: int
    moving: int
    static: int
    varying: int  # entries of a stage's Jacobian that are no constants
    hessian: int  # entries of a stage's Hessian that may differ from zero
    bounded: tuple[int, ...]
    ends: bool = False  # whether there are rows at the end, on the place where braking would lead

    @property
    def rows(self) -> int:
        return self.moving + self.static

    @property
    def triangle(self) -> int:
        """Entries of a symmetric matrix over the states."""
        return self.nx * (self.nx + 1) // 2

    @property
    def stride(self) -> int:
        """Stages from 0 to N, padded."""
        return -(-(self.steps + 1) // LANES) * LANES

    @property
    def count(self) -> int:
        """Inequalities a stage: both bounds of states and inputs, distance rows, two slacks."""
        return 2 * len(self.bounded) + 2 * self.nu + self.rows + 2

    @cached_property
    def given(self) -> Mapping[str, tuple[int, ...]]:
        n, nx, nu = self.steps, self.nx, self.nu
        return {
            # mu at the start, mu at the end, tolerance, reach, most iterations, shift, 1 / (2 braking); one spare
            "options": (8,),
            "weights": (nx + nu + 5,),  # states, inputs, terminal factor, slack linear (2), slack quadratic (2)
            "x0": (nx,), "u_low": (nu,), "u_high": (nu,), "reference": (n + 1, nx), "x_low": (n + 1, nx),
            "x_high": (n + 1, nx), "guess_x": (n + 1, nx), "guess_u": (n, nu), "keep_away": (n + 1, self.rows, 4),
        }  # fmt: skip

    @cached_property
    def answer(self) -> Mapping[str, tuple[int, ...]]:
        n, nx, nu = self.steps, self.nx, self.nu
        sizes = {"info": (8,), "states": (n + 1, nx), "inputs": (n, nu), "slack": (n + self.ends, 2)}
        return {**sizes, "gains": (n, nu, nx)}

    @cached_property
    def memory(self) -> Mapping[str, tuple[int, ...]]:
        """`lam` is what a solve leaves to the next; the rest is scratch."""
        k, count, nx, nu = self.stride, self.count, self.nx, self.nu
        flat = ("lam", "t", "residual", "both", "inverse", "weight", "pull", "bend", "change", "along")
        shapes: dict[str, tuple[int, ...]] = {name: (count, k) for name in flat}
        return shapes | {
            "x": (nx, k), "u": (nu, k), "base_x": (nx, k), "base_u": (nu, k), "ref": (nx, k), "after": (nx, k),
            "d": (self.varying, k), "away": (4, k), "live": (1, k), "g": (3 * self.rows, k), "gap": (self.rows, k),
            "h": (self.hessian, k), "cost_h": (self.hessian, k), "q": (nx + nu, k), "dx": (nx, k), "du": (nu, k),
            "slack_pull": (2, k), "slack_inverse": (2, k), "slack_row": (6, k), "gain": (k, nu * nx),
            "quu": (k, nu * (nu + 1) // 2), "step": (k, nu),
            **({"brake": (1,), "brake_g": (self.rows,), "brake_h": (4,), "brake_row": (2,)} if self.ends else {}),
        }  # fmt: skip


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
