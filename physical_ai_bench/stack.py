"""The whole stack in one process: simulator, every core, a scripted word instead of a language model.

Example:
    outcome = Stack(load_scenario("yard"), seed=3).run()
"""

from __future__ import annotations

import json
import math
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from physical_ai_bench.person import Bystander
from physical_ai_bench.rooms import fitting, make_core
from physical_ai_bench.runner import Runner, Tap
from physical_ai_bench.scenario import Scenario
from physical_ai_bench.wire import Fault, FaultKind, FaultyWire
from physical_ai_core import messages as m
from physical_ai_core.core import Core
from physical_ai_core.errors import InputError
from physical_ai_core.goal import GoalState, Limits, PlaceTarget, Step, Task
from physical_ai_core.reports import ControllerStatus, PlannerReply, Verdict
from physical_ai_core.site import Site, load_site
from physical_ai_sim.people import Walkers
from physical_ai_telemetry.kpi import Kpis, KpiTracker

NODES: Final = ("safety_gate", "perception", "world_model", "controller", "planner")
LOOK_S: Final = 0.1  # how often the person beside the robot looks at it
SETTLE_S: Final = 2.0  # from the start to the instruction
DWELL_S: Final = 1.0  # the robot stands so long at the goal before the run counts as done
SLOW_MPS: Final = 0.5
STANDING_MPS, STANDING_RPS = 0.02, 0.05


@dataclass(frozen=True)
class Outcome:
    """How one run ended. Times in simulated seconds from the instruction, lengths in metres."""

    scenario: str
    seed: int
    fault: str
    reached: bool
    reason: str  # reached, time_up, refused, collision
    collisions: int
    bumps: int
    drive_s: float
    distance_m: float
    standstill_s: float | None  # from the begin of the fault until the robot stood
    closest_person_m: float | None  # centre to centre, while the robot moved
    final_pose: tuple[float, float, float]
    stops: int
    node_faults: dict[str, str] = field(default_factory=dict)
    collision_events: list[dict[str, Any]] = field(default_factory=list)
    wall_s: float = 0.0
    real_time: float = 0.0  # simulated seconds per second
    resets: int = 0  # how often a person had to call safety/reset: once after the start, and after each restart

    @property
    def ok(self) -> bool:
        return self.reached and self.collisions == 0


def goal_of(sentence: str, site: Site) -> GoalState:
    """The goal a sentence plainly names: its place, 'slowly', 'wait'. A stand-in for language, for runs without it.

    Raises InputError when no place of the site is in the sentence.
    """
    text = sentence.casefold()
    named = [
        (len(name), key)
        for key in site.places
        for name in (key, *site.spoken_names().get(key, ()))
        if name.casefold() in text
    ]
    if not named:
        raise InputError(
            f"No place of the site '{site.name}' is named in '{sentence}'.", f"Places: {list(site.places)}."
        )
    slow = re.search(r"slow|careful|ゆっくり|慎重", text) is not None
    limits = Limits(max_speed_mps=SLOW_MPS) if slow else Limits()
    steps = [Step(task=Task.NAVIGATE, target=PlaceTarget(name=max(named)[1]), limits=limits)]
    if re.search(r"wait|待", text):
        steps.append(Step(task=Task.WAIT))
    return GoalState(steps=tuple(steps))


