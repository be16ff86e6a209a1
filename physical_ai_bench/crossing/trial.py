"""One run: 20 recorded people cross the route, the whole stack drives from its sensors, the simulator judges."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from physical_ai_bench.complaints import Complaints
from physical_ai_bench.crossing.crowd import FOLDS, TO, Crossers, crossers, recording_of
from physical_ai_bench.crossing.forecasts import NOBODY, PREDICTED, Plain
from physical_ai_bench.crossing.results import Result
from physical_ai_bench.crossing.trace import Recorder, trace_name
from physical_ai_bench.scenario import ParameterTable, Scenario, fingerprint, load_scenario, overlaid
from physical_ai_bench.stack import SETTLE_S, Stack
from physical_ai_core import messages as m
from physical_ai_core.core import Core
from physical_ai_core.geometry import Array, rotation
from physical_ai_core.robot import load_robot
from physical_ai_sim import physics

SCENARIO: Final = "crossing"
TIME_OUT_S: Final = 100.0
GOAL_RADIUS_M: Final = 0.5
STANDING_MPS: Final = 0.05
NEAR_M: Final = 3.0
FOLD_FOLDER: Final = Path(__file__).parents[2] / "physical_ai_learning/world_model/data/folds"
GUARDS: Final = ("person", "obstacle")  # rules of the gate that look at what is around
STOPPED: Final = ("protective_stop", "emergency_stop")
SAME_STOP_S: Final = 1.0


@dataclass(frozen=True)
class Trial:
    """A run from its description alone: picklable. `parameters` win over those of the scenario `crossing`."""

    forecast: str
    seed: int
    parameters: ParameterTable
    traces: Path | None = None
    setup: str = ""  # fingerprint, for the results file


def setup_of(parameters: ParameterTable) -> str:
    """Fingerprint of robot, rules, site and parameters."""
    return fingerprint(overlaid(load_scenario(SCENARIO), parameters))


class CrossingStack(Stack):
    """The stack with the run's people, forecasts of weights that never saw the recording, or plainer ones."""

    def __init__(self, scenario: Scenario, forecast: str, seed: int, people: Crossers | None, taps: Any) -> None:
        self._forecast = forecast
        super().__init__(scenario, seed, taps=taps, people=people)

    def build(self, name: str) -> Core:
        core = super().build(name)
        return Plain(core, self._forecast) if name == "world_model" and self._forecast not in WHOLE else core


WHOLE: Final = (PREDICTED, NOBODY)


class Judge:
    """A tap that watches ground truth, and the gate's verdicts."""

    def __init__(self, half_m: Array) -> None:
        self._half = half_m
        self._pose, self._speed = np.full(3, np.nan), 0.0
        self._people_s = math.nan
        self._guarding_s = -math.inf
        self._verdict_s = math.nan
        self.arrived_s = math.inf
        self.contacts: list[dict[str, Any]] = []
        self.gap_m = self.gap_moving_m = math.inf
        self.met: set[int] = set()
        self.gate_stops, self.gate_s, self.stood_s, self.distance_m = 0, 0.0, 0.0, 0.0
        self._truth_s = math.nan
        self.begin_s = math.inf  # of the drive

    def tap(self, topic: str, data: Any, now_s: float) -> None:
        if topic == "ground_truth/odometry":
            self._moved(data, now_s)
        elif topic == "ground_truth/people":
            self._people(data)
        elif topic == "ground_truth/events":
            self.contacts.append(json.loads(data.data))
        elif topic == "safety/verdict":
            self._verdict(data, now_s)

    def _moved(self, data: m.Odometry, now_s: float) -> None:
        pose = np.asarray(data.planar_pose(), dtype=float)
        self._speed = float(np.hypot(*data.linear_mps[:2]))
        if now_s >= self.begin_s and not math.isnan(self._truth_s):
            step_s = now_s - self._truth_s
            self.distance_m += float(np.hypot(*(pose - self._pose)[:2]))
            self.stood_s += step_s if self._speed < STANDING_MPS else 0.0
            if np.hypot(*(pose[:2] - TO)) <= GOAL_RADIUS_M:
                self.arrived_s = min(self.arrived_s, now_s)
        self._pose, self._truth_s = pose, now_s

    def _people(self, data: m.Objects) -> None:
        rows = data.rows
        if not len(rows) or np.isnan(self._pose[0]):
            return
        away = np.column_stack([rows["x"], rows["y"]]) - self._pose[:2]
        outside = np.maximum(np.abs(away @ rotation(float(self._pose[2]))) - self._half, 0.0)
        gap = np.hypot(*outside.T) - physics.PERSON_RADIUS_M
        self.met.update(rows["id"][np.hypot(*away.T) < NEAR_M].tolist())
        self.gap_m = min(self.gap_m, float(gap.min()))
        if self._speed > STANDING_MPS:
            self.gap_moving_m = min(self.gap_moving_m, float(gap.min()))

    def _verdict(self, verdict: Any, now_s: float) -> None:
        guards = any(item.rule in GUARDS for item in verdict.interventions)
        if guards and now_s >= self.begin_s:
            stops = abs(verdict.command_out[0]) < STANDING_MPS < abs(verdict.command_in[0])
            if stops:
                self.gate_stops += now_s - self._guarding_s > SAME_STOP_S
                self._guarding_s = now_s
            if not math.isnan(self._verdict_s):
                self.gate_s += min(0.05, now_s - self._verdict_s)
        self._verdict_s = now_s


