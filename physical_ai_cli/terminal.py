"""What a person sees while the demo runs: one line that lives, then tables."""

from __future__ import annotations

import sys
import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from physical_ai_cli.demo import DemoResult
from physical_ai_cli.watch import Watch

PHASES = {"starting": "starting 起動中", "driving": "driving 走行中", "stopping": "stopping 停止中"}
LINE_PERIOD_S = 5.0  # between plain lines where there is no terminal to redraw


class LiveProgress:
    """A progress callback for `run_demo`: a live panel on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=5, transient=True) if console.is_terminal else None
        self._last_line_s = 0.0
        self._phase = ""
        self._replies = self._words = 0

    def __enter__(self) -> LiveProgress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, phase: str, watch: Watch) -> None:
        for reply in watch.replies[self._replies :]:
            self._console.print(f"  planner [{reply.kind}] {reply.en} / {reply.ja}", markup=False)
        self._replies = len(watch.replies)
        for line in watch.person[self._words :]:
            self._console.print(f"  person 人 {line}", markup=False)
        self._words = len(watch.person)
        if self._live is not None:
            self._live.update(_panel(phase, watch))
        elif phase != self._phase or time.monotonic() - self._last_line_s > LINE_PERIOD_S:
            self._console.print(_line(phase, watch), markup=False)
            sys.stdout.flush()
            self._last_line_s = time.monotonic()
        self._phase = phase


def _line(phase: str, watch: Watch) -> str:
    status, verdict = watch.status, watch.verdict
    up = sum(watch.active.values())
    return (
        f"  {PHASES.get(phase, phase)}  t={watch.stamp_s:6.1f} s  nodes {up}/{len(watch.active)}"
        f"  to go {status.distance_to_go_m if status else float('nan'):5.1f} m"
        f"  speed {watch.true_speed_mps:4.2f} m/s  controller {status.mode if status else '-'}"
        f"  gate {verdict.state if verdict else '-'}  collisions {len(watch.collisions)}"
    )


def _panel(phase: str, watch: Watch) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row(Text(_line(phase, watch)))
    waiting = [f"{name}: {watch.messages.get(name, '')}" for name, active in sorted(watch.active.items()) if not active]
    if waiting and phase == "starting":
        table.add_row(Text("  waiting for " + "; ".join(waiting), style="dim"))
    if watch.verdict is not None and watch.verdict.state not in ("clear", "waiting"):
        table.add_row(Text(f"  gate: {watch.verdict.en} / {watch.verdict.ja}", style="yellow"))
    return table


def print_result(console: Console, result: DemoResult, kpis: dict[str, Any], files: dict[str, str]) -> None:
    """KPI table, CPU table, fault line, and where the files are."""
    table = Table(title="KPI", show_header=False)
    table.add_row("result 結果", f"{result.reason} (exit {result.exit_code})")
    table.add_row("collisions / bumped while standing", f"{result.collisions} / {result.bumps}")
    table.add_row("drive time 走行時間", f"{result.drive_s:.1f} s (real-time factor {_ratio(result):.2f})")
    table.add_row("distance 走行距離", f"{result.distance_m:.1f} m")
    for name, value in kpis.items():
        table.add_row(name, f"{value:.3g}" if isinstance(value, float) else str(value))
    console.print(table)
    if result.cpu_cores:
        cpu = Table("node", "cores", title="CPU during the drive (cores per wall second)")
        for name, cores in sorted(result.cpu_cores.items(), key=lambda item: -item[1]):
            cpu.add_row(name, f"{cores:.2f}")
        graph_cores = sum(v for k, v in result.cpu_cores.items() if k != "simulator")
        cpu.add_row("graph without simulator", f"{graph_cores:.2f}", style="bold")
        console.print(cpu)
    if result.fault is not None:
        fault = result.fault
        console.print(
            f"fault: SIGKILL {fault.node} at {fault.speed_mps:.2f} m/s; slows after {_s(fault.slows_s)},"
            f" zero command after {_s(fault.zero_s)}"
            f" (wall {_s(fault.zero_wall_s)}), standing after {_s(fault.stand_s)},"
            f" active again after {_s(fault.back_s)}"
        )
    for message in result.messages:
        console.print(message, markup=False)
    for name, path in files.items():
        console.print(f"{name}: {path}", markup=False, soft_wrap=True)


def _ratio(result: DemoResult) -> float:
    return result.drive_s / result.wall_s if result.wall_s > 0.0 else 0.0


def _s(value: float | None) -> str:
    return "never" if value is None else f"{value:.2f} s"