class Stack:
    """One run of a scenario. `parameters` (node -> name -> value) win over the scenario's."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int = 0,
        faults: Sequence[Fault] = (),
        parameters: dict[str, dict[str, Any]] | None = None,
        taps: Sequence[Tap] = (),
        instruction: str | None = None,
        people: Walkers | None = None,
    ) -> None:
        """`people`: others than those that the simulator's parameters name."""
        self.scenario, self.seed, self.faults, self.walkers = scenario, seed, list(faults), people
        self.site = load_site(scenario.site)
        self.instruction = instruction if instruction is not None else scenario.instruction
        self._goal = goal_of(self.instruction, self.site)
        self._tables = [scenario.parameters, parameters or {}]
        self._state = tempfile.TemporaryDirectory(prefix="physical_ai_stack_")  # the planner's memory over its restart
        self.watch = Watcher()
        self.tracker = KpiTracker()
        cores = {name: self.build(name) for name in NODES}
        self.simulator: Any = self.build("simulator")
        self.start_s = float(getattr(self.simulator, "stamp_s", 0.0))
        self.spoken_s = self.start_s + SETTLE_S
        self.runner = Runner(
            cores,
            taps=[self.watch.tap, self._kpi_tap, *taps],
            wire=FaultyWire(self.faults, self.spoken_s),
            heartbeats=True,
            strict=False,
        )
        self.runner.now_s = self.start_s
        self.bystander = Bystander()
        self.runner.at(self.start_s, self._look)

    def build(self, name: str) -> Core:
        """A fresh core of a node with the run's parameters."""
        shared = {"site": self.scenario.site, "robot": "scout", "seed": self.seed, "state_dir": self._state.name}
        values = fitting(name, shared)
        for table in self._tables:
            values.update(fitting(name, table.get("/**", {})))
            values.update(table.get(name, {}))
        if name == "planner":
            from physical_ai_planner.scripted import ScriptedInterpreter

            return make_core(name, values, ScriptedInterpreter({self.instruction: self._goal}))
        return make_core(name, values, *([self.walkers] if name == "simulator" and self.walkers is not None else ()))

    def run(self, until_s: float | None = None, stop_at_collision: bool = False) -> Outcome:
        """Drive until the goal is reached, refused or the time is up. Deterministic for a scenario, seed and faults."""
        begun = time.monotonic()
        runner, watch = self.runner, self.watch
        runner.at(self.spoken_s, lambda: runner.say("instruction", m.Text(self.instruction)))
        for fault in self.faults:
            if fault.kind is FaultKind.DROP_NODE:
                self._plan_drop(fault)
        fault_s = min((self.spoken_s + f.at_s for f in self.faults if f.kind is not FaultKind.NONE), default=None)
        if fault_s is not None:
            runner.at(fault_s, lambda: watch.expect_standstill(fault_s))
        limit_s = self.scenario.time_limit_s if until_s is None else until_s
        runner.drive(self.simulator, self.spoken_s + limit_s, stop=lambda: self._over(stop_at_collision))
        wall_s = time.monotonic() - begun
        reason = self._reason()
        kpis = self.kpis()
        return Outcome(
            scenario=self.scenario.name,
            seed=self.seed,
            fault="+".join(fault.name for fault in self.faults) or "none",
            reached=watch.done,
            reason=reason,
            collisions=len(watch.collisions),
            bumps=len(watch.bumps),
            drive_s=round(runner.now_s - self.spoken_s, 3),
            distance_m=round(watch.distance_m, 3),
            standstill_s=watch.standstill_s,
            closest_person_m=None if math.isinf(watch.closest_m) else round(watch.closest_m, 3),
            final_pose=watch.pose,
            stops=kpis.stops,
            node_faults=dict(runner.faults),
            collision_events=watch.collisions,
            wall_s=round(wall_s, 2),
            resets=self.bystander.presses,
            real_time=round((runner.now_s - self.start_s) / max(wall_s, 1e-9), 2),
        )

    def _look(self) -> None:
        """The person beside the robot: calls safety/reset where the gate waits for it."""
        now_s = self.runner.now_s
        self.runner.at(now_s + LOOK_S, self._look)
        gate: Any = self.runner.cores.get("safety_gate")
        if self.bystander.presses_now(self.watch.verdict, now_s) and gate is not None:
            gate.reset("bystander")

    def kpis(self) -> Kpis:
        return self.tracker.kpis()

    def _kpi_tap(self, topic: str, data: Any, now_s: float) -> None:
        self.tracker.hear(topic, data, now_s)

    def _plan_drop(self, fault: Fault) -> None:
        runner, name = self.runner, fault.target
        runner.at(self.spoken_s + fault.at_s, lambda: runner.take_down(name))
        back_s = self.spoken_s + fault.at_s + fault.for_s
        if back_s < self.spoken_s + 1e6:
            runner.at(back_s, lambda: runner.bring_up(name, self.build(name)))

    def _over(self, stop_at_collision: bool) -> bool:
        watch = self.watch
        if stop_at_collision and watch.collisions:
            return True
        if watch.refused and not watch.moving:
            return True
        return watch.done and watch.stands_for(self.runner.now_s) > DWELL_S

    def _reason(self) -> str:
        if self.watch.collisions:
            return "collision"
        if self.watch.done:
            return "reached"
        return "refused" if self.watch.refused else "time_up"


class Watcher:
    """What the bench learns from what is said, as a tap; it reads ground truth, which the robot never does."""

    def __init__(self) -> None:
        self.done = self.refused = False
        self.collisions: list[dict[str, Any]] = []
        self.bumps: list[dict[str, Any]] = []
        self.distance_m = 0.0
        self.closest_m = math.inf
        self.pose = (math.nan, math.nan, math.nan)
        self.speed_mps = 0.0
        self.moving = False
        self.standstill_s: float | None = None
        self.reply: PlannerReply | None = None
        self.status: ControllerStatus | None = None
        self.verdict: Verdict | None = None
        self._stands_since_s: float | None = None
        self._fault_s: float | None = None

    def expect_standstill(self, fault_s: float) -> None:
        self._fault_s = fault_s

    def stands_for(self, now_s: float) -> float:
        return 0.0 if self._stands_since_s is None else now_s - self._stands_since_s

    def tap(self, topic: str, data: Any, now_s: float) -> None:
        if topic == "ground_truth/odometry":
            self._odometry(data, now_s)
        elif topic == "ground_truth/people":
            self._people(data)
        elif topic == "ground_truth/events":
            self._event(data)
        elif topic == "planner/reply":
            self.reply = data
            self.done = self.done or data.kind == "done"
            self.refused = data.kind in ("refusal", "question")
        elif topic == "controller/status":
            self.status = data
        elif topic == "safety/verdict":
            self.verdict = data

    def _odometry(self, data: m.Odometry, now_s: float) -> None:
        x, y, yaw = (float(value) for value in data.planar_pose())
        if not math.isnan(self.pose[0]):
            self.distance_m += math.hypot(x - self.pose[0], y - self.pose[1])
        self.pose = (x, y, yaw)
        self.speed_mps = math.hypot(float(data.linear_mps[0]), float(data.linear_mps[1]))
        self.moving = self.speed_mps >= STANDING_MPS or abs(float(data.angular_rps[2])) >= STANDING_RPS
        if self.moving:
            self._stands_since_s = None
        elif self._stands_since_s is None:
            self._stands_since_s = now_s
        if self._fault_s is not None and self.standstill_s is None and not self.moving:
            self.standstill_s = round(now_s - self._fault_s, 3)

    def _people(self, data: m.Objects) -> None:
        if self.moving and len(data.rows):
            away = np.hypot(data.rows["x"] - self.pose[0], data.rows["y"] - self.pose[1])
            self.closest_m = min(self.closest_m, float(away.min()))

    def _event(self, data: m.Text) -> None:
        event = json.loads(data.data)
        if event.get("kind") == "collision":
            self.collisions.append(event)
        elif event.get("kind") == "bump":
            self.bumps.append(event)


Progress = Callable[[int, int, Outcome], None]  # done, in all, the last
