"""What one decision of the gate stands on, and what it remembers: small frozen records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from physical_ai_core.reports import Verdict
from physical_ai_core.robot import MotionLimits
from physical_ai_safety.footprint import Braking, Hull
from physical_ai_safety.rules import Rules, RulesFile
from physical_ai_safety.zones import MapPose, ZoneMap


class Command(NamedTuple):
    """The command after arbitration. `refused`: why it may not be used at all (nan, frame, future).

    `lost`: no fresh command, though the last one asked for motion.
    """

    source: str = "none"  # autonomy, teleop, none
    v_mps: float = 0.0
    w_rps: float = 0.0
    refused: str = ""
    lost: bool = False


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


class Memory(NamedTuple):
    """What the gate carries from one decision to the next."""

    v_mps: float = 0.0
    w_rps: float = 0.0
    stamp_s: float | None = None
    emergency: bool = False
    protective: bool = False
    cause: str = ""  # rule of the protective stop
    clear_since_s: float | None = None
    approved: bool | None = None
    approval_s: float = 0.0


class Book(NamedTuple):
    """Rules with everything that can be worked out of them beforehand."""

    file: RulesFile
    hash: str
    limits: MotionLimits
    hull: Hull
    braking: Braking
    zones: ZoneMap


def compile_rules(rules: Rules) -> Book:
    stopping = rules.file.stopping
    hull = Hull(rules.robot.footprint, stopping.side_margin_m)
    bare = Hull(rules.robot.footprint)
    braking = Braking(
        stopping.reaction_s, stopping.braking_mps2, stopping.yaw_braking_rps2, stopping.stop_margin_m
    )  # fmt: skip
    return Book(rules.file, rules.hash, rules.limits, hull, braking, ZoneMap(rules.site, rules.file.zones, bare))


@dataclass(frozen=True)
class GateVerdict(Verdict):
    """The verdict with what an audit asks for besides; readers of Verdict ignore it."""

    rules: str = ""  # hash of rules, robot and site
    measured: list[float] = field(default_factory=list)  # [v, w] of the wheel odometry
    approved: bool | None = None  # last word of safety/approve
    approval_s: float = 0.0
