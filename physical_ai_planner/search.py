"""Cheapest way over the grid: Dijkstra of scipy on the 8-connected cells, grown from the goal."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from physical_ai_core.geometry import Array

Cell = tuple[int, int]


class _Edges(NamedTuple):
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    length: Array  # in cells
    starts: NDArray[np.int32]  # of each node's edges, CSR


@lru_cache(maxsize=4)
def edges_of(shape: Cell) -> _Edges:
    """Both directions of every pair of neighbouring cells, sorted by source (CSR order); made once a shape."""
    rows, columns = shape
    index = np.arange(rows * columns, dtype=np.int32).reshape(shape)
    source, target, length = [], [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = index[: rows - down, max(0, -right) : columns - max(0, right)].ravel()
        there = index[down:, max(0, right) : columns - max(0, -right)].ravel()
        source += [here, there]
        target += [there, here]
        length += [np.full(here.size, float(np.hypot(down, right)))] * 2
    a, b, cells = np.concatenate(source), np.concatenate(target), np.concatenate(length)
    order = np.lexsort((b, a))
    starts = np.searchsorted(a[order], np.arange(rows * columns + 1)).astype(np.int32)
    return _Edges(a[order], b[order], cells[order], starts)


class Field:
    """Cost-to-go to one goal from every cell, with the way."""

    def __init__(self, cost: Array, goal: Cell) -> None:
        """`cost` (H, W): price of a cell per cell length, inf where it may not be entered."""
        self.shape: Cell = (cost.shape[0], cost.shape[1])
        edges, flat = edges_of(self.shape), cost.ravel()
        weights = 0.5 * edges.length * (flat[edges.source] + flat[edges.target])
        graph = csr_matrix((weights, edges.target, edges.starts), shape=(flat.size, flat.size))
        self._goal = int(np.ravel_multi_index(goal, self.shape))
        self.cost_to_go, self._next = dijkstra(graph, indices=self._goal, return_predecessors=True)

    def way(self, start: Cell) -> NDArray[np.intp] | None:
        """Cells (N, 2) from start to goal, or None where there is no way."""
        node = int(np.ravel_multi_index(start, self.shape))
        if not np.isfinite(self.cost_to_go[node]):
            return None
        nodes = [node]
        while node != self._goal:
            node = int(self._next[node])
            nodes.append(node)
        return np.column_stack(np.unravel_index(nodes, self.shape))
