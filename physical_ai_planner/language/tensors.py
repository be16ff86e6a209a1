"""Weights of a model directory, tensor by tensor, straight from its safetensors files.

A vocabulary's matrix is most of a small model; `rows` reads only the asked ones, so the rest never becomes resident.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
_SIZES = {"BF16": 2, "F16": 2, "F32": 4}


class _Place(NamedTuple):
    """Where a tensor lies: open file, first byte, number format, shape."""

    file: int
    at: int
    kind: str
    shape: tuple[int, ...]


class FileWeights:
    """`lean.Weights` of a folder. Raises OSError, ValueError where the files are none."""

    def __init__(self, folder: Path) -> None:
        self._places: dict[str, _Place] = {}
        self._files: list[int] = []
        if (folder / INDEX).exists():
            index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
            names = sorted(set(index["weight_map"].values()))
        else:
            names = [SINGLE]
        for name in names:
            self._open(folder / name)

    def _open(self, path: Path) -> None:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        self._files.append(file)
        (length,) = struct.unpack("<Q", _read(file, 8, 0))
        if length > os.fstat(file).st_size:
            raise ValueError(f"{path} is no safetensors file")
        header = json.loads(_read(file, length, 8))
        for name, told in header.items():
            if name != "__metadata__":
                at = 8 + length + told["data_offsets"][0]
                self._places[name] = _Place(file, at, told["dtype"], tuple(told["shape"]))

    def __del__(self) -> None:
        for file in getattr(self, "_files", ()):
            os.close(file)

    def has(self, name: str) -> bool:
        return name in self._places

    def tensor(self, name: str) -> Any:
        place = self._places[name]
        count = 1
        for size in place.shape:
            count *= size
        return _tensor(_read(place.file, count * _width(place), place.at), place).view(place.shape)

    def rows(self, name: str, ids: Sequence[int]) -> Any:
        place = self._places[name]
        size = place.shape[1] * _width(place)
        if len(ids) and not 0 <= min(ids) <= max(ids) < place.shape[0]:
            raise IndexError(f"'{name}' has {place.shape[0]} rows")
        parts = [os.pread(place.file, size, place.at + int(row) * size) for row in ids]
        return _tensor(bytearray().join(parts), place).view(len(parts), place.shape[1])


def _width(place: _Place) -> int:
    if place.kind not in _SIZES:
        raise ValueError(f"weights of the format {place.kind} are not read here")
    return _SIZES[place.kind]


def _read(file: int, count: int, at: int) -> bytearray:
    """Exactly `count` bytes. Raises ValueError where the file ends before."""
    data = bytearray(count)
    view, done = memoryview(data), 0
    while done < count:
        got = os.preadv(file, [view[done:]], at + done)
        if got <= 0:
            raise ValueError("a weights file ends too early")
        done += got
    return data


def _tensor(data: bytearray, place: _Place) -> Any:
    import torch

    kinds = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}
    if not data:
        return torch.empty(0, dtype=torch.bfloat16)
    return torch.frombuffer(data, dtype=kinds[place.kind]).to(torch.bfloat16)
