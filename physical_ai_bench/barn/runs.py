"""Many runs: every world and seed that the results file does not hold yet, over a few processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Final

from physical_ai_bench.barn.results import Result, ResultFile
from physical_ai_bench.barn.trial import Trial, run_trial, setup_of
from physical_ai_bench.barn.worlds import load_worlds
from physical_ai_bench.scenario import ParameterTable

WAITING: Final = 2  # runs handed out to each process beforehand
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
    kept = ResultFile(results, setup)
    wanted = [(world.number, seed) for seed in range(runs) for world in worlds]
    files = {world.number: world.file.resolve() for world in worlds}
    missing = [
        Trial(files[number], seed, table, results.parent / "traces", setup)
        for number, seed in wanted
        if (number, seed) not in kept.done
    ]
    done = len(wanted) - len(missing)
    if told is not None:
        told(done, len(wanted), None)
    for result in _each(missing, jobs):
        kept.add(result)
        done += 1
        if told is not None:
            told(done, len(wanted), result)
    return [kept.done[key] for key in sorted(wanted)]


def _each(trials: Sequence[Trial], jobs: int) -> Iterator[Result]:
    if jobs <= 1 or len(trials) <= 1:
        yield from map(run_trial, trials)
        return
    context = multiprocessing.get_context("spawn")  # fork would carry threads of numerical libraries along
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        rest, running = iter(trials), set[Future[Result]]()
        try:
            while True:
                while len(running) < jobs * WAITING and (trial := next(rest, None)) is not None:
                    running.add(pool.submit(run_trial, trial))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
