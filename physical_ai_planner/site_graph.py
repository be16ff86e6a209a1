"""A large site as a small graph: blocks of the grid, each cut into the connected pieces of its allowed cells.

The graph joins what the grid joins, no more and no less, so a far goal is found over some thousand nodes and the exact
search is left a corridor of cells along that way. Source: Sturtevant and Buro, "Partial pathfinding using map
abstraction and refinement", AAAI 2005; the pieces of blocks after Botea et al., "Near optimal hierarchical
path-finding", 2004.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from physical_ai_core.geometry import Array

BLOCK = 8  # cells along the edge of a block
HALO = 1  # pieces beside the way that the corridor takes in
EIGHT = np.ones((3, 3), dtype=bool)
NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))

Cell = tuple[int, int]
Mask = NDArray[np.bool_]


class SiteGraph:
    """Pieces of `allowed` (H, W), whose cells usually cost `cost` (H, W).

    `label` (H, W): piece of each cell from 1, 0 where not allowed.
    """

    def __init__(self, allowed: Mask, cost: Array, block: int = BLOCK) -> None:
        self.shape: Cell = (allowed.shape[0], allowed.shape[1])
        self.label = _pieces(allowed, block)
        self.count = int(self.label.max()) + 1
        flat = self.label.ravel()
        rows, columns = np.divmod(np.arange(flat.size), self.shape[1])
        self.size = np.bincount(flat, minlength=self.count)
        self._usual = np.where(allowed, cost, 0.0)
        self._total = np.bincount(flat, weights=self._usual.ravel(), minlength=self.count)
        sums = [np.bincount(flat, weights=w, minlength=self.count) for w in (rows, columns)]
        self.centre = np.column_stack(sums) / np.maximum(self.size, 1)[:, None]  # in cells
        self.a, self.b = _touching(self.label)
        self.length = np.hypot(*(self.centre[self.a] - self.centre[self.b]).T)  # in cells

    def piece_near(self, cell: Cell, reach: int) -> int:
        """Piece of a cell, else the piece of the nearest allowed cell within `reach` cells; 0 for none."""
        here = int(self.label[cell])
        if here or reach <= 0:
            return here
        top, left = max(0, cell[0] - reach), max(0, cell[1] - reach)
        window = self.label[top : cell[0] + reach + 1, left : cell[1] + reach + 1]
        found = np.argwhere(window > 0)
        if not len(found):
            return 0
        away = np.hypot(*(found + np.array([top - cell[0], left - cell[1]])).T)
        best = int(np.argmin(away))
        return int(window[tuple(found[best])]) if away[best] <= reach else 0

    def lengths(self, cells: ArrayLike) -> Array:
        """Lengths (N, N), in cells, of the ways between cells (N, 2); inf where there is none.

        Within a piece and to a piece that touches it the straight line counts.
        """
        at = np.asarray(cells, dtype=np.intp).reshape(-1, 2)
        piece = self.label[at[:, 0], at[:, 1]]
        far = np.full((len(at), len(at)), np.inf)
        known = piece > 0
        own, where = np.unique(piece[known], return_inverse=True)
        if len(own):
            between = dijkstra(self._graph(self.length), indices=own)[:, own]
            far[np.ix_(known, known)] = between[np.ix_(where, where)]
        line = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
        near = far <= 2.5 * BLOCK
        return np.where(np.isfinite(far), np.where(near, line, np.maximum(far, line)), np.inf)

    def _graph(self, weight: Array) -> csr_matrix:
        both = (np.r_[self.a, self.b], np.r_[self.b, self.a])
        return csr_matrix((np.r_[weight, weight], both), shape=(self.count, self.count))

    def corridor(self, price: Array, start: int, goal: int) -> Mask | None:
        """Cells (H, W) of the pieces on and beside the cheapest way from one piece to another, or None for no way.

        `price` (H, W): of a metre, finite where allowed; a piece costs the mean over its cells.
        """
        other = np.flatnonzero((price != self._usual) & (self.label > 0))
        label = self.label.ravel()[other]
        more = price.ravel()[other] - self._usual.ravel()[other]
        total = self._total + np.bincount(label, weights=more, minlength=self.count)
        mean = total / np.maximum(self.size, 1)
        weight = self.length * 0.5 * (mean[self.a] + mean[self.b])
        graph = self._graph(weight)
        spent, before = dijkstra(graph, indices=start, return_predecessors=True)
        if not np.isfinite(spent[goal]):
            return None
        chosen = np.zeros(self.count, dtype=bool)
        node = goal
        while node >= 0:
            chosen[node] = True
            node = int(before[node])
        for _ in range(HALO):
            wider = chosen.copy()
            wider[self.a[chosen[self.b]]] = True
            wider[self.b[chosen[self.a]]] = True
            chosen = wider
        chosen[0] = False
        return np.asarray(chosen[self.label])


def way_within(price: Array, within: Mask, start: Cell, goal: Cell) -> NDArray[np.intp] | None:
    """Cheapest way, cells (N, 2), over the cells of a mask alone; None for none. As `search.Field`, on a part."""
    inside = within & np.isfinite(price)
    shape = inside.shape
    inside[start] = inside[start] or bool(np.isfinite(price[start]))
    inside[goal] = inside[goal] or bool(np.isfinite(price[goal]))
    if not (inside[start] and inside[goal]):
        return None
    rows, columns = np.divmod(np.flatnonzero(inside), shape[1])
    number = np.full(shape, -1, dtype=np.int32)
    number[rows, columns] = np.arange(len(rows), dtype=np.int32)
    at = price[rows, columns]
    source, target, weight = [], [], []
    for down, right in NEIGHBOURS:
        r, c = rows + down, columns + right
        fits = (r < shape[0]) & (c >= 0) & (c < shape[1])
        here = np.flatnonzero(fits)
        there = number[r[fits], c[fits]]
        here, there = here[there >= 0], there[there >= 0]
        source.append(here)
        target.append(there)
        weight.append(0.5 * np.hypot(down, right) * (at[here] + at[there]))
    a, b, w = np.concatenate(source), np.concatenate(target), np.concatenate(weight)
    graph = csr_matrix((np.r_[w, w], (np.r_[a, b], np.r_[b, a])), shape=(len(rows), len(rows)))
    first, last = int(number[start]), int(number[goal])
    spent, following = dijkstra(graph, indices=last, return_predecessors=True)
    if not np.isfinite(spent[first]):
        return None
    nodes = [first]
    while nodes[-1] != last:
        nodes.append(int(following[nodes[-1]]))
    return np.column_stack([rows[nodes], columns[nodes]])


def _pieces(allowed: Mask, block: int) -> NDArray[np.int32]:
    """Label (H, W): walls one cell wide are put between the blocks, so that one labelling cuts them all."""
    height, width = allowed.shape
    down, right = -(-height // block), -(-width // block)
    whole = np.zeros((down * block, right * block), dtype=bool)
    whole[:height, :width] = allowed
    walled = np.zeros((down, block + 1, right, block + 1), dtype=bool)
    walled[:, :block, :, :block] = whole.reshape(down, block, right, block)
    label = np.empty((down * (block + 1), right * (block + 1)), dtype=np.int32)
    ndimage.label(walled.reshape(label.shape), EIGHT, output=label)
    parts = label.reshape(down, block + 1, right, block + 1)[:, :block, :, :block]
    return np.ascontiguousarray(parts.reshape(down * block, right * block)[:height, :width])


def _touching(label: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of pieces with cells that are neighbours (8), each pair once."""
    pairs = []
    height, width = label.shape
    for down, right in NEIGHBOURS:
        here = label[: height - down, max(0, -right) : width - max(0, right)]
        there = label[down:, max(0, right) : width - max(0, -right)]
        apart = (here != there) & (here > 0) & (there > 0)
        a, b = here[apart].astype(np.int64), there[apart].astype(np.int64)
        pairs.append(np.column_stack([np.minimum(a, b), np.maximum(a, b)]))
    every = np.concatenate(pairs)
    code = np.unique(every[:, 0] * (int(label.max()) + 1) + every[:, 1])
    first, second = np.divmod(code, int(label.max()) + 1)
    return first, second
