"""Who else publishes what moves the robot, out of what discovery says.

Discovery knows a publisher that died for as long as its lease runs (10 to 20 s): the gate's own name seen twice may be
the ghost of the gate that this one replaces. A second gate that lives is found when it outlasts every ghost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

GHOST_S = 30.0  # longer than the discovery lease of the usual middlewares


class Suspects:
    """Publishers (topic, full node name) that are not the gate named `own`."""

    def __init__(self, own: str) -> None:
        self._own = own
        self._double_since_s: dict[str, float] = {}

    def look(self, seen: Iterable[tuple[str, str]], steady_s: float) -> list[tuple[str, str]]:
        """Intruders among the publishers `seen` now; `steady_s` is of the steady clock."""
        found: list[tuple[str, str]] = []
        own: Counter[str] = Counter()
        for topic, name in seen:
            if name == self._own:
                own[topic] += 1
            elif (topic, name) not in found:
                found.append((topic, name))
        self._double_since_s = {
            topic: self._double_since_s.get(topic, steady_s) for topic, count in own.items() if count > 1
        }
        for topic, since_s in self._double_since_s.items():
            if steady_s - since_s > GHOST_S:
                found.append((topic, self._own))
        return found