def run_trial(trial: Trial) -> Result:
    """Drive one run. Deterministic for forecast, seed and parameters, but for `real_time` and `cpu_s`."""
    began, cpu = time.monotonic(), time.process_time()
    name = recording_of(trial.seed)
    weights: ParameterTable = {"world_model": {"people_model": str(FOLD_FOLDER / f"{FOLDS[name]}.safetensors")}}
    scenario = overlaid(load_scenario(SCENARIO), weights, trial.parameters)
    people = None if trial.forecast == NOBODY else crossers(trial.seed, SETTLE_S)
    robot = load_robot(str(scenario.parameters.get("/**", {}).get("robot", "scout")))
    judge, complaints, recorder = Judge(np.abs(np.array(robot.footprint)).max(axis=0)), Complaints(), Recorder()
    stack = CrossingStack(scenario, trial.forecast, trial.seed, people, (judge.tap, complaints.tap, recorder.tap))
    runner, said_s = stack.runner, stack.spoken_s
    judge.begin_s = said_s
    goal = m.Pose(said_s, "map", np.array([*TO, 0.0]), np.zeros(4))  # no turn: any heading
    runner.at(said_s, lambda: runner.say("goal_pose", goal))
    runner.drive(stack.simulator, said_s + TIME_OUT_S, stop=lambda: math.isfinite(judge.arrived_s))
    collisions = [event for event in judge.contacts if event["kind"] in ("collision", "structure")]
    touched = "; ".join(
        f"{event['kind']} with {event['other']} at {event['speed_mps']:.2f} m/s, {event['stamp_s'] - said_s:.1f} s"
        for event in judge.contacts
    )
    faults = "; ".join(f"{node}: {fault}" for node, fault in runner.faults.items())
    reached = math.isfinite(judge.arrived_s)
    result = Result(
        forecast=trial.forecast,
        seed=trial.seed,
        recording=name,
        reached=reached,
        collisions=len(collisions),
        bumps=len(judge.contacts) - len(collisions),
        time_s=(judge.arrived_s if reached else runner.now_s) - said_s,
        least_gap_m=judge.gap_m,
        least_gap_moving_m=judge.gap_moving_m,
        met=len(judge.met),
        gate_stops=judge.gate_stops,
        gate_s=judge.gate_s,
        stood_s=judge.stood_s,
        distance_m=judge.distance_m,
        real_time=(runner.now_s - stack.start_s) / (time.monotonic() - began),
        cpu_s=time.process_time() - cpu,
        setup=trial.setup,
        notes="; ".join(part for part in (touched, faults, complaints.text()) if part),
    )
    if trial.traces is not None:
        title = f"{name} {trial.seed} {trial.forecast}: {result.time_s:.0f} s" + (f"; {touched}" if touched else "")
        recorder.trace(trace_name(*result.key), title).save(trial.traces)
    return result
