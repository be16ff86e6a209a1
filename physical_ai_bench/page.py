"""A benchmark's page: one table, with machine and date, kept under `docs/benchmarks/`."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

FOLDER = Path("docs/benchmarks")


@dataclass(frozen=True)
class Page:
    """`about` says how it was measured and on what; `notes` what the figures do not say. Pictures lie beside it."""

    name: str
    title: str
    about: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: str = ""
    pictures: Sequence[str] = ()

    def text(self) -> str:
        lines = [f"# {self.title}", "", self.about, "", f"{machine()}; {date.today().isoformat()}.", ""]
        lines += [f"| {' | '.join(self.header)} |", f"|{'---|' * len(self.header)}"]
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        lines += ["", self.notes] if self.notes else []
        for picture in self.pictures:
            lines += ["", f"![{Path(picture).stem}]({picture})"]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path = FOLDER) -> Path:
        """Write `NAME.md` into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.md"
        path.write_text(self.text(), encoding="utf-8")
        return path


def machine() -> str:
    """What ran it: processor, cores, memory, Python."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory_gb:.0f} GiB, Python {platform.python_version()}"
