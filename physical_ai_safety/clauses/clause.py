"""What a clause is: it sees a motion and the situation, and gives back a share of the motion, or nothing to say.

All clauses judge the same motion and the strictest binds, so that one rule more can only take away: that is by
construction, whatever a clause works out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from physical_ai_safety.circumstances import Circumstances
from physical_ai_safety.motion import Motion
from physical_ai_safety.zones import Way


@dataclass(frozen=True, slots=True)
class Limit:
    """What a rule leaves of a motion: `factor` from 0 to 1 on it; anything else that is worked out becomes one of both.

    `kind` and `rule`: what kind of rule it is, and its id; `numbers`: what it saw; `cites`: the clause it rests on.
    """

    factor: float
    kind: str
    rule: str
    numbers: dict[str, float] = field(default_factory=dict)
    cites: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.factor <= 1.0:
            object.__setattr__(self, "factor", 1.0 if self.factor > 1.0 else 0.0)  # no number at all is zero


class Situation(NamedTuple):
    """What the clauses look at. `way`: the asked motion's way to rest, None where no zones and no place are known.

    `before`: the motion let through last, `slowing_mps`: how much slower than that one step may become when a limit
    begins to hold. `slope_rad`: how steep the ground is; `nose_down_rad`: along the robot (REP-103 pitch), or unknown.
    """

    source: str
    circumstances: Circumstances
    way: Way | None
    before: Motion
    slowing_mps: float
    slope_rad: float = 0.0
    nose_down_rad: float | None = None
    escape_mps: float = 0.2


class Clause(Protocol):
    """A compiled rule. Pure: the same motion in the same situation always gets the same answer."""

    def judge(self, asked: Motion, situation: Situation) -> Limit | None:
        """What the rule leaves of `asked`; None: it has nothing against it."""
        ...


def strictest(clauses: Iterable[Clause], asked: Motion, situation: Situation) -> Limit | None:
    """The limit that leaves least; of equals the first."""
    least: Limit | None = None
    for clause in clauses:
        found = clause.judge(asked, situation)
        if found is not None and (least is None or found.factor < least.factor):
            least = found
    return least
