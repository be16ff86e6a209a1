"""Moving obstacles at the controller's own moments: the prediction's mixture, interpolated in time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.layouts import Rows

LEAST_WEIGHT = 0.05  # modes less likely than this are left out


class People(NamedTuple):
    """j object modes at t moments: `mean (j, t, 2)`, `sigma (j, t)` (largest axis), `radius (j,)`, `weight (j,)`."""

    mean: Array
    sigma: Array
    radius: Array
    weight: Array

    def pick(self, which: NDArray[np.bool_]) -> People:
        """Some of the object modes."""
        return People(self.mean[which], self.sigma[which], self.radius[which], self.weight[which])

    def until(self, steps: int) -> People:
        """Their first `steps` moments."""
        return People(self.mean[:, :steps], self.sigma[:, :steps], self.radius, self.weight)


def nobody(steps: int) -> People:
    """No one, at `steps` moments."""
    return People(np.zeros((0, steps, 2)), np.zeros((0, steps)), np.zeros(0), np.zeros(0))


class Forecast:
    """One `world_model/prediction`, arranged by object and mode on one time grid."""

    def __init__(self, prediction: m.Prediction) -> None:
        """Rows must be finite. Any order and any spacing is taken; the usual one is taken fast."""
        self.stamp_s = prediction.stamp_s
        rows = prediction.rows
        rows = rows[rows["weight"] >= LEAST_WEIGHT]
        self.ids = np.zeros(0, dtype=np.uint32)
        self._times = np.array([0.0, 1.0])
        if not len(rows):
            self._people = nobody(2)
            return
        table = _regular(rows)
        self._times = table["t_s"][0].astype(float)
        self.ids = table["id"][:, 0]
        sxx, sxy, syy = (table[name].astype(float) for name in ("sxx", "sxy", "syy"))
        largest = 0.5 * (sxx + syy) + np.sqrt(0.25 * (sxx - syy) ** 2 + sxy**2)
        self._people = People(
            np.stack([table["x"], table["y"]], axis=-1).astype(float),
            np.sqrt(np.maximum(largest, 0.0)),
            table["radius"][:, 0].astype(float),
            table["weight"][:, 0].astype(float),
        )

    def without(self, ids: NDArray[np.uint32]) -> Forecast:
        """The same without the objects `ids`."""
        keep = np.isin(self.ids, ids, invert=True)
        other = object.__new__(Forecast)
        other.stamp_s, other._times, other.ids = self.stamp_s, self._times, self.ids[keep]
        other._people = self._people.pick(keep)
        return other

    def near(self, xy: Array, reach_m: float) -> Forecast:
        """The same, only the object modes that come within `reach_m` of `xy` at any time."""
        away = np.hypot(*np.moveaxis(self._people.mean - xy, -1, 0)).min(axis=1, initial=np.inf)
        keep = away < reach_m
        other = object.__new__(Forecast)
        other.stamp_s, other._times, other.ids = self.stamp_s, self._times, self.ids[keep]
        other._people = self._people.pick(keep)
        return other

    def at(self, stamps_s: Array) -> People:
        """Object modes at moments (t,); past the end they go on as between the last two steps."""
        ahead = stamps_s - self.stamp_s
        high = np.clip(np.searchsorted(self._times, ahead), 1, len(self._times) - 1)
        low = high - 1
        share = np.maximum(0.0, (ahead - self._times[low]) / (self._times[high] - self._times[low]))
        p = self._people
        mean = p.mean[:, low] * (1.0 - share)[:, None] + p.mean[:, high] * share[:, None]
        sigma = np.maximum(0.0, p.sigma[:, low] * (1.0 - share) + p.sigma[:, high] * share)
        return People(mean, sigma, p.radius, p.weight)


def _regular(rows: Rows) -> Rows:
    """Rows as a table (object modes, steps), all on the same times."""
    steps = int(np.argmax(np.diff(rows["t_s"]) <= 0.0)) + 1 if len(rows) > 1 else 1
    steps = len(rows) if len(rows) > 1 and bool(np.all(np.diff(rows["t_s"]) > 0.0)) else steps
    if steps >= 2 and len(rows) % steps == 0:
        table = rows.reshape(-1, steps)
        same = (table["id"] == table["id"][:, :1]).all() and (table["mode"] == table["mode"][:, :1]).all()
        if same and np.allclose(table["t_s"], table["t_s"][0], atol=1e-4):
            return np.asarray(table)
    rows = np.sort(rows, order=("id", "mode", "t_s"))
    _, first, count = np.unique(rows[["id", "mode"]], return_index=True, return_counts=True)
    grid = np.linspace(0.0, max(0.2, float(rows["t_s"].max())), 16)
    table = np.zeros((len(first), len(grid)), dtype=rows.dtype)
    for line, start, n in zip(table, first, count, strict=True):
        part = rows[start : start + n]
        for name in rows.dtype.names or ():
            line[name] = np.interp(grid, part["t_s"], part[name]) if name not in ("id", "mode") else part[name][0]
        line["t_s"] = grid
    return table
