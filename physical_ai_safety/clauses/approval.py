"""An area that is entered, or anything that is done, only while people have said yes to it."""

from __future__ import annotations

from typing import NamedTuple

from physical_ai_safety.clauses.clause import Limit, Situation
from physical_ai_safety.clauses.keep_out import of_zone
from physical_ai_safety.clauses.when import Condition
from physical_ai_safety.motion import Motion


class Approval(NamedTuple):
    """Who says yes, how many they must be and how long it holds is counted elsewhere: here only whether it stands."""

    rule: str
    cites: str
    when: Condition
    placed: bool
    persons: int

    def judge(self, asked: Motion, situation: Situation) -> Limit | None:
        """As a keep-out area until it is approved; where there is no area, no motion at all."""
        if self.placed and (situation.way is None or not situation.way.near(self.rule)):
            return None
        if self.rule in situation.circumstances.approvals:
            return None
        if not self.when.holds(situation.source, situation.circumstances):
            return None
        persons = {"persons": float(self.persons)}
        if not self.placed or situation.way is None:
            return Limit(0.0, "approval", self.rule, persons, self.cites)
        return of_zone(situation.way.forbidden(self.rule), "approval", self.cites, persons)
