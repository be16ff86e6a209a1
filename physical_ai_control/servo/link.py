"""The controller's end of the servo: writes trajectory, time and state into the mailbox, and keeps the process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import numpy as np

from physical_ai_control.servo import present as presents
from physical_ai_control.servo import reference as references
from physical_ai_control.servo.gains import OffersGains, TrackingGains, in_command_space
from physical_ai_control.servo.mailbox import Mailbox, mailbox_path
from physical_ai_control.servo.present import Present
from physical_ai_control.servo.reference import Reference
from physical_ai_control.servo.settings import ServoSettings
from physical_ai_core.geometry import Array

LOOP, VOICE = "physical_ai_control.servo.process", "physical_ai_control.servo.node"
PACE_OVER_S: Final = 0.5
STOP_PATIENCE_S: Final = 2.0  # beyond braking from top speed
MOST_PATIENCE_S: Final = 5.0
ALIVE_S: Final = 0.5


class Plan(NamedTuple):
    """A trajectory to follow: `states (N+1, 5)` and accelerations `inputs (N, 2)` from `begun_s` on."""

    sequence: int
    begun_s: float
    states: Array
    inputs: Array


class Pace:
    """How fast the graph's clock runs, over the last half second; 1 where it is the system's."""

    def __init__(self, simulated: bool) -> None:
        self._simulated = simulated
        self._marks: list[tuple[float, float]] = []

    def __call__(self, now_s: float, monotonic_s: float) -> float:
        if not self._simulated:
            return 1.0
        marks = self._marks
        if marks and now_s < marks[-1][0]:  # the clock was set back
            marks.clear()
        marks.append((now_s, monotonic_s))
        while len(marks) > 2 and monotonic_s - marks[1][1] > PACE_OVER_S:
            marks.pop(0)
        wall_s = monotonic_s - marks[0][1]
        return float(np.clip((now_s - marks[0][0]) / wall_s, 0.0, 2.0)) if wall_s > 0.0 else 1.0


class References:
    """Makes a plan a reference: with gains, and with the time at which it ends."""

    def __init__(self, dt_s: float, lag_s: float, valid_s: float) -> None:
        self._dt_s, self._lag_s, self._valid_s = dt_s, lag_s, valid_s
        self._gains: dict[int, TrackingGains] = {}

    def __call__(self, plan: Plan, source: object = None) -> Reference:
        """`source` may bring gains of its own (`OffersGains`)."""
        steps, lag_s = len(plan.inputs), self._lag_s
        if isinstance(source, OffersGains) and np.shape(source.gains) == (steps, 2, 5):
            gains = in_command_space(source.gains, lag_s)
        else:
            if steps not in self._gains:
                self._gains[steps] = TrackingGains(steps, self._dt_s, lag_s)
            gains = self._gains[steps](plan.states, plan.inputs)
        end_s = plan.begun_s + self._valid_s
        return Reference(plan.sequence, plan.begun_s, end_s, self._dt_s, lag_s, plan.states, plan.inputs, gains)


class ServoLink:
    """One mailbox, and where wanted the process that reads it.

    Example:
        link = ServoLink(settings, dt_s=0.1, valid_s=0.5, simulated=False)
        link.start(["--ros-args", "-r", "__ns:=/robot_1"])
        link.tell(now_s, command, plan, state)   # at every tick
        link.brake()                             # the controller takes its hand away; `tell` drives again
        link.close()
    """

    def __init__(self, settings: ServoSettings, dt_s: float, valid_s: float, simulated: bool) -> None:
        self.settings, self.mailbox = settings, Mailbox(mailbox_path(settings.mailbox), create=True)
        self._reference, self._pace = References(dt_s, settings.lag_s, valid_s), Pace(simulated)
        self._written: tuple[int, float] | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._replied_s = -np.inf
        self._told: Present | None = None

    def start(self, arguments: Sequence[str] = ()) -> None:
        """Start the loop, and the voice that tells the graph; `arguments` go on to rclpy (namespace, remappings)."""
        for module, more in ((LOOP, ()), (VOICE, arguments)):
            command = [sys.executable, "-m", module, self.settings.to_json(), *more]
            self._processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))

    def tell(
        self, now_s: float, command: tuple[float, float], plan: Plan | None, state: Array | None,
        source: object = None,
    ) -> None:  # fmt: skip
        """Say what holds from `now_s` on. `command` (m/s, rad/s) counts where there is no plan; `source` may bring
        gains of its own (`OffersGains`)."""
        monotonic_s = time.monotonic()
        if plan is not None and (plan.sequence, plan.begun_s) != self._written:
            self.mailbox.reference.write(references.pack(self._reference(plan, source)))
            self._written = (plan.sequence, plan.begun_s)
        follow = presents.OBEY if plan is None else plan.sequence
        place = None if state is None else tuple(float(value) for value in state)
        self._say(Present(now_s, monotonic_s, self._pace(now_s, monotonic_s), follow, *command, place))

    def brake(self) -> None:
        """Whoever follows brakes at once."""
        told = self._told
        if told is not None:
            monotonic_s = time.monotonic()
            now_s = told.now_s + (monotonic_s - told.monotonic_s) * told.pace
            self._say(Present(now_s, monotonic_s, told.pace, presents.BRAKE, 0.0, 0.0, None))

    def _say(self, present: Present) -> None:
        self._told = present
        self.mailbox.present.write(presents.pack(present))

    def speaks(self) -> bool:
        """The servo gives commands; where it does not, the controller's own must go out."""
        row = self.mailbox.voice.read_new()
        now_s = time.monotonic()
        if row is not None:
            self._replied_s = now_s
        dead = any(process.poll() is not None for process in self._processes)
        return not dead and now_s - self._replied_s < ALIVE_S

    def close(self) -> None:
        """Have it brake; end the loop when it stands, the voice when it has said so, then the mailbox."""
        self.brake()
        limits = self.settings.limits
        patience_s = min(STOP_PATIENCE_S + limits.top_mps / limits.braking_mps2, MOST_PATIENCE_S)
        for process in self._processes:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience_s)
            if process.poll() is None:
                process.kill()
                process.wait()
        self._processes = []
        self.mailbox.close()
