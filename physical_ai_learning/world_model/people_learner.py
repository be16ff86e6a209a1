"""The training of the people model while it runs: steps, guard, checkpoints. Stopped anywhere, it goes on as it was."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from physical_ai_learning.compression.backslash import REFIT_EVERY
from physical_ai_learning.training.checkpoint import Keeper, randomness, set_randomness
from physical_ai_learning.training.guard import Guard, Limits
from physical_ai_learning.training.metrics import Course
from physical_ai_learning.training.parallel import Crew
from physical_ai_learning.training.recovery import Recovery
from physical_ai_learning.world_model.network import PeopleModel
from physical_ai_learning.world_model.sampling import Draft, Planner, passage
from physical_ai_learning.world_model.stepping import Objective, Stepper, Updater, loss_and_norm
from physical_ai_learning.world_model.train_people import Average, Material, Settings, begun, constrained, scores
from physical_ai_world_model.ssm.shape import Shape

WARM_UP: Final = 100  # steps
SAY_EVERY: Final = 10  # steps
GOOD_EVERY: Final = 25  # steps between copies of the weights to go back to
LIMITS: Final = Limits()
FREE: Final = ("seconds", "device", "graph", "engine")  # settings that may differ from a checkpoint's

Report = Callable[[int, dict[str, Any]], None]


def train(
    material: Material, shape: Shape, settings: Settings, folder: Path, report: Report, crew: Crew | None = None,
    data: str = "",
) -> tuple[PeopleModel, list[dict[str, Any]]]:  # fmt: skip
    """The model with the best mean weights by the part held back, and the course of its scores.

    Goes on from the newest checkpoint in `folder`; `data` names what is learnt from. Raises InputError where that
    checkpoint is of other settings, sizes or data, DivergedError where going back to good weights does not help.
    """
    crew = crew or Crew(device=settings.device)
    with Course(folder, silent=not crew.first) as course:
        learner = Learner(material, shape, settings, folder, crew, course, data)
        learner.go_on()
        learner.run(report)
    return learner.finished()


class Learner:
    """Model, optimiser, guard and place in the data. `go_on`, `run`, `finished`, in this order."""

    def __init__(
        self, material: Material, shape: Shape, settings: Settings, folder: Path, crew: Crew, course: Course, data: str
    ) -> None:
        self._material, self._settings, self._folder = material, settings, folder
        self._crew, self._said_to = crew, course
        torch.manual_seed(settings.seed)
        self.model = begun(shape, settings).to(crew.device)
        if crew.rank:
            torch.manual_seed(settings.seed + crew.rank)  # what is dropped out is each worker's own
        self._constraint = constrained(self.model, material, settings)
        self.mean = Average(self.model)
        cuda = crew.device.startswith("cuda")
        rate = torch.tensor(settings.rate, device=crew.device) if cuda else settings.rate
        self._optimiser = torch.optim.AdamW(self.model.parameters(), rate, weight_decay=settings.decay, capturable=cuda)
        stream = torch.cuda.Stream() if cuda and settings.graph and crew.size == 1 else None
        whole = crew.whole(Objective(self.model, settings.end, settings.likelihood))
        self._said = torch.zeros(2, device=crew.device)
        self._planners = [
            Planner(group, settings.rows, settings.stretch, settings.told, settings.seed + k, crew.size)
            for k, group in enumerate(material.learn)
        ]
        self._steppers = [
            Stepper(whole, group, planner, self._said, stream, self._constraint)
            for group, planner in zip(material.learn, self._planners, strict=True)
        ]
        self._updater = Updater(self.model, self._optimiser, self.mean.tensors, self._said, stream, self._constraint)
        self.step, self.place, self._spent_s = 0, (0, 0), 0.0
        self.course: list[dict[str, Any]] = []
        self._best, self._best_state = math.inf, dict[str, Tensor]()
        self.recovery = Recovery(Guard(LIMITS), self._copy, self._paste, GOOD_EVERY)
        decides = {key: value for key, value in asdict(settings).items() if key not in FREE}
        self._keeper = Keeper(folder, {"settings": decides, "shape": asdict(shape), "data": data})

    def go_on(self) -> None:
        """From the newest whole checkpoint, where there is one. Raises InputError for one of another training."""
        with self._crew.first_before_others():
            found = self._keeper.load(self._crew.device)
        for name in found.broken if found else ():
            self._said_to.say(self.step, broken_checkpoint=name)
        if found is None:
            return
        state = found.state
        self._paste(state["learnt"])
        if self._constraint is not None:
            self._constraint.refit()
        self.step, self.place, self._spent_s = found.step, tuple(state["place"]), state["spent_s"]
        self.course, self._best, self._best_state = state["course"], state["best"], state["best_state"]
        self.recovery.guard.restore(state["guard"])
        self.recovery.keep(self.step)
        if len(state["randomness"]) == self._crew.size:
            set_randomness(state["randomness"][self._crew.rank])
        else:  # other workers than before
            torch.manual_seed((self._settings.seed << 20) + (self.step << 8) + self._crew.rank)
        self._said_to.say(self.step, resumed=True, workers=self._crew.size)

    def run(self, report: Report) -> None:
        """Learn until the steps or the seconds are used up."""
        settings, began, before_s = self._settings, time.monotonic(), self._spent_s
        warm_up = max(1, min(WARM_UP, settings.steps // 4))
        done = self.step >= settings.steps
        number, index = self.place
        plan = passage(self._planners, settings.seed, number)
        ready = self._draft(plan, index) if not done else None
        while not done:
            assert ready is not None
            (self._spent_s,) = self._crew.told([before_s + time.monotonic() - began])
            share = min(1.0, max(self.step / settings.steps, self._spent_s / settings.seconds))
            rate = settings.rate * min(1.0, (self.step + 1) / warm_up) * 0.5 * (1.0 + math.cos(math.pi * share))
            if self._constraint is not None and self.step % REFIT_EVERY == 0:
                self._constraint.refit()
            self._steppers[plan[index][0]].slope(ready, settings.relax * (1.0 - share))
            index += 1
            if index == len(plan):
                number, index = number + 1, 0
                plan = passage(self._planners, settings.seed, number)
            self.place = (number, index)
            ready = self._draft(plan, index, 1)  # while the GPU is at work
            self._learn(rate, warm_up)
            done = self.step >= settings.steps or share >= 1.0
            report(self.step, {})
            if self.step % settings.every == 0 or done:
                report(self.step, self._look())

    def finished(self) -> tuple[PeopleModel, list[dict[str, Any]]]:
        """The model with its best mean weights, and the course of its scores, also kept as a file."""
        self.model.load_state_dict(self._best_state)
        if self._crew.first:
            (self._folder / "course.json").write_text(json.dumps(self.course, indent=1), encoding="utf-8")
        return self.model, self.course

    def _draft(self, plan: list[tuple[int, Any]], index: int, ahead: int = 0) -> Draft:
        group, windows = plan[index]
        return self._planners[group].draft(windows, self.step + ahead, self._crew.rank)

    def _learn(self, rate: float, warm_up: int) -> None:
        """What the slope says, the guard's verdict, and the update where it is taken."""
        loss, norm = loss_and_norm(self._said, self._crew)
        verdict = self.recovery.judge(self.step, loss, norm)
        if verdict == "take":
            self._updater.update(rate)
        self.step += 1
        if self.step == warm_up:
            self.mean.begin(self.model)
        if verdict == "take":
            self.recovery.taken(self.step)
        if verdict != "take" or self.step % SAY_EVERY == 0:
            self._said_to.say(self.step, loss=loss, norm=norm, rate=rate, seconds=round(self._spent_s, 2),
                              **self.recovery.said(verdict))  # fmt: skip

    def _look(self) -> dict[str, Any]:
        """Scores of the mean weights on what was held back; then a checkpoint."""
        self.mean.swap(self.model)
        with self._constraint.held() if self._constraint is not None else nullcontext():
            now = {"step": self.step, "seconds": round(self._spent_s, 1), **scores(self.model, self._material.held)}
            if self._constraint is not None:
                now["shape"] = round(float(np.mean(self._constraint.shapes)), 3)
            score = now["ade_m"] + 0.5 * now["fde_m"] + now["best_ade_m"] + 0.5 * now["best_fde_m"]
            if score < self._best or not self._best_state or self._settings.small.active:
                self._best = score
                self._best_state = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.mean.swap(self.model)
        self.course.append(now)
        self._said_to.say(**now)
        if self.recovery.guard.calm:
            self._keep()
        return now

    def _keep(self) -> None:
        if self._constraint is not None:
            self._constraint.refit()  # as whoever goes on from here does
        self.recovery.keep(self.step)
        everyones = self._crew.every(randomness())
        if self._crew.first:
            self._keeper.save(self.step, {
                "learnt": self._copy(), "place": list(self.place), "spent_s": self._spent_s, "course": self.course,
                "best": self._best, "best_state": self._best_state, "guard": self.recovery.guard.state(),
                "randomness": everyones,
            })  # fmt: skip

    def _copy(self) -> dict[str, Any]:
        return {
            "model": {k: v.clone() for k, v in self.model.state_dict().items()},
            "mean": [v.clone() for v in self.mean.tensors],
            "moments": [
                {k: v.clone() for k, v in self._optimiser.state[p].items()} if p in self._optimiser.state else {}
                for p in self.model.parameters()
            ],
        }

    @torch.no_grad()
    def _paste(self, state: dict[str, Any]) -> None:
        """Into the tensors that there are: graphs on a GPU hold on to them."""
        self.model.load_state_dict(state["model"])
        for own, kept in zip(self.mean.tensors, state["mean"], strict=True):
            own.copy_(kept)
        for parameter, moments in zip(self.model.parameters(), state["moments"], strict=True):
            own_moments = self._optimiser.state[parameter]
            for key, kept in moments.items():
                if key in own_moments:
                    own_moments[key].copy_(kept)
                else:
                    own_moments[key] = kept.clone()
            if not moments:
                for value in own_moments.values():
                    value.zero_()
