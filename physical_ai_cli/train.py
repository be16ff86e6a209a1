"""`physical-ai train NAME`: train what ships with the package, from a committed recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(no_args_is_help=True, help="Train a model that ships with the package.")
console = Console()


@app.callback()
def train() -> None:
    """Keeps NAME a sub-command while there is one alone."""


@app.command("own-motion")
def own_motion(
    smoke: Annotated[bool, typer.Option("--smoke", help="A tiny one, in less than a minute.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Missions, checkpoint, metrics; resumed when it exists.", show_default=False)
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Where weights and card go; by default into OUT/weights.", show_default=False)
    ] = None,
) -> None:
    """The model of the robot's own motion: records missions in the simulator, learns, calibrates. CPU, minutes."""
    from physical_ai_cli.stages import stages
    from physical_ai_core.errors import DependencyError

    try:
        from physical_ai_learning.world_model.own_train import Settings, run
    except ModuleNotFoundError as error:
        raise DependencyError(error.name or "torch", "language" if error.name == "torch" else "sim") from error

    settings = Settings.smoke() if smoke else Settings()
    folder = out or Path("out/own_motion_smoke" if smoke else "out/own_motion")
    into = weights or folder / "weights"
    with stages(console) as report:
        metrics = run(settings, folder, into, report)
    table = Table("at", "position error, missions held out", title="own motion")
    for at, error_m in metrics["position_error_m"].items():
        table.add_row(f"{at} s", f"{error_m:.3f} m")
    console.print(table)
    console.print(f"weights: {into}\nmetrics: {folder / 'metrics.json'}", markup=False)
