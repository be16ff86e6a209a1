"""Reference consumer of `controller/trajectory`: executes the newest timed path and times out on its own.

What a hard-real-time controller has to do, in the smallest form: docs/control-realtime.md. It believes nothing but its
own clock: a path is driven for at most `validity_s` after its stamp *and* `silence_s` after it arrived.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from physical_ai_control.servo.reference import of_poses
from physical_ai_control.servo.tracking import Command, Mode, ServoLimits, TrackingLaw
from physical_ai_core import messages as m
from physical_ai_core.errors import InputError

VALIDITY_S = 0.5  # as `valid_until_s` of controller/status has it
SILENCE_S = 0.25  # paths come ten times a second, one may be lost; the safety gate waits no longer for commands


class TrajectoryConsumer:
    """Paths and moments in, commands out; pure.

    Example:
        consumer = TrajectoryConsumer(ServoLimits())
        consumer.hear(path, arrived_s)              # whenever one arrives
        command = consumer.step(now_s, monotonic_s)  # every cycle
    """

    def __init__(
        self, limits: ServoLimits, lag_s: float = 0.0, validity_s: float = VALIDITY_S, silence_s: float = SILENCE_S
    ) -> None:
        self._law, self._lag_s = TrackingLaw(limits), lag_s
        self._validity_s, self._silence_s = validity_s, min(silence_s, validity_s)
        self._sequence, self._stamp_s = 0, -math.inf
        self._arrived_s = self._last_s = -math.inf
        self.refused = 0

    def hear(self, path: m.Path, arrived_s: float, valid_until_s: float | None = None) -> bool:
        """Take a path that came at `arrived_s` of the own monotonic clock; False where it is refused: untimed, not
        finite, no newer than the last. `valid_until_s` of `controller/status` with the same stamp, where it is known.
        """
        try:
            if path.stamps_s is None or not np.isfinite(path.stamp_s) or path.stamp_s <= self._stamp_s:
                raise InputError("The path is untimed or no newer than the last.", "Publish each once, in order.")
            end_s = path.stamp_s + self._validity_s
            end_s = end_s if valid_until_s is None else min(end_s, valid_until_s)
            reference = of_poses(self._sequence + 1, path.poses, path.stamps_s, end_s, self._lag_s)
        except InputError:
            self.refused += 1
            return False
        self._sequence, self._stamp_s, self._arrived_s = self._sequence + 1, path.stamp_s, arrived_s
        self._law.take(reference)
        return True

    def step(self, now_s: float, monotonic_s: float, state: Sequence[float] | None = None) -> Command:
        """Command at `now_s` of the graph's and `monotonic_s` of the own clock."""
        dt_s = self._elapsed_s(monotonic_s)
        if self._sequence and monotonic_s - self._arrived_s > self._silence_s:
            return self._law.brake(dt_s, Mode.SILENT)
        return self._law.command(now_s, dt_s, state)

    def brake(self, monotonic_s: float) -> Command:
        """One cycle nearer to rest, whatever the path says: for the end of the program."""
        return self._law.brake(self._elapsed_s(monotonic_s), Mode.TOLD)

    def _elapsed_s(self, monotonic_s: float) -> float:
        elapsed_s = monotonic_s - self._last_s if self._last_s > -math.inf else 0.0
        self._last_s = monotonic_s
        return elapsed_s
