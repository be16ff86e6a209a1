"""Many tracks at once: interacting multiple models in arrays, assignment, birth, existence and death.

State of a track: (x, y, vx, vy) in `odom`. All arrays share the first axis (N tracks). A scan takes three calls:
`advance` to its stamp, `known` for the clusters' sake, and `step` with the clusters.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from physical_ai_core import layouts
from physical_ai_core.geometry import Array
from physical_ai_perception.objects.clusters import LEAST_POINTS, Clusters, Known
from physical_ai_perception.objects.imm import Beliefs
from physical_ai_perception.objects.kinds import Kinds
from physical_ai_perception.objects.sweep import Sweep
from physical_ai_perception.objects.witness import Witness
from physical_ai_perception.parameters import PerceptionParameters

GATE: Final = 13.8  # chi-square with two degrees of freedom, 99.9 %
REACH_M: Final = 1.0  # an assignment further away is none, however uncertain the track
IMPOSSIBLE: Final = 1e6
BIRTH_SPEED_MPS: Final = 1.0  # sigma
BIRTH_EXISTENCE: Final = 0.3
BIRTH_EXISTENCE_HIDDEN: Final = 0.1  # seen in part: often the piece of a wall that shows between two people
BIRTH_CLEARANCE_M: Final = 0.35  # nearer to a track it is a part of the same thing
MOST_STANDING: Final = 0.5  # what lies on solid occupancy and is seen in part is that wall
FLAT_M: Final = (
    0.015  # a thing seen in part that bulges no more than this may be the piece of a wall between two people
)
HIT_RATIO: Final = 8.0  # a detection is so many times likelier from an object than from clutter
HIT_RATIO_HIDDEN: Final = 2.5
SHOWN_ABOVE: Final = 0.5
DEAD_BELOW: Final = 0.02
SHOWN_AFTER_HITS: Final = 3
SURVIVAL_PER_S: Final = 0.6  # of a track that is not seen
LONGEST_COAST_S: Final = 2.5
RADIUS_GAIN: Final = 0.1
STILL: Final = 0.1  # manoeuvre noise of what never moved, as a fraction
KNOWN_UNSEEN_S: Final = 0.5  # a track not seen for longer no longer cuts clusters
# Probability of a detection, by what the ray to the track shows.
DETECTED_CLEAR: Final = 0.9
DETECTED_MERGED: Final = 0.2
DETECTED_HIDDEN: Final = 0.03
HIDDEN_MARGIN_M: Final = 0.4
LONGEST_STEP_S: Final = 1.0  # after a longer silence of the sensor all tracks are forgotten


class Tracker:
    """`step` takes the candidates of one sweep; `rows` gives what is believed to exist."""

    def __init__(self, parameters: PerceptionParameters) -> None:
        self._p = parameters
        self.kinds = Kinds(parameters)
        self._witness = Witness()
        self._next_id = 1
        self.beliefs = Beliefs()
        self._stamp_s = float("nan")
        self._dt_s = 0.0
        self.forget()

    def forget(self) -> None:
        """Drop all tracks; ids are not used again."""
        self.beliefs.clear()
        self.mean = np.zeros((0, 4))
        self.covariance = np.zeros((0, 4, 4))
        self.radius = np.zeros(0)
        self.existence = np.zeros(0)
        self.id = np.zeros(0, dtype=np.uint32)
        self.hits = np.zeros(0, dtype=np.intp)
        self.unseen_s = np.zeros(0)
        self._explained_ids = self.id
        self.kinds.clear()
        self._witness.forget()

    def advance(self, stamp_s: float) -> None:
        """Move all tracks to the stamp of the next sweep."""
        dt_s = stamp_s - self._stamp_s
        if not 0.0 <= dt_s <= LONGEST_STEP_S:
            if dt_s < 0.0 or dt_s > LONGEST_STEP_S:
                self.forget()
            dt_s = 0.0
        self._stamp_s, self._dt_s = stamp_s, dt_s
        still = self.kinds.kind == self.kinds.STATIC
        density = np.empty((len(still), 2))
        density[:, 0] = np.where(
            still, (STILL * self._p.object_acceleration_mps2) ** 2, self._p.object_acceleration_mps2**2
        )
        density[:, 1] = np.where(still, self._p.object_acceleration_mps2**2, self._p.object_manoeuvre_mps2**2)
        self.beliefs.predict(dt_s, density)
        self.mean, self.covariance = self.beliefs.merged()
        self.unseen_s += dt_s

    def known(self) -> Known:
        """Moving things expected in the sweep to which the tracks have been advanced."""
        index = np.flatnonzero(self.kinds.moved() & (self.existence > SHOWN_ABOVE) & (self.unseen_s < KNOWN_UNSEEN_S))
        return Known(self.mean[index, :2], self.radius[index])

    def step(self, sweep: Sweep, clusters: Clusters, standing: Array) -> NDArray[np.intp]:
        """Update the tracks, which `advance` has brought to the sweep's stamp.

        `standing` (K,): part of each candidate's points that lie where the occupancy already is solid. Returns for
        each candidate the index of its track, -1 for none.
        """
        track, candidate = self._assign(clusters, standing)
        self._correct(track, candidate, clusters)
        missed = np.ones(len(self.mean), dtype=bool)
        missed[track] = False
        self._existence(missed, sweep)
        seen = np.full(len(self.mean), np.nan)
        seen[track] = standing[candidate]
        telling = np.zeros(len(self.mean), dtype=bool)
        telling[track] = ~_piece(clusters)[candidate]
        explained = self._explained_by_standing(sweep, missed)
        self.kinds.observe(
            self.mean, self.covariance, self.radius, seen, telling, self.hits, self._dt_s,
            lambda i: self._witness.moved(sweep, int(self.id[i]), self.mean[i, :2], float(self.radius[i])), explained,
        )  # fmt: skip
        self._explained_ids = self.id[explained]
        self._witness.remember(sweep, self.id, self.mean[:, :2])
        owner = np.full(len(clusters.radius), -1, dtype=np.intp)
        owner[candidate] = track
        self._bear(clusters, owner, standing)
        return self._bury(owner)

    def rows(self) -> layouts.Rows:
        """Believed objects in layout OBJECT."""
        shown = np.flatnonzero((self.existence > SHOWN_ABOVE) & (self.hits >= SHOWN_AFTER_HITS))
        rows = layouts.empty(layouts.OBJECT, len(shown))
        rows["id"], rows["radius"], rows["existence"] = self.id[shown], self.radius[shown], self.existence[shown]
        rows["x"], rows["y"] = self.mean[shown, 0], self.mean[shown, 1]
        kind = self.kinds.kind[shown]
        rows["class_id"] = kind
        # Of what no open space tells that it has moved, the speed is that of another side coming into view.
        unmoved = (kind == self.kinds.UNKNOWN) & np.isin(self.id[shown], self._explained_ids)
        moves = (kind != self.kinds.STATIC) & ~unmoved
        rows["vx"], rows["vy"] = self.mean[shown, 2] * moves, self.mean[shown, 3] * moves
        layouts.set_covariances(rows, self.covariance[shown])
        return rows

    # --- inside ---

    def _explained_by_standing(self, sweep: Sweep, missed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tracks (N,) that seem to move, have not been known to, and are explained by standing things; of those that
        are missed now, the last that was seen of them decides."""
        explained = missed & np.isin(self.id, self._explained_ids)
        speed = np.hypot(self.mean[:, 2], self.mean[:, 3])
        for i in np.flatnonzero(~missed & ~self.kinds.moved() & (speed > self._p.object_speed_mps)):
            explained[i] = self._witness.explained(sweep, int(self.id[i]), self.mean[i, :2], float(self.radius[i]))
        return explained

    def _assign(self, clusters: Clusters, standing: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        none = np.zeros(0, dtype=np.intp)
        if not len(self.mean) or not len(clusters.radius):
            return none, none
        away = clusters.centre[None] - self.mean[:, None, :2]
        sxx = self.covariance[:, 0, 0, None] + clusters.variance
        syy = self.covariance[:, 1, 1, None] + clusters.variance
        sxy = self.covariance[:, 0, 1, None]
        determinant = sxx * syy - sxy**2
        dx, dy = away[..., 0], away[..., 1]
        distance = (syy * dx**2 - 2.0 * sxy * dx * dy + sxx * dy**2) / determinant
        cost = distance + np.log(determinant)
        possible = (distance < GATE) & (dx**2 + dy**2 < REACH_M**2)
        possible &= ~(_piece(clusters) & (standing > MOST_STANDING))
        cost[~possible] = IMPOSSIBLE
        track, candidate = linear_sum_assignment(cost)
        good = possible[track, candidate]
        return track[good], candidate[good]

    def _correct(self, track: NDArray[np.intp], candidate: NDArray[np.intp], clusters: Clusters) -> None:
        if not len(track):
            return
        self.beliefs.update(track, clusters.centre[candidate], clusters.variance[candidate])
        self.mean, self.covariance = self.beliefs.merged()
        whole = ~clusters.hidden[candidate]
        change = RADIUS_GAIN * (clusters.radius[candidate] - self.radius[track])
        self.radius[track] += np.where(whole, change, np.maximum(change, 0.0))
        self.hits[track] += clusters.count[candidate] >= LEAST_POINTS
        self.unseen_s[track] = 0.0
        belief = np.where(whole, HIT_RATIO, HIT_RATIO_HIDDEN) * self.existence[track]
        self.existence[track] = belief / (belief + 1.0 - self.existence[track])

    def _existence(self, missed: NDArray[np.bool_], sweep: Sweep) -> None:
        index = np.flatnonzero(missed)
        if not len(index):
            return
        detected = self._detection_probability(index, sweep)
        e = self.existence[index] * SURVIVAL_PER_S**self._dt_s
        self.existence[index] = e * (1.0 - detected) / (1.0 - e * detected)
        self.existence[index[self.unseen_s[index] > LONGEST_COAST_S]] = 0.0

    def _detection_probability(self, index: NDArray[np.intp], sweep: Sweep) -> Array:
        away = self.mean[index, :2] - sweep.origin
        distance = np.hypot(*away.T)
        turn = (np.arctan2(away[:, 1], away[:, 0]) - sweep.bearing0) % (2.0 * np.pi)
        ray = np.round(turn / sweep.increment).astype(np.intp)
        inside = ray < len(sweep.ranges)
        shown = sweep.ranges[np.where(inside, ray, 0)]
        surface = distance - self.radius[index]
        blind = ~inside | np.isnan(shown) | (shown < surface - HIDDEN_MARGIN_M)
        merged = shown < distance + self.radius[index] + HIDDEN_MARGIN_M
        return np.where(blind, DETECTED_HIDDEN, np.where(merged, DETECTED_MERGED, DETECTED_CLEAR))

    def _bear(self, clusters: Clusters, owner: NDArray[np.intp], standing: Array) -> None:
        """New tracks from candidates that no track explains; `owner` learns of them."""
        doubtful = _piece(clusters) | (clusters.hidden & (standing > MOST_STANDING))
        free = np.flatnonzero((owner < 0) & (clusters.count >= LEAST_POINTS) & ~doubtful)
        if len(self.mean) and len(free):
            x, y = clusters.centre[free, 0, None] - self.mean[:, 0], clusters.centre[free, 1, None] - self.mean[:, 1]
            near = np.hypot(x, y) < np.maximum(BIRTH_CLEARANCE_M, self.radius)
            free = free[~(near & (self.existence > SHOWN_ABOVE)).any(axis=1)]
        free = free[: max(0, self._p.max_objects - len(self.mean))]
        count = len(free)
        if not count:
            return
        owner[free] = len(self.mean) + np.arange(count)
        centre = clusters.centre[free]
        mean, covariance = self.beliefs.bear(centre, clusters.variance[free], BIRTH_SPEED_MPS**2)
        self.mean, self.covariance = np.concatenate([self.mean, mean]), np.concatenate([self.covariance, covariance])
        existence = np.where(clusters.hidden[free], BIRTH_EXISTENCE_HIDDEN, BIRTH_EXISTENCE)
        self.radius = np.concatenate([self.radius, clusters.radius[free]])
        self.existence = np.concatenate([self.existence, existence])
        self.id = np.concatenate([self.id, (self._next_id + np.arange(count)).astype(np.uint32)])
        self.hits = np.concatenate([self.hits, np.ones(count, dtype=np.intp)])
        self.unseen_s = np.concatenate([self.unseen_s, np.zeros(count)])
        self.kinds.bear(centre)
        self._next_id += count

    def _bury(self, owner: NDArray[np.intp]) -> NDArray[np.intp]:
        alive = (self.existence > DEAD_BELOW) & np.isfinite(self.mean).all(axis=1)
        if alive.all():
            return owner
        for name in ("mean", "covariance", "radius", "existence", "id", "hits", "unseen_s"):
            setattr(self, name, getattr(self, name)[alive])
        self.beliefs.keep(alive)
        self.kinds.keep(alive)
        number = np.where(alive, np.cumsum(alive) - 1, -1)
        return np.where(owner >= 0, number[owner], -1)


def _piece(clusters: Clusters) -> NDArray[np.bool_]:
    """Candidates (K,) whose edges are the shadows of others and which are flat: where they move says nothing."""
    return np.asarray(clusters.hidden & (clusters.bulge < FLAT_M))
