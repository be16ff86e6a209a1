"""`physical-ai bench NAME` for the controller: the BARN worlds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from physical_ai_bench.barn.results import Result
from physical_ai_bench.crossing.results import Result as CrossingResult
from physical_ai_bench.page import FOLDER
from physical_ai_cli.bench import Folder, app, console, show

__all__ = ["app"]

PATROL = "patrol the round 9 times"


@contextmanager
def run_bar(
    console: Console, name: str, word: str, failure: Callable[[Any], str]
) -> Iterator[Callable[[int, int, Any], None]]:
    """A bar over runs that tells how many are `word` so far; `failure` says what a run lacks, nothing where it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(name, total=None)
        good = seen = 0

        def told(done: int, total: int, last: Any) -> None:
            nonlocal good, seen
            if last is not None:
                said = failure(last)
                good, seen = good + (not said), seen + 1
                if said:
                    progress.console.print(said, markup=False)
            text = f"{name}, {good} of {seen} {word}" if seen else name
            progress.update(task, completed=done, total=total, description=text)

        yield told


def _barn_failure(last: Result) -> str:
    how = "" if last.success else "collision" if last.collision else "time-out"
    return f"world {last.world:03d} seed {last.seed}: {how}: {last.notes}" if how else ""


def _crossing_failure(last: CrossingResult) -> str:
    how = "" if last.reached and not last.collisions else "collision" if last.collisions else "time-out"
    return f"{last.forecast} seed {last.seed} ({last.recording}): {how}: {last.notes}" if how else ""


@app.command()
def barn(
    worlds: Annotated[Path, typer.Option(help="Folder of world_NNN.csv and path_NNN.csv.")],
    runs: Annotated[int, typer.Option(help="Runs of each world: seeds 0 to N - 1.", min=1, max=1000)] = 1,
    jobs: Annotated[int, typer.Option(help="Processes.", min=1, max=256)] = 2,
    most_worlds: Annotated[int, typer.Option(help="So many worlds, evenly over the folder; 0: all.", min=0)] = 0,
    out: Annotated[Path, typer.Option(help="CSV, one line a run; what it holds is not run again.")] = Path(
        "out/barn/results.csv"
    ),
    parameters: Annotated[
        Path | None, typer.Option(help="ROS parameter file whose values win over those of the scenario barn.")
    ] = None,
    page: Annotated[bool, typer.Option(help="Write the page and the gallery.")] = True,
    folder: Folder = FOLDER,
) -> None:
    """Unknown clutter, the whole stack from the LiDAR: success, collisions, time-outs, score."""
    import os

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # a process a core is faster than a core a product
    from physical_ai_bench.barn.runs import run_worlds
    from physical_ai_bench.benchmarks.barn import barn_page
    from physical_ai_bench.scenario import read_parameters

    table = {} if parameters is None else read_parameters(parameters)
    with run_bar(console, "barn", "reached", _barn_failure) as told:
        results = run_worlds(worlds, runs, out, jobs=jobs, parameters=table, most_worlds=most_worlds, told=told)
    made = barn_page(results, out.parent / "traces", folder if page else out.parent)
    show(made, folder if page else out.parent)
    console.print(f"results: {out}", markup=False)


@app.command()
def crossing(
    runs: Annotated[int, typer.Option(help="Seeds 0 to N - 1, each with nobody and with each forecast.", min=1)] = 10,
    jobs: Annotated[int, typer.Option(help="Processes.", min=1, max=256)] = 2,
    forecasts: Annotated[str, typer.Option(help="Of predicted, velocity and standing, by commas.")] = (
        "predicted,velocity,standing"
    ),
    first: Annotated[int, typer.Option(help="The first seed.", min=0)] = 0,
    out: Annotated[Path, typer.Option(help="CSV, one line a run; what it holds is not run again.")] = Path(
        "out/crossing/results.csv"
    ),
    parameters: Annotated[
        Path | None, typer.Option(help="ROS parameter file whose values win over those of the scenario crossing.")
    ] = None,
    page: Annotated[bool, typer.Option(help="Write the page and the pictures.")] = True,
    folder: Folder = FOLDER,
) -> None:
    """Recorded people cross the route, the whole stack in the loop: collisions, time, with prediction and without."""
    import os

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from physical_ai_bench.benchmarks.crossing import crossing_page
    from physical_ai_bench.crossing.runs import run_crossings
    from physical_ai_bench.scenario import read_parameters

    table = {} if parameters is None else read_parameters(parameters)
    names = [name.strip() for name in forecasts.split(",") if name.strip()]
    with run_bar(console, "crossing", "without collision", _crossing_failure) as told:
        results = run_crossings(runs, out, forecasts=names, jobs=jobs, first=first, parameters=table, told=told)
    made = crossing_page(results, out.parent / "traces", folder if page else out.parent)
    show(made, folder if page else out.parent)
    console.print(f"results: {out}", markup=False)


