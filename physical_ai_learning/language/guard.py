"""Watches the loss of each batch: a broken or wild one is not learnt from, several in a row undo the last steps."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import Final, Literal

Verdict = Literal["take", "skip", "back"]
SETTLE: Final = 20  # batches before a spike can be told


@dataclass
class Guard:
    """`judge` each batch before its step. A spike is `spike` times the running median and above `floor`."""

    spike: float = 6.0
    floor: float = 0.3
    patience: int = 3  # refused batches in a row before the weights go back
    refused: int = 0
    returned: int = 0
    _in_a_row: int = 0
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=100))

    def judge(self, loss: float, norm: float) -> Verdict:
        """Take the batch, skip it, or skip it and go back to the last good weights."""
        if math.isfinite(loss) and math.isfinite(norm) and not self._wild(loss):
            self._recent.append(loss)
            self._in_a_row = 0
            return "take"
        self.refused += 1
        self._in_a_row += 1
        if self._in_a_row < self.patience:
            return "skip"
        self._in_a_row = 0
        self.returned += 1
        self._recent.clear()  # after going back the level may be another
        return "back"

    def _wild(self, loss: float) -> bool:
        return len(self._recent) >= SETTLE and loss > max(self.floor, self.spike * median(self._recent))

    def state(self) -> dict[str, object]:
        return {"refused": self.refused, "returned": self.returned, "row": self._in_a_row, "recent": list(self._recent)}

    def restore(self, state: dict[str, object]) -> None:
        self.refused, self.returned = int(state["refused"]), int(state["returned"])  # type: ignore[call-overload]
        self._in_a_row = int(state["row"])  # type: ignore[call-overload]
        self._recent = deque(state["recent"], maxlen=100)  # type: ignore[call-overload]
