"""Sets of ids, where a few dozen of them make numpy's set routines slower than a dictionary."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def common(one: NDArray[Any], other: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of both at which the same id stands; ids are unique in each."""
    where = {number: row for row, number in enumerate(one.tolist())}
    pairs = [(where[number], row) for row, number in enumerate(other.tolist()) if number in where]
    both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def first_rows(ids: NDArray[Any]) -> list[int]:
    """The row at which each id comes first, in the order of the rows."""
    where: dict[int, int] = {}
    for row, number in enumerate(ids.tolist()):
        where.setdefault(number, row)
    return list(where.values())
