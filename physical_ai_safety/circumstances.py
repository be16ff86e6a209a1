"""What holds around the robot besides what it measures of itself: the hour, people's word, the site's gates, the load.

Whatever is not known counts as the worse case: every hour's rule holds, a gate is closed, the load is heavy, nobody has
approved of anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from physical_ai_core import messages as m

DAY_S: Final = 86_400.0
FIRST_WALL_S: Final = 1.6e9  # seconds since 1970; a clock that says less was never set
PAYLOAD: Final = "payload"  # name of the status on site/state that gives `kg`
OK: Final = 0


class Circumstances(NamedTuple):
    """`day_s`: local seconds since midnight; `weekday`: 0 is Monday; `approvals`: ids of rules that people lifted."""

    day_s: float | None = None
    weekday: int | None = None
    approvals: frozenset[str] = frozenset()
    open_gates: frozenset[str] = frozenset()
    payload_kg: float | None = None


UNKNOWN: Final = Circumstances()


def wall(unix_s: float, utc_offset_h: float | None) -> tuple[float | None, int | None]:
    """Second of the local day, and weekday, of a time in seconds since 1970 (UTC); (None, None) where not known."""
    if utc_offset_h is None or not FIRST_WALL_S <= unix_s < math.inf:
        return None, None
    days, day_s = divmod(unix_s + 3600.0 * utc_offset_h, DAY_S)
    return day_s, int(days + 3) % 7  # 1 January 1970 was a Thursday


class SiteState:
    """The site's gates and the load, as `site/state` last said them. What falls silent is closed, or heavy."""

    def __init__(self, gates: Iterable[str], max_age_s: float) -> None:
        self._gates, self._max_age_s = frozenset(gates), max_age_s
        self._open: dict[str, tuple[float, bool]] = {}
        self._payload: tuple[float, float | None] = (-math.inf, None)

    def take(self, data: m.Diagnostics, stamp_s: float) -> None:
        """A status for each thing: `open` is "true" at a gate that is surely open; `kg` of the status `payload`.

        Its level must be OK: a contact that knows itself to be faulty opens nothing. Older news change nothing.
        """
        for status in data.statuses:
            if status.name == PAYLOAD and stamp_s >= self._payload[0]:
                self._payload = (stamp_s, _kilograms(status) if status.level == OK else None)
            elif status.name in self._gates and stamp_s >= self._open.get(status.name, (-math.inf,))[0]:
                self._open[status.name] = (stamp_s, status.level == OK and status.values.get("open") == "true")

    def open_gates(self, now_s: float) -> frozenset[str]:
        return frozenset(name for name, (at_s, open_) in self._open.items() if open_ and self._fresh(at_s, now_s))

    def payload_kg(self, now_s: float) -> float | None:
        at_s, kilograms = self._payload
        return kilograms if self._fresh(at_s, now_s) else None

    def forget(self) -> None:
        """The clock jumped."""
        self._open, self._payload = {}, (-math.inf, None)

    def _fresh(self, at_s: float, now_s: float) -> bool:
        return now_s - at_s <= self._max_age_s


def _kilograms(status: m.Status) -> float | None:
    try:
        kilograms = float(status.values.get("kg", ""))
    except ValueError:
        return None
    return kilograms if 0.0 <= kilograms < math.inf else None
