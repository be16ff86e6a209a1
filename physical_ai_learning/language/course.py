"""What a training run says of itself: a JSON-lines file, TensorBoard's events where it is installed, a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch


class Course:
    """Appends rows to `OUT/metrics.jsonl`; numbers go to TensorBoard too."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / "metrics.jsonl").open("a", encoding="utf-8")
        self._board: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._board = SummaryWriter(str(folder / "events"))

    def say(self, step: int, **values: Any) -> None:
        self._file.write(json.dumps({"step": step, **values}, ensure_ascii=False) + "\n")
        self._file.flush()
        for name, value in values.items():
            if self._board is not None and isinstance(value, (int, float)):
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()


def keep(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def kept(path: Path, device: Any) -> dict[str, Any]:
    """Read a checkpoint."""
    found: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return found
