"""Runs the tests against one fault after the other, or many at a time, each in a forked child.

A fault is killed when a test fails, when nothing can be imported, or when the tests no longer end. First come the
tests of its own file that go through it; what those miss may meet all the others that do.
"""

from __future__ import annotations

import importlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from physical_ai_bench.mutation.child import Fault, Name, trial
from physical_ai_bench.mutation.jobs import Task, run_tasks
from physical_ai_bench.mutation.operators import Mutant, mutants_of, with_fault
from physical_ai_bench.mutation.reach import Reach, look, statements

START_S, TIMES_LONGER, HANG_S = 20.0, 5.0, 180.0  # processor time after which tests do not end: start + times, at most
LIBRARIES: Final = (
    "numpy", "shapely", "pydantic", "yaml", "scipy.spatial", "hypothesis", "hypothesis.strategies",
    "hypothesis.stateful", "hypothesis.extra.numpy", "pytest", "pytest_timeout", "physical_ai_cli.environment",
    "physical_ai_core.messages", "physical_ai_core.parameters", "physical_ai_core.reports", "physical_ai_core.robot",
    "physical_ai_core.site",
)  # fmt: skip


class Equal(NamedTuple):
    """A change to a line of source (as it stands, without its indent) after which the program does the same."""

    line: str
    change: str
    reason: str


class Target(NamedTuple):
    """A source file under test, the tests that know it, nearest first, and its faults that are none."""

    source: Path
    module: str
    tests: tuple[Path, ...]
    equal: tuple[Equal, ...] = ()


class Result(NamedTuple):
    """What became of one fault. `by`: the test that noticed it; `met`: "own" tests only, or "all"."""

    target: Target
    mutant: Mutant
    killed: bool
    cpu_s: float
    by: str = ""
    met: str = "own"


def sample(targets: Iterable[Target], seed: int, each: int = 0) -> list[tuple[Target, Mutant]]:
    """All faults of all files in the order of the seed: any beginning of it is a fair sample.

    Those are left out that are known to change nothing. `each`: at most so many of a file; 0: all.
    """
    every = [
        (target, mutant) for target in targets
        for mutant in mutants_of(target.source.read_text(encoding="utf-8")) if not changes_nothing(target, mutant)
    ]  # fmt: skip
    random.Random(seed).shuffle(every)
    taken: Counter[Path] = Counter()
    chosen = []
    for target, mutant in every:
        taken[target.source] += 1
        if not each or taken[target.source] <= each:
            chosen.append((target, mutant))
    return chosen


def changes_nothing(target: Target, mutant: Mutant) -> bool:
    """This fault is on the list of those that no test can notice."""
    return any(mutant.text == line and mutant.change == change for line, change, _ in target.equal)


def survey_tests(targets: Sequence[Target], others: Sequence[Path] = (), jobs: int = 1) -> Reach:
    """Each test once where nothing is wrong: what it goes through, and whether it passes."""
    for name in LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(name)
    tests = [test for target in targets for test in target.tests]
    return look((*others, *tests), [target.source for target in targets], jobs)


def run_mutants(
    chosen: Sequence[tuple[Target, Mutant]],
    reach: Reach,
    report: Callable[[Result], None],
    others: Sequence[Path] = (),
    end_s: float = float("inf"),
    jobs: int = 1,
) -> list[Result]:
    """Try faults, `jobs` at a time, until all are done or the monotonic clock is at `end_s`.

    `others`: what a file's own tests miss meets these as well; then `report` hears of it twice.
    """
    trying = _Trying(reach, others, end_s)
    found: dict[tuple[Path, int], Result] = {}
    for again in (False, True) if others else (False,):
        left = [(t, m) for t, m in chosen if not again or _missed(found.get((t.source, m.number)))]
        for (target, mutant), answer, cpu_s in run_tasks(trying.tasks(left, again), jobs):
            passed = answer is not None and bool(answer["passed"])
            by = str(answer["by"]) if answer is not None else "no end"
            met = "all" if again else "own"
            file, colons, test = by.partition("::")
            named = f"{file.rpartition('/')[2]}{colons}{test}"  # the name of a case may hold a "/" too
            result = Result(target, mutant, not passed, cpu_s, "" if passed else named, met)
            found[target.source, mutant.number] = result
            report(result)
    return list(found.values())


def _missed(result: Result | None) -> bool:
    return result is not None and not result.killed


class _Trying(NamedTuple):
    """Makes the work for each fault."""

    reach: Reach
    others: Sequence[Path]
    end_s: float

    def tasks(self, chosen: Sequence[tuple[Target, Mutant]], again: bool) -> Iterator[Task[tuple[Target, Mutant]]]:
        parts: dict[Path, Mapping[int, range | None]] = {}
        for target, mutant in chosen:
            if time.monotonic() > self.end_s:
                return
            source = target.source.read_text(encoding="utf-8")
            lines = parts.setdefault(target.source, statements(source)).get(mutant.line)
            files = [test for test in self.others if test not in target.tests] if again else list(target.tests)
            yield self._task(target, mutant, source, self.reach.tests(target.source, lines, files), files)

    def _task(
        self, target: Target, mutant: Mutant, source: str, cost_s: Mapping[Name, float], files: Sequence[Path]
    ) -> Task[tuple[Target, Mutant]]:
        asked = {name.file for name in cost_s}
        used = [file for file in files if str(file) in asked]

        def work(folder: Path) -> dict[str, object]:
            if not used:
                return {"passed": True, "by": ""}
            code = compile(with_fault(source, mutant.number), str(target.source), "exec")
            return trial(cost_s, used, Fault(target.module, target.source, code), folder)

        return Task((target, mutant), work, min(HANG_S, START_S + TIMES_LONGER * sum(cost_s.values())))
