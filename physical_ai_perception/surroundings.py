"""What is around the robot: sweeps in, tracked objects and the rolling occupancy out."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.core import Output, Outputs
from physical_ai_perception.objects import clusters
from physical_ai_perception.objects.cloud import Cloud
from physical_ai_perception.objects.clusters import Clusters
from physical_ai_perception.objects.speckle import Speckle
from physical_ai_perception.objects.sweep import Sweep
from physical_ai_perception.objects.tracker import Tracker
from physical_ai_perception.occupancy.grid import RollingGrid
from physical_ai_perception.parameters import PerceptionParameters

RATE_SLACK: Final = 0.95  # a period may come a little early


class Surroundings:
    """`look` at one sweep after another, in the order of their stamps. The steps of it can be timed one by one."""

    def __init__(self, parameters: PerceptionParameters) -> None:
        self._p = parameters
        self.tracker = Tracker(parameters)
        self.grid = RollingGrid(parameters)
        self._speckle = Speckle()
        self._grid_s = -np.inf

    def forget(self) -> None:
        """The clock was set: nothing known about time holds any more."""
        self.tracker.forget()
        self.grid.clear()
        self._speckle.forget()
        self._grid_s = -np.inf

    def look(self, seen: Sweep) -> Outputs:
        """`state/objects`, and `state/occupancy` where its time has come."""
        seen = self.clean(seen)
        self.tracker.advance(seen.stamp_s)
        solid = self.grid.solid(seen.points)
        return self._believe(seen, self.find(seen, solid), solid)

    def look_at_cloud(self, cloud: Cloud) -> Outputs:
        """The same of a 3D cloud."""
        self.tracker.advance(cloud.sweep.stamp_s)
        solid = self.grid.solid(cloud.sweep.points)
        return self._believe(cloud.sweep, cloud.candidates(self.tracker.known(), solid), solid)

    def _believe(self, seen: Sweep, found: Clusters, solid: NDArray[np.bool_]) -> Outputs:
        owner = self.track(seen, found, solid)
        outputs = [Output("state/objects", m.Objects(seen.stamp_s, "odom", self.tracker.rows()))]
        since_s = seen.stamp_s - self._grid_s
        if not 0.0 <= since_s < RATE_SLACK / self._p.occupancy_rate_hz:
            self._grid_s = seen.stamp_s
            outputs.append(Output("state/occupancy", self.map(seen, found, owner)))
        return outputs

    def clean(self, seen: Sweep) -> Sweep:
        """The sweep without lone returns that nothing supports."""
        return self._speckle.clean(seen)

    def find(self, seen: Sweep, solid: NDArray[np.bool_]) -> Clusters:
        """Object candidates; points marked `solid` (M,) lie on standing things."""
        p = self._p
        known = self.tracker.known()
        return clusters.find(seen, p.cluster_gap_m, p.object_max_extent_m, p.object_range_m, known, solid)

    def track(self, seen: Sweep, found: Clusters, solid: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Update the tracks; for each candidate the index of its track, -1 for none."""
        of_points, of_solid = (
            np.bincount(label + 1, minlength=len(found.radius) + 1)[1:] for label in (found.label, found.label[solid])
        )
        standing = of_solid / np.maximum(of_points, 1)
        return self.tracker.step(seen, found, standing)

    def map(self, seen: Sweep, found: Clusters, owner: NDArray[np.intp]) -> m.OccupancyGrid:
        """Take the sweep into the grid: what belongs to moving things is no wall."""
        passing = np.zeros(len(seen.points), dtype=bool)
        track = np.where(found.label >= 0, owner[found.label] if len(owner) else -1, -1)
        tracked = track >= 0
        passing[tracked] = self.tracker.kinds.passing()[track[tracked]]
        self.grid.integrate(seen, passing)
        return self.grid.message()
