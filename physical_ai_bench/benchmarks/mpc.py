"""The MPC's solvers on a benchmark scenario: time, closed-loop cost, and whether every single answer was right."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import numpy as np

from physical_ai_bench.page import Page
from physical_ai_control.mpc.benchmark import HpipmController, NlpController, RiccatiController
from physical_ai_core.errors import InputError, PhysicalAIError
from physical_ai_core.geometry import Array

NEEDED: Final = (
    "N", "DT", "TS", "M", "DSAFE", "XMIN", "XMAX", "UMAX", "Q", "R", "QN", "ZL", "ZQ", "Scenario", "closed_loop",
    "rk4_np", "T_SIM",
)  # fmt: skip
START, BOUND, GAP, ROW = 1e-3, 0.01, 0.05, 2e-3  # beyond these an answer counts as failed
END = 0.02  # m
OBSTACLES: Final = (10, 20, 40)
CITED_US: Final = 194
Report = Callable[[str], None]


class Way(NamedTuple):
    """One line of the table."""

    name: str
    make: Callable[[ModuleType], Any]


WAYS: Final = (
    Way("own, C, one step", lambda s: RiccatiController(s, 1, "c")),
    Way("own, C, to 6 steps", lambda s: RiccatiController(s, 6, "c")),
    Way("own, numba, one step", lambda s: RiccatiController(s, 1, "numba")),
    Way("own, numba, to 6 steps", lambda s: RiccatiController(s, 6, "numba")),
    Way("HPIPM in casadi, one step", lambda s: HpipmController(s, 1)),
    Way("HPIPM in casadi, 4 steps", lambda s: HpipmController(s, 4)),
    Way("ipopt, converged", lambda s: NlpController(s)),
)


class _Answer(NamedTuple):
    """State and obstacles that were asked about, trajectory and slack that were answered."""

    x0: Array
    obstacles: Array
    states: Array
    inputs: Array
    slack: Array


@dataclass
class Looked:
    """What the harness found in the answers, whatever the solver said of them."""

    solves: int = 0
    failures: int = 0
    start: list[float] = field(default_factory=list)
    gap: list[float] = field(default_factory=list)
    bound: list[float] = field(default_factory=list)
    row: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)  # how far inside an obstacle's distance braking from the end leads


def load_scenario(path: Path, steps: int | None = None, obstacles: int | None = None) -> ModuleType:
    """A fresh copy of the scenario module, with this horizon and so many obstacles. Raises InputError."""
    spec = importlib.util.spec_from_file_location("mpc_scenario", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise InputError(f"There is no scenario module {path}.", "Give a Python file with --scenario.")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    missing = [name for name in NEEDED if not hasattr(found, name)]
    if missing:
        raise InputError(f"{path} lacks {', '.join(missing)}.", "A scenario module defines all of them.")
    found.N = found.N if steps is None else steps  # type: ignore[attr-defined]
    found.M = found.M if obstacles is None else obstacles  # type: ignore[attr-defined]
    return found


def run(scenario: Any, controller: Any, seeds: Sequence[int], steps: int | None, name: str) -> tuple[Any, Looked]:
    """The scenario's own closed loop. Answers are only kept on the way, between two solves, and looked at afterwards:
    work between two solves would drive the solver out of the caches and be counted as its own."""
    looked, original = Looked(), scenario.Scenario
    kept: list[_Answer] = []

    class Watched(original):  # type: ignore[misc, valid-type]
        def pred(self, *values: Any) -> Any:
            self.told = original.pred(self, *values)
            return self.told

        def step(self, u: Array) -> None:
            c = controller
            kept.append(_Answer(self.x.copy(), self.told, c.states.copy(), c.inputs.copy(), c.slack.copy()))
            original.step(self, u)

    scenario.Scenario = Watched
    try:
        result = scenario.closed_loop(controller, seeds=tuple(seeds), steps=steps, verbose=False, name=name)
    finally:
        scenario.Scenario = original
    for answer in kept:
        look(scenario, answer, looked)
    return result, looked


def look(scenario: Any, answer: _Answer, looked: Looked) -> None:
    """Start, model, bounds, distance rows of the trajectory that was answered."""
    s, (x0, obstacles, x, u, slack) = scenario, answer
    looked.solves += 1
    if not (np.isfinite(x).all() and np.isfinite(u).all()):
        looked.failures += 1
        return
    start = float(np.abs(x[0] - x0).max())
    gap = float(np.abs(s.rk4_np(x[:-1].T, u.T, s.DT).T - x[1:]).max())
    outside = np.concatenate([(s.XMIN - x[1:]).ravel(), (x[1:] - s.XMAX).ravel(), (np.abs(u) - s.UMAX).ravel()])
    away = np.hypot(*np.moveaxis(obstacles[1:-1] - x[1:-1, None, :2], -1, 0))
    row = float((s.DSAFE - slack[1 : len(u), :1] - away).max())
    brake = x[-1, :2] + x[-1, 3] ** 2 / (2.0 * s.UMAX[0]) * np.array([np.cos(x[-1, 2]), np.sin(x[-1, 2])])
    looked.end.append(float(s.DSAFE - np.hypot(*(obstacles[-1] - brake).T).min()))
    looked.start.append(start)
    looked.gap.append(gap)
    looked.bound.append(max(0.0, float(outside.max())))
    looked.row.append(max(0.0, row))
    looked.failures += int(start > START or gap > GAP or looked.bound[-1] > BOUND or row > ROW)


def mpc_page(
    path: Path, seeds: int = 5, steps: int | None = None, report: Report = lambda line: None, ways: Sequence[Way] = WAYS
) -> Page:
    """All ways with the scenario's horizon and with twice of it, then the cost of obstacles. `steps`: of each run."""
    rows: list[list[str]] = []
    notes: list[str] = []
    short = int(load_scenario(path).N)
    medians: dict[tuple[str, int], float] = {}
    for horizon in (short, 2 * short):
        done: list[tuple[str, Any, Looked]] = []
        for way in ways:
            report(f"{way.name}, N = {horizon}")
            scenario = load_scenario(path, horizon)
            try:
                controller = way.make(scenario)
            except PhysicalAIError as error:
                notes.append(f"- {way.name}: {error}")
                continue
            run(scenario, controller, (0,), 20, way.name)  # first calls are not what is measured
            done.append((way.name, *run(scenario, controller, range(seeds), steps, way.name)))
        best = next((result["J"] for name, result, _ in done if name.startswith("ipopt")), float("nan"))
        peer = next((result["p50"] for name, result, _ in done if name.startswith("HPIPM")), float("nan"))
        for name, result, looked in done:
            medians[name, horizon] = result["p50"]
            rows.append(_row(name, horizon, result, looked, best, peer))
    notes += _growth(medians, short) + _terminal(path, seeds, steps, report) + _obstacles(path, seeds, steps, report)
    header = (
        "solver", "N", "p50 µs", "p99 µs", "max µs", "p99 / p50", "× faster than HPIPM", "J", "J / ipopt", "refused",
        "contacts", "model gap p99, max", "outside bounds", "distance rows",
    )  # fmt: skip
    return Page("mpc", "The MPC's solvers", _about(path, seeds, steps, short), header, rows, "\n".join(notes))


