"""Keeps the models of the robot under watch: what happened under each is counted, and one that made it worse goes.

The decision is taken here and not in the world model, because it is about the whole robot: stops, malfunctions,
surprise. A roll-back moves the pointer, so that the next activation loads what was there before; the world model sees
it within a second and lets the Kalman filter (of the own motion: the kinematic model) speak alone until then. Weights
are never exchanged under way. Of two models promoted together both are blamed: each for what happened under it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from physical_ai_core import messages as m
from physical_ai_core.core import OK, WARN
from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.models.limits import WatchLimits
from physical_ai_core.models.slots import PACKAGE, SLOTS, Slots
from physical_ai_core.models.watch import Report, Watch

PEOPLE: Final = "people"
MODELS: Final = (PEOPLE, "own_motion")
KPIS, SHADOW, DECISION = "kpis.json", "shadow.json", "roll_back.json"
EVERY_S: Final = 60.0
FIRST_S: Final = 15.0  # a short mission leaves a record, too
HASH_DIGITS: Final = 12


class Keeper:
    """Of one model. Feed it what is on `heartbeat`; call `tick` with the steady clock."""

    def __init__(self, folder: Path, limits: WatchLimits, model: str = PEOPLE) -> None:
        self._name = model
        self._says = f"{model}_model"  # in the world model's heartbeat: whose weights, and how their hash begins
        self._compares = "shadow." if model == PEOPLE else "own_shadow."
        self._line = "physical_ai/models" if model == PEOPLE else f"physical_ai/models/{model}"
        self._slots = Slots(model, folder)
        kept = self._slots.noted(KPIS)
        self._packaged = str(kept.get(PACKAGE, ""))
        self._watch = Watch(limits, kept.get("models", {}))
        self._origin, self._model, self._surprise = "", "", 0.0
        self._shadow: dict[str, str] = {}
        self._next_s: float | None = None
        self._fault, self._rolled_back = "", ""

    def hear(self, status: m.Status) -> None:
        """A heartbeat of the world model, or of telemetry with its figures; others say nothing here."""
        if status.name == "world_model" and self._says in status.values:
            self._origin, _, self._model = status.values[self._says].partition(" ")
            self._surprise = _number(status.values.get("surprise"))
            if self._origin == PACKAGE:
                self._packaged = self._model
            self._shadow = {
                name.removeprefix(self._compares): value
                for name, value in status.values.items()
                if name.startswith(self._compares)
            }
        elif status.name == "telemetry" and self._model:
            report = Report.read(status.values)
            if report is not None:
                self._watch.hear(self._model, report, self._surprise)

    def tick(self, steady_s: float) -> None:
        """Once a minute: keep what was counted, and judge what is active. Only where a model was ever installed."""
        if self._next_s is None:
            self._next_s = steady_s + FIRST_S
        if steady_s < self._next_s or not self._slots.folder.is_dir():
            return
        self._next_s = steady_s + EVERY_S
        try:
            self._keep()
            self._judge()
            self._fault = ""
        except (OSError, PhysicalAIError) as error:
            self._fault = str(error)

    def status(self) -> m.Status | None:
        """A line of diagnostics, where there is something to say."""
        if not self._model or not (self._slots.folder.is_dir() or self._fault):
            return None
        level, text = (WARN, self._rolled_back or self._fault) if self._rolled_back or self._fault else (OK, "ok")
        tally = self._watch.kept().get(self._model, {})
        values = {"model": f"{self._origin} {self._model}", **{name: f"{value:g}" for name, value in tally.items()}}
        return m.Status(level, self._line, text, values)

    def _keep(self) -> None:
        known = {self._packaged, self._model, *(sha[:HASH_DIGITS] for sha in self._hashes().values())}
        self._watch.tallies = {name: tally for name, tally in self._watch.tallies.items() if name in known}
        self._slots.note(KPIS, {PACKAGE: self._packaged, "models": self._watch.kept()})
        if int(_number(self._shadow.get("compared"))) > 0 or self._shadow.get("fault"):
            self._slots.note(SHADOW, self._shadow)

    def _judge(self) -> None:
        pointer, hashes = self._slots.pointer(), self._hashes()
        active = hashes.get(pointer.active, "")
        if not active or active[:HASH_DIGITS] != self._model:
            return  # the package's, or what is active only from the next activation on
        before = hashes.get(pointer.previous, "")[:HASH_DIGITS] or self._packaged
        reasons = self._watch.reasons(self._model, before)
        if not reasons:
            return
        why = "; ".join(reasons)
        record: Mapping[str, Any] = {
            "model": active, "version": self._slots.card(pointer.active).version, "before": before,
            "reasons": reasons, "tallies": self._watch.kept(), "limits": self._watch.limits.model_dump(),
        }  # fmt: skip
        self._slots.note(DECISION, record)  # first: a roll-back without its reason must not be
        back = self._slots.roll_back(why)
        self._rolled_back = (
            f"'{self._name}' {self._model} was rolled back to {back.sha256[:HASH_DIGITS] or PACKAGE}: {why}."
            " モデルを以前の版に戻しました。"
        )

    def _hashes(self) -> dict[str, str]:
        """Hashes of the slots that are whole."""
        found = {}
        for slot in SLOTS:
            try:
                found[slot] = self._slots.card(slot).sha256
            except PhysicalAIError:
                continue
        return found


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else 0.0
    except ValueError:
        return 0.0
