"""Missions as LeRobot episodes (data set layout v3.0): `train/`, `validation/` and `test/`, each a data set of its own.

Three data sets rather than one with ranges, since LeRobot loads a data set whole: what is not in the folder cannot
leak, and the statistics that a policy is normalised with are those of its training data.

Source: huggingface/lerobot, `datasets/utils.py` of release 0.4 (paths, features, `CODEBASE_VERSION = "v3.0"`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from physical_ai_core.errors import BagError
from physical_ai_telemetry.dataset.frames import SECTORS, Frames, frames_of
from physical_ai_telemetry.dataset.parts import PARTS, require_apart
from physical_ai_telemetry.dataset.recording import Recording

VERSION: Final = "v3.0"
FILE: Final = "chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
FILES_IN_CHUNK: Final = 1000
FRAMES_IN_FILE: Final = 200_000  # some 60 MB, under LeRobot's 100 MB
QUANTILES: Final = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
STATE_NAMES: Final = ("x_m", "y_m", "yaw_rad", "forward_mps", "turn_rps")
ACTION_NAMES: Final = ("forward_mps", "turn_rps")
SCAN_KEY: Final = "observation.environment_state"
Features = dict[str, dict[str, Any]]


def features(with_scan: bool) -> Features:
    """What every frame holds, in LeRobot's form."""
    found = {
        "observation.state": ("float32", STATE_NAMES),
        **({SCAN_KEY: ("float32", tuple(f"sector_{n:02d}_m" for n in range(SECTORS)))} if with_scan else {}),
        "action": ("float32", ACTION_NAMES),
        "next.done": ("bool", None),
        "intervention": ("bool", None),
        "observation.stamp_s": ("float64", None),
        "action.stamp_s": ("float64", None),
        "timestamp": ("float32", None),
        "frame_index": ("int64", None),
        "episode_index": ("int64", None),
        "index": ("int64", None),
        "task_index": ("int64", None),
    }
    return {
        name: {"dtype": kind, "shape": [len(names or (0,))], "names": None if names is None else list(names)}
        for name, (kind, names) in found.items()
    }


def write_lerobot(
    recordings: Sequence[Recording], parts: Mapping[str, str], root: Path, fps: int, told: Callable[[int], None]
) -> dict[str, Any]:
    """Write the data sets; returns what they hold, for the manifest. Raises BagError where no mission has frames."""
    episodes: list[tuple[Recording, Frames]] = []
    for done, recording in enumerate(recordings):
        episodes += [(recording, frames) for frames in frames_of(recording, fps)]
        told(done + 1)
    if not episodes:
        raise BagError(
            "No mission of these bags has both state/odometry and cmd_vel.", "Give bags with missions, or use parquet."
        )
    with_scan = all(frames.scan_m is not None for _, frames in episodes)
    counts: dict[str, dict[str, int]] = {"episodes": {}, "frames": {}}
    written: list[tuple[str, str]] = []
    for part in PARTS:
        mine = [(recording, frames) for recording, frames in episodes if parts[frames.unit.name] == part]
        counts["episodes"][part] = len(mine)
        counts["frames"][part] = sum(len(frames) for _, frames in mine)
        if mine:
            _Part(root / part, fps, with_scan, mine).write()
            written += [(name, part) for name in units_of(root / part)]
    require_apart(written, parts)
    missions = sum(bool(unit.mission) for recording in recordings for unit in recording.units)
    left_out = missions - len(episodes)
    return {"frames": {"episodes": counts["episodes"], "frames": counts["frames"]}, "missions_left_out": left_out}


def units_of(folder: Path) -> list[str]:
    """The unit that each episode of a written data set is, read back from it."""
    found = pa.concat_tables(
        [pq.read_table(path, columns=["unit"]) for path in (folder / "meta").rglob("file-*.parquet")]
    )
    return [str(name) for name in found.column("unit").to_pylist()]