@app.command()
def servo(
    seconds: Annotated[float, typer.Option(help="Of each loop.", min=3.0, max=3600.0)] = 60.0,
    rate: Annotated[float, typer.Option(help="Hz.", min=10.0, max=1000.0)] = 1000.0,
    graph: Annotated[bool, typer.Option(help="Also beside the running graph, four times.")] = True,
    folder: Folder = FOLDER,
) -> None:
    """Cadence of the servo, alone and beside the running graph: process, thread, and a plain timer."""
    from physical_ai_bench.benchmarks.servo import ALONE, alone, servo_page, sleeping, timer
    from physical_ai_cli.bench_servo import beside_graph
    from physical_ai_cli.language import ensure_language_model

    windows = []
    console.print("ways to sleep, the servo alone: some minutes without a bar, which would disturb them")
    windows += sleeping(rate, min(seconds, 10.0))
    windows += [*alone(rate, min(seconds, 20.0)), timer(rate, min(seconds, 20.0), ALONE)]
    machine = ""
    if graph:
        ensure_language_model(console)
        found, machine = beside_graph(rate, seconds, console)
        windows += found
    show(servo_page(windows, rate, seconds, machine), folder)


@app.command()
def paced(
    minutes: Annotated[float, typer.Option(help="Of wall time, each window.", min=0.2, max=120.0)] = 1.0,
    rate: Annotated[float, typer.Option(help="Hz.", min=20.0, max=200.0)] = 100.0,
    priority: Annotated[int, typer.Option(help="SCHED_FIFO of a second window; 0: none.", min=0, max=98)] = 50,
    scenario: Annotated[str, typer.Option(help="Name under config/scenarios, or a file.")] = "yard",
    instruction: Annotated[str, typer.Option(help="Said at the start and whenever a mission ends.")] = PATROL,
    folder: Folder = FOLDER,
) -> None:
    """The controller at 100 Hz within the running graph: late solutions, wall and CPU times, periods."""
    from physical_ai_bench.benchmarks.paced import paced_page
    from physical_ai_bench.scenario import load_scenario
    from physical_ai_cli.bench_paced import run_paced
    from physical_ai_cli.language import ensure_language_model
    from physical_ai_cli.terminal import LiveProgress

    ensure_language_model(console)
    found = []
    for level in (0, priority) if priority > 0 else (0,):
        console.print(f"SCHED_FIFO {level}" if level else "ordinary priority", markup=False)
        with LiveProgress(console) as progress:
            out = Path("out/bench_paced")
            found.append(run_paced(load_scenario(scenario), minutes, rate, level, instruction, out, progress))
    show(paced_page(found), folder)


@app.command()
def mpc(
    scenario: Annotated[Path, typer.Option(help="Python file of the scenario: problem and closed loop.")],
    seeds: Annotated[int, typer.Option(help="Runs of each solver: seeds 0 to N - 1.", min=1, max=1000)] = 5,
    steps: Annotated[int | None, typer.Option(help="So many steps of each run; all by default.", min=10)] = None,
    folder: Folder = FOLDER,
) -> None:
    """The MPC's solvers: own (C, numba), HPIPM, ipopt; time, cost, every answer checked."""
    import os

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from physical_ai_bench.benchmarks.mpc import mpc_page

    with console.status("mpc …") as status:
        page = mpc_page(scenario, seeds, steps, lambda line: status.update(f"mpc: {line} …"))
    show(page, folder)


@app.command()
def policy(
    scenario: Annotated[Path, typer.Option(help="Python file of the scenario, as for `bench mpc`.")],
    worlds: Annotated[
        Path | None, typer.Option(help="Folder of BARN worlds; those held out of training. Else drawn clutter.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Policy to measure; by default the package's, where there is one.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Seeds of the scenario: 0 to N - 1.", min=1, max=1000)] = 5,
    places: Annotated[int, typer.Option(help="Routes through clutter, each also with three who move.", min=1)] = 6,
    peers: Annotated[int, typer.Option(help="So many of each kind are driven by ipopt too.", min=0)] = 1,
    steps: Annotated[int | None, typer.Option(help="So many steps of the scenario; all by default.", min=10)] = None,
    folder: Folder = FOLDER,
) -> None:
    """The MPC with one more starting point from the policy: cost, steps, CPU, time to goal, contacts."""
    import os

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from physical_ai_bench.benchmarks.policy import policy_page
    from physical_ai_control.policy.network import shipped

    with console.status("policy …") as status:
        page = policy_page(
            scenario, worlds, weights or shipped(), seeds, places, peers, steps,
            lambda line: status.update(f"policy: {line} …"),
        )  # fmt: skip
    show(page, folder)
