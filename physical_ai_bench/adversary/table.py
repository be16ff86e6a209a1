"""Campaigns of the adversary: one JSON line an episode, over processes, resumed where it stopped; and what to tell."""

from __future__ import annotations

import json
import math
import multiprocessing
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, fields
from itertools import islice
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from physical_ai_bench.adversary.episode import KNOWN_S, Outcome
from physical_ai_bench.adversary.scenes import BEYOND, KINDS
from physical_ai_bench.adversary.search import HUNT, hunt
from physical_ai_bench.page import Page
from physical_ai_core.errors import InputError

Z: Final = 1.96
NOTHING_M: Final = 1e6
HEADER: Final = (
    "what is around", "episodes", "crashes", "zone exits", "failures per episode (95 %)", "tightest gap",
    "to a walker", "to a zone's edge", "touched while it stood", "way driven", "the gate stopped it in",
)  # fmt: skip


def _plain(value: Any) -> Any:
    """A number of numpy as JSON has it."""
    return value.item()


def wilson(failures: int, runs: int) -> tuple[float, float]:
    """Interval (95 %) of the chance of a failure (Wilson 1927)."""
    if not runs:
        return 0.0, 1.0
    share, z2 = failures / runs, Z * Z
    middle = (share + z2 / (2 * runs)) / (1.0 + z2 / runs)
    half = Z * math.sqrt(share * (1.0 - share) / runs + z2 / (4.0 * runs * runs)) / (1.0 + z2 / runs)
    return (max(0.0, middle - half) if failures else 0.0), min(1.0, middle + half)


def run_campaign(
    episodes: int, seed: int, out: Path, progress: Callable[[float, float], None], jobs: int = 1, gated: bool = True
) -> dict[int, Outcome]:
    """Play what `out` does not hold yet, hunt by hunt, and append it. Raises InputError where it is another's file."""
    done = read(out, seed, gated)
    out.parent.mkdir(parents=True, exist_ok=True)
    hunts = range(math.ceil(episodes / HUNT))
    wanted = {number: min(HUNT, episodes - number * HUNT) for number in hunts}
    missing = [n for n in hunts if any(k not in done for k in range(n * HUNT, n * HUNT + wanted[n]))]
    _cut_broken_tail(out)
    with out.open("a", encoding="utf-8") as stream:
        progress(sum(k < episodes for k in done), episodes)
        for number, outcomes in _played([(seed, n, wanted[n], gated) for n in missing], jobs):
            for k, outcome in enumerate(outcomes, number * HUNT):
                if k not in done:
                    done[k] = outcome
                    stream.write(
                        json.dumps({"k": k, "seed": seed, "gated": gated, **asdict(outcome)}, default=_plain) + "\n"
                    )
            stream.flush()
            progress(sum(k < episodes for k in done), episodes)
    return {k: done[k] for k in range(episodes)}


def _play(task: tuple[int, int, int, bool]) -> list[Outcome]:
    seed, number, count, gated = task
    return list(islice(hunt(seed, number, gated), count))


def _played(tasks: Sequence[tuple[int, int, int, bool]], jobs: int) -> Iterator[tuple[int, list[Outcome]]]:
    if jobs <= 1:
        for task in tasks:
            yield task[1], _play(task)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(_play, task): task[1] for task in tasks}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def read(out: Path, seed: int, gated: bool = True) -> dict[int, Outcome]:
    """Episodes of a results file by number; a line that an interruption cut is left out."""
    if not out.exists():
        return {}
    names = [field.name for field in fields(Outcome)]
    found: dict[int, Outcome] = {}
    text = out.read_text(encoding="utf-8")
    for line in text[: text.rfind("\n") + 1].splitlines():
        try:
            row = json.loads(line)
            if (row["seed"], row["gated"]) != (seed, gated):
                raise InputError(
                    f"{out} holds episodes of seed {row['seed']}{'' if row['gated'] else ', without the gate'}.",
                    "Name another file with --out, or delete it.",
                )
            found[int(row["k"])] = Outcome(**{name: row[name] for name in names})
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{out} is no file of adversary episodes ({error!r}).", "Name another file with --out, or delete it."
            ) from error
    return found


def _cut_broken_tail(out: Path) -> None:
    content = out.read_bytes() if out.exists() else b""
    if not content.endswith(b"\n"):
        out.write_bytes(content[: content.rfind(b"\n") + 1])


def failures(outcomes: Mapping[int, Outcome]) -> dict[int, Outcome]:
    return {k: one for k, one in outcomes.items() if one.crash or one.exit}


