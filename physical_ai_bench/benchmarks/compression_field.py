"""What small weights do to the robot: whether stated regions still hold, and people who cross its route."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch

from physical_ai_bench.benchmarks.compression_tables import SMALL
from physical_ai_bench.crossing.crowd import FOLDS, recording_of
from physical_ai_bench.crossing.forecasts import PREDICTED
from physical_ai_bench.crossing.trial import FOLD_FOLDER, Trial, run_trial
from physical_ai_learning.world_model.batches import Group
from physical_ai_learning.world_model.network import PeopleModel as Module
from physical_ai_learning.world_model.people_export import held_mixtures
from physical_ai_learning.world_model.windows import AHEAD
from physical_ai_world_model.calibration import Calibration
from physical_ai_world_model.mixture import levels
from physical_ai_world_model.ssm.weights import load

WEIGHTS: Final = {
    "fp32": (FOLD_FOLDER, "safetensors"), "trained on its grid": (SMALL / "grid", "pai"),
    "BackSlash, trained on its grid": (SMALL / "backslash", "pai"),
}  # fmt: skip


PEOPLE: Final = 1500  # of a recording, whose regions are looked at
LEVEL: Final = 0.9


def coverage_table(groups: Mapping[str, Sequence[Group]]) -> list[str]:
    """Share of the steps of every scene's people inside the region that is stated to hold 90 %, each with its own
    calibration."""
    lines = ["### Inside the stated 90 % region, %", "", f"| weights | {' | '.join(groups)} | mean |",
             f"|{'---|' * (len(groups) + 2)}"]  # fmt: skip
    share = np.arange(1, AHEAD + 1) / AHEAD
    for name, (folder, ending) in WEIGHTS.items():
        found = []
        for scene, parts in groups.items():
            weights = load(folder / f"{scene}.{ending}")
            module = Module(weights.shape)
            module.load_state_dict({key: torch.tensor(np.asarray(value)) for key, value in weights.tensors.items()})
            factor = Calibration.read(weights.calibration).at(share)
            inside = []
            for group in parts:
                mean, covariance, weight, truth = held_mixtures(module, group, PEOPLE)
                inside += [
                    levels(mean[:, :, k], covariance[:, :, k] * factor[k], weight, truth[:, k]) <= LEVEL
                    for k in range(AHEAD)
                ]
            found.append(100.0 * float(np.concatenate(inside).mean()))
        lines.append(f"| {name} | {' | '.join(f'{value:.1f}' for value in found)} | {np.mean(found):.1f} |")
    return lines


def field_table(seeds: int, traces: Path, told: Callable[[float, float], None]) -> list[str]:
    """Seeds 0 to N − 1 of `bench crossing`, forecasts by weights that have not seen the recording."""
    lines = [
        f"### In the field: seeds 0 to {seeds - 1} of `bench crossing`, forecasts by each", "",
        "| weights | collisions | reached | time, s | least gap while moving, cm | gate stops | gate intervenes, s |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for number, (name, (folder, ending)) in enumerate(WEIGHTS.items()):
        found = []
        for seed in range(seeds):
            weights = str(folder / f"{FOLDS[recording_of(seed)]}.{ending}")
            setup = {"world_model": {"people_model": weights}}
            found.append(run_trial(Trial(PREDICTED, seed, setup, traces / name, "compression")))
            told(number * seeds + seed + 1, len(WEIGHTS) * seeds)
        gaps = ", ".join(f"{100.0 * result.least_gap_moving_m:.0f}" for result in found)
        times = np.array([result.time_s for result in found])
        lines.append(
            f"| {name} | {sum(r.collisions for r in found)} | {sum(r.reached for r in found)} of {seeds}"
            f" | {times.mean():.1f} ({', '.join(f'{t:.1f}' for t in times)}) | {gaps}"
            f" | {sum(r.gate_stops for r in found)} | {sum(r.gate_s for r in found):.1f} |"
        )
    return lines
