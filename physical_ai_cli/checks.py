"""`physical-ai test`: lint, types, then pytest, each by its own tool; the first failure's code is the result."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from physical_ai_cli.environment import ros_environment

ROOT = Path(__file__).resolve().parents[1]


WORKERS: Final = 4  # each may hold a language model in memory
TOGETHER: Final = ("-n", "auto", "--maxprocesses", str(WORKERS), "--dist", "loadfile", "-m", "not graph")


def run_checks(pytest_arguments: Sequence[str] = ()) -> int:
    """Run all checks; every one is run, so that one report names all that is wrong."""
    python = [sys.executable, "-m"]
    commands = [
        [*python, "ruff", "check", "."],
        [*python, "ruff", "format", "--check", "."],
        [*python, "mypy", *sorted(p.name for p in ROOT.glob("physical_ai_*"))],
        *([*python, "pytest", *share] for share in _shares(pytest_arguments)),
    ]
    code = 0
    for command in commands:
        print(f"--- {' '.join(command[2:4])}", flush=True)
        done = subprocess.run(command, cwd=ROOT, env=ros_environment(), check=False)
        code = code or done.returncode
    return code


def _shares(arguments: Sequence[str]) -> list[list[str]]:
    """What computes runs on all cores; what starts a graph of processes runs alone, for its clock's sake. Whoever names
    tests gets those, in one run."""
    if set(arguments) - {"--long"}:
        return [list(arguments)]
    return [[*TOGETHER, *arguments], ["-m", "graph", *arguments]]
