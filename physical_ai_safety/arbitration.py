"""Whose command counts: a person's before autonomy's. An emergency stop goes before both: `gate.decide` sees to that.

Teleoperation has a dead-man: a command that is not repeated within its time is no command any more. Without a take-over
autonomy may then go on, as it did before the person spoke; after one it may not, until the person hands the robot back.
"""

from __future__ import annotations

from typing import NamedTuple

from physical_ai_safety.situation import Command


class Voice(NamedTuple):
    """The last command of one source. `fresh`: young enough to count; `ever`: something was heard from it."""

    command: Command
    fresh: bool
    ever: bool

    @property
    def cut_off(self) -> bool:
        """It asked for motion, or for what could not be used, and then fell silent."""
        last = self.command
        return self.ever and not self.fresh and (last.v_mps != 0.0 or last.w_rps != 0.0 or last.refused != "")


def choose(driver: str, teleop: Voice, autonomy: Voice) -> Command:
    """The command that the gate judges. `driver`: who has taken over, "" for nobody."""
    if teleop.fresh:
        return teleop.command
    if driver:
        return Command("teleop", lost=teleop.cut_off, driver=driver)
    if autonomy.fresh:
        return autonomy.command
    return Command(lost=autonomy.cut_off)
