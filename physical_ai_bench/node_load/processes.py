"""Processes that a benchmark starts, and what they spend."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil


def cpu_s(pid: int) -> float:
    """CPU time of a process so far."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


@contextmanager
def module_process(
    environment: Mapping[str, str], folder: Path, module: str, *arguments: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m MODULE`, its log in the folder; interrupted at the end, and killed if it does not listen."""
    with (folder / f"{module}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], env=dict(environment), stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            process.wait(6.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
