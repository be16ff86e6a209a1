"""BARN: the page over a results file, with peers as published and a sheet of failures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from physical_ai_bench.barn.gallery import COLUMNS, sheet
from physical_ai_bench.barn.losses import told
from physical_ai_bench.barn.results import Result
from physical_ai_bench.barn.score import LOW_NOW, Estimate, estimate, shown
from physical_ai_bench.barn.trace import load_trace, trace_name
from physical_ai_bench.page import Page

PEERS: Final = (
    ("*DWA (challenge log, 500 runs)*", "85.0 %", "5.6 %", "9.4 %", "0.158", "0.159", ""),
    ("*DRL-VO, winner 2022*", "93.6 %", "6.4 %", "0 %", "0.234", "0.372", ""),
    ("*LiCS-KI, winner 2024*", "98.0 %", "1.8 %", "0.2 %", "0.245", "0.489", ""),
    ("*a casadi MPC entry, 2026*", "70.4 %", "23.8 %", "5.8 %", "0.175", "0.340", ""),
)
ABOUT = (
    "`./run bench barn --worlds DIR --runs N`: {worlds} BARN worlds, {runs} runs. A robot of Jackal size"
    " (0.51 × 0.43 m, at most 2 m/s) in the project's MuJoCo simulator with the whole stack in the loop (perception,"
    " world model, planner's route, controller, safety gate) from 270° LiDAR, wheels and IMU with noise; no map, and no"
    " ground truth but for the judge. Start (−2.25, 3.0, π/2), goal (−2.25, 13.0) reached within 1 m, 100 s from 0.1 m"
    " of motion, any contact is a collision. `s = success · OT / clip(AT, lo·OT, 8·OT)`, so 1/lo is the best. In"
    " brackets: 95 %, bootstrap over worlds. **The simulator is a rebuilt one: its figures are indicative beside the"
    " peers', which are of Gazebo (50 worlds × 10, scored anew from the peers' own logs).**"
)
PICTURE = (
    " Pictures: grey cylinders, dotted the reference path, coloured by speed what was driven, red the last scan, dashed"
    " the last route, orange the last trajectory."
)
SHOWN: Final = 4 * COLUMNS
WORST: Final = 12  # runs whose losses are listed
FAR_M: Final = 1.0  # beyond this a clearance is of no interest


def barn_page(results: Sequence[Result], traces: Path, folder: Path) -> Page:
    """The table over all results; the sheet of failures (or of the slowest runs, where none failed) beside it."""
    worlds = [result.world for result in results]

    def share(values: Sequence[bool]) -> str:
        return (
            shown(Estimate(*(100.0 * part for part in estimate([float(v) for v in values], worlds))), "{:.1f}".format)
            + " %"
        )

    row = (
        "**physical_ai (simulator, indicative)**",
        share([r.success for r in results]),
        share([r.collision for r in results]),
        share([r.timeout for r in results]),
        shown(estimate([r.score_4 for r in results], worlds)),
        shown(estimate([r.score_2 for r in results], worlds)),
        f"{np.median([r.time_s / r.optimal_s for r in results if r.success] or [np.nan]):.2f}",
    )
    failed = [r for r in results if not r.success]
    pictured = failed or sorted(results, key=lambda r: r.score_2)[:COLUMNS]
    names = [traces / f"{trace_name(r.world, r.seed)}.npz" for r in pictured[:SHOWN]]
    drawn = [load_trace(name) for name in names if name.exists()]
    pictures = []
    if drawn:
        title = f"{len(failed)} failures of {len(results)}" if failed else "no failures; the slowest"
        pictures = [sheet(drawn, folder / "barn.png", title).name]
    return Page(
        "barn", "BARN: unknown clutter", ABOUT.format(worlds=len(set(worlds)), runs=len(results)),
        ("", "success", "collisions", "time-outs", "s(4–8)", "s(2–8)", "AT/OT, median"), [row, *PEERS],
        _notes(results, failed) + _lost(results, traces) + (PICTURE if drawn else ""), pictures,
    )  # fmt: skip


def _notes(results: Sequence[Result], failed: Sequence[Result]) -> str:
    pace = np.median([r.real_time for r in results])
    clear = np.quantile([min(r.min_clearance_m, FAR_M) for r in results], [0.05, 0.5])
    text = (
        f"Pace of one process: {pace:.1f} × real time (median). Least distance to a cylinder in a run: median"
        f" {100 * clear[1]:.0f} cm, 5 % below {100 * clear[0]:.0f} cm. Setup {results[0].setup}."
    )
    if not failed:
        count = len({r.world for r in results})
        text += f" No failure in {count} worlds bounds its share to below {1.0 - 0.05 ** (1.0 / count):.0%} (95 %)."
    if failed:
        text += " Failed: " + ", ".join(f"{r.world:03d}/{r.seed}" for r in failed[:60]) + "."
    return text


def _lost(results: Sequence[Result], traces: Path) -> str:
    """Where time goes: on average, and in the runs that lose most of the score."""
    kept = [(r, file) for r in results if (file := traces / f"{trace_name(r.world, r.seed)}.npz").exists()]
    if not kept:
        return ""
    text = f" Time lost against the top speed, mean of a run: {told([load_trace(file) for _, file in kept])}."
    worst = sorted((pair for pair in kept if pair[0].score_2 < 1.0 / LOW_NOW), key=lambda pair: pair[0].score_2)
    if worst:
        lines = (f"{r.world:03d}/{r.seed} {r.score_2:.2f} ({told([load_trace(file)], 3)})" for r, file in worst[:WORST])
        text += " Below the best score: " + "; ".join(lines) + "."
    return text
