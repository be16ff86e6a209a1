"""The fault campaign on the real graph: drive, strike, look, mend, and see whether the robot drives again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from math import hypot
from pathlib import Path
from typing import Any, Final

import yaml

from physical_ai_bench.faults.judge import Judge, Trial
from physical_ai_bench.faults.plan import Fault, Kind, relays
from physical_ai_bench.scenario import Scenario, read_parameters, write_parameters
from physical_ai_cli.demo import DemoOptions, write_graph_parameters
from physical_ai_cli.environment import ros_environment
from physical_ai_cli.processes import NodeProcesses
from physical_ai_cli.release import RESET
from physical_ai_cli.soak import wait_until_up
from physical_ai_cli.watch import Watch
from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.robot import load_robot
from physical_ai_core.site import load_site

LOOK_S: Final = 0.02
SITE, ROBOT = "yard", "scout"
TURN_M: Final = 8.0  # so near to its goal the robot is sent to the other
GOALS: Final = {"go to dock A": "dock_a", "go to the tank": "water_tank"}
UNDER_WAY_MPS, UNDER_WAY_S = 0.6, 0.6  # before a fault strikes
AGAIN_MPS: Final = 0.3
PATIENCE_S: Final = 60.0  # wall, for the robot to drive again
TELL_AGAIN_S: Final = 8.0  # wall; so long the person waits before saying it again
PRESS_AGAIN_S: Final = 1.0
FROZEN: Final = 3.0  # a fault under which the graph's clock stands ends after so many times its seconds of wall time
LATCHED: Final = ("start", "emergency_stop", "overrun", "bumper")
Progress = Callable[[str, Watch], None]


class TruthWatch(Watch):
    """A watch on the simulator's time alone, for a fault may set every other clock; tells the judge of a fault."""

    judge: Judge | None = None

    def hear(self, topic: str, data: Any, stamp_s: float) -> None:
        true_s = stamp_s if topic == "ground_truth/odometry" else self.stamp_s
        super().hear(topic, data, true_s)
        judge = self.judge
        if judge is None:
            return
        if topic == "ground_truth/odometry":
            judge.truth(true_s, data.planar_pose(), float(data.linear_mps[0]), float(data.angular_rps[2]))
        elif topic == "cmd_vel":
            judge.command(true_s, data.linear_x_mps, data.angular_z_rps)
        elif topic == "safety/verdict":
            last = data.interventions[-1] if data.interventions else {}
            judge.verdict(data.state, last.get("rule", ""), last.get("clause", ""))
        elif topic == "ground_truth/events":
            judge.contact(json.loads(data.data))

    def _hear_truth(self, data: m.Odometry, stamp_s: float) -> None:
        super()._hear_truth(data, stamp_s)
        stops = self.verdict is None or self.verdict.state not in ("clear", "limited")
        if stops or self.true_speed_mps < UNDER_WAY_MPS:
            self.under_way_since_s = stamp_s

    under_way_since_s: float = float("inf")

    @property
    def rule(self) -> str:
        """What the gate holds against the motion now."""
        verdict = self.verdict
        return str(verdict.interventions[-1]["rule"]) if verdict is not None and verdict.interventions else ""


