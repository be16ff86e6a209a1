"""`physical-ai export BAG…`: recordings to one data set, split by mission."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table


def export(
    bags: Annotated[
        list[Path], typer.Argument(help="Recorded bags: rosbag2 folders, .mcap, .db3 or ROS 1 .bag files.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the data set; replaced only by a complete one.")] = Path(
        "out/export"
    ),
    form: Annotated[str, typer.Option("--format", help="parquet: a table a topic; lerobot: episodes.")] = "parquet",
    split: Annotated[str, typer.Option(help="Shares of train/validation/test, by mission.")] = "80/10/10",
    seed: Annotated[int, typer.Option(help="What the draw of the missions begins from.")] = 0,
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic (parquet); may be repeated.")] = None,
    fps: Annotated[int, typer.Option(help="Frames a second (lerobot).", min=1, max=1000)] = 10,
    licence: Annotated[
        str, typer.Option(help="Under which licence the data may be used; goes into the manifest.")
    ] = "",
    jobs: Annotated[int, typer.Option(help="Bags at a time, each in a process of its own.", min=1, max=64)] = 1,
    skip_broken: Annotated[bool, typer.Option(help="Leave out bags that cannot be read; exit code 1 then.")] = False,
) -> None:
    """Write bags as one data set: Parquet tables or LeRobot episodes, with labels, split by mission."""
    from physical_ai_cli.offline import progress_bar
    from physical_ai_telemetry.dataset import Options, export
    from physical_ai_telemetry.dataset.build import UNSAID
    from physical_ai_telemetry.dataset.parts import PARTS, Shares

    topics = tuple(topic) if topic else None
    options = Options(form, Shares.parse(split, seed), topics, licence or UNSAID, fps, jobs, skip_broken)
    console, errors = Console(), Console(stderr=True)
    with progress_bar(errors, f"export {len(bags)} bags") as told:
        done = export(bags, out, options, told)
    table = Table(title=f"{done.folder} ({form})")
    for name in ("", *PARTS):
        table.add_column(name, justify="right" if name else "left")
    for name in ("missions", "units"):
        table.add_row(name, *(str(done.content[name][part]) for part in PARTS))
    for name, rows in done.content.get("rows", done.content.get("frames", {})).items():
        table.add_row(name, *(str(rows[part]) for part in PARTS))
    console.print(table)
    for bag in done.duplicates:
        errors.print(f"left out, already there 重複: {bag}", markup=False)
    for bag, why in done.broken.items():
        errors.print(f"left out, cannot be read 読めません: {bag}: {why}", style="red", markup=False)
    for name, count in done.content.get("unreadable", {}).items():
        errors.print(f"{name}: {count} messages had another form 形式が違うメッセージ", markup=False)
    if done.broken:
        raise typer.Exit(1)
