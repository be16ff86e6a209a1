"""The planner node: the core, with the language model in its worker process and the controller's idea of a drive."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from physical_ai_control.drive_forecast import ControllerDrive
from physical_ai_control.parameters import ControllerParameters
from physical_ai_core.core import Core
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
