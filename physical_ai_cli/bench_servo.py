"""The demo with a servo in its controller, kept running until the loop has been watched for long enough."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from physical_ai_bench.benchmarks.servo import timer
from physical_ai_bench.scenario import Scenario, load_scenario
from physical_ai_bench.servo_load.window import Window, between
from physical_ai_cli.demo import DemoOptions, run_demo
from physical_ai_cli.terminal import LiveProgress
from physical_ai_cli.watch import Watch
from physical_ai_core.errors import InputError

BESIDE = "the graph"
OUT = Path("out/bench_servo")
CONTENDERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("servo, process", {}),
    ("servo, process, SCHED_FIFO", {"servo_priority": 80, "servo_lock_memory": True}),
    ("servo, thread", {"servo_thread": True}),
)


def beside_graph(rate_hz: float, seconds: float, console: Console) -> tuple[list[Window], str]:
    """Windows of every contender, each in a demo of its own, the plain timer last; and how the machine was."""
    windows, paces, loads = [], [], []
    before = psutil.cpu_times()
    for name, parameters in CONTENDERS:
        console.print(f"{name}, beside the graph", markup=False)
        run = _Watched(name, rate_hz, seconds, console)
        windows.append(run.demo({"servo_rate_hz": rate_hz, **parameters}))
        paces.append(run.pace)
        loads.append(psutil.getloadavg()[0])
    console.print("rclpy timer, beside the graph", markup=False)
    run = _Watched("", rate_hz, seconds, console)
    windows.append(run.demo({}))
    after = psutil.cpu_times()
    spent = [now - then for now, then in zip(after, before, strict=True)]
    stolen = getattr(after, "steal", 0.0) - getattr(before, "steal", 0.0)
    machine = (
        f"The graph ran at {sum([*paces, run.pace]) / (len(paces) + 1):.2f} of real time; load average"
        f" {min(loads):.0f} to {max(loads):.0f} on {psutil.cpu_count()} cores, other work of the machine included;"
        f" the hypervisor took {100.0 * stolen / max(1e-9, sum(spent)):.2f} % of their time."
    )
    return windows, machine


class _Watched:
    """One demo; its progress callback opens the window at the instruction and holds the graph up until it is full."""

    def __init__(self, name: str, rate_hz: float, seconds: float, console: Console) -> None:
        self._name, self._rate_hz, self._seconds, self._console = name, rate_hz, seconds, console
        self._ear: Any = None
        self._first: dict[str, str] = {}
        self._last: dict[str, str] = {}
        self._begun: tuple[float, float] | None = None
        self._timer: Window | None = None
        self.pace = float("nan")

    def demo(self, parameters: dict[str, Any]) -> Window:
        """Raises InputError when the servo said nothing."""
        scenario = load_scenario("yard")
        table = {**scenario.parameters, "controller": {**scenario.parameters.get("controller", {}), **parameters}}
        chosen = Scenario(**{**scenario.model_dump(), "parameters": table})
        with LiveProgress(self._console) as shown:
            self._shown = shown
            result = run_demo(DemoOptions(chosen, OUT, chosen.instruction), self._progress)
        self._console.print(f"demo: {result.reason}, {result.collisions} collisions", markup=False)
        if self._timer is not None:
            return self._timer
        if not self._first or not self._last:
            raise InputError("The servo gave no report.", f"See {OUT / 'log' / 'controller.log'}.")
        return between(self._name, BESIDE, self._first, self._last)

    def _progress(self, phase: str, watch: Watch) -> None:
        self._shown(phase, watch)
        if phase == "driving" and self._begun is None:
            self._begun = (time.monotonic(), watch.stamp_s)
            self._first = dict(self._look())
        if phase in ("driving", "stopping") and self._begun is not None and not self._name and self._timer is None:
            self._timer = timer(self._rate_hz, self._seconds, BESIDE)  # the drive goes on meanwhile
            self._measure_pace(watch)
        if phase == "stopping" and self._begun is not None:
            while time.monotonic() - self._begun[0] < self._seconds:
                self._look()
                time.sleep(0.05)
            self._measure_pace(watch)
            self._last = dict(self._look())
            if self._ear is not None:
                self._ear.close()
        elif self._name:
            self._look()

    def _look(self) -> dict[str, str]:
        if not self._name:
            return {}
        if self._ear is None:
            from physical_ai_bench.servo_load.node import DiagnosticsEar  # needs rclpy, which the demo has started

            self._ear = DiagnosticsEar()
        values: dict[str, str] = self._ear.look()
        return values

    def _measure_pace(self, watch: Watch) -> None:
        if self._begun is not None:
            self.pace = (watch.stamp_s - self._begun[1]) / max(1e-3, time.monotonic() - self._begun[0])
