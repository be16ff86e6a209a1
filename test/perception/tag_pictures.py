"""Pictures of tags for tests: a marker drawn by OpenCV, seen by a pinhole camera on a robot at a known pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from physical_ai_core.geometry import Array, rotation
from physical_ai_perception.camera.calibration import BODY_FROM_OPTICAL, Calibration, CameraMount
from physical_ai_perception.camera.place import TagPlace
from physical_ai_perception.camera.square import Trust

cv2 = pytest.importorskip("cv2", reason="opencv-python-headless, extra `camera`")

WIDTH, HEIGHT, FOCAL = 640, 480, 600.0
K = np.array([[FOCAL, 0.0, 320.0], [0.0, FOCAL, 240.0], [0.0, 0.0, 1.0]])
EYE = Calibration(WIDTH, HEIGHT, K, np.zeros(5))
LENS = Calibration(WIDTH, HEIGHT, K, np.array([-0.25, 0.06, 5e-4, -3e-4, 0.0]))
MOUNT = CameraMount(BODY_FROM_OPTICAL, np.array([0.22, 0.0, 0.25]))
TRUST = Trust(pixel=0.3, tilt_rad=0.02, height_m=0.03, mount_rad=0.0, scale=0.0, yaw_rad=0.3)
CELL_PX = 40  # of the drawn marker
SUPER = 3  # finer raster that is averaged down, as a sensor's cells do


def dictionary(name: str = "DICT_APRILTAG_36h11") -> object:
    return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))


@dataclass(frozen=True)
class Stand:
    """A base at planar pose (3,), out of level by `tilt` (2,) rad (about x and y of the map)."""

    pose: Array
    tilt: Array
    height_m: float = 0.0

    def turn(self) -> Array:
        level = np.eye(3)
        level[:2, :2] = rotation(float(self.pose[2]))
        return np.asarray(cv2.Rodrigues(np.array([self.tilt[0], self.tilt[1], 0.0]))[0] @ level)

    def optical(self, points: Array, mount: CameraMount = MOUNT) -> Array:
        """Points (N, 3) of the map in the optical frame."""
        return mount.to_optical((points - np.array([*self.pose[:2], self.height_m])) @ self.turn())


def standing(pose: tuple[float, float, float]) -> Stand:
    return Stand(np.array(pose), np.zeros(2))


def exact_corners(stand: Stand, place: TagPlace, calibration: Calibration = EYE) -> Array:
    """Corners (4, 2) px where they really are."""
    return calibration.project(stand.optical(place.corners()))[0]


def picture(
    stand: Stand, places: dict[int, TagPlace], rng: np.random.Generator | None = None, blur_px: float = 0.0,
    noise: float = 0.0, family: str = "DICT_APRILTAG_36h11", calibration: Calibration = EYE,
) -> NDArray[np.uint8]:  # fmt: skip
    """Grey picture (H, W). A lens that distorts is drawn by looking up where each pixel's ray meets the tag."""
    image = np.full((calibration.height, calibration.width), 120.0)
    for number, place in places.items():
        corners = stand.optical(place.corners())
        if corners[:, 2].min() <= 0.05:
            continue
        window = _window(calibration.project(corners)[0], calibration)
        if window is not None:
            _draw(image, window, corners, _marker(number, family), calibration)
    image = 30.0 + 0.75 * image  # no printer's black, no printer's white
    if blur_px > 0.0:
        image = cv2.GaussianBlur(image, (0, 0), blur_px)
    if rng is not None and noise > 0.0:
        image = image + rng.normal(0.0, noise, image.shape)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def _marker(number: int, family: str) -> NDArray[np.float32]:
    side = (dictionary(family).markerSize + 2) * CELL_PX
    marker = cv2.aruco.generateImageMarker(dictionary(family), number, side)
    edge = [CELL_PX] * 4
    return cv2.copyMakeBorder(marker, *edge, cv2.BORDER_CONSTANT, value=255).astype(np.float32)


def _window(corners: Array, calibration: Calibration) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom (exclusive) of the pixels a tag with its quiet zone may touch."""
    centre = corners.mean(axis=0)
    reach = 1.5 * (corners - centre)
    low = np.maximum(np.floor((centre + reach).min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil((centre + reach).max(axis=0)), [calibration.width, calibration.height]).astype(int)
    return (low[0], low[1], high[0], high[1]) if (high > low + 1).all() else None


def _draw(
    image: Array, window: tuple[int, int, int, int], corners: Array, marker: NDArray[np.float32],
    calibration: Calibration,
) -> None:  # fmt: skip
    """Draw a tag with corners (4, 3) in the optical frame: fine rays meet its plane at centre + a right + b down."""
    left, top, right, bottom = window
    rows, columns = SUPER * (bottom - top), SUPER * (right - left)
    v, u = np.mgrid[0:rows, 0:columns].astype(float)
    fine = (np.column_stack([u.ravel(), v.ravel()]) - (SUPER - 1) / 2) / SUPER + [left, top]
    solved = calibration.rays(fine) @ np.linalg.inv(
        np.array([corners[1] - corners[0], corners[3] - corners[0], corners.mean(axis=0)])
    )
    side = len(marker) - 2 * CELL_PX
    x, y = (((solved[:, i] / solved[:, 2] + 0.5) * side - 0.5 + CELL_PX).reshape(rows, columns) for i in (0, 1))
    seen = cv2.remap(
        marker, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
        borderValue=-1.0,
    )  # fmt: skip
    part = image[top:bottom, left:right]
    fine_part = np.where(seen >= 0.0, seen, np.kron(part, np.ones((SUPER, SUPER))))
    part[:] = fine_part.reshape(bottom - top, SUPER, right - left, SUPER).mean(axis=(1, 3))
