"""The gate: one pure function from a command and the situation to the command that may go out, and why.

Clauses run in order and may only take away: emergency stop, missing and stale inputs, refused commands, lost pose,
tilt; then limits, change of speed, zones, obstacles on the way, walkers; then the hold of a protective stop.
The line of thought follows ISO 13850 (latched emergency stop), ISO 3691-4 (protective stop, personnel detection) and
ISO 13855 (separation = approach speed × stopping time); docs/safety.md says what is not claimed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from physical_ai_core.reports import Intervention
from physical_ai_safety import words
from physical_ai_safety.footprint import first_contact
from physical_ai_safety.ranges import Ranges
from physical_ai_safety.situation import Book, Command, GateVerdict, Memory, RobotState
from physical_ai_safety.walkers import meeting

LONGEST_STEP_S = 0.1  # a longer pause between decisions counts as this much for the rate limits
CREEP_MPS, CREEP_RPS = 0.02, 0.05  # slower than both is standing
SHOWN_MPS, SHOWN_RPS = 0.05, 0.15  # a smaller correction of the rate limits is not worth a verdict
PROBE_MPS = 0.3  # speed at which the way is tried before a protective stop ends


class Decision(NamedTuple):
    v_mps: float
    w_rps: float
    verdict: GateVerdict
    memory: Memory


class Motion(NamedTuple):
    v_mps: float
    w_rps: float

    def scaled(self, factor: float) -> Motion:
        """The same arc, slower."""
        return self if factor >= 1.0 else Motion(self.v_mps * factor, self.w_rps * factor)

    def rests(self) -> bool:
        return abs(self.v_mps) < CREEP_MPS and abs(self.w_rps) < CREEP_RPS


REST = Motion(0.0, 0.0)


def decide(
    command: Command, robot: RobotState, ranges: Ranges, rules: Book, memory: Memory, stamp_s: float
) -> Decision:
    """The last word over one command. Pure; total: every input gives a finite command inside the limits.

    `memory` is the one returned by the decision before; `stamp_s` the time of the graph's clock.
    """
    memory = memory._replace(emergency=memory.emergency or robot.emergency)
    stamp_s = _plain(stamp_s)
    stop = _must_stand(command, robot, rules, memory)
    if stop is not None:
        if stop.rule in ("emergency_stop", "waiting"):
            return _verdict(command, robot, rules, memory, stamp_s, REST, [stop], stop.rule)
        return _stand(command, robot, rules, memory, stamp_s, [stop])
    asked, notes = _limit(command, ranges, rules)
    motion = _ramp(asked, memory, rules, stamp_s, notes)
    motion = _zones(motion, robot, rules, notes)
    motion = _obstacles(motion, ranges, rules, memory, notes)
    motion = _walkers(motion, asked, ranges, rules, memory, notes)
    if motion.rests() and notes and notes[-1].rule in ("zone", "obstacle", "person"):
        return _stand(command, robot, rules, memory, stamp_s, notes)
    if memory.protective:
        since = stamp_s if memory.clear_since_s is None else min(memory.clear_since_s, stamp_s)
        left = rules.file.stopping.hold_s - (stamp_s - since)
        if left > 0.0:
            memory = memory._replace(clear_since_s=since)
            hold = [Intervention("hold", memory.cause, {"left_s": left})]
            return _verdict(command, robot, rules, memory, stamp_s, REST, hold, "protective_stop")
        memory = memory._replace(protective=False, cause="", clear_since_s=None)
    state = "limited" if notes else "clear" if command.source != "none" else "waiting"
    return _verdict(command, robot, rules, memory, stamp_s, motion, notes, state)


def stopped_by_fault(
    cause: str, command: Command, robot: RobotState, rules: Book, memory: Memory, stamp_s: float
) -> Decision:
    """Zero, because the gate itself failed: `cause` names the exception."""
    return _stand(command, robot, rules, memory, stamp_s, [Intervention("fault", cause)])


def _must_stand(command: Command, robot: RobotState, rules: Book, memory: Memory) -> Intervention | None:
    """The first reason for which no motion at all may pass."""
    if memory.emergency:
        return Intervention("emergency_stop", "input" if robot.emergency else "latched")
    if robot.missing:
        return Intervention("waiting", ", ".join(robot.missing))
    if robot.absent:
        return Intervention("crew", ", ".join(robot.absent))
    if robot.stale:
        name, age_s = robot.stale[0]
        return Intervention("stale_input", name, {"age_s": age_s})
    if command.refused or not math.isfinite(command.v_mps + command.w_rps):
        return Intervention("refused_command", f"{command.source}: {command.refused or 'nan'}")
    if command.lost:
        return Intervention("stale_command", command.source)
    if rules.zones.needs_pose and (robot.pose is None or not math.isfinite(sum(robot.pose))):
        return Intervention("pose_lost", robot.pose_fault or "nan")
    if not robot.tilt_rad <= rules.file.max_tilt_rad:  # NaN is a tilt too
        return Intervention("tilt", "", {"tilt_rad": _plain(robot.tilt_rad)})
    return None


def _limit(command: Command, ranges: Ranges, rules: Book) -> tuple[Motion, list[Intervention]]:
    """Speed and yaw rate, the arc kept; backwards slower still where nothing looks backwards."""
    limits = rules.limits
    forward = command.v_mps >= 0.0
    top = limits.max_speed_mps if forward else limits.max_reverse_mps
    clause = "speed" if forward else "reverse"
    if not forward and not ranges.rear_seen and rules.file.stopping.blind_reverse_mps < top:
        top, clause = rules.file.stopping.blind_reverse_mps, "blind reverse"
    by_speed = top / abs(command.v_mps) if abs(command.v_mps) > top else 1.0
    by_turn = limits.max_yaw_rate_rps / abs(command.w_rps) if abs(command.w_rps) > limits.max_yaw_rate_rps else 1.0
    if by_turn < by_speed:
        clause = "yaw rate"
    asked = Motion(command.v_mps, command.w_rps).scaled(min(by_speed, by_turn))
    if min(by_speed, by_turn) >= 1.0 - 1e-3:
        return asked, []
    return asked, [Intervention("limit", clause, {"v_mps": asked.v_mps, "w_rps": asked.w_rps})]


def _ramp(asked: Motion, memory: Memory, rules: Book, stamp_s: float, notes: list[Intervention]) -> Motion:
    """Acceleration limits from the last command sent. A stop passes at once; speeding up keeps the arc."""
    if asked.v_mps == 0.0 and asked.w_rps == 0.0:
        return asked
    limits = rules.limits
    dt = 0.0 if memory.stamp_s is None else min(max(stamp_s - memory.stamp_s, 0.0), LONGEST_STEP_S)
    dv, dw = asked.v_mps - memory.v_mps, asked.w_rps - memory.w_rps
    slowing = dv * memory.v_mps < 0.0
    rate = limits.max_deceleration_mps2 if slowing else limits.max_acceleration_mps2
    share_v = min(1.0, rate * dt / abs(dv)) if dv else 1.0
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


def _zones(motion: Motion, robot: RobotState, rules: Book, notes: list[Intervention]) -> Motion:
    """Keep-out, geofence and speed zones: the pose at which the robot could rest must stay outside."""
    if robot.pose is None:
        return motion
    found = rules.zones.limit(robot.pose, motion.v_mps, motion.w_rps, rules.braking, rules.file.escape_mps)
    if found is None or found.factor >= 1.0:
        return motion
    motion = motion.scaled(found.factor)
    numbers = {"v_mps": motion.v_mps, "way_m": found.way_m, "limit_mps": found.limit_mps, "sigma_m": robot.pose.sigma_m}
    notes.append(Intervention("zone", found.zone, numbers))
    return motion


def _obstacles(
    motion: Motion, ranges: Ranges, rules: Book, memory: Memory, notes: list[Intervention]
) -> Motion:  # fmt: skip
    """Largest share of the motion that still rests before the swept footprint meets a return."""
    braking = rules.braking
    if memory.protective and memory.cause == "obstacle":
        braking = braking._replace(margin_m=braking.margin_m + rules.file.stopping.resume_extra_m)
    contact = first_contact(rules.hull, ranges.near, motion.v_mps, motion.w_rps, braking)
    if contact.factor >= 1.0:
        return motion
    motion = motion.scaled(contact.factor)
    numbers = {"free_m": contact.free_m, "x_m": contact.x_m, "y_m": contact.y_m, "v_mps": motion.v_mps}
    notes.append(Intervention("obstacle", "stop distance", numbers))
    return motion


def _walkers(
    motion: Motion, asked: Motion, ranges: Ranges, rules: Book, memory: Memory, notes: list[Intervention]
) -> Motion:
    """Rest before someone who walks can touch the robot."""
    people = rules.file.people
    tried = motion
    if memory.protective and memory.cause == "person":
        speed = max(abs(asked.v_mps), 1e-6)
        tried = asked.scaled(PROBE_MPS / speed)
    found = meeting(
        rules.hull, ranges.walkers, tried.v_mps, tried.w_rps, rules.braking, people.rest_before_contact_s,
        people.spread_mps,
    )  # fmt: skip
    if found.factor >= 1.0:
        return motion
    motion = REST if tried is not motion else motion.scaled(found.factor)
    numbers = {
        "distance_m": found.distance_m, "speed_mps": found.speed_mps, "contact_s": found.contact_s,
        "v_mps": motion.v_mps,
    }  # fmt: skip
    notes.append(Intervention("person", "approach", numbers))
    return motion


def _stand(
    command: Command, robot: RobotState, rules: Book, memory: Memory, stamp_s: float, notes: list[Intervention]
) -> Decision:
    """A protective stop begins or goes on: it ends by itself once its cause has been gone for a while."""
    memory = memory._replace(protective=True, cause=notes[-1].rule, clear_since_s=None)
    return _verdict(command, robot, rules, memory, stamp_s, REST, notes, "protective_stop")


def _verdict(
    command: Command, robot: RobotState, rules: Book, memory: Memory, stamp_s: float, motion: Motion,
    notes: list[Intervention], state: str,
) -> Decision:  # fmt: skip
    en, ja = words.say(notes, words.IDLE if state == "waiting" else words.CLEAR)
    verdict = GateVerdict(
        stamp_s, state, command.source, [_plain(command.v_mps), _plain(command.w_rps)], [motion.v_mps, motion.w_rps],
        notes, en, ja, False, rules.hash, [_plain(robot.v_mps), _plain(robot.w_rps)], memory.approved,
        _plain(memory.approval_s),
    )  # fmt: skip
    memory = memory._replace(v_mps=motion.v_mps, w_rps=motion.w_rps, stamp_s=stamp_s)
    return Decision(motion.v_mps, motion.w_rps, verdict, memory)


def _plain(value: float) -> float:
    """JSON has no NaN: a refused number is shown as zero, the refusal names it."""
    return value if math.isfinite(value) else 0.0
