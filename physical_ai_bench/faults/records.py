"""Results of a fault campaign: JSON lines that an interruption cannot spoil, a table, and a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Final

from rich.table import Table

from physical_ai_bench.faults.judge import Trial
from physical_ai_bench.page import Page
from physical_ai_core.errors import InputError

ABOUT: Final = (
    "`physical-ai campaign faults`: every node its own process over DDS, the simulator's yard without people, the robot"
    " driving up and down it. Each fault strikes while it drives and lasts some seconds. *Safe* is judged by the"
    " simulator's truth: no contact while moving, never out of the geofence or into a keep-out zone, never faster than"
    " the site allows, and where the fault has to be noticed, standing within the limit of the watchdog, the braking"
    " time at the rules' 1.5 m/s² and 0.35 s, and standing on for as long as the fault lasts. *Drives again* is the"
    " time from the end of the fault; a person calls `safety/reset` where the gate waits for one."
    " One graph goes through fault after fault as long as it recovers. Times are on the graph's clock."
)
NOTES: Final = (
    "`stop` is SIGSTOP, at the end SIGCONT. Faults of topics are made by a process in the middle: the node that says"
    " the topic is started with it remapped, and the relay says what becomes of it. `delay` and `shift` are later and"
    " earlier than any watchdog allows, `flood` repeats each message, `nan` replaces every number, `corrupt` three in"
    " ten by other numbers, `garble` two bytes in a hundred by any. `cmd_vel` is spoilt between gate and base, where"
    " the gate can only ask the hardware to stop: wrong numbers on that wire are for the base's own circuit, and"
    " are not among the faults. Rows are what was run; `./run campaign faults` goes on with those that are missing."
)


def read(path: Path) -> dict[str, Trial]:
    """Trials of a results file by the fault's name. Raises InputError when it is something else."""
    if not path.exists():
        return {}
    known = {field.name for field in fields(Trial)}
    found: dict[str, Trial] = {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            trial = Trial(**{key: value for key, value in line.items() if key in known})
        except (ValueError, TypeError, AttributeError) as error:
            if number == len(lines):
                break  # cut off by an interruption
            raise InputError(
                f"Line {number} of {path} is not a fault's result: {error}.", "Name another file, or delete it."
            ) from error
        found[trial.fault] = trial
    return found


def append(path: Path, trial: Trial) -> None:
    """Add one line; what an interruption left of a line is dropped first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = path.read_bytes() if path.exists() else b""
    if content and not content.endswith(b"\n"):
        path.write_bytes(content[: content.rfind(b"\n") + 1])
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(trial.as_json(), ensure_ascii=False) + "\n")


HEADER: Final = ("fault", "at m/s", "what the gate said", "told to stand after s", "stands after s (allowed)",
                 "outcome", "drives again after s", "person")  # fmt: skip


def row(trial: Trial) -> tuple[str, ...]:
    """One line of the table."""
    stood = "-" if trial.stand_s is None else f"{trial.stand_s:.2f}"
    allowed = "" if trial.allowed_s is None else f" ({trial.allowed_s:.2f})"
    person = [f"reset ×{trial.resets}"] if trial.resets else []
    person += [f"told again ×{trial.told_again}"] if trial.told_again else []
    said = "; ".join(trial.verdicts[:4]) + ("; …" if len(trial.verdicts) > 4 else "")
    died = f"; ended: {', '.join(sorted(trial.died))}" if trial.died else ""
    return (
        trial.fault, f"{trial.speed_mps:.2f}", said,
        "-" if trial.zero_s is None else f"{trial.zero_s:.2f}", stood + allowed, trial.outcome + died,
        "**never**" if trial.again_s is None else f"{trial.again_s:.1f}", ", ".join(person) or "-",
    )  # fmt: skip


def table(trials: Sequence[Trial]) -> Table:
    view = Table(*HEADER, title="faults of the graph")
    for trial in trials:
        style = "red" if trial.unsafe else "yellow" if trial.again_s is None else None
        view.add_row(*row(trial), style=style)
    return view


def summary(trials: Sequence[Trial]) -> str:
    unsafe, stuck = sum(bool(t.unsafe) for t in trials), sum(t.again_s is None for t in trials)
    unjudged = sum(t.unjudged and not t.unsafe for t in trials)
    return f"{len(trials)} faults: {unsafe} unsafe, {stuck} without recovery, {unjudged} not judged"


def page(trials: Sequence[Trial]) -> Page:
    """The page `faults`."""
    pace = sorted(trial.pace for trial in trials)
    measured = f" Simulated over wall time: {pace[len(pace) // 2]:.2f} (median)." if pace else ""
    return Page("faults", "Faults of the whole graph", f"{ABOUT} **{summary(trials)}.**{measured}", HEADER,
                [row(trial) for trial in trials], NOTES)  # fmt: skip
