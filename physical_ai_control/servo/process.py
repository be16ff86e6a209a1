"""The servo's loop as a process of its own: one thread, no middleware, memory that other processes cannot hold up.

Its commands go into the mailbox; `node.py`, another process, tells them to the graph. Publishing in the loop itself
waits for locks of the middleware that ordinary processes hold while they are not let run: tens of milliseconds.
"""

from __future__ import annotations

import json
import os
import sys

import numpy as np

from physical_ai_control.servo import privileges
from physical_ai_control.servo.clock import no_garbage_collection
from physical_ai_control.servo.loop import run_loop
from physical_ai_control.servo.mailbox import Mailbox, mailbox_path
from physical_ai_control.servo.servo import Servo
from physical_ai_control.servo.settings import ServoSettings
from physical_ai_control.servo.stop import StopRequest
from physical_ai_control.servo.tracking import Command
from physical_ai_core.errors import PhysicalAIError


def main() -> None:
    """`python -m physical_ai_control.servo.process SETTINGS_JSON`; asked to end, or orphaned, it brakes first."""
    settings = ServoSettings.from_json(sys.argv[1])
    parent, stop = os.getppid(), StopRequest(interrupt=False)
    try:
        mailbox = Mailbox(mailbox_path(settings.mailbox))
    except PhysicalAIError as error:
        raise SystemExit(f"error: {error}") from error
    granted = privileges.ask(settings.priority, settings.cpu, settings.lock_memory).values()
    servo, reply = Servo(settings.limits, settings.lag_s, settings.silence_s), np.zeros(3)

    def say(command: Command, stamp_s: float) -> None:
        if not servo.quiet:
            reply[:] = stamp_s, command.linear_mps, command.angular_rps
            mailbox.reply.write(reply)

    def report(values: dict[str, str]) -> None:
        mailbox.report.write_text(json.dumps({**values, **granted}))

    def going() -> bool:
        return not stop.asked and os.getppid() == parent

    with no_garbage_collection():
        run_loop(servo, mailbox, settings.rate_hz, say, report, going)
    mailbox.close()


if __name__ == "__main__":
    main()
