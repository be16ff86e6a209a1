"""What one BARN run comes to, and the file of all of them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

from physical_ai_bench import results


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


def read_results(file: Path) -> dict[Hashable, Result]:
    """Whole lines of a results file by (world, seed). Raises InputError when the file is something else."""
    return results.read_results(file, Result, "BARN")


class ResultFile(results.ResultFile[Result]):
    """Appends to a file of BARN results. Raises InputError when what it holds was made with another setup."""

    def __init__(self, file: Path, setup: str) -> None:
        super().__init__(file, setup, Result, "BARN")
