"""docs/safety-case.md: the gate's rules, what each is for, and the tests that carry `@pytest.mark.proves("rule")`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from physical_ai_safety.case import ASSUMED, CASES, INTERLOCKS, NOT_CLAIMED, Case

TESTS: Final = Path(__file__).resolve().parents[1] / "test" / "safety"
IMPLEMENT: Final = "implement."  # before the causes that turn an implement off: `implement.person`


def proofs(folder: Path = TESTS) -> dict[str, list[str]]:
    """Rule id -> the tests that are marked as its proof, as `file::test`, read from the source."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("test_*.py")):
        for function in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(function, ast.FunctionDef):
                for rule in _marked(function):
                    found.setdefault(rule, []).append(f"{path.stem}::{function.name}")
    return found


def _marked(function: ast.FunctionDef) -> Iterator[str]:
    for mark in function.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.proves":
            yield from (str(rule.value) for rule in mark.args if isinstance(rule, ast.Constant))


def safety_case(tests: Mapping[str, list[str]] | None = None) -> str:
    """The page."""
    tests = proofs() if tests is None else tests
    implements = {f"{IMPLEMENT}{cause.value}": case for cause, case in INTERLOCKS.items()}
    lines = [
        "# Safety case of the gate\n",
        "What each rule of [the safety gate](safety.md) is there for, which tests prove it, which clause its thought"
        " comes from, and what is not claimed. A test named here was seen to make the gate give that rule; all run"
        " with `./run test test/safety`.\n",
        "## What is not claimed\n", *(f"- {text}" for text in NOT_CLAIMED),
        "\n## What is assumed of the machine\n", *(f"- {text}" for text in ASSUMED),
        "\n## Rules\n", *_table(CASES),
        "\n## Implements\n", *_table(implements),
        "\n## Tests\n", "Files in `test/safety`.\n",
    ]  # fmt: skip
    for rule in (*CASES, *implements):
        lines.append(f"- `{rule}`: " + ", ".join(f"`{name}`" for name in tests.get(rule, ())))
    lines += [
        "\nBesides, for all rules together: any stream of commands keeps every limit, the robot rests before contact"
        " from any place that leaves the footprint free (properties), one rule more never lets anything pass that did"
        " not, and [faults put into the source](safety.md#how-it-is-proved) are noticed.\n",
        "Editions: ISO 3691-4:2023, ISO 13849-1:2015, ISO 13850:2015, ISO 12100:2010, IEC 60204-1:2016.\n",
    ]
    return "\n".join(lines)


def _table(cases: Mapping[str, Case]) -> Iterator[str]:
    yield "| hazard | rule | what it does | speaks to | not claimed |"
    yield "|---|---|---|---|---|"
    for rule, case in cases.items():
        yield f"| {case.hazard} | `{rule}` | {case.measure} | {'; '.join(case.clauses)} | {case.omits} |"
