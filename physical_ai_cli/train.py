"""`physical-ai train NAME`: train what ships with the package, from a committed recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from physical_ai_cli.train_duplicates import check_duplicates

app = typer.Typer(no_args_is_help=True, help="Train a model that ships with the package.")
console = Console()
app.command("check-duplicates")(check_duplicates)


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
    rate: Annotated[float | None, typer.Option(help="Highest; 5e-4 suits weights that are trained already.")] = None,
    start: Annotated[str, typer.Option(help="Weights to begin with: a file, or a folder of FOLD.safetensors.")] = "",
    init: Annotated[str, typer.Option(help="Without --start: default, or ggd (generalised Gaussian).")] = "default",
    backslash: Annotated[float, typer.Option(help="λ of the rate constraint; 0.01 is much.", min=0.0)] = 0.0,
    prior_shape: Annotated[float, typer.Option(help="Shape of its prior; 0: read from the weights.", min=0.0)] = 0.0,
    one_prior: Annotated[bool, typer.Option("--one-prior", help="One prior for all, as BackSlash has it.")] = False,
    quantise: Annotated[
        float, typer.Option(help="Train on a grid of so many standard deviations; writes people.pai too.", min=0.0)
    ] = 0.0,
    protect: Annotated[bool, typer.Option(help="Finer steps for tensors whose errors cost more.")] = True,
    jobs: Annotated[int, typer.Option(help="Folds at a time, each a process.", min=1)] = 1,
    workers: Annotated[
        int, typer.Option(help="Processes that share each batch, through torchrun: GPUs, or CPU processes.", min=1)
    ] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Checkpoints, weights, metrics; resumed when it exists.", show_default=False)
    ] = None,
) -> None:
    """The model of where people go."""
    from physical_ai_cli.stages import stages
    from physical_ai_core.errors import DependencyError, InputError

    try:
        from physical_ai_learning.compression.backslash import Small
        from physical_ai_learning.world_model.people_job import PeopleJob, run_shared
        from physical_ai_learning.world_model.people_run import SHIP, SMOKE_SHAPE, run, smoke_settings
        from physical_ai_learning.world_model.recordings import FOLDS
        from physical_ai_learning.world_model.train_people import Settings
        from physical_ai_world_model.ssm.shape import Shape
    except ModuleNotFoundError as error:
        raise DependencyError(error.name or "torch", "language") from error

    if data is None and not smoke:
        raise InputError("There is nothing to learn from.", "Name a folder of recordings with --data, or try --smoke.")
    if init not in ("default", "ggd"):
        raise InputError(f"There is no beginning called '{init}'.", "Say default, or ggd.")
    small = Small(backslash, prior_shape, one_prior, quantise, protect, init, start=start)
    settings = Settings(
        steps=steps, seconds=seconds, device=device, engine=engine, small=small,
        rate=Settings().rate if rate is None else rate,
    )  # fmt: skip
    shape = Shape()
    if smoke:
        settings, shape = smoke_settings(settings), shape if start else SMOKE_SHAPE
    folds = fold or [SHIP]
    if "each" in folds:
        folds = [*FOLDS, SHIP]
    folder = out or Path("out/world_model_smoke" if smoke else "out/world_model")
    if workers > 1:
        found = run_shared(PeopleJob(folds, folder, settings, shape, data), workers)
    else:
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


@app.command("planner-language")
def planner_language(
    base: Annotated[str, typer.Option(help="gemma, smollm2, qwen, or a transformers directory.")] = "gemma",
    variant: Annotated[
        str, typer.Option(help="plain; or reasoning: the clauses in order of time are written first.")
    ] = "plain",
    smoke: Annotated[bool, typer.Option("--smoke", help="A tiny one, in less than two minutes on a CPU.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Adapter, model card, checkpoint, metrics.", show_default=False)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from OUT's checkpoint.")] = False,
    start: Annotated[Path | None, typer.Option(help="An adapter of the same shape to begin with.")] = None,
    sentences: Annotated[int | None, typer.Option(help="After so many the learning rate has come to its end.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after so long, the rate at its end.")] = None,
    tokens: Annotated[int | None, typer.Option(help="Of one batch, padding counted.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Highest.")] = None,
    rank: Annotated[int | None, typer.Option(help="Of the adapter; by default what the size budget allows.")] = None,
    split: Annotated[
        str | None, typer.Option(help="train; or all: the phrases of the built-in test too, tested elsewhere.")
    ] = None,
    decay: Annotated[float | None, typer.Option(help="Weight decay of the adapter.", min=0.0)] = None,
    noise: Annotated[float | None, typer.Option(help="On the embeddings (NEFTune); 5 is usual.", min=0.0)] = None,
    seed: Annotated[int | None, typer.Option(help="Of data and weights.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that draw sentences; 0: none.", min=0)] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    reinforce: Annotated[int, typer.Option(help="Policy steps after it, judged by the numeric side.", min=0)] = 0,
    calibrate: Annotated[int, typer.Option(help="Orders to fit the confidence on, at the end; 0: none.", min=0)] = 0,
) -> None:
    """The planner's language adapter: LoRA on generated sentences, then reinforcement, then its confidence."""
    from physical_ai_cli.stages import stages
    from physical_ai_core.errors import DependencyError

    try:
        from physical_ai_learning.language.adapter_job import Job, run
        from physical_ai_learning.language.recipe import made
    except ModuleNotFoundError as error:
        raise DependencyError(error.name or "torch", "language") from error

    options = {"variant": variant, "sentences": sentences, "seconds": seconds, "tokens": tokens, "rank": rank,
               "learning_rate": learning_rate, "split": split, "decay": decay, "noise": noise,
               "seed": seed}  # fmt: skip
    folder = out or Path(f"out/planner_language_{base.replace('/', '_')}" + ("_smoke" if smoke else ""))
    job = Job(base, made(options, base, smoke), folder, smoke, resume, start, workers, device, reinforce, calibrate)
    with stages(console) as report:
        found = run(job, report)
    table = Table("what", "value", title=f"{found['base']}, {variant}")
    for key in ("sentences", "steps", "train_s", "sentences_per_s", "last_loss", "batches_refused"):
        table.add_row(key.replace("_", " "), "" if found[key] is None else f"{found[key]:,}")
    for language, share in found["template_disjoint_exact"].items():
        table.add_row(f"lines exact, unseen phrases, {language}", f"{share:.1%}")
    for when in ("before", "after") if "reinforced" in found else ():
        row = found["reinforced"][when]
        table.add_row(f"{when} reinforcement", f"right {row['right']:.1%}, wrong and executed {row['wrong']:.2%}")
    if "confidence" in found:
        row = found["confidence"]
        table.add_row("questions below", f"{row['min_confidence']:.3f}, then {row['wrong']:.2%} wrong and executed")
    console.print(table)
    console.print(f"adapter and model card: {folder}", markup=False)


