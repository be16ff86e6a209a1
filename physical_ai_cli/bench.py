"""`physical-ai bench NAME`: each prints one table and keeps it under `docs/benchmarks/` with machine and date."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import psutil

from physical_ai_cli.demo import DemoResult


def machine() -> str:
    """What ran it: processor, cores, memory, Python."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    memory_gb = psutil.virtual_memory().total / 2**30
    return f"{model}, {psutil.cpu_count()} cores, {memory_gb:.0f} GiB, Python {platform.python_version()}"


def write_page(path: Path, title: str, about: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    """One Markdown page: what was measured, where and when, and the table."""
    lines = [f"# {title}", "", about, "", f"{machine()}; {date.today().isoformat()}.", ""]
    lines += [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


CPU_HEADER = ("node", "cores while driving", "CPU s per simulated s")
CPU_ABOUT = (
    "`physical-ai bench cpu`: the demo over DDS, every node its own process, CPU time of each process with its children"
    " from the instruction to the goal. *Cores while driving* is CPU time over wall time at the pace the machine kept;"
    " *CPU s per simulated s* is what real time would ask for."
)


def cpu_rows(result: DemoResult) -> list[tuple[str, str, str]]:
    """Rows of the CPU table, the heaviest first, with the sum that the budget speaks of."""
    pace = result.drive_s / result.wall_s if result.wall_s > 0.0 else float("nan")
    rows = sorted(result.cpu_cores.items(), key=lambda item: -item[1])
    total = sum(cores for name, cores in rows if name != "simulator")
    sums = [*rows, ("**graph without simulator**", total)]
    table = [(name, f"{cores:.2f}", f"{cores / pace:.2f}") for name, cores in sums]
    return [*table, ("pace kept (real-time factor)", f"{pace:.2f}", "")]
