"""Ways of trying to crash: each sees the whole truth and asks the gate for the worst it can think of."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from physical_ai_bench.adversary import world
from physical_ai_bench.adversary.episode import Ask, Tactic, View

NAV: Final = "cmd_vel_nav"
TELEOP: Final = "cmd_vel_teleop"
CHOICES: Final = np.array(
    [(v, w) for v in (-0.5, 0.0, 0.4, 1.0, 2.0) for w in (-2.0, -0.8, 0.0, 0.8, 2.0) if v or w], dtype=float
)
THINKS_S: Final = 0.1
AHEAD_S: Final = (0.3, 0.7, 1.2)


class Script:
    """A row of motions (K, 3): v, w and how long. After its end the last one goes on."""

    def __init__(self, name: str, rows: object, topic: str = NAV) -> None:
        self.name, self.topic = name, topic
        self.rows = np.asarray(rows, dtype=float)
        self.ends = np.cumsum(self.rows[:, 2])

    def ask(self, view: View) -> list[Ask]:
        k = min(int(self.ends.searchsorted(view.t_s, side="right")), len(self.rows) - 1)
        return [Ask(self.topic, float(self.rows[k, 0]), float(self.rows[k, 1]))]


class Homing:
    """Whatever brings footprint and nearest thing, or the edge of a zone, together soonest; thought over anew at 10 Hz.

    `only_back`: reverse alone, after `forth_s` straight ahead.
    """

    def __init__(self, name: str, ahead_s: float, forth_s: float = 0.0) -> None:
        self.name, self.ahead_s, self.forth_s = name, ahead_s, forth_s
        self._until_s, self._best = -1.0, (0.0, 0.0)

    def ask(self, view: View) -> list[Ask]:
        if view.t_s < self.forth_s:
            return [Ask(NAV, 1.0, 0.0)]
        if view.t_s >= self._until_s:
            self._until_s = view.t_s + THINKS_S
            self._best = self._think(view)
        return [Ask(NAV, *self._best)]

    def _think(self, view: View) -> tuple[float, float]:
        scene = view.scene
        choices = CHOICES[CHOICES[:, 0] < 0.0] if self.forth_s else CHOICES
        out = np.empty(len(choices))
        world.nearest_after(
            view.state, choices, self.ahead_s, 5, scene.setup.outline, scene.walls, view.rounds, scene.setup.fences, out
        )
        v, w = choices[int(out.argmin())]
        return float(v), float(w)


class Feint:
    """Homing that now and then falls silent, says what is no command, or leaves the word to another source."""

    def __init__(self, inner: Tactic, rng: np.random.Generator) -> None:
        self.name, self.inner, self._rng = "feint", inner, rng
        self._mode, self._until_s = "go", 0.0

    def ask(self, view: View) -> list[Ask]:
        if view.t_s >= self._until_s:
            self._mode = str(self._rng.choice(["go", "go", "go", "stop", "silent", "nan", "teleop", "both", "wild"]))
            self._until_s = view.t_s + float(self._rng.uniform(0.06, 0.5))
        asks = self.inner.ask(view)
        match self._mode:
            case "stop":
                return [Ask(NAV, 0.0, 0.0)]
            case "silent":
                return []
            case "nan":
                return [Ask(NAV, math.nan, 0.0)]
            case "teleop":
                return [Ask(TELEOP, *ask[1:]) for ask in asks]
            case "both":
                return [Ask(TELEOP, -ask.v_mps, -ask.w_rps) for ask in asks] + asks
            case "wild":
                return [Ask(NAV, 50.0 * ask.v_mps, 50.0 * ask.w_rps) for ask in asks]
        return asks


NAMES: Final = ("ahead", "homing", "far_homing", "feint", "bang", "spin", "back", "skim")


def tactic(name: str, rng: np.random.Generator) -> Tactic:
    """A tactic by name, with what it leaves to chance drawn from `rng`."""
    u = rng.uniform
    match name:
        case "ahead":
            return Script(name, [(2.0, float(u(-0.6, 0.6)), 9.0)])
        case "homing":
            return Homing(name, AHEAD_S[int(rng.integers(0, 2))])
        case "far_homing":
            return Homing(name, AHEAD_S[2])
        case "feint":
            return Feint(Homing(name, AHEAD_S[int(rng.integers(0, 3))]), rng)
        case "bang":
            rows = [(float(rng.choice([-2.0, 0.0, 2.0])), float(rng.choice([-2.0, 0.0, 2.0])), float(u(0.05, 0.6)))
                    for _ in range(20)]  # fmt: skip
            return Script(name, rows)
        case "spin":
            turn = 2.0 if rng.random() < 0.5 else -2.0
            return Script(name, [(2.0, 0.0, float(u(0.1, 1.5))), (float(u(-0.2, 0.5)), turn, float(u(0.3, 1.5))),
                                 (float(u(-0.5, 1.0)), -turn, 9.0)])  # fmt: skip
        case "back":
            return Homing(name, AHEAD_S[1], float(u(0.3, 2.5)))
        case "skim":
            turn = float(u(0.3, 2.0)) * (1.0 if rng.random() < 0.5 else -1.0)
            return Script(name, [(1.5, 0.0, float(u(0.2, 1.5))), (1.5, turn, float(u(0.2, 1.0))), (1.5, -turn, 9.0)])
    raise KeyError(name)
