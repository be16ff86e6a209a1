"""What a fleet costs: time and memory of ingesting and asking, over sizes that double, and what 100 GB would take."""

from __future__ import annotations

import resource
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from physical_ai_bench.copies import load, write
from physical_ai_bench.page import Page
from physical_ai_learning.fleet import asking
from physical_ai_learning.fleet.engine import Local
from physical_ai_learning.fleet.facts import facts_of
from physical_ai_learning.fleet.ingest import ingest
from physical_ai_learning.fleet.store import Store
from physical_ai_telemetry.dataset.source import files_of
from physical_ai_telemetry.incidents import incidents_of_bag
from physical_ai_telemetry.kpi import kpis_of_bag

ROBOTS = 12
TARGET_GB = 100.0
ABOUT = (
    "`physical-ai bench fleet`: copies of one recorded drive ({name}, {seconds:.0f} s) under {robots} robots' names and"
    " three versions, stamps moved, written without compression, so that a GB of files is a GB of messages (the"
    " recorder's zstd would make it {packing:.1f} times smaller). Every size is ingested into an empty store by"
    " {workers} processes, files warm in the page cache, and then asked all {questions} questions by DuckDB; *again* is"
    " a second run, when all is known. Memory is the peak of the largest worker, and of the main process."
)


def fleet_page(bag: Path, sizes_gb: Sequence[float], workers: int, scratch: Path, told: Callable[[str], None]) -> Page:
    """The table. `scratch` is emptied afterwards. Raises BagError."""
    drive = load(bag)
    try:
        rows, points, made = [], [], 0
        for size_gb in sorted(sizes_gb):
            while made == 0 or made * drive.bytes < size_gb * 1e9:
                folder = scratch / "bags" / f"robot{made % ROBOTS:02d}" / f"drive{made:05d}"
                write(
                    drive,
                    folder,
                    1_700_000_000 + 3600 * made,
                    folder.parent.name,
                    f"v{made * 3 // 1000}.{made % 3}",
                    "none",
                )
                made += 1
            told(f"{made} bags")
            row, point = _measure(scratch, made, workers)
            rows.append(row)
            points.append(point)
        peer = _peer(scratch / "bags" / "robot00" / "drive00000")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    packed = sum(path.stat().st_size for path in files_of(bag))
    about = ABOUT.format(
        name=bag.name, seconds=drive.seconds, robots=ROBOTS, packing=drive.bytes / packed, workers=workers,
        questions=len(asking.questions()),
    )  # fmt: skip
    header = ("GB", "bags", "ingest", "MB/s", "CPU", "questions", "again", "facts", "worker", "main")
    return Page("fleet", "Cost of fleet analysis", about, header, rows, _extrapolated(points) + peer)


Point = tuple[float, float, float, float]  # GB, seconds of ingesting, of processor, of asking


def _measure(scratch: Path, bags: int, workers: int) -> tuple[tuple[str, ...], Point]:
    shutil.rmtree(scratch / "facts", ignore_errors=True)
    store, engine = Store(scratch / "facts"), Local(workers)
    cpu = _cpu_s()
    begin = time.perf_counter()
    done = ingest([scratch / "bags"], store, engine)
    ingest_s = time.perf_counter() - begin
    begin = time.perf_counter()
    asking.ask(store, engine)
    ask_s = time.perf_counter() - begin
    engine.close()
    cpu = _cpu_s() - cpu
    begin = time.perf_counter()
    again = ingest([scratch / "bags"], Store(scratch / "facts"), Local())
    again_s = time.perf_counter() - begin
    assert len(done.added) == len(again.known) == bags
    size_gb = done.read_bytes / 1e9
    facts_mb = sum(path.stat().st_size for path in (scratch / "facts").rglob("*") if path.is_file()) / 1e6
    peak = [resource.getrusage(who).ru_maxrss / 1e3 for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    row = (
        f"{size_gb:.2f}", str(bags), f"{ingest_s:.1f} s", f"{1e3 * size_gb / ingest_s:.0f}", f"{cpu:.1f} s",
        f"{ask_s:.2f} s", f"{again_s:.2f} s", f"{facts_mb:.1f} MB", f"{peak[0]:.0f} MB", f"{peak[1]:.0f} MB",
    )  # fmt: skip
    return row, (size_gb, ingest_s, cpu, ask_s)


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _extrapolated(points: Sequence[Point]) -> str:
    """A straight line through each of the times, what it leaves over, and where it ends at `TARGET_GB`."""
    size = np.array([point[0] for point in points])
    said = []
    for column, name in enumerate(("ingesting", "processor", "asking"), start=1):
        times = np.array([point[column] for point in points])
        slope, offset = np.polyfit(size, times, 1) if len(points) > 1 else (times[0] / size[0], 0.0)
        left = float(np.abs(times - (offset + slope * size)).max() / times.max())
        whole = (
            f"{TARGET_GB:.0f} GB would take {(offset + slope * TARGET_GB) / 60:.1f} min" if slope > 0.0 else "no growth"
        )
        said.append(
            f"{name}: {offset:+.2f} s {slope:+.2f} s/GB: {whole} (residual at most {100 * left:.0f} % of the longest)"
        )
    far = TARGET_GB / size.max()
    return f"Straight lines through {len(points)} sizes: {'; '.join(said)}. That is {far:.0f} times the largest size.\n"


def _peer(bag: Path) -> str:
    """The same facts of one bag, the message-by-message way."""
    begin = time.perf_counter()
    facts_of(bag, "0" * 64)
    ours = time.perf_counter() - begin
    begin = time.perf_counter()
    kpis_of_bag(str(bag))
    incidents_of_bag(bag)
    theirs = time.perf_counter() - begin
    return (
        f"\nOne bag in one process: {ours:.2f} s; the same trackers fed message by message through `rosbags`"
        f" {theirs:.2f} s ({theirs / ours:.1f} times as long)."
    )
