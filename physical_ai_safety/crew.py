"""The processes that must live while the robot moves: a dead one stops it until it is active again.

Death, not slowness: a late heartbeat stops nothing, slowness is judged by the stamps of what a node says.
"""

from __future__ import annotations

from collections.abc import Iterable


class Crew:
    """Who of the named nodes was active once and is not now. A node that was never active is not missed."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._seen: set[str] = set()
        self._absent: set[str] = set()
        self._dead: dict[str, str] = {}  # name -> pid that ended: its last words may still be on the way

    @property
    def absent(self) -> tuple[str, ...]:
        return tuple(sorted(self._absent))

    def hear(self, name: str, active: bool, pid: str = "") -> None:
        """A heartbeat of `name`."""
        if name not in self._names or (pid and self._dead.get(name) == pid):
            return
        if active:
            self._seen.add(name)
            self._absent.discard(name)
        elif name in self._seen:
            self._absent.add(name)

    def died(self, name: str, pid: str) -> bool:
        """The process `pid` of `name` ended. Returns whether the robot has to stand for it."""
        self._dead[name] = pid
        if name not in self._seen:
            return False
        self._absent.add(name)
        return True
