"""Results of runs: one CSV line each, appended as they end, so that an interrupted set goes on where it stopped."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from physical_ai_core.errors import InputError


@dataclass(frozen=True)
class Result:
    """How one run ended. `time_s` counts from 0.1 m of motion; scores are BARN's with lo = 2 and lo = 4."""

    world: int
    seed: int
    success: bool
    collision: bool
    timeout: bool
    time_s: float
    optimal_s: float
    score_2: float
    score_4: float
    min_clearance_m: float
    distance_m: float
    real_time: float  # simulated seconds a second of wall time
    setup: str  # fingerprint of robot, rules and parameters
    notes: str

    @property
    def key(self) -> tuple[int, int]:
        return self.world, self.seed

    def line(self) -> str:
        """As a CSV line."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(_plain(value) for value in asdict(self).values())
        return text.getvalue()


HEADER = [field.name for field in fields(Result)]


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    return f"{value:.4f}" if isinstance(value, float) else value


def _parse(row: Mapping[str, str]) -> Result:
    kinds: dict[str, Callable[[str], object]] = {
        "int": int, "float": float, "bool": lambda text: bool(int(text)), "str": str,
    }  # fmt: skip
    return Result(**{field.name: kinds[str(field.type)](row[field.name]) for field in fields(Result)})  # type: ignore[arg-type]


def read_results(file: Path) -> dict[tuple[int, int], Result]:
    """Whole lines of a results file by (world, seed); a last line cut by an interruption is left out.

    Raises InputError when the file is something else.
    """
    if not file.exists():
        return {}
    text = file.read_text(encoding="utf-8")
    if not text:
        return {}
    whole = text[: text.rfind("\n") + 1]
    rows = csv.DictReader(io.StringIO(whole))
    if rows.fieldnames != HEADER:
        raise InputError(f"{file} is no file of BARN results.", "Name another file with --out, or delete it.")
    try:
        results = [_parse(row) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{file} holds a line that is no BARN result ({error}).", "Name another file with --out, or delete it."
        ) from error
    return {result.key: result for result in results}


class ResultFile:
    """Appends to a results file. Raises InputError when what it holds was made with another setup."""

    def __init__(self, file: Path, setup: str) -> None:
        self.done = read_results(file)
        others = {result.setup for result in self.done.values()} - {setup}
        if others:
            raise InputError(
                f"{file} was made with another robot, other rules or parameters ({sorted(others)}, now {setup}).",
                "Name another file with --out, or delete it.",
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        content = file.read_bytes() if file.exists() else b""
        file.write_bytes(content[: content.rfind(b"\n") + 1] or (",".join(HEADER) + "\n").encode())
        self._file = file

    def add(self, result: Result) -> None:
        """Keep a result, on the disk at once."""
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(result.line())
        self.done[result.key] = result
