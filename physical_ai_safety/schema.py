"""The form of a rules file, `config/rules/NAME.yaml`: every section with its units, bounds and defaults."""

from __future__ import annotations

from enum import Enum
from typing import Literal

from pydantic import Field, PositiveFloat, model_validator

from physical_ai_safety.rule_forms import AnyRule, Id
from physical_ai_safety.section import Section as Section


class Limits(Section):
    """Absent: what the robot allows."""

    max_speed_mps: float | None = Field(None, gt=0.0)
    max_reverse_mps: float | None = Field(None, ge=0.0)
    max_yaw_rate_rps: float | None = Field(None, gt=0.0)
    max_acceleration_mps2: float | None = Field(None, gt=0.0)
    max_deceleration_mps2: float | None = Field(None, gt=0.0)
    max_yaw_acceleration_rps2: float | None = Field(None, gt=0.0)
    max_jerk_mps3: float | None = Field(None, gt=0.0)
    max_lateral_mps2: float | None = Field(None, gt=0.0)


class Stopping(Section):
    """How the robot is assumed to stop: `reaction_s` after the cause is seen, then at the braking values."""

    reaction_s: float = Field(0.2, ge=0.02, le=2.0)  # the whole delay as declared; a longer one that is measured holds
    actuator_s: float = Field(0.06, ge=0.0, le=2.0)  # its part from cmd_vel to the wheels, added to the measured part
    braking_mps2: float = Field(1.5, gt=0.05)
    yaw_braking_rps2: float = Field(3.0, gt=0.05)
    stop_margin_m: float = Field(0.10, ge=0.0, le=2.0)  # left between footprint and obstacle, along the motion
    side_margin_m: float = Field(0.05, ge=0.0, le=1.0)  # the footprint is widened by this all round
    blind_reverse_mps: float = Field(0.2, ge=0.0)  # backwards, where no sensor looks backwards
    blind_memory_s: float = Field(10.0, ge=0.0, le=60.0)  # how long what passed out of sight is remembered
    # Causes whose protective stop is a ramp at the braking values (category 2). All others send zero at once, and so do
    # these while an input is stale. Empty: always at once, which leaves it to the base to brake its hardest.
    controlled: tuple[Literal["crew", "stale_command", "pose_lost", "tilt"], ...] = ("crew", "stale_command", "tilt")
    hold_s: float = Field(0.5, ge=0.0, le=10.0)  # a protective stop lasts so long after its cause has gone
    overrun_s: float = Field(1.0, ge=0.0, le=10.0)  # so long past its stopping time the base may move; 0: not looked at
    resume_extra_m: float = Field(0.05, ge=0.0, le=1.0)  # and needs so much more room


class Payload(Section):
    """What holds besides while this is carried. `com_height_m`: of the payload alone, over the ground."""

    mass_kg: float = Field(ge=0.0)
    com_height_m: float = Field(0.0, ge=0.0)
    limits: Limits = Limits()
    braking_mps2: float | None = Field(None, gt=0.05)
    yaw_braking_rps2: float | None = Field(None, gt=0.05)


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
    site_s: float = Field(3.0, gt=0.0, le=60.0)  # a gate of the site that is silent for longer counts as closed
    points_s: float = Field(0.5, gt=0.0, le=2.0)  # of each 3D sensor
    deadman_s: float = Field(0.0, ge=0.0, le=2.0)  # how long a true on `deadman` lets a person drive; 0: none is needed
    max_command_hz: float = Field(400.0, ge=20.0)  # of one source; more is two senders under one name, or one run wild
    # Least rate of an input over its last messages: a stream that thins out is ill, though no gap is too long yet.
    min_rate_hz: dict[str, PositiveFloat] = Field(default_factory=lambda: {"scan": 4.0, "wheel/odometry": 8.0})


class RangeSensor(Section):
    """One LiDAR or depth camera, by its frame. Where none is declared, one `scan` is needed, and each that was heard
    is missed when it falls silent."""

    topic: Literal["scan", "points"] = "scan"
    required: bool = True  # heard before the robot moves, and missed; false: taken when it comes
    max_age_s: float | None = Field(None, gt=0.0, le=5.0)  # absent: that of its topic
    masked_rad: tuple[tuple[float, float], ...] = ()  # bearings of a scan that the robot itself covers
    view_rad: float = Field(0.0, ge=0.0, le=6.3)  # of a 3D sensor: width of its view around its x axis; a scan says its


