"""How a camera sees: intrinsics, distortion, and where its optical frame (z ahead, x right, y down) sits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, Final

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.errors import DependencyError
from physical_ai_core.geometry import Array
from physical_ai_perception.fusion.samples import Unusable
from physical_ai_perception.mounts import Placement

# Columns: the optical axes x (right), y (down), z (ahead), written in a body frame (x ahead, y left, z up): REP-103.
BODY_FROM_OPTICAL: Final = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
MODELS: Final = ("", "plumb_bob", "rational_polynomial")
COEFFICIENTS: Final = (0, 4, 5, 8, 12, 14)
MOST_SIDE_PX: Final = 16_384
MOST_COEFFICIENT: Final = 1e3
AHEAD_M: Final = 1e-3  # nearer to the lens, or behind it, nothing is seen


def opencv() -> Any:
    """The module cv2, imported when it is first needed. Raises DependencyError."""
    try:
        cv2 = import_module("cv2")
        cv2.aruco.ArucoDetector  # noqa: B018  (older builds have no such class)
    except (ImportError, AttributeError) as error:
        raise DependencyError("opencv-python-headless", "camera") from error
    return cv2


@dataclass(frozen=True)
class Calibration:
    """Intrinsics `k` (3, 3) px and distortion `d` (D,) of OpenCV's model; `width`, `height` px."""

    width: int
    height: int
    k: Array
    d: Array

    def project(self, points: Array) -> tuple[Array, Array]:
        """Pixels (N, 2) of points (N, 3) m in the optical frame, and their Jacobian (N, 2, 3) by the point.

        Raises DependencyError.
        """
        pixels, jacobian = opencv().projectPoints(points, np.zeros(3), np.zeros(3), self.k, self.d)
        return pixels.reshape(-1, 2), jacobian.reshape(-1, 2, jacobian.shape[1])[:, :, 3:6]

    def rays(self, pixels: Array) -> Array:
        """Directions (N, 3) in the optical frame, third component 1, that are seen at pixels (N, 2)."""
        flat = opencv().undistortPoints(np.asarray(pixels, dtype=float).reshape(-1, 1, 2), self.k, self.d)
        return np.column_stack([flat.reshape(-1, 2), np.ones(len(pixels))])

    @cached_property
    def key(self) -> bytes:
        """Equal for equal calibrations."""
        return np.concatenate([[self.width, self.height], self.k.ravel(), self.d]).tobytes()


def calibration_of(info: m.CameraInfo) -> Calibration:
    """Check a CameraInfo. Raises Unusable with what is wrong."""
    k, d = np.asarray(info.k, dtype=float), np.asarray(info.d, dtype=float).ravel()
    if not (0 < info.width <= MOST_SIDE_PX and 0 < info.height <= MOST_SIDE_PX):
        raise Unusable("width or height is not that of a picture")
    if info.distortion_model not in MODELS:
        raise Unusable(f"distortion model '{info.distortion_model:.40}' is not one of plumb_bob, rational_polynomial")
    if len(d) not in COEFFICIENTS or k.shape != (3, 3):
        raise Unusable("number of intrinsics or distortion coefficients does not fit")
    if not (np.isfinite(k).all() and np.isfinite(d).all()):
        raise Unusable("content is not finite")
    if not (k[0, 0] > 0.0 and k[1, 1] > 0.0):
        raise Unusable("focal length is zero: the camera is not calibrated")
    if max(k[0, 0], k[1, 1]) > 100.0 * MOST_SIDE_PX or (len(d) and float(np.abs(d).max()) > MOST_COEFFICIENT):
        raise Unusable("intrinsics are implausible")
    if not (0.0 <= k[0, 2] <= info.width and 0.0 <= k[1, 2] <= info.height):
        raise Unusable("principal point lies outside the picture")
    clean = np.array([[k[0, 0], 0.0, k[0, 2]], [0.0, k[1, 1], k[1, 2]], [0.0, 0.0, 1.0]])
    return Calibration(int(info.width), int(info.height), clean, d)


@dataclass(frozen=True)
class CameraMount:
    """Pose of the optical frame in `base_link`: `turn` (3, 3) and `xyz_m` (3,)."""

    turn: Array
    xyz_m: Array

    def to_optical(self, points_base: Array) -> Array:
        """Points (N, 3) of `base_link`, written in the optical frame."""
        return np.asarray((points_base - self.xyz_m) @ self.turn)


def camera_mount(placement: Placement, frame_id: str, convention: str) -> CameraMount:
    """The optical frame of images stamped `frame_id`.

    `convention`: `optical` (REP-103: z ahead), `body` (x ahead, as the mount of any other sensor), or `by_name`:
    optical where the name says so.
    """
    optical = convention == "optical" or (convention == "by_name" and "optical" in frame_id)
    turn = placement.turn if optical else placement.turn @ BODY_FROM_OPTICAL
    return CameraMount(np.asarray(turn), placement.xyz_m)
