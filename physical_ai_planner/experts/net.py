"""The small network of heads and router: hashed n-grams and facts in, probabilities out; numpy on the robot.

    e = sum of E[b] over the sentence's buckets b, over sqrt(how many)      (width)
    h = relu(e + F x + c)                                                  x: facts (len(NAMES),)
    p = sigmoid(scale * (V h + d) + shift)                                 scale, shift: Platt calibration per output

Source of the calibration: Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as parse
from safetensors.numpy import save as pack

from physical_ai_core.errors import ModelError
from physical_ai_planner.experts.facts import NAMES
from physical_ai_planner.experts.ngrams import BUCKETS

Floats = NDArray[np.float32]
ARCHITECTURE: Final = "hashed-ngram-mlp-1"
ENTRY: Final = "net"
CARD: Final = "card.md"
TENSORS: Final = ("embedding", "facts", "hidden_bias", "out", "out_bias", "scale", "shift")


@dataclass(frozen=True)
class Net:
    """Tensors by name: embedding (BUCKETS, width) float16, facts (width, len(NAMES)), hidden_bias (width,), out
    (outputs, width), out_bias, scale and shift (outputs,)."""

    outputs: tuple[str, ...]
    tensors: Mapping[str, NDArray[Any]]
    sha256: str = ""

    def __post_init__(self) -> None:
        _check(self.outputs, self.tensors)

    def __call__(self, buckets: NDArray[np.int64], facts: Floats) -> Floats:
        """Probabilities (outputs,) of one sentence."""
        t = self.tensors
        e = t["embedding"][buckets].astype(np.float32).sum(axis=0) / np.sqrt(max(1, len(buckets)))
        h = np.maximum(e + t["facts"] @ facts + t["hidden_bias"], 0.0)
        logits = t["scale"] * (t["out"] @ h + t["out_bias"]) + t["shift"]
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0))), dtype=np.float32)

    @property
    def parameters(self) -> int:
        return sum(int(t.size) for t in self.tensors.values())

    def activated(self, buckets: int) -> int:
        """Parameters that one sentence of so many buckets reads."""
        return self.parameters - int(self.tensors["embedding"].size) + buckets * self.width

    def flops(self, buckets: int) -> int:
        """Additions and multiplications of one sentence; exponentials count as one."""
        outputs = len(self.outputs)
        return (buckets + 1) * self.width + 2 * self.width * (len(NAMES) + 1) + 2 * outputs * self.width + 6 * outputs

    @property
    def width(self) -> int:
        return int(self.tensors["hidden_bias"].size)


def _check(outputs: Sequence[str], tensors: Mapping[str, NDArray[Any]]) -> None:
    width, n = np.asarray(tensors.get("hidden_bias", 0.0)).size, len(outputs)
    sizes = {
        "embedding": (BUCKETS, width), "facts": (width, len(NAMES)), "hidden_bias": (width,), "out": (n, width),
        "out_bias": (n,), "scale": (n,), "shift": (n,),
    }  # fmt: skip
    for name, size in sizes.items():
        tensor = tensors.get(name)
        if tensor is None or tensor.shape != size or not np.isfinite(tensor).all():
            raise ModelError(f"Tensor '{name}' is not {size} finite numbers.", "Train it anew.")


def save_net(path: Path, net: Net) -> str:
    """Write the file; → its sha256. The same numbers give the same bytes."""
    tensors = {n: np.ascontiguousarray(net.tensors[n], np.float16 if n == "embedding" else np.float32) for n in TENSORS}
    said = {"architecture": ARCHITECTURE, "outputs": net.outputs, "facts": NAMES}
    content = pack(tensors, {ENTRY: json.dumps(said)})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def load_net(path: Path, mend: str) -> Net:
    """A network whose hash its card names. Raises ModelError that names the file: missing, damaged, not that of the
    card, of another architecture, or trained with other facts."""
    try:
        content, expected = path.read_bytes(), str(read_card(path.parent)["sha256"])
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ModelError(f"The network {path} or its card cannot be read: {error}.", mend) from error
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ModelError(f"The network {path} is not that of its card: sha256 {found[:12]}….", mend)
    try:
        tensors = parse(content)
        metadata = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        said = json.loads(metadata[ENTRY])
        if said["architecture"] != ARCHITECTURE or tuple(said["facts"]) != NAMES:
            raise ModelError(f"The network {path} is of another architecture or reads other facts.", mend)
        return Net(tuple(said["outputs"]), tensors, found)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} holds no network: {error}.", mend) from error
    except ModelError as error:
        raise ModelError(f"{path}: {error.cause}", mend) from error


def read_card(folder: Path) -> dict[str, Any]:
    """The front matter of a card. Raises OSError, ValueError, yaml.YAMLError."""
    text = (folder / CARD).read_text(encoding="utf-8")
    if not text.startswith("---\n"):
        raise ValueError(f"{folder / CARD} has no front matter")
    card = yaml.safe_load(text[4:].split("\n---\n", 1)[0])
    if not isinstance(card, dict):
        raise ValueError(f"the front matter of {folder / CARD} is no mapping")
    return card
