"""The mean of adapters that share a beginning ("model soup", Wortsman et al. 2022): one adapter, no cost at run time.

    python -m physical_ai_learning.language.average --out DIR ADAPTER ADAPTER… [--begun ADAPTER]

One that went on from another lies in the same valley; their mean generalises better than either where the later one has
drifted towards its own last sentences. Adapters of different beginnings have no mean: their factors are not aligned.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from physical_ai_core.errors import InputError
from physical_ai_learning.language.card import history, write_card
from physical_ai_learning.language.lora import CONFIG, read_adapter, write_adapter


def average(out: Path, adapters: Sequence[Path], begun: Path | None = None) -> None:
    """Write the mean of `adapters` (of one shape) with its card. Raises InputError, ModelError.

    `begun`: the adapter that they all go back to and that is not of the mean, for the card.
    """
    if len(adapters) < 2:
        raise InputError("One adapter has no mean.", "Name two folders or more.")
    read = [read_adapter(folder) for folder in adapters]
    first, header = read[0]
    for folder, (tensors, other) in zip(adapters, read, strict=True):
        same = tensors.keys() == first.keys() and all(tensors[k].shape == first[k].shape for k in first)
        if not same or other.get("variant") != header.get("variant"):
            raise InputError(f"{folder} is of another shape or variant.", "Name adapters of one recipe.")
    mean = {k: torch.stack([tensors[k].float() for tensors, _ in read]).mean(0).to(torch.bfloat16) for k in first}
    write_adapter(out, mean, {"variant": header.get("variant", "plain")} | read[-1][1])
    shutil.copy(adapters[0] / CONFIG, out / CONFIG)
    every = [history(folder) | {"name": folder.name} for folder in adapters]
    before = [] if begun is None else [history(begun) | {"name": begun.name}]
    found = every[-1] | {"mean_of": every, "before": before}
    (out / "metrics.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    write_card(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapters", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--begun", type=Path, help="the adapter that all go back to, for the card")
    options = parser.parse_args()
    average(options.out, options.adapters, options.begun)


if __name__ == "__main__":
    main()
