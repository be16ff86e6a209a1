"""The servo's cadence: ways to sleep, alone and beside the running graph, process against thread against a timer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

from physical_ai_bench.page import Page
from physical_ai_bench.servo_load.window import HEADER, Window, between, of_timer
from physical_ai_control.servo import privileges
from physical_ai_control.servo.clock import Cadence, Sleep, absolute_sleep, no_garbage_collection, sleep_plain
from physical_ai_control.servo.settings import ServoSettings
from physical_ai_control.servo.tracking import ServoLimits
from physical_ai_core.errors import InputError

ALONE = "nothing"
TARGET = 0.999
ABOUT = (
    "`physical-ai bench servo`: a loop of {rate:.0f} Hz, {seconds:.0f} s each. *Beside the graph*: the demo over DDS,"
    " every node its own process, the servo as the controller starts it, counted from the instruction on. *Cycle time*:"
    " from the begin of one cycle to that of the next; shares are of the cycles that were due, so that one left out"
    " counts as too late. Percentiles are upper edges of bins that are 26 % wide. The peer is an rclpy timer of that"
    " rate on the best executor that this ROS has. The empty loops run for 10 s at most, what stands alone for 20 s."
)


def sleeping(rate_hz: float, seconds: float) -> list[Window]:
    """Empty loops: how exactly each way of sleeping wakes."""
    ways: Sequence[tuple[str, Sleep, bool, int]] = (
        ("empty, relative sleep", sleep_plain, False, 0),
        ("empty, absolute sleep", absolute_sleep(), False, 0),
        ("empty, absolute, timer slack 1 ns", absolute_sleep(), True, 0),
        ("empty, absolute, timer slack 1 ns, SCHED_FIFO", absolute_sleep(), True, 80),
    )
    found = []
    for name, sleep, exact, priority in ways:
        result: list[Window] = []

        def run(
            name: str = name, sleep: Sleep = sleep, exact: bool = exact, priority: int = priority,
            result: list[Window] = result,
        ) -> None:  # fmt: skip
            granted = privileges.ask(priority) if exact else privileges.Granted()
            cadence = Cadence(rate_hz, sleep)
            begun_s, cpu_s = time.monotonic(), time.thread_time()
            while time.monotonic() - begun_s < seconds:
                cadence.wait()
            share = (time.thread_time() - cpu_s) / (time.monotonic() - begun_s)
            label = f"{name} (refused)" if granted.refused else name
            result.append(between(label, ALONE, {}, {**cadence.values(), "cpu_share": f"{share:.4f}"}))

        thread = threading.Thread(target=run)  # priority and slack are the thread's, and end with it
        with no_garbage_collection():
            thread.start()
            thread.join()
        found += result
    return found


def alone(rate_hz: float, seconds: float) -> list[Window]:
    """The whole servo, fed by this process, in a thread of it and in a process of its own."""
    from physical_ai_bench.servo_load.node import feed

    def run(name: str, in_thread: bool, priority: int = 0) -> Window:
        settings = ServoSettings(
            f"physical_ai_servo_bench.{os.getpid()}", rate_hz, 0.15, ServoLimits(), 100.0, priority, -1, priority > 0
        )
        return between(name, ALONE, *feed(settings, seconds, in_thread))

    return [run("servo, thread", True), run("servo, process", False), run("servo, process, SCHED_FIFO", False, 80)]


def timer(rate_hz: float, seconds: float, beside: str, meanwhile: Callable[[], None] = lambda: None) -> Window:
    """The peer. Raises InputError when it ends without a result."""
    command = [sys.executable, "-m", "physical_ai_bench.servo_load.node", str(rate_hz), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while process.poll() is None:
        meanwhile()
        time.sleep(0.05)
    out = process.communicate()[0].strip().splitlines()
    if process.returncode != 0 or not out:
        raise InputError("The rclpy timer ended without a result.", "Its output is above.")
    return of_timer(beside, json.loads(out[-1]), seconds)


def servo_page(windows: Sequence[Window], rate_hz: float, seconds: float, machine: str = "") -> Page:
    """The table, and what it says."""
    graph = [w for w in windows if w.beside != ALONE]
    best = max((w for w in graph if w.late is not None), key=lambda w: w.share, default=None)
    peer = next((w for w in graph if w.late is None), None)
    notes = [machine] if machine else []
    if best is not None:
        counts = (best.share >= TARGET, best.share_late >= TARGET)
        verdict = "reached" if all(counts) else "reached by the second count only" if counts[1] else "not reached"
        notes.append(
            f"Best beside the graph: {best.name}, {100 * best.share:.3f} % within 1.5 periods and"
            f" {100 * best.share_late:.3f} % begun within 1.5 ms of their deadline;"
            f" the target of {100 * TARGET:.1f} % is {verdict}."
        )
        if peer is not None:
            ratio = (1.0 - peer.share) / max(1.0 - best.share, 1.0 / best.due)
            notes.append(
                f"The rclpy timer, at ordinary priority, is outside 1.5 periods {ratio:.0f} times as often. The"
                " priority is what counts where the processors are full: without it the servo's process waits its turn"
                " as the timer does."
            )
    floor = next((w for w in windows if w.name.startswith("empty") and "FIFO" in w.name), None)
    if floor is not None:
        notes.append(f"What the machine itself takes: an empty loop of that priority has {100 * floor.share:.2f} %.")
    notes.append(
        "A thread shares Python's lock with the controller: it waits up to 5 ms (`sys.getswitchinterval`) for whatever"
        " Python is doing, and for as long as a call holds the lock. That is why the servo is a process. Its loop"
        " does not publish, another process does: a loop that published by itself, at the same priority, was within 1.5"
        " periods 96.9 % of the time beside the graph (measured once, the same machine), because it waited up to 40 ms"
        " for locks that the middleware shares with processes that were not let run."
    )
    about = ABOUT.format(rate=rate_hz, seconds=seconds)
    return Page("servo", "Cadence of the servo", about, HEADER, [w.row() for w in windows], "\n".join(notes))
