"""`physical-ai campaign NAME`: long runs that try to break the robot; each resumable, with a table at its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from typer.core import TyperGroup

if TYPE_CHECKING:
    from physical_ai_bench.faults.judge import Trial

console = Console()


class WireWithoutName(TyperGroup):
    """`campaign --runs 20` of before there were several is `campaign wire --runs 20`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = bool(args) and (args[0] in self.commands or args[0] in ("--help", "-h"))
        return super().parse_args(ctx, args if named else ["wire", *args])


app = typer.Typer(cls=WireWithoutName, help="Try to break the robot, at length; `wire` where no name is given.")


@app.callback()
def campaign() -> None:
    """Keeps NAME a sub-command while there is one alone."""


@app.command()
def wire(
    runs: Annotated[int, typer.Option(help="Seeds for each fault.", min=1)] = 1,
    scenario: Annotated[list[str] | None, typer.Option(help="Scenario, may be repeated.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help="Only faults whose name contains this.")] = None,
    jobs: Annotated[int, typer.Option(help="Processes.", min=1)] = 1,
    out: Annotated[Path, typer.Option(help="Results, one JSON line a run; resumed when it exists.")] = Path(
        "out/campaign/results.jsonl"
    ),
) -> None:
    """Faults on the wire × seeds, the whole stack in one process; resumable."""
    from physical_ai_bench.campaign import FIELD_FAULTS, run_campaign, table, trials
    from physical_ai_cli.offline import progress_bar
    from physical_ai_core.errors import InputError

    chosen = [f for f in FIELD_FAULTS if not fault or any(part in f.name for part in fault)]
    if not chosen:
        raise InputError(f"No fault matches {fault}.", f"Faults: {', '.join(f.name for f in FIELD_FAULTS)}.")
    plan = trials(scenario or ["yard"], range(runs), chosen)
    with progress_bar(console, "campaign") as report:
        outcomes = run_campaign(plan, out, lambda done, total, _: report(done, total), jobs)
    console.print(table(outcomes))
    console.print(f"results: {out}", markup=False)
    raise typer.Exit(1 if any(outcome.collisions for outcome in outcomes) else 0)


@app.command()
def faults(
    only: Annotated[list[str] | None, typer.Option(help="Only faults whose name contains this; repeatable.")] = None,
    seconds: Annotated[float, typer.Option(help="How long a fault lasts, on the graph's clock.", min=1.0)] = 3.0,
    seed: Annotated[int, typer.Option(help="Of the simulator's noise.")] = 0,
    out: Annotated[Path, typer.Option(help="Results, one JSON line a fault; resumed when it exists.")] = Path(
        "out/campaign/faults.jsonl"
    ),
    folder: Annotated[Path | None, typer.Option(help="Where the page `faults.md` goes; by default beside OUT.")] = None,
) -> None:
    """Kill, stop, flood, delay, spoil every node and topic of the real graph while the robot drives; resumable."""
    from physical_ai_bench.faults.plan import FAULTS, chosen
    from physical_ai_bench.faults.records import append, page, read, summary, table
    from physical_ai_cli.fault_runs import run_faults

    plan = chosen(only or ())
    done = read(out)
    missing = [fault for fault in plan if fault.name not in done]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("faults", total=len(plan), completed=len(plan) - len(missing))

        def keep(trial: Trial) -> None:
            append(out, trial)
            done[trial.fault] = trial
            progress.advance(task)
            console.print(f"{trial.fault}: {trial.outcome}", style=None if trial.passed else "red", markup=False)

        def tell(phase: str, _: Any) -> None:
            progress.update(task, description=phase)

        if missing:
            run_faults(missing, seconds, seed, out.parent / out.stem, keep, tell)
    trials = [done[fault.name] for fault in plan]
    console.print(table(trials))
    written = page([done[fault.name] for fault in FAULTS if fault.name in done]).write(folder or out.parent)
    console.print(f"{summary(trials)}\nresults: {out}\npage: {written}", markup=False)
    raise typer.Exit(0 if all(trial.passed for trial in trials) else 1)


@app.command()
def adversary(
    episodes: Annotated[int, typer.Option(help="How many tries to crash.", min=1)] = 10_000,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes.", min=1)] = 1,
    episode: Annotated[int, typer.Option(help="Play only this one again, and tell what came of it.")] = -1,
    gate: Annotated[bool, typer.Option(help="--no-gate: without it, to see that the adversary can crash.")] = True,
    out: Annotated[Path, typer.Option(help="Results, one JSON line an episode; resumed when it exists.")] = Path(
        "out/campaign/adversary.jsonl"
    ),
    folder: Annotated[
        Path | None, typer.Option(help="Where the page `adversary.md` goes; by default beside OUT.")
    ] = None,
) -> None:
    """A controller that tries to crash the robot against the safety gate; exit 1 where it ever does."""
    import time

    from physical_ai_bench.adversary import search
    from physical_ai_bench.adversary import table as results

    if episode >= 0:
        outcome = search.episode(seed, episode, gate)
        console.print(outcome)
        raise typer.Exit(1 if outcome.crash or outcome.exit else 0)
    begun, resumed = time.monotonic(), out.exists()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("adversary", total=episodes)
        outcomes = results.run_campaign(
            episodes, seed, out, lambda done, _: progress.update(task, completed=round(done)), jobs, gate
        )
    told = results.page(outcomes, seed, 0.0 if resumed else time.monotonic() - begun)
    console.print(results.table(outcomes))
    lost = results.failures(outcomes)
    for k, one in sorted(lost.items())[:20]:
        console.print(f"episode {k}: {one}", markup=False)
    console.print(f"results: {out}; page: {told.write(folder or out.parent)}", markup=False)
    raise typer.Exit(1 if lost else 0)


if __name__ == "__main__":  # `python -m physical_ai_cli.campaign adversary`: on a machine without ROS and simulator
    app()
