"""Matrices of a language model stored row by row: numbers, steps and what they take, without holding the whole.

A row's step is a share of its own root mean square, in bfloat16. Rows of the vocabulary that training sentences use may
have a finer share than the others: of 262,144 pieces a robot's orders use a few thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.compact import rans, rf8
from physical_ai_learning.compression.quantise import EIGHT_BITS, row_steps

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]
HEAD: Final = "model.embed_tokens.weight"
AT_ONCE: Final = 8192  # rows


class Source(Protocol):
    """Full weights by name (`physical_ai_planner.language.tensors.FileWeights`)."""

    def tensor(self, name: str) -> Any: ...
    def rows(self, name: str, ids: Sequence[int]) -> Any: ...
    def has(self, name: str) -> bool: ...


@dataclass(frozen=True)
class Way:
    """How matrices are stored: `bf16`, `int8`, `rf8`, or `uniform` with shares of the step for matrices, for rows of
    the vocabulary that are used, and for the others."""

    kind: str
    matrices: float = 0.0
    used: float = 0.0
    unused: float = 0.0


@dataclass
class Counted:
    """Bits so far: of numbers by a table of their own, of steps and of what stays in bf16."""

    fixed_bits: float = 0.0
    counts: dict[str, Numbers] = field(default_factory=dict)
    int8: list[bytes] = field(default_factory=list)

    def add(self, table: str, numbers: Numbers) -> None:
        found = np.bincount(numbers.ravel() + OFFSET, minlength=2 * OFFSET)
        self.counts[table] = self.counts.get(table, np.zeros(2 * OFFSET, dtype=np.int64)) + found

    @property
    def coded_bytes(self) -> float:
        """With rANS, tables included (as long as their levels in golomb at five bits)."""
        bits = self.fixed_bits
        for counts in self.counts.values():
            there = np.flatnonzero(counts)
            own = counts[there[0] : there[-1] + 1]
            shares = rans.shares_of(rans.levels_of(own))
            bits += float(own @ (rans.SHARE_BITS - np.log2(shares))) + 5.0 * len(own)
        return bits / 8.0


OFFSET: Final = 2000


def stored(value: Floats, way: Way, share: float, bias: int) -> tuple[Floats, Numbers | None, int]:
    """What comes back of rows (n, H), the whole numbers that stand for them, and bits of the steps."""
    if way.kind == "bf16":
        return value, None, 0
    if way.kind == "rf8":
        codes = rf8.encode(value, bias)
        signed = np.where(codes > rf8.NAN_CODE, rf8.NAN_CODE - codes.astype(np.int64), codes)
        return rf8.decode(codes, bias), signed, 0
    steps = row_steps(value, EIGHT_BITS)
    if way.kind == "uniform":
        size = np.sqrt(np.mean(value.astype(np.float64) ** 2, axis=1))
        steps = np.where(size > 0.0, share * size, 1.0).astype(np.float32)
    steps = (steps.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)  # bfloat16, towards zero
    steps = np.maximum(steps, np.float32(1e-30))
    numbers = np.clip(np.rint(value / steps[:, None]), 1 - OFFSET, OFFSET - 1)
    return (numbers * steps[:, None]).astype(np.float32), numbers.astype(np.int64), 16 * len(value)


class StoredWeights:
    """`lean.Weights` that gives back what a way of storing leaves of a model."""

    def __init__(self, source: Source, way: Way, used: NDArray[np.bool_]) -> None:
        self._source, self._way, self._used = source, way, used
        self._biases: dict[str, int] = {}

    def has(self, name: str) -> bool:
        return self._source.has(name)

    def tensor(self, name: str) -> Any:
        import torch

        value = self._source.tensor(name)
        if value.ndim < 2:
            return value
        back, _, _ = stored(value.float().numpy(), self._way, self._way.matrices, self.bias(name))
        return torch.from_numpy(back).to(torch.bfloat16)

    def rows(self, name: str, ids: Sequence[int]) -> Any:
        import torch

        value = self._source.rows(name, ids).float().numpy()
        back = np.empty_like(value)
        finer = self._used[np.asarray(ids, dtype=np.int64)]
        for which, share in ((finer, self._way.used), (~finer, self._way.unused)):
            if which.any():
                back[which] = stored(value[which], self._way, share, self.bias(name))[0]
        return torch.from_numpy(back).to(torch.bfloat16)

    def bias(self, name: str) -> int:
        """RF8's exponent for a whole tensor."""
        if self._way.kind != "rf8":
            return 0
        if name not in self._biases:
            self._biases[name] = rf8.bias_for([float(self._source.tensor(name).abs().max())])
        return self._biases[name]


def measure(
    source: Source, names: Sequence[str], way: Way, used: NDArray[np.bool_], keep_int8: bool = False,
    told: Callable[[], None] = lambda: None,
) -> Counted:  # fmt: skip
    """What all tensors take that way. `keep_int8`: the numbers too, as bytes, for another coder."""
    weights, found = StoredWeights(source, way, used), Counted()
    for name in names:
        value = source.tensor(name)
        if value.ndim < 2 or way.kind == "bf16":
            found.fixed_bits += 16.0 * value.numel()
            continue
        bias = weights.bias(name)
        for begin in range(0, len(value), AT_ONCE):
            part = value[begin : begin + AT_ONCE].float().numpy()
            groups = [("", way.matrices, np.ones(len(part), dtype=bool))]
            if name == HEAD:
                finer = used[begin : begin + AT_ONCE]
                groups = [("used", way.used, finer), ("unused", way.unused, ~finer)]
            for group, share, which in groups:
                if not which.any():
                    continue
                _, numbers, bits = stored(part[which], way, share, bias)
                found.fixed_bits += bits
                if numbers is not None:
                    found.add(f"{name} {group}", numbers)
                    if keep_int8:
                        found.int8.append(numbers.astype(np.int8).tobytes())
        told()
    return found
