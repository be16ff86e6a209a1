"""`physical-ai bench export` and `physical-ai bench fleet`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from physical_ai_bench.page import FOLDER
from physical_ai_cli.bench import Folder, app, console, show

Bag = Annotated[Path, typer.Option(help="A recorded drive, MCAP.")]
DRIVE = Path("test/data/replay/yard")


@app.command()
def export(
    bag: Bag = DRIVE,
    copies: Annotated[int, typer.Option(help="Bags.", min=1)] = 8,
    laps: Annotated[int, typer.Option(help="Times that each bag holds the drive, one after the other.", min=1)] = 6,
    repeats: Annotated[int, typer.Option(help="Turns; the best of each way counts.", min=1)] = 3,
    folder: Folder = FOLDER,
) -> None:
    """Throughput of the export beside the mcap library and rosbags, on the same files in the same run."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from physical_ai_bench.benchmarks.export import export_page

    show(export_page(bag, copies, laps, repeats, lambda name: console.print(f"… {name}", markup=False)), folder)


@app.command()
def fleet(
    bag: Bag = DRIVE,
    sizes: Annotated[str, typer.Option(help="GB, by commas; the long form is 1,2,4,8.")] = "0.1,0.2,0.4",
    workers: Annotated[int, typer.Option(help="Processes that read bags.", min=1)] = 2,
    scratch: Annotated[Path | None, typer.Option(help="Folder for the copies, emptied afterwards.")] = None,
    folder: Folder = FOLDER,
) -> None:
    """Time and memory of fleet analysis over sizes that double, extrapolated to 100 GB."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from physical_ai_bench.benchmarks.fleet import fleet_page
    from physical_ai_core.errors import InputError

    try:
        wanted = [float(size) for size in sizes.split(",")]
    except ValueError as error:
        raise InputError(f"'{sizes}' are no sizes.", "Write them as 0.1,0.2,0.4.") from error
    with tempfile.TemporaryDirectory(prefix="bench_fleet_", dir=scratch) as made:
        page = fleet_page(bag, wanted, workers, Path(made) / "fleet", lambda name: console.print(f"… {name}"))
    show(page, folder)