class _Part:
    """One data set on its way to the disk."""

    def __init__(self, folder: Path, fps: int, with_scan: bool, episodes: Sequence[tuple[Recording, Frames]]) -> None:
        self._folder, self._fps, self._episodes = folder, fps, episodes
        self._features = features(with_scan)
        self._tasks = list(dict.fromkeys(_task(frames) for _, frames in episodes))

    def write(self) -> None:
        rows: list[dict[str, Any]] = []
        waiting: list[dict[str, NDArray[Any]]] = []
        everything: list[dict[str, NDArray[Any]]] = []
        file = begin = 0
        for number, (recording, frames) in enumerate(self._episodes):
            data = self._data(number, begin, frames)
            if waiting and sum(len(one["index"]) for one in waiting) + len(frames) > FRAMES_IN_FILE:
                self._write_data(file, waiting)
                file, waiting = file + 1, []
            waiting.append(data)
            everything.append(data)
            rows.append(self._row(number, begin, file, recording, frames, data))
            begin += len(frames)
        self._write_data(file, waiting)
        _write(self._path("meta/episodes", 0), pa.Table.from_pylist(rows))
        _write_tasks(self._folder / "meta" / "tasks.parquet", self._tasks)
        whole = {name: np.concatenate([one[name] for one in everything]) for name in self._features}
        self._json("stats.json", {name: _statistics(values) for name, values in whole.items()})
        self._json("info.json", self._info(begin, self._episodes[0][0].info.get("robot", "")))

    def _data(self, number: int, begin: int, frames: Frames) -> dict[str, NDArray[Any]]:
        count = len(frames)
        done = np.zeros(count, dtype=bool)
        done[-1] = True
        found = {
            "observation.state": frames.state.astype(np.float32),
            "action": frames.action.astype(np.float32),
            "next.done": done,
            "intervention": frames.intervention,
            "observation.stamp_s": frames.state_stamp_s,
            "action.stamp_s": frames.action_stamp_s,
            "timestamp": (np.arange(count) / self._fps).astype(np.float32),
            "frame_index": np.arange(count),
            "episode_index": np.full(count, number),
            "index": np.arange(begin, begin + count),
            "task_index": np.full(count, self._tasks.index(_task(frames))),
        }
        if SCAN_KEY in self._features:
            assert frames.scan_m is not None
            found[SCAN_KEY] = frames.scan_m.astype(np.float32)
        return found

    def _row(
        self, number: int, begin: int, file: int, recording: Recording, frames: Frames, data: Mapping[str, NDArray[Any]]
    ) -> dict[str, Any]:
        statistics = {
            f"stats/{name}/{what}": value for name in self._features for what, value in _statistics(data[name]).items()
        }
        return {
            "episode_index": number,
            "tasks": [_task(frames)],
            "length": len(frames),
            "data/chunk_index": file // FILES_IN_CHUNK,
            "data/file_index": file % FILES_IN_CHUNK,
            "dataset_from_index": begin,
            "dataset_to_index": begin + len(frames),
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
            "unit": frames.unit.name,  # ours: which mission of which bag it is, and when it began
            "bag_sha256": recording.sha256,
            "begin_s": frames.begin_s,
            "completed": frames.unit.completed,
            **statistics,
        }

    def _write_data(self, file: int, waiting: Sequence[Mapping[str, NDArray[Any]]]) -> None:
        columns = {}
        for name, about in self._features.items():
            values = np.concatenate([one[name] for one in waiting])
            kind = pa.from_numpy_dtype(np.dtype(about["dtype"]))
            flat = pa.array(values.astype(about["dtype"]).ravel(), kind)
            width = about["shape"][0]
            columns[name] = flat if width == 1 else pa.FixedSizeListArray.from_arrays(flat, width)
        _write(self._path("data", file), pa.table(columns))

    def _path(self, root: str, file: int) -> Path:
        name = FILE.format(chunk_index=file // FILES_IN_CHUNK, file_index=file % FILES_IN_CHUNK)
        return self._folder / root / name

    def _info(self, frames: int, robot: str) -> dict[str, Any]:
        return {
            "codebase_version": VERSION,
            "robot_type": robot or None,
            "total_episodes": len(self._episodes),
            "total_frames": frames,
            "total_tasks": len(self._tasks),
            "chunks_size": FILES_IN_CHUNK,
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": 200,
            "fps": self._fps,
            "splits": {"train": f"0:{len(self._episodes)}"},  # LeRobot's name for all there is in the folder
            "data_path": f"data/{FILE}",
            "video_path": None,
            "features": self._features,
        }

    def _json(self, name: str, content: Mapping[str, Any]) -> None:
        text = json.dumps(content, indent=4, ensure_ascii=False, allow_nan=False)
        (self._folder / "meta" / name).write_text(text, encoding="utf-8")


def _task(frames: Frames) -> str:
    return frames.unit.instruction or frames.unit.mission


def _statistics(values: NDArray[Any]) -> dict[str, list[float]]:
    """Of every element of a feature over its frames."""
    rows = values.reshape(len(values), -1).astype(np.float64)
    found = {"min": rows.min(0), "max": rows.max(0), "mean": rows.mean(0), "std": rows.std(0)}
    found |= {name: np.quantile(rows, share, axis=0) for name, share in QUANTILES.items()}
    return {**{name: value.tolist() for name, value in found.items()}, "count": [len(rows)]}


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="snappy")


def _write_tasks(path: Path, tasks: Sequence[str]) -> None:
    """`task_index` by the task's text, which pandas is to take as the index."""
    index = {
        "name": None,
        "field_name": "__index_level_0__",
        "pandas_type": "unicode",
        "numpy_type": "object",
        "metadata": None,
    }
    column = {
        "name": "task_index",
        "field_name": "task_index",
        "pandas_type": "int64",
        "numpy_type": "int64",
        "metadata": None,
    }
    pandas = {
        "index_columns": ["__index_level_0__"],
        "column_indexes": [{**index, "field_name": None, "metadata": {"encoding": "UTF-8"}}],
        "columns": [column, index],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.0.0",
    }
    table = pa.table(
        {"task_index": pa.array(range(len(tasks)), pa.int64()), "__index_level_0__": pa.array(tasks, pa.string())}
    )
    _write(path, table.replace_schema_metadata({b"pandas": json.dumps(pandas).encode()}))


def read_frames(folder: str | Path) -> Iterator[dict[str, Any]]:
    """Every frame of a written data set, in order, with its task's text."""
    folder = Path(folder)
    tasks = pq.read_table(folder / "meta" / "tasks.parquet").to_pydict()
    text = dict(zip(tasks["task_index"], tasks["__index_level_0__"], strict=True))
    for path in sorted((folder / "data").rglob("file-*.parquet")):
        for row in pq.read_table(path).to_pylist():
            yield {**row, "task": text[row["task_index"]]}
