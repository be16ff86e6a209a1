"""Where the policy learns to drive: routes with the standing things around them, many at a time.

Drawn places are a bending route among discs, some of them on it; BARN worlds are taken from a folder. Each is its route
by arc length and a field of distances; moving obstacles come with the episodes (env.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from scipy.ndimage import distance_transform_edt, uniform_filter1d

from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array

SPACING_M: Final = 0.05
CELL_M: Final = 0.05
SIDE: Final = 420  # cells: 21 m
FREE_M: Final = 5.0
HELD_EVERY: Final = 4  # of BARN worlds, by number, every so-manieth is never learnt from
BARN_RADIUS_M: Final = 0.075
BARN_START, BARN_GOAL = (-2.25, 3.0), (-2.25, 13.0)


class Place(NamedTuple):
    """`route (P, 3)`: x, y, heading, every SPACING_M. `discs (n, 3)`: x, y, radius. `corner (2,)` of the field."""

    name: str
    route: Array
    discs: Array
    corner: Array


class Places:
    """Several places as arrays, looked up by index."""

    def __init__(self, places: list[Place]) -> None:
        longest = max(len(p.route) for p in places)
        self.names = [p.name for p in places]
        self.length = np.array([len(p.route) for p in places])
        self.routes = np.stack([np.vstack([p.route, np.repeat(p.route[-1:], longest - len(p.route), axis=0)])
                                for p in places])  # fmt: skip
        self.corners = np.stack([p.corner for p in places])
        self.fields = np.stack([field_of(p) for p in places])

    def clearance(self, which: Any, points: Array) -> Array:
        """Distance (b, …) from `points (b, …, 2)` to what stands in the places `which (b,)`."""
        lead: tuple[Any, ...] = (slice(None), *(None for _ in range(points.ndim - 2)))
        cell = ((points - self.corners[which][lead]) / CELL_M).astype(int)
        inside = ((cell >= 0) & (cell < SIDE)).all(axis=-1)
        cell = np.clip(cell, 0, SIDE - 1)
        found = self.fields[which[lead], cell[..., 1], cell[..., 0]]
        return np.where(inside, found, FREE_M)


def field_of(place: Place) -> Any:
    """Distance (SIDE, SIDE), float32, of cell centres to the nearest disc, at most FREE_M."""
    field = np.full((SIDE, SIDE), FREE_M)
    if len(place.discs):
        centre = (np.arange(SIDE) + 0.5) * CELL_M
        occupied = np.zeros((SIDE, SIDE), dtype=bool)
        for x, y, radius in place.discs:
            dx, dy = centre + place.corner[0] - x, centre + place.corner[1] - y
            rows, columns = (np.abs(d) <= radius + CELL_M for d in (dy, dx))
            near = dx[columns][None] ** 2 + dy[rows][:, None] ** 2 <= (radius + 0.5 * CELL_M) ** 2
            occupied[np.ix_(rows, columns)] |= near
        field = np.minimum(FREE_M, distance_transform_edt(~occupied) * CELL_M)
    return field.astype(np.float32)


def drawn(rng: np.random.Generator, number: int, cluttered: bool) -> Place:
    """A bending route of 16 m, and discs beside and on it."""
    s = np.arange(0.0, 16.0, SPACING_M)
    bend = rng.uniform(-0.35, 0.35, 4) / (1.0 + np.arange(4))
    heading = rng.uniform(-np.pi, np.pi) + sum(b * np.sin(2.0 * np.pi * (k + 1) * s / 16.0 + rng.uniform(0.0, 6.3))
                                               for k, b in enumerate(bend * 2.0))  # fmt: skip
    xy = np.cumsum(np.column_stack([np.cos(heading), np.sin(heading)]) * SPACING_M, axis=0)
    discs = np.zeros((0, 3))
    if cluttered:
        count = int(rng.integers(6, 26))
        at = rng.integers(40, len(s), count)
        side = rng.normal(0.0, 1.0, count) * rng.choice([0.3, 1.5], count)
        left = np.column_stack([-np.sin(heading), np.cos(heading)])
        discs = np.column_stack([xy[at] + side[:, None] * left[at], rng.choice([0.075, 0.15, 0.3], count)])
    return Place(f"drawn {number}", np.column_stack([xy, heading]), discs, _corner(xy))


def barn(folder: Path, held_out: bool) -> list[Place]:
    """The worlds of a folder that are, or are not, held out. Raises InputError."""
    files = sorted(folder.glob("world_*.csv"))
    if not files:
        raise InputError(f"There is no world_NNN.csv in {folder}.", "Give a folder of BARN worlds and paths.")
    found = []
    for order, file in enumerate(files):
        if (order % HELD_EVERY == HELD_EVERY - 1) != held_out:
            continue
        points = _points(file)
        path = np.vstack([BARN_START, _points(file.with_name(file.name.replace("world", "path"))), BARN_GOAL])
        discs = np.column_stack([points, np.full(len(points), BARN_RADIUS_M)])
        route = along(path)
        found.append(Place(file.stem, route, discs, _corner(route[:, :2])))
    return found


def along(path: Array) -> Array:
    """Even, smoothed places with headings (P, 3) of a polyline (n, 2)."""
    fresh = np.concatenate([[True], np.hypot(*np.diff(path, axis=0).T) > 1e-6])
    path = path[fresh]
    s = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    even = np.arange(0.0, s[-1], SPACING_M)
    xy = np.column_stack([np.interp(even, s, path[:, 0]), np.interp(even, s, path[:, 1])])
    xy = uniform_filter1d(xy, 15, axis=0, mode="nearest")
    step = np.gradient(xy, axis=0)
    return np.column_stack([xy, np.unwrap(np.arctan2(step[:, 1], step[:, 0]))])


def _corner(xy: Array) -> Array:
    return np.asarray(0.5 * (xy.min(axis=0) + xy.max(axis=0)) - 0.5 * SIDE * CELL_M)


def _points(file: Path) -> Array:
    points = np.loadtxt(file, delimiter=",", skiprows=1, ndmin=2)
    if points.shape[1] != 2 or not np.isfinite(points).all():
        raise InputError(f"{file} is no list of places.", "Columns: x_m, y_m.")
    return np.asarray(points)
