"""Progress and tables of the offline commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from physical_ai_bench.replay import ReplayResult

Report = Callable[[float, float], None]  # done, and in all


@contextmanager
def progress_bar(console: Console, title: str) -> Iterator[Report]:
    """A bar that takes (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=round(done), total=round(total))


def replay_table(result: ReplayResult) -> Table:
    """Final pose beside the reference's, pace, and where the files are."""
    table = Table(title="replay", show_header=False)
    x, y, z = result.final_position_m
    table.add_row("final position x, y, z", f"{x:.3f}, {y:.3f}, {z:.3f} m, yaw {result.final_pose[2]:.4f} rad")
    if result.reference is not None:
        other = ", ".join(f"{v:.3f}" for v in result.reference.position_m)
        verdict = {True: "within", False: "outside", None: "no"}[result.agrees]
        table.add_row(f"{result.reference.label}", f"{other} m")
        table.add_row("distance to it", f"{result.reference_distance_m:.3f} m ({verdict} its tolerance)")
    table.add_row("travelled", f"{result.distance_m:.1f} m in {result.bag_s:.1f} s")
    table.add_row("pace", f"{result.wall_s:.1f} s, {result.bag_s / result.wall_s:.0f} × real time")
    table.add_row("trajectory (TUM)", str(result.tum))
    table.add_row("plot", str(result.plot))
    return table
