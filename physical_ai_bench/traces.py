"""What pictures of runs share: a trace as a file, the robot's outline, a sheet of many runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from physical_ai_core.geometry import Array, rotation


def save_trace(trace: Any, folder: Path) -> Path:
    """Write FOLDER/NAME.npz of a trace: its fields `name` and `title`, and arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{trace.name}.npz"
    arrays = {key: value for key, value in vars(trace).items() if key not in ("name", "title")}
    np.savez_compressed(file, title=np.array(trace.title), **arrays)
    return file


def read_trace(file: Path) -> tuple[str, str, dict[str, Any]]:
    """Name, title and arrays of what `save_trace` wrote."""
    with np.load(file) as kept:
        return file.stem, str(kept["title"]), {key: kept[key] for key in kept.files if key != "title"}


def outline(pose: Array, half_m: tuple[float, float]) -> Array:
    """Closed outline (5, 2) of a rectangle of these half lengths at `pose (x, y, yaw)`."""
    x, y = half_m
    corners = np.array([(x, y), (-x, y), (-x, -y), (x, -y), (x, y)])
    return np.asarray(corners @ rotation(float(pose[2])).T + pose[:2])


def blank_sheet(
    count: int, most_columns: int, size_in: tuple[float, float], ratios: Sequence[float] = (1.0,)
) -> tuple[Any, Any, int]:
    """Figure, axes (rows, columns) that are off, and columns, with a place of `size_in` for each of `count` runs.

    `ratios`: heights of the axes of one run, below each other.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = min(most_columns, max(1, count))
    rows = max(1, -(-count // columns))
    figure, axes = plt.subplots(
        len(ratios) * rows, columns, figsize=(size_in[0] * columns, size_in[1] * rows + 0.3), squeeze=False,
        gridspec_kw={"height_ratios": [*ratios] * rows},
    )  # fmt: skip
    for spot in axes.flat:
        spot.axis("off")
    return figure, axes, columns
