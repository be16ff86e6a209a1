"""`physical-ai fleet DIR…`: many robots' recordings to figures, tables and one page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

RATES = ("runs", "hours", "stops_per_h", "malfunctions_per_h", "mttr_s", "interventions_per_km")
SHOWN = {  # on the terminal; the page has all
    "robots": ("robot", *RATES),
    "versions": ("software", *RATES),
    "incidents": ("cause", "rule", "count", "runs"),
    "overrides": ("rule", "hard", "count", "runs"),
    "latency": ("robot", "way", "p50_ms", "p99_ms"),
}


def fleet(
    folders: Annotated[list[Path], typer.Argument(help="Folders that hold recordings, at any depth.")],
    out: Annotated[Path, typer.Option(help="Where the facts are kept, and the page goes.")] = Path("out/fleet"),
    engine: Annotated[str, typer.Option(help="local, or dask.")] = "local",
    workers: Annotated[int, typer.Option(help="Processes that read bags.", min=1, max=256)] = 1,
    address: Annotated[str, typer.Option(help="Of a running Dask scheduler; by default one is started here.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="All answers as JSON on standard output.")] = False,
) -> None:
    """KPIs and incidents of a fleet. Bags that are in already are passed over; exit code 1 names broken ones."""
    from physical_ai_cli.offline import progress_bar
    from physical_ai_learning.fleet import asking, ingest, store
    from physical_ai_learning.fleet import engine as engines
    from physical_ai_learning.fleet.report import write_report
    from physical_ai_learning.fleet.words import TABLES

    console, errors = Console(), Console(stderr=True)
    kept = store.Store(out / "facts")
    with engines.engine(engine, workers, address) as chosen:
        with progress_bar(errors, "ingest") as told:
            done = ingest.ingest(folders, kept, chosen, told)
        answers = asking.plain(asking.ask(kept, chosen)) if kept.bags() else {}
    page = write_report(answers, out, done.broken, len(kept.bags()))
    if as_json:
        told_bags = {"added": done.added, "known": done.known, "broken": done.broken, "skipped": done.skipped}
        print(
            json.dumps({"schema_version": "1.0", "bags": told_bags, "answers": answers}, ensure_ascii=False, indent=2)
        )
    else:
        for name, columns in SHOWN.items():
            if answers.get(name):
                console.print(_table(" ".join(TABLES[name]), columns, answers[name][:10]))
        console.print(
            f"{len(done.added)} added 追加, {len(done.known)} known 既知, {len(done.skipped)} skipped 除外,"
            f" {len(done.broken)} broken 破損: {page}",
            markup=False,
        )
    for bag, why in done.broken.items():
        errors.print(f"broken 破損: {bag}: {why}", style="red", markup=False)
    if done.broken:
        raise typer.Exit(1)


def _table(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title=title)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        values = (row[column] for column in columns)
        table.add_row(*("–" if v is None else f"{v:.3g}" if isinstance(v, float) else str(v) for v in values))
    return table