def _row(name: str, horizon: int, result: Any, looked: Looked, best: float, peer: float) -> list[str]:
    failed = max(looked.failures, int(result["fail"]))
    return [
        name, str(horizon), f"{result['p50']:.1f}", f"{result['p99']:.1f}", f"{result['max']:.0f}",
        f"{result['p99'] / result['p50']:.1f}", f"{peer / result['p50']:.1f}", f"{result['J']:.3f}",
        f"{result['J'] / best:.4f}", f"{failed} of {looked.solves}", str(result["coll"]),
        f"{np.percentile(looked.gap, 99):.1e}, {max(looked.gap):.1e}", f"{max(looked.bound):.1e}",
        f"{max(looked.row):.1e}",
    ]  # fmt: skip


def _growth(medians: dict[tuple[str, int], float], short: int) -> list[str]:
    names = [name for name, horizon in medians if horizon == short and (name, 2 * short) in medians]
    shown = ", ".join(f"{name} {medians[name, 2 * short] / medians[name, short]:.2f}" for name in names)
    return [f"- Twice the horizon costs × {shown}."]


def _terminal(path: Path, seeds: int, steps: int | None, report: Report) -> list[str]:
    """One step with and without rows on where braking from the last state leads; what it costs and does."""
    report("terminal set")
    found = []
    for braking in (False, True):
        scenario = load_scenario(path)
        try:
            controller = RiccatiController(scenario, 1, braking_mps2=float(scenario.UMAX[0]) if braking else 0.0)
        except PhysicalAIError as error:
            return [f"- Terminal set: {error}"]
        run(scenario, controller, (0,), 20, "")
        found.append(run(scenario, controller, range(seeds), steps, ""))
    (plain, _), (ended, looked) = found
    deep = [100.0 * np.mean(np.array(each.end) > END) for _, each in found]
    return [
        f"- Terminal set (own, {controller.backend}, one step; from the last state it can brake at"
        f" {scenario.UMAX[0]:g} m/s² clear of all obstacles where they are then):"
        f" p50 × {ended['p50'] / plain['p50']:.2f}, J × {ended['J'] / plain['J']:.4f},"
        f" {looked.failures} of {looked.solves} refused; plans that end more than {100.0 * END:.0f} cm beyond it:"
        f" {deep[1]:.1f} % instead of {deep[0]:.1f} %."
    ]


