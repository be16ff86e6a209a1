"""Trajectories as TUM files (`t x y z qx qy qz qw` a line), written so that equal runs give equal bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.errors import InputError


@dataclass
class Trajectory:
    """Poses over time: rows `t x y z qx qy qz qw` in seconds and metres, in one frame."""

    rows: list[tuple[float, ...]] = field(default_factory=list)

    def add(self, odometry: m.Odometry) -> None:
        values = (odometry.stamp_s, *odometry.position_m[:3], *odometry.orientation_xyzw)
        self.rows.append(tuple(float(value) for value in values))

    def array(self) -> NDArray[np.float64]:
        """(N, 8)."""
        return np.array(self.rows, dtype=float).reshape(-1, 8)

    def write_tum(self, path: Path) -> Path:
        """Full precision: the shortest decimal that reads back as the same number."""
        path.write_text("".join(_line(row) for row in self.rows), encoding="ascii")
        return path


def _line(row: Sequence[float]) -> str:
    return " ".join(repr(value) for value in row) + "\n"


def read_tum(path: Path) -> NDArray[np.float64]:
    """Rows (N, 8) of a TUM file. Raises InputError."""
    try:
        rows = np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        raise InputError(f"The trajectory {path} cannot be read: {error}.", "Give a TUM file.") from error
    if rows.size and rows.shape[1] != 8:
        raise InputError(
            f"The trajectory {path} has {rows.shape[1]} columns.", "A TUM file has 8: t x y z qx qy qz qw."
        )
    return np.asarray(rows, dtype=float).reshape(-1, 8)
