"""Many runs: every forecast and seed that the results file does not hold yet, and the same routes with nobody."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from physical_ai_bench.crossing.forecasts import FORECASTS, NOBODY
from physical_ai_bench.crossing.results import Result
from physical_ai_bench.crossing.trial import Trial, run_trial, setup_of
from physical_ai_bench.results import ResultFile
from physical_ai_bench.scenario import ParameterTable
from physical_ai_bench.sets import run_set
from physical_ai_core.errors import InputError

Told = Callable[[int, int, Result | None], None]  # done, in all, the last


def run_crossings(
    runs: int, results: Path, *, forecasts: Sequence[str] = FORECASTS, jobs: int = 1, first: int = 0,
    parameters: ParameterTable | None = None, told: Told | None = None,
) -> list[Result]:  # fmt: skip
    """Run seeds `first` … `first + runs - 1` with nobody and with each forecast; all results, in that order.

    Traces for pictures lie in `traces` beside `results`. Raises InputError for a name or file that cannot be used.
    """
    unknown = set(forecasts) - set(FORECASTS)
    if unknown:
        raise InputError(f"There is no forecast {sorted(unknown)}.", f"Choose of {', '.join(FORECASTS)}.")
    table = parameters or {}
    setup = setup_of(table)
    wanted: dict[Hashable, Trial] = {
        (forecast, seed): Trial(forecast, seed, table, results.parent / "traces", setup)
        for seed in range(first, first + runs)
        for forecast in (NOBODY, *forecasts)
    }
    return run_set(wanted, run_trial, ResultFile(results, setup, Result, "crossing"), jobs, told)
