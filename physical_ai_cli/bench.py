"""`physical-ai bench NAME`: each prints one table and keeps it under `docs/benchmarks/` with machine and date."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from physical_ai_bench.page import FOLDER, Page
from physical_ai_cli.demo import DemoOptions, DemoResult, run_demo

app = typer.Typer(no_args_is_help=True, help="Run a benchmark; prints its table and keeps it as a page.")
console = Console()
Folder = Annotated[Path, typer.Option(help="Where the page goes.")]


def show(page: Page, folder: Path) -> None:
    """Keep the page and print it."""
    path = page.write(folder)
    console.print(path.read_text(encoding="utf-8"), markup=False)


CPU_ABOUT = (
    "`physical-ai bench cpu`: the demo over DDS, every node its own process, CPU time of each process with its children"
    " from the instruction to the goal. *Cores while driving* is CPU time over wall time at the pace the machine kept;"
    " *CPU s per simulated s* is what real time would ask for."
)


def cpu_page(result: DemoResult) -> Page:
    """The CPU table, the heaviest first, with the sum that the budget speaks of."""
    pace = result.drive_s / result.wall_s if result.wall_s > 0.0 else float("nan")
    rows = sorted(result.cpu_cores.items(), key=lambda item: -item[1])
    total = sum(cores for name, cores in rows if name != "simulator")
    table = [
        (name, f"{cores:.2f}", f"{cores / pace:.2f}") for name, cores in [*rows, ("**graph without simulator**", total)]
    ]
    table.append(("pace kept (real-time factor)", f"{pace:.2f}", ""))
    header = ("node", "cores while driving", "CPU s per simulated s")
    return Page("cpu", "CPU of the graph", CPU_ABOUT, header, table)


@app.command()
def cpu(folder: Folder = FOLDER) -> None:
    """CPU of every node in the demo."""
    from physical_ai_bench.scenario import load_scenario
    from physical_ai_cli.language import ensure_language_model
    from physical_ai_cli.terminal import LiveProgress

    ensure_language_model(console)
    scenario = load_scenario("yard")
    with LiveProgress(console) as progress:
        result = run_demo(DemoOptions(scenario, Path("out/bench_cpu"), scenario.instruction), progress)
    show(cpu_page(result), folder)
    raise typer.Exit(result.exit_code)


@app.command()
def slam(
    log: Annotated[Path, typer.Option(help="CARMEN log of a planar LiDAR: FILE.clf, also .bz2 or .gz.")],
    relations: Annotated[
        Path, typer.Option(help="Relations that a person has verified, one `t1 t2 x y z roll pitch yaw` a row.")
    ],
    out: Annotated[Path | None, typer.Option(help="Trajectories in TUM format and the picture go here too.")] = None,
    folder: Folder = FOLDER,
) -> None:
    """SLAM over a recorded log, judged by its relations."""
    from physical_ai_bench.benchmarks.slam import slam_page

    show(slam_page(log, relations, folder, out), folder)


@app.command()
def tracking(
    seconds: Annotated[float, typer.Option(help="Simulated seconds of each scene.", min=5.0, max=600.0)] = 40.0,
    folder: Folder = FOLDER,
) -> None:
    """Tracking of twenty walking people against ground truth."""
    from physical_ai_bench.benchmarks.tracking import tracking_page

    show(tracking_page(folder, seconds), folder)


@app.command("perception_node")
def perception_node(
    seconds: Annotated[float, typer.Option(help="Length of one repeat.", min=2.0)] = 10.0,
    repeats: Annotated[int, typer.Option(help="Repeats of each load; the median counts.", min=1)] = 3,
    minutes: Annotated[float, typer.Option(help="Soak with the whole graph up, graph time; 0: none.", min=0.0)] = 1.0
    / 3.0,
    folder: Folder = FOLDER,
) -> None:
    """CPU, rate and latency of the perception node over DDS, and missed periods with the whole graph up."""
    import os

    from physical_ai_bench.benchmarks.perception_node import perception_node_page
    from physical_ai_bench.scenario import load_scenario
    from physical_ai_cli.environment import ros_environment
    from physical_ai_cli.language import ensure_language_model
    from physical_ai_cli.soak import run_soak
    from physical_ai_cli.terminal import LiveProgress

    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    soak = None
    if minutes > 0.0:
        ensure_language_model(console)
        with LiveProgress(console) as progress:
            soak = run_soak(load_scenario("yard"), 60.0 * minutes, Path("out/bench_perception_node"), progress)
    show(perception_node_page(ros_environment(), seconds, repeats, soak), folder)


@app.command()
def fusion(
    bag: Annotated[Path, typer.Option(help="The recording test1.bag of robot_localization.")] = Path(
        "test/data/husky/test1.bag"
    ),
    folder: Folder = FOLDER,
) -> None:
    """Own state on a real recording, against its own GPS and beside the peer's answer."""
    from physical_ai_bench.benchmarks.fusion import fusion_page

    show(fusion_page(bag, folder), folder)


