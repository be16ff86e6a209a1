"""The perception node over real DDS: CPU, rate and latency, with a bare relay beside it; and missed periods."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import psutil

from physical_ai_bench.node_load.processes import cpu_s, module_process
from physical_ai_bench.node_load.recording import denser, record
from physical_ai_bench.page import Page
from physical_ai_core import graph
from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.geometry import Array

if TYPE_CHECKING:
    from physical_ai_bench.node_load.node import Ear

STATE: Final = "state/odometry"
LOAD: Final = "physical_ai_bench.node_load.node"
RECORDED_S: Final = 20.0
SETTLE_S: Final = 4.0
START_PATIENCE_S: Final = 120.0
LOADS: Final = (1, 2)  # 200 Hz IMU with 20 Hz scans, and twice as much
ABOUT: Final = (
    "`physical-ai bench perception_node`: recorded sensors of the simulated robot (wheels 50 Hz, GNSS 5 Hz, scans of"
    " 720 rays) published as bytes by a process of its own; the perception node and a bare relay (a lifecycle node on"
    " the same executor: hears `imu/data`, says an Odometry at 100 Hz) hear them at the same time. Latency: from the"
    " wall time at which an IMU message was published to the arrival of the first output stamped later. Medians over"
    " repeats."
)


@dataclass(frozen=True)
class Window:
    """One repeat: CPU in percent of one core, outputs a second, latencies in ms (perception, relay), load of the
    machine (processes that want to run, from the kernel's one-minute average)."""

    cpu_percent: float
    relay_cpu_percent: float
    rate_hz: float
    latency_ms: tuple[float, float]  # p50, p99
    relay_ms: tuple[float, float]
    busy_percent: float
    load: float


@dataclass(frozen=True)
class Soak:
    """State outputs of the whole graph, counted by their stamps on the graph's clock."""

    seconds: float
    outputs: int
    missed: int
    longest_gap_s: float
    pace: float  # simulated seconds a wall second
    late_ticks: int


def missed_periods(stamps_s: Array, rate_hz: float) -> tuple[int, float]:
    """Outputs that should lie between neighbouring stamps and do not; the longest gap (s)."""
    gaps = np.diff(np.sort(stamps_s))
    if not len(gaps):
        return 0, 0.0
    return int(np.maximum(np.round(gaps * rate_hz).astype(int) - 1, 0).sum()), float(gaps.max())


def latencies_ms(published_s: Array, outputs: Array) -> Array:
    """(N,) of samples published at `published_s`, by `outputs` (M, 2): stamp and arrival, in the order of stamps."""
    index = np.searchsorted(outputs[:, 0], published_s)
    inside = index < len(outputs)
    return np.asarray(1e3 * (outputs[index[inside], 1] - published_s[inside]))


def perception_node_page(
    environment: Mapping[str, str], seconds: float, repeats: int, soak: Soak | None, loads: Sequence[int] = LOADS
) -> Page:
    """Measure and tabulate. Raises PhysicalAIError when a node does not come up."""
    rows = []
    for factor in loads:
        windows = measure(environment, factor, seconds, repeats)
        rows.append(_row(factor, windows))
    header = (
        "load", "CPU, % of a core", "relay's CPU", "outputs, Hz", "latency p50 / p99, ms", "relay p50 / p99, ms",
        "beyond the relay p50 / p99, ms", "machine busy, load",
    )  # fmt: skip
    notes = "No soak was run."
    if soak is not None:
        notes = (
            "Soak with the whole graph up (demo scenario; the simulated clock waits for the state):"
            f" {soak.seconds:.0f} s, {soak.outputs} outputs of `{STATE}`, {soak.missed} periods missed by stamps,"
            f" longest gap {1e3 * soak.longest_gap_s:.0f} ms, {soak.late_ticks} late ticks,"
            f" pace {soak.pace:.2f} of real time."
        )
    wanted = "Wanted: at most 40 % of a core at 200 Hz + 20 Hz, 100 Hz, and less than 3 ms beyond the relay at p99."
    return Page("perception_node", "The perception node", ABOUT, header, rows, f"{wanted} {notes}")


def _row(factor: int, windows: Sequence[Window]) -> tuple[str, ...]:
    def middle(values: Sequence[float]) -> float:
        return float(np.median(values))

    def pair(name: str) -> tuple[float, float]:
        both = [getattr(w, name) for w in windows]
        return middle([b[0] for b in both]), middle([b[1] for b in both])

    mine, relay = pair("latency_ms"), pair("relay_ms")
    beyond = (
        middle([w.latency_ms[0] - w.relay_ms[0] for w in windows]),
        middle([w.latency_ms[1] - w.relay_ms[1] for w in windows]),
    )
    return (
        f"IMU {200 * factor} Hz, scans {20 * factor} Hz",
        f"{middle([w.cpu_percent for w in windows]):.0f}",
        f"{middle([w.relay_cpu_percent for w in windows]):.0f}",
        f"{middle([w.rate_hz for w in windows]):.1f}",
        f"{mine[0]:.1f} / {mine[1]:.1f}",
        f"{relay[0]:.1f} / {relay[1]:.1f}",
        f"{beyond[0]:.1f} / {beyond[1]:.1f}",
        f"{middle([w.busy_percent for w in windows]):.0f} %, {middle([w.load for w in windows]):.1f}",
    )


def measure(environment: Mapping[str, str], factor: int, seconds: float, repeats: int) -> list[Window]:
    """Windows of `seconds` each, one after the other in the same run."""
    from physical_ai_bench.node_load.node import RELAY, RELAYED, Ear, write_wire

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_wire(denser(record(RECORDED_S), factor), folder / "wire")
        run_s = SETTLE_S + repeats * seconds + 2.0
        with (
            module_process(
                environment, folder, "physical_ai_perception.node", "--ros-args", "-p", "site:=yard"
            ) as node,
            module_process(environment, folder, LOAD, "relay") as relay,
            closing(Ear({STATE: graph.TOPIC[STATE], RELAYED: graph.TOPIC[STATE]})) as ear,
        ):
            for lifecycle in ("perception", RELAY):
                if not ear.bring_up(lifecycle, START_PATIENCE_S):
                    raise PhysicalAIError(f"The node '{lifecycle}' did not come up.", _log(folder))
            arguments = ("feed", str(folder / "wire"), str(folder / "left.npy"), str(run_s))
            with module_process(environment, folder, LOAD, *arguments) as feeder:
                marks = _listen(ear, node.pid, relay.pid, seconds, repeats)
                feeder.wait(60.0)
            outputs, relayed, left = ear.stamps(STATE), ear.stamps(RELAYED), np.load(folder / "left.npy")
    return [_window(begin, end, left, outputs, relayed) for begin, end in pairwise(marks)]


@dataclass(frozen=True)
class _Mark:
    """What was spent until a moment."""

    wall_s: float
    node_cpu_s: float
    relay_cpu_s: float
    idle_s: float


def _listen(ear: Ear, node: int, relay: int, seconds: float, repeats: int) -> list[_Mark]:
    """Wait for the first outputs, let things settle, then mark the windows' edges."""
    deadline = time.monotonic() + START_PATIENCE_S
    while not len(ear.stamps(STATE)):
        if time.monotonic() > deadline:
            raise PhysicalAIError("The perception node says no state.", "Look at its log.")
        time.sleep(0.05)
        ear.listen()
    marks: list[_Mark] = []
    due_s = time.monotonic() + SETTLE_S
    while len(marks) <= repeats:
        time.sleep(min(0.05, max(0.0, due_s - time.monotonic())))
        ear.listen()
        if time.monotonic() >= due_s:
            marks.append(_Mark(time.time(), cpu_s(node), cpu_s(relay), psutil.cpu_times().idle))
            due_s += seconds
    return marks


def _window(begin: _Mark, end: _Mark, left: Array, outputs: Array, relayed: Array) -> Window:
    wall_s = end.wall_s - begin.wall_s
    inside = (outputs[:, 1] >= begin.wall_s) & (outputs[:, 1] < end.wall_s)
    sent = left[(left >= begin.wall_s) & (left < end.wall_s - 0.2)]
    mine, relay = latencies_ms(sent, outputs), latencies_ms(sent, relayed)
    return Window(
        100.0 * (end.node_cpu_s - begin.node_cpu_s) / wall_s,
        100.0 * (end.relay_cpu_s - begin.relay_cpu_s) / wall_s,
        float(inside.sum()) / wall_s,
        (float(np.percentile(mine, 50)), float(np.percentile(mine, 99))),
        (float(np.percentile(relay, 50)), float(np.percentile(relay, 99))),
        100.0 * (1.0 - (end.idle_s - begin.idle_s) / (wall_s * (psutil.cpu_count() or 1))),
        os.getloadavg()[0],
    )


def _log(folder: Path) -> str:
    tails = [f"{path.name}: {path.read_text(encoding='utf-8')[-400:]}" for path in sorted(folder.glob("*.log"))]
    return " | ".join(tails) or "Its log is empty."
