"""Many runs: every world and seed that the results file does not hold yet."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path

from physical_ai_bench.barn.results import Result, ResultFile
from physical_ai_bench.barn.trial import Trial, run_trial, setup_of
from physical_ai_bench.barn.worlds import load_worlds
from physical_ai_bench.scenario import ParameterTable
from physical_ai_bench.sets import run_set

Told = Callable[[int, int, Result | None], None]  # done, in all, the last


def run_worlds(
    folder: Path, runs: int, results: Path, *, jobs: int = 1, parameters: ParameterTable | None = None,
    most_worlds: int = 0, told: Told | None = None,
) -> list[Result]:  # fmt: skip
    """Run seeds 0 … runs - 1 of each world of a folder; returns all results, in order of world and seed.

    `most_worlds`: so many, evenly over the folder; 0: all. Traces for pictures lie in `traces` beside `results`.
    Raises InputError for a folder or file that cannot be used.
    """
    worlds, table = load_worlds(folder), parameters or {}
    if 0 < most_worlds < len(worlds):
        worlds = [worlds[i * len(worlds) // most_worlds] for i in range(most_worlds)]
    setup = setup_of(table)
    wanted: dict[Hashable, Trial] = {
        (world.number, seed): Trial(world.file.resolve(), seed, table, results.parent / "traces", setup)
        for seed in range(runs)
        for world in worlds
    }
    return sorted(run_set(wanted, run_trial, ResultFile(results, setup), jobs, told), key=lambda result: result.key)
