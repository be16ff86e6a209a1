"""What time it is, for a robot whose clock may be wrong and that has no network to ask.

Expiry needs a clock; a robot without a battery for it may wake up in 1970, and one with a wrong time zone a day ahead.
The time believed is the later of the system's clock and the newest moment that a signature has vouched for (every
timestamp says when it was issued). So a clock that is set back makes nothing valid again that was known to be expired.
A clock that runs ahead makes everything expired: that refuses updates and touches nothing that is installed. Only
signed moments are remembered, never the system's own, else one wrong hour would lock updates out for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final

ISSUED: Final = "x-physical-ai-issued"  # field of the signed timestamp
EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Clock:
    """`system`: what the computer says; `floor`: what signatures say that it must at least be."""

    system: datetime
    floor: datetime = EPOCH

    @property
    def now(self) -> datetime:
        return max(self.system, self.floor)

    @property
    def wrong_by_s(self) -> float:
        """How far the system's clock is known to be behind; 0 where it is not."""
        return max(0.0, (self.floor - self.system).total_seconds())

    def raised(self, issued: datetime) -> Clock:
        return Clock(self.system, max(self.floor, issued))


def moment(text: object) -> datetime:
    """A moment in ISO 8601, UTC where nothing is said; the epoch where it is none."""
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return EPOCH
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)
