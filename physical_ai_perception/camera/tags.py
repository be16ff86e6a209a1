"""Pixels to corners of tags: AprilTag and ArUco families by OpenCV's detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_perception.camera.calibration import opencv

FAMILIES: Final = {
    "36h11": "DICT_APRILTAG_36h11",
    "36h10": "DICT_APRILTAG_36h10",
    "25h9": "DICT_APRILTAG_25h9",
    "16h5": "DICT_APRILTAG_16h5",
    "aruco_4x4": "DICT_4X4_250",
    "aruco_5x5": "DICT_5X5_250",
    "aruco_6x6": "DICT_6X6_250",
    "aruco_7x7": "DICT_7X7_250",
    "aruco_original": "DICT_ARUCO_ORIGINAL",
    "aruco_mip_36h12": "DICT_ARUCO_MIP_36h12",
}
LEAST_SIDE_PX: Final = 12.0  # smaller, the cells are not told apart reliably and corners are worth little
MOST_TAGS: Final = 32  # in one picture
REFINE_WINDOW: Final = 5
REFINE_PART: Final = 0.5  # of a cell of the tag: a larger window would see the next corner


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag in a picture. `corners` (4, 2) px: top left, top right, bottom right, bottom left of its picture."""

    id: int
    corners: Array


class TagFinder:
    """Finds the tags of one family. Raises DependencyError without OpenCV.

    Source: S. Garrido-Jurado et al., "Automatic generation and detection of highly reliable fiducial markers under
    occlusion", Pattern Recognition 47(6), 2014; families: E. Olson, "AprilTag", ICRA 2011.
    """

    def __init__(self, family: str) -> None:
        cv2 = opencv()
        parameters = cv2.aruco.DetectorParameters()
        parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        parameters.cornerRefinementWinSize = REFINE_WINDOW
        parameters.relativeCornerRefinmentWinSize = REFINE_PART
        parameters.cornerRefinementMaxIterations = 50
        parameters.cornerRefinementMinAccuracy = 0.01
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, FAMILIES[family]))
        self._detector = cv2.aruco.ArucoDetector(dictionary, parameters)

    def find(self, grey: NDArray[np.uint8]) -> list[Tag]:
        """Tags of a grey picture (H, W), by id. An id seen twice is left out: which one is meant cannot be told."""
        corners, ids, _ = self._detector.detectMarkers(np.ascontiguousarray(grey))
        if ids is None:
            return []
        numbers = [int(i) for i in np.ravel(ids)]
        found = [
            Tag(number, quad)
            for number, quad in zip(numbers, (np.asarray(c, dtype=float).reshape(4, 2) for c in corners), strict=True)
            if numbers.count(number) == 1 and _least_side(quad) >= LEAST_SIDE_PX
        ]
        return sorted(found, key=lambda tag: tag.id)[:MOST_TAGS]


def _least_side(quad: Array) -> float:
    return float(np.hypot(*(quad - np.roll(quad, 1, axis=0)).T).min())
