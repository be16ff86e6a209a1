"""`physical-ai bench replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from physical_ai_bench.page import FOLDER
from physical_ai_cli.bench import Folder, app, console, show

LONG = 20


@app.command()
def replay(
    bag: Annotated[Path, typer.Option(help="A recorded drive.")] = Path("test/data/replay/yard"),
    runs: Annotated[int, typer.Option(help="Processes for each part.", min=1, max=1000)] = 3,
    long: Annotated[bool, typer.Option("--long", help=f"{LONG} processes for each part.")] = False,
    folder: Folder = FOLDER,
) -> None:
    """Pace of the replay for each node and the whole graph, and its bits in many processes."""
    from physical_ai_bench.benchmarks.replay import replay_page

    show(replay_page(bag, LONG if long else runs, lambda line: console.print(line, markup=False)), folder)
