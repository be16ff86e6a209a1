"""The rules file: what this robot may do at this site. YAML, checked; it can only tighten what robot and site allow."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from physical_ai_core.errors import InputError
from physical_ai_core.robot import MotionLimits, Robot, load_robot
from physical_ai_core.share import share_path
from physical_ai_core.site import Site, ZoneKind, load_site
from physical_ai_safety import conflicts
from physical_ai_safety.loads import SOURCES, braked, carried, tightened
from physical_ai_safety.schema import Limits, Payload, RulesFile


class RulesError(InputError):
    """The rules file is unreadable, contradicts itself, or would loosen a limit."""


@dataclass(frozen=True)
class Rules:
    """Rules file, robot and site brought together and found free of contradiction."""

    name: str
    hash: str  # of everything that decides: rules, robot, site
    limits: MotionLimits
    file: RulesFile
    robot: Robot
    site: Site
    payloads: dict[str, Payload] = field(default_factory=dict)  # those to reckon with
    by_source: dict[str, MotionLimits] = field(default_factory=dict)  # tighter, by who commands
    mode: str = ""


def load_rules(name_or_path: str, site: str, robot: str, payload: str = "", mode: str = "") -> Rules:
    """Read and check rules. Raises RulesError, SiteError or RobotError, naming both sides of a contradiction.

    `payload`: what is carried, by its name in the file; "": any of them may be. `mode`: how the robot works.
    """
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        path = share_path("config/rules") / f"{name_or_path}.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RulesError(
            f"The rules file {path} cannot be read ({error}).", "Give a YAML file of the form in docs/safety.md."
        ) from error
    try:
        file = RulesFile.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise RulesError(
            f"The rules file {path} is not valid at {where}: {first['msg']} (found {first['input']!r:.120}).",
            "docs/safety.md shows the form of a rules file.",
        ) from error
    return combine(file, load_site(site), load_robot(robot), payload, mode)


def combine(file: RulesFile, site: Site, robot: Robot, payload: str = "", mode: str = "") -> Rules:
    """Tighten the robot's limits by the site's and the rules'. Raises RulesError where a rule would loosen one."""
    limits = robot.limits.model_dump()
    for name, asked in file.limits.model_dump(exclude_none=True).items():
        _tighter(f"limits.{name}", asked, f"robot '{robot.name}'", limits[name])
        limits[name] = asked
    limits["max_speed_mps"] = min(limits["max_speed_mps"], site.max_speed_mps)
    limits["max_reverse_mps"] = min(limits["max_reverse_mps"], limits["max_speed_mps"])  # a top speed binds both ways
    stopping = file.stopping
    _tighter("stopping.braking_mps2", stopping.braking_mps2, f"robot '{robot.name}'", limits["max_deceleration_mps2"])
    _tighter(
        "stopping.yaw_braking_rps2", stopping.yaw_braking_rps2, f"robot '{robot.name}'",
        limits["max_yaw_acceleration_rps2"],
    )  # fmt: skip
    for zone_id, rule in file.zones.items():
        zone = site.zones.get(zone_id)
        if zone is None or zone.kind not in (ZoneKind.SPEED, ZoneKind.WORK):
            raise RulesError(
                f"The rules limit the speed in '{zone_id}', which is no speed or work zone of site '{site.name}'.",
                f"Zones of the site: {sorted(site.zones)}.",
            )
        if zone.max_speed_mps is not None:
            _tighter(f"zones.{zone_id}.max_speed_mps", rule.max_speed_mps, f"site '{site.name}'", zone.max_speed_mps)
    found = conflicts.find(file, site, robot, MotionLimits(**limits))
    if found:
        raise RulesError(*conflicts.told(found))
    hash_ = _hash(file, site, robot, payload, mode)
    bound, payloads = _narrowed(MotionLimits(**limits), file, robot, payload, mode)
    by_source = {name: tightened(bound, file.modes[name]) for name in SOURCES if name in file.modes}
    file = file.model_copy(update={"stopping": braked(stopping, payloads.values())})
    return Rules(file.name, hash_, bound, file, robot, site, payloads, by_source, mode)


def _narrowed(
    limits: MotionLimits, file: RulesFile, robot: Robot, payload: str, mode: str
) -> tuple[MotionLimits, dict[str, Payload]]:
    """Limits with what is carried and the mode, and the payloads to reckon with. Refuses what loosens or is unknown."""
    owner, own = f"robot '{robot.name}'", robot.limits.model_dump()
    if payload and payload not in file.payloads:
        raise _unknown("payload", payload, sorted(file.payloads))
    if mode and (mode in SOURCES or mode not in file.modes):
        raise _unknown("mode", mode, sorted(set(file.modes) - set(SOURCES)))
    for name, load in file.payloads.items():
        _none_looser(f"payloads.{name}.limits", load.limits, owner, own)
        _tighter(f"payloads.{name}.braking_mps2", load.braking_mps2 or 0.0, owner, own["max_deceleration_mps2"])
        yaw = load.yaw_braking_rps2 or 0.0
        _tighter(f"payloads.{name}.yaw_braking_rps2", yaw, owner, own["max_yaw_acceleration_rps2"])
        _tighter(f"payloads.{name}.mass_kg", load.mass_kg, owner, robot.design.max_payload_kg or math.inf)
    for name, by in file.modes.items():
        _none_looser(f"modes.{name}", by, owner, own)
    payloads = carried(file, payload)
    for load in payloads.values():
        limits = tightened(limits, load.limits)
    return (tightened(limits, file.modes[mode]) if mode else limits), payloads


def _none_looser(name: str, by: Limits, owner: str, own: dict[str, float]) -> None:
    for limit, asked in by.model_dump(exclude_none=True).items():
        _tighter(f"{name}.{limit}", asked, owner, own[limit])


def _unknown(what: str, name: str, known: list[str]) -> RulesError:
    return RulesError(f"The rules file names no {what} '{name}'.", f"It names: {known}; or leave the parameter empty.")


def _tighter(name: str, asked: float, owner: str, allowed: float) -> None:
    if asked > allowed:
        raise RulesError(
            f"The rule {name} = {asked:g} is looser than what {owner} allows ({allowed:g}).",
            "Rules may only tighten: lower the value, or leave the line out.",
        )


def _hash(file: RulesFile, site: Site, robot: Robot, payload: str, mode: str) -> str:
    """Twelve hex digits over the canonical form of all that decides."""
    canonical: list[Any] = [part.model_dump(mode="json") for part in (file, site, robot)] + [payload, mode]
    return hashlib.sha256(repr(canonical).encode()).hexdigest()[:12]
