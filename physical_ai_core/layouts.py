"""Typed row layouts that travel as PointCloud2: one numpy structured dtype each, one meaning a field.

Adding a field at the end is a compatible change; renaming, moving or removing one is not.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.void]

OBJECT_CLASSES: Final = ("unknown", "static", "person", "vehicle")

# Upper triangle, row by row, of the covariance of (x, y, vx, vy).
COVARIANCE_FIELDS: Final = ("cxx", "cxy", "cxvx", "cxvy", "cyy", "cyvx", "cyvy", "cvxvx", "cvxvy", "cvyvy")

_UPPER: Final = tuple(zip(COVARIANCE_FIELDS, *(index.tolist() for index in np.triu_indices(4)), strict=True))

OBJECT: Final = np.dtype(
    [
        ("id", "<u4"),
        ("x", "<f4"),  # m, centre, in the message's frame (odom)
        ("y", "<f4"),
        ("z", "<f4"),
        ("vx", "<f4"),  # m/s over ground, same frame
        ("vy", "<f4"),
        ("radius", "<f4"),  # m, of the bounding circle
        ("class_id", "<u4"),  # index into OBJECT_CLASSES
        ("existence", "<f4"),  # probability in [0, 1]
        *[(name, "<f4") for name in COVARIANCE_FIELDS],
    ]
)

PREDICTION: Final = np.dtype(
    [
        ("id", "<u4"),  # id of the object in state/objects
        ("mode", "<u4"),  # index of the mixture component
        ("weight", "<f4"),  # of the mode; the modes of an object add up to 1
        ("t_s", "<f4"),  # ahead of the header stamp
        ("x", "<f4"),  # m, mean of the centre at t_s
        ("y", "<f4"),
        ("vx", "<f4"),
        ("vy", "<f4"),
        ("sxx", "<f4"),  # m^2, covariance of (x, y) at t_s
        ("sxy", "<f4"),
        ("syy", "<f4"),
        ("radius", "<f4"),  # m
    ]
)


def empty(layout: np.dtype[Any], count: int = 0) -> Rows:
    """`count` zeroed rows of a layout."""
    return np.zeros(count, dtype=layout)


def covariances(objects: Rows) -> NDArray[np.float64]:
    """Covariances (N, 4, 4) of (x, y, vx, vy) of OBJECT rows."""
    matrix = np.zeros((len(objects), 4, 4))
    for name, i, j in _UPPER:
        matrix[:, i, j] = matrix[:, j, i] = objects[name]
    return matrix


def set_covariances(objects: Rows, matrix: NDArray[np.float64]) -> None:
    """Write covariances (N, 4, 4) into OBJECT rows."""
    for name, i, j in _UPPER:
        objects[name] = matrix[:, i, j]
