"""A mission as frames at a steady rate, each with what was known then and what was commanded next.

Nothing looks ahead: an observation is the newest message whose stamp is not after the frame's time. The action is the
first command said after it. The true stamps of both stand beside the frame, since between them and the grid lies up to
one period of the topic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from physical_ai_telemetry.columns import Table
from physical_ai_telemetry.dataset.recording import Recording, Unit
from physical_ai_telemetry.dataset.source import tables
from physical_ai_telemetry.interventions import Intervention

STATE, ACTION, SCAN = "state/odometry", "cmd_vel", "scan"
SECTORS: Final = 36  # of the scan, each 10 degrees wide around the sensor
FAR_M: Final = 30.0  # where nothing was hit

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Frames:
    """Rows of one mission. `state` (N, 5), `action` (N, 2), `scan_m` (N, SECTORS) or None, stamps (N,) in seconds."""

    unit: Unit
    begin_s: float
    state: Numbers
    action: Numbers
    scan_m: Numbers | None
    state_stamp_s: Numbers
    action_stamp_s: Numbers
    intervention: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.state)


@dataclass(frozen=True)
class _Series:
    """Values (N, K) of a topic with their stamps, in the order of the stamps; `log_ns` when they were recorded."""

    stamp_s: Numbers
    values: Numbers
    log_ns: NDArray[np.int64]


def frames_of(recording: Recording, fps: int) -> list[Frames]:
    """The missions of a bag as frames; those without odometry or commands are left out. Raises BagError."""
    parts: dict[str, list[_Series]] = {}
    for found in tables(recording.path, (STATE, ACTION, SCAN)):
        for topic, table in found.items():
            if len(table):
                parts.setdefault(topic, []).append(_Series(table.times_s(), _VALUES[topic](table), table.log_ns))
    series = {topic: _sorted(pieces) for topic, pieces in parts.items()}
    made = (_frames(unit, series, recording.interventions, fps) for unit in recording.units if unit.mission)
    return [frames for frames in made if frames is not None]


def _sorted(pieces: list[_Series]) -> _Series:
    stamps = np.concatenate([piece.stamp_s for piece in pieces])
    order = np.argsort(stamps, kind="stable")
    values, log_ns = (np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("values", "log_ns"))
    return _Series(stamps[order], values[order], log_ns[order])


def _frames(
    unit: Unit, series: Mapping[str, _Series], interventions: Iterable[Intervention], fps: int
) -> Frames | None:
    mine = {topic: _within(one, unit) for topic, one in series.items()}
    if any(topic not in mine or not len(mine[topic].stamp_s) for topic in (STATE, ACTION)):
        return None
    state, action = mine[STATE], mine[ACTION]
    begin_s, end_s = float(state.stamp_s[0]), float(state.stamp_s[-1])
    count = int((end_s - begin_s) * fps) + 1
    at_s = begin_s + np.arange(count) / fps
    known = np.clip(np.searchsorted(state.stamp_s, at_s + 1e-9, side="right") - 1, 0, None)
    said = np.clip(np.searchsorted(action.stamp_s, at_s + 1e-9, side="right"), 0, len(action.stamp_s) - 1)
    scan_m = None
    if SCAN in mine and len(mine[SCAN].stamp_s):
        seen = np.clip(np.searchsorted(mine[SCAN].stamp_s, at_s + 1e-9, side="right") - 1, 0, None)
        scan_m = mine[SCAN].values[seen]
    held = np.zeros(count, dtype=bool)
    for one in interventions:
        held |= (at_s >= one.begin_s) & (at_s <= (np.inf if one.end_s is None else one.end_s))
    return Frames(
        unit,
        begin_s,
        state.values[known],
        action.values[said],
        scan_m,
        state.stamp_s[known],
        action.stamp_s[said],
        held,
    )


def _within(series: _Series, unit: Unit) -> _Series:
    kept = (series.log_ns >= unit.begin_ns) & (series.log_ns <= unit.end_ns)
    return _Series(series.stamp_s[kept], series.values[kept], series.log_ns[kept])


def _flat(column: pa.Array, width: int) -> Numbers:
    return np.asarray(column.values.to_numpy(zero_copy_only=False)).reshape(-1, width)


def _state(table: Table) -> Numbers:
    position, q = _flat(table.columns["position_m"], 3), _flat(table.columns["orientation_xyzw"], 4)
    linear, angular = _flat(table.columns["linear_mps"], 3), _flat(table.columns["angular_rps"], 3)
    x, y, z, w = q.T
    yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    return np.column_stack([position[:, :2], yaw, linear[:, 0], angular[:, 2]])


def _action(table: Table) -> Numbers:
    return np.column_stack([table.columns[name].to_numpy() for name in ("linear_x_mps", "angular_z_rps")])


def _scan(table: Table) -> Numbers:
    """Nearest return of each sector, by bearing in the sensor's frame from -pi on."""
    found = np.full((len(table), SECTORS), FAR_M)
    columns: dict[str, Any] = {name: table.columns[name] for name in ("ranges_m", "angle_min_rad", "range_min_m")}
    increments, farthest = (table.columns[name].to_numpy() for name in ("angle_increment_rad", "range_max_m"))
    starts, nearest = columns["angle_min_rad"].to_numpy(), columns["range_min_m"].to_numpy()
    offsets = columns["ranges_m"].offsets.to_numpy()
    flat = columns["ranges_m"].values.to_numpy()
    for row in range(len(table)):
        ranges = flat[offsets[row] : offsets[row + 1]]
        bearing = starts[row] + increments[row] * np.arange(len(ranges))
        sector = ((bearing + np.pi) % (2.0 * np.pi) * (SECTORS / (2.0 * np.pi))).astype(int) % SECTORS
        hit = np.isfinite(ranges) & (ranges >= nearest[row]) & (ranges <= farthest[row])
        np.minimum.at(found[row], sector[hit], np.minimum(ranges[hit], FAR_M))
    return found


_VALUES: Final = {STATE: _state, ACTION: _action, SCAN: _scan}
