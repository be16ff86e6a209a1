"""Boxes to what a planar tracker can use: the bearing interval of each, and how far off its foot stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array, wrap
from physical_ai_perception.camera.calibration import Calibration, CameraMount
from physical_ai_perception.camera.detector import Boxes, class_of

EDGE_PX: Final = 2.0  # a box that touches the lower edge of the picture shows no foot
LEAST_DROP: Final = 0.02  # a ray must point so far downwards to meet the ground at a useful distance


@dataclass(frozen=True)
class Bearings:
    """Of N boxes, seen from the camera, in axes of `base_link`: `middle_rad` and `half_rad` of the bearing interval,
    `range_m` to where the foot meets the ground (NaN: not seen), `class_id` (OBJECT_CLASSES), `score`; `eye_m` (2,) is
    where the camera sits in `base_link`."""

    middle_rad: Array
    half_rad: Array
    range_m: Array
    class_id: NDArray[np.intp]
    score: Array
    eye_m: Array


def bearings(boxes: Boxes, calibration: Calibration, mount: CameraMount) -> Bearings:
    """Bearings of boxes; those of no known class are left out. Raises DependencyError."""
    kinds = np.array([class_of(label) for label in boxes.label], dtype=np.intp)
    known = kinds > 0
    edges, score, kinds = boxes.edges_px[known], boxes.score[known], kinds[known]
    if not len(edges):
        none = np.zeros(0)
        return Bearings(none, none, none, kinds, none, mount.xyz_m[:2])
    left, top, right, bottom = edges.T
    middle = 0.5 * (top + bottom)
    pixels = np.column_stack(
        [np.concatenate([left, right, 0.5 * (left + right)]), np.concatenate([middle, middle, bottom])]
    )
    rays = calibration.rays(pixels) @ mount.turn.T  # in axes of base_link
    azimuth = np.arctan2(rays[:, 1], rays[:, 0]).reshape(3, -1)
    width = wrap(azimuth[0] - azimuth[1])
    foot = rays[2 * len(edges) :]
    drop = -foot[:, 2] / np.hypot(foot[:, 0], foot[:, 1])
    shown = (bottom < calibration.height - 1 - EDGE_PX) & (drop > LEAST_DROP)
    range_m = np.where(shown, mount.xyz_m[2] / np.where(shown, drop, 1.0), np.nan)
    return Bearings(
        np.asarray(wrap(azimuth[1] + 0.5 * width)), 0.5 * np.abs(width), range_m, kinds, score, mount.xyz_m[:2]
    )
