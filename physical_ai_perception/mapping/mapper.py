"""SLAM: LiDAR odometry, keyframes, pose graph and loop closures, one scan at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array
from physical_ai_perception.mapping import se2
from physical_ai_perception.mapping.closures import LoopCloser
from physical_ai_perception.mapping.odometry import Keyframe, LidarOdometry, Step
from physical_ai_perception.mapping.parameters import MappingParameters
from physical_ai_perception.mapping.pose_graph import PoseGraph
from physical_ai_perception.mapping.submaps import Submaps


class Mapped(NamedTuple):
    """`pose` (3,) in the map as known now; `step` in the frame that never jumps; `keyframe` it hangs on, and how."""

    pose: Array
    step: Step
    keyframe: int
    offset: Array


class Mapper:
    """Bounded: beyond `most_keyframes` the oldest are forgotten."""

    def __init__(self, parameters: MappingParameters | None = None) -> None:
        self._p = p = parameters or MappingParameters()
        self.odometry = LidarOdometry(p)
        self.graph = PoseGraph(p.switch_chi2)
        self.keyframes: list[Keyframe] = []
        self._submaps = Submaps(p)
        self._closer = LoopCloser(p, self._submaps)
        self.pose = np.zeros(3)
        self._forgotten = 0
        self._solved_at = 0
        self._new_edges = 0
        self._settled = True
        self.closures = 0

    def step(self, stamp_s: float, odometry: Array, points: Array) -> Mapped:
        """One scan, as LidarOdometry takes it."""
        step = self.odometry.step(stamp_s, odometry, points)
        if not self._settled:
            self._relax()
        if step.keyframe is not None:
            self._add(step.keyframe, step)
        self._forget()
        last = self.keyframes[-1]
        offset = se2.between(last.pose, step.pose)
        self.pose = se2.compose(self.graph.poses[-1], offset)
        return Mapped(self.pose.copy(), step, self._forgotten + len(self.keyframes) - 1, offset)

    def _forget(self) -> None:
        """Beyond the cap a submap's worth of the oldest goes at a time, so that submaps keep their stretches."""
        count = self._p.submap_keyframes // 2
        if len(self.keyframes) <= self._p.most_keyframes:
            return
        del self.keyframes[:count]
        self.graph.drop_oldest(count)
        self._submaps.forget()
        self._closer.forget()
        self._forgotten += count
        self._solved_at -= count

    def _add(self, keyframe: Keyframe, step: Step) -> None:
        p = self._p
        self.keyframes.append(keyframe)
        if len(self.keyframes) == 1:
            self.graph.add_node(keyframe.pose)
            return
        before = self.keyframes[-2]
        motion = se2.between(before.pose, keyframe.pose)
        self.graph.add_node(se2.compose(self.graph.poses[-1], motion))
        floor = np.diag([p.edge_sigma_m**2, p.edge_sigma_m**2, p.edge_sigma_rad**2])
        covariance = se2.turn_covariance(-before.pose[2], step.covariance) + floor
        newest = len(self.graph) - 1
        self.graph.add_edge(newest - 1, newest, motion, se2.inverse(covariance))
        if newest % p.closure_every == 0 and self._settled:
            self._close()

    def _close(self) -> None:
        p, newest = self._p, len(self.graph) - 1
        found = self._closer.close(self.keyframes, self.graph)
        for closure in found:
            self.graph.add_edge(closure.first, closure.second, closure.motion, closure.information, True)
        self.closures += len(found)
        self._new_edges += len(found)
        urgent = bool(found) and float(self.graph.chi2()[-len(found) :].max()) > p.switch_chi2
        due = newest - self._solved_at >= max(p.optimise_every, p.optimise_share * newest)
        if self._new_edges and (urgent or due):
            self.graph.loosen()
            self._solved_at, self._new_edges, self._settled = newest, 0, False

    def _relax(self) -> None:
        """One step of the graph's optimisation a scan: the work of a scan stays bounded."""
        self._settled = self.graph.relax()
        if self._settled:
            self.graph.drop_edges(self.graph.switched & (self.graph.chi2() > self._p.contradicted_chi2))

    def settle(self) -> None:
        """Optimise with every edge known: at the end of a log, or when there is time."""
        self.graph.optimise()

    def poses(self, keyframes: ArrayLike) -> Array:
        """Poses (N, 3) in the map as known now of keyframes (N,) by the numbers that `Mapped` says.

        Raises InputError for one that is forgotten.
        """
        places = np.asarray(keyframes, dtype=np.intp) - self._forgotten
        if (places < 0).any() or (places >= len(self.keyframes)).any():
            raise InputError("A keyframe is asked for that the map has forgotten.", "Raise most_keyframes.")
        return np.asarray(self.graph.poses[places])
