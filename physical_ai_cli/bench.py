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
