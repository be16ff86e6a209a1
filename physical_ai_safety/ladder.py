"""The stop ladder: one finite machine of what latches, what a person's reset releases, and what is asked of hardware.

Terms of IEC 60204-1, 9.2.2: category 2 brings the machine to rest and leaves it under power; category 1 brings it to
rest, then takes the power away; category 0 takes the power away at once. An emergency stop is category 0 or 1, latches,
and its reset alone starts nothing (ISO 13850, 4.1). A protective stop is another thing: it ends by rule, and nothing
here remembers it. After power-up, or a restart of the gate, the robot stands until a person's reset (ISO 12100, 6.2.11:
no unexpected start), so no latch is ever lost with the process that held it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from physical_ai_safety.footprint import Braking

OVERRUN_MPS, OVERRUN_RPS = 0.15, 0.3  # well above the noise of wheels at rest
NO_CATEGORY = -1


class Stop(IntEnum):
    """How hard the robot is held back. A higher step holds all that a lower one holds."""

    NONE = 0
    SLOW = 1  # a rule limits the motion
    CONTROLLED = 2  # category 2: at rest under power
    HARDWARE_1 = 3  # category 1 is asked of the machine
    HARDWARE_0 = 4  # category 0 is asked of the machine


class Causes(NamedTuple):
    """What asks for a latched stop at this moment."""

    emergency: bool = False  # the emergency stop is pressed
    bumper: bool = False  # something touches the robot
    overrun: bool = False  # the base moves though it was told to stand, and time enough has gone


class Latched(NamedTuple):
    """What holds the robot until a person's reset. `start`: the gate has (re)started and nobody has reset since."""

    emergency: bool = False
    bumper: bool = False
    overrun: bool = False
    start: bool = False

    @property
    def held(self) -> bool:
        return self.emergency or self.bumper or self.overrun or self.start

    @property
    def stopped(self) -> bool:
        """Something happened that is a stop, not only a start that waits."""
        return self.emergency or self.bumper or self.overrun


FREE = Latched()
POWER_UP = Latched(start=True)


def latch(latched: Latched, causes: Causes) -> Latched:
    """One step of the machine: a cause latches, nothing here releases."""
    emergency, bumper, overrun, start = latched
    if (emergency or not causes.emergency) and (bumper or not causes.bumper) and (overrun or not causes.overrun):
        return latched
    return Latched(emergency or causes.emergency, bumper or causes.bumper, overrun or causes.overrun, start)


def reset(latched: Latched, causes: Causes, at_rest: bool | None) -> tuple[Latched, str]:
    """A person's reset: (state after it, "") or (the same state, why it was refused).

    `at_rest`: None where it is not known whether the robot moves. Refusals: emergency_stop, bumper, unknown, moves.
    An overrun needs no word of its own: while it lasts the robot moves.
    """
    if not latched.held:
        return latched, ""
    if causes.emergency:
        return latched, "emergency_stop"
    if causes.bumper:
        return latched, "bumper"
    if at_rest is None:
        return latched, "unknown"
    if not at_rest or causes.overrun:
        return latched, "moves"
    return FREE, ""


def level(latched: Latched, stands: bool, slowed: bool) -> Stop:
    """The step of the ladder. `stands`: some rule stops the robot now; `slowed`: some rule limits it."""
    if latched.overrun:
        return Stop.HARDWARE_0
    if latched.emergency or latched.bumper:
        return Stop.HARDWARE_1
    if latched.start or stands:
        return Stop.CONTROLLED
    return Stop.SLOW if slowed else Stop.NONE


def category(step: Stop) -> int:
    """Stop category to ask of the machine's safety circuit: 0, 1, or -1 for none. Category 2 is the gate's own work."""
    if step is Stop.HARDWARE_0:
        return 0
    return 1 if step is Stop.HARDWARE_1 else NO_CATEGORY


def rest_due(
    due_s: float | None, told_to_move: bool, v_mps: float, w_rps: float, braking: Braking, patience_s: float,
    stamp_s: float,
) -> float | None:  # fmt: skip
    """By when the base has to stand: fixed at the first zero of a stop, by the speed measured then; None: it may move.

    Reaction and braking are those that the rules count on; `patience_s` comes on top.
    """
    if told_to_move:
        return None
    if due_s is not None:
        return due_s
    return stamp_s + braking.reaction_s + braking.duration_s(v_mps, w_rps) + patience_s


def overruns(due_s: float | None, v_mps: float, w_rps: float, stamp_s: float) -> bool:
    """The base still moves after the moment by which it had to stand: it does not obey, whatever the reason."""
    return due_s is not None and stamp_s > due_s and (abs(v_mps) > OVERRUN_MPS or abs(w_rps) > OVERRUN_RPS)
