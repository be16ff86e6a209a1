"""The servo as an attachment to the controller's node: started and ended with it, told at every tick what holds."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.servo import privileges
from physical_ai_control.servo.link import Plan, ServoLink
from physical_ai_control.servo.loop import run_loop
from physical_ai_control.servo.mailbox import Mailbox, mailbox_name
from physical_ai_control.servo.mouth import Mouth
from physical_ai_control.servo.servo import Servo
from physical_ai_control.servo.settings import ServoSettings
from physical_ai_control.servo.tracking import Command, ServoLimits
from physical_ai_core import messages as m
from physical_ai_core.robot import load_robot

BRAKING_SHARE = 0.9  # of what the base can do
JOIN_S = 3.0
OWN_MAILBOX = "physical_ai_servo"


class Follows(Protocol):
    """What the attachment reads of the controller's core."""

    @property
    def following(self) -> Any: ...


def limits_of(parameters: ControllerParameters) -> ServoLimits:
    """The robot's own limits; the trajectory keeps the tighter ones of the parameters."""
    own = load_robot(parameters.robot).limits
    return ServoLimits(
        own.max_speed_mps, own.max_reverse_mps, own.max_yaw_rate_rps, BRAKING_SHARE * own.max_deceleration_mps2,
        own.max_yaw_acceleration_rps2,
    )  # fmt: skip


def attach(
    core: Follows, parameters: ControllerParameters, simulated: bool, stamped: bool, namespace: str, domain: int,
    valid_s: float = 0.5,
) -> ServoAttachment | None:  # fmt: skip
    """The servo that the parameters ask for; None where they ask for none.

    `simulated`: the graph's clock is not the system's. `namespace`, `domain`: of the controller's node; with them each
    controller of a host has a mailbox of its own. `valid_s`: how long a trajectory may be followed.
    Raises TakenMailboxError where another controller lives under that name, InputError where there is no memory.
    """
    p = parameters
    if p.servo_rate_hz <= 0.0 and not p.servo_mailbox:
        return None
    name = mailbox_name(p.servo_mailbox or f"{OWN_MAILBOX}.{os.getpid()}", domain, namespace)
    settings = ServoSettings(
        name, p.servo_rate_hz, p.actuator_lag_s, limits_of(p), p.servo_say_hz, p.servo_priority, p.servo_cpu,
        p.servo_lock_memory, stamped, p.servo_silence_s,
    )  # fmt: skip
    return ServoAttachment(core, ServoLink(settings, p.dt_s, valid_s, simulated), p.servo_thread)


class ServoAttachment:
    """Hands the core's trajectory to the servo and says whether the servo speaks for it."""

    def __init__(self, core: Follows, link: ServoLink, in_thread: bool) -> None:
        self._core, self._link, self._in_thread = core, link, in_thread
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def start(self, namespace: str, publishers: Mapping[str, Any]) -> None:
        """Start the loop, in a process or in a thread; none where only the mailbox was asked for."""
        if self._link.settings.rate_hz <= 0.0:
            return
        if not self._in_thread:
            self._link.start(["--ros-args", "-r", f"__ns:={namespace}", *remappings(sys.argv)])
            return
        self._thread = threading.Thread(target=self._loop, args=(publishers,), name="servo", daemon=True)
        self._thread.start()

    def takes_over(self, command: m.Twist) -> bool:
        """Tell the servo what the tick decided; True where it gives the commands now."""
        following = self._core.following
        drive = following.drive
        plan = None
        if drive is not None:
            plan = Plan(following.sequence, following.begun_s, drive.states, drive.inputs)
        wanted = (command.linear_x_mps, command.angular_z_rps)
        self._link.tell(command.stamp_s, wanted, plan, following.state, drive)
        return self._link.speaks()

    def brake(self) -> None:
        """The controller falls silent on purpose: brake at once."""
        self._link.brake()

    def close(self) -> None:
        """Brake, end the loop at rest, and give the memory back."""
        self.brake()
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(JOIN_S)
        self._link.close()

    def _loop(self, publishers: Mapping[str, Any]) -> None:
        settings = self._link.settings
        granted = privileges.ask(settings.priority, settings.cpu, lock_memory=False)
        if settings.lock_memory:
            granted.refused.append("locked memory: only in a process of its own")
        mailbox = Mailbox(self._link.mailbox.path)
        mouth = Mouth(publishers["cmd_vel_nav"], publishers["/diagnostics"], settings.stamped)
        every = round(settings.rate_hz / settings.say_hz) if settings.say_hz > 0.0 else 1
        cycles = itertools.cycle(range(max(1, every)))
        reply = np.zeros(3)

        def say(command: Command, stamp_s: float) -> None:
            if next(cycles) == 0 and stamp_s > 0.0 and not servo.quiet:
                mouth.say(stamp_s, command.linear_mps, command.angular_rps)
                reply[:] = stamp_s, command.linear_mps, command.angular_rps
                mailbox.reply.write(reply)
                mailbox.voice.write(reply[:1])

        def report(values: dict[str, str]) -> None:
            mouth.report({**values, **granted.values()})

        servo = Servo(settings.limits, settings.lag_s, settings.silence_s)
        run_loop(servo, mailbox, settings.rate_hz, say, report, lambda: not self._stopping.is_set(), collect=False)
        mouth.say(servo.now_s, *servo.law.last)
        mailbox.close()


def remappings(arguments: Sequence[str]) -> list[str]:
    """The remappings of topics among the arguments of a ROS process; its name and namespace are not passed on."""
    found = []
    for flag, rule in pairwise(arguments):
        if flag in ("-r", "--remap") and not rule.split(":=")[0].split(":")[-1].startswith("__"):
            found += ["-r", rule]
    return found