class Graph:
    """One graph, with the relays that `faults` need, and the person beside it."""

    def __init__(self, faults: Sequence[Fault], out: Path, seed: int, progress: Progress) -> None:
        from physical_ai_cli.node import Operator, WatchNode

        self.watch = TruthWatch()
        self._progress = progress
        self._site = load_site(SITE)
        self._goal = ""
        self._told_wall_s = self._pressed_wall_s = 0.0
        self.resets = self.told = 0
        environment = ros_environment()
        at = relays(faults)
        own: dict[str, tuple[str, ...]] = {}
        for line in at:
            for node in line.remapped_at:
                own[node] = own.get(node, ()) + line.remap
        self._relay = subprocess.Popen(
            [sys.executable, "-m", "physical_ai_bench.faults.node", *(line.topic for line in at)],
            stdin=subprocess.PIPE, env=environment, start_new_session=True, text=True,
        )  # fmt: skip
        self._processes = NodeProcesses(
            graph.NODES, _parameters(out, seed), out / "log", environment, ("-p", "use_sim_time:=true"), own
        )
        self._ears = WatchNode(self.watch)
        self._operator: Any = None
        try:
            self._processes.start()
            wait_until_up(self._processes, self.watch, self._ears.planner_listens, progress)
            self._operator = Operator()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for name in self._processes.running:
            self._processes.send(name, signal.SIGCONT)  # what is stopped cannot end
        self._processes.stop()
        assert self._relay.stdin is not None
        self._relay.stdin.close()
        self._relay.wait(10.0)
        if self._operator is not None:
            self._operator.__exit__()
        self._ears.close()

    # --- a trial ---

    def try_out(self, fault: Fault, seconds: float) -> Trial:
        """Strike while the robot drives. Raises PhysicalAIError when it cannot be brought to drive before."""
        watch = self.watch
        if not self._drive(f"before {fault.name}", lambda: watch.stamp_s - watch.under_way_since_s > UNDER_WAY_S):
            raise PhysicalAIError("The robot does not drive.", "Look at the logs of its nodes.")
        judge = Judge(fault, self._site, load_robot(ROBOT).footprint)
        begun_s, begun_wall_s, deaths = watch.stamp_s, time.monotonic(), self._deaths()
        self.resets = self.told = 0
        watch.judge = judge
        judge.strike(watch.stamp_s, watch.true_speed_mps)
        self._strike(fault)
        self._wait(fault, seconds, begun_s, begun_wall_s)
        self._mend(fault)
        judge.end(watch.stamp_s)
        ended_s, trial = watch.stamp_s, judge.trial
        if self._drive(f"{fault.name}: over", lambda: watch.true_speed_mps > AGAIN_MPS):
            trial.again_s = watch.stamp_s - ended_s
        else:
            trial.stuck = self._words()
        watch.judge = None
        trial.resets, trial.told_again = self.resets, self.told
        died = {name: count - deaths.get(name, 0) for name, count in self._deaths().items()}
        killed = fault.target if fault.kind is Kind.KILL else ""
        trial.died = {name: count for name, count in died.items() if count and name != killed}
        trial.wall_s = time.monotonic() - begun_wall_s
        trial.pace = (watch.stamp_s - begun_s) / trial.wall_s
        return trial

    def _words(self) -> str:
        """What the robot says about itself."""
        watch = self.watch
        mode = None if watch.status is None else f"{watch.status.mode} {watch.status.message}".strip()
        reply = None if watch.reply is None else f"{watch.reply.kind}: {watch.reply.en}"
        asleep = [node.name for node in graph.NODES if node.managed and not watch.active.get(node.name, False)]
        gate = None if watch.verdict is None else f"{watch.verdict.state}, {watch.verdict.en}"
        return f"gate: {gate}; planner: {reply}; controller: {mode}; not active: {asleep}"

    def _strike(self, fault: Fault) -> None:
        if fault.kind is Kind.KILL:
            self._processes.kill(fault.target)
            self.watch.active[fault.target] = False
        elif fault.kind is Kind.STOP:
            self._processes.send(fault.target, signal.SIGSTOP)
        elif fault.kind is not Kind.NONE:
            self._order(fault.target, fault.kind, fault.amount)

    def _mend(self, fault: Fault) -> None:
        self._told_wall_s = time.monotonic()
        if fault.kind is Kind.STOP:
            self._processes.send(fault.target, signal.SIGCONT)
        elif fault.kind not in (Kind.NONE, Kind.KILL):
            self._order(fault.target, Kind.NONE, 0.0)

    def _order(self, topic: str, kind: Kind, amount: float) -> None:
        assert self._relay.stdin is not None
        self._relay.stdin.write(json.dumps({"topic": topic, "kind": kind.value, "amount": amount}) + "\n")
        self._relay.stdin.flush()

    def _wait(self, fault: Fault, seconds: float, begun_s: float, begun_wall_s: float) -> None:
        """As long as the fault lasts; a killed node's until it is active again, for it comes back by itself."""
        while True:
            self._step(fault.name)
            wall_s, passed_s = time.monotonic() - begun_wall_s, self.watch.stamp_s - begun_s
            if fault.kind is Kind.KILL:
                if wall_s < 0.5:  # heartbeats of before the kill do not count
                    self.watch.active[fault.target] = False
                back = not graph.NODE[fault.target].managed or self.watch.active.get(fault.target, False)
                if (back and passed_s > min(seconds, 1.0)) or wall_s > PATIENCE_S:
                    return
            elif passed_s > seconds or wall_s > FROZEN * seconds:
                return

    # --- driving ---

    def _drive(self, phase: str, done: Callable[[], bool]) -> bool:
        """Keep the robot driving as its people would, until `done`; False when that takes too long."""
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE_S:
            self._step(phase)
            if self._send_on():
                continue  # what it does for the last goal does not count
            self._release()
            if done():
                return True
        return False

    def _send_on(self) -> bool:
        """Name the other goal near to one, and the same one again where the robot stands for no reason."""
        watch, now = self.watch, time.monotonic()
        if self._goal:
            place, pose = self._site.places[GOALS[self._goal]].pose, watch.true_pose
            near = pose is not None and hypot(place.x_m - pose[0], place.y_m - pose[1]) < TURN_M
            if near:
                self._goal = next(text for text in GOALS if text != self._goal)
                self._tell()
                return True
            idle = watch.true_speed_mps < 0.1 and watch.rule not in LATCHED and now - self._told_wall_s > TELL_AGAIN_S
            if idle and now - self._pressed_wall_s > TELL_AGAIN_S:
                self.told += 1
                self._tell()
            return False
        self._goal = next(iter(GOALS))
        self._tell()
        return True

    def _tell(self) -> None:
        self._told_wall_s = time.monotonic()
        self._ears.instruct(self._goal)

    def _release(self) -> None:
        """The person's reset, where the gate waits for one."""
        now = time.monotonic()
        if self.watch.rule not in LATCHED or now - self._pressed_wall_s < PRESS_AGAIN_S:
            return
        if not self._operator.offered(RESET):
            return
        self._pressed_wall_s = now
        try:
            done, text = self._operator.trigger(RESET, 2.0)
        except PhysicalAIError as error:
            done, text = False, str(error)
        self.resets += done
        self.watch.person.append(f"{RESET}: {text}")

    def _deaths(self) -> dict[str, int]:
        return {name: len(entry.deaths) for name, entry in self._processes.running.items()}

    def _step(self, phase: str) -> None:
        time.sleep(LOOK_S)
        self._processes.poll()
        self._progress(phase, self.watch)


