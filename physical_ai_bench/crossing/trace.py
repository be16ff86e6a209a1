"""What a picture of a crossing needs: where robot and people were, what was intended, and who had the last word."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from physical_ai_bench.crossing.crowd import COUNT
from physical_ai_bench.traces import read_trace, save_trace
from physical_ai_core.geometry import Array

PERIOD_S: Final = 0.1


@dataclass(frozen=True)
class Trace:
    """`driven (N, 6)`: time s, x, y, yaw, speed, and what held it back (a bit each: gate 1, controller brakes 2,
    waits 4). `people (N, 20, 2)` in map, NaN where nobody is. `ahead (N, 26, 2)`: the trajectory meant, in map by
    the true pose. `contacts (C, 4)`: time, x, y, 1 for a collision."""

    name: str
    title: str
    driven: Array
    people: Array
    ahead: Array
    contacts: Array

    def save(self, folder: Path) -> Path:
        """Write NAME.npz."""
        return save_trace(self, folder)


def load_trace(file: Path) -> Trace:
    """Read what `save` wrote."""
    name, title, arrays = read_trace(file)
    return Trace(name, title, **arrays)


def trace_name(forecast: str, seed: int) -> str:
    return f"{forecast}_{seed:03d}"


class Recorder:
    """A tap that keeps a row each tenth of a second."""

    def __init__(self) -> None:
        self._driven: list[tuple[float, ...]] = []
        self._people: list[Array] = []
        self._ahead: list[Array] = []
        self._contacts: list[tuple[float, ...]] = []
        self._last: dict[str, Any] = {}

    def tap(self, topic: str, data: Any, now_s: float) -> None:
        if topic == "ground_truth/odometry":
            if not self._driven or now_s - self._driven[-1][0] >= PERIOD_S - 1e-6:
                self._row(data, now_s)
        elif topic == "ground_truth/events":
            event = json.loads(data.data)
            self._contacts.append((now_s, event["x_m"], event["y_m"], float(event["kind"] == "collision")))
        elif topic in ("ground_truth/people", "controller/trajectory", "controller/status", "safety/verdict",
                       "state/odometry"):  # fmt: skip
            self._last[topic] = data

    def _row(self, truth: Any, now_s: float) -> None:
        x, y, yaw = (float(value) for value in truth.planar_pose())
        verdict, status = self._last.get("safety/verdict"), self._last.get("controller/status")
        held = 0
        if verdict is not None and any(i.rule in ("person", "obstacle") for i in verdict.interventions):
            held |= 1
        if status is not None:
            held |= 2 * (status.mode in ("braking", "fallback")) | 4 * ("waiting" in status.message)
        self._driven.append((now_s, x, y, yaw, float(truth.linear_mps[0]), float(held)))
        people = np.full((COUNT, 2), np.nan)
        said = self._last.get("ground_truth/people")
        if said is not None and len(said.rows):
            people[said.rows["id"]] = np.column_stack([said.rows["x"], said.rows["y"]])
        self._people.append(people)
        ahead, odom = self._last.get("controller/trajectory"), self._last.get("state/odometry")
        meant = np.full((26, 2), np.nan)
        if ahead is not None and odom is not None:
            from physical_ai_core.geometry import compose, invert, transform_points

            poses = np.asarray(ahead.poses)[:26, :2]
            meant[: len(poses)] = transform_points(compose(np.array([x, y, yaw]), invert(odom.planar_pose())), poses)
        self._ahead.append(meant)

    def trace(self, name: str, title: str) -> Trace:
        return Trace(
            name, title, np.array(self._driven), np.array(self._people, dtype=np.float32),
            np.array(self._ahead, dtype=np.float32), np.array(self._contacts).reshape(-1, 4),
        )  # fmt: skip
