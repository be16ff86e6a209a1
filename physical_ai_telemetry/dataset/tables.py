"""Parquet tables of a bag: one a topic and part, with true stamps and the labels of every row.

`tables/TOPIC/split=PART/BAG.parquet` (slashes of a topic as `__`), so that reading one part opens no file of another.
Columns: `log_ns` (when it was recorded), `stamp_s` (header stamp, else time of recording), `unit`, `mission` (""
outside one), `intervention` ("" while nobody intervened), then the fields of the payload as docs/dataset.md lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from physical_ai_core.errors import BagError
from physical_ai_core.graph import TOPIC
from physical_ai_telemetry.bag import Event
from physical_ai_telemetry.columns import Table
from physical_ai_telemetry.dataset.parts import PARTS
from physical_ai_telemetry.dataset.recording import Recording
from physical_ai_telemetry.dataset.source import Shelf, Wanted, tables
from physical_ai_telemetry.flatten import columns_of, unflatten

TOPIC_KEY: Final = b"physical_ai.topic"
FOLDER: Final = "tables"
WORDS: Final = pa.dictionary(pa.int32(), pa.string())
LABELS: Final = (
    ("log_ns", pa.int64()),
    ("stamp_s", pa.float64()),
    ("unit", WORDS),
    ("mission", WORDS),
    ("intervention", WORDS),
)
READ_ROWS: Final = 2000
# Columns whose values repeat; the rest are numbers that a dictionary would only make slower.
REPEATING: Final = ("unit", "mission", "intervention", "frame_id", "child_frame_id", "mode", "kind", "state", "source")


@dataclass(frozen=True)
class Written:
    """One file: its rows, and how many messages of its topic could not be read."""

    path: Path
    topic: str
    part: str
    rows: int
    units: tuple[str, ...]


def folder_of(topic: str) -> str:
    return topic.strip("/").replace("/", "__")


def schema_of(topic: str) -> pa.Schema:
    """Columns of a topic's tables."""
    payload = list(columns_of(TOPIC[topic].data).items())
    return pa.schema([*LABELS, *payload]).with_metadata({TOPIC_KEY: topic.encode()})


def write_tables(
    recording: Recording,
    parts: Mapping[str, str],
    root: Path,
    topics: Wanted = None,
    told: Callable[[int], None] | None = None,
    shelf: Shelf | None = None,
) -> tuple[list[Written], dict[str, int]]:
    """Write the tables of one bag under `root`. Returns the files, and the unreadable messages of each topic.

    Writing runs beside reading, in a thread. Raises BagError, OSError or ArrowException.
    """
    writers: dict[tuple[str, str], _File] = {}
    unreadable: dict[str, int] = {}
    labels = _Labels(recording, parts)
    with ThreadPoolExecutor(1) as pool:
        pending: Future[None] | None = None
        for found in tables(recording.path, topics, told, None if shelf is None else shelf.take(recording.path)):
            if pending is not None:
                pending.result()
            pending = pool.submit(_write_group, found, labels, root, recording.id, writers)
            for topic, table in found.items():
                if table.unreadable:
                    unreadable[topic] = unreadable.get(topic, 0) + table.unreadable
        if pending is not None:
            pending.result()
    return [writer.close() for writer in writers.values()], unreadable


def _write_group(
    found: Mapping[str, Table], labels: _Labels, root: Path, bag: str, writers: dict[tuple[str, str], _File]
) -> None:
    for topic, table in found.items():
        if not len(table):
            continue
        schema = schema_of(topic)
        columns = [*labels.columns(table), *table.columns.values()]
        rows = pa.Table.from_arrays(columns, schema=schema)
        for part, runs in labels.parts_of(table.log_ns):
            writer = writers.get((topic, part))
            if writer is None:
                path = root / FOLDER / folder_of(topic) / f"split={part}" / f"{bag}.parquet"
                writer = writers[topic, part] = _File(path, topic, part, schema)
            writer.write(pa.concat_tables([rows.slice(begin, end - begin) for begin, end in runs]))


