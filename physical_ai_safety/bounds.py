"""Limits of speed, turn, change of speed, and of what keeps the robot on its wheels; as they are here and now."""

from __future__ import annotations

import math

from physical_ai_core.reports import Intervention
from physical_ai_core.robot import MotionLimits
from physical_ai_safety.jerk import speed_up
from physical_ai_safety.motion import REST, Motion
from physical_ai_safety.situation import Book, Command, Memory, RobotState
from physical_ai_safety.stability import FLAT_RAD, LEAST_MPS2, STRAIGHT, Firm, firm

LONGEST_STEP_S = 0.1  # a longer pause between decisions counts as this much for the rate limits
LONGEST_REACTION_S = 2.0
SHOWN_MPS, SHOWN_RPS = 0.05, 0.15  # a smaller correction of the rate limits is not worth a verdict


def here(rules: Book, command: Command, robot: RobotState, memory: Memory) -> tuple[Book, Firm]:
    """The rules as this command, this lateness and this slope tighten them, and how firmly the robot stands."""
    forward = command.v_mps >= 0.0 if memory.v_mps == 0.0 else memory.v_mps > 0.0
    braking = rules.braking
    late_s = min(robot.reaction_s, LONGEST_REACTION_S)
    turns, level = STRAIGHT, abs(robot.roll_rad) + abs(robot.pitch_rad) <= FLAT_RAD
    if not level:
        turns = _turns_rad((memory.w_rps, _plain(command.w_rps), _plain(robot.w_rps)), rules, late_s)
    found = firm(rules.body, robot.roll_rad, robot.pitch_rad, braking.linear_mps2, forward, turns)
    if not level and _goes(not forward, robot, memory):  # it was told to turn back, and has not yet
        other = firm(rules.body, robot.roll_rad, robot.pitch_rad, braking.linear_mps2, not forward, turns)
        found = found._replace(braking_mps2=min(found.braking_mps2, other.braking_mps2))
    if late_s > braking.reaction_s or found.braking_mps2 < braking.linear_mps2:
        braking = braking._replace(
            reaction_s=max(braking.reaction_s, late_s), linear_mps2=max(found.braking_mps2, LEAST_MPS2)
        )
        rules = rules._replace(braking=braking)
    limits = rules.by_source.get(command.source, rules.limits)
    top = braking.speed_within_mps(rules.sight_m)
    if top < limits.max_speed_mps:  # later or steeper than the rules reckon with: rest within what is seen
        reverse = min(top, limits.max_reverse_mps)
        limits = limits.model_copy(update={"max_speed_mps": top, "max_reverse_mps": reverse})
    return (rules if limits is rules.limits else rules._replace(limits=limits)), found


def _goes(forward: bool, robot: RobotState, memory: Memory) -> bool:
    """Whether it drives that way, or was told to by a word that is under way."""
    if forward:
        return _plain(robot.v_mps) > SHOWN_MPS or max((one.v_mps for one in memory.sent), default=0.0) > SHOWN_MPS
    return _plain(robot.v_mps) < -SHOWN_MPS or min((one.v_mps for one in memory.sent), default=0.0) < -SHOWN_MPS


def _turns_rad(rates_rps: tuple[float, ...], rules: Book, late_s: float) -> tuple[float, float]:
    """How far it may turn to the right and to the left until it stands."""
    braking, most = rules.braking, rules.limits.max_yaw_rate_rps
    until_s = max(braking.reaction_s, late_s) + 0.5 * braking.duration_s(rules.limits.max_speed_mps, 0.0)
    return max(min(0.0, *rates_rps), -most) * until_s, min(max(0.0, *rates_rps), most) * until_s


def limited(command: Command, rear_seen: bool, rules: Book) -> tuple[Motion, list[Intervention]]:
    """Speed and yaw rate, the arc kept; backwards slower still where nothing looks backwards."""
    limits = rules.limits
    forward = command.v_mps >= 0.0
    top = limits.max_speed_mps if forward else limits.max_reverse_mps
    clause = "speed" if forward else "reverse"
    if not forward and not rear_seen and rules.file.stopping.blind_reverse_mps < top:
        top, clause = rules.file.stopping.blind_reverse_mps, "blind reverse"
    by_speed = top / abs(command.v_mps) if abs(command.v_mps) > top else 1.0
    by_turn = limits.max_yaw_rate_rps / abs(command.w_rps) if abs(command.w_rps) > limits.max_yaw_rate_rps else 1.0
    if by_turn < by_speed:
        clause = "yaw rate"
    asked = Motion(command.v_mps, command.w_rps).scaled(min(by_speed, by_turn))
    if min(by_speed, by_turn) >= 1.0 - 1e-3:
        return asked, []
    return asked, [Intervention("limit", clause, {"v_mps": asked.v_mps, "w_rps": asked.w_rps})]


