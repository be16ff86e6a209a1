"""What became of each fault, kept as JSON: a long campaign can be stopped, and goes on where it was.

A result holds as long as the source is the same, and the tests that gave it: of a fault that was noticed the file of
the test that failed, of one that was missed all files.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from physical_ai_bench.mutation.campaign import Result, Target
from physical_ai_bench.mutation.operators import Mutant

SAVE_S: Final = 10.0


class Ledger:
    """`path`: None keeps nothing beyond this run."""

    def __init__(self, path: Path | None, targets: Iterable[Target], others: Sequence[Path] = ()) -> None:
        self._path, self._saved_s = path, time.monotonic()
        self._targets = {target.module: target for target in targets}
        tests = dict.fromkeys((*others, *(test for target in self._targets.values() for test in target.tests)))
        self._sums = {test.name: _sum(test) for test in tests}
        self._sources = {target.module: _sum(target.source) for target in self._targets.values()}
        self._all = hashlib.sha256("".join(sorted(self._sums.values())).encode()).hexdigest()[:12]
        self._rows: dict[tuple[str, str, int], dict[str, Any]] = {}
        self.about: dict[str, Any] = {}
        if path is not None and path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))["faults"]
            self._rows = {(row["module"], row["source"], row["number"]): row for row in kept if self._holds(row)}

    def _holds(self, row: dict[str, Any]) -> bool:
        if row["source"] != self._sources.get(row["module"], row["source"]):
            return False
        tests = self._sums.get(row["by"].partition("::")[0], self._all) if row["killed"] else self._all
        return bool(row["module"] not in self._targets or tests == row["tests"])

    def known(self, target: Target, mutant: Mutant, met: str) -> bool:
        """This fault was noticed, or was missed by as many tests as now."""
        row = self._rows.get((target.module, self._sources[target.module], mutant.number))
        return row is not None and (row["killed"] or row["met"] in (met, "all"))

    def rows(self, chosen: Iterable[tuple[Target, Mutant]]) -> list[dict[str, Any]]:
        """What is known of these faults."""
        keys = [(target.module, self._sources[target.module], mutant.number) for target, mutant in chosen]
        return [self._rows[key] for key in keys if key in self._rows]

    def note(self, result: Result) -> None:
        target, mutant = result.target, result.mutant
        source = self._sources[target.module]
        self._rows[target.module, source, mutant.number] = {
            "module": target.module, "line": mutant.line, "change": mutant.change, "text": mutant.text,
            "killed": result.killed, "met": result.met, "by": result.by, "cpu_s": round(result.cpu_s, 2),
            "number": mutant.number, "source": source,
            "tests": self._sums.get(result.by.partition("::")[0], self._all) if result.killed else self._all,
        }  # fmt: skip
        if time.monotonic() - self._saved_s > SAVE_S:
            self.save()

    def save(self) -> None:
        self._saved_s = time.monotonic()
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        rows = [self._rows[key] for key in sorted(self._rows)]
        part.write_text(json.dumps({**self.about, "faults": rows}, indent=1, ensure_ascii=False), encoding="utf-8")
        part.replace(self._path)


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
