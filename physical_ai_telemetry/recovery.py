"""Stops of the gate, and how long stops and faults took until the robot moved by itself again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from physical_ai_telemetry.verdicts import MERGE_S

ASKED_BEFORE_S: Final = 1.0
ASKED_AFTER_S: Final = 0.5


@dataclass(eq=False)
class Episode:
    """A stop or a fault whose recovery is awaited; `over_s` None while it lasts."""

    begin_s: float
    over_s: float | None = None
    asked: bool = False
    recovery_s: float | None = None


class Recoveries:
    """Episodes from their begin to the first motion after them."""

    def __init__(self) -> None:
        self.stops = self.asked = 0
        self.pending: list[Episode] = []
        self._recovered: list[Episode] = []
        self._stop: Episode | None = None
        self._pressed = False
        self._pressed_s = -math.inf

    def times_s(self) -> list[float]:
        return [episode.recovery_s for episode in self._recovered if episode.recovery_s is not None]

    def quantile_s(self, percent: float) -> float | None:
        times = self.times_s()
        return float(np.percentile(times, percent)) if times else None

    def begin_stop(self, stamp_s: float) -> None:
        """The gate stops the robot; shortly after the last stop it is the same one."""
        last = self._stop
        if last is not None and last.over_s is not None and stamp_s - last.over_s <= MERGE_S:
            last.over_s = None
            if last in self._recovered:  # it had moved in between: one stop, one recovery
                self._recovered.remove(last)
                self.pending.append(last)
            return
        asked = self._pressed or stamp_s - self._pressed_s <= ASKED_BEFORE_S
        self._stop = Episode(stamp_s, asked=asked)
        if asked:
            self.asked += 1
        else:
            self.stops += 1
            self.pending.append(self._stop)

    def end_stop(self, stamp_s: float) -> None:
        if self._stop is not None and self._stop.over_s is None:
            self._stop.over_s = stamp_s

    def emergency(self, pressed: bool, stamp_s: float) -> None:
        """The button: a stop that it asked for is not the robot's."""
        if pressed and not self._pressed:
            stop = self._stop
            if stop is not None and not stop.asked and 0.0 <= stamp_s - stop.begin_s <= ASKED_AFTER_S:
                stop.asked = True  # the verdict overtook the button on the way here
                self.stops -= 1
                self.asked += 1
                self.pending = [episode for episode in self.pending if episode is not stop]
        self._pressed = pressed
        if pressed:
            self._pressed_s = stamp_s

    def begin_fault(self, stamp_s: float) -> Episode:
        episode = Episode(stamp_s)
        self.pending.append(episode)
        return episode

    def moved(self, stamp_s: float) -> None:
        """The robot moves by itself: what is over is recovered."""
        waiting = []
        for episode in self.pending:
            if episode.over_s is not None and stamp_s >= episode.over_s:
                episode.recovery_s = stamp_s - episode.begin_s
                self._recovered.append(episode)
            else:
                waiting.append(episode)
        self.pending = waiting

    def mission_ended(self) -> None:
        """Nobody waits for motion any more; what lasts goes on."""
        self.pending = [episode for episode in self.pending if episode.over_s is None and episode is not self._stop]