def ramped(
    asked: Motion, memory: Memory, limits: MotionLimits, stamp_s: float, notes: list[Intervention]
) -> Motion:  # fmt: skip
    """Acceleration and jerk from the last command sent. A stop passes at once; speeding up keeps the arc."""
    if asked.v_mps == 0.0 and asked.w_rps == 0.0:
        return asked
    dt = step_s(memory, stamp_s)
    dv, dw = asked.v_mps - memory.v_mps, asked.w_rps - memory.w_rps
    slowing = dv * memory.v_mps < 0.0
    if slowing:
        step = limits.max_deceleration_mps2 * dt
    else:
        step = speed_up(abs(dv), memory.drive_mps2, limits.max_acceleration_mps2, limits.max_jerk_mps3, dt)
    share_v = min(1.0, step / abs(dv)) if dv else 1.0
    share_w = min(1.0, limits.max_yaw_acceleration_rps2 * dt / abs(dw)) if dw else 1.0
    if not slowing:
        share_v = min(share_v, share_w)
    if memory.v_mps == 0.0 and memory.w_rps == 0.0:
        share_w = share_v
    v = memory.v_mps + share_v * dv
    if slowing and v * memory.v_mps < 0.0:  # through rest: what comes after is speeding up, and has its own limit
        v = 0.0
    motion = Motion(v, memory.w_rps + share_w * dw)
    if abs(motion.v_mps - asked.v_mps) > SHOWN_MPS or abs(motion.w_rps - asked.w_rps) > SHOWN_RPS:
        notes.append(Intervention("acceleration", "slowing" if slowing else "speeding up"))
    return motion


def upright(
    motion: Motion, robot: RobotState, found: Firm, limits: MotionLimits, notes: list[Intervention]
) -> Motion:  # fmt: skip
    """Neither tip over in a bend nor enter a slope on which braking would not hold.

    The arc is kept and driven slower. While the robot is still faster than it is told to be, it turns less.
    """
    known = math.isfinite(robot.roll_rad + robot.pitch_rad)
    if found.braking_mps2 < LEAST_MPS2 and not (known and motion.v_mps == 0.0):
        numbers = {"roll_rad": _plain(robot.roll_rad), "pitch_rad": _plain(robot.pitch_rad), "v_mps": 0.0, "w_rps": 0.0}
        notes.append(Intervention("stability", "braking on the slope", numbers))
        return REST
    measured = robot.v_mps if math.isfinite(robot.v_mps) else 0.0
    v, w = motion
    side = (v or measured) * w  # positive: the bend's centre is on the left
    tips = min(found.left_mps2, found.right_mps2)  # where wheels that stand slide: nothing says which way
    if side:
        tips = found.left_mps2 if side > 0.0 else found.right_mps2
    most, clause = min((limits.max_lateral_mps2, "lateral acceleration"), (tips, "roll-over"))
    fast = max(abs(v), abs(measured), abs(_plain(robot.perceived_mps)))  # wheels that stand still hide no speed
    if fast * abs(w) <= most:
        return motion
    if abs(v * w) > most:
        v, w = Motion(v, w).scaled(math.sqrt(most / abs(v * w)))
    if fast * abs(w) > most:
        w = math.copysign(most / fast, w)
    if abs(v - motion.v_mps) > SHOWN_MPS or abs(w - motion.w_rps) > SHOWN_RPS:
        numbers = {"roll_rad": robot.roll_rad, "pitch_rad": robot.pitch_rad, "v_mps": v, "w_rps": w}
        notes.append(Intervention("stability", clause, numbers | {"lateral_mps2": most}))
    return Motion(v, w)


def step_s(memory: Memory, stamp_s: float) -> float:
    """Time since the decision before, bounded: zero where there was none."""
    return 0.0 if memory.stamp_s is None else min(max(stamp_s - memory.stamp_s, 0.0), LONGEST_STEP_S)


def _plain(value: float) -> float:
    return value if math.isfinite(value) else 0.0
