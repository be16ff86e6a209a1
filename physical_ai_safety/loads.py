"""What the robot carries, and in which mode it works: how that tightens limits and braking and raises the mass."""

from __future__ import annotations

from collections.abc import Iterable

from physical_ai_core.robot import MotionLimits, Robot
from physical_ai_safety.rule_forms import SOURCES as SOURCES
from physical_ai_safety.schema import Limits, Payload, RulesFile, Stopping
from physical_ai_safety.stability import Stability

LOW_M = 1e-3  # a centre of mass that is not known is taken to lie on the ground: roll-over is then not judged


def carried(file: RulesFile, payload: str) -> dict[str, Payload]:
    """The payloads to reckon with: the one that is named, or all where none is. Raises KeyError for an unknown name."""
    return {payload: file.payloads[payload]} if payload else dict(file.payloads)


def braked(stopping: Stopping, payloads: Iterable[Payload]) -> Stopping:
    """The assumed braking, no harder than with any of the payloads."""
    linear, yaw = [stopping.braking_mps2], [stopping.yaw_braking_rps2]
    for payload in payloads:
        linear += [payload.braking_mps2] if payload.braking_mps2 is not None else []
        yaw += [payload.yaw_braking_rps2] if payload.yaw_braking_rps2 is not None else []
    return stopping.model_copy(update={"braking_mps2": min(linear), "yaw_braking_rps2": min(yaw)})


def tightened(limits: MotionLimits, by: Limits) -> MotionLimits:
    """Each limit, or what `by` says of it where that is less."""
    own = limits.model_dump()
    asked = by.model_dump(exclude_none=True)
    return MotionLimits(**{name: min(value, asked.get(name, value)) for name, value in own.items()})


def body(robot: Robot, payloads: Iterable[Payload]) -> Stability:
    """How firmly the robot stands, empty or with any of the payloads, whichever is worst."""
    design, grip = robot.design, robot.limits.max_deceleration_mps2
    if design.com_height_m is None or design.half_track_m is None or design.half_base_m is None:
        return Stability(LOW_M, 1.0, 1.0, grip)
    heights, mass = [design.com_height_m], design.mass_kg or 0.0
    for payload in payloads:
        if payload.mass_kg > 0.0:
            together = mass * design.com_height_m + payload.mass_kg * payload.com_height_m
            heights.append(together / (mass + payload.mass_kg))
    return Stability(max(heights), design.half_track_m, design.half_base_m, grip)
