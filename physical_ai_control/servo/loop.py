"""The servo's loop: wait for the deadline, read what is new, step, say. The same in a thread and in a process."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Final

from physical_ai_control.servo import present as presents
from physical_ai_control.servo import reference as references
from physical_ai_control.servo.clock import Cadence, Histogram
from physical_ai_control.servo.mailbox import Mailbox
from physical_ai_control.servo.servo import Servo
from physical_ai_control.servo.tracking import Command
from physical_ai_core.errors import InputError

REPORT_S: Final = 1.0

Say = Callable[[Command, float], None]  # command and its stamp on the graph's clock
Report = Callable[[dict[str, str]], None]


def run_loop(
    servo: Servo, mailbox: Mailbox, rate_hz: float, say: Say, report: Report, going: Callable[[], bool],
    collect: bool = True,
) -> Cadence:  # fmt: skip
    """Run at `rate_hz` until `going()` is false, then brake, and end at rest; returns the cadence with its counts.

    `collect`: once a second, after the report, young garbage is collected by hand (the collector itself is off).
    """
    cadence = Cadence(rate_hz)
    report_every = max(1, round(rate_hz * REPORT_S))
    refused, work = 0, Histogram()
    cpu_s, begun_s = time.thread_time(), time.monotonic()
    while True:
        now_s = cadence.wait() * 1e-9
        if not going():
            if servo.stands:
                return cadence
            servo.end()
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
        say(command, servo.now_s)
        work.add(time.monotonic_ns() * 1e-3 - now_s * 1e6)
        if cadence.cycles % report_every == 0:
            share = (time.thread_time() - cpu_s) / max(1e-9, time.monotonic() - begun_s)
            values = {**cadence.values(), "cpu_share": f"{share:.4f}", "mode": command.mode.value}
            values["refused_records"] = str(refused)
            values["work_p99_us"], values["work_max_us"] = f"{work.percentile_us(99):.0f}", f"{work.most_us:.0f}"
            values["work_histogram_us"] = work.text()
            report({**values, **{f"cycles_{name}": str(n) for name, n in servo.modes.items()}})
            if collect:
                gc.collect(0)
