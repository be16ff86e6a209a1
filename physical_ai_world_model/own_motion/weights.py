"""The weights of the own motion: one safetensors file, and a card beside it that says what they are."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
import yaml
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as parse
from safetensors.numpy import save as pack

from physical_ai_core.errors import ModelError
from physical_ai_world_model.own_motion.dynamics import Base
from physical_ai_world_model.own_motion.history import FEATURES
from physical_ai_world_model.own_motion.telling import OUTPUTS
from physical_ai_world_model.ssm.packing import checked
from physical_ai_world_model.ssm.shape import Shape

Floats = NDArray[np.float32]
ARCHITECTURE: Final = "selective-zoh-own-1"
ENTRY: Final = "own_motion"  # of the metadata; several would be written in any order, and the hash would not stand
FILE, CARD = "own_motion.safetensors", "model.yaml"
REBUILD: Final = "Restore it from the package, or train it anew: physical-ai train own-motion."
CONSTANT_BOUNDS: Final = (1e-3, 100.0)
SIZES: Final = ("features", "width", "inner", "state", "rank", "layers")


@dataclass(frozen=True)
class OwnWeights:
    """Tensors by name, sizes, the constants of the base, factors on the covariance over time, and the hash."""

    tensors: dict[str, Floats]
    shape: Shape
    base: Base
    calibration: Mapping[str, list[float]]
    sha256: str


def default_folder() -> Path:
    """The weights that come with the package."""
    return Path(__file__).parents[1] / "data" / "own_motion"


def load(path: Path) -> OwnWeights:
    """A file, or a folder with a card that names file and hash. Raises ModelError: missing, damaged, of another
    architecture."""
    where, expected = path, None
    try:
        if not path.is_file():
            card = yaml.safe_load((path / CARD).read_text(encoding="utf-8"))
            path, expected = path / str(card["file"]), str(card["sha256"])
        content = path.read_bytes()
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The weights in {where} cannot be read: {error}", REBUILD) from error
    found = hashlib.sha256(content).hexdigest()
    if expected is not None and found != expected:
        raise ModelError(f"The weights {path} are not those of their card: sha256 {found[:12]}….", REBUILD)
    return read(content, str(path), found)


def read(content: bytes, path: str, sha256: str) -> OwnWeights:
    """The content of a weights file. Raises ModelError."""
    try:
        tensors = {name: np.asarray(value, dtype=np.float32) for name, value in parse(content).items()}
        metadata = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")]).get("__metadata__", {})
        said = json.loads(metadata.get(ENTRY, json.dumps(metadata)))
        architecture = said.get("architecture", "none")
        if architecture != ARCHITECTURE:
            raise ModelError(f"{path} is of the architecture '{architecture}', this runs '{ARCHITECTURE}'.", REBUILD)
        sizes = {name: int(value) for name, value in said["shape"].items() if name in SIZES}
        shape, base, calibration = Shape(**sizes), Base(**said["base"]), said["calibration"]
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} does not hold a model of the own motion: {error}", REBUILD) from error
    _check_numbers(calibration, base, path)
    _check(tensors, shape, path)
    return OwnWeights(tensors, shape, base, calibration, sha256)


def _check_numbers(calibration: Mapping[str, object], base: Base, path: str) -> None:
    """Constants within their bounds; one factor for each of the times, which rise."""
    low, high = CONSTANT_BOUNDS
    try:
        times, factors = ([float(v) for v in calibration[name]] for name in ("t_s", "factor"))  # type: ignore[attr-defined]
        sound = all(low <= float(v) <= high for v in [*factors, *base]) and len(times) == len(factors) > 0
        sound = sound and all(a < b for a, b in itertools.pairwise([0.0, *times])) and math.isfinite(times[-1])
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        raise ModelError(f"{path} holds constants or factors that make no sense.", REBUILD)


def _check(tensors: Mapping[str, Floats], shape: Shape, path: str) -> None:
    if shape.features != FEATURES:
        raise ModelError(f"{path} wants {shape.features} features, this has {FEATURES}.", REBUILD)
    checked(tensors, shape)
    for name, size in (("head.weight", (OUTPUTS, shape.width)), ("head.bias", (OUTPUTS,))):
        if name not in tensors or tensors[name].shape != size or not np.isfinite(tensors[name]).all():
            raise ModelError(f"{path}: tensor '{name}' is not {size} finite numbers.", REBUILD)


def save(folder: Path, weights: OwnWeights) -> str:
    """Write the file; → its sha256."""
    sizes = {f.name: getattr(weights.shape, f.name) for f in fields(Shape) if f.name in SIZES}
    said = {
        "architecture": ARCHITECTURE, "shape": sizes, "base": weights.base._asdict(),
        "calibration": dict(weights.calibration),
    }  # fmt: skip
    tensors = {k: np.ascontiguousarray(v, dtype=np.float32) for k, v in sorted(weights.tensors.items())}
    content = pack(tensors, {ENTRY: json.dumps(said)})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(content)
    return hashlib.sha256(content).hexdigest()
