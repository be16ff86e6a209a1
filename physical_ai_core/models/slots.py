"""Two slots a model and one pointer: what is active stays whole whatever happens to the other.

    MODELS/people/a/{model.yaml, weights}   MODELS/people/b/{…}   MODELS/people/active.json

Only `promote` and `roll_back` move the pointer, by one rename. A slot is filled card last, and counts only when the
hash of its weights is that of its card. Where slot or pointer is damaged the weights of the package speak.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml
from platformdirs import user_data_path

from physical_ai_core.errors import InputError
from physical_ai_core.models.disk import Disk, alone
from physical_ai_core.models.errors import RolledBackError, SlotError

PACKAGE: Final = "package"
SLOTS: Final = ("a", "b")
CARD, WEIGHTS, POINTER = "model.yaml", "weights", "active.json"
ENVIRONMENT: Final = "PHYSICAL_AI_MODELS"
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
MOST_REFUSED: Final = 64


def models_folder(chosen: str = "") -> Path:
    """Where models lie: as chosen, else as the environment says, else with the user's data."""
    return Path(chosen or os.environ.get(ENVIRONMENT) or user_data_path("physical_ai") / "models")


@dataclass(frozen=True)
class Card:
    """What a slot says of its weights. `decision_sha256`: of the model gate's decision about them."""

    name: str
    version: int
    sha256: str
    architecture: str
    decision_sha256: str
    file: str = WEIGHTS


@dataclass(frozen=True)
class Pointer:
    """`active` and `previous` are slots or the package; `refused`: hashes of what was rolled back for good."""

    active: str = PACKAGE
    previous: str = PACKAGE
    highest_version: int = 0
    reason: str = ""
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chosen:
    """What to load: a slot's folder, or None for the package's weights, with what is wrong ("" where nothing is)."""

    folder: Path | None
    sha256: str
    version: int
    warning: str = ""


