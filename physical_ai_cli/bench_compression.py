"""`physical-ai bench compression`: models in few bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from physical_ai_bench.page import FOLDER
from physical_ai_cli.bench import Folder, app, console, show

__all__ = ["app"]


@app.command()
def compression(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of the ETH/UCY recordings; without it the extracts that ship, and no page is kept."),
    ] = None,
    long: Annotated[bool, typer.Option("--long", help="Every window of every scene.")] = False,
    crossings: Annotated[
        int, typer.Option(help="Also so many runs of `bench crossing` with each weights, a minute or two each.", min=0)
    ] = 0,
    planner: Annotated[
        int, typer.Option(help="Also the planner's language model, on so many sentences; 0: not.", min=0)
    ] = 0,
    folder: Folder = FOLDER,
) -> None:
    """Models in few bytes: size on disk against error, task and loading time, with what each part of it is worth."""
    import os

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from physical_ai_cli.offline import progress_bar
    from physical_ai_core.errors import DependencyError

    try:
        from physical_ai_bench.benchmarks.compression import compression_page
    except ModuleNotFoundError as error:
        raise DependencyError(error.name or "torch", "language") from error
    into = folder if data is not None or folder != FOLDER else Path("out/bench_compression")
    with progress_bar(console, "compression") as report:
        page = compression_page(data, long, report)
    if crossings:
        from physical_ai_bench.benchmarks.compression_field import field_table

        with progress_bar(console, "crossings") as report:
            lines = field_table(crossings, Path("out/bench_compression/traces"), report)
        page = replace(page, notes="\n".join([page.notes, "", *lines]))
    show(page, into)
    if planner:
        from physical_ai_bench.benchmarks.compression_language import language_page

        with progress_bar(console, "planner's model") as report:
            made = language_page(planner, report)
        show(made, folder)
