"""What a sweep found, one row a kind of job: size on disk, zeros, and loss on the scenes left out against fp32.

python -m physical_ai_learning.compression.sweep_table OUT… --data DIR
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from physical_ai_learning.compression.pack import packed, step_of
from physical_ai_learning.compression.sweep import STARTS
from physical_ai_learning.world_model.batches import group_of
from physical_ai_learning.world_model.network import PeopleModel
from physical_ai_learning.world_model.recordings import FOLDS, Recording, read_folder
from physical_ai_learning.world_model.train_people import scores
from physical_ai_learning.world_model.windows import protocol_windows
from physical_ai_world_model.ssm.weights import load, said_of

KEYS: Final = ("ade_m", "fde_m", "best_ade_m", "best_fde_m")


def table(outs: Sequence[Path], recordings: Mapping[str, Recording]) -> str:
    """Rows in the order in which their first job ended."""
    jobs: dict[str, list[tuple[Path, dict[str, Any]]]] = defaultdict(list)
    for out in outs:
        for result in json.loads((out / "sweep.json").read_text(encoding="utf-8")):
            if "error" not in result and result["scene_left_out"]:
                jobs[result["name"]].append((out / result["name"] / result["fold"], result))
    full = {fold: _full(fold, recordings) for fold in FOLDS}
    lines = [
        "| job | scenes | steps | on disk, kB | zeros | shape at the end | loss of ADE/FDE | of the best of ways |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in jobs.items():
        sizes, zeros = zip(*(_size(folder) for folder, _ in found), strict=True)
        loss = [[r["scene_left_out"][k] / full[r["fold"]][k] - 1.0 for k in KEYS] for _, r in found]
        ade, fde, best_ade, best_fde = 100.0 * np.mean(loss, axis=0)
        shapes = [r["course"][-1]["shape"] for _, r in found if "shape" in r["course"][-1]]
        scenes = ", ".join(r["fold"] for _, r in found)
        size = "" if None in sizes else f"{np.mean([s for s in sizes if s is not None]) / 1e3:.1f}"
        shape = f"{np.mean(shapes):.2f}" if shapes else ""
        lines.append(
            f"| {name} | {scenes if len(found) < 5 else 'all five'} | {found[0][1]['course'][-1]['step']}"
            f" | {size} | {100.0 * np.mean(zeros):.0f} %"
            f" | {shape} | {ade:+.2f}/{fde:+.2f} % | {best_ade:+.2f}/{best_fde:+.2f} % |"
        )
    return "\n".join(lines)


def _full(fold: str, recordings: Mapping[str, Recording]) -> dict[str, float]:
    weights = load(STARTS / f"{fold}.safetensors")
    model = PeopleModel(weights.shape)
    model.load_state_dict({name: torch.tensor(value) for name, value in weights.tensors.items()})
    found: dict[str, float] = scores(model, [group_of(protocol_windows(recordings[name])) for name in FOLDS[fold]])
    return found


def _size(folder: Path) -> tuple[int | None, float]:
    """Bytes of the compact file, where the weights lie on a grid, and the share of zeros among the matrices."""
    weights = load(folder / "weights" / "people.safetensors")
    matrices = [value for value in weights.tensors.values() if value.ndim >= 2]
    zeros = float(np.mean(np.concatenate([value.ravel() for value in matrices]) == 0.0))
    if not all(step_of(value) or not value.any() for value in matrices):
        return None, zeros
    return len(packed(weights.tensors, said_of(weights.shape, weights.calibration))), zeros


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outs", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    print(table(options.outs, read_folder(options.data)))


if __name__ == "__main__":
    main()
