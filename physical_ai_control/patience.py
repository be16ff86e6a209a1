"""How long the robot has stood, though it wants to drive."""

from __future__ import annotations

from typing import Final

from physical_ai_control.guard import STANDING_MPS
from physical_ai_core.geometry import Array

STANDING_RPS: Final = 0.1


class Patience:
    """`notice` at each decision to drive; `clear` where it stands for a reason of its own."""

    def __init__(self) -> None:
        self._since_s: float | None = None

    def clear(self) -> None:
        self._since_s = None

    def notice(self, now_s: float, state: Array) -> float:
        """Take the state (5,) at `now_s`; seconds for which it has neither driven nor turned."""
        if abs(state[3]) > STANDING_MPS or abs(state[4]) > STANDING_RPS:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = now_s
        return self.stood_s(now_s)

    def stood_s(self, now_s: float) -> float:
        return 0.0 if self._since_s is None else now_s - self._since_s
