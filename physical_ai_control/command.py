"""The command of forward speed and yaw rate: what a trajectory asks for one lag ahead, or the hardest braking."""

from __future__ import annotations

from typing import Final

import numpy as np

from physical_ai_control.braking import stop_states
from physical_ai_control.guard import STANDING_MPS
from physical_ai_control.mpc.model import Model
from physical_ai_control.pilot import Drive
from physical_ai_core.geometry import Array

PERIOD_S: Final = 0.02  # of the commands: the one given now holds for so long


class Command:
    """`value (2,)`: forward speed and yaw rate, m/s and rad/s. `standstill`: the trajectory only turns, or stands."""

    def __init__(self, model: Model, most: Array, hardest_mps2: float, lag_s: float, stages_s: Array) -> None:
        """`most (2,)`: magnitudes never exceeded; `lag_s`: in which the base reaches 63 % of a step."""
        self._model, self._most, self._hardest_mps2 = model, most, hardest_mps2
        self._lag_s, self._stages_s = lag_s, stages_s
        self.clear()

    def clear(self) -> None:
        self.value: Array = np.zeros(2)
        self.standstill = False

    def follow(self, drive: Drive, since_s: float, state: Array) -> None:
        """What the trajectory, begun `since_s` ago, asks for one actuator lag ahead: `v + lag * dv` of a base of first
        order."""
        at = since_s + self._lag_s + PERIOD_S
        self.value = np.array([np.interp(at, self._stages_s, drive.states[:, i]) for i in (3, 4)])
        if self.standstill and abs(state[3]) < STANDING_MPS:
            self.value[0] = 0.0
        if drive.states[:, 3].min() > -STANDING_MPS:  # of the forward model a little reverse is only slack
            self.value[0] = max(0.0, self.value[0])
        self.value = self._model.feasible(self.value, self._most)

    def brake(self, state: Array | None, dt: float) -> None:
        """The hardest braking that is allowed; from the last command where the state is not known."""
        if state is None:
            left = max(0.0, abs(self.value[0]) - self._hardest_mps2 * dt)
            share = left / abs(self.value[0]) if abs(self.value[0]) > STANDING_MPS else 0.0
            self.value = self.value * share
            return
        ahead = stop_states(state, self._hardest_mps2, np.array([self._lag_s + PERIOD_S]))[0]
        moving = abs(state[3]) > STANDING_MPS and abs(ahead[3]) > 1e-3
        self.value = np.array([ahead[3], ahead[4]]) if moving else np.zeros(2)

    def keep_within(self) -> bool:
        """Clip it to its magnitudes; False where it was no number, and now is rest."""
        self.value = np.clip(self.value, -self._most, self._most)
        if np.isfinite(self.value).all():
            return True
        self.value = np.zeros(2)
        return False
