"""What one decision of the gate stands on, and what it remembers: small frozen records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from physical_ai_core.reports import Verdict
from physical_ai_core.robot import MotionLimits
from physical_ai_safety.areas import areas
from physical_ai_safety.circumstances import Circumstances as Circumstances
from physical_ai_safety.clauses import Clause, compile_clauses
from physical_ai_safety.footprint import Braking, Hull
from physical_ai_safety.ladder import FREE, Latched
from physical_ai_safety.loads import body
from physical_ai_safety.plausible import Fault
from physical_ai_safety.rules import Rules
from physical_ai_safety.schema import RulesFile
from physical_ai_safety.stability import Stability
from physical_ai_safety.under_way import Sent
from physical_ai_safety.zones import Anchor, MapPose, ZoneMap

SPARE_M = 0.4  # sight beyond the stopping way at top speed: for lateness and slopes that lengthen it


class Command(NamedTuple):
    """The command after arbitration. `refused`: why it may not be used at all (nan, frame, future).

    `lost`: no fresh command, though the last one asked for motion. `driver`: who has taken over and says nothing now.
    """

    source: str = "none"  # autonomy, teleop, none
    v_mps: float = 0.0
    w_rps: float = 0.0
    refused: str = ""
    lost: bool = False
    driver: str = ""


FASTEST = 100.0  # m/s, rad/s: whoever measures more is not believed


class RobotState(NamedTuple):
    """Measured motion, place and the soundness of the inputs. `stale`: (input, age in s); `missing`: never heard."""

    v_mps: float = 0.0
    w_rps: float = 0.0
    pose: MapPose | None = None
    pose_fault: str = ""
    tilt_rad: float = 0.0
    missing: tuple[str, ...] = ()
    stale: tuple[tuple[str, float], ...] = ()
    emergency: bool = False  # the input asks for it now
    absent: tuple[str, ...] = ()  # nodes of the crew that were active and are gone
    bumper: bool = False  # something touches the robot now
    lifted: bool = False  # it is off the ground
    intruders: tuple[str, ...] = ()  # who else publishes what moves the robot
    reaction_s: float = 0.0  # as measured, with the declared part of the actuators; the rules' own is the least
    roll_rad: float = 0.0  # of the ground under the robot: left side up
    pitch_rad: float = 0.0  # nose down (REP-103)
    faults: tuple[Fault, ...] = ()  # what the inputs say cannot be
    perceived_mps: float = 0.0  # as perception has it; counts where it is faster than the wheels
    place_age_s: float = 0.0  # of the wheels' last word, at which returns are placed

    @property
    def impossible(self) -> bool:
        """No robot moves like this, or its speed is no number."""
        return not (abs(self.v_mps) <= FASTEST and abs(self.w_rps) <= FASTEST)


class Memory(NamedTuple):
    """What the gate carries from one decision to the next."""

    v_mps: float = 0.0
    w_rps: float = 0.0
    stamp_s: float | None = None
    latched: Latched = FREE
    protective: bool = False
    cause: str = ""  # rule of the protective stop
    clear_since_s: float | None = None
    approved: bool | None = None
    approval_s: float = 0.0
    anchor: Anchor | None = None  # of the distances to zones
    rest_due_s: float | None = None  # by when the base has to stand; None: it was told to move
    drive_mps2: float = 0.0  # how hard it was speeding up
    sent: tuple[Sent, ...] = ()  # what the base may not have obeyed yet

    @property
    def emergency(self) -> bool:
        """An emergency stop is latched."""
        return self.latched.emergency


class Book(NamedTuple):
    """Rules with everything that can be worked out of them beforehand."""

    file: RulesFile
    hash: str
    limits: MotionLimits
    hull: Hull
    braking: Braking
    zones: ZoneMap
    body: Stability
    sight_m: float  # way within which the robot comes to rest at its top speed, with some to spare
    by_source: dict[str, MotionLimits]  # tighter limits, by who commands
    late_s: float  # from a command to the wheels, as declared
    push: tuple[float, float]  # m/s² and rad/s² by which the robot is declared to speed up
    clauses: tuple[Clause, ...] = ()


def compile_rules(rules: Rules) -> Book:
    stopping = rules.file.stopping
    hull = Hull(rules.robot.footprint, stopping.side_margin_m)
    bare = Hull(rules.robot.footprint)
    braking = Braking(
        stopping.reaction_s, stopping.braking_mps2, stopping.yaw_braking_rps2, stopping.stop_margin_m
    )  # fmt: skip
    zones = ZoneMap(rules.site, rules.file.zones, bare, areas(rules.file.rules, rules.site))
    return Book(
        rules.file, rules.hash, rules.limits, hull, braking, zones, body(rules.robot, rules.payloads.values()),
        braking.way_m(rules.limits.max_speed_mps) + SPARE_M, rules.by_source, stopping.actuator_s,
        (rules.robot.limits.max_acceleration_mps2, rules.robot.limits.max_yaw_acceleration_rps2),
        compile_clauses(rules.file.rules, rules.mode),
    )  # fmt: skip


@dataclass(frozen=True)
class GateVerdict(Verdict):
    """The verdict with what an audit asks for besides; readers of Verdict ignore it."""

    rules: str = ""  # hash of rules, robot and site
    measured: list[float] = field(default_factory=list)  # [v, w] of the wheel odometry
    approved: bool | None = None  # last word of safety/approve
    approval_s: float = 0.0
    step: int = 0  # of the stop ladder, `ladder.Stop`
    category: int = -1  # stop category asked of the machine; -1: none
    cause_s: float | None = None  # stamp of the input that this verdict answers; None: no input did it
    cause_ms: float | None = None  # from there to the moment this verdict left
    approvals: list[str] = field(default_factory=list)  # ids that people have approved
    asked: list[str] = field(default_factory=list)  # ids that they are asked for
    driver: str = ""  # who has taken over
    implements: dict[str, bool] = field(default_factory=dict)
