"""Which nodes are faulty, by their heartbeats: in error, silent, or restarted in the middle of a mission."""

from __future__ import annotations

from typing import Final, NamedTuple

from physical_ai_core import messages as m

SILENT_S: Final = 2.0
BY_DESIGN: Final = ("protective_stop", "emergency_stop")  # the gate says ERROR while it holds the robot: it works


class Fault(NamedTuple):
    """`why`: error, silent or restarted; `message`: what the node last said."""

    node: str
    begin_s: float
    why: str
    message: str


class FaultWatch:
    """Feed it heartbeats by `hear`. A fault lasts until the node speaks again without one."""

    def __init__(self) -> None:
        self.open: dict[str, Fault] = {}
        self._beats: dict[str, float] = {}
        self._was_active: set[str] = set()

    def hear(self, data: m.Diagnostics, stamp_s: float, on_mission: bool) -> tuple[list[Fault], list[Fault]]:
        """Faults that begin and faults that end by this heartbeat."""
        begun: list[Fault] = []
        ended: list[Fault] = []
        for status in data.statuses:
            self._beats[status.name] = stamp_s
            active = status.values.get("active") == "true"
            if active:
                self._was_active.add(status.name)
            why = ""
            if status.level >= 2 and status.values.get("state") not in BY_DESIGN:
                why = "error"
            elif not active and status.name in self._was_active and on_mission:
                why = "restarted"
            if why:
                self._begin(Fault(status.name, stamp_s, why, status.message), begun)
            elif status.name in self.open:
                ended.append(self.open.pop(status.name))
        for name, beat_s in self._beats.items():
            if stamp_s - beat_s > SILENT_S:
                self._begin(Fault(name, beat_s, "silent", f"silent since {beat_s:.1f} s"), begun)
        return begun, ended

    def forget(self, fault: Fault) -> None:
        """Take a fault back that does not count, as one before anything may move; it may begin again."""
        self.open.pop(fault.node, None)

    def _begin(self, fault: Fault, begun: list[Fault]) -> None:
        if fault.node not in self.open:
            self.open[fault.node] = fault
            begun.append(fault)
