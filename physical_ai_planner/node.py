"""The planner node: the core, with the language model in its worker process and the controller's idea of a drive."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.route import Route
from physical_ai_core.core import Core
from physical_ai_core.forecast import Driven
from physical_ai_core.geometry import Array
from physical_ai_core.goal import GoalState
from physical_ai_core.ros.node import CoreNode, Tick
from physical_ai_core.ros.spin import run_node
from physical_ai_planner.core import PlannerCore
from physical_ai_planner.experts.council import Council
from physical_ai_planner.interpreter import Interpreter, InterpreterStatus, Readiness, Reading
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_planner.scripted import ScriptedInterpreter

WORKER = "physical_ai_planner.language.worker"


class WorkerInterpreter:
    """The language worker behind the core's protocol. One that cannot start leaves a planner that drives to poses."""

    def __init__(self, parameters: PlannerParameters) -> None:
        self._worker: Any = None
        self._fault = ""
        try:
            self._worker = _start_worker(parameters)
        except Exception as error:  # no torch, no weights, no memory: the reason is told, the robot keeps its planner
            self._fault = f"{type(error).__name__}: {error}"

    def submit(self, instruction_id: str, text: str, present: str | None = None) -> None:
        if self._worker is not None:
            self._worker.submit(instruction_id, text, present)

    def poll(self) -> list[GoalState]:
        return [] if self._worker is None else list(self._worker.poll())

    def readings(self, instruction_id: str) -> tuple[Reading, ...]:
        return () if self._worker is None else tuple(self._worker.readings(instruction_id))

    def status(self) -> InterpreterStatus:
        if self._worker is None:
            return InterpreterStatus(Readiness.FAILED, self._fault)
        state = self._worker.state.value
        readiness = Readiness.ABSENT if state == "stopped" else Readiness(state)
        return InterpreterStatus(readiness, self._worker.reason)

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None


def _start_worker(parameters: PlannerParameters) -> Any:
    module = importlib.import_module(WORKER)  # only here: what it needs is not installed on every robot
    model = parameters.model_directory or parameters.model or module.DEFAULT_MODEL
    worker = module.LanguageWorker(parameters.site, model, parameters.language_threads)
    worker.budget = (parameters.readings, parameters.readings_s)
    worker.start()
    return worker


def _council(parameters: PlannerParameters) -> Council | None:
    if not parameters.experts_enabled:
        return None
    return Council(Path(parameters.experts_folder) if parameters.experts_folder else None)


class ControllerDrive:
    """The controller's own idea of a route, lent to the planner's check: smoothed, with its speeds in bends."""

    def __init__(self, parameters: ControllerParameters) -> None:
        self.p = parameters

    def drive(self, poses: Array, most_mps: Array, speed_mps: float) -> Driven:
        """As `physical_ai_core.forecast.DriveForecast` has it."""
        p, xy = self.p, np.asarray(poses, dtype=float)[:, :2]
        if len(xy) < 2:
            return Driven(np.zeros(len(xy)), xy, np.zeros(len(xy)))
        route = Route(poses, p.lateral_acceleration_mps2, p.yaw_rate_rps, p.arrival_deceleration_mps2)
        table = np.asarray(route.speed_table)
        s = np.minimum(np.arange(len(table)) * route.spacing_m, route.length_m)
        share = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
        speed = np.minimum(table, np.interp(s / max(route.length_m, 1e-6) * share[-1], share, most_mps))
        speed[0] = min(speed[0], max(0.0, speed_mps))
        for i in range(1, len(speed)):
            reached = (speed[i - 1] ** 2 + 2.0 * p.acceleration_mps2 * (s[i] - s[i - 1])) ** 0.5
            speed[i] = min(speed[i], reached)
        mean = np.maximum(0.5 * (speed[:-1] + speed[1:]), 1e-2)
        times = np.concatenate([[0.0], np.cumsum(np.diff(s) / mean)])
        return Driven(times, route.at(s)[0], speed)


class PlannerNode(CoreNode[PlannerParameters]):
    """Starts the worker when it is configured and ends it with the process."""

    TICK = Tick.STEADY

    _worker: WorkerInterpreter | None = None

    def build(self, parameters: PlannerParameters) -> Core:
        self.close()
        interpreter: Interpreter | None = None
        if parameters.language_enabled:
            interpreter = self._worker = WorkerInterpreter(parameters)
        elif parameters.commands_file:
            interpreter = ScriptedInterpreter.from_file(parameters.commands_file)
        try:
            driver = ControllerDrive(ControllerParameters())
            return PlannerCore(parameters, interpreter, driver=driver, council=_council(parameters))
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None


def main() -> None:
    raise SystemExit(run_node(lambda: PlannerNode("planner", PlannerParameters)))


if __name__ == "__main__":
    main()