def _obstacles(path: Path, seeds: int, steps: int | None, report: Report) -> list[str]:
    """One step of the C (or numba) solver with more and more obstacles."""
    found, counts = [], []
    for count in OBSTACLES:
        report(f"{count} obstacles")
        scenario = load_scenario(path, obstacles=count)
        try:
            controller = RiccatiController(scenario, 1)
        except PhysicalAIError as error:
            return [f"- More obstacles: {error}"]
        run(scenario, controller, (0,), 20, "")
        result, looked = run(scenario, controller, range(min(seeds, 2)), steps, "")
        counts.append((count, float(result["p50"])))
        found.append(
            f"{count}: p50 {result['p50']:.1f}, p99 {result['p99']:.1f} µs,"
            f" {looked.failures} of {looked.solves} refused"
        )
    slope = np.polyfit([float(count) for count, _ in counts], [median for _, median in counts], 1)[0]
    return [f"- Obstacles (own, {controller.backend}, one step): {'; '.join(found)}; {slope:.2f} µs an obstacle."]


def _about(path: Path, seeds: int, steps: int | None, short: int) -> str:
    length = "all of each run" if steps is None else f"{steps} steps of each run"
    return (
        f"`physical-ai bench mpc --scenario {path.name}`: {seeds} seeds, {length}, through the scenario's own loop and"
        f" clock (CPU time of the thread for each `solve`; N = {short} and twice that). All solvers see the same"
        " problem and are warm started. J is the cost of what was driven. *Refused* is this harness's verdict, from"
        f" the answered trajectory alone: it must start at the state ({START:g}), obey the model by one Runge-Kutta"
        f" step ({GAP:g}), keep the bounds ({BOUND:g}), and keep every distance but for its own slack ({ROW:g} m); the"
        " last three columns are the worst that was found. One real-time step is not converged: its gap to the model"
        " is that of the linearisation. Cited, not measured here: acados SQP_RTI with HPIPM at"
        f" {CITED_US} µs p50 on another machine."
    )
