"""How fast recordings become a data set, beside reading the same files with the `mcap` library and with `rosbags`."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mcap.reader import make_reader
from rosbags.highlevel import AnyReader

from physical_ai_bench.copies import load, write
from physical_ai_bench.page import Page
from physical_ai_telemetry.dataset import Options, export
from physical_ai_telemetry.dataset.source import files_of, tables
from physical_ai_telemetry.schemas import typestore

ABOUT = (
    "`physical-ai bench export`: {copies} bags, each of {laps} copies of one recorded drive ({name}) one after the"
    " other, stamps moved, zstd chunks as the recorder writes them: {plain:.0f} MB of messages in {packed:.0f} MB of"
    " files, {messages} messages. All ways take turns, {repeats} times; the best of each counts, since other work of"
    " the machine only ever adds. *Time* is of the wall, *processor* the CPU time of all processes and threads. MB are"
    " of messages, uncompressed."
)
NOTES = (
    "The `mcap` library gives serialized messages and decodes none. `rosbags` decodes all to objects, as any exporter"
    " that goes message by message has to. The export reads, hashes, labels, decodes, writes compressed Parquet, and"
    " reads it back to check that no mission is in two parts."
)


def export_page(bag: Path, copies: int, laps: int, repeats: int, told: Callable[[str], None]) -> Page:
    """The table. Raises BagError."""
    with tempfile.TemporaryDirectory(prefix="bench_export_") as scratch:
        root = Path(scratch)
        drive = load(bag)
        bags = [
            write(drive, root / f"robot{n}", 1_700_000_000 + 3600 * n, f"robot{n}", laps=laps) for n in range(copies)
        ]
        plain = copies * laps * drive.bytes / 1e6
        packed = sum(path.stat().st_size for one in bags for path in files_of(one)) / 1e6
        count = iter(range(10**6))

        def ours(options: Options) -> None:
            out = root / f"set{next(count)}"
            export(bags, out, options)
            shutil.rmtree(out)

        ways: dict[str, Callable[[], None]] = {
            "`mcap` library: iterate all messages": lambda: _mcap(bags),
            "`rosbags`: iterate and decode all messages": lambda: _rosbags(bags),
            "this suite: decode all to columns": lambda: _columns(bags),
            "export to Parquet, one process": lambda: ours(Options()),
            "export to Parquet, two processes": lambda: ours(Options(jobs=2)),
            "export to LeRobot, 10 frames a second": lambda: ours(Options("lerobot")),
        }
        best = {name: (float("inf"), float("inf")) for name in ways}
        for _ in range(repeats):
            for name, way in ways.items():
                told(name)
                wall, cpu = _timed(way)
                best[name] = (min(best[name][0], wall), min(best[name][1], cpu))
    peer_wall, peer_cpu = best[next(iter(ways))]
    rows = [
        (
            name, f"{wall:.2f} s", f"{plain / wall:.0f}", f"{wall / peer_wall:.2f}", f"{cpu:.2f} s",
            f"{cpu / peer_cpu:.2f}",
        )
        for name, (wall, cpu) in best.items()
    ]  # fmt: skip
    about = ABOUT.format(
        copies=copies,
        name=bag.name,
        plain=plain,
        packed=packed,
        laps=laps,
        messages=copies * laps * len(drive.messages),
        repeats=repeats,
    )
    header = ("way", "time", "MB/s", "× mcap", "processor", "× mcap")
    return Page("export", "Export of recordings", about, header, rows, NOTES)


def _timed(way: Callable[[], None]) -> tuple[float, float]:
    before, begin = os.times(), time.perf_counter()
    way()
    wall, after = time.perf_counter() - begin, os.times()
    return wall, sum(after[:4]) - sum(before[:4])


def _mcap(bags: list[Path]) -> None:
    for bag in bags:
        for path in files_of(bag):
            with path.open("rb") as stream:
                for _ in make_reader(stream).iter_messages():
                    pass


def _rosbags(bags: list[Path]) -> None:
    for bag in bags:
        with AnyReader([bag], default_typestore=typestore()) as reader:
            for connection, _, raw in reader.messages():
                try:
                    reader.deserialize(raw, connection.msgtype)
                except Exception:  # it refuses what the serializer leaves behind some messages
                    continue


def _columns(bags: list[Path]) -> None:
    for bag in bags:
        for _ in tables(bag):
            pass
