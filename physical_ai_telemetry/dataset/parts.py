"""Who goes to train, validation and test: whole missions, by a hash, so that the choice never changes as data grows.

Two units that hold the same messages (a bag and the incident cut from it, a copy, a mission that a second recorder also
heard) are one for the draw. Nothing is drawn by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np

from physical_ai_core.errors import InputError, PhysicalAIError
from physical_ai_telemetry.dataset.recording import Recording, Unit

PARTS: Final = ("train", "validation", "test")


@dataclass(frozen=True)
class Shares:
    """How much of the missions goes to each of `PARTS`, as weights; and what the draw begins from."""

    train: float = 80.0
    validation: float = 10.0
    test: float = 10.0
    seed: int = 0

    @classmethod
    def parse(cls, text: str, seed: int = 0) -> Shares:
        """`80/10/10`, or `80/20` for no validation. Raises InputError."""
        try:
            numbers = [float(part) for part in text.split("/")]
        except ValueError:
            numbers = []
        if len(numbers) == 2:
            numbers.insert(1, 0.0)
        if len(numbers) != 3 or not all(0.0 <= n < float("inf") for n in numbers) or sum(numbers) <= 0.0:
            raise InputError(f"'{text}' is no split.", "Write it as 80/10/10 (train/validation/test) or 80/20.")
        return cls(numbers[0], numbers[1], numbers[2], seed)

    def part_of(self, key: str) -> str:
        """The part that a unit's key draws; the same for ever."""
        drawn = int.from_bytes(sha256(f"{self.seed}/{key}".encode()).digest()[:8], "big") / 2**64
        weights = (self.train, self.validation, self.test)
        edges = np.cumsum(weights) / sum(weights)
        return PARTS[int(np.searchsorted(edges, drawn, side="right"))]


def key_of(unit: Unit) -> str:
    """What the draw goes by: mission and bag."""
    return f"{unit.bag}/{unit.mission or unit.number}"


def draw(recordings: Sequence[Recording], shares: Shares) -> dict[str, str]:
    """Name of every unit -> its part."""
    units = [unit for recording in recordings for unit in recording.units]
    groups = _same_content(recordings, units)
    smallest: dict[int, str] = {}
    for unit, group in zip(units, groups, strict=True):
        smallest[group] = min(smallest.get(group, key_of(unit)), key_of(unit))
    return {unit.name: shares.part_of(smallest[group]) for unit, group in zip(units, groups, strict=True)}


def _same_content(recordings: Sequence[Recording], units: Sequence[Unit]) -> list[int]:
    """A number for every unit, the same for those that share a message."""
    place = {unit.name: number for number, unit in enumerate(units)}
    marks = np.concatenate([recording.marks for recording in recordings] or [np.empty(0, np.uint64)])
    owners = np.concatenate(
        [
            np.array([place[unit.name] for unit in recording.units], dtype=np.int64)[recording.mark_units]
            for recording in recordings
        ]
        or [np.empty(0, np.int64)]
    )
    order = np.argsort(marks, kind="stable")
    same = np.flatnonzero(marks[order][1:] == marks[order][:-1])
    parent = list(range(len(units)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for a, b in np.unique(np.stack([owners[order][same], owners[order][same + 1]], axis=1), axis=0).tolist():
        parent[root(a)] = root(b)
    return [root(number) for number in range(len(units))]


def require_apart(found: Iterable[tuple[str, str]], wanted: Mapping[str, str]) -> None:
    """Check what was written: (unit, part) of every piece of the set. Raises PhysicalAIError on any leak."""
    seen: dict[str, str] = {}
    for unit, part in found:
        if seen.setdefault(unit, part) != part or wanted.get(unit) != part:
            raise PhysicalAIError(
                f"The unit {unit} was written to '{part}' and belongs to '{wanted.get(unit)}'.",
                "This is a fault of the export; nothing was kept. Please report it.",
            )
