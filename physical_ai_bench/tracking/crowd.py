"""A made crowd that walks between random goals and keeps clear of each other and of the robot.

Social force model of D. Helbing and P. Molnár, 1995, in its plainest form; deterministic by its seed.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_sim.people import Crowd

STEP_S: Final = 0.02
RELAX_S: Final = 0.5  # time in which a person takes up the wanted velocity
PUSH_MPS2: Final = 4.0
PUSH_RANGE_M: Final = 0.2
BODIES_M: Final = 0.6  # two people keep their centres about so far apart
ROBOT_M: Final = 0.9  # and the robot's from theirs
FEELS_M: Final = 2.5
MOST_SPEED_MPS: Final = 2.0
ARRIVED_M: Final = 0.6
SPEEDS_MPS: Final = (0.7, 1.6)


class MadeCrowd:
    """`count` people in a rectangle `low` … `high` of `map`. To be asked with times that do not go back."""

    def __init__(self, count: int, low: Array, high: Array, seed: int) -> None:
        self.capacity = count
        self._low, self._high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
        self._draw = np.random.default_rng([seed, 11])
        self._position = self._scatter(count)
        self._goal = self._places(count)
        self._speed = self._draw.uniform(*SPEEDS_MPS, count)
        self._velocity = np.zeros((count, 2))
        self._steps = 0

    def at(self, time_s: float, robot_xy: Array) -> Crowd:
        """Everybody at `time_s`, seconds from the start of the run."""
        while (self._steps + 1) * STEP_S <= time_s + 1e-9:
            self._step(robot_xy)
            self._steps += 1
        since_s = time_s - self._steps * STEP_S
        return Crowd(np.arange(self.capacity), self._position + since_s * self._velocity, self._velocity.copy())

    def _places(self, count: int) -> Array:
        return np.asarray(self._draw.uniform(self._low, self._high, (count, 2)))

    def _scatter(self, count: int) -> Array:
        """Places at least two bodies apart."""
        places = self._places(1)
        while len(places) < count:
            place = self._places(1)
            if np.hypot(*(places - place).T).min() > 2.0 * BODIES_M:
                places = np.concatenate([places, place])
        return places

    def _step(self, robot_xy: Array) -> None:
        way = self._goal - self._position
        far = np.hypot(*way.T)
        there = far < ARRIVED_M
        self._goal[there] = self._places(int(there.sum()))
        wanted = way / np.maximum(far, 1e-6)[:, None] * self._speed[:, None]
        force = (wanted - self._velocity) / RELAX_S
        away = self._position[:, None] - self._position[None]
        force += self._push(away, BODIES_M).sum(axis=1)
        force += self._push(self._position - robot_xy, ROBOT_M)
        self._velocity += STEP_S * force
        speed = np.hypot(*self._velocity.T)
        self._velocity *= np.minimum(1.0, MOST_SPEED_MPS / np.maximum(speed, 1e-6))[:, None]
        self._position = self._position + STEP_S * self._velocity

    def _push(self, away: Array, bodies_m: float) -> Array:
        distance = np.sqrt((away**2).sum(axis=-1))
        strength = PUSH_MPS2 * np.exp((bodies_m - distance) / PUSH_RANGE_M)
        strength = np.where((distance > 1e-9) & (distance < FEELS_M), np.minimum(strength, 30.0), 0.0)
        return np.asarray(away / np.maximum(distance, 1e-9)[..., None] * strength[..., None])
