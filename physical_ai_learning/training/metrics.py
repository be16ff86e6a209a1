"""What a training says of itself while it runs: JSON lines, and TensorBoard's events where that is installed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final

FILE: Final = "metrics.jsonl"
EVENTS: Final = "events"
Report = Callable[[str, float, float], None]  # stage, done, of how many


class Course:
    """Appends rows to `FOLDER/metrics.jsonl`; numbers go to TensorBoard too. A silent one writes nothing."""

    def __init__(self, folder: Path, silent: bool = False) -> None:
        """`silent`: for workers beside the first, which say what it says."""
        self._file = self._board = None
        if silent:
            return
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE
        _whole_lines(path)
        self._file = path.open("a", encoding="utf-8")
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._board = SummaryWriter(str(folder / EVENTS))

    def say(self, step: int, **values: Any) -> None:
        """One row; what is no number JSON knows is written as text."""
        if self._file is None:
            return
        row = {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
        self._file.write(json.dumps({"step": step, **row}, ensure_ascii=False) + "\n")
        self._file.flush()
        for name, value in values.items():
            if self._board is not None and isinstance(value, (int, float)):
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._board is not None:
            self._board.close()

    def __enter__(self) -> Course:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is not None:
            self.say(-1, stopped=f"{kind.__name__}: {error}")
        self.close()


def rows(folder: Path) -> list[dict[str, Any]]:
    """Every whole row so far; those of a step that was done again after a crash stand twice, the later one counts."""
    path = folder / FILE
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]  # what is being written is not whole
    return [dict(json.loads(line)) for line in lines]


def plain_report(every_s: float = 10.0) -> Report:
    """Progress as a line now and then, for logs."""
    began, said = time.monotonic(), [-1e9]

    def report(stage: str, done: float, total: float) -> None:
        now = time.monotonic() - began
        if now - said[0] >= every_s or done >= total:
            said[0] = now
            print(f"[{now:5.0f} s] {stage} {done:.0f}/{total:.0f}", flush=True)

    return report


def _whole_lines(path: Path) -> None:
    """Ends a line that a killed process left half written."""
    if path.exists() and path.stat().st_size:
        with path.open("rb+") as file:
            content = file.read()
            if not content.endswith(b"\n"):
                file.truncate(content.rfind(b"\n") + 1)
