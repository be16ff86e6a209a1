"""Replay as a regression test: pace of every node and of the whole graph, and whether all processes say the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from physical_ai_bench.page import Page
from physical_ai_bench.regression.cast import GRAPH, NODES
from physical_ai_core.errors import PhysicalAIError
from physical_ai_telemetry.bag import open_bag
from physical_ai_telemetry.schemas import typestore

# (what is played, in how many processes: 0 as many as there are processors)
PARTS: Final = (*((node, 0) for node in NODES), (GRAPH, 0), (GRAPH, 1))
PROGRAM: Final = "from physical_ai_bench.benchmarks.replay import print_run; print_run()"
ABOUT: Final = (
    "`physical-ai bench replay`: a recorded drive (`test/data/replay/yard` unless said otherwise) played through each"
    " node alone and through the whole graph, every run in a process of its own with another seed of Python's hashes,"
    " one thread a process. *Times real time* is the bag's length over the time for reading, decoding, computing and"
    " taking apart what was said, once the cores are made: what a bag of many minutes comes to. *With its start* also"
    " counts what comes before (*start*: expressions compiled, models loaded, site maps built; not the start of Python"
    " itself): what this bag comes to when it is played alone. *Of the processor* is the bag's length over the CPU time"
    " of the same work in all processes: what a machine does that has nothing else to do and one core. Peers: the same"
    " file read and decoded by `rosbags`, and read as bytes by the `mcap` library, in the same run."
)
NOTES: Final = (
    "Aims: 20 times real time for a node, 5 times for the graph on two cores. `identical`: of how many processes the"
    " hashes over all bits of all outputs are one and the same."
)
HEADER: Final = (
    "what", "times real time (median; best)", "of the processor", "with its start", "messages in / out", "start s",
    "identical",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One process's replay of one part."""

    part: str
    processes: int
    pace: float
    cpu_pace: float
    started_pace: float
    messages_in: int
    messages_out: int
    load_s: float
    sha256: str


def print_run() -> None:
    """A process of its own: `BAG PART [PROCESSES]`; prints a Run as JSON."""
    from physical_ai_bench.regression.cast import config_of, part_of
    from physical_ai_bench.regression.feed import facts_of
    from physical_ai_bench.regression.playing import play
    from physical_ai_bench.regression.tolerances import load_tolerances

    facts = facts_of(Path(sys.argv[1]))
    config = config_of(facts.path, None, facts.robot, facts.site)
    processes = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    found = play(facts, part_of(sys.argv[2]), config, load_tolerances(), processes=processes)
    run = Run(
        found.part.name, processes, found.pace, found.bag_s / max(1e-9, found.cpu_s),
        found.bag_s / (found.wall_s + found.load_s), found.messages_in, found.messages_out, found.load_s, found.sha256,
    )  # fmt: skip
    print(json.dumps(vars(run)))


def replay_page(bag: Path, runs: int, told: Callable[[str], None] | None = None) -> Page:
    """Measure and tabulate. Raises PhysicalAIError when a run fails, BagError for a bag that is none."""
    load = os.getloadavg()[0]
    rows: list[tuple[str, ...]] = [peer("rosbags: read and decode everything", by_rosbags, bag)]
    rows.append(peer("mcap library: read everything as bytes", by_mcap, bag))
    for part, processes in PARTS:
        found = [one_run(bag, part, processes, seed) for seed in range(1, runs + 1)]
        rows.append(row(found))
        if told is not None:
            told(", ".join(rows[-1]))
    loads = f"{load:.1f} before, {os.getloadavg()[0]:.1f} after, on {len(os.sched_getaffinity(0))} processors"
    machine = f" Load of the machine: {loads}; where others work, the columns of the processor are the ones to compare."
    return Page("replay", "Replay as a regression test", ABOUT, HEADER, rows, NOTES + machine)


def one_run(bag: Path, part: str, processes: int, seed: int) -> Run:
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(bag), part, str(processes)],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise PhysicalAIError(f"The replay of {part} failed: {done.stderr.strip()[-400:]}", "Replay it by hand.")
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def row(runs: Sequence[Run]) -> tuple[str, ...]:
    """One line of the table."""
    hashes = [run.sha256 for run in runs]
    most = max(hashes.count(one) for one in hashes)
    first = runs[0]
    return (
        name_of(first),
        f"{median(run.pace for run in runs):.1f}; {max(run.pace for run in runs):.1f}",
        f"{median(run.cpu_pace for run in runs):.1f}; {max(run.cpu_pace for run in runs):.1f}",
        f"{median(run.started_pace for run in runs):.1f}",
        f"{first.messages_in} / {first.messages_out}",
        f"{median(run.load_s for run in runs):.2f}",
        f"{most} of {len(runs)} ({hashes[0][:8]})",
    )


def name_of(run: Run) -> str:
    if run.part != GRAPH:
        return run.part
    return "whole graph, in one process" if run.processes == 1 else "**whole graph**"


def peer(name: str, read: Callable[[Path], tuple[int, float]], bag: Path) -> tuple[str, ...]:
    """A plain reader of the same bag."""
    begun, cpu_s = time.perf_counter(), time.process_time()
    count, bag_s = read(bag)
    wall_s, cpu_s = time.perf_counter() - begun, time.process_time() - cpu_s
    return name, f"{bag_s / wall_s:.1f}", f"{bag_s / cpu_s:.1f}", "-", f"{count} / -", "-", "-"


def by_rosbags(bag: Path) -> tuple[int, float]:
    """Messages, and the bag's length in seconds."""
    from rosbags.highlevel import AnyReader

    with AnyReader([bag], default_typestore=typestore()) as reader:
        count = sum(
            1 for connection, _, raw in reader.messages() if reader.deserialize(raw, connection.msgtype) is not None
        )
        return count, 1e-9 * reader.duration


def by_mcap(bag: Path) -> tuple[int, float]:
    """As `by_rosbags`."""
    from mcap.reader import make_reader

    count = 0
    for file in sorted(bag.glob("*.mcap")) if bag.is_dir() else [bag]:
        with file.open("rb") as stream:
            count += sum(1 for _ in make_reader(stream).iter_messages())
    with open_bag(bag) as opened:
        return count, opened.duration_s
