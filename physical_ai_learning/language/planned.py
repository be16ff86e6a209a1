"""Sentences with known goals through the whole planner, as the robot and `physical-ai goal` run it.

The language model's readings are checked and rehearsed on the site by the planner's own core; experts are left out,
since they add limits that nobody said.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from physical_ai_core.goal import GoalState
from physical_ai_core.site import Site
from physical_ai_learning.language.evaluate import Result, Sentence, find_site, outside_rules
from physical_ai_planner.interpreter import InterpreterStatus, Readiness, Reading
from physical_ai_planner.language.interpreter import LanguageInterpreter
from physical_ai_planner.language.nbest import Budget
from physical_ai_planner.offline import OfflinePlanner
from physical_ai_planner.parameters import PlannerParameters


class InProcess:
    """A language model in this process behind the protocol of the worker; `site` may change between sentences."""

    def __init__(self, model: LanguageInterpreter, site: Site, budget: Budget) -> None:
        self._model, self._site, self._budget = model, site, budget
        self._goals: list[GoalState] = []
        self._readings: dict[str, tuple[Reading, ...]] = {}

    def submit(self, instruction_id: str, text: str, present: str | None = None) -> None:
        goal, every = self._model.read(text, self._site, present=present, budget=self._budget)
        self._goals.append(goal.model_copy(update={"instruction_id": instruction_id}))
        self._readings = {instruction_id: every}

    def poll(self) -> list[GoalState]:
        goals, self._goals = self._goals, []
        return goals

    def readings(self, instruction_id: str) -> tuple[Reading, ...]:
        return self._readings.pop(instruction_id, ())

    def status(self) -> InterpreterStatus:
        return InterpreterStatus(Readiness.READY)


def plan_all(
    model: LanguageInterpreter, sentences: Sequence[Sentence], folder: Path | None, readings_s: float | None = None
) -> list[Result]:
    """The planner's goal for each sentence, on the sites that lie in `folder` or come with the package.

    `readings_s`: wall time for readings after the first; the robot's own by default.
    """
    found: dict[str, Result] = {}
    for name in sorted({s.site for s in sentences}):
        site, local = find_site(name, folder), folder / f"{name}.yaml" if folder else None
        parameters = PlannerParameters(
            site=str(local) if local is not None and local.exists() else name, experts_enabled=False
        )
        budget = Budget(parameters.readings, parameters.readings_s if readings_s is None else readings_s)
        planner = OfflinePlanner(parameters, InProcess(model, site, budget))
        for sentence in (s for s in sentences if s.site == name):
            began = time.perf_counter()
            goal = planner.read(sentence.text, sentence.present).goal
            found[sentence.id] = Result(sentence, goal, time.perf_counter() - began, outside_rules(goal, site))
    return [found[s.id] for s in sentences]
