"""The safety gate: what it costs, how late it is, what is left when it dies, what it stops for nothing."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil

from physical_ai_bench.gate_load.monitor import SITUATIONS, Figures, Replayed, replay_log, run_situation
from physical_ai_bench.gate_load.speed import CLOUD_POINTS, Timing, measure_speed
from physical_ai_bench.gate_load.traffic import Drive, drive_traffic
from physical_ai_bench.gate_load.wire_times import (
    KILL_SPEED_MPS,
    Killed,
    WireTimes,
    base_bound_s,
    measure_kill,
    measure_wire,
)
from physical_ai_bench.page import Page
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array

PARTS: Final = ("speed", "wire", "kill", "monitor", "traffic")
BRAKING_MPS2: Final = 1.5  # of the default rules
STANDING_MPS: Final = 0.02
TARGETS_US: Final = {"720 rays": 100.0, "3600 rays": 300.0, "cloud": 1000.0}
PUBLISHED: Final = {"720 rays": "4.45–4.93 ms a scan of 360", "cloud": "4–20.7 ms a cloud of 24,000"}
NAMES: Final = {
    "decide": "`decide` alone", "whole core": "whole core, raw scan to command",
    "command": "whole core, command to command", "people": "people in the sweep, after the answer",
}  # fmt: skip
HEADER: Final = ("what", "gate", "beside, same run", "ratio or excess", "target", "kept", "published of Nav2's monitor")
ABOUT: Final = (
    "`./run bench gate`. **Speed**: one process, CPU time of the thread (wall time in brackets) while driving"
    " through clutter in a yard with 20 zones; beside it the peer's way of judging rebuilt in numpy (points"
    " carried along the motion in twelve steps, counted in the footprint: no zones, people, memory or limits), on"
    " the same data in turns. **Wire**: gate, bare relay (lifecycle node, same executor and QoS) and a busy relay"
    " (the same, hearing and speaking as often as the gate, without a thought) as processes of their own over"
    " DDS; from just before a message is published to the time at which the middleware received the answer;"
    " commands in turns, each known by its speed. **Kill**: SIGKILL of the gate at {kill:.1f} m/s; the base is"
    " the simulator's base controller with its watchdog of 0.25 s. **Monitor**: the windows and thresholds of Nav2's"
    " collision-monitor benchmark on a gate with a base that follows; recorded driving is a log of a person's"
    " driving, its speeds as commands. **Traffic**: the demo in lockstep, the same seeds with the gate and with"
    " one that passes everything; a stop is false where nothing (by the simulator's truth) was within the way to"
    " rest, the margins and a walker's way meanwhile. `p50 / p99`."
)
Report = Callable[[str, float], None]


@dataclass
class Measured:
    """What was measured; parts that were not run are empty."""

    speed: list[Timing] = field(default_factory=list)
    wire: WireTimes | None = None
    killed: list[Killed] = field(default_factory=list)
    monitor: list[Figures] = field(default_factory=list)
    replayed: Replayed | None = None
    traffic: list[Drive] = field(default_factory=list)


@dataclass(frozen=True)
class Size:
    """How much of each part. The defaults take some minutes of two cores."""

    rounds: int = 600
    command_s: float = 15.0
    scan_s: float = 40.0
    kills: int = 2
    situations: int = len(SITUATIONS)
    log: Path | None = None
    log_s: float = 600.0
    drives: int = 1
    until_s: float | None = None
    priority: int = 0
    jobs: int = 1


def measure(
    part: str, environment: Mapping[str, str], size: Size, report: Report = lambda _what, _share: None
) -> Measured:
    """Run one part. Raises PhysicalAIError: no such part, a node that does not come up, a log that cannot be read."""
    found = Measured()
    report(part, 0.0)
    if part == "speed":
        found.speed = measure_speed(size.rounds)
    elif part == "wire":
        found.wire = measure_wire(environment, size.command_s, size.scan_s, size.priority)
    elif part == "kill":
        found.killed = measure_kill(environment, size.kills, size.priority)
    elif part == "monitor":
        for k, situation in enumerate(SITUATIONS[: size.situations]):
            report(part, k / size.situations)
            found.monitor.append(run_situation(situation))
        if size.log is not None:
            report("recorded driving", 0.0)
            found.replayed = replay_log(size.log, size.log_s)
            report("recorded driving", 1.0)
    elif part == "traffic":
        found.traffic = drive_traffic(
            range(size.drives), lambda share: report(part, share), until_s=size.until_s, jobs=size.jobs
        )
    else:
        raise InputError(f"There is no part '{part}' of this benchmark.", f"Parts: {', '.join(PARTS)}.")
    report(part, 1.0)
    return found


def run_parts(parts: Sequence[str], environment: Mapping[str, str], size: Size, store: Path, report: Report) -> None:
    """Run them one after the other; each leaves its rows and how the machine was in `store`. Raises PhysicalAIError."""
    for part in parts:
        before = psutil.cpu_times()
        found = measure(part, environment, size, report)
        keep(part, found, machine_load(before), store)


def keep(part: str, found: Measured, load: str, store: Path) -> None:
    """Write `PART.json`."""
    store.mkdir(parents=True, exist_ok=True)
    text = json.dumps(
        {"rows": table(found), "notes": [*notes(found), f"*{part}*: {load}"]}, ensure_ascii=False, indent=1
    )
    (store / f"{part}.json").write_text(text, encoding="utf-8")


def machine_load(before: Any) -> str:
    """What the machine did since `before`, other work included."""
    after = psutil.cpu_times()
    spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields}
    total = sum(spent.values()) or 1.0
    return (
        f"{100.0 * (1.0 - spent['idle'] / total):.0f} % of {psutil.cpu_count()} cores busy with this and other work,"
        f" load average {os.getloadavg()[0]:.0f}, {100.0 * spent.get('steal', 0.0) / total:.0f} % taken by the"
        " hypervisor."
    )


def gate_page(store: Path) -> Page:
    """The page over the parts that were run, the newest of each."""
    kept = [json.loads(file.read_text(encoding="utf-8")) for part in PARTS if (file := store / f"{part}.json").exists()]
    rows = [tuple(row) for one in kept for row in one["rows"]]
    text = "\n".join(note for one in kept for note in one["notes"])
    return Page("gate", "The safety gate", ABOUT.format(kill=KILL_SPEED_MPS), HEADER, rows, text)


def table(found: Measured) -> list[tuple[str, ...]]:
    """The rows of what was measured."""
    rows = [*_speed(found.speed)]
    rows += _wire(found.wire) if found.wire is not None else []
    rows += [row for killed in found.killed for row in _kill(killed)]
    rows += [_situation(figures) for figures in found.monitor]
    rows += [_replayed(found.replayed)] if found.replayed is not None else []
    rows += _traffic(found.traffic) if found.traffic else []
    return rows


def notes(found: Measured) -> list[str]:
    """What the rows do not say."""
    said = [f"Wire measured at {found.wire.priority}."] if found.wire is not None else []
    return said + (_stops(found.traffic) if found.traffic else [])


def _kept(holds: bool) -> str:
    return "yes" if holds else "**no**"


def _pair(values: Array, unit: str = "", digits: int = 0) -> str:
    p50, p99 = np.percentile(values, [50, 99])
    return f"{p50:.{digits}f} / {p99:.{digits}f}{unit}"


def _speed(timings: Sequence[Timing]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    peers = {t.name.split(",")[0]: t for t in timings if t.name.endswith("peer")}
    for timing in timings:
        data, what = (part.strip() for part in timing.name.split(","))
        if what == "peer":
            continue
        peer, target = peers[data], TARGETS_US[data]
        p99 = float(np.percentile(timing.cpu_us, 99))
        name = f"{CLOUD_POINTS:,} points, cloud to command" if data == "cloud" else f"{data}, {NAMES[what]}"
        rows.append((
            name, f"{_pair(timing.cpu_us)} µs ({_pair(timing.wall_us)})", f"{_pair(peer.cpu_us)} µs",
            f"{np.median(timing.cpu_us) / np.median(peer.cpu_us):.2f} ×",
            *(("", "") if what == "people" else (f"p99 ≤ {target:.0f} µs", _kept(p99 <= target))),
            PUBLISHED.get(data, "") if what in ("whole core",) else "",
        ))  # fmt: skip
    return rows


def _wire(wire: WireTimes) -> list[tuple[str, ...]]:
    gate, relay, busy = (wire.command_ms[kind] for kind in ("gate", "relay", "busy"))
    scan, bare, full = (wire.scan_ms[kind] for kind in ("gate", "relay", "busy"))
    rows: list[tuple[str, ...]] = []
    for name, peer in (("bare relay", relay), ("busy relay", busy)):
        ratio = float(np.percentile(gate, 99) / np.percentile(peer, 99))
        target, kept = ("p99 ≤ 1.3 ×", _kept(ratio <= 1.3)) if peer is relay else ("", "")
        middle = float(np.median(gate) / np.median(peer))
        rows.append((
            f"command in → command out, {name}", _pair(gate, " ms", 2), _pair(peer, " ms", 2),
            f"{middle:.2f} / {ratio:.2f} ×", target, kept, "",
        ))  # fmt: skip
    echoed = len(gate) / max(1, wire.sent.get("gate", 0))
    rows.append(("commands answered with their own speed", f"{100.0 * echoed:.1f} % of {wire.sent.get('gate', 0)}",
                 "", "", "", "", ""))  # fmt: skip
    for name, peer in (("bare relay", bare), ("busy relay", full)):
        excess = np.percentile(scan, [50, 99]) - np.percentile(peer, [50, 99])
        target, kept = "p50 ≤ 0.3, p99 ≤ 2 ms", _kept(bool(excess[0] <= 0.3 and excess[1] <= 2.0))
        rows.append((
            f"obstacle in scan → zero leaves ({len(scan)} stops), {name}", _pair(scan, " ms", 2), _pair(peer, " ms", 2),
            f"{excess[0]:+.2f} / {excess[1]:+.2f} ms", target if peer is bare else "", kept if peer is bare else "", "",
        ))  # fmt: skip
    return rows


def _kill(killed: Killed) -> list[tuple[str, ...]]:
    bound = base_bound_s(killed.speed_mps, BRAKING_MPS2)
    quiet = max(killed.moved_dead_mps, killed.moved_back_mps)
    return [
        (
            f"SIGKILL at {killed.speed_mps:.2f} m/s → base stands", f"{killed.stood_s:.2f} s, {killed.way_m:.2f} m",
            f"last command after {1e3 * killed.silent_s:.0f} ms", "", f"≤ {bound:.2f} s (0.25 s + braking)",
            _kept(killed.stood_s <= bound), "",
        ),
        (
            "highest speed: dead / back, not reset / after the reset",
            f"{killed.moved_dead_mps:.3f} / {killed.moved_back_mps:.3f} / {killed.moved_reset_mps:.2f} m/s",
            "", "", "stands / stands / drives", _kept(quiet < STANDING_MPS and killed.moved_reset_mps > 0.1), "",
        ),
    ]  # fmt: skip


def _situation(figures: Figures) -> tuple[str, ...]:
    near = next(s.near for s in SITUATIONS if s.name == figures.name)
    if not near:
        return (
            f"slows: {figures.name}", f"rests after {figures.way_m:.2f} m, {figures.stop_s:.2f} s", "", "",
            "no contact", _kept(not figures.contact), "",
        )  # fmt: skip
    return (
        f"stop: {figures.name}",
        f"stop {figures.stop_s:.2f} s, hold {100.0 * figures.hold:.0f} %, resume {figures.resume_s:.2f} s, stopped"
        f" while free {100.0 * figures.false_stops:.1f} %; {100.0 * figures.way_m:.0f} cm",
        "", "", "≤ 0.6 s, ≥ 90 %, ≤ 0.6 s, ≤ 5 %", _kept(figures.kept and not figures.contact),
        "the criteria are its own",
    )  # fmt: skip


def _replayed(replayed: Replayed) -> tuple[str, ...]:
    rules = ", ".join(f"{rule} {count}" for rule, count in sorted(replayed.by_rule.items(), key=lambda i: -i[1]))
    return (
        f"false stops, recorded driving ({replayed.name}, {replayed.minutes:.0f} min)",
        f"{100.0 * replayed.share:.1f} % of {replayed.moving} scans in motion ({rules or 'none'})", "", "", "≤ 5 %",
        _kept(replayed.share <= 0.05), "",
    )  # fmt: skip


def _traffic(drives: Sequence[Drive]) -> list[tuple[str, ...]]:
    hours = sum(drive.gated.drive_s for drive in drives) / 3600.0
    stops = sum(len(drive.stops) for drive in drives)
    false = sum(stop.false for drive in drives for stop in drive.stops)
    ratios = np.array([drive.ratio for drive in drives if not math.isnan(drive.ratio)])
    least = 3.0 / hours
    hit = [sum(getattr(drive, which).collisions > 0 for drive in drives) for which in ("gated", "ungated")]
    rows: list[tuple[str, ...]] = [(
        f"demo traffic: false stops ({len(drives)} drives, {60.0 * hours:.1f} simulated min)",
        f"{false} ({false / hours:.1f} an hour) of {stops} stops", "", "",
        "≤ 1 an hour",
        _kept(false / hours <= 1.0) + (f", but so few minutes only show ≤ {least:.0f}" if not false else ""), "",
    )]  # fmt: skip
    if len(ratios):
        gated = np.mean([drive.gated.drive_s for drive in drives if not math.isnan(drive.ratio)])
        free = np.mean([drive.ungated.drive_s for drive in drives if not math.isnan(drive.ratio)])
        rows.append((
            f"demo traffic: time to the goal ({len(ratios)} seeds)", f"{gated:.1f} s",
            f"{free:.1f} s ungated", f"{gated / free:.3f} × (worst {ratios.max():.3f})", "≤ 1.05 ×",
            _kept(gated / free <= 1.05), "",
        ))  # fmt: skip
    rows.append(("demo traffic: drives with a collision, reached", f"{hit[0]}, {sum(d.gated.reached for d in drives)}",
                 f"{hit[1]}, {sum(d.ungated.reached for d in drives)} ungated", "", "0", _kept(hit[0] == 0),
                 ""))  # fmt: skip
    return rows


def _stops(drives: Sequence[Drive]) -> list[str]:
    told = [
        f"{drive.seed}: {stop.rule} {stop.clause} at {stop.speed_mps:.2f} m/s, nearest {stop.gap_m:.2f} of"
        f" {stop.need_m:.2f} m" + (", **false**" if stop.false else "")
        for drive in drives
        for stop in drive.stops
    ]
    return ["Stops in traffic, by seed: " + "; ".join(told[:20]) + "."] if told else ["No stop in traffic."]
