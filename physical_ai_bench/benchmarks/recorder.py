"""What recording the whole graph and a camera costs, and whether anything is lost; beside two simpler programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from mcap.reader import make_reader

from physical_ai_bench.node_load.processes import cpu_s, module_process
from physical_ai_bench.page import Page
from physical_ai_bench.recorder_load.traffic import voices, wire_bytes
from physical_ai_core import graph
from physical_ai_core.errors import PhysicalAIError
from physical_ai_telemetry.metadata import splits
from physical_ai_telemetry.recover import recover

LOAD: Final = "physical_ai_bench.recorder_load.node"
TELEMETRY: Final = "physical_ai_telemetry.node"
CAMERA_MBPS: Final = 10.0
SETTLE_S: Final = 4.0  # after the traffic has begun, before CPU is counted
PEER_SHARE, PEER_S = 0.5, 60.0  # of the recorder's time, and at most so long, for each of the others
PATIENCE_S: Final = 40.0
TARGET: Final = 0.15
OWN: Final = ("heartbeat", "/diagnostics")  # telemetry says these too
HEADER: Final = ("what", "CPU, share of one core", "of it in the system", "messages", "MB", "lost", "on disk, MB")
ABOUT: Final = (
    "`physical-ai bench recorder`: every recorded topic of the graph table at its rate with payloads of the demo's size"
    " ({rate:.0f} messages/s), and a camera of {camera:g} MB/s that does not compress, said by a second process over"
    " DDS. CPU is user and system time of the recorder's process, all its threads (the middleware's too), from 4 s"
    " after the traffic began to its end. *Lost*: said and not found in the file. The recorder runs {seconds:.0f} s,"
    " the others {peer_s:.0f} s, one after the other with the same traffic."
)


@dataclass(frozen=True)
class Cost:
    """One program under the load."""

    name: str
    seconds: float
    cpu_share: float
    system_share: float
    said: int
    lost: dict[str, int]
    megabytes: float
    disk_mb: float | None = None

    def row(self) -> tuple[str, ...]:
        return (
            self.name,
            f"{100.0 * self.cpu_share:.1f} %",
            f"{100.0 * self.system_share:.1f} %",
            f"{self.said}",
            f"{self.megabytes:.0f}",
            f"{sum(self.lost.values())}",
            "–" if self.disk_mb is None else f"{self.disk_mb:.0f}",
        )


def recorder_page(
    environment: Mapping[str, str], seconds: float, factor: float = 1.0, report: Callable[[str], None] = lambda _: None
) -> Page:
    """Measure all in turn. Raises PhysicalAIError when a process does not come up."""
    load_before = os.getloadavg()[0]
    said = voices(factor, CAMERA_MBPS)
    peer_s = min(PEER_SHARE * seconds, PEER_S)
    costs = []
    for name, run_s, start in (
        ("**this recorder**", seconds, _telemetry),
        ("this recorder while an incident is kept, all the time", peer_s, _telemetry_by_hand),
        ("rclpy callbacks and the mcap library's writer", peer_s, _plain),
        ("taken and thrown away, ten times a second", peer_s, _hear),
    ):
        report(name.strip("*"))
        with tempfile.TemporaryDirectory() as folder:
            costs.append(start(name, environment, Path(folder), run_s, factor))
    ours = costs[0]
    verdict = "reached" if ours.cpu_share <= TARGET and not ours.lost else "not reached"
    notes = (
        f"At most {100 * TARGET:.0f} % of one core and nothing lost: {verdict} ({100 * ours.cpu_share:.1f} %,"
        f" {sum(ours.lost.values())} lost in {ours.seconds:.0f} s). Lost by topic: {_lost_by_topic(ours)}.\n\n"
        "The last row is the floor: the middleware's threads and rclpy's `take` for these messages. Above it lie what"
        " is decoded for figures and incidents, and chunks, checksums, zstd and the disk. The plain program does"
        " neither figures nor incidents, flushes nothing in time and loses its file when it is killed.\n\n"
        f"Other load on the machine (load average before the run, and with it at its end):"
        f" {load_before:.1f}, {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores."
    )
    about = ABOUT.format(rate=sum(voice.rate_hz for voice in said), camera=CAMERA_MBPS, seconds=seconds, peer_s=peer_s)
    return Page("recorder", "The recorder's cost", about, HEADER, [cost.row() for cost in costs], notes)


def _telemetry_by_hand(name: str, environment: Mapping[str, str], folder: Path, seconds: float, factor: float) -> Cost:
    return _telemetry(name, environment, folder, seconds, factor, True)


def _telemetry(
    name: str, environment: Mapping[str, str], folder: Path, seconds: float, factor: float, by_hand: bool = False
) -> Cost:
    arguments = (
        "--ros-args", "-p", f"output_folder:={folder}", "-p", "bag:=run",
        "-p", "extra_topics:=['camera/image_raw:sensor_msgs/msg/Image']",
    )  # fmt: skip
    with module_process(environment, folder, TELEMETRY, *arguments) as process:
        _bring_up(environment)
        measured = _under_load(environment, process.pid, seconds, factor, by_hand)
    recover(folder / "run")
    found = _counts(splits(folder / "run"))
    return _cost(name, seconds, measured, found, folder / "run")


def _plain(name: str, environment: Mapping[str, str], folder: Path, seconds: float, factor: float) -> Cost:
    path = folder / "plain" / "plain_0.mcap"
    path.parent.mkdir()
    with module_process(environment, folder, LOAD, "plain", str(path)) as process:
        measured = _under_load(environment, process.pid, seconds, factor)
    return _cost(name, seconds, measured, _counts([path]), path.parent)


def _hear(name: str, environment: Mapping[str, str], folder: Path, seconds: float, factor: float) -> Cost:
    with module_process(environment, folder, LOAD, "hear") as process:
        measured = _under_load(environment, process.pid, seconds, factor)
    heard = json.loads((folder / f"{LOAD}.log").read_text().splitlines()[-1])
    return _cost(name, seconds, measured, heard, None)


def _bring_up(environment: Mapping[str, str]) -> None:
    code = (
        "import sys; from physical_ai_bench.node_load.node import Ear\n"
        f"ear = Ear({{}}); sys.exit(0 if ear.bring_up('telemetry', {PATIENCE_S}) else 1)"
    )
    if subprocess.run([sys.executable, "-c", code], env=dict(environment)).returncode != 0:
        raise PhysicalAIError("The telemetry node did not become active.", "Its log is above; is ROS installed?")


def _under_load(
    environment: Mapping[str, str], pid: int, seconds: float, factor: float, by_hand: bool = False
) -> tuple[dict[str, int], float, float]:
    """(messages said by topic, CPU share, share in the system) of a process while the traffic lasts."""
    command = [sys.executable, "-m", LOAD, "speak", str(SETTLE_S + seconds), str(factor), str(CAMERA_MBPS)]
    command.append("by_hand" if by_hand else "alone")
    with subprocess.Popen(command, env=dict(environment), stdout=subprocess.PIPE, text=True) as traffic:
        io_before = cpu_s(pid)
        while cpu_s(pid) - io_before < 0.3 and traffic.poll() is None:  # the traffic has begun
            time.sleep(0.1)
        time.sleep(SETTLE_S)
        before, begun_s = psutil.Process(pid).cpu_times(), time.monotonic()
        time.sleep(max(1.0, seconds - SETTLE_S))
        after, wall_s = psutil.Process(pid).cpu_times(), time.monotonic() - begun_s
        out, _ = traffic.communicate()
    if traffic.returncode != 0:
        raise PhysicalAIError("The traffic ended with an error.", "Its output is above.")
    time.sleep(1.0)  # what waits is taken
    user, system = (after.user - before.user) / wall_s, (after.system - before.system) / wall_s
    return json.loads(out.splitlines()[-1]), user + system, system


def _cost(
    name: str,
    seconds: float,
    measured: tuple[dict[str, int], float, float],
    found: Mapping[str, int],
    folder: Path | None,
) -> Cost:
    said, share, system = measured
    lost = {topic: count - found.get(topic, 0) for topic, count in said.items() if found.get(topic, 0) < count}
    disk_mb = None if folder is None else sum(path.stat().st_size for path in splits(folder)) * 1e-6
    return Cost(name, seconds, share, system, sum(said.values()), lost, _megabytes(said), disk_mb)


def _lost_by_topic(cost: Cost) -> str:
    return ", ".join(f"{topic} {count}" for topic, count in sorted(cost.lost.items())) or "none"


def _counts(files: Sequence[Path]) -> dict[str, int]:
    """Messages in the files by topic, without the leading slash where the table has none."""
    counts: dict[str, int] = {}
    for path in files:
        with path.open("rb") as stream:
            summary = make_reader(stream).get_summary()
        assert summary is not None and summary.statistics is not None
        for number, channel in summary.channels.items():
            topic = channel.topic if channel.topic in OWN else channel.topic.lstrip("/")
            counts[topic] = counts.get(topic, 0) + summary.statistics.channel_message_counts.get(number, 0)
    return counts


def _megabytes(said: Mapping[str, int]) -> float:
    return sum(wire_bytes(graph.TOPIC[topic]) * count for topic, count in said.items()) * 1e-6