class _Labels:
    """What each row of a recording is marked with."""

    def __init__(self, recording: Recording, parts: Mapping[str, str]) -> None:
        units = recording.units
        self._recording = recording
        self._names = pa.array([unit.name for unit in units])
        self._missions = pa.array([unit.mission for unit in units])
        self._part = np.array([PARTS.index(parts[unit.name]) for unit in units], dtype=np.int64)
        self._whats = pa.array(["", *dict.fromkeys(one.what for one in recording.interventions)])

    def parts_of(self, log_ns: NDArray[np.int64]) -> Iterator[tuple[str, list[tuple[int, int]]]]:
        """Each part that these rows go to, and which they are, as runs of rows."""
        part = self._part[self._recording.unit_of(log_ns)]
        edges = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(part)]
        runs = list(pairwise(edges))
        for number in np.unique(part).tolist():
            yield PARTS[number], [run for run in runs if part[run[0]] == number]

    def columns(self, table: Table) -> list[pa.Array]:
        unit = pa.array(self._recording.unit_of(table.log_ns).astype(np.int32))
        times_s = table.times_s()
        what = np.zeros(len(table), dtype=np.int32)
        known = self._whats.to_pylist()
        for one in self._recording.interventions:
            end_s = np.inf if one.end_s is None else one.end_s
            what[(times_s >= one.begin_s) & (times_s <= end_s)] = known.index(one.what)
        return [
            pa.array(table.log_ns),
            pa.array(times_s),
            pa.DictionaryArray.from_arrays(unit, self._names),
            pa.DictionaryArray.from_arrays(unit, self._missions),
            pa.DictionaryArray.from_arrays(pa.array(what), self._whats),
        ]


class _File:
    def __init__(self, path: Path, topic: str, part: str, schema: pa.Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._topic, self._part, self._rows = path, topic, part, 0
        self._units: dict[str, None] = {}
        repeating = [name for name in schema.names if name in REPEATING]
        self._writer = pq.ParquetWriter(
            path, schema, compression="zstd", compression_level=1, use_dictionary=repeating, write_statistics=["log_ns"]
        )

    def write(self, rows: pa.Table) -> None:
        self._rows += rows.num_rows
        self._writer.write_table(rows)
        self._units |= dict.fromkeys(rows.column("unit").unique().to_pylist())

    def close(self) -> Written:
        self._writer.close()
        return Written(self._path, self._topic, self._part, self._rows, tuple(self._units))


def units_in(path: Path) -> list[str]:
    """The units that the rows of a written file belong to, read back from it."""
    return [str(name) for name in pq.ParquetFile(path).read(["unit"]).column("unit").unique().to_pylist()]


def read_events(path: str | Path) -> Iterator[Event]:
    """Events of a table. Raises BagError when it is none."""
    try:
        table = pq.ParquetFile(path)
        topic = (table.schema_arrow.metadata or {})[TOPIC_KEY].decode()
        kind = TOPIC[topic].data
    except (OSError, pa.ArrowException, KeyError) as error:
        raise BagError(f"{path} is not an exported table ({error!r}).", "Give a file that export wrote.") from error
    names = [name for name in table.schema_arrow.names if name not in dict(LABELS)]
    for batch in table.iter_batches(batch_size=READ_ROWS, columns=["stamp_s", *names]):
        for row in batch.to_pylist():
            yield Event(topic, unflatten(kind, row, row["stamp_s"]), row["stamp_s"])


def statistics(files: list[Written]) -> dict[str, Any]:
    """Rows by topic and part, for the manifest."""
    found: dict[str, dict[str, int]] = {}
    for file in files:
        rows = found.setdefault(file.topic, dict.fromkeys(PARTS, 0))
        rows[file.part] += file.rows
    return dict(sorted(found.items()))
