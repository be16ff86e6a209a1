"""In which order the parts of a field are driven, and each from which end.

Every part can be driven in several ways, each with an entry and an exit. A tour over the parts is found by a library's
travelling-salesman search (networkx: greedy, then simulated annealing) with the best of their ways; for a given tour
the ways are then chosen exactly by dynamic programming, and parts are moved within the tour while that saves driving.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array

FAR = 1e7  # stands for no way at all: left to the end
MOST_MOVED = 16  # more parts than this are not moved about one by one
SEED = 7

Tour = list[int]


def order(between: Array, inside: Array, part: NDArray[np.intp]) -> list[int]:
    """Indices of one way for every part, in the order of driving.

    `between` (1 + M, M): driving from the start (row 0) and from the exit of each way to the entry of each way;
    `inside` (M,): driving within each way; `part` (M,): number of the part that a way drives, from 0.
    """
    count = int(part.max()) + 1 if len(part) else 0
    if not count:
        return []
    cost = np.where(np.isfinite(between), between, FAR) + inside[None, :]
    ways = [np.flatnonzero(part == p) for p in range(count)]
    least = _least(cost, ways)
    tours = [_greedy(least), *_searched(least)]
    best = min(tours, key=lambda tour: _chosen(cost, ways, tour)[0])
    if 2 < count <= MOST_MOVED:
        best = _moved(cost, ways, best)
    return _chosen(cost, ways, best)[1]


def _least(cost: Array, ways: Sequence[NDArray[np.intp]]) -> Array:
    """(1 + P, P): the cheapest of the ways from part to part; row 0 from the start."""
    least = np.full((len(ways) + 1, len(ways)), FAR)
    for q, into in enumerate(ways):
        least[0, q] = cost[0, into].min()
        for p, out in enumerate(ways):
            if p != q:
                least[p + 1, q] = cost[np.ix_(out + 1, into)].min()
    return least


def _greedy(least: Array) -> Tour:
    left, tour, at = set(range(least.shape[1])), [], 0
    while left:
        nearest = min(left, key=lambda q: (least[at, q], q))
        tour.append(nearest)
        left.discard(nearest)
        at = nearest + 1
    return tour


def _searched(least: Array) -> list[Tour]:
    count = least.shape[1]
    if count < 4:
        return []
    graph = nx.DiGraph()
    for p in range(count + 1):
        for q in range(count + 1):
            if p != q:  # back to the start is free: the robot need not return
                graph.add_edge(p, q, weight=0.0 if q == 0 else float(least[p, q - 1]))
    found = nx.approximation.simulated_annealing_tsp(
        graph, init_cycle="greedy", weight="weight", source=0, temp=100, seed=SEED, N_inner=50
    )
    return [[node - 1 for node in found[1:-1]]]


def _chosen(cost: Array, ways: Sequence[NDArray[np.intp]], tour: Sequence[int]) -> tuple[float, list[int]]:
    """Driving of a tour with the best way for each part, and these ways."""
    spent, back = cost[0, ways[tour[0]]], []
    for before, after in pairwise(tour):
        total = spent[:, None] + cost[np.ix_(ways[before] + 1, ways[after])]
        back.append(np.argmin(total, axis=0))
        spent = np.min(total, axis=0)
    at = int(np.argmin(spent))
    chosen = [int(ways[tour[-1]][at])]
    for step in range(len(back) - 1, -1, -1):
        at = int(back[step][at])
        chosen.append(int(ways[tour[step]][at]))
    return float(spent.min()), chosen[::-1]


def _moved(cost: Array, ways: Sequence[NDArray[np.intp]], tour: Tour) -> Tour:
    """Parts are put elsewhere in the tour, and stretches of it turned about, while that saves driving."""
    best, rounds = _chosen(cost, ways, tour)[0], 0
    improved = True
    while improved and rounds < 4:
        improved, rounds = False, rounds + 1
        for i in range(len(tour)):
            for j in range(len(tour)):
                rest = tour[:i] + tour[i + 1 :]
                tried = [[*rest[:j], tour[i], *rest[j:]]]
                if i < j:
                    tried.append(tour[:i] + tour[i : j + 1][::-1] + tour[j + 1 :])
                for other in tried:
                    spent = _chosen(cost, ways, other)[0]
                    if spent < best - 1e-6:
                        tour, best, improved = other, spent, True
    return tour
