"""The main job: start the graph, speak the instruction, watch the robot, and report what happened."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from physical_ai_bench.scenario import ParameterTable, Scenario, read_parameters, write_parameters
from physical_ai_cli.environment import ros_environment
from physical_ai_cli.processes import NodeProcesses
from physical_ai_cli.release import Release
from physical_ai_cli.watch import Watch
from physical_ai_core import graph
from physical_ai_core.errors import InputError
from physical_ai_core.share import share_path
from physical_ai_core.site import load_site

START_PATIENCE_S = 240.0  # wall; cold caches and a language model to load
RECORD_PATIENCE_S = 10.0  # wall; discovery of the recorder's many readers can take some seconds
END_DWELL_S = 1.0  # graph time that the robot must stand at the goal before the run counts as done


@dataclass(frozen=True)
class DemoOptions:
    """What the command line chose."""

    scenario: Scenario
    out: Path
    instruction: str
    seed: int = 0
    real_time_factor: float = 1.0
    parameter_file: Path | None = None
    kill: str | None = None  # node to SIGKILL during the drive
    kill_after_m: float = 4.0  # metres driven before that


SLOWER = 0.9  # of the speed at the kill: a command below it begins the stop


@dataclass
class Fault:
    """What a SIGKILL led to. Times from the kill, on the graph's clock: until the command slows down (a controlled stop
    is a ramp), is zero, and the robot stands; `back_s` on the wall.
    """

    node: str
    killed_s: float
    speed_mps: float
    slows_s: float | None = None
    zero_s: float | None = None
    zero_wall_s: float | None = None
    stand_s: float | None = None
    back_s: float | None = None


@dataclass
class DemoResult:
    """How the run ended. `reason` is one of reached, time_up, refused, simulator_died, not_started, interrupted."""

    reason: str
    collisions: int = 0
    bumps: int = 0
    drive_s: float = 0.0
    wall_s: float = 0.0
    distance_m: float = 0.0
    cpu_cores: dict[str, float] = field(default_factory=dict)
    fault: Fault | None = None
    restarts: dict[str, int] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        if self.reason == "interrupted":
            return 130
        return 0 if self.reason == "reached" and self.collisions == 0 else 1


Progress = Callable[[str, Watch], None]


def run_demo(options: DemoOptions, progress: Progress) -> DemoResult:
    """Run one demo to its end, whatever that is; the graph is down and the bag closed when it returns."""
    from physical_ai_cli.node import WatchNode  # needs rclpy

    if options.kill is not None and options.kill not in graph.NODE:
        raise InputError(f"There is no node '{options.kill}' to kill.", f"Nodes: {', '.join(graph.NODE)}.")
    load_site(options.scenario.site)  # refuse an unreadable site before anything starts
    bag = options.out / "bag"
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    parameter_file = options.out / "parameters.yaml"
    write_graph_parameters(options, parameter_file, bag)
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    environment = ros_environment()
    processes = NodeProcesses(
        graph.NODES, parameter_file, options.out / "log", environment, ("-p", "use_sim_time:=true")
    )
    watch = Watch()
    run = _Run(options, watch, processes, progress)
    ears = WatchNode(watch)
    try:
        processes.start()
        return run.drive(ears.instruct, ears.planner_listens)
    except KeyboardInterrupt:
        return run.end("interrupted")
    finally:
        progress("stopping", watch)
        processes.stop()
        run.release.close()
        ears.close()


def write_graph_parameters(options: DemoOptions, path: Path, bag: Path) -> None:
    """The parameter file of a run of the whole graph."""
    robot_file = options.parameter_file or share_path("config/robot.yaml")
    demo: ParameterTable = {
        "/**": {"site": options.scenario.site},
        "simulator": {"seed": options.seed, "real_time_factor": options.real_time_factor},
        "telemetry": {"output_folder": str(bag.resolve().parent), "bag": bag.name},
        "perception": {"resume_file": str((options.out / "pose.json").resolve())},
        "planner": {"state_dir": str((options.out / "planner").resolve())},
    }
    write_parameters(path, read_parameters(robot_file), demo, options.scenario.parameters)


class _Run:
    """One run in progress."""

    def __init__(self, options: DemoOptions, watch: Watch, processes: NodeProcesses, progress: Progress) -> None:
        self._options, self._watch, self._processes, self._progress = options, watch, processes, progress
        self.release = Release(watch)
        self._begun_s: float | None = None  # graph time of the instruction
        self._begun_wall_s = time.monotonic()
        self._cpu_before: dict[str, float] = {}
        self._fault: Fault | None = None
        self._fault_wall_s = 0.0

    def drive(self, instruct: Callable[[str], None], planner_listens: Callable[[], bool]) -> DemoResult:
        managed = tuple(node.name for node in graph.NODES if node.managed)
        deadline = time.monotonic() + START_PATIENCE_S
        while not (self._watch.all_active(managed) and planner_listens() and self._language_ready()):
            if self._step("starting"):
                return self.end("simulator_died")
            if time.monotonic() > deadline:
                return self.end("not_started")
        recorded_by = time.monotonic() + RECORD_PATIENCE_S
        while not (self._recording() and self.release.done) and time.monotonic() < recorded_by:
            if self._step("starting"):
                return self.end("simulator_died")
        self._begun_s, self._begun_wall_s = self._watch.stamp_s, time.monotonic()
        self._cpu_before = self._processes.cpu_s()
        instruct(self._options.instruction)
        while True:
            if self._step("driving"):
                return self.end("simulator_died")
            self._inject_fault()
            outcome = self._outcome()
            if outcome is not None:
                return self.end(outcome)

    def _recording(self) -> bool:
        return self._watch.values.get("telemetry", {}).get("messages", "0") != "0"

    def _language_ready(self) -> bool:
        return self._watch.values.get("planner", {}).get("language", "") not in ("", "loading")

    def _step(self, phase: str) -> bool:
        """Wait a little; True when the simulator is gone."""
        time.sleep(0.02)
        self._processes.poll()
        self.release.look()
        self._progress(phase, self._watch)
        return not self._processes.alive("simulator")

    def _outcome(self) -> str | None:
        watch, begun_s = self._watch, self._begun_s or 0.0
        if watch.stamp_s - begun_s > self._options.scenario.time_limit_s:
            return "time_up"
        kinds = [reply.kind for reply in watch.replies]
        if "done" in kinds:
            stands = watch.stands_since_s is not None and watch.stamp_s - watch.stands_since_s > END_DWELL_S
            return "reached" if stands else None
        if kinds and kinds[-1] in ("refusal", "question"):
            return "refused"
        return None

    def _inject_fault(self) -> None:
        watch, name = self._watch, self._options.kill
        if name is None:
            return
        if self._fault is None:
            if watch.distance_m >= self._options.kill_after_m and abs(watch.command[0]) > 0.3:
                self._fault = Fault(name, watch.stamp_s, watch.true_speed_mps)
                self._fault_wall_s = time.monotonic()
                watch.zero_since_s = watch.stands_since_s = None
                self._processes.kill(name)
            return
        fault, now = self._fault, time.monotonic() - self._fault_wall_s
        if fault.slows_s is None and abs(watch.command[0]) < SLOWER * fault.speed_mps:
            fault.slows_s = max(0.0, watch.command_s - fault.killed_s)
        # A dead gate says nothing: then the base watchdog is what zeroes the command, seen as a standing base.
        # It moved when it was killed, so what stands now began after; its stamp may be of the tick before all the same.
        if fault.zero_s is None and watch.zero_since_s is not None:
            fault.zero_s, fault.zero_wall_s = max(0.0, watch.zero_since_s - fault.killed_s), now
        if fault.stand_s is None and watch.stands_since_s is not None:
            fault.stand_s = max(0.0, watch.stands_since_s - fault.killed_s)
        if now < 0.5:
            watch.active[name] = False  # heartbeats of before the kill do not count
        elif fault.back_s is None and watch.active.get(name, False):
            fault.back_s = now

    def end(self, reason: str) -> DemoResult:
        watch = self._watch
        wall_s = time.monotonic() - self._begun_wall_s
        cpu = self._processes.cpu_s()
        spent = {name: cpu[name] - before for name, before in self._cpu_before.items() if name in cpu}
        return DemoResult(
            reason=reason,
            collisions=len(watch.collisions),
            bumps=len(watch.bumps),
            drive_s=watch.stamp_s - self._begun_s if self._begun_s is not None else 0.0,
            wall_s=wall_s,
            distance_m=watch.distance_m,
            cpu_cores={name: seconds / wall_s for name, seconds in spent.items()},
            fault=self._fault,
            restarts={n: len(e.deaths) for n, e in self._processes.running.items() if e.deaths},
            messages=self._explain(reason),
        )

    def _explain(self, reason: str) -> list[str]:
        """What a person needs to read when the run did not end well."""
        watch = self._watch
        if reason == "refused" and watch.reply is not None:
            return [watch.reply.en, watch.reply.ja]
        if reason == "not_started":
            late = [n.name for n in graph.NODES if n.managed and not watch.active.get(n.name, False)]
            return [f"{name}: {watch.messages.get(name, 'no heartbeat')}" for name in late or ["planner"]]
        if reason == "simulator_died":
            return [f"The simulator ended; its log is {self._options.out / 'log' / 'simulator.log'}."]
        if reason == "time_up" and watch.reply is not None:
            return [f"Last word of the planner: {watch.reply.en}"]
        return []


def write_result(path: Path, options: DemoOptions, result: DemoResult, kpis: dict[str, Any]) -> None:
    """`kpi.json`: the outcome, the KPIs, and what produced them."""
    content = {
        "schema_version": "1.0",
        "scenario": options.scenario.name,
        "instruction": options.instruction,
        "seed": options.seed,
        "result": {**asdict(result), "exit_code": result.exit_code},
        "kpi": kpis,
    }
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2, default=str), encoding="utf-8")
