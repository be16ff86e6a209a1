"""Runs the tests against one fault after the other, each in a forked child: imports are paid once.

A fault is killed when a test fails, when nothing can be imported, or when the tests no longer end.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final, NamedTuple

from physical_ai_bench.mutation.operators import Mutant, mutants_of, with_fault

HANG_S: Final = 180.0  # of processor time: tests that took so long do not end
LIBRARIES: Final = (
    "numpy", "shapely", "pydantic", "yaml", "hypothesis", "hypothesis.strategies", "pytest", "pytest_timeout",
    "physical_ai_cli.environment", "physical_ai_core.messages", "physical_ai_core.parameters",
    "physical_ai_core.reports", "physical_ai_core.robot", "physical_ai_core.site",
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
    """What became of one fault."""

    target: Target
    mutant: Mutant
    killed: bool
    cpu_s: float


class _ExamplesFirst:
    """A pytest plug-in: plain examples before properties, which take longer."""

    @staticmethod
    def pytest_collection_modifyitems(items: list[Any]) -> None:
        items.sort(key=lambda item: bool(getattr(item.function, "is_hypothesis_test", False)))


class _Loader(importlib.abc.Loader, importlib.abc.MetaPathFinder):
    """Finds one module, and loads its faulty form."""

    def __init__(self, module: str, path: Path, code: CodeType) -> None:
        self._module, self._path, self._code = module, path, code

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._module:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=str(self._path))

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(self._path)
        exec(self._code, module.__dict__)


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


def run_mutants(
    targets: Sequence[Target], seed: int, seconds: float, report: Callable[[Result, int], None], each: int = 0
) -> list[Result]:
    """Try faults until all are done or the time is over. `report` is told each result and the number of all."""
    _import_once()
    chosen = sample(targets, seed, each)
    end_s = time.monotonic() + seconds if seconds > 0.0 else float("inf")
    results: list[Result] = []
    for target, mutant in chosen:
        if time.monotonic() > end_s:
            break
        results.append(_try(target, mutant))
        report(results[-1], len(chosen))
    return results


def clean(targets: Sequence[Target]) -> bool:
    """Do the tests pass where nothing is wrong?"""
    _import_once()
    tests = tuple(dict.fromkeys(test for target in targets for test in target.tests))
    return _survives(tests, None)[0]


def _import_once() -> None:
    """What does not change is imported before the fork."""
    for name in LIBRARIES:
        importlib.import_module(name)


def _try(target: Target, mutant: Mutant) -> Result:
    tree = with_fault(target.source.read_text(encoding="utf-8"), mutant.number)
    loader = _Loader(target.module, target.source, compile(tree, str(target.source), "exec"))
    survived, cpu_s = _survives(target.tests, loader)
    return Result(target, mutant, not survived, cpu_s)


def _survives(tests: Sequence[Path], loader: _Loader | None) -> tuple[bool, float]:
    """Run the tests in a child; True where all pass, and the child's processor time."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _child(tests, loader)
    _, status, usage = os.wait4(child, 0)
    return status == 0, usage.ru_utime + usage.ru_stime


def _child(tests: Sequence[Path], loader: _Loader | None) -> None:
    """Never returns: the exit code says whether the tests passed."""
    code = 1
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (int(HANG_S), int(HANG_S) + 5))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (1, 2):
            os.dup2(nothing, stream)
        if loader is not None:
            sys.meta_path.insert(0, loader)
        code = _tests(tests)
    finally:
        os._exit(code)


def _tests(tests: Sequence[Path]) -> int:
    """The tests until one fails; what hypothesis tries is the same every time."""
    import pytest
    from hypothesis import HealthCheck, Phase, settings

    settings.register_profile(
        "mutants", derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    settings.load_profile("mutants")
    sys.dont_write_bytecode = True
    for test in tests:
        code = pytest.main(
            ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", "-m", "not graph", str(test)]
        )
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return 1
    return 0
