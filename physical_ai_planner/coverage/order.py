"""In which order the parts of a field are driven, and each from which end.

Every part can be driven in several ways, each with an entry and an exit. A tour over the parts is found by a library's
travelling-salesman search (networkx: greedy, then simulated annealing) with the best of their ways; for a given tour
the ways are then chosen exactly by dynamic programming, and parts are moved within the tour while that saves driving.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array

FAR = 1e7  # stands for no way at all: left to the end
MOST_MOVED = 24  # more parts than this are not moved about one by one
MOST_ROUNDS = 3
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
    links = _Links(
        [cost[0, into] for into in ways], [[cost[np.ix_(out + 1, into)] for into in ways] for out in ways], ways
    )
    least = _least(links)
    best = min([_nearest(links), _greedy(least), *_searched(least)], key=lambda tour: _spent(links, tour))
    if 2 < count <= MOST_MOVED:
        best = _moved(links, best)
    return _chosen(links, best)


class _Links(NamedTuple):
    """Cost of each way from the start, and (exits, entries) from each part to each."""

    first: list[Array]
    between: list[list[Array]]
    ways: list[NDArray[np.intp]]


def _least(links: _Links) -> Array:
    """(1 + P, P): the cheapest of the ways from part to part; row 0 from the start."""
    rows = [[float(cost.min()) for cost in links.first]]
    rows += [
        [FAR if p == q else float(cost.min()) for q, cost in enumerate(row)] for p, row in enumerate(links.between)
    ]
    return np.array(rows)


def _nearest(links: _Links) -> Tour:
    """Always the part that is the nearest to where the one before really ended."""
    left, tour, ahead = set(range(len(links.ways))), [], links.first
    while left:
        nearest = min(left, key=lambda q: (float(ahead[q].min()), q))
        tour.append(nearest)
        left.discard(nearest)
        way = int(ahead[nearest].argmin())
        ahead = [cost[way] for cost in links.between[nearest]]
    return tour


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


def _spent(links: _Links, tour: Sequence[int]) -> float:
    """Driving of a tour with the best way for each part."""
    spent = links.first[tour[0]]
    for before, after in pairwise(tour):
        spent = (spent[:, None] + links.between[before][after]).min(axis=0)
    return float(spent.min())


def _chosen(links: _Links, tour: Sequence[int]) -> list[int]:
    """The best way for each part of a tour, by dynamic programming."""
    spent, back = links.first[tour[0]], []
    for before, after in pairwise(tour):
        total = spent[:, None] + links.between[before][after]
        back.append(np.argmin(total, axis=0))
        spent = np.min(total, axis=0)
    at = int(np.argmin(spent))
    chosen = [int(links.ways[tour[-1]][at])]
    for step in range(len(back) - 1, -1, -1):
        at = int(back[step][at])
        chosen.append(int(links.ways[tour[step]][at]))
    return chosen[::-1]


def _moved(links: _Links, tour: Tour) -> Tour:
    """Parts are put elsewhere in the tour, and stretches of it turned about, while that saves driving."""
    best, improved, rounds = _spent(links, tour), True, 0
    while improved and rounds < MOST_ROUNDS:
        improved, rounds = False, rounds + 1
        for i in range(len(tour)):
            for j in range(len(tour)):
                rest = tour[:i] + tour[i + 1 :]
                tried = [[*rest[:j], tour[i], *rest[j:]]]
                if i < j:
                    tried.append(tour[:i] + tour[i : j + 1][::-1] + tour[j + 1 :])
                for other in tried:
                    spent = _spent(links, other)
                    if spent < best - 1e-6:
                        tour, best, improved = other, spent, True
    return tour
