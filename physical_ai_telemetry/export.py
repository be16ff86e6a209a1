"""A bag as a data set: one Parquet table a topic, with true stamps and the mission each row belongs to.

Columns: `stamp_s` (header stamp, else time of recording), `mission` (goal id, "" outside a mission), then the fields
of the payload, nested ones joined by dots; arrays are lists, matrices are flat with their shape beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from physical_ai_core.errors import BagError, PhysicalAIError
from physical_ai_core.goal import GoalState, Task
from physical_ai_core.graph import TOPIC
from physical_ai_core.reports import PlannerReply
from physical_ai_telemetry.bag import Event, open_bag
from physical_ai_telemetry.flatten import flatten, unflatten
from physical_ai_telemetry.kpi import MOVING_TASKS

GROUP_ROWS: Final = 2000
TOPIC_KEY: Final = b"physical_ai.topic"
MISSION_TOPICS: Final = ("goal_state", "planner/reply")
Progress = Callable[[int, int], None]  # messages done, and in all


@dataclass(frozen=True)
class Export:
    """What was written: topic -> (file, rows)."""

    folder: Path
    tables: dict[str, tuple[Path, int]]
    missions: tuple[str, ...]


class _Missions:
    """Which mission runs: from its goal to its end, by what the planner says."""

    def __init__(self) -> None:
        self.present = ""
        self.seen: list[str] = []

    def hear(self, data: Any) -> None:
        if isinstance(data, GoalState) and data.steps:
            tasks = {step.task for step in data.steps}
            if tasks & set(MOVING_TASKS):
                self.present = data.goal_id or f"mission_{len(self.seen) + 1}"
                if self.present not in self.seen:
                    self.seen.append(self.present)
            elif tasks & {Task.STOP, Task.CANCEL}:
                self.present = ""
        elif isinstance(data, PlannerReply) and data.kind == "done" and data.goal_id in ("", self.present):
            self.present = ""


class _Table:
    """Rows of one topic on their way into a Parquet file."""

    def __init__(self, topic: str, path: Path) -> None:
        self.path, self.rows = path, 0
        self._topic = topic
        self._waiting: list[dict[str, Any]] = []
        self._writer: pq.ParquetWriter | None = None
        self._schema: pa.Schema | None = None

    def add(self, row: dict[str, Any]) -> None:
        self._waiting.append(row)
        self.rows += 1
        if len(self._waiting) >= GROUP_ROWS:
            self._write()

    def close(self) -> None:
        if self._waiting:
            self._write()
        if self._writer is not None:
            self._writer.close()

    def _write(self) -> None:
        names = list(dict.fromkeys(name for row in self._waiting for name in row))
        if self._schema is None:
            columns = {name: _array([row.get(name) for row in self._waiting]) for name in names}
            schema = pa.schema([(name, array.type) for name, array in columns.items()])
            self._schema = schema.with_metadata({TOPIC_KEY: self._topic.encode()})
            self._writer = pq.ParquetWriter(self.path, self._schema, compression="zstd")
        arrays = [_array([row.get(field.name) for row in self._waiting], field.type) for field in self._schema]
        assert self._writer is not None
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._waiting = []


def _array(values: list[Any], kind: pa.DataType | None = None) -> pa.Array:
    """An Arrow array; columns of arrays keep their element type, `None` only gives a list of doubles."""
    if kind is None:
        first = next((value for value in values if value is not None), None)
        if isinstance(first, np.ndarray):
            kind = pa.list_(pa.from_numpy_dtype(first.dtype))
        elif isinstance(first, list) and first and isinstance(first[0], dict):
            kind = _STATUS
        elif isinstance(first, list):
            kind = pa.list_(pa.string())
        elif first is None:
            kind = pa.list_(pa.float64())
    if kind == _STATUS:
        values = [[{**item, "values": list(item["values"].items())} for item in value] for value in values]
    return pa.array(values, type=kind)


_STATUS: Final = pa.list_(
    pa.struct(
        [
            ("level", pa.int64()), ("name", pa.string()), ("message", pa.string()),
            ("values", pa.map_(pa.string(), pa.string())),
        ]
    )
)  # fmt: skip


def export_bag(
    bag: str | Path, folder: str | Path, topics: Collection[str] | None = None, progress: Progress | None = None
) -> Export:
    """Write one `TOPIC.parquet` a graph topic (slashes as `__`). Raises BagError, or PhysicalAIError on the folder."""
    folder = Path(folder)
    tables: dict[str, _Table] = {}
    missions = _Missions()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open_bag(bag) as recording:
            if not recording.mapping:
                raise BagError(
                    f"The bag {bag} has no topic of the graph (found: {', '.join(recording.topics) or 'nothing'}).",
                    "Give a recording of this suite, or rename its topics.",
                )
            wanted = None if topics is None else {*topics, *MISSION_TOPICS}
            for done, (topic, data, stamp_s) in enumerate(recording.events(wanted)):
                if topic in MISSION_TOPICS:
                    missions.hear(data)
                if topics is None or topic in topics:
                    if topic not in tables:
                        tables[topic] = _Table(topic, folder / f"{topic.strip('/').replace('/', '__')}.parquet")
                    tables[topic].add({"stamp_s": stamp_s, "mission": missions.present, **flatten(data)})
                if progress is not None and done % 1000 == 0:
                    progress(done, recording.message_count)
        for table in tables.values():
            table.close()
    except (OSError, pa.ArrowException) as error:
        raise PhysicalAIError(
            f"The export to {folder} failed: {error}.", "Name a writable folder with room."
        ) from error
    written = {topic: (table.path, table.rows) for topic, table in sorted(tables.items())}
    return Export(folder, written, tuple(missions.seen))


def read_events(path: str | Path) -> Iterator[Event]:
    """Events of an exported table. Raises BagError when it is none."""
    try:
        table = pq.ParquetFile(path)
        topic = (table.schema_arrow.metadata or {})[TOPIC_KEY].decode()
        kind = TOPIC[topic].data
    except (OSError, pa.ArrowException, KeyError) as error:
        raise BagError(f"{path} is not an exported table ({error!r}).", "Give a file that export wrote.") from error
    for batch in table.iter_batches(batch_size=GROUP_ROWS):
        for row in batch.to_pylist():
            data = unflatten(kind, row, row["stamp_s"])
            yield Event(topic, data, row["stamp_s"])
