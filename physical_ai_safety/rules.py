"""The rules file: what this robot may do at this site. YAML, checked; it can only tighten what robot and site allow."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from physical_ai_core.errors import InputError
from physical_ai_core.robot import MotionLimits, Robot, load_robot
from physical_ai_core.share import share_path
from physical_ai_core.site import Site, ZoneKind, load_site


class RulesError(InputError):
    """The rules file is unreadable, contradicts itself, or would loosen a limit."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Limits(Section):
    """Absent: what the robot allows."""

    max_speed_mps: float | None = Field(None, gt=0.0)
    max_reverse_mps: float | None = Field(None, ge=0.0)
    max_yaw_rate_rps: float | None = Field(None, gt=0.0)
    max_acceleration_mps2: float | None = Field(None, gt=0.0)
    max_deceleration_mps2: float | None = Field(None, gt=0.0)
    max_yaw_acceleration_rps2: float | None = Field(None, gt=0.0)


class Stopping(Section):
    """How the robot is assumed to stop: `reaction_s` after the cause is seen, then at the braking values."""

    reaction_s: float = Field(0.2, ge=0.02, le=2.0)
    braking_mps2: float = Field(1.5, gt=0.05)
    yaw_braking_rps2: float = Field(3.0, gt=0.05)
    stop_margin_m: float = Field(0.10, ge=0.0, le=2.0)  # left between footprint and obstacle, along the motion
    side_margin_m: float = Field(0.05, ge=0.0, le=1.0)  # the footprint is widened by this all round
    blind_reverse_mps: float = Field(0.2, ge=0.0)  # backwards, where no sensor looks backwards
    blind_memory_s: float = Field(10.0, ge=0.0, le=60.0)  # how long what passed out of sight is remembered
    hold_s: float = Field(0.5, ge=0.0, le=10.0)  # a protective stop lasts so long after its cause has gone
    resume_extra_m: float = Field(0.05, ge=0.0, le=1.0)  # and needs so much more room


class People(Section):
    """Separation from what walks (ISO 13855 thinks alike: approach speed times stopping time)."""

    min_speed_mps: float = Field(0.3, gt=0.0)  # slower things are obstacles, not walkers
    max_speed_mps: float = Field(3.0, gt=0.0)  # faster estimates are not believed to be people
    rest_before_contact_s: float = Field(0.6, ge=0.0, le=5.0)  # the robot stands so long before it could be touched
    spread_mps: float = Field(0.2, ge=0.0, le=2.0)  # how fast the uncertainty of a walker's position grows

    @model_validator(mode="after")
    def _somebody_left(self) -> People:
        if self.min_speed_mps > self.max_speed_mps:
            raise ValueError(
                f"nobody walks between min_speed_mps {self.min_speed_mps:g} and max_speed_mps {self.max_speed_mps:g}"
            )
        return self


class Watchdogs(Section):
    """Greatest age of each input."""

    scan_s: float = Field(0.25, gt=0.0, le=2.0)
    wheel_odometry_s: float = Field(0.2, gt=0.0, le=2.0)
    imu_s: float = Field(0.2, gt=0.0, le=2.0)
    state_s: float = Field(0.3, gt=0.0, le=2.0)
    map_to_odom_s: float = Field(1.0, gt=0.0, le=10.0)
    autonomy_s: float = Field(0.25, gt=0.0, le=2.0)
    teleop_s: float = Field(0.5, gt=0.0, le=2.0)
    future_s: float = Field(0.2, gt=0.0, le=2.0)  # a stamp further ahead of the clock is refused


class Localisation(Section):
    """Zones grow by three standard deviations; beyond `max_sigma_m` the pose counts as lost."""

    min_sigma_m: float = Field(0.03, ge=0.0, le=1.0)
    max_sigma_m: float = Field(0.7, gt=0.0, le=5.0)

    @model_validator(mode="after")
    def _some_pose_left(self) -> Localisation:
        if self.min_sigma_m > self.max_sigma_m:
            raise ValueError(
                f"no pose is sure enough: min_sigma_m {self.min_sigma_m:g} is above max_sigma_m {self.max_sigma_m:g}"
            )
        return self


class ZoneRule(Section):
    max_speed_mps: float = Field(gt=0.0)


class RulesFile(Section):
    """The form of `config/rules/NAME.yaml`."""

    schema_version: int = 1
    name: str
    limits: Limits = Limits()
    stopping: Stopping = Stopping()
    people: People = People()
    watchdogs: Watchdogs = Watchdogs()
    localisation: Localisation = Localisation()
    zones: dict[str, ZoneRule] = {}  # zone of the site -> tighter speed there
    escape_mps: float = Field(0.2, gt=0.0, le=0.5)  # speed of leaving a zone in which the robot should not be
    max_tilt_rad: float = Field(0.35, gt=0.0, le=1.57)
    tool_needs_work_zone: bool = True
    # Nodes whose death stops the robot until they are active again. Shorten it only where driving without is right.
    crew: tuple[str, ...] = ("perception", "world_model", "planner", "controller", "telemetry", "supervisor")

    @model_validator(mode="after")
    def _known_version(self) -> RulesFile:
        if self.schema_version != 1:
            raise ValueError(f"this release reads schema_version 1, found {self.schema_version}")
        return self


@dataclass(frozen=True)
class Rules:
    """Rules file, robot and site brought together and found free of contradiction."""

    name: str
    hash: str  # of everything that decides: rules, robot, site
    limits: MotionLimits
    file: RulesFile
    robot: Robot
    site: Site


def load_rules(name_or_path: str, site: str, robot: str) -> Rules:
    """Read and check rules. Raises RulesError, SiteError or RobotError, naming both sides of a contradiction."""
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
    return combine(file, load_site(site), load_robot(robot))


def combine(file: RulesFile, site: Site, robot: Robot) -> Rules:
    """Tighten the robot's limits by the site's and the rules'. Raises RulesError where a rule would loosen one."""
    limits = robot.limits.model_dump()
    for field, asked in file.limits.model_dump(exclude_none=True).items():
        _tighter(f"limits.{field}", asked, f"robot '{robot.name}'", limits[field])
        limits[field] = asked
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
    return Rules(file.name, _hash(file, site, robot), MotionLimits(**limits), file, robot, site)


def _tighter(name: str, asked: float, owner: str, allowed: float) -> None:
    if asked > allowed:
        raise RulesError(
            f"The rule {name} = {asked:g} is looser than what {owner} allows ({allowed:g}).",
            "Rules may only tighten: lower the value, or leave the line out.",
        )


def _hash(file: RulesFile, site: Site, robot: Robot) -> str:
    """Twelve hex digits over the canonical form of all that decides."""
    canonical: list[Any] = [part.model_dump(mode="json") for part in (file, site, robot)]
    return hashlib.sha256(repr(canonical).encode()).hexdigest()[:12]
