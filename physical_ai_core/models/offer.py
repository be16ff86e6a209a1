"""What a repository says of a model, signed with it, and whether it is for this robot."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from physical_ai_core.models.errors import ForeignError, MixedError, UngatedError
from physical_ai_core.models.slots import NAME

CUSTOM: Final = "custom"
TARGET: Final = re.compile(rf"({NAME.pattern})/([1-9][0-9]{{0,8}})/(weights|decision\.json)")
EVERY_ROBOT: Final = "*"


@dataclass(frozen=True)
class Wanted:
    """What this robot is: its type (the name of its file), the architecture that its software runs, its version."""

    robot: str
    architecture: str
    software: str


@dataclass(frozen=True)
class About:
    """The custom part of a target: for which robots and which software, and the gate's decision about it."""

    robots: tuple[str, ...]
    architecture: str
    minimum_software: str
    decision_sha256: str

    def data(self) -> dict[str, Any]:
        return {**asdict(self), "robots": list(self.robots)}

    @staticmethod
    def read(said: Any, name: str) -> About:
        try:
            return About(**{**said, "robots": tuple(str(robot) for robot in said["robots"])})
        except (TypeError, KeyError) as error:
            raise MixedError(f"The repository does not say for whom {name} is: {error}.", "Publish it anew.") from error


@dataclass(frozen=True)
class Offer:
    """One version of one model."""

    name: str
    version: int
    sha256: str
    length: int
    about: About

    @property
    def weights(self) -> str:
        return target_of(self.name, self.version, "weights")

    @property
    def decision(self) -> str:
        return target_of(self.name, self.version, "decision.json")

    def refuse_foreign(self, wanted: Wanted) -> None:
        """Raises ForeignError."""
        about, this = self.about, f"'{self.name}' version {self.version}"
        if EVERY_ROBOT not in about.robots and wanted.robot not in about.robots:
            raise ForeignError(
                f"{this} is for robots of type {', '.join(about.robots) or 'none'}, this is '{wanted.robot}'.",
                "Publish one that was judged for this robot.",
            )
        if about.architecture != wanted.architecture:
            raise ForeignError(
                f"{this} is of the architecture '{about.architecture}', this runs '{wanted.architecture}'.",
                "Install the software that runs it, or train one for this.",
            )
        if numbers(about.minimum_software) > numbers(wanted.software):
            raise ForeignError(
                f"{this} wants software {about.minimum_software} or newer, this is {wanted.software}.",
                "Update the software first.",
            )

    def refuse_ungated(self, decision: bytes, digest: str) -> None:
        """Raises UngatedError: the decision is another one, not accepted, or about other weights."""
        try:
            said = json.loads(decision)
            told = (bool(said["accepted"]), str(said["candidate"]["sha256"]), str(said["model"]))
        except (ValueError, KeyError, TypeError) as error:
            raise UngatedError(f"The gate's decision about {self.weights} cannot be read: {error}.", GATE) from error
        if digest != self.about.decision_sha256 or told != (True, self.sha256, self.name):
            raise UngatedError(
                f"The gate's decision with {self.weights} does not accept these weights ({self.sha256[:12]}…).", GATE
            )


GATE: Final = "Judge it: physical-ai models judge; then publish it with that decision."


def target_of(name: str, version: int, file: str) -> str:
    """The path of a target. Raises MixedError for what is none."""
    return checked(f"{name}/{version}/{file}")


def checked(path: str) -> str:
    """A target's path that cannot lead anywhere else. Raises MixedError."""
    if not TARGET.fullmatch(path):
        raise MixedError(f"The repository names a file {path!r}, which is no model's.", "Do not use this repository.")
    return path


def offers_of(targets: Mapping[str, tuple[str, int, Any]], name: str) -> list[Offer]:
    """All versions of a model, oldest first: path → (sha256, length, custom). Raises MixedError."""
    found = []
    for path, (digest, length, custom) in targets.items():
        fits = TARGET.fullmatch(checked(path))
        if fits is not None and fits[1] == name and fits[3] == "weights":
            found.append(Offer(name, int(fits[2]), digest, length, About.read(custom, path)))
    return sorted(found, key=lambda offer: offer.version)


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, for comparing."""
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])
