"""Loop closures: which old stretch the robot may be at again, whether it is, and where.

Candidates come from geometry alone: submaps whose keyframes may lie near, given how much the way through the graph may
have drifted. Each is verified by matching the points of the last keyframes with the submap. Where the doubt is large,
one match proves nothing (rooms look alike): candidates wait until enough of them tell the same story.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from physical_ai_core.geometry import Array
from physical_ai_perception.mapping import se2
from physical_ai_perception.mapping.correlative import Window, ambiguity, search, thin
from physical_ai_perception.mapping.matching import refine
from physical_ai_perception.mapping.odometry import Keyframe
from physical_ai_perception.mapping.parameters import MappingParameters
from physical_ai_perception.mapping.pose_graph import PoseGraph
from physical_ai_perception.mapping.submaps import Drawn, Submaps

SHIFTS: Final = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # of the doubt


class Closure(NamedTuple):
    """`motion` (3,) of keyframe `second` seen from keyframe `first`, with `information` (3, 3) in the first's axes."""

    first: int
    second: int
    motion: Array
    information: Array
    score: float
    doubt_m: float


class LoopCloser:
    """Proposes closures for the newest keyframe; keeps those that wait for company."""

    def __init__(self, parameters: MappingParameters, submaps: Submaps) -> None:
        self._p = parameters
        self._submaps = submaps
        self._waiting: deque[Closure] = deque(maxlen=parameters.pending)
        self._tried: dict[int, int] = {}
        self.searches = 0

    def forget(self) -> None:
        """Numbers have changed."""
        self._waiting.clear()
        self._tried.clear()

    def close(self, keyframes: list[Keyframe], graph: PoseGraph) -> list[Closure]:
        """Closures of the newest keyframe that are believed, and waiting ones that it confirms."""
        p, newest = self._p, len(keyframes) - 1
        path = self._path_m(graph, newest)
        believed: list[Closure] = []
        query = self._query(keyframes)
        for submap in self._candidates(query, keyframes, graph.poses, path, newest):
            closure = self._match(submap, query, keyframes, graph.poses, path, newest)
            if closure is None:
                self._tried[submap] = newest
                continue
            if closure.doubt_m <= p.search_from_m:
                believed.append(closure)
                continue
            company = [other for other in self._waiting if self._agree(closure, other, graph.poses)]
            self._waiting.append(closure)
            if len(company) + 1 >= p.agreeing:
                believed += [*company, closure]
                self._waiting.clear()
                break
        return believed

    def _path_m(self, graph: PoseGraph, newest: int) -> Array:
        """Length (N,) of the shortest way through the graph from the newest node; closures take no length."""
        p = self._p
        first, second = graph.ends
        motion = se2.between(graph.poses[first], graph.poses[second])
        length = np.where(graph.switched, 0.2, np.hypot(motion[:, 0], motion[:, 1]) + 0.1 * np.abs(motion[:, 2]) + 1e-3)
        size = len(graph)
        matrix = csr_matrix((length, (first, second)), shape=(size, size))
        limit = 2.0 * p.window_most_m / p.drift_m_per_m
        return np.asarray(dijkstra(matrix, directed=False, indices=newest, limit=limit))

    def _candidates(self, query: Array, keyframes: list[Keyframe], poses: Array, path: Array, newest: int) -> list[int]:
        """Submaps that may show the same walls, those first that have most in view; no two neighbours.

        None of the rolling map's stretch: the odometry has matched with those.
        """
        p = self._p
        count = self._submaps.finished(newest + 1 - p.rolling_keyframes)
        if count <= 0:
            return []
        half = p.submap_keyframes // 2
        gap = np.hypot(*(poses[: (count + 1) * half, :2] - poses[newest, :2]).T)
        near = np.minimum.reduceat(gap, np.arange(count + 1) * half)
        near = np.minimum(near[:-1], near[1:])
        doubt = p.drift_m + p.drift_m_per_m * path[np.arange(count) * half + half]
        may_reach = near - np.minimum(p.window_sigmas * doubt, p.window_most_m) < p.closure_reach_m
        possible = np.flatnonzero(may_reach & np.isfinite(doubt))
        possible = possible[np.argsort(near[possible] + doubt[possible], kind="stable")][: p.considered]
        worth = np.zeros(len(possible))
        for place, number in enumerate(possible.tolist()):
            there = se2.between(poses[self._submaps.middle(number)], poses[newest])
            sketch, points = self._submaps.sketch(number, keyframes, poses), se2.place(there, query)
            shifts = (
                SHIFTS * min(float(doubt[number]), p.window_most_m) if doubt[number] > p.search_from_m else SHIFTS[:1]
            )
            overlap = max(float(sketch.covers(points + shift).mean()) for shift in shifts)
            again = newest - self._tried.get(number, -p.tried_again_after) < p.tried_again_after
            worth[place] = (overlap - again) if overlap >= p.least_overlap else -2.0
        chosen: list[int] = []
        for place in np.argsort(-worth, kind="stable").tolist():
            number = int(possible[place])
            if worth[place] > -2.0 and all(abs(number - other) > 1 for other in chosen):
                chosen.append(number)
            if len(chosen) == p.closures_at_once:
                break
        return chosen

    def _query(self, keyframes: list[Keyframe]) -> Array:
        """Points of the last keyframes in the newest's frame, as the odometry laid them."""
        recent = keyframes[-self._p.query_keyframes :]
        placed = [se2.place(se2.between(recent[-1].pose, k.pose), k.points) for k in reversed(recent)]
        return thin(np.vstack(placed), self._p.query_cell_m)

    def _match(
        self, submap: int, query: Array, keyframes: list[Keyframe], poses: Array, path: Array, newest: int
    ) -> Closure | None:
        p, middle = self._p, self._submaps.middle(submap)
        drawn = self._submaps.draw(submap, keyframes, poses)
        predicted = se2.between(poses[middle], poses[newest])
        doubt_m = p.drift_m + p.drift_m_per_m * float(path[middle])
        doubt_rad = p.drift_rad + p.drift_rad_per_m * float(path[middle])
        start, window = predicted, None
        if doubt_m > p.search_from_m:
            self.searches += 1
            window = Window(
                predicted, min(p.window_sigmas * doubt_m, p.window_most_m),
                min(p.window_sigmas * doubt_rad, p.window_most_rad),
            )  # fmt: skip
            found = search(drawn.coarse, thin(query, p.search_cell_m), window, p.search_score)
            if found is None:
                return None
            start = found.pose
        weight = 2.0 / p.point_sigma_m**2
        rough = refine(drawn.coarse, query, start, weight * p.coarse_sigma_m**2)
        exact = refine(drawn.fine, query, rough.pose, weight * p.fine_sigma_m**2)
        score = self._score(submap, query, exact.pose, drawn, keyframes, poses)
        if score < p.closure_score:
            return None
        off = se2.between(predicted, exact.pose)
        if math.hypot(off[0], off[1]) > p.window_sigmas * doubt_m or abs(off[2]) > p.window_sigmas * doubt_rad:
            return None
        floor = np.diag([p.closure_sigma_m**2, p.closure_sigma_m**2, p.closure_sigma_rad**2])
        covariance = se2.inverse(exact.information + 1e-6 * np.eye(3)) + floor
        if window is not None:
            points = thin(query, p.search_cell_m)
            covariance += ambiguity(drawn.coarse, points, exact.pose, window, p.other_place_m, p.other_place_score)
        information = se2.inverse(covariance)
        return Closure(middle, newest, exact.pose, information, score, doubt_m)

    def _score(
        self, submap: int, query: Array, pose: Array, drawn: Drawn, keyframes: list[Keyframe], poses: Array
    ) -> float:
        """Mean of the fine field over the points that lie in what the submap has seen; 0 when these are too few."""
        placed = se2.place(pose, query)
        seen = self._submaps.sketch(submap, keyframes, poses).covers(placed)
        if len(seen) == 0 or seen.mean() < self._p.least_overlap or seen.sum() < self._p.least_points:
            return 0.0
        return float(drawn.fine.sample(placed[seen])[0].mean())

    def _agree(self, one: Closure, other: Closure, poses: Array) -> bool:
        """The two closures and the ways between their ends form a loop that closes."""
        if one.second == other.second:
            return False
        around = se2.compose(one.motion, se2.between(poses[one.second], poses[other.second]))
        direct = se2.compose(se2.between(poses[one.first], poses[other.first]), other.motion)
        off = se2.between(around, direct)
        way = math.hypot(*(poses[one.second, :2] - poses[other.second, :2]))
        return math.hypot(off[0], off[1]) < self._p.agree_m + 0.05 * way and abs(off[2]) < self._p.agree_rad
