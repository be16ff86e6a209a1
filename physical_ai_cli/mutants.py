"""Command `mutants`: how many of the faults put into the safety gate its tests notice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from physical_ai_bench.mutation.campaign import Result

console = Console()
ENOUGH = 0.95


def _file(result: Result) -> str:
    return result.target.module.partition(".")[2]


def mutants(
    files: Annotated[list[str] | None, typer.Option(help="Only this file of the gate; may be repeated.")] = None,
    seconds: Annotated[float, typer.Option(help="Stop after so long; 0: all faults, the long form.", min=0)] = 120.0,
    seed: Annotated[int, typer.Option(help="Which faults come first.")] = 0,
    each: Annotated[int, typer.Option(help="At most so many faults of a file; 0: all.", min=0)] = 0,
) -> None:
    """Put faults into the safety gate one at a time; exit 1 where the tests miss more than one in twenty."""
    from physical_ai_bench.mutation.campaign import clean, run_mutants
    from physical_ai_bench.mutation.gate import OF_FILE, gate_targets
    from physical_ai_core.errors import InputError

    names = tuple(name.removesuffix(".py").replace(".", "/") for name in files or ())
    unknown = sorted(set(names) - set(OF_FILE))
    if unknown:
        raise InputError(f"There is no file of the gate named {unknown}.", f"Files: {', '.join(OF_FILE)}.")
    targets = gate_targets(names)
    if not clean(targets):
        raise InputError("The tests of the gate fail without any fault.", "Mend them first: ./run test test/safety.")
    told = 0

    def report(result: Result, total: int) -> None:
        nonlocal told
        told += 1
        if not result.killed:
            mutant = result.mutant
            line = f"{told}/{total} missed: {_file(result)}:{mutant.line} {mutant.change} in: {mutant.text}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    results = run_mutants(targets, seed, seconds, report, each)
    tried = Counter(_file(result) for result in results)
    killed = Counter(_file(result) for result in results if result.killed)
    table = Table("file", "faults tried", "noticed", "share")
    for name in sorted(tried):
        table.add_row(name, str(tried[name]), str(killed[name]), f"{killed[name] / tried[name]:.1%}")
    share = killed.total() / max(1, tried.total())
    table.add_row("all", str(tried.total()), str(killed.total()), f"{share:.1%}")
    console.print(table)
    raise typer.Exit(0 if share >= ENOUGH else 1)
