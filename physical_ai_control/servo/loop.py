"""The servo's loop: wait for the deadline, read what is new, step, say. The same in a thread and in a process."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from physical_ai_control.servo import present as presents
from physical_ai_control.servo import reference as references
from physical_ai_control.servo.clock import Cadence
from physical_ai_control.servo.mailbox import Mailbox
from physical_ai_control.servo.servo import Servo
from physical_ai_control.servo.tracking import Command
from physical_ai_core.errors import InputError

REPORT_S: Final = 1.0

Say = Callable[[Command, float], None]  # command and its stamp on the graph's clock
Report = Callable[[dict[str, str]], None]


@dataclass(frozen=True)
class Rates:
    """`rate_hz` of the loop; `say_hz` at most so many commands a second go out, 0: each."""

    rate_hz: float
    say_hz: float = 0.0


def run_loop(
    servo: Servo, mailbox: Mailbox, rates: Rates, say: Say, report: Report, going: Callable[[], bool],
    collect: bool = True,
) -> Cadence:  # fmt: skip
    """Run until `going()` is false; returns the cadence with its counts.

    `collect`: once a second, after the report, young garbage is collected by hand (the collector itself is off).
    """
    cadence = Cadence(rates.rate_hz)
    say_every = max(1, round(rates.rate_hz / rates.say_hz)) if rates.say_hz > 0.0 else 1
    report_every = max(1, round(rates.rate_hz * REPORT_S))
    refused = 0
    cpu_s, begun_s = time.thread_time(), time.monotonic()
    due = 0
    while going():
        now_s = cadence.wait() * 1e-9
        try:
            row = mailbox.reference.read_new()
            if row is not None:
                servo.take_reference(references.unpack(row))
            word = mailbox.present.read_new()
            if word is not None:
                servo.take_present(presents.unpack(word))
        except InputError:
            refused += 1
        command = servo.step(now_s)
        if cadence.cycles >= due:
            due = cadence.cycles + say_every
            say(command, servo.now_s)
        if cadence.cycles % report_every == 0:
            share = (time.thread_time() - cpu_s) / max(1e-9, time.monotonic() - begun_s)
            values = {**cadence.values(), "cpu_share": f"{share:.4f}", "mode": command.mode.value}
            values["refused_records"] = str(refused)
            report({**values, **{f"cycles_{name}": str(n) for name, n in servo.modes.items()}})
            if collect:
                gc.collect(0)
    return cadence
