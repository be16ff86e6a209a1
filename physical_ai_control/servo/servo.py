"""The servo: trajectory and state in, a velocity command at every cycle out. Pure; the loop is `loop.py`."""

from __future__ import annotations

import math
from typing import Final

from physical_ai_control.servo.present import BRAKE, DIRECT_VALID_S, Present
from physical_ai_control.servo.reference import Reference
from physical_ai_control.servo.settings import SILENCE_S
from physical_ai_control.servo.tracking import Command, Mode, ServoLimits, TrackingLaw

REST_S: Final = 0.5  # told to brake, it says for so long that it stands, and then no more
LEAST_PACE, MOST_PACE = 0.2, 2.0  # of the graph's clock; braking goes on though a simulation stands


class Servo:
    """Follows the newest trajectory from a state that it moves on itself between two words of the controller."""

    def __init__(self, limits: ServoLimits, lag_s: float, silence_s: float = SILENCE_S) -> None:
        """`lag_s`: the base reaches 63 % of a step of its command in this time. `silence_s`: wall time without a word
        of the controller after which it brakes, whatever the graph's clock."""
        self.law, self._silence_s = TrackingLaw(limits), silence_s
        self._ending = False
        self._stands_since_s: float | None = None
        self._lag_s = max(lag_s, 1e-3)
        self._present: Present | None = None
        self._state: list[float] | None = None
        self._stamp_s = self._mono_s = -math.inf  # of the state, of the last cycle
        self.now_s = 0.0
        self.modes: dict[str, int] = {}

    def take_reference(self, reference: Reference) -> None:
        """A new trajectory."""
        self.law.take(reference)

    def take_present(self, present: Present) -> None:
        """A new word of the controller. What is not finite leaves the old one to age."""
        if all(map(math.isfinite, (present.now_s, present.monotonic_s, present.pace))):
            self._present = present
            self._stamp_s = present.now_s
            self._state = list(present.state) if present.state is not None else None

    def end(self) -> None:
        """Brake from now on, whatever the controller says."""
        self._ending = True

    @property
    def stands(self) -> bool:
        """Its last command was rest."""
        return self.law.last == (0.0, 0.0)

    @property
    def quiet(self) -> bool:
        """Told to brake, it stands and has said so: `cmd_vel_nav` is not its any more."""
        return self._stands_since_s is not None and self._mono_s - self._stands_since_s > REST_S

    def step(self, monotonic_s: float) -> Command:
        """Command of the cycle that begins at `monotonic_s`."""
        command = self._step(monotonic_s)
        if not (self._told and self.stands):
            self._stands_since_s = None
        elif self._stands_since_s is None:
            self._stands_since_s = monotonic_s
        self.modes[command.mode.value] = self.modes.get(command.mode.value, 0) + 1
        return command

    @property
    def _told(self) -> bool:
        return self._ending or (self._present is not None and self._present.follow == BRAKE)

    def _step(self, monotonic_s: float) -> Command:
        present = self._present
        elapsed_s = monotonic_s - self._mono_s if self._mono_s > -math.inf else 0.0
        self._mono_s = monotonic_s
        if present is None:
            return self.law.brake(elapsed_s, Mode.NO_TRAJECTORY)
        pace = min(max(present.pace, LEAST_PACE), MOST_PACE)
        silent_s = monotonic_s - present.monotonic_s
        self.now_s = now_s = present.now_s + max(0.0, silent_s) * present.pace
        dt_s = max(0.0, elapsed_s) * pace
        if self._told:
            return self.law.brake(dt_s, Mode.TOLD)
        if silent_s > self._silence_s:
            return self.law.brake(dt_s, Mode.SILENT)
        self._move_on(now_s)
        if present.follow < 0:
            if now_s - present.now_s > DIRECT_VALID_S:
                return self.law.brake(dt_s, Mode.EXPIRED)
            return self.law.direct(present.linear_mps, present.angular_rps, dt_s)
        if self.law.sequence < present.follow:  # written before the word that names it, so a torn read only
            return self.law.brake(dt_s, Mode.NO_TRAJECTORY)
        return self.law.command(now_s, dt_s, self._state)

    def _move_on(self, now_s: float) -> None:
        """State at `now_s`, under the last command, of a base of first order."""
        state, dt_s = self._state, now_s - self._stamp_s
        if state is None or not 0.0 < dt_s < 1.0:
            return
        self._stamp_s = now_s
        share = 1.0 - math.exp(-dt_s / self._lag_s)
        v = state[3] + share * (self.law.last[0] - state[3])
        w = state[4] + share * (self.law.last[1] - state[4])
        speed, turn = 0.5 * (v + state[3]), 0.5 * (w + state[4])
        middle = state[2] + 0.5 * turn * dt_s
        if math.isfinite(middle):
            state[0] += speed * math.cos(middle) * dt_s
            state[1] += speed * math.sin(middle) * dt_s
        state[2] += turn * dt_s
        state[3], state[4] = v, w
