"""An area that the robot stays out of, or a fence that it stays inside, while the rule holds.

"No entry while the gate is closed" is this with `when: {gates_closed: [...]}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from physical_ai_safety.clauses.clause import Limit, Situation
from physical_ai_safety.clauses.when import Condition
from physical_ai_safety.motion import Motion
from physical_ai_safety.zones import ZoneLimit


class KeepOut(NamedTuple):
    kind: str  # keep_out or geofence
    rule: str
    cites: str
    when: Condition

    def judge(self, asked: Motion, situation: Situation) -> Limit | None:
        """The pose at which the robot could rest stays outside; inside, only the way out is open, slowly."""
        if situation.way is None or not situation.way.near(self.rule):
            return None
        if not self.when.holds(situation.source, situation.circumstances):
            return None
        return of_zone(situation.way.forbidden(self.rule), self.kind, self.cites)


def of_zone(
    found: ZoneLimit | None, kind: str, cites: str, more: Mapping[str, float] = MappingProxyType({})
) -> Limit | None:
    """What an area leaves, as a limit."""
    if found is None:
        return None
    return Limit(found.factor, kind, found.zone, {"way_m": found.way_m, "limit_mps": found.limit_mps, **more}, cites)
