"""The robot's own next seconds on ground of every kind: the runtime of the robot against simpler models, and truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from physical_ai_bench.benchmarks.identified import FirstOrder, poses
from physical_ai_bench.page import FOLDER, Page
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array
from physical_ai_learning.world_model.own_data import part_of
from physical_ai_learning.world_model.own_record import ROW_S, Mission, record_all
from physical_ai_world_model.own_motion.kinematic import follow_commands
from physical_ai_world_model.own_motion.model import OwnMotion

SEEDS: Final = 220
MISSION_S: Final = 40.0
TIMES: Final = np.array([0.5, 1.0, 2.0, 3.0])
EVERY: Final = 18  # rows between predictions
FIRST_S: Final = 1.0
LAG_S: Final = 0.15  # as the core's parameter
CHI2_90: Final = 4.605
BANDS: Final = ((0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 1.01))
MODELS: Final = ("kinematic, at once", "kinematic, lag 0.15 s", "identified lag and gain", "hybrid")


class Run(NamedTuple):
    """Position errors (n, model, time) under the commands that came; `held` with the last command held. `inside`
    (n, time) of the hybrid's 90 % regions; shares and costs."""

    errors: Array
    held: Array
    inside: Array
    fell_back: float
    observe_us: Array
    predict_us: Array


def drive(mission: Mission, own: OwnMotion, skip: int = 1, seen: Array | None = None) -> Run:
    """Drive the runtime along a mission: every `skip`-th row is heard; `seen` instead of the mission's own."""
    seen = mission.seen if seen is None else seen
    own.clear()
    axes = [FirstOrder(ROW_S * skip, LAG_S) for _ in range(2)]
    horizon = round(TIMES[-1] / ROW_S)
    at = np.round(TIMES / ROW_S).astype(int)
    errors, held, inside, fell_back, costs = [], [], [], 0, ([], [])  # type: ignore[var-annotated]
    for row in range(0, len(mission.truth) - horizon, skip):
        stamp_s, pose, command = row * ROW_S, mission.truth[row, :3], mission.command[row]
        begun = time.thread_time()
        own.observe(stamp_s, pose, seen[row, :3], seen[row, 3:5])
        costs[0].append(time.thread_time() - begun)
        for k in range(skip):
            own.command(stamp_s + k * ROW_S, *mission.command[row + k])
        for axis, value, told in zip(axes, (seen[row, 0], seen[row, 2]), command, strict=True):
            axis.observe(float(value), float(told))
        if stamp_s < FIRST_S or row // skip % (EVERY // skip) != 0:
            continue
        future = mission.command[row : row + horizon]
        stamps = stamp_s + ROW_S * np.arange(horizon)
        truth = mission.truth[row + at, :2]
        for commands, out in ((future, errors), (np.tile(command, (horizon, 1)), held)):
            begun = time.thread_time()
            ahead = own.predict(stamp_s, TIMES, (stamps, commands))
            costs[1].append(time.thread_time() - begun)
            found = [*_simple(pose, seen[row], commands, axes, at, skip), ahead.poses[:, :2]]
            out.append([np.hypot(*(xy - truth).T) for xy in found])
            if commands is future:
                off = truth - ahead.poses[:, :2]
                distance = np.einsum("ti,tij,tj->t", off, np.linalg.inv(ahead.covariance), off)
                inside.append(distance < CHI2_90)
                fell_back += bool(ahead.reason)
    return Run(np.array(errors), np.array(held), np.array(inside), fell_back / len(errors), np.array(costs[0]) * 1e6,
               np.array(costs[1]) * 1e6)  # fmt: skip


def _simple(pose: Array, seen: Array, commands: Array, axes: Sequence[FirstOrder], at: Array, skip: int) -> list[Array]:
    twist = seen[[0, 2]]
    instant, lagged = (follow_commands(pose, twist, commands, lag, ROW_S)[at, :2] for lag in (1e-4, LAG_S))
    every = commands[::skip]
    speed, turn = (axis.ahead(float(v), c) for axis, v, c in zip(axes, twist, every.T, strict=True))
    way = poses(pose, speed, turn, ROW_S * skip)
    identified = np.column_stack([np.interp(at, skip * np.arange(len(way)), way[:, k]) for k in (0, 1)])
    return [instant, lagged, identified]


