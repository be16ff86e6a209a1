"""Recorded people as tracks in true time, from text files of `frame id x y`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array

STEP_S: Final = 0.4
TRUE_STEP_S: Final[Mapping[str, float]] = {"biwi_eth": 0.667}  # the others are 0.4 s within 1 %
FOLDS: Final[Mapping[str, tuple[str, ...]]] = {
    "eth": ("biwi_eth",), "hotel": ("biwi_hotel",), "univ": ("students001", "students003"),
    "zara1": ("crowds_zara01",), "zara2": ("crowds_zara02",),
}  # fmt: skip
SPLINE_ROWS: Final = 4


@dataclass(frozen=True)
class Track:
    """One person: steps (n,) on the recording's grid, rising; positions (n, 2) in m."""

    person: int
    steps: NDArray[np.int64]
    xy_m: Array


@dataclass(frozen=True)
class Recording:
    """All tracks of one scene; `step_s` between two frames."""

    name: str
    step_s: float
    tracks: tuple[Track, ...]

    @property
    def steps(self) -> int:
        return 1 + max(int(track.steps[-1]) for track in self.tracks)


def read_recording(path: Path, step_s: float | None = None) -> Recording:
    """One file: columns frame, id, x m, y m. Frames are counted as they come: the k-th distinct one is step k.

    Raises InputError naming the file when it cannot be read so.
    """
    try:
        rows = np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}", "Give text files with the columns frame, id, x and y.") from error
    if rows.shape[1] < 4 or not len(rows) or not np.isfinite(rows[:, :4]).all():
        raise InputError(f"{path} has no rows of four numbers.", "Give text files with the columns frame, id, x and y.")
    step = np.unique(rows[:, 0], return_inverse=True)[1]
    tracks = []
    for person in np.unique(rows[:, 1]):
        own = np.flatnonzero(rows[:, 1] == person)
        at, first = np.unique(step[own], return_index=True)  # a person twice in a frame: the first counts
        tracks.append(Track(int(person), at.astype(np.int64), rows[own[first], 2:4]))
    true_s = TRUE_STEP_S.get(path.stem, STEP_S) if step_s is None else step_s
    return Recording(path.stem, true_s, tuple(tracks))


def read_folder(folder: Path, step_s: float | None = None) -> dict[str, Recording]:
    """Every text file of a folder. Raises InputError when there is none."""
    paths = sorted(folder.glob("*.txt"))
    if not paths:
        raise InputError(f"{folder} holds no text files.", "Name the folder with one file a scene (frame id x y).")
    return {path.stem: read_recording(path, step_s) for path in paths}


def splines(recording: Recording) -> list[tuple[float, float, CubicSpline]]:
    """(first s, last s, position over time) of every track that is whole and long enough for it."""
    found = []
    for track in recording.tracks:
        if len(track.steps) >= SPLINE_ROWS and (np.diff(track.steps) == 1).all():
            stamps_s = track.steps * recording.step_s
            found.append((stamps_s[0], stamps_s[-1], CubicSpline(stamps_s, track.xy_m)))
    return found
