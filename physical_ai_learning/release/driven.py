"""Both models in the loop: crossing runs in the simulator, the same people, noise and moments for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from physical_ai_bench.crossing.forecasts import PREDICTED
from physical_ai_bench.crossing.results import Result
from physical_ai_bench.crossing.trial import Trial, run_trial
from physical_ai_learning.release.evidence import Check, at_most, upper
from physical_ai_learning.release.thresholds import SimulatorBounds

Run = Callable[[Trial], Result]
PART: Final = "simulator"
FRICTION: Final = (0.12, 0.8)
SLOPE_RAD: Final = 0.05


def runs(weights: Path, count: int, first: int, run: Run = run_trial) -> list[Result]:
    """Seeds `first` … of one model of people."""
    table = {"world_model": {"people_model": str(weights.resolve())}}
    return [run(Trial(PREDICTED, seed, table)) for seed in range(first, first + count)]


def own_runs(weights: Path, count: int, first: int, run: Run = run_trial) -> list[Result]:
    """Seeds `first` … of one model of the own motion, which speaks to planner and controller; each on other ground."""
    said = {"own_motion_model": str(weights.resolve())}
    return [
        run(Trial(PREDICTED, seed, {"world_model": said, "controller": said, "simulator": ground_of(seed)}))
        for seed in range(first, first + count)
    ]


def ground_of(seed: int) -> dict[str, float]:
    """Parameters of the simulator: friction from wet tiles to rubber, every other run on a slope."""
    rng = np.random.default_rng([seed, 31])
    friction = float(np.exp(rng.uniform(*np.log(FRICTION))))
    slope = float(rng.uniform(0.0, SLOPE_RAD)) if seed % 2 else 0.0
    return {
        "ground_friction": round(friction, 4), "ground_slope_rad": round(slope, 4),
        "ground_slope_direction_rad": round(float(rng.uniform(-np.pi, np.pi)), 4),
    }  # fmt: skip


def check_simulator(
    candidate: Sequence[Result], incumbent: Sequence[Result], bounds: SimulatorBounds, seed: int
) -> list[Check]:
    """Contacts of the candidate; time and stops beside the incumbent's, seed by seed. Results in the same order."""
    hit = sum(result.collisions for result in candidate)
    count = f"{len(candidate)} runs, incumbent {sum(result.collisions for result in incumbent)}"
    unreached = [sum(not result.reached for result in results) for results in (candidate, incumbent)]
    number = np.arange(len(candidate))
    ratio = np.array([a.time_s / b.time_s - 1.0 for a, b in zip(candidate, incumbent, strict=True)])
    stops = np.array([float(a.gate_stops - b.gate_stops) for a, b in zip(candidate, incumbent, strict=True)])
    time_mean, time_high = upper(ratio, number, seed)
    stops_mean, stops_high = upper(stops, number, seed)
    return [
        at_most(PART, "collisions", hit, bounds.collisions_at_most, count),
        at_most(PART, "goals missed more", unreached[0] - unreached[1], bounds.unreached_more_at_most),
        at_most(PART, "time longer than the incumbent's, upper end", time_high, bounds.time_ratio_margin,
                f"mean {time_mean:+.3f}"),
        at_most(PART, "gate stops more a run, upper end", stops_high, bounds.stops_margin, f"mean {stops_mean:+.2f}"),
    ]  # fmt: skip
