"""`physical-ai incidents BAG`: what went wrong in a recording, what was kept of it, what people did; and cutting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table


def incidents(
    bag: Annotated[Path, typer.Argument(help="A recorded bag, or a recorder's folder of bags and incidents.")],
    cut: Annotated[Path | None, typer.Option(help="Cut each incident of the bag into this folder as a bag.")] = None,
    from_s: Annotated[float | None, typer.Option("--from", help="With --cut: this time (s) instead.")] = None,
    to_s: Annotated[float | None, typer.Option("--to", help="With --cut and --from: to this time.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """List incidents and human interventions of a bag, and cut the seconds around them into bags of their own."""
    from physical_ai_core.errors import InputError
    from physical_ai_telemetry.cut import cut as cut_bag
    from physical_ai_telemetry.incident_writer import FOLDER
    from physical_ai_telemetry.incidents import incidents_of_bag
    from physical_ai_telemetry.interventions import interventions_of_bag
    from physical_ai_telemetry.mend import story_of

    if (from_s is None) != (to_s is None) or (from_s is not None and cut is None):
        raise InputError("--from and --to go together, and with --cut.", "Name the folder and both times.")
    console = Console()
    kept = sorted(folder for folder in bag.glob(f"{FOLDER}/*") if story_of(folder))
    if kept:
        stories = [{"folder": str(folder), **story_of(folder)} for folder in kept]
        _show(console, as_json, "incidents kept", stories, _kept_row)
        return
    if cut is not None and from_s is not None and to_s is not None:
        count = cut_bag(bag, from_s, to_s, cut)
        console.print(f"{count} messages: {cut}", markup=False)
        raise typer.Exit(0 if count else 1)
    found = incidents_of_bag(bag)
    _show(console, as_json, "incidents", [one.to_dict() for one in found], _row)
    people = [one.to_dict() for one in interventions_of_bag(bag)]
    if not as_json:
        _show(console, as_json, "human interventions", people, _person_row)
    if cut is not None:
        for number, one in enumerate(found):
            folder = cut / f"incident_{number}_{one.causes[0].kind}"
            count = cut_bag(bag, one.begin_s, one.end_s, folder, {"incident": one.causes[0].kind})
            console.print(f"{count} messages: {folder}", markup=False)


def _show(console: Console, as_json: bool, title: str, rows: list[dict[str, Any]], cells: Any) -> None:
    if as_json:
        print(json.dumps({title.replace(" ", "_"): rows}, indent=2, ensure_ascii=False, default=str))
        return
    if not rows:
        console.print(f"{title}: none")
        return
    table = Table(title=title)
    for name in cells(None):
        table.add_column(name)
    for row in rows:
        table.add_row(*cells(row))
    console.print(table)


def _row(one: dict[str, Any] | None) -> tuple[str, ...]:
    if one is None:
        return ("at, s", "from, s", "to, s", "cause", "rule", "mission", "what")
    first = one["causes"][0]
    more = len(one["causes"]) - 1 + one.get("more_causes", 0)
    kind = f"{first['kind']} (+{more})" if more else str(first["kind"])
    times = (f"{float(value):.2f}" for value in (first["stamp_s"], one["begin_s"], one["end_s"]))
    return (*times, kind, str(first["rule"]), str(first["mission"]), str(first["en"]))


def _kept_row(one: dict[str, Any] | None) -> tuple[str, ...]:
    if one is None:
        return ("folder", "state", *_row(None))
    return (Path(one["folder"]).name, str(one.get("state", "")), *_row(one))


def _person_row(one: dict[str, Any] | None) -> tuple[str, ...]:
    if one is None:
        return ("from, s", "to, s", "what", "role", "who", "about", "why", "counts")
    end = "lasts" if one["end_s"] is None else f"{one['end_s']:.2f}"
    names = (str(one[name]) for name in ("what", "role", "who", "about", "why"))
    return (f"{one['begin_s']:.2f}", end, *names, "yes" if one["counts"] else "no")
