"""The files of the safety gate that decide, and of each the tests nearest to it, which have to notice its faults."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from physical_ai_bench.mutation.campaign import Target

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = "physical_ai_safety"
OF_FILE: Final = {
    "gate": ("gate", "limits", "properties"), "core": ("core", "faults", "wiring"), "rules": ("rules", "faults"),
    "zones": ("zones",), "footprint": ("footprint",), "ranges": ("ranges", "faults"),
    "walkers": ("walkers", "gate", "closed_loop"), "looks": ("walkers", "closed_loop"),
    "inputs": ("inputs", "core"), "place": ("inputs", "core"), "crew": ("crew",), "dead_reckoning": ("inputs",),
    "situation": ("gate",), "words": ("gate", "limits"),
}  # fmt: skip


def gate_targets(files: tuple[str, ...] = (), root: Path = ROOT) -> list[Target]:
    """Targets by the names of files without their ending; all where none is named."""
    return [_target(name, root) for name in files or OF_FILE]


def _target(name: str, root: Path) -> Target:
    tests = (root / "test" / "safety" / f"test_{test}_safety.py" for test in OF_FILE[name])
    return Target(root / PACKAGE / f"{name}.py", f"{PACKAGE}.{name}", tuple(path for path in tests if path.exists()))