class Plausible(Section):
    """How far and how long what the sensors say may contradict each other, before the robot stands for it."""

    yaw_rps: float = Field(0.4, gt=0.0)  # wheels against gyroscope, beside half of the turn, which wheels skid by
    yaw_s: float = Field(0.5, ge=0.1, le=10.0)
    speed_mps: float = Field(0.5, gt=0.0)  # wheels against perception, beside three tenths of the speed
    speed_s: float = Field(1.0, ge=0.1, le=10.0)  # perception may lag behind in a hard braking
    leap_mps: float = Field(0.5, gt=0.0)  # from one wheel message to the next, beside what the motors can do
    frozen_s: float = Field(0.5, ge=0.1, le=10.0)  # the same numbers to the bit while the robot moves


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


class Cause(str, Enum):
    """Why an implement is off."""

    EMERGENCY = "emergency"  # a latched stop: emergency, bumper, overrun, start
    STOP = "stop"  # any other stop of the gate
    PERSON = "person"
    CLEAR = "clear"  # something is too near, whatever it is
    LIFTED = "lifted"
    TILTED = "tilted"
    OUTSIDE = "outside"  # not surely inside a work zone
    MOVING = "moving"  # it may work only while the base is at rest


class ImplementRule(Section):
    """When one implement must be off. The defaults bind every implement; the rest is said for each."""

    person_m: float = Field(0.0, ge=0.0, le=20.0)  # nobody who walks may be nearer to the footprint; 0: not looked at
    clear_m: float = Field(0.0, ge=0.0, le=5.0)  # nor anything at all: people who stand still, and what is no person
    max_tilt_rad: float = Field(0.35, gt=0.0, le=1.57)
    needs_work_zone: bool = True
    base_at_rest: bool = False  # an arm: only while the base stands, and then also while no command comes
    by_tool: bool = False  # asked for by `tool_nav`, and part of `tool`
    anew_after: tuple[Cause, ...] = (Cause.LIFTED, Cause.TILTED)  # besides an emergency


class RulesFile(Section):
    """The form of `config/rules/NAME.yaml`."""

    schema_version: int = 1
    name: str
    limits: Limits = Limits()
    stopping: Stopping = Stopping()
    payloads: dict[str, Payload] = Field(default_factory=dict)  # the gate's parameter says which, else all hold at once
    modes: dict[str, Limits] = Field(default_factory=dict)  # autonomy, teleop: who commands; others by the parameter
    people: People = People()
    watchdogs: Watchdogs = Watchdogs()
    range_sensors: dict[str, RangeSensor] = Field(default_factory=dict)  # by frame; absent: any scan
    plausible: Plausible = Plausible()
    localisation: Localisation = Localisation()
    zones: dict[str, ZoneRule] = Field(default_factory=dict)  # zone of the site -> tighter speed there
    gates: tuple[Id, ...] = ()  # gates of the site that site/state tells of; never heard of is closed
    rules: tuple[AnyRule, ...] = ()  # docs/rules.md
    escape_mps: float = Field(0.2, gt=0.0, le=0.5)  # speed of leaving a zone in which the robot should not be
    max_tilt_rad: float = Field(0.35, gt=0.0, le=1.57)
    tool_needs_work_zone: bool = True  # of the one implement of a file that names none
    implements: dict[Id, ImplementRule] = Field(default_factory=dict)  # by name: blade, sprayer, arm
    second_publisher_stops: bool = True  # someone else on cmd_vel or tool: a protective stop, not only a loud word
    # Nodes whose death stops the robot until they are active again. Shorten it only where driving without is right.
    crew: tuple[str, ...] = ("perception", "world_model", "planner", "controller", "telemetry", "supervisor")

    @model_validator(mode="after")
    def _known_version(self) -> RulesFile:
        if self.schema_version != 1:
            raise ValueError(f"this release reads schema_version 1, found {self.schema_version}")
        return self
