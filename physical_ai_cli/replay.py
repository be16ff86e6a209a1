"""`physical-ai replay`: bags through the cores; a trajectory, or every output against its reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from physical_ai_cli.offline import progress_bar, replay_table
from physical_ai_core.errors import InputError

console = Console()
EACH = "each"
TRAJECTORY = "husky_test1"
ROOM = 140  # columns that the table of differences takes


def replay(
    bags: Annotated[list[Path], typer.Argument(help="ROS 1 bag, rosbag2 folder (sqlite3, MCAP), or .mcap file.")],
    against: Annotated[
        Path | None, typer.Option(help="Folder of references, or one .reference file: compare every output with it.")
    ] = None,
    node: Annotated[
        list[str] | None,
        typer.Option(help=f"Only this node, on its recorded inputs; may be repeated; '{EACH}': every node alone."),
    ] = None,
    update_ref: Annotated[bool, typer.Option("--update-ref", help="Write the references anew.")] = False,
    tolerances: Annotated[str, typer.Option(help="Name under config/replay/tolerances, or a YAML file.")] = "default",
    config: Annotated[
        str | None,
        typer.Option(help="Name under config/replay, or a YAML file; else replay.yaml in the bag, else what it says."),
    ] = None,
    reader: Annotated[
        str, typer.Option(help="What stands for the language model: recorded, model, or none.")
    ] = "recorded",
    out: Annotated[Path, typer.Option(help="Where trajectory and plots go.")] = Path("out/replay"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Run bags through the cores, faster than real time, the same to the bit every time.

    Without --against perception and world model give a trajectory. With it every output is compared with its
    reference: exit 0 the same, 1 different, 2 bad input.
    """
    if against is None:
        if update_ref or node:
            raise InputError("--node and --update-ref go with --against.", "Name a folder of references.")
        return _trajectories(bags, config or TRAJECTORY, out, as_json)
    from physical_ai_bench.regression.cast import GRAPH, NODES
    from physical_ai_bench.regression.check import Checked, check, refuse_same_names
    from physical_ai_bench.regression.picture import plot_differences
    from physical_ai_bench.replay import load_replay_config

    if reader not in ("recorded", "model", "none"):
        raise InputError(f"There is no reader '{reader}'.", "Give recorded, model or none.")
    refuse_same_names(bags)
    chosen = None if config is None else load_replay_config(config)
    parts = [part for name in node or [GRAPH] for part in (NODES if name == EACH else (name,))]
    found: list[Checked] = []
    for bag in bags:
        for part in parts:
            checked = check(
                bag, against, part, update=update_ref, tolerances=tolerances, config=chosen,
                reader=reader, out=out,  # type: ignore[arg-type]
            )  # fmt: skip
            found.append(checked)
            if not checked.same:
                plot_differences(checked, out)
            if not as_json:
                show(checked, out)
    if as_json:
        print(json.dumps([checked.as_json() for checked in found], ensure_ascii=False, indent=2))
    raise typer.Exit(0 if all(checked.same for checked in found) else 1)


def show(checked: object, out: Path) -> None:
    """Headline, and where something differs the fields (a table where there is room) and what changed."""
    from physical_ai_bench.regression.check import Checked
    from physical_ai_bench.regression.difference import HEADER, MOST_SHOWN, causes, headline, lines, rows

    assert isinstance(checked, Checked)
    console.print(headline(checked), markup=False, style=None if checked.same else "red", soft_wrap=True)
    if checked.same or checked.verdict is None:
        return
    if console.width < ROOM:
        for line in lines(checked)[1:]:
            console.print(line, markup=False, soft_wrap=True)
        console.print(f"plots: {out}", markup=False, soft_wrap=True)
        return
    table = Table(*HEADER)
    for row in rows(checked):
        table.add_row(*row)
    console.print(table)
    left = len(checked.verdict.deviations) - MOST_SHOWN
    if left > 0:
        console.print(f"and {left} fields more")
    for line in causes(checked):
        console.print(line, markup=False)
    console.print(f"plots: {out}", markup=False)


def _trajectories(bags: list[Path], config: str, out: Path, as_json: bool) -> None:
    from physical_ai_bench.replay import load_replay_config
    from physical_ai_bench.replay import replay as run_replay

    if as_json:
        raise InputError("--json goes with --against.", "The trajectory is a file; see --out.")
    for bag in bags:
        with progress_bar(console, f"replay {bag.name}") as report:
            result = run_replay(bag, load_replay_config(config), out, report)
        console.print(replay_table(result))


def replay_bags(
    folder: Annotated[Path, typer.Option(help="Where the bags go.")] = Path("test/data/replay"),
) -> None:
    """Make the small reference bags with the simulator (CI replays them); their references are then to be renewed."""
    from physical_ai_bench.regression.bags import record_all

    for bag in record_all(folder, lambda made: console.print(str(made), markup=False)):
        size_mb = sum(file.stat().st_size for file in bag.iterdir()) / 1e6
        console.print(f"{bag.name}: {size_mb:.1f} MB", markup=False)
