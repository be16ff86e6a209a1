"""Tables beside the benchmark `compression`: the codes on the same numbers, and the families on the same weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import zstandard
from numpy.typing import NDArray

from physical_ai_core.compact.file import Codec, encode
from physical_ai_core.compact.numbers import Coder
from physical_ai_learning.compression.ggd import FAMILIES, held_out
from physical_ai_learning.compression.pack import exact_codecs
from physical_ai_learning.world_model.people_run import SHIP
from physical_ai_world_model.ssm.weights import load

SMALL: Final = Path(__file__).parents[2] / "physical_ai_learning/world_model/data/small"
LEVEL: Final = 19  # of zstd
CODERS: Final[tuple[Coder, ...]] = ("packed", "golomb", "rans")
Tensors = Mapping[str, NDArray[np.float32]]


def small(kind: str, scene: str) -> dict[str, NDArray[np.float32]]:
    """Weights that were trained small, `grid` or `backslash`, and never saw the scene."""
    return load(Path("people_small") if (kind, scene) == ("grid", SHIP) else SMALL / kind / f"{scene}.pai").tensors


def codes_table(scenes: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """The same whole numbers in each code."""
    lines = ["### The same numbers in each code, kB", ""]
    lines += ["| weights | fixed width | the same + zstd | exp-Golomb | rANS |", "|---|---|---|---|---|"]
    for kind in ("grid", "backslash"):
        sizes = []
        for scene, about in scenes:
            tensors = small(kind, scene)
            codecs = exact_codecs(tensors)
            files = [
                encode(tensors, {n: Codec(c.kind, c.step, coder) for n, c in codecs.items()}, about) for coder in CODERS
            ]
            files.insert(1, zstandard.ZstdCompressor(level=LEVEL).compress(files[0]))
            sizes.append([len(file) / 1e3 for file in files])
        lines.append(f"| {kind} | " + " | ".join(f"{size:.1f}" for size in np.mean(sizes, axis=0)) + " |")
    return lines


def families_table(scene: str, full: Tensors) -> list[str]:
    """Held-out likelihood of each family, and of the best of them tensor by tensor."""
    lines = ["### One family for all: bits a weight lost, held out, against the best family of each tensor", ""]
    lines += [f"| weights | {' | '.join(FAMILIES)} | chosen most often |", f"|{'---|' * (len(FAMILIES) + 2)}"]
    for name, tensors in (("fp32", full), ("BackSlash", small("backslash", scene))):
        rng = np.random.default_rng(0)
        lost = dict.fromkeys(FAMILIES, 0.0)
        chosen: list[str] = []
        total = 0
        for tensor in (value for value in tensors.values() if value.size > 1024):
            spread = float(np.abs(tensor)[tensor != 0.0].min(initial=1.0)) if name != "fp32" else 0.0
            scores = held_out(tensor + rng.uniform(-spread / 2.0, spread / 2.0, tensor.shape))
            best = max(scores, key=lambda family: scores[family])
            chosen.append(best)
            total += tensor.size
            for family in FAMILIES:
                lost[family] += tensor.size * (scores[best] - scores[family]) / np.log(2.0)
        most = max(FAMILIES, key=chosen.count)
        cells = " | ".join(f"{lost[family] / total:.3f}" for family in FAMILIES)
        lines.append(f"| {name} ({scene}) | {cells} | {most}, {chosen.count(most)} of {len(chosen)} |")
    return lines
