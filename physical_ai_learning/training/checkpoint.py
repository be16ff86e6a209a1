"""Checkpoints that can be trusted: written in one step, their name says their content's hash, the last few are kept.

    checkpoint-00001200-3f9a41c06b7e2d18.pt

A file whose content is not what its name says is set aside and the one before it is used. A checkpoint says which
training it is of (`identity`: options and data); another training is refused by the names of what differs.
"""

from __future__ import annotations

import io
import os
import random
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch

from physical_ai_core.errors import InputError

KEPT: Final = 3
HASH: Final = 16  # hexadecimal digits of the content's sha256 in the name
PATTERN: Final = "checkpoint-*.pt"


class Found(NamedTuple):
    """The newest whole checkpoint: its step, what was kept, and names of files that were broken."""

    step: int
    state: dict[str, Any]
    broken: list[str]


class Keeper:
    """The checkpoints of one training, in a folder."""

    def __init__(self, folder: Path, identity: Mapping[str, Any], kept: int = KEPT) -> None:
        """`identity`: what a checkpoint must share to be gone on from; of plain values, nested as they like."""
        self.folder, self.identity, self._kept = folder, flat(identity), kept

    def save(self, step: int, state: Mapping[str, Any]) -> Path:
        """Write tensors and plain values; older checkpoints beyond the last few are removed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        torch.save({"identity": self.identity, "step": step, "state": dict(state)}, buffer)
        content = buffer.getvalue()
        path = self.folder / f"checkpoint-{step:08d}-{sha256(content).hexdigest()[:HASH]}.pt"
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        for old in self.files()[self._kept :]:
            old.unlink(missing_ok=True)
        for rest in self.folder.glob("checkpoint-*.part"):
            rest.unlink(missing_ok=True)
        return path

    def files(self) -> list[Path]:
        """Newest first."""
        return sorted(self.folder.glob(PATTERN), key=lambda path: path.name.split("-")[1], reverse=True)

    def load(self, device: Any = "cpu") -> Found | None:
        """The newest whole checkpoint; None where there is none. Raises InputError for one of another training."""
        broken = []
        for path in self.files():
            content = path.read_bytes()
            if sha256(content).hexdigest()[:HASH] != path.stem.split("-")[2]:
                path.rename(path.with_suffix(".broken"))
                broken.append(path.name)
                continue
            found = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
            self._same(path, found["identity"])
            return Found(int(found["step"]), found["state"], broken)
        return None

    def clear(self) -> None:
        """Remove every checkpoint of the folder."""
        for path in self.files():
            path.unlink(missing_ok=True)

    def _same(self, path: Path, other: Mapping[str, Any]) -> None:
        names = sorted(k for k in {*self.identity, *other} if self.identity.get(k) != other.get(k))
        if names:
            apart = "; ".join(f"{k} is {other.get(k)!r} there, {self.identity.get(k)!r} here" for k in names[:4])
            more = f"; and {len(names) - 4} more" if len(names) > 4 else ""
            raise InputError(f"{path} is of another training: {apart}{more}.", "Give the same, or another folder.")


def flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested plain values by dotted names."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{before}{key}.")
        else:
            found[f"{before}{key}"] = list(value) if isinstance(value, (tuple, list)) else value
    return found


def digest(parts: Sequence[Any]) -> str:
    """Names arrays and texts of data by a hash, in their order."""
    found = sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            found.update(f"{part.dtype.str}{part.shape}".encode())
            found.update(np.ascontiguousarray(part).tobytes())
        else:
            found.update(str(part).encode() + b"\0")
    return found.hexdigest()[:HASH]


def randomness() -> dict[str, Any]:
    """Where the generators of torch (CPU, and the GPU in use), numpy and Python stand."""
    kind, keys, place, gauss, cached = np.random.get_state()  # noqa: NPY002 (libraries draw from it)
    version, numbers, pending = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() and torch.cuda.is_initialized() else None,
        "numpy": [str(kind), [int(k) for k in keys], int(place), int(gauss), float(cached)],
        "python": [version, list(numbers), pending],
    }


def set_randomness(state: Mapping[str, Any]) -> None:
    """Put the generators back to where `randomness` found them."""
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"].cpu())
    kind, keys, place, gauss, cached = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), place, gauss, cached))  # noqa: NPY002
    version, numbers, pending = state["python"]
    random.setstate((version, tuple(numbers), pending))