@app.command("experts")
def experts(
    only: Annotated[str, typer.Option(help="One expert, or 'router'; the files of the others stay as they are.")] = "",
    smoke: Annotated[bool, typer.Option("--smoke", help="A tiny one, in seconds; into OUT unless --folder.")] = False,
    folder: Annotated[
        Path | None, typer.Option(help="Folder of experts; by default the package's.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option(help="Metrics go here.")] = Path("out/experts"),
) -> None:
    """Heads and router of the planner's experts. CPU, a few minutes."""
    import shutil

    from physical_ai_cli.stages import stages
    from physical_ai_core.errors import DependencyError
    from physical_ai_planner.experts.expert import default_folder

    try:
        from physical_ai_learning.experts.train import METRICS, Settings, run
    except ModuleNotFoundError as error:
        raise DependencyError(error.name or "torch", "language") from error

    into = folder or default_folder()
    if smoke and folder is None:
        into = out / "smoke"
        shutil.copytree(default_folder(), into, dirs_exist_ok=True)
    with stages(console) as report:
        metrics = run(into, Settings.smoke() if smoke else Settings(), only, out, report)
    table = Table("network", "output", "precision", "recall", "calibration error", title="experts, templates held out")
    for name, found in metrics.items():
        for topic, figures in found.get("topics", found.get("gates", {})).items():
            table.add_row(name, topic, *(f"{figures[key]:.3f}" for key in ("precision", "recall", "calibration_error")))
    console.print(table)
    console.print(f"networks: {into}\nmetrics: {out / METRICS}", markup=False)


@app.command("policy")
def policy(
    worlds: Annotated[
        Path | None, typer.Option(help="Folder of BARN worlds to learn from besides drawn ones, a quarter held out.")
    ] = None,
    smoke: Annotated[bool, typer.Option("--smoke", help="A tiny one, in less than a minute.")] = False,
    decisions: Annotated[int | None, typer.Option(help="Of all robots together.", min=1000)] = None,
    robots: Annotated[int | None, typer.Option(help="Driven at a time.", min=8)] = None,
    discount: Annotated[float | None, typer.Option(help="0: the horizon alone counts.", min=0.0, max=0.999)] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after so much CPU time, the rate at its end.")] = None,
    seed: Annotated[int, typer.Option(help="Of places, robots and weights.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Checkpoint, metrics, weights; resumed when it exists.", show_default=False)
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Where weights and card go; by default into OUT/weights.", show_default=False)
    ] = None,
) -> None:
    """The policy that proposes the MPC's second starting point. CPU, minutes."""
    from dataclasses import replace

    from physical_ai_cli.stages import stages
    from physical_ai_core.errors import DependencyError

    try:
        from physical_ai_learning.policy.train import Settings, run
    except ModuleNotFoundError as error:
        raise DependencyError(error.name or "stable_baselines3", "policy") from error

    given: dict[str, Any] = {"decisions": decisions, "robots": robots, "discount": discount, "seconds": seconds}
    settings = Settings.smoke() if smoke else Settings()
    settings = replace(settings, seed=seed, **{key: value for key, value in given.items() if value is not None})
    folder = out or Path("out/policy_smoke" if smoke else "out/policy")
    into = weights or folder / "weights"
    with stages(console) as report:
        metrics = run(settings, worlds, folder, into, report)
    curve = metrics["mean_reward"]
    if curve:
        console.print(f"mean reward of a decision: {curve[0][1]} at first, {curve[-1][1]} at last", markup=False)
    console.print(f"weights: {into}\nmetrics: {folder / 'metrics.json'}", markup=False)
