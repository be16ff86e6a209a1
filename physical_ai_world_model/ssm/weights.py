"""The weights of the people model: one file, safetensors or compact, and a card beside it that says what they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as parse
from safetensors.numpy import save as pack

from physical_ai_core.compact import file as compact
from physical_ai_core.compact.form import is_compact
from physical_ai_core.errors import ModelError
from physical_ai_world_model.calibration import Calibration
from physical_ai_world_model.ssm.shape import ARCHITECTURE, Shape

Floats = NDArray[np.float32]
CARD = "model.yaml"
KEY = "physical_ai"
REBUILD = "Restore it from the package, or train it anew: physical-ai train world-model."


@dataclass(frozen=True)
class PeopleWeights:
    """Tensors by name, their sizes, the calibration (see `calibration.py`), and the hash that names them."""

    tensors: dict[str, Floats]
    shape: Shape
    calibration: Mapping[str, Any]
    sha256: str


def default_folder() -> Path:
    """The weights that come with the package."""
    return Path(__file__).parents[1] / "data" / "people"


def packaged(path: Path) -> Path:
    """Other weights of the package may be told by the name of their folder alone: `people_small`."""
    beside = default_folder().parent / path
    return beside if len(path.parts) == 1 and not path.exists() and (beside / CARD).exists() else path


def load(path: Path) -> PeopleWeights:
    """A safetensors or compact file (told by how it begins), or a folder with a card that names file and hash; of a
    folder of the package its name is enough (`people_small`).

    Raises ModelError: missing, damaged (hash), of another architecture, or with tensors that do not fit.
    """
    expected, path = None, packaged(path)
    if path.is_dir():
        try:
            card = yaml.safe_load((path / CARD).read_text(encoding="utf-8"))
            path, expected = path / str(card["file"]), str(card["sha256"])
        except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
            raise ModelError(f"The card {path / CARD} cannot be read: {error}", REBUILD) from error
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"The weights {path} cannot be read: {error}", REBUILD) from error
    found = hashlib.sha256(content).hexdigest()
    if expected is not None and found != expected:
        raise ModelError(
            f"The weights {path} are not those of their card: sha256 {found[:12]}…, not {expected[:12]}….", REBUILD
        )
    tensors, about = _read(content, path)
    architecture = about.get("architecture", "none")
    if architecture != ARCHITECTURE:
        raise ModelError(
            f"The weights {path} are of the architecture '{architecture}', this runs '{ARCHITECTURE}'.", REBUILD
        )
    shape = _shape(about.get("shape"), path)
    _check(tensors, shape, path)
    calibration = about.get("calibration", {})
    try:
        factor = Calibration.read(calibration).at(np.linspace(0.0, 1.0, 9))
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{path}: its calibration cannot be read: {error}", REBUILD) from error
    if not (np.isfinite(factor).all() and (factor > 0.0).all()):
        raise ModelError(f"{path}: its calibration holds factors that make no sense.", REBUILD)
    return PeopleWeights(tensors, shape, calibration, found)


def _read(content: bytes, path: Path) -> tuple[dict[str, Floats], dict[str, Any]]:
    if is_compact(content):
        found = compact.decode(content, ARCHITECTURE, str(path))
        return found.tensors, dict(found.about)
    try:
        tensors = {name: np.asarray(value, dtype=np.float32) for name, value in parse(content).items()}
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return tensors, dict(json.loads(header.get("__metadata__", {}).get(KEY, "{}")))
    except (SafetensorError, ValueError, TypeError) as error:
        raise ModelError(f"{path} is no safetensors file: {error}", REBUILD) from error


def said_of(shape: Shape, calibration: Mapping[str, Any]) -> dict[str, Any]:
    """What a file of weights says of its model."""
    return {"architecture": ARCHITECTURE, "shape": asdict(shape), "calibration": dict(calibration)}


def save(path: Path, tensors: Mapping[str, NDArray[Any]], shape: Shape, calibration: Mapping[str, Any]) -> str:
    """Write the file; → its sha256."""
    metadata = {
        KEY: json.dumps(said_of(shape, calibration), sort_keys=True)
    }  # one key: several would be written in no fixed order
    content = pack({k: np.ascontiguousarray(v, dtype=np.float32) for k, v in sorted(tensors.items())}, metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _shape(said: Any, path: Path) -> Shape:
    names = {field.name for field in fields(Shape)}
    try:
        return Shape(**{name: int(value) for name, value in said.items() if name in names})
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} does not say its sizes: {error}", REBUILD) from error


def tensor_sizes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Name and size of every tensor of the model beyond the recurrence."""
    d, e, k = shape.width, shape.edge, shape.modes + 1
    linear = {
        "social.edge": (d, e), "social.mix": (d, d), "social.query": (d, d), "social.key": (d, d),
        "social.value": (d, d), "social.join": (d, 2 * d), "social.out": (d, d), "head.context": (2 * d, d + 1),
        "head.hidden": (2 * d, 2 * d), "head.out": (shape.outputs, 2 * d),
    }  # fmt: skip
    sizes: dict[str, tuple[int, ...]] = {"social.other.weight": (d, d), "head.mode": (k, 2 * d)}
    for name, size in linear.items():
        sizes |= {f"{name}.weight": size, f"{name}.bias": size[:1]}
    return sizes


def _check(tensors: Mapping[str, Floats], shape: Shape, path: Path) -> None:
    wanted = Shape()
    if (shape.features, shape.edge) != (wanted.features, wanted.edge):
        raise ModelError(
            f"{path} wants {shape.features} features and {shape.edge} of a neighbour, this has {wanted.features} and"
            f" {wanted.edge}.", REBUILD,
        )  # fmt: skip
    for name, size in tensor_sizes(shape).items():
        if name not in tensors or tensors[name].shape != size:
            found = "missing" if name not in tensors else f"of size {tensors[name].shape}"
            raise ModelError(f"{path}: tensor '{name}' is {found}, {size} is wanted.", REBUILD)
    spoilt = [name for name, value in tensors.items() if not np.isfinite(value).all()]
    if spoilt:
        raise ModelError(f"{path}: tensor '{spoilt[0]}' holds numbers that are not finite.", REBUILD)
