"""Recorded missions as sequences for training and judging: features, elapsed times, where predictions start, truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physical_ai_learning.world_model.own_record import ROW_S, Mission
from physical_ai_world_model.own_motion.dynamics import STEP_S, Base
from physical_ai_world_model.own_motion.history import FEATURES, History, Sample

Array = NDArray[np.float64]
HORIZON_S: Final = 3.0
STEPS: Final = round(HORIZON_S / STEP_S)
ROWS_A_STEP: Final = round(STEP_S / ROW_S)


class Heard(NamedTuple):
    """One mission as it was heard, (n, ·): row in the mission, elapsed s, features, twist, set points, pull."""

    mission: Mission
    row: NDArray[np.int64]
    dt_s: NDArray[np.float32]
    features: NDArray[np.float32]
    twist: NDArray[np.float32]
    points: NDArray[np.float32]
    pull: NDArray[np.float32]


def hear(mission: Mission, base: Base, rng: np.random.Generator | None, skip: int = 1) -> Heard:
    """Every `skip`-th row; with `rng` one of every one to three: rates and gaps as they come."""
    history, last = History(base), 0
    n = len(mission.truth)
    rows, out = [], []
    row = 0
    while row < n:
        for k in range(last, row):
            history.advance(float(mission.command[k, 0]), float(mission.command[k, 1]), ROW_S)
        held = mission.command[max(row - 1, 0)]
        v, u, w, px, py = (float(value) for value in mission.seen[row])
        dt_s = (row - last) * ROW_S
        features = history.observe(Sample(v, u, w, float(held[0]), float(held[1]), px, py), dt_s)
        points = (history.ramp_v, history.ramp_w, history.drive_v, history.drive_w)
        out.append(np.array([dt_s, *features, v, u, w, *points, history.pull_x, history.pull_y], dtype=np.float32))
        rows.append(row)
        last = row
        row += skip if rng is None else int(rng.integers(1, 4))
    table, f = np.array(out), 1 + FEATURES
    return Heard(mission, np.array(rows), table[:, 0], table[:, 1:f], table[:, f : f + 3], table[:, f + 3 : f + 7],
                     table[:, f + 7 :])  # fmt: skip


def commands_ahead(mission: Mission, rows: NDArray[np.int64]) -> Array:
    """Applied commands (n, STEPS, 2) from each row on, one a step; the last one is held beyond the mission's end."""
    at = rows[:, None] + np.arange(STEPS * ROWS_A_STEP)
    found = mission.command[np.minimum(at, len(mission.command) - 1)]
    return np.asarray(found.reshape(len(rows), STEPS, ROWS_A_STEP, 2).mean(axis=2))


def truth_ahead(mission: Mission, rows: NDArray[np.int64]) -> Array:
    """True x, y, yaw (n, STEPS + 1, 3) in the frame of the start."""
    at = rows[:, None] + ROWS_A_STEP * np.arange(STEPS + 1)
    pose = mission.truth[at][:, :, :3]
    start = pose[:, :1]
    c, s = np.cos(start[..., 2]), np.sin(start[..., 2])
    dx, dy = pose[..., 0] - start[..., 0], pose[..., 1] - start[..., 1]
    return np.stack([dx * c + dy * s, dy * c - dx * s, pose[..., 2] - start[..., 2]], axis=-1)


def last_row(mission: Mission) -> int:
    """The last from which the horizon is recorded."""
    return len(mission.truth) - 1 - STEPS * ROWS_A_STEP


def part_of(seed: int) -> str:
    """By mission: of every twenty fourteen to learn from, three to calibrate on, three to judge by."""
    where = seed % 20
    return "learn" if where < 14 else "hold" if where < 17 else "judge"


def split(missions: Sequence[Mission]) -> tuple[list[Mission], list[Mission], list[Mission]]:
    """Missions of seeds 0, 1, … by `part_of`."""
    learn, hold, judge = (
        [mission for seed, mission in enumerate(missions) if part_of(seed) == part]
        for part in ("learn", "hold", "judge")
    )
    return learn, hold, judge