def own_motion_page(
    folder: Path = FOLDER, missions: Path = Path("out/own_motion/missions"), weights: Path | None = None,
    report: Callable[[float, float], None] = lambda done, total: None,
) -> Page:  # fmt: skip
    """Everything, on the missions that training has not seen; they are recorded where they are missing."""
    seeds = [seed for seed in range(SEEDS) if part_of(seed) == "judge"]
    own = OwnMotion(LAG_S, folder=weights)
    if own.missing:
        raise InputError(f"There is no hybrid to judge: {own.missing}", "Train it: physical-ai train own-motion.")
    found = record_all(missions, seeds, MISSION_S, lambda done, total: report(done, 3 * total))
    runs = [drive(mission, own) for mission in found]
    report(2, 3)
    slow = [drive(mission, own, 3) for mission in found[:8]]
    blind = [drive(mission, own, 1, _blind(mission)) for mission in found[:8]]
    rows: list[tuple[str, ...]] = []
    for k, name in enumerate(MODELS):
        rows.append((f"**{name}**", *_line(runs, k)))
    for low, high in BANDS:
        part = [r for r, m in zip(runs, found, strict=True) if low <= m.friction < high]
        rows += _pair(f"friction {low:g} to {min(high, 1.0):g}", part)
    rows += _pair("on a slope", [r for r, m in zip(runs, found, strict=True) if m.slope_rad > 0.02])
    rows += _pair("with patches", [r for r, m in zip(runs, found, strict=True) if m.patches])
    rows += _pair("last command held instead", [r._replace(errors=r.held) for r in runs])
    rows += _pair(f"heard at 17 Hz ({len(slow)} missions)", slow)
    rows += _pair(f"state from wheels and gyro: slip unseen ({len(blind)} missions)", blind)
    inside = np.concatenate([r.inside for r in runs]).mean(axis=0)
    rows.append(("inside the hybrid's 90 % regions", *(f"{share:.0%}" for share in inside), ""))
    predictions = sum(len(r.errors) for r in runs)
    observe, predict = (np.concatenate([getattr(r, n) for r in runs]) for n in ("observe_us", "predict_us"))
    fell = np.mean([r.fell_back for r in runs])
    notes = (
        f"`observe` {np.median(observe):.0f} µs (p99 {np.percentile(observe, 99):.0f}), `predict` over 3 s "
        f"{np.median(predict):.0f} µs (p99 {np.percentile(predict, 99):.0f}) of CPU time, recurrence by "
        f"{own.step_cost}. "
        f"The hybrid distrusted itself and gave way to the kinematic model in {fell:.1%} of the predictions. "
        f"*Slip unseen* shows what a state estimate that believes its wheels costs: the model can only tell what it is "
        f"shown."
    )
    folder.mkdir(parents=True, exist_ok=True)
    picture = draw(runs, found, folder / "own_motion.png")
    about = ABOUT.format(missions=len(found), predictions=predictions, seconds=MISSION_S)
    header = ("mean position error, m", *(f"{t:g} s" for t in TIMES), "at 2 s, of kinematic at once")
    return Page("own_motion", "The robot's own next seconds", about, header, rows, notes, [picture.name])


ABOUT = """`physical-ai bench own_motion`: {missions} simulated missions of {seconds:.0f} s that training has not seen,
each on ground of its own (friction 0.05 to 1 by chance, slopes to 0.12 rad, patches), driven to points by feedback or
by drawn commands; {predictions} predictions under the commands that were then given. State: ground truth with noise of
the size that perception shows on dry ground (white and wandering). *Kinematic* is the unicycle that does at once what
it is told. *Identified*: recursive least squares of lag, gain and drift on each axis, forgetting over 5 s. *Hybrid*:
the robot's own runtime, all of it.""".replace("\n", " ")


def _blind(mission: Mission) -> Array:
    """What a state estimate shows that believes its wheels: their speed, no sideways motion, a gyro's yaw rate."""
    wheels = np.column_stack([mission.wheels[:, 0], np.zeros(len(mission.wheels)), mission.seen[:, 2]])
    return np.column_stack([wheels, mission.seen[:, 3:]])


def _line(runs: Sequence[Run], model: int) -> tuple[str, ...]:
    mean = np.concatenate([r.errors for r in runs]).mean(axis=0)
    ratio = mean[model, 2] / mean[0, 2]
    return (*(f"{value:.3f}" for value in mean[model]), f"{ratio:.0%}")


def _pair(name: str, runs: Sequence[Run]) -> list[tuple[str, ...]]:
    if not runs:
        return []
    lines = [_line(runs, k) for k in (0, 3)]
    cells = [f"{a} → {b}" for a, b in zip(lines[0][:-1], lines[1][:-1], strict=True)]
    return [(f"{name}: kinematic → hybrid", *cells, lines[1][-1])]


def draw(runs: Sequence[Run], missions: Sequence[Mission], path: Path) -> Path:
    """Errors over the horizon, and each mission's error over its friction."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    every = np.concatenate([r.errors for r in runs]).mean(axis=0)
    colours = ("#888888", "#d08a2e", "#1f77b4", "#2a9d55")
    for k, name in enumerate(MODELS):
        left.plot([0.0, *TIMES], [0.0, *every[k]], "o-", color=colours[k], label=name)
        errors = [r.errors[:, k, 2].mean() for r in runs]
        right.scatter([m.friction for m in missions], errors, s=14, color=colours[k], label=name)
    left.set(xlabel="ahead, s", ylabel="mean position error, m", title="over the horizon")
    right.set(xlabel="friction", ylabel="m", title="2 s ahead, each mission", xscale="log", yscale="log")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    ticks = [0.05, 0.1, 0.2, 0.4, 0.8]
    right.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    right.set_xticks([], minor=True)
    left.legend(fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return path
