"""The files of the safety gate that decide, and of each the tests nearest to it, which have to notice its faults."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from physical_ai_bench.mutation.campaign import Target
from physical_ai_bench.mutation.equal import EQUAL

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = "physical_ai_safety"
CLAUSES: Final = ("approval", "clause", "compiling", "forbid", "keep_out", "slope", "speed", "when")
OF_FILE: Final = {
    "gate": ("deciding", "gate", "limits", "reasons", "properties"),
    "core": ("answering", "core", "faults", "wiring", "person"),
    "rules": ("rules", "faults", "loads"),
    "zones": ("zones", "ways", "led_zones", "clauses"), "ranges": ("ranges", "faults", "sensors"),
    "remembered": ("remembered", "ranges"),
    "walkers": ("looks", "among", "meeting", "walkers", "gate", "closed_loop"),
    "looks": ("looks", "walkers", "closed_loop"),
    "inputs": ("inputs", "core"), "place": ("inputs", "core"), "crew": ("crew",), "dead_reckoning": ("inputs",),
    "situation": ("situation", "reasons", "gate"), "words": ("words", "gate", "limits"),
    "arbitration": ("arbitration",), "bounds": ("bounds", "ramps", "stability", "limits", "gate", "barrier", "loads"),
    "circumstances": ("circumstances", "clauses"), "conflicts": ("conflicts",), "dead_ends": ("dead_ends", "conflicts"),
    "space": ("room", "conflicts"), "desk": ("desk", "people_say", "wiring", "person"),
    "implements": ("implements", "wiring"), "incline": ("incline",), "intruders": ("intruders", "crew"),
    "jerk": ("ramps",), "ladder": ("ladder",), "latency": ("latency",), "loads": ("loads",),
    "people_say": ("words", "people_say"),
    "rule_forms": ("schema", "clauses", "conflicts"),
    "under_way": ("sparing", "under_way", "obeying", "barrier"), "reflex": ("reflex",),
    "groups": ("groups", "walkers", "closed_loop"),
    "picture": ("picture", "answering", "core", "wiring", "circumstances"),
    "hearing": ("hearing", "core", "inputs", "command_watch", "wiring", "person"), "sensors": ("sensors",),
    "plausible": ("plausible", "blinded", "contradictions"), "command_watch": ("command_watch",),
    "schema": ("schema", "rules", "faults", "loads"), "stability": ("stability",),
    "footprint": ("footprint", "sweeping"),
    "areas": ("conflicts", "clauses"), "case": ("case",), "markers": ("markers",),
    "motion": ("clauses", "gate", "limits"), "deathwatch": ("crew",),
    "parameters": ("parameters", "wiring"), "telling": ("telling", "wiring", "person"),
    "clauses/hours": ("hours", "clauses"), **{f"clauses/{kind}": ("judging", "clauses") for kind in CLAUSES},
}  # fmt: skip


def gate_targets(files: tuple[str, ...] = (), root: Path = ROOT) -> list[Target]:
    """Targets by the names of files without their ending; all where none is named."""
    return [_target(name, root) for name in files or OF_FILE]


def gate_tests(root: Path = ROOT) -> list[Path]:
    """Every file of tests of the gate but those of the real graph."""
    return sorted(path for path in (root / "test" / "safety").glob("test_*.py") if "_graph_" not in path.name)


def _target(name: str, root: Path) -> Target:
    tests = (root / "test" / "safety" / f"test_{test}_safety.py" for test in OF_FILE[name])
    module = f"{PACKAGE}.{name.replace('/', '.')}"
    known = tuple(path for path in tests if path.exists())
    return Target(root / PACKAGE / f"{name}.py", module, known, EQUAL.get(name, ()))
