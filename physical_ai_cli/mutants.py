"""Command `mutants`: how many of the faults put into the safety gate its tests notice."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from physical_ai_bench.mutation.campaign import Result

console = Console()
ENOUGH = 0.95


def _line(row: dict[str, Any]) -> str:
    return f"{row['module'].partition('.')[2]}:{row['line']} {row['change']} in: {row['text']}"


def _table(rows: list[dict[str, Any]], of_file: Counter[str]) -> tuple[Table, float]:
    """The count by file, and the share that was noticed."""
    table = Table("file", "faults", "tried", "noticed", "by other tests only", "missed", "share")
    tried = Counter(row["module"] for row in rows)
    killed = Counter(row["module"] for row in rows if row["killed"])
    late = Counter(row["module"] for row in rows if row["killed"] and row["met"] == "all")

    def add(name: str, faults: int, n: int, noticed: int, others: int) -> None:
        share = f"{noticed / n:.1%}" if n else "-"
        table.add_row(name, *map(str, (faults, n, noticed, others, n - noticed)), share)

    for name in sorted(tried):
        add(name.partition(".")[2], of_file[name], tried[name], killed[name], late[name])
    add("all", of_file.total(), tried.total(), killed.total(), late.total())
    return table, killed.total() / max(1, tried.total())


def mutants(
    files: Annotated[list[str] | None, typer.Option(help="Only this file of the gate; may be repeated.")] = None,
    seconds: Annotated[
        float, typer.Option(help="Stop so long after the look at the tests; 0: all faults, the long form.", min=0)
    ] = 120.0,
    seed: Annotated[int, typer.Option(help="Which faults come first.")] = 0,
    each: Annotated[int, typer.Option(help="At most so many faults of a file; 0: all.", min=0)] = 0,
    jobs: Annotated[int, typer.Option(help="So many faults at a time, each in a process of its own.", min=1)] = 1,
    others: Annotated[
        bool, typer.Option("--others", help="What a file's own tests miss meets all other tests of the gate too.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Keep each result here as JSON, and go on from what is there and still holds.")
    ] = None,
    able: Annotated[
        bool, typer.Option("--able", help="Leave out, and name, tests that fail here without any fault.")
    ] = False,
) -> None:
    """Put faults into the safety gate one at a time; exit 1 where the tests miss more than one in twenty."""
    from physical_ai_bench.mutation.campaign import run_mutants, sample, survey_tests
    from physical_ai_bench.mutation.gate import OF_FILE, gate_targets, gate_tests
    from physical_ai_bench.mutation.ledger import Ledger
    from physical_ai_core.errors import InputError

    begun_s = time.monotonic()
    names = tuple(name.removesuffix(".py").replace(".", "/") for name in files or ())
    unknown = sorted(set(names) - set(OF_FILE))
    if unknown:
        raise InputError(f"There is no file of the gate named {unknown}.", f"Files: {', '.join(OF_FILE)}.")
    targets, rest = gate_targets(names), gate_tests() if others else []
    ledger = Ledger(out, targets, rest)
    met = "all" if others else "own"
    chosen = sample(targets, seed, each)
    new = [pair for pair in chosen if not ledger.known(*pair, met)]
    console.print(f"{len(chosen)} faults, {len(chosen) - len(new)} of them known; looking at the tests …")
    reach = survey_tests([t for t in targets if any(t is target for target, _ in new)], rest if new else [], jobs)
    unable = sorted(f"{Path(name.file).name}::{name.function}" for name in reach.failed)
    if unable and not able:
        raise InputError(
            f"These tests of the gate fail without any fault: {unable}.", "Mend them first: ./run test test/safety."
        )
    ledger.about = {"seed": seed, "jobs": jobs, "left_out": unable}
    for name in unable:
        console.print(f"left out: {name}", markup=False, highlight=False)
    console.print(f"{len(reach.cost_s)} tests, {time.monotonic() - begun_s:.0f} s.")

    def report(result: Result) -> None:
        ledger.note(result)
        if not result.killed and result.met == met:
            (row,) = ledger.rows([(result.target, result.mutant)])
            console.print(f"missed: {_line(row)}", markup=False, highlight=False, soft_wrap=True)

    end_s = time.monotonic() + seconds if seconds > 0.0 else float("inf")
    run_mutants(new, reach, report, rest, end_s, jobs)
    ledger.save()
    rows = ledger.rows(chosen)
    unfinished = sum(not row["killed"] and row["met"] != met for row in rows)
    table, share = _table(rows, Counter(target.module for target, _ in chosen))
    console.print(table)
    if len(rows) < len(chosen) or unfinished:
        console.print(
            f"Not tried: {len(chosen) - len(rows)}. Missed by a file's own tests, not yet met by others: {unfinished}."
        )
    raise typer.Exit(0 if share >= ENOUGH else 1)