def run_faults(
    faults: Sequence[Fault], seconds: float, seed: int, out: Path, keep: Callable[[Trial], None], progress: Progress
) -> None:
    """Try every fault on as few graphs as recovery allows; `keep` gets each result at once."""
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    up: Graph | None = None
    count = 0  # each graph keeps its logs and its recording
    shutil.rmtree(out, ignore_errors=True)
    try:
        for place, fault in enumerate(faults):
            for last in (False, True):
                if up is None:
                    up = Graph(faults[place:], out / f"graph_{count}", seed, progress)
                    count += 1
                try:
                    trial = up.try_out(fault, seconds)
                    break
                except PhysicalAIError:
                    up.close()
                    up = None
                    if last:
                        raise
            keep(trial)
            if trial.again_s is None and up is not None:
                up.close()
                up = None
    finally:
        if up is not None:
            up.close()


def _parameters(out: Path, seed: int) -> Path:
    """Of a yard without people, for what stops the robot shall be the fault; the sentences are known by heart."""
    out.mkdir(parents=True)
    sentences = {
        text: {"steps": [{"task": "navigate", "target": {"kind": "place", "name": place}}]}
        for text, place in GOALS.items()
    }
    (out / "commands.yaml").write_text(yaml.safe_dump(sentences), encoding="utf-8")
    scenario = Scenario(
        name="faults", site=SITE, instruction=next(iter(GOALS)),
        parameters={
            "simulator": {"people": "none", "lidar_full_circle": True}, "safety_gate": {"rules": "yard"},
            "planner": {"language_enabled": False, "commands_file": str((out / "commands.yaml").resolve())},
        },
    )  # fmt: skip
    path = out / "parameters.yaml"
    write_graph_parameters(DemoOptions(scenario, out, scenario.instruction, seed), path, out / "bag")
    write_parameters(path, read_parameters(path), {"/**": {"robot": ROBOT}})
    return path
