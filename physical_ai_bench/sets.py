"""Sets of runs: what the results file does not hold yet, over a few processes, with word of every run that ends."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Final, TypeVar

from physical_ai_bench.results import R, ResultFile

WAITING: Final = 2  # runs handed out to each process beforehand
T = TypeVar("T")


def run_set(
    wanted: Mapping[Hashable, T], run: Callable[[T], R], kept: ResultFile[R], jobs: int = 1,
    told: Callable[[int, int, R | None], None] | None = None,
) -> list[R]:  # fmt: skip
    """Run what is `wanted` (key -> description) and not `kept` yet; returns all results in the order of `wanted`.

    `run` and the descriptions must be picklable where `jobs` is above 1. `told`: done, in all, the last.
    """
    missing = [trial for key, trial in wanted.items() if key not in kept.done]
    done = len(wanted) - len(missing)
    if told is not None:
        told(done, len(wanted), None)
    for result in _each(missing, run, jobs):
        kept.add(result)
        done += 1
        if told is not None:
            told(done, len(wanted), result)
    return [kept.done[key] for key in wanted]


def _each(trials: Sequence[T], run: Callable[[T], R], jobs: int) -> Iterator[R]:
    if jobs <= 1 or len(trials) <= 1:
        yield from map(run, trials)
        return
    context = multiprocessing.get_context("spawn")  # fork would carry threads of numerical libraries along
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        rest, running = iter(trials), set[Future[R]]()
        try:
            while True:
                while len(running) < jobs * WAITING and (trial := next(rest, None)) is not None:
                    running.add(pool.submit(run, trial))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
