"""The second expert of the MPC: what one more starting point is worth, beside fixed proposals and ipopt.

Two kinds of runs (`policy_runs.py`), the same for all ways: the crossing obstacles of a scenario module, in its own
loop, and routes through held-out clutter, where the pilot of the controller looks up what stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from physical_ai_bench.page import Page
from physical_ai_bench.policy_runs import (
    ALONE,
    CLUTTER_SPEED,
    IPOPT,
    POLICY,
    Run,
    Way,
    clutter_places,
    clutter_run,
    scenario_run,
    ways,
)
from physical_ai_control.body import body_of
from physical_ai_core.robot import load_robot
from physical_ai_learning.policy.objective import problem

Report = Callable[[str], None]
HELPS: Final = 0.98  # a mean cost below this share


def policy_page(
    scenario: Path, worlds: Path | None, weights: Path | None, seeds: int = 5, places: int = 6, peers: int = 1,
    steps: int | None = None, report: Report = lambda line: None,
) -> Page:  # fmt: skip
    """`peers`: so many of the runs of each kind are driven by ipopt too. `steps`: of each run of the scenario."""
    ocp, body = problem(), body_of(load_robot("scout"))
    ocp = replace(ocp, static=len(body.circles) + 2)
    clutter = clutter_places(worlds, places)
    kinds: list[tuple[str, int, Callable[[Way, int], Run]]] = [
        ("crossing", seeds, lambda way, i: scenario_run(scenario, way, i, steps)),
        ("clutter", len(clutter), lambda way, i: clutter_run(clutter[i], 0, way, ocp, body, i)),
        ("clutter, 3 moving", len(clutter), lambda way, i: clutter_run(clutter[i], 3, way, ocp, body, i)),
    ]
    rows: list[list[str]] = []
    verdict: list[str] = []
    for kind, count, drive in kinds:
        done: dict[str, list[Run]] = {}
        for way in ways(weights):
            few = min(count, peers) if way.name == IPOPT else count
            for i in range(few):
                report(f"{kind}, {way.name}, {i + 1} of {few}")
                done.setdefault(way.name, []).append(drive(way, i))
        rows += [_row(kind, name, runs, done) for name, runs in done.items()]
        if POLICY in done:
            costs = [float(np.mean([run.cost for run in done[name]])) for name in (ALONE, POLICY)]
            hits = [sum(run.contact for run in done[name]) for name in (ALONE, POLICY)]
            verdict.append(f"- {kind}: {said(costs[1] / costs[0], hits[1] - hits[0])}")
    header = (
        "runs", "way", "n", "J mean", "J / alone, median", "better, worse", "J / ipopt", "QP steps a tick",
        "CPU a tick p50, µs", "mean", "× alone", "time to goal, s", "not there", "contacts", "refused", "asked",
        "taken",
    )  # fmt: skip
    about = _about(seeds, len(clutter), worlds, peers)
    return Page("policy", "The MPC's second expert", about, header, rows, "\n".join(verdict))


def said(ratio: float, contacts: int) -> str:
    """Whether the policy helps in one kind of runs; it would have to in one and harm in none to be switched on."""
    helps = "it helps" if ratio < HELPS and contacts <= 0 else "it harms" if ratio > 1.01 or contacts > 0 else "no gain"
    return f"mean J with the policy is {ratio:.3f} of that alone, {contacts:+d} contacts: {helps}."


def _row(kind: str, name: str, runs: Sequence[Run], done: dict[str, list[Run]]) -> list[str]:
    alone, best = done[ALONE], done.get(IPOPT, [])
    ratios = np.array([run.cost / other.cost for run, other in zip(runs, alone, strict=False)])
    peers = [run.cost / other.cost for run, other in zip(runs, best, strict=False)]
    cpu, base = (np.concatenate([run.cpu_us for run in some]) for some in (runs, alone))
    there = [run.goal_s for run in runs if np.isfinite(run.goal_s)]
    return [
        kind, name, str(len(runs)), f"{np.mean([run.cost for run in runs]):.2f}", f"{np.median(ratios):.3f}",
        f"{int((ratios < 0.99).sum())}, {int((ratios > 1.01).sum())}", f"{np.mean(peers):.3f}" if peers else "",
        f"{np.mean([run.steps for run in runs]):.1f}", f"{np.median(cpu):.0f}", f"{cpu.mean():.0f}",
        f"{cpu.mean() / base.mean():.2f}", f"{np.mean(there):.1f}" if there else "", str(len(runs) - len(there)),
        str(sum(run.contact for run in runs)), str(sum(run.failures for run in runs)),
        f"{np.mean([run.asked for run in runs]):.1%}", f"{np.mean([run.taken for run in runs]):.2%}",
    ]  # fmt: skip


def _about(seeds: int, places: int, worlds: Path | None, peers: int) -> str:
    barn_ground = "BARN worlds held out of training, their paths smoothed over 2.5 m until they cut corners"
    ground = barn_ground if worlds is not None else "drawn clutter of other seeds than training"
    return (
        f"`physical-ai bench policy`: {seeds} seeds of the scenario's own loop (*crossing*), and routes at"
        f" {CLUTTER_SPEED} m/s through {places} {ground}, with the controller's pilot, without its choice of"
        f" references, at 10 Hz. ipopt drives the first {peers} of each kind; *J / ipopt* is on those. One real-time"
        " iteration a tick; a proposal gets four, since it begins anew, and is only asked for where the plan comes"
        " within 0.1 m of a distance that is kept; it is taken where its roll-out costs at least 2 % less, violations"
        " included. *Fixed"
        " proposals* are left, right, standing and the reference itself, in turn: what is not learnt. *Refused*: ticks"
        " without a believed solution. CPU is the thread's, of the whole tick; ratios are of this very run."
    )
