"""A motion of the base, and the one thing that a rule may do to it: less of the same arc."""

from __future__ import annotations

from typing import NamedTuple

CREEP_MPS, CREEP_RPS = 0.02, 0.05  # slower than both is standing


class Motion(NamedTuple):
    v_mps: float
    w_rps: float

    def scaled(self, factor: float) -> Motion:
        """The same arc, slower."""
        return self if factor >= 1.0 else Motion(self.v_mps * factor, self.w_rps * factor)

    def rests(self) -> bool:
        return abs(self.v_mps) < CREEP_MPS and abs(self.w_rps) < CREEP_RPS


REST = Motion(0.0, 0.0)
