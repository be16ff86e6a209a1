"""One run: the whole stack in one process, from the LiDAR, without map or ground truth; judged by the simulator.

The goal goes in as a pose on `goal_pose`, so no language model is needed. Ground truth is read by the judge alone.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from physical_ai_bench.barn.losses import reason
from physical_ai_bench.barn.results import Result
from physical_ai_bench.barn.score import LOW_2022, LOW_NOW, score
from physical_ai_bench.barn.trace import Recorder
from physical_ai_bench.barn.worlds import CYLINDER_RADIUS_M, GOAL, GOAL_RADIUS_M, World, load_world
from physical_ai_bench.complaints import Complaints
from physical_ai_bench.scenario import ParameterTable, Scenario, fingerprint, load_scenario, overlaid
from physical_ai_bench.stack import Stack
from physical_ai_core import messages as m
from physical_ai_core.geometry import Array, rotation
from physical_ai_core.robot import load_robot

SCENARIO: Final = "barn"
TIME_OUT_S: Final = 100.0
MOVED_M: Final = 0.1  # time counts from so much motion
CONTACTS: Final = ("collision", "structure")  # any contact is one


@dataclass(frozen=True)
class Trial:
    """A run from its description alone: picklable. `parameters` win over those of the scenario `barn`."""

    file: Path
    seed: int
    parameters: ParameterTable
    traces: Path | None = None
    setup: str = ""  # fingerprint, for the results file


def scenario_of(world: World | None, parameters: ParameterTable) -> Scenario:
    """The scenario `barn` with a world and further parameters."""
    own: ParameterTable = {} if world is None else {"simulator": {"barn_world": str(world.file)}}
    return overlaid(load_scenario(SCENARIO), parameters, own)


def setup_of(parameters: ParameterTable) -> str:
    """Fingerprint of robot, rules, site and parameters."""
    return fingerprint(scenario_of(None, parameters), ("simulator", "barn_world"))


class Judge:
    """A tap that watches ground truth: when the robot set off, arrived, touched something, and how near it came."""

    def __init__(self, world: World, half_m: Array) -> None:
        self._cylinders, self._half = world.cylinders, half_m
        self._first: tuple[float, float] | None = None
        self._last: tuple[float, float] | None = None
        self.set_off_s = self.arrived_s = math.inf
        self.touched = ""
        self.clearance_m, self.distance_m = math.inf, 0.0

    def tap(self, topic: str, data: Any, now_s: float) -> None:
        if topic == "ground_truth/odometry":
            self._pose(data.planar_pose(), now_s)
        elif topic == "ground_truth/events" and not self.touched:
            event = json.loads(data.data)
            if event["kind"] in CONTACTS:
                self.touched = f"touched {event['other']} at {event['speed_mps']:.2f} m/s"

    def _pose(self, pose: Array, now_s: float) -> None:
        x, y, yaw = (float(value) for value in pose)
        self._first = self._first or (x, y)
        if self._last is not None:
            self.distance_m += math.hypot(x - self._last[0], y - self._last[1])
        self._last = (x, y)
        if math.isinf(self.set_off_s) and math.hypot(x - self._first[0], y - self._first[1]) >= MOVED_M:
            self.set_off_s = now_s
        if math.hypot(x - GOAL[0], y - GOAL[1]) <= GOAL_RADIUS_M:
            self.arrived_s = min(self.arrived_s, now_s)
        near = self._cylinders[np.abs(self._cylinders - (x, y)).max(axis=1) < 1.5]
        if len(near):
            outside = np.maximum(np.abs((near - (x, y)) @ rotation(yaw)) - self._half, 0.0)
            gap = float(np.hypot(outside[:, 0], outside[:, 1]).min()) - CYLINDER_RADIUS_M
            self.clearance_m = min(self.clearance_m, gap)

    def over(self, now_s: float, since_s: float) -> bool:
        begun_s = self.set_off_s if math.isfinite(self.set_off_s) else since_s  # who never sets off has its time, too
        return bool(self.touched) or math.isfinite(self.arrived_s) or now_s - begun_s >= TIME_OUT_S


def run_trial(trial: Trial) -> Result:
    """Drive one world. Deterministic for world, seed and parameters, but for `real_time`."""
    began = time.monotonic()
    world = load_world(trial.file)
    scenario = scenario_of(world, trial.parameters)
    robot = load_robot(str(scenario.parameters.get("/**", {}).get("robot", "scout")))
    judge = Judge(world, np.abs(np.array(robot.footprint)).max(axis=0))
    complaints, recorder = Complaints(), Recorder(reason)
    stack = Stack(scenario, trial.seed, taps=(judge.tap, complaints.tap, recorder.tap))
    runner, said_s = stack.runner, stack.spoken_s
    goal = m.Pose(said_s, "map", np.array([*GOAL, 0.0]), np.zeros(4))  # no turn: any heading
    runner.at(said_s, lambda: runner.say("goal_pose", goal))
    runner.drive(stack.simulator, said_s + 2.0 * TIME_OUT_S + 1.0, stop=lambda: judge.over(runner.now_s, said_s))
    faults = "; ".join(f"{node}: {fault}" for node, fault in runner.faults.items())
    notes = "; ".join(part for part in (judge.touched, faults, complaints.text()) if part)
    begun_s = judge.set_off_s if math.isfinite(judge.set_off_s) else said_s
    success = math.isfinite(judge.arrived_s) and not judge.touched
    time_s = (judge.arrived_s if success else runner.now_s) - begun_s
    result = Result(
        world=world.number,
        seed=trial.seed,
        success=success,
        collision=bool(judge.touched),
        timeout=not success and not judge.touched,
        time_s=time_s,
        optimal_s=world.optimal_s,
        score_2=score(success, time_s, world.optimal_s, LOW_NOW),
        score_4=score(success, time_s, world.optimal_s, LOW_2022),
        min_clearance_m=judge.clearance_m,
        distance_m=judge.distance_m,
        real_time=(runner.now_s - stack.start_s) / (time.monotonic() - began),
        setup=trial.setup,
        notes=notes,
    )
    if trial.traces is not None:
        recorder.trace(world, result).save(trial.traces)
    return result