def rows(outcomes: Mapping[int, Outcome]) -> list[list[str]]:
    """A row a kind, and one of all that something is claimed of."""
    by_kind: dict[str, dict[int, Outcome]] = defaultdict(dict)
    for k, one in outcomes.items():
        by_kind[one.kind][k] = one
    told = [_row(kind, by_kind[kind]) for kind in KINDS if kind in by_kind and kind not in BEYOND]
    claimed = {k: one for k, one in outcomes.items() if one.kind not in BEYOND}
    told.append(_row("all of these", claimed))
    return told + [_row(f"{kind} (beyond the claim)", by_kind[kind]) for kind in BEYOND if kind in by_kind]


def _row(name: str, outcomes: Mapping[int, Outcome]) -> list[str]:
    many, all_ = list(outcomes.values()), len(outcomes)
    crashes, exits = sum(one.crash for one in many), sum(one.exit for one in many)
    low, high = wilson(crashes + exits, all_)
    at_rest = sum(one.touch_mps >= 0.0 and not one.crash for one in many)
    return [
        name, str(all_), str(crashes), str(exits), f"{low:.1e} to {high:.1e}",
        *(_tightest(outcomes, of) for of in ("gap_m", "walker_gap_m", "zone_gap_m")), str(at_rest),
        f"{sum(one.moved_m for one in many):.0f} m", f"{sum(one.stopped for one in many) / max(1, all_):.0%}",
    ]  # fmt: skip


def _tightest(outcomes: Mapping[int, Outcome], of: str) -> str:
    untouched = {k: one for k, one in outcomes.items() if one.touch_mps < 0.0}
    if not untouched:
        return "–"
    k = min(untouched, key=lambda k: float(getattr(untouched[k], of)))
    gap = float(getattr(untouched[k], of))
    return "–" if gap > NOTHING_M else f"{1e3 * gap:.0f} mm (episode {k})"


def table(outcomes: Mapping[int, Outcome]) -> Table:
    shown = Table(*HEADER, title="adversary against the gate")
    for row in rows(outcomes):
        shown.add_row(*row)
    return shown


def page(outcomes: Mapping[int, Outcome], seed: int, wall_s: float) -> Page:
    """docs/benchmarks/adversary.md. `wall_s`: that all of them took; 0 where some were played earlier."""
    lost = failures(outcomes)
    speed = f" {len(outcomes) / wall_s:.1f} episodes a second." if wall_s > 0.0 else ""
    about = (
        f"`./run campaign adversary --episodes {len(outcomes)} --seed {seed}`: a controller that tries to crash the"
        " robot, with the whole `GateCore` in the loop of a fast flat world; half of it scripted and homing, a third a"
        f" search over commands for the least margin.{speed} A crash is a touch while the touched part of the robot"
        " moves faster than standing (0.02 m/s and 0.05 rad/s, 0.04 m/s at the corner: the stated residual); an exit"
        " is any part of the footprint over the edge of a geofence or keep-out area."
    )
    notes = [
        "Drawn for each episode: rules (default, yard, barn, a careful one), robot, 360 to 720 rays over 270° or a full"
        " circle at 10 to 25 Hz, delays of a sweep up to 0.12 s, noise up to 0.4 of the side margin, up to 10 % of the"
        " rays lost, dead time and lag of the base up to the declared `actuator_s`, brakes from exactly the rules'"
        " value upwards, slopes up to 10°, the pose wrong by up to three of its standard deviations.",
        f"A walker counts who was seen whole for {KNOWN_S:g} s (neither another thing nor the edge of the sweep hid"
        " more than a third); who walks into a robot that stands is told beside."
        " `sudden`: walkers who turn towards the robot at the last moment; nothing is claimed there.",
    ]
    unknown = sum(one.gap_m <= 0.0 and not one.counted and one.kind not in BEYOND for one in outcomes.values())
    notes.append(f"Touched at speed by a walker who was seen whole for less, and so not counted: {unknown}.")
    notes += [
        f"Failure: episode {k}, {one.kind}, {one.tactic}, {one.setup}: "
        + (f"touched at {one.touch_mps:.2f} m/s." if one.crash else "left its zone.")
        + f" `./run campaign adversary --seed {seed} --episode {k}` plays it again."
        for k, one in sorted(lost.items())
    ]
    return Page("adversary", "Adversary against the gate", about, HEADER, rows(outcomes), "\n\n".join(notes))
