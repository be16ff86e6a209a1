"""Tests in a forked child, of the source as it is or with one fault: what was imported before is paid once."""

from __future__ import annotations

import functools
import gc
import importlib.abc
import importlib.machinery
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any, Final, NamedTuple

MEMORY: Final = 16 << 30  # bytes of address space: a fault may ask for any number of rows
PLUGINS: Final = ("pytest_timeout", "_hypothesis_pytestplugin", "no:cacheprovider", "no:faulthandler",
                  "no:unraisableexception")  # fmt: skip
SETTINGS: Final = ("-q", "-m", "not graph", *(word for plugin in PLUGINS for word in ("-p", plugin)))
PASSED: Final = (0, 5)  # 5: there was no test
MONITORING: Final[Any] = getattr(sys, "monitoring", None)  # from Python 3.12 on
EVERY: Final = "*"  # the part of a test file that all of its tests stand on


class Name(NamedTuple):
    """A test without its cases: they are chosen and left out together."""

    file: str
    function: str


class Fault(importlib.abc.Loader, importlib.abc.MetaPathFinder):
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


class Chosen:
    """A pytest plug-in: only these tests, the quick ones first; remembers which one failed."""

    def __init__(self, cost_s: Mapping[Name, float]) -> None:
        self.cost_s, self.failed = cost_s, ""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = sorted((i for i in items if name_of(i) in self.cost_s), key=lambda i: self.cost_s[name_of(i)])

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


class Walk:
    """A pytest plug-in: through which lines each test goes, how long it takes, and which fail."""

    def __init__(self, sources: Collection[str]) -> None:
        self._sources, self._places = frozenset(sources), set[tuple[str, int]]()
        self._left: dict[CodeType, set[int]] = {}
        self.lines: dict[str, set[tuple[str, int]]] = {EVERY: self._places}
        self.cost_s: dict[str, float] = {}
        self.failed: set[str] = set()
        self._name, self._since = "", 0.0

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.failed.add(EVERY)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.add(report.nodeid.partition("::")[2].partition("[")[0])

    def pytest_runtest_protocol(self, item: Any) -> None:
        """What an earlier test left in a memory of results is worked out anew: this test may be run alone."""
        for thing in gc.get_objects():
            if type(thing) is functools._lru_cache_wrapper and thing.__module__.startswith(("test", "physical_ai")):
                thing.cache_clear()
        self._go_on(name_of(item).function)

    def pytest_runtest_logfinish(self) -> None:
        self._go_on(EVERY)

    def _go_on(self, name: str) -> None:
        now = time.process_time()
        if self._name:
            self.cost_s[self._name] = self.cost_s.get(self._name, 0.0) + now - self._since
        self._name, self._since = name, now
        self._places = self.lines.setdefault(name, set())
        self._anew()

    def begin(self) -> None:
        """Watch from now on. Each line is asked for until it was seen once in this test."""
        if MONITORING is None:
            sys.settrace(self._call)
            return
        MONITORING.use_tool_id(MONITORING.COVERAGE_ID, "mutants")
        MONITORING.register_callback(MONITORING.COVERAGE_ID, MONITORING.events.LINE, self._seen)
        MONITORING.set_events(MONITORING.COVERAGE_ID, MONITORING.events.LINE)

    def _anew(self) -> None:
        if MONITORING is not None:
            MONITORING.restart_events()
        self._left.clear()

    def _seen(self, code: CodeType, line: int) -> object:
        if code.co_filename in self._sources:
            self._places.add((code.co_filename, line))
        return MONITORING.DISABLE

    def _call(self, frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if code.co_filename not in self._sources:
            return None
        left = self._left.get(code)
        if left is None:
            left = self._left[code] = {line for _, _, line in code.co_lines() if line is not None}
        return self._line if left else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            self._places.add((frame.f_code.co_filename, frame.f_lineno))
            self._left.get(frame.f_code, set()).discard(frame.f_lineno)
        return self._line


def name_of(item: Any) -> Name:
    return Name(str(item.path), item.nodeid.partition("::")[2].partition("[")[0])


def start(work: Callable[[], dict[str, Any]], answer: Path, limit_s: float) -> int:
    """Fork a child for this work, which leaves its answer as JSON; it ends after `limit_s` of processor time."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s) + 1, int(limit_s) + 6))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        answer.write_text(json.dumps(work()), encoding="utf-8")
    finally:
        os._exit(0)


def trial(cost_s: Mapping[Name, float], files: Sequence[Path], fault: Fault | None, folder: Path) -> dict[str, Any]:
    """The chosen tests of these files until one fails."""
    if fault is not None:
        sys.meta_path.insert(0, fault)
    sys.dont_write_bytecode = True
    gc.freeze()
    chosen = Chosen(cost_s)
    code = _pytest(["-x", f"--basetemp={folder}"], files, chosen)
    return {"passed": code in PASSED, "by": chosen.failed}


def survey(file: Path, sources: Collection[str], folder: Path) -> dict[str, Any]:
    """All tests of one file, watched."""
    walk = Walk(sources)
    walk.begin()
    code = _pytest([f"--basetemp={folder}"], [file], walk)
    failed = walk.failed or ({EVERY} if code not in PASSED else set())
    lines = {name: sorted(places) for name, places in walk.lines.items()}
    return {"lines": lines, "cost_s": walk.cost_s, "failed": sorted(failed)}


def _pytest(options: list[str], files: Sequence[Path], plugin: object) -> int:
    """What hypothesis tries is the same every time."""
    import pytest
    from hypothesis import HealthCheck, Phase, settings

    settings.register_profile(
        "mutants", derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    settings.load_profile("mutants")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # what else is installed would cost more than most tests
    return int(pytest.main([*SETTINGS, *options, *map(str, files)], plugins=[plugin]))
