"""Actions that are not done here: moving at all, reversing, turning."""

from __future__ import annotations

from typing import NamedTuple

from physical_ai_safety.clauses.clause import Limit, Situation
from physical_ai_safety.clauses.keep_out import of_zone
from physical_ai_safety.clauses.when import Condition
from physical_ai_safety.motion import Motion


class Forbid(NamedTuple):
    rule: str
    cites: str
    when: Condition
    placed: bool
    actions: frozenset[str]
    turn_rps: float
    turn_radius_m: float

    def judge(self, asked: Motion, situation: Situation) -> Limit | None:
        """Whoever does it stops before the area; inside there is none of it, not even to get out."""
        if self.placed and (situation.way is None or not situation.way.near(self.rule)):
            return None
        if not self._is_done(asked) or not self.when.holds(situation.source, situation.circumstances):
            return None
        if not self.placed or situation.way is None:
            return Limit(0.0, "forbid", self.rule, {}, self.cites)
        return of_zone(situation.way.forbidden(self.rule, escape=False), "forbid", self.cites)

    def _is_done(self, asked: Motion) -> bool:
        if "move" in self.actions or ("reverse" in self.actions and asked.v_mps < 0.0):
            return True
        turns = abs(asked.w_rps) > self.turn_rps and abs(asked.w_rps) * self.turn_radius_m > abs(asked.v_mps)
        return "turn" in self.actions and turns