@app.command("filter")
def filter_(folder: Folder = FOLDER) -> None:
    """The filter's cost beside filterpy's, and its consistency over seeded runs."""
    from physical_ai_bench.benchmarks.filters import filter_page

    show(filter_page(folder), folder)


@app.command("ssm_step")
def ssm_step(folder: Folder = FOLDER) -> None:
    """One step of the world model's state space: C, numba, numpy, beside Mamba elsewhere."""
    import os

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from physical_ai_bench.benchmarks.ssm_step import ssm_step_page

    show(ssm_step_page(), folder)


@app.command("own_motion")
def own_motion(
    missions: Annotated[Path, typer.Option(help="Where recorded missions are kept.")] = Path("out/own_motion/missions"),
    weights: Annotated[Path | None, typer.Option(help="Folder of weights; by default the package's.")] = None,
    folder: Folder = FOLDER,
) -> None:
    """The robot's own next seconds on slippery ground, beside simpler models."""
    from physical_ai_bench.benchmarks.own_motion import own_motion_page
    from physical_ai_cli.offline import progress_bar

    with progress_bar(console, "missions") as report:
        page = own_motion_page(folder, missions, weights, report)
    show(page, folder)


@app.command()
def trajectories(
    data: Annotated[Path, typer.Option(help="Folder of text files: frame, id, x m, y m.")],
    model: Annotated[
        Path | None, typer.Option(help="Weights; by default leave-one-out where the folder has the five scenes.")
    ] = None,
    samples: Annotated[int, typer.Option(help="Ways that the best-of columns may try.", min=1)] = 20,
    step_s: Annotated[float | None, typer.Option(help="True time between frames, if not 0.4 s.", min=0.01)] = None,
    folder: Folder = FOLDER,
) -> None:
    """Where recorded people go: ADE/FDE, likelihood and coverage of constant velocity, Kalman and the hybrid."""
    from physical_ai_bench.benchmarks.trajectories import trajectories_page
    from physical_ai_cli.stages import stages

    with stages(console) as report:
        page = trajectories_page(
            data, model, samples, step_s, folder, lambda share: report("scenes", round(100 * share), 100)
        )
    show(page, folder)


@app.command("world_model")
def world_model(
    node: Annotated[bool, typer.Option(help="Also the node's CPU over DDS.")] = True,
    seconds: Annotated[float, typer.Option(help="Length of one window of the node's.", min=2.0)] = 10.0,
    repeats: Annotated[int, typer.Option(help="Windows; the median counts.", min=1)] = 3,
    folder: Folder = FOLDER,
) -> None:
    """A tick of the world model for 1 to 256 people, part by part, and its node's CPU."""
    import os

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    from physical_ai_bench.benchmarks.world_model_tick import world_model_page
    from physical_ai_cli.environment import ros_environment

    show(world_model_page(ros_environment() if node else None, seconds, repeats, folder), folder)


@app.command("people_training")
def people_training(
    device: Annotated[str, typer.Option(help="cpu, or cuda.")] = "cpu",
    rows: Annotated[int, typer.Option(help="People in a step.", min=16)] = 1024,
    folder: Folder = FOLDER,
) -> None:
    """One training step of the people model beside the same model on transformers' Mamba."""
    from physical_ai_bench.benchmarks.people_training import people_training_page

    show(people_training_page(device, rows), folder)


@app.command()
def gate(
    part: Annotated[
        list[str] | None,
        typer.Option(help="Only this part: speed, wire, kill, monitor or traffic; may be repeated. By default all."),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="CARMEN log of a person's driving, for false stops on recorded driving.")
    ] = None,
    log_minutes: Annotated[float, typer.Option(help="So much of it.", min=0.1)] = 10.0,
    drives: Annotated[int, typer.Option(help="Seeds of the demo, each gated and ungated.", min=1)] = 1,
    jobs: Annotated[int, typer.Option(help="So many of these at a time, each in a process of its own.", min=1)] = 1,
    rounds: Annotated[int, typer.Option(help="Scans of each kind, for the speed.", min=100)] = 600,
    seconds: Annotated[
        float, typer.Option(help="Of commands over DDS; stops take three times as long.", min=2.0)
    ] = 12.0,
    priority: Annotated[
        int, typer.Option(help="SCHED_FIFO of gate, relays and the other end; 0: ordinary.", min=0, max=99)
    ] = 0,
    out: Annotated[Path, typer.Option(help="Rows of each part are kept here; the page shows the newest.")] = Path(
        "out/bench_gate"
    ),
    folder: Folder = FOLDER,
) -> None:
    """The safety gate: time of a decision, over DDS beside a bare relay, when killed, false stops, availability."""
    import os

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    from physical_ai_bench.benchmarks.gate import PARTS, Size, gate_page, run_parts
    from physical_ai_cli.environment import ros_environment
    from physical_ai_cli.stages import stages

    size = Size(rounds, seconds, 3.0 * seconds, log=log, log_s=60.0 * log_minutes, drives=drives,
                priority=priority, jobs=jobs)  # fmt: skip
    with stages(console) as report:
        run_parts(
            part or PARTS, ros_environment(), size, out, lambda what, share: report(what, round(100 * share), 100)
        )
    show(gate_page(out), folder)
