"""Which tests can notice a fault at all: those that go through its statement. The others need not be run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from physical_ai_bench.mutation.child import EVERY, Name, survey
from physical_ai_bench.mutation.jobs import Task, run_tasks

SURVEY_S: Final = 900.0  # of processor time: a file of tests that takes so long does not end
BLOCKS: Final = ("body", "orelse", "finalbody", "handlers", "cases")


class Reach(NamedTuple):
    """What each test goes through and takes, and the tests that fail although nothing is wrong."""

    lines: Mapping[Name, frozenset[tuple[str, int]]]
    cost_s: Mapping[Name, float]
    failed: tuple[Name, ...] = ()

    def tests(self, source: Path, lines: range | None, files: Sequence[Path]) -> dict[Name, float]:
        """Of these files the tests that go through the lines, with what they take. None: all of them."""
        wanted = None if lines is None else {(str(source), line) for line in lines}
        of_all = {str(file): self.lines.get(Name(str(file), EVERY), frozenset()) for file in files}
        return {
            name: cost
            for name, cost in self.cost_s.items()
            if name.file in of_all
            and (wanted is None or not wanted.isdisjoint(of_all[name.file]) or not wanted.isdisjoint(self.lines[name]))
        }


def look(tests: Iterable[Path], sources: Iterable[Path], jobs: int, told: Callable[[], None] = lambda: None) -> Reach:
    """Run each file of tests once, watched, `jobs` at a time."""
    files, names = list(dict.fromkeys(tests)), [str(source) for source in sources]
    lines: dict[Name, frozenset[tuple[str, int]]] = {}
    cost_s: dict[Name, float] = {}
    failed: list[Name] = []

    def task(file: Path) -> Task[Path]:
        return Task(file, lambda folder: survey(file, names, folder), SURVEY_S)

    for file, answer, _ in run_tasks((task(file) for file in files), jobs):
        found: dict[str, Any] = answer or {"lines": {}, "cost_s": {}, "failed": [EVERY]}
        wrong = set(found["failed"])
        failed += [Name(str(file), function) for function in sorted(wrong)]
        for function, places in found["lines"].items():
            lines[Name(str(file), function)] = frozenset((path, line) for path, line in places)
        if EVERY not in wrong:
            good = {f: s for f, s in found["cost_s"].items() if f not in wrong and f != EVERY}
            cost_s |= {Name(str(file), function): seconds for function, seconds in good.items()}
        told()
    return Reach(lines, cost_s, tuple(failed))


def statements(source: str) -> dict[int, range | None]:
    """Line -> the lines of the statement it belongs to, without the block under it; None: it runs at the import."""
    found: dict[int, range | None] = {}

    def visit(node: ast.AST, inside: bool) -> None:
        for name in BLOCKS:
            for part in getattr(node, name, ()) if isinstance(getattr(node, name, ()), list) else ():
                place(part, inside or isinstance(node, ast.FunctionDef))

    def place(part: Any, inside: bool) -> None:
        if isinstance(part, ast.match_case):
            first, last = part.pattern.lineno, part.body[0].lineno - 1
        else:
            blocks = [getattr(part, name) for name in BLOCKS if isinstance(getattr(part, name, None), list)]
            inner = [node.lineno for block in blocks for node in block if hasattr(node, "lineno")]
            first, last = part.lineno, max(part.lineno, min(inner) - 1) if inner else part.end_lineno
            decorators = getattr(part, "decorator_list", [])
            first = min([first, *(decorator.lineno for decorator in decorators)])
        lines = range(first, last + 1)
        found.update({line: lines if inside else None for line in lines})
        visit(part, inside)

    visit(ast.parse(source), False)
    return found
