"""Slower here, at these hours, with this load, or while that source drives."""

from __future__ import annotations

from typing import NamedTuple

from physical_ai_safety.clauses.clause import Limit, Situation
from physical_ai_safety.clauses.when import Condition
from physical_ai_safety.motion import Motion


class Speed(NamedTuple):
    """Limits that are not given are infinite."""

    rule: str
    cites: str
    when: Condition
    placed: bool
    max_speed_mps: float
    max_reverse_mps: float
    max_yaw_rate_rps: float

    def judge(self, asked: Motion, situation: Situation) -> Limit | None:
        """An area is entered at its speed; a limit that begins while the robot is faster is reached by braking."""
        if not self.when.holds(situation.source, situation.circumstances):
            return None
        top = self.max_speed_mps if asked.v_mps >= 0.0 else min(self.max_reverse_mps, self.max_speed_mps)
        speed, turning = abs(asked.v_mps), abs(asked.w_rps)
        by_speed = self._by_speed(speed, top, situation)
        by_turn = 1.0
        if turning > self.max_yaw_rate_rps and self._here(situation):
            by_turn = self.max_yaw_rate_rps / turning
        factor = min(by_speed, by_turn)
        if factor >= 1.0:
            return None
        numbers = {"limit_rps": self.max_yaw_rate_rps} if by_turn < by_speed else {"limit_mps": top}
        return Limit(factor, "speed", self.rule, numbers, self.cites)

    def _by_speed(self, speed: float, top: float, situation: Situation) -> float:
        if speed <= top:
            return 1.0
        if self.placed:
            found = None if situation.way is None else situation.way.slow(self.rule, top)
            return 1.0 if found is None else found.factor
        return max(top, abs(situation.before.v_mps) - situation.slowing_mps) / speed

    def _here(self, situation: Situation) -> bool:
        return not self.placed or (situation.way is not None and situation.way.enters(self.rule))
