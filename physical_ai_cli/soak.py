"""The whole graph up for minutes, driving from place to place: does the state miss a period?"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from physical_ai_bench.benchmarks.perception_node import STATE, Soak, missed_periods
from physical_ai_bench.scenario import Scenario
from physical_ai_cli.demo import START_PATIENCE_S, DemoOptions, Progress, write_graph_parameters
from physical_ai_cli.environment import ros_environment
from physical_ai_cli.processes import NodeProcesses
from physical_ai_cli.release import Release
from physical_ai_cli.watch import Watch
from physical_ai_core import graph
from physical_ai_core.errors import PhysicalAIError

LOOK_S: Final = 0.05
LAG_S: Final = 0.005
SETTLE_S: Final = 2.0  # graph time after the start that does not count: activation itself takes the machine
ON: Final = ("go to dock A", "go to the charger", "go to the shelves")  # what is said whenever a mission is done


def run_soak(scenario: Scenario, seconds: float, out: Path, progress: Progress) -> Soak:
    """Drive for so many seconds of the graph's clock. Raises PhysicalAIError when the graph does not come up."""
    from physical_ai_bench.node_load.node import Ear
    from physical_ai_cli.node import WatchNode

    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    # The simulated clock waits for the state: what is missed is lost, not late. The pace says how far from real time.
    parameters = {**scenario.parameters}
    parameters["simulator"] = {**parameters.get("simulator", {}), "lockstep_lag_s": LAG_S}
    scenario = scenario.model_copy(update={"parameters": parameters})
    options = DemoOptions(scenario, out, scenario.instruction)
    write_graph_parameters(options, out / "parameters.yaml", out / "bag")
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    processes = NodeProcesses(
        graph.NODES, out / "parameters.yaml", out / "log", ros_environment(), ("-p", "use_sim_time:=true")
    )
    watch = Watch()
    mouth = WatchNode(watch)
    ear = Ear({STATE: graph.TOPIC[STATE]})
    try:
        processes.start()
        wait_until_up(processes, watch, mouth.planner_listens, progress)
        mouth.instruct(scenario.instruction)
        begin_s, begin_wall_s = watch.stamp_s + SETTLE_S, time.monotonic()
        said, first_s = 0, watch.stamp_s
        while watch.stamp_s < begin_s + seconds and processes.alive("simulator"):
            time.sleep(LOOK_S)
            processes.poll()
            ear.listen()
            progress("soaking", watch)
            done = sum(reply.kind in ("done", "refusal", "question") for reply in watch.replies)
            if done > said:
                mouth.instruct(ON[said % len(ON)])
                said = done
        stamps = ear.stamps(STATE)[:, 0]
        stamps = stamps[(stamps >= begin_s) & (stamps < begin_s + seconds)]
        missed, gap_s = missed_periods(stamps, graph.TOPIC[STATE].rate_hz)
        return Soak(
            float(stamps[-1] - stamps[0]) if len(stamps) else 0.0,
            len(stamps),
            missed,
            gap_s,
            (watch.stamp_s - first_s) / (time.monotonic() - begin_wall_s),
            int(watch.values.get("perception", {}).get("late_ticks", "0")),
        )
    finally:
        progress("stopping", watch)
        processes.stop()
        ear.close()
        mouth.close()


def wait_until_up(processes: NodeProcesses, watch: Watch, listens: Callable[[], bool], progress: Progress) -> None:
    """Until every node is active, the gate released, and the planner listens and reads. Raises PhysicalAIError."""
    managed = tuple(node.name for node in graph.NODES if node.managed)
    deadline = time.monotonic() + START_PATIENCE_S
    release = Release(watch)
    try:
        while not (watch.all_active(managed) and listens() and _language_ready(watch) and release.done):
            time.sleep(LOOK_S)
            processes.poll()
            release.look()
            progress("starting", watch)
            if time.monotonic() > deadline or not processes.alive("simulator"):
                late = [name for name in managed if not watch.active.get(name, False)] or ["safety_gate: not released"]
                raise PhysicalAIError(f"The graph did not come up: {late}.", "Look at the logs of its nodes.")
    finally:
        release.close()


def _language_ready(watch: Watch) -> bool:
    return watch.values.get("planner", {}).get("language", "") not in ("", "loading")
