"""Crossing people: the page over a results file, one row a forecast, and pictures of the worst runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from physical_ai_bench.crossing.crowd import COUNT, FROM, TO
from physical_ai_bench.crossing.forecasts import FORECASTS, NOBODY, PREDICTED, STANDING, VELOCITY
from physical_ai_bench.crossing.gallery import sheet
from physical_ai_bench.crossing.results import Result
from physical_ai_bench.crossing.trace import load_trace, trace_name
from physical_ai_bench.page import Page

NAMES: Final = {
    PREDICTED: "**with prediction** (world model)",
    VELOCITY: "constant velocity",
    STANDING: "without: each stays where it was seen",
}
ABOUT = (
    "`./run bench crossing --runs N --jobs J`: {runs} runs. {count} recorded people (ETH Hotel, UCY Zara 1 and 2,"
    " Students 3; positions and times as recorded) cross a route of {length:.0f} m at about the time at which the"
    " robot comes; another recording, moment and noise each run. They do not see the robot and walk through it if"
    " it does not make way. Whole stack in the loop (perception, world model, planner's route, controller, safety"
    " gate) in the project's MuJoCo simulator from a LiDAR that looks all around, wheels, IMU and GNSS with noise;"
    " the judge alone hears the truth. The forecast's weights are those that have not seen the recording. *Time*"
    " is that to the goal over the time of the same run with nobody. *Collisions*: contact while the robot moved"
    " at more than 0.05 m/s, or had within the last 0.5 s; *bumps*: somebody walked into the robot while it stood."
)
PICTURE = (
    " Pictures: the moments of the worst; red the people and their ways, coloured by speed what was driven from 3"
    " s before to 2 s after, orange what was meant. Below: speed over time; grey: waits for somebody, orange: the"
    " controller brakes, red: the gate changes the command; lines: contacts."
)
SHOWN: Final = 10
TARGET: Final = 1.4


def crossing_page(results: Sequence[Result], traces: Path, folder: Path) -> Page:
    """The table over all results; the picture beside it."""
    free = {result.seed: result.time_s for result in results if result.forecast == NOBODY}
    rows = [
        _row(forecast, [r for r in results if r.forecast == forecast], free)
        for forecast in FORECASTS
        if any(r.forecast == forecast for r in results)
    ]
    own = [r for r in results if r.forecast == PREDICTED] or [r for r in results if r.forecast != NOBODY]
    worst = sorted(own, key=lambda r: (-r.collisions, -r.time_s / free[r.seed]))
    files = [traces / f"{trace_name(r.forecast, r.seed)}.npz" for r in worst[:SHOWN]]
    drawn = [load_trace(file) for file in files if file.exists()]
    pictures = [sheet(drawn, folder / "crossing.png").name] if drawn else []
    return Page(
        "crossing", "Crossing people: with prediction and without",
        ABOUT.format(runs=len(free), count=COUNT, length=np.hypot(TO[0] - FROM[0], TO[1] - FROM[1])),
        ("", "runs with collision", "reached", "time / free, mean", "median", "95 %", f"runs ≤ {TARGET}", "bumps a run",
         "least gap while moving, 5 %", "gate stops a run", "gate intervenes", "stands"),
        rows, _notes(results, own, free) + (PICTURE if drawn else ""), pictures,
    )  # fmt: skip


def _row(forecast: str, runs: Sequence[Result], free: dict[int, float]) -> tuple[str, ...]:
    def mean(of: Callable[[Result], float]) -> float:
        return float(np.mean([of(r) for r in runs]))

    ratio = np.array([r.time_s / free[r.seed] for r in runs])
    gap = np.quantile([r.least_gap_moving_m for r in runs], 0.05)
    hit = sum(r.collisions > 0 for r in runs)
    return (
        NAMES[forecast], f"{hit} of {len(runs)}", f"{sum(r.reached for r in runs)}", f"{ratio.mean():.2f}",
        f"{np.median(ratio):.2f}", f"{np.quantile(ratio, 0.95):.2f}", f"{100.0 * np.mean(ratio <= TARGET):.0f} %",
        f"{mean(lambda r: r.bumps):.2f}", f"{100.0 * gap:.0f} cm", f"{mean(lambda r: r.gate_stops):.2f}",
        f"{mean(lambda r: r.gate_s):.1f} s", f"{mean(lambda r: r.stood_s):.1f} s",
    )  # fmt: skip


def _notes(results: Sequence[Result], own: Sequence[Result], free: dict[int, float]) -> str:
    pace = np.median([r.real_time for r in results])
    cpu = np.sum([r.cpu_s for r in results])
    times = np.array(list(free.values()))
    text = (
        f"Free of people the route takes {times.mean():.1f} s ({times.min():.1f} to {times.max():.1f})."
        f" {np.mean([r.met for r in own]):.0f} of the {COUNT} come within 3 m of the robot in a run."
        f" Pace of one process: {pace:.1f} × real time (median); {cpu / 60.0:.0f} min of CPU in all."
        f" Setup {results[0].setup}."
    )
    names = sorted({r.recording for r in own})
    text += " With prediction by recording: " + ", ".join(
        f"{name} {np.mean([r.time_s / free[r.seed] for r in own if r.recording == name]):.2f}"
        f" ({sum(r.collisions > 0 for r in own if r.recording == name)} of"
        f" {sum(r.recording == name for r in own)} collide)"
        for name in names
    )
    hit = [r for r in own if r.collisions]
    if not hit:
        text += (
            f". No collision in {len(own)} runs bounds its share to below {1.0 - 0.05 ** (1.0 / len(own)):.0%} (95 %)"
        )
    else:
        text += ". Collided: " + ", ".join(str(r.seed) for r in hit[:40])
    return text + "."
