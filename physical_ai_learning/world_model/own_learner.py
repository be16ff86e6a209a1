"""The training of the own-motion model while it runs: steps, guard, checkpoints. Stopped, it goes on as it was."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from physical_ai_learning.training.checkpoint import Keeper, digest, randomness, set_randomness
from physical_ai_learning.training.guard import Guard, Limits
from physical_ai_learning.training.metrics import Course, Report
from physical_ai_learning.training.recovery import Recovery
from physical_ai_learning.world_model.own_data import split
from physical_ai_learning.world_model.own_network import OwnModel
from physical_ai_learning.world_model.own_objective import Windows, loss_on
from physical_ai_learning.world_model.own_record import Mission
from physical_ai_world_model.own_motion.dynamics import Base

WARM_UP: Final = 50  # steps
GOOD_EVERY: Final = 25  # steps between copies of the weights to go back to
SAY_EVERY: Final = 10  # steps
LIMITS: Final = Limits()


@dataclass(frozen=True)
class Settings:
    """The shipped weights' settings; `smoke` makes all of it tiny."""

    missions: int = 220
    mission_s: float = 40.0
    steps: int = 1000
    windows: int = 36
    rate: float = 3e-3
    every: int = 100
    seed: int = 0

    @staticmethod
    def smoke() -> Settings:
        return Settings(missions=20, mission_s=15.0, steps=20, windows=8, every=10)


def train(settings: Settings, missions: Sequence[Mission], folder: Path, report: Report) -> OwnModel:
    """The model whose weights were best on the missions held for calibration.

    Goes on from the newest checkpoint in `folder`. Raises InputError where that is of other settings or missions,
    DivergedError where going back to good weights does not help.
    """
    with Course(folder) as course:
        learner = Learner(settings, missions, folder, course)
        learner.go_on()
        learner.run(report)
    return learner.finished()


class Learner:
    """Model, optimiser, guard and place in the draws. `go_on`, `run`, `finished`, in this order."""

    def __init__(self, settings: Settings, missions: Sequence[Mission], folder: Path, course: Course) -> None:
        self._settings, self._folder, self._said_to = settings, folder, course
        torch.manual_seed(settings.seed)
        self._rng = np.random.default_rng(settings.seed)
        learn, hold, _ = split(missions)
        base = Base()
        self._windows, held = Windows(learn, base, settings.seed), Windows(hold, base, settings.seed + 1)
        self._check = held.draw(min(200, 10 * len(hold)), np.random.default_rng(5))
        self.model = OwnModel(base)
        self._optimiser = torch.optim.AdamW(self.model.parameters(), settings.rate, weight_decay=1e-4)
        self.step, self._best = 0, math.inf
        self._best_state = self._weights()
        self.course: list[dict[str, Any]] = []
        self.recovery = Recovery(Guard(LIMITS), self._copy, self._paste, GOOD_EVERY)
        data = digest([part for mission in missions for part in mission])
        self._keeper = Keeper(folder, {"settings": asdict(settings), "data": data})

    def go_on(self) -> None:
        """From the newest whole checkpoint, where there is one. Raises InputError for one of another training."""
        found = self._keeper.load()
        for name in found.broken if found else ():
            self._said_to.say(self.step, broken_checkpoint=name)
        if found is None:
            return
        state = found.state
        self._paste(state["learnt"])
        self.step, self._best, self._best_state = found.step, state["best"], state["best_state"]
        self.course = state["course"]
        self._rng.bit_generator.state = state["draws"]
        set_randomness(state["randomness"])
        self.recovery.guard.restore(state["guard"])
        self.recovery.keep(self.step)
        self._said_to.say(self.step, resumed=True)

    def run(self, report: Report) -> None:
        """Learn until the steps are used up."""
        settings = self._settings
        while self.step < settings.steps:
            now = self._learn()
            report("learning", self.step, settings.steps)
            if self.step % settings.every == 0 or self.step == settings.steps:
                self._look(now)

    def finished(self) -> OwnModel:
        """The model with its best weights; the course of its losses is kept as a file."""
        self.model.load_state_dict(self._best_state)
        (self._folder / "course.json").write_text(json.dumps(self.course, indent=1), encoding="utf-8")
        return self.model

    def _learn(self) -> float:
        """One batch: its loss, the guard's verdict, and the update where it is taken. Returns the loss."""
        settings = self._settings
        share = self.step / settings.steps
        rate = settings.rate * min(1.0, (self.step + 1) / WARM_UP) * 0.5 * (1.0 + math.cos(math.pi * share))
        loss = loss_on(self.model, self._windows.draw(settings.windows, self._rng))
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0))
        found = float(loss)
        verdict = self.recovery.judge(self.step, found, norm)
        if verdict == "take":
            for group in self._optimiser.param_groups:
                group["lr"] = rate
            self._optimiser.step()
        self.step += 1
        if verdict == "take":
            self.recovery.taken(self.step)
        if verdict != "take" or self.step % SAY_EVERY == 0:
            self._said_to.say(self.step, loss=found, norm=norm, rate=rate, **self.recovery.said(verdict))
        return found

    def _look(self, loss: float) -> None:
        """The loss on what is held for calibration; then a checkpoint."""
        with torch.no_grad():
            held = float(loss_on(self.model, self._check))
        self.course.append({"step": self.step, "loss": round(loss, 4), "held": round(held, 4)})
        self._said_to.say(self.step, held=held)
        if held < self._best:
            self._best, self._best_state = held, self._weights()
        if self.recovery.guard.calm:
            self.recovery.keep(self.step)
            self._keeper.save(self.step, {
                "learnt": self._copy(), "best": self._best, "best_state": self._best_state, "course": self.course,
                "draws": self._rng.bit_generator.state, "randomness": randomness(),
                "guard": self.recovery.guard.state(),
            })  # fmt: skip

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.model.state_dict().items()}

    def _copy(self) -> dict[str, Any]:
        return {"model": self._weights(), "optimiser": copy.deepcopy(self._optimiser.state_dict())}

    def _paste(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(copy.deepcopy(state["optimiser"]))
