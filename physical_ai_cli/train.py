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


@app.command("world-model")
def world_model(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of recordings, text files of frame, id, x m, y m; without it --smoke's extracts."),
    ] = None,
    smoke: Annotated[bool, typer.Option("--smoke", help="A tiny one, in less than two minutes.")] = False,
    fold: Annotated[
        list[str] | None,
        typer.Option(help="Scene to leave out, may be repeated; 'all': none (what ships); 'each': the five and all."),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, or cuda.")] = "cpu",
    engine: Annotated[str, typer.Option(help="loop, or mamba: the kernel of mamba_ssm, on a GPU.")] = "loop",
    steps: Annotated[int, typer.Option(help="Training steps.", min=10)] = 6000,
    seconds: Annotated[float, typer.Option(help="Stop training after so long; the rate falls to zero by then.")] = 1e9,
    jobs: Annotated[int, typer.Option(help="Folds at a time, each a process.", min=1)] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Checkpoints, weights, metrics; resumed when it exists.", show_default=False)
    ] = None,
) -> None:
    """The model of where people go."""
    from physical_ai_cli.stages import stages
    from physical_ai_core.errors import DependencyError, InputError

    try:
        from physical_ai_learning.world_model.people_run import SHIP, SMOKE_SHAPE, run, smoke_settings
        from physical_ai_learning.world_model.recordings import FOLDS
        from physical_ai_learning.world_model.train_people import Settings
        from physical_ai_world_model.ssm.shape import Shape
    except ModuleNotFoundError as error:
        raise DependencyError(error.name or "torch", "language") from error

    if data is None and not smoke:
        raise InputError("There is nothing to learn from.", "Name a folder of recordings with --data, or try --smoke.")
    settings = Settings(steps=steps, seconds=seconds, device=device, engine=engine)
    shape = Shape()
    if smoke:
        settings, shape = smoke_settings(settings), SMOKE_SHAPE
    folds = fold or [SHIP]
    if "each" in folds:
        folds = [*FOLDS, SHIP]
    folder = out or Path("out/world_model_smoke" if smoke else "out/world_model")
    with stages(console) as report:
        found = run(data, folds, settings, shape, folder, jobs, report)
    table = Table("left out", "held back ADE/FDE, m", "scene left out ADE/FDE, m", "best of modes, m", title="people")
    for name, metrics in found.items():
        held, judged = metrics["held_back"], metrics["scene_left_out"]
        table.add_row(
            name, f"{held['ade_m']:.3f}/{held['fde_m']:.3f}",
            f"{judged['ade_m']:.3f}/{judged['fde_m']:.3f}" if judged else "",
            f"{judged['best_ade_m']:.3f}/{judged['best_fde_m']:.3f}" if judged else "",
        )  # fmt: skip
    console.print(table)
    console.print(f"weights and metrics: {folder}", markup=False)
