"""Whether a rule holds at all now: hour, driver, load and gates. What is not known counts as fulfilled."""

from __future__ import annotations

from typing import NamedTuple

from physical_ai_safety.circumstances import Circumstances
from physical_ai_safety.clauses.hours import Window, any_holds, window
from physical_ai_safety.rule_forms import SOURCES, When


class Condition(NamedTuple):
    """All of these; an empty one always holds."""

    windows: tuple[Window, ...] = ()
    modes: frozenset[str] = frozenset()
    payload_over_kg: float | None = None
    gates: frozenset[str] = frozenset()

    def holds(self, source: str, circumstances: Circumstances) -> bool:
        if self.modes and source in SOURCES and source not in self.modes:
            return False
        payload_kg = circumstances.payload_kg
        if self.payload_over_kg is not None and payload_kg is not None and payload_kg <= self.payload_over_kg:
            return False
        if self.gates and self.gates <= circumstances.open_gates:
            return False
        return any_holds(self.windows, circumstances.day_s, circumstances.weekday)


def condition(when: When, mode: str = "") -> Condition:
    """`mode`: how the robot works, for as long as it runs; a rule for it holds whoever drives."""
    modes = frozenset(when.modes or ())
    return Condition(
        tuple(window(hours) for hours in when.hours or ()), frozenset() if mode in modes else modes,
        when.payload_over_kg, frozenset(when.gates_closed or ()),
    )  # fmt: skip