class Slots:
    """The slots of one model. Changes are for one process at a time; reading is for any."""

    def __init__(self, name: str, root: Path, disk: Disk | None = None) -> None:
        if not NAME.fullmatch(name):
            raise InputError(f"'{name}' is no name of a model.", "Small letters, digits and underscores.")
        self.name, self.folder, self._disk = name, root / name, disk or Disk()

    # --- reading: never changes anything ---

    def pointer(self) -> Pointer:
        """Raises SlotError where it cannot be read; one that never was is the package's."""
        path = self.folder / POINTER
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            found = Pointer(**{**said, "refused": tuple(said.get("refused", ()))})
            if {found.active, found.previous} - {*SLOTS, PACKAGE}:
                raise ValueError(f"it names '{found.active}' and '{found.previous}'")
            return found
        except FileNotFoundError:
            return Pointer()
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise SlotError(
                f"The pointer {path} cannot be read: {error}.", "Remove it: then the packaged weights are active."
            ) from error

    def card(self, slot: str) -> Card:
        """The card of a slot whose weights are what it says. Raises SlotError."""
        folder = self.folder / slot
        try:
            said = yaml.safe_load((folder / CARD).read_text(encoding="utf-8"))
            card = Card(**said)
            with (folder / WEIGHTS).open("rb") as file:
                found = hashlib.sha256(file.read()).hexdigest()
        except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
            raise SlotError(f"Slot {slot} of '{self.name}' is empty or damaged: {error}.", "Install again.") from error
        if found != card.sha256 or card.file != WEIGHTS or card.name != self.name:
            raise SlotError(
                f"Slot {slot} of '{self.name}' is damaged: its weights are {found[:12]}…, its card says"
                f" {card.sha256[:12]}….", "Install again.",
            )  # fmt: skip
        return card

    def chosen(self) -> Chosen:
        """What a robot loads now. Never raises: where anything is wrong, the package's weights and a warning."""
        try:
            pointer = self.pointer()
            if pointer.active == PACKAGE:
                return Chosen(None, "", 0)
            card = self.card(pointer.active)
        except SlotError as error:
            return Chosen(None, "", 0, f"{error.cause} The packaged weights speak. 同梱モデルで動作します。")
        if card.sha256 in pointer.refused:
            return Chosen(None, "", 0, f"Slot {pointer.active} of '{self.name}' was rolled back.")
        return Chosen(self.folder / pointer.active, card.sha256, card.version)

    def candidate(self) -> tuple[str, Card] | None:
        """The slot that is not active and its card, where it is whole and was not refused."""
        try:
            pointer = self.pointer()
            slot = _other(pointer.active)
            card = self.card(slot)
        except SlotError:
            return None
        return None if card.sha256 in pointer.refused else (slot, card)

    # --- changing ---

    def fill(self, weights: bytes, card: Card, check: Callable[[Path], None] = lambda folder: None) -> str:
        """Put a model into the slot that is not active; → the slot. `check` gets the folder and raises what is wrong.

        Raises RolledBackError: rolled back here before, or older than what was active. SlotError: in use by another, or
        weights of another hash than the card's. Whatever is raised, what is active stays so.
        """
        if hashlib.sha256(weights).hexdigest() != card.sha256:
            raise SlotError(f"These weights of '{card.name}' are not those of their card.", "Fetch them again.")
        with alone(self.folder):
            pointer = self._sound_pointer()
            self._refuse(card, pointer)
            slot = _other(pointer.active)
            if pointer.previous == slot:  # it is about to be something else
                self._point(replace(pointer, previous=PACKAGE))
            folder = self.folder / slot
            self._disk.clear(folder)
            self._disk.make(folder)
            self._disk.replace(folder / WEIGHTS, weights)
            said = yaml.safe_dump(asdict(card), sort_keys=False)
            self._disk.replace(folder / f"{CARD}.unchecked", said.encode())
            self._disk.settle(self.folder)
            try:
                check(folder)
            except BaseException:
                self._disk.clear(folder)
                raise
            self._disk.rename(folder / f"{CARD}.unchecked", folder / CARD)
            self._disk.settle(folder)
            return slot

    def promote(self) -> Card:
        """Make the other slot's model active from the next activation on. Raises SlotError, RolledBackError."""
        with alone(self.folder):
            pointer = self._sound_pointer()
            slot = _other(pointer.active)
            card = self.card(slot)
            self._refuse(card, pointer)
            highest = max(pointer.highest_version, card.version)
            self._point(replace(pointer, active=slot, previous=pointer.active, highest_version=highest, reason=""))
            return card

    def roll_back(self, reason: str) -> Chosen:
        """Back to what was active before, or to the package where that is gone. What was active never comes again."""
        with alone(self.folder):
            pointer = self._sound_pointer()
            if pointer.active == PACKAGE:
                raise SlotError(f"The packaged weights of '{self.name}' are active.", "There is nothing to roll back.")
            refused = pointer.refused
            with suppress(SlotError):  # damaged: that is reason enough
                refused = (*refused, self.card(pointer.active).sha256)[-MOST_REFUSED:]
            back = pointer.previous
            if back != PACKAGE:
                try:
                    self.card(back)
                except SlotError:
                    back = PACKAGE
            self._point(replace(pointer, active=back, previous=PACKAGE, reason=reason, refused=refused))
        return self.chosen()

    def note(self, file: str, said: Mapping[str, Any]) -> None:
        """Keep a record (`NAME.json`) beside the slots, whole or not at all."""
        content = json.dumps(said, indent=2, ensure_ascii=False, sort_keys=True, allow_nan=False)
        self._disk.replace(self.folder / file, content.encode())

    def noted(self, file: str) -> dict[str, Any]:
        """What was kept; empty where nothing readable was."""
        try:
            said = json.loads((self.folder / file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def _refuse(self, card: Card, pointer: Pointer) -> None:
        if card.sha256 in pointer.refused:
            raise RolledBackError(
                f"'{self.name}' version {card.version} ({card.sha256[:12]}…) was rolled back on this robot.",
                "Publish a better one under a new version.",
            )
        if card.version < pointer.highest_version:
            raise RolledBackError(
                f"'{self.name}' version {card.version} is older than {pointer.highest_version}, which was active here.",
                "To go back one step: physical-ai models rollback.",
            )

    def _sound_pointer(self) -> Pointer:
        try:
            return self.pointer()
        except SlotError:  # what is damaged stands for the package, as `chosen` has it
            return Pointer()

    def _point(self, pointer: Pointer) -> None:
        self._disk.replace(self.folder / POINTER, json.dumps(asdict(pointer), indent=2, ensure_ascii=False).encode())


def _other(slot: str) -> str:
    return "b" if slot == "a" else "a"
