"""What the experts judge: one order with everything that is known about site, robot and present state.

Every fact may be None: not known. Rules say what is to be done then; nothing is guessed here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from physical_ai_core.goal import GoalState


@dataclass(frozen=True)
class SiteFacts:
    """Of the site, and of those of its zones that the straight lines between the goal's points touch."""

    max_speed_mps: float | None = None
    zone_speed_mps: float | None = None  # least limit of the touched zones
    public_road: bool | None = None  # a touched zone is open to public traffic
    work_zone: bool | None = None  # the goal works in a zone meant for work
    country: str | None = None  # ISO 3166-1 alpha-2, small letters
    work_from_h: float | None = None
    work_until_h: float | None = None


@dataclass(frozen=True)
class RobotFacts:
    """Of the robot's file."""

    max_speed_mps: float | None = None
    max_reverse_mps: float | None = None
    max_deceleration_mps2: float | None = None
    length_m: float | None = None
    width_m: float | None = None
    mass_kg: float | None = None
    max_payload_kg: float | None = None
    max_slope_deg: float | None = None
    ground_clearance_m: float | None = None


@dataclass(frozen=True)
class LiveFacts:
    """Of this moment. `gate`: state of the safety verdict; `controller`: mode of the controller's status."""

    hour: float | None = None  # of the site's day, 0 to 24
    dark: bool | None = None  # the sun is more than 6 degrees below the horizon
    slope_deg: float | None = None  # of the ground under the robot
    speed_mps: float | None = None
    sigma_m: float | None = None  # localisation, one standard deviation
    surprise: float | None = None  # of the world model, what lasts of it (`lasting.py`); about 1 is usual
    people_near: float | None = None  # tracked people within 10 m
    gate: str | None = None
    controller: str | None = None
    controller_slack: float | None = None
    solve_ms: float | None = None
    unhealthy: float | None = None  # nodes whose heartbeat is an error, or that are silent
    temperature_c: float | None = None
    battery_share: float | None = None  # 0 to 1


@dataclass(frozen=True)
class Case:
    """One order. `sentence`: normalised text, empty where a pose was given; `length_m`: of the course, as the crow
    flies from point to point."""

    sentence: str
    goal: GoalState
    site: SiteFacts = field(default_factory=SiteFacts)
    robot: RobotFacts = field(default_factory=RobotFacts)
    live: LiveFacts = field(default_factory=LiveFacts)
    length_m: float | None = None
