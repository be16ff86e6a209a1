"""The demo's graph with its controller at a high rate, on patrol until it has been watched for long enough."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import psutil

from physical_ai_bench.benchmarks.paced import Machine, Paced
from physical_ai_bench.scenario import Scenario
from physical_ai_cli.demo import DemoOptions, Progress, write_graph_parameters
from physical_ai_cli.environment import ros_environment
from physical_ai_cli.processes import NodeProcesses
from physical_ai_cli.soak import wait_until_up
from physical_ai_cli.watch import Watch
from physical_ai_control.pace import PACE
from physical_ai_core import graph
from physical_ai_core.errors import InputError, PhysicalAIError

LOOK_S: Final = 0.02  # controller/status comes ten times a second: none is passed over
DRIVING: Final = "tracking"
START_S: Final = 60.0  # wall, from the instruction to the first metre
SETTLE_S: Final = 3.0
ENDS: Final = ("done", "refusal", "question")


def run_paced(
    scenario: Scenario, minutes: float, rate_hz: float, priority: int, instruction: str, out: Path, progress: Progress
) -> Paced:
    """Drive for so many minutes of wall time, the controller at SCHED_FIFO `priority` (0: ordinary).

    Raises PhysicalAIError where the graph does not come up or drive.
    """
    from physical_ai_cli.node import WatchNode

    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    fast = {"tick_hz": rate_hz, "solve_every": 1, "priority": priority}
    table = {**scenario.parameters, "controller": {**scenario.parameters.get("controller", {}), **fast}}
    scenario = scenario.model_copy(update={"parameters": table})
    options = DemoOptions(scenario, out, instruction)
    write_graph_parameters(options, out / "parameters.yaml", out / "bag")
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    processes = NodeProcesses(
        graph.NODES, out / "parameters.yaml", out / "log", ros_environment(), ("-p", "use_sim_time:=true")
    )
    watch = Watch()
    mouth = WatchNode(watch)
    try:
        processes.start()
        wait_until_up(processes, watch, mouth.planner_listens, progress)
        run = _Window(watch, processes, mouth, instruction, progress)
        try:
            return run.watch(minutes, rate_hz)
        finally:
            run.close()
    finally:
        progress("stopping", watch)
        processes.stop()
        mouth.close()


class _Window:
    """Watches the graph drive, speaks again where a mission ends, and counts."""

    def __init__(
        self, watch: Watch, processes: NodeProcesses, mouth: Any, instruction: str, progress: Progress
    ) -> None:
        from physical_ai_bench.servo_load.node import DiagnosticsEar  # needs rclpy, which the watcher has started

        self._watch, self._processes, self._mouth = watch, processes, mouth
        self._instruction, self._progress = instruction, progress
        self._ear = DiagnosticsEar(PACE)
        self._ended = 0
        self._status_s = 0.0
        self.solve_ms: list[float] = []
        self.modes: Counter[str] = Counter()

    def watch(self, minutes: float, rate_hz: float) -> Paced:
        watch, processes = self._watch, self._processes
        self._mouth.instruct(self._instruction)
        deadline_s = time.monotonic() + START_S
        while not self.modes[DRIVING]:
            self._step()
            if time.monotonic() > deadline_s:
                said = watch.reply.en if watch.reply is not None else "nothing"
                raise InputError(f"The robot does not drive; the planner's last word: {said}", "Give --instruction.")
        self._step_for(SETTLE_S)
        first, late = self._newest(), self._late_ticks()
        begun_s, graph_s, cpu_s, times = time.monotonic(), watch.stamp_s, processes.cpu_s(), psutil.cpu_times()
        self.solve_ms, self.modes = [], Counter()
        self._step_for(60.0 * minutes)
        last, cpu_after = self._newest(), processes.cpu_s()
        wall_s = time.monotonic() - begun_s
        cores = {name: (cpu_after[name] - cpu_s[name]) / wall_s for name in cpu_s if name in cpu_after}
        whole = machine(times, psutil.cpu_times(), wall_s, sum(cores.values()))
        return Paced(
            minutes, rate_hz, last.get("granted", ""), wall_s, watch.stamp_s - graph_s, first, last,
            self._late_ticks() - late, self.solve_ms, self.modes, cores, whole, len(watch.collisions),
        )  # fmt: skip

    def close(self) -> None:
        self._ear.close()

    def _step_for(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self._step()

    def _step(self) -> None:
        time.sleep(LOOK_S)
        watch = self._watch
        if self._processes.poll():
            raise PhysicalAIError("A node died.", "Look at the logs of the nodes.")
        self._ear.look()
        status = watch.status
        if status is not None and status.stamp_s > self._status_s:
            self._status_s = status.stamp_s
            self.modes[status.mode] += 1
            if status.mode == DRIVING:
                self.solve_ms.append(status.solve_ms)
        ended = sum(reply.kind in ENDS for reply in watch.replies)
        if ended > self._ended:
            self._ended = ended
            self._mouth.instruct(self._instruction)
        self._progress("driving", watch)

    def _newest(self) -> dict[str, str]:
        """Counters that were told from now on, so that the window's ends are as sharp as a second."""
        before = dict(self._ear.look())
        deadline_s = time.monotonic() + START_S
        while (found := dict(self._ear.look())) == before or not found:
            self._step()
            if time.monotonic() > deadline_s:
                raise InputError("The controller tells nothing of its pace.", "See its log.")
        return found

    def _late_ticks(self) -> int:
        return int(self._watch.values.get("controller", {}).get("late_ticks", "0"))


def machine(before: Any, after: Any, wall_s: float, graph: float) -> Machine:
    """The processors between two readings of `psutil.cpu_times`; `graph`: cores that the graph took."""
    spent = {name: getattr(after, name) - getattr(before, name) for name in before._fields}
    idle = spent["idle"] + spent.get("iowait", 0.0)
    counted = [seconds for name, seconds in spent.items() if name not in ("guest", "guest_nice")]  # inside user, nice
    whole, stolen = max(1e-9, sum(counted)), spent.get("steal", 0.0)
    cores = psutil.cpu_count() or 1
    return Machine(
        cores, cores * (whole - idle - stolen) / whole, graph, psutil.getloadavg()[0], 100.0 * stolen / whole
    )
