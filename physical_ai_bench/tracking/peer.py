"""Stone Soup's tracker on the very same candidates, scan by scan.

Constant-velocity Kalman filters, global nearest neighbour by 2D assignment on the Mahalanobis distance, birth after
three detections, as its own tutorials put them together; noises and gate as this suite's, deletion tuned for it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from importlib import import_module
from typing import Any, Final

import numpy as np
from shapely import Point, Polygon, union_all

from physical_ai_bench.tracking.record import Frame
from physical_ai_bench.tracking.score import Believed
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import transform_points
from physical_ai_core.site import Site

ACCELERATION_MPS2: Final = 1.0  # white noise density of its motion model, squared
GATE: Final = 3.7  # Mahalanobis distance, 99.9 % of two degrees of freedom
DELETED_AFTER_S: Final = 1.0
BIRTH_DELETED_AFTER_S: Final = 0.3
MIN_POINTS: Final = 3
BIRTH_SPEED_MPS: Final = 1.0
STRUCTURE_M: Final = 0.3
BEGIN: Final = datetime(2026, 1, 1, tzinfo=timezone.utc)


def track(frames: Sequence[Frame], site: Site) -> tuple[list[Believed], list[float]]:
    """What it believes after each scan, and its CPU time (s) of each.

    It knows no classes: tracks on the site's structures are excused. Raises InputError when it is not installed.
    """
    tracker = _Tracker()
    walls = union_all([structure_outline(site, name) for name in site.structures]).buffer(STRUCTURE_M)
    believed, cost_s = [], []
    numbers: dict[str, int] = {}
    for frame in frames:
        detections = tracker.detections(frame)
        begun = time.thread_time()
        tracks = tracker.step(*detections)
        cost_s.append(time.thread_time() - begun)
        state = np.array([np.ravel(t.state_vector)[[0, 2, 1, 3]] for t in tracks], dtype=float).reshape(-1, 4)
        ids = np.array([numbers.setdefault(t.id, len(numbers)) for t in tracks], dtype=np.int64)
        on_map = transform_points(frame.map_from_odom, state[:, :2])
        believed.append(Believed(ids, state, np.array([walls.contains(Point(xy)) for xy in on_map], dtype=bool)))
    return believed, cost_s


def structure_outline(site: Site, name: str) -> Polygon:
    """Ground plan of a structure in `map`."""
    structure = site.structures[name]
    pose = structure.pose
    if structure.radius_m is not None:
        return Point(pose.x_m, pose.y_m).buffer(structure.radius_m)
    half_x, half_y = 0.5 * (structure.length_m or 0.0), 0.5 * (structure.width_m or 0.0)
    corners = np.array([[half_x, half_y], [-half_x, half_y], [-half_x, -half_y], [half_x, -half_y]])
    return Polygon(transform_points(pose.as_array(), corners))


class _Tracker:
    def __init__(self) -> None:
        gnn = _part("dataassociator.neighbour", "GNNWith2DAssignment")
        update_time = _part("deleter.time", "UpdateTimeDeleter")
        walk = _part("models.transition.linear", "ConstantVelocity")(ACCELERATION_MPS2**2)
        motion = _part("models.transition.linear", "CombinedLinearGaussianTransitionModel")([walk, walk])
        predictor = _part("predictor.kalman", "KalmanPredictor")(motion)
        self._updater = _part("updater.kalman", "KalmanUpdater")(None)
        hypothesiser = _part("hypothesiser.distance", "DistanceHypothesiser")(
            predictor, self._updater, _part("measures", "Mahalanobis")(), missed_distance=GATE
        )
        self._associator = gnn(hypothesiser)
        self._deleter = update_time(timedelta(seconds=DELETED_AFTER_S))
        prior = _part("types.state", "GaussianState")(
            np.zeros((4, 1)), np.diag([0.0, BIRTH_SPEED_MPS**2, 0.0, BIRTH_SPEED_MPS**2])
        )
        self._initiator = _part("initiator.simple", "MultiMeasurementInitiator")(
            prior_state=prior, deleter=update_time(timedelta(seconds=BIRTH_DELETED_AFTER_S)),
            data_associator=self._associator, updater=self._updater, min_points=MIN_POINTS,
        )  # fmt: skip
        self._tracks: set[Any] = set()

    def detections(self, frame: Frame) -> tuple[datetime, set[Any], set[Any]]:
        """Stamp, all candidates, and those that may begin a track: whole ones, as in this suite's first rule."""
        linear, detection = _part("models.measurement.linear", "LinearGaussian"), _part("types.detection", "Detection")
        stamp, found = BEGIN + timedelta(seconds=frame.stamp_s), frame.clusters
        everything = [
            detection(
                found.centre[k][:, None], timestamp=stamp,
                measurement_model=linear(4, (0, 2), np.eye(2) * float(found.variance[k])),
            )
            for k in range(len(found.radius))
        ]  # fmt: skip
        return stamp, set(everything), {d for k, d in enumerate(everything) if not found.hidden[k]}

    def step(self, stamp: datetime, detections: set[Any], whole: set[Any]) -> list[Any]:
        """One scan; the confirmed tracks."""
        used = set()
        for track, hypothesis in self._associator.associate(self._tracks, detections, stamp).items():
            if hypothesis:
                track.append(self._updater.update(hypothesis))
                used.add(hypothesis.measurement)
            else:
                track.append(hypothesis.prediction)
        self._tracks -= self._deleter.delete_tracks(self._tracks)
        self._tracks |= self._initiator.initiate(whole - used, stamp)
        return sorted(self._tracks, key=lambda t: str(t.id))


def _part(module: str, name: str) -> Any:
    """A class of Stone Soup."""
    try:
        return getattr(import_module(f"stonesoup.{module}"), name)
    except ImportError as error:
        raise InputError(
            f"Stone Soup cannot be imported ({error}).", "Install the extra 'bench': pip install stonesoup."
        ) from error
