"""BARN worlds: files of cylinders and of the reference path. Frame: `map`, metres."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array, path_length
from physical_ai_sim.physics import BARN_CYLINDER_RADIUS_M
from physical_ai_sim.world import read_points

START: Final = (-2.25, 3.0, float(np.pi / 2))
GOAL: Final = (-2.25, 13.0)
GOAL_RADIUS_M: Final = 1.0  # reached within this
TOP_SPEED_MPS: Final = 2.0  # of the optimum
CYLINDER_RADIUS_M: Final = BARN_CYLINDER_RADIUS_M
WORLD_FILE: Final = re.compile(r"world_(\d+)\.csv")


class World(NamedTuple):
    """`cylinders (N, 2)`: centres; `path (M, 2)`: the reference path, without start and goal."""

    number: int
    file: Path
    cylinders: Array
    path: Array

    @property
    def optimal_s(self) -> float:
        """Time of the reference path from start to goal at full speed."""
        return path_length(np.vstack([START[:2], self.path, GOAL])) / TOP_SPEED_MPS


def load_world(file: Path) -> World:
    """Read `world_NNN.csv` and the `path_NNN.csv` beside it. Raises InputError."""
    found = WORLD_FILE.fullmatch(file.name)
    if found is None:
        raise InputError(f"{file} is no BARN world.", "Its name must be world_NNN.csv, its path's path_NNN.csv.")
    return World(int(found[1]), file, _points(file), _points(file.with_name(f"path_{found[1]}.csv")))


def load_worlds(folder: Path) -> list[World]:
    """Every world of a folder, by number. Raises InputError where there is none or a file cannot be used."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder.", "Give a folder with world_NNN.csv and path_NNN.csv.")
    files = [file for file in folder.iterdir() if WORLD_FILE.fullmatch(file.name)]
    if not files:
        raise InputError(
            f"There is no world_NNN.csv in {folder}.", "Give a folder with world_NNN.csv and path_NNN.csv."
        )
    worlds = sorted((load_world(file) for file in files), key=lambda world: world.number)
    for one, other in pairwise(worlds):
        if one.number == other.number:
            raise InputError(f"{one.file.name} and {other.file.name} have the same number.", "Keep one of them.")
    return worlds


def _points(file: Path) -> Array:
    points = read_points(file)
    if not len(points) or not np.isfinite(points).all():
        raise InputError(f"The BARN file {file} has no points, or one that is no number.", "Columns: x_m, y_m.")
    return points
