"""The gate: one pure function from a command and the situation to the command that may go out, and why.

Clauses run in order and may only take away: emergency stop, missing and stale inputs, refused commands, lost pose,
tilt; then limits, change of speed, tip-over, zones and rules, obstacles on the way, walkers; then the hold of a
protective stop.
The line of thought follows ISO 13850 (latched emergency stop), ISO 3691-4 (protective stop, personnel detection) and
ISO 13855 (separation = approach speed × stopping time); docs/safety.md says what is not claimed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from physical_ai_core.reports import Intervention
from physical_ai_safety import words
from physical_ai_safety.bounds import here, limited, ramped, step_s, upright
from physical_ai_safety.circumstances import UNKNOWN, Circumstances
from physical_ai_safety.clauses import Limit, Situation, ground, strictest
from physical_ai_safety.footprint import first_contact
from physical_ai_safety.jerk import drive_after, ramp_to_rest
from physical_ai_safety.ladder import Causes, category, latch, level, overruns, rest_due
from physical_ai_safety.motion import REST, Motion
from physical_ai_safety.ranges import Ranges
from physical_ai_safety.rule_forms import RULE_KINDS
from physical_ai_safety.situation import Book, Command, GateVerdict, Memory, RobotState
from physical_ai_safety.under_way import Base, Led, remember, share_that_rests
from physical_ai_safety.walkers import meeting

STOPPING = ("stability", "zone", "obstacle", "person", *RULE_KINDS)  # rules that may end in a protective stop
LEAST_STEP_S = 0.002  # of a controlled stop: it comes to rest even where the clock stands
OLDEST_S = 0.25  # place of the returns; an older one has stopped the robot
PROBE_MPS = 0.3  # speed at which the way is tried before a protective stop ends


class Decision(NamedTuple):
    v_mps: float
    w_rps: float
    verdict: GateVerdict
    memory: Memory


def decide(
    command: Command, robot: RobotState, ranges: Ranges, rules: Book, memory: Memory, stamp_s: float,
    circumstances: Circumstances = UNKNOWN,
) -> Decision:  # fmt: skip
    """The last word over one command. Pure; total: every input gives a finite command inside the limits.

    `memory` is the one returned by the decision before; `stamp_s` the time of the graph's clock; `circumstances`: the
    hour, people's word, the site's gates.
    """
    stamp_s = _plain(stamp_s)
    latched = latch(memory.latched, Causes(robot.emergency, robot.bumper, _overrun(robot, rules, memory, stamp_s)))
    if latched is not memory.latched:
        memory = memory._replace(latched=latched)
    stop = _must_stand(command, robot, rules, memory)
    if stop is not None:
        if latched.stopped or stop.rule in ("waiting", "start"):
            state = "emergency_stop" if latched.stopped else "waiting"
            return _verdict(command, robot, rules, memory, stamp_s, REST, [stop], state)
        motion = _braked(stop.rule, command, robot, ranges, rules, memory, stamp_s)
        return _stand(command, robot, rules, memory, stamp_s, [stop], motion)
    rules, standing = here(rules, command, robot, memory)
    asked, notes = limited(command, ranges.rear_seen, rules)
    motion = ramped(asked, memory, rules.limits, stamp_s, notes)
    motion = upright(motion, robot, standing, rules.limits, notes)
    motion, memory = _ruled(motion, asked, command.source, robot, circumstances, rules, memory, stamp_s, notes)
    motion = _obstacles(motion, robot, ranges, rules, memory, stamp_s, notes)
    motion = _walkers(motion, asked, ranges, rules, memory, notes)
    if motion.rests() and any(note.rule in STOPPING for note in notes):
        return _stand(command, robot, rules, memory, stamp_s, notes)
    if memory.protective:
        since = stamp_s if memory.clear_since_s is None else min(memory.clear_since_s, stamp_s)
        left = rules.file.stopping.hold_s - (stamp_s - since)
        if left > 0.0:
            memory = memory._replace(clear_since_s=since)
            hold = [Intervention("hold", memory.cause, {"left_s": left})]
            motion = _braked(memory.cause, command, robot, ranges, rules, memory, stamp_s)
            return _verdict(command, robot, rules, memory, stamp_s, motion, hold, "protective_stop")
        memory = memory._replace(protective=False, cause="", clear_since_s=None)
    idle = command.source == "none" or command.driver != ""
    state = "limited" if notes else "waiting" if idle else "clear"
    return _verdict(command, robot, rules, memory, stamp_s, motion, notes, state)


def stopped_by_fault(
    cause: str, command: Command, robot: RobotState, rules: Book, memory: Memory, stamp_s: float
) -> Decision:
    """Zero, because the gate itself failed: `cause` names the exception."""
    return _stand(command, robot, rules, memory, stamp_s, [Intervention("fault", cause)])


def _must_stand(command: Command, robot: RobotState, rules: Book, memory: Memory) -> Intervention | None:
    """The first reason for which no motion at all may pass."""
    latched = memory.latched
    if latched.emergency:
        return Intervention("emergency_stop", "input" if robot.emergency else "latched")
    if latched.overrun:
        return Intervention("overrun", "", {"v_mps": _plain(robot.v_mps), "w_rps": _plain(robot.w_rps)})
    if latched.bumper:
        return Intervention("bumper", "touched" if robot.bumper else "latched")
    if robot.missing:
        return Intervention("waiting", ", ".join(robot.missing))
    if latched.start:
        return Intervention("start", "")
    if robot.absent:
        return Intervention("crew", ", ".join(robot.absent))
    if robot.intruders:
        return Intervention("intruder", ", ".join(robot.intruders))
    if robot.lifted:
        return Intervention("lifted", "")
    if robot.stale:
        name, age_s = robot.stale[0]
        return Intervention("stale_input", name, {"age_s": age_s})
    if robot.faults:
        clause, numbers = robot.faults[0]
        return Intervention("unsound_input", clause, {key: _plain(value) for key, value in numbers.items()})
    if robot.impossible:
        numbers = {"v_mps": _plain(robot.v_mps), "w_rps": _plain(robot.w_rps)}
        return Intervention("unsound_input", "impossible speed", numbers)
    if command.refused or not math.isfinite(command.v_mps + command.w_rps):
        return Intervention("refused_command", f"{command.source}: {command.refused or 'nan'}")
    if command.lost and command.driver:
        return Intervention("dead_man", command.driver)
    if command.lost:
        return Intervention("stale_command", command.source)
    if rules.zones.needs_pose and (robot.pose is None or not math.isfinite(sum(robot.pose))):
        return Intervention("pose_lost", robot.pose_fault or "nan")
    if not robot.tilt_rad <= rules.file.max_tilt_rad:  # NaN is a tilt too
        return Intervention("tilt", "", {"tilt_rad": _plain(robot.tilt_rad)})
    return None


def _overrun(robot: RobotState, rules: Book, memory: Memory, stamp_s: float) -> bool:
    """The base moves though it had to stand by now; judged while its speed is known, where the rules want it."""
    due_s = memory.rest_due_s
    if due_s is None or stamp_s <= due_s or rules.file.stopping.overrun_s == 0.0 or robot.missing:
        return False
    known = all(name != "wheel/odometry" for name, _ in robot.stale)
    return known and overruns(due_s, _plain(robot.v_mps), _plain(robot.w_rps), stamp_s)


def _ruled(
    motion: Motion, asked: Motion, source: str, robot: RobotState, circumstances: Circumstances, rules: Book,
    memory: Memory, stamp_s: float, notes: list[Intervention],
) -> tuple[Motion, Memory]:  # fmt: skip
    """The site's zones and the clauses of the rules file. All judge the same motion; the strictest binds.

    After a stop by one of them the way is tried at speed before it is free again: crawling is allowed anywhere, and
    would end each stop only to begin the next.
    """
    if motion == REST:
        return motion, memory
    if robot.pose is not None and rules.zones.needs_pose:
        memory = memory._replace(anchor=rules.zones.anchor(robot.pose, memory.anchor))
    stopped = memory.protective and (memory.cause == "zone" or memory.cause in RULE_KINDS)
    tried = asked.scaled(PROBE_MPS / max(abs(asked.v_mps), 1e-6)) if stopped else motion
    least = _least(tried, source, robot, circumstances, rules, memory, stamp_s)
    if stopped and least is not None and tried.scaled(least.factor).rests():
        motion = REST
    elif stopped:
        least = _least(motion, source, robot, circumstances, rules, memory, stamp_s)
    if least is None or least.factor >= 1.0:
        return motion, memory
    motion = motion.scaled(least.factor)
    numbers = {name: _plain(value) for name, value in {"v_mps": motion.v_mps, **least.numbers}.items()}
    notes.append(Intervention(least.kind, least.rule, numbers, least.cites))
    return motion, memory


def _least(
    motion: Motion, source: str, robot: RobotState, circumstances: Circumstances, rules: Book, memory: Memory,
    stamp_s: float,
) -> Limit | None:  # fmt: skip
    """What the strictest of all zones and clauses leaves of a motion."""
    pose, way, least = robot.pose, None, None
    if pose is not None and memory.anchor is not None:
        led = _led(motion, robot, rules, memory, stamp_s)
        way = rules.zones.way(pose, *motion, rules.braking, rules.file.escape_mps, memory.anchor, led)
        found = way.site()
        if found is not None:
            numbers = {"way_m": found.way_m, "limit_mps": found.limit_mps, "sigma_m": pose.sigma_m}
            least = Limit(found.factor, "zone", found.zone, numbers)
    situation = Situation(
        source, circumstances, way, Motion(memory.v_mps, memory.w_rps),
        rules.limits.max_deceleration_mps2 * step_s(memory, stamp_s),
        *ground(robot.tilt_rad, robot.roll_rad, robot.pitch_rad), rules.file.escape_mps,
    )  # fmt: skip
    ruled = strictest(rules.clauses, motion, situation)
    return ruled if least is None or (ruled is not None and ruled.factor < least.factor) else least


def _obstacles(
    motion: Motion, robot: RobotState, ranges: Ranges, rules: Book, memory: Memory, stamp_s: float,
    notes: list[Intervention],
) -> Motion:  # fmt: skip
    """Largest share of the motion that still rests before the swept footprint meets a return: along its own arc, and
    where what was sent before leads first."""
    braking = rules.braking
    if memory.protective and memory.cause == "obstacle":
        braking = braking._replace(margin_m=braking.margin_m + rules.file.stopping.resume_extra_m)
    contact = first_contact(rules.hull, ranges.near, motion.v_mps, motion.w_rps, braking)
    if contact.factor < 1.0:
        motion = motion.scaled(contact.factor)
        numbers = {"free_m": contact.free_m, "x_m": contact.x_m, "y_m": contact.y_m, "v_mps": motion.v_mps}
        notes.append(Intervention("obstacle", "stop distance", numbers))
    share, left_m = share_that_rests(rules.hull, ranges.near, _led(motion, robot, rules, memory, stamp_s))
    if share < 1.0:
        motion = motion.scaled(share)
        notes.append(Intervention("obstacle", "under way", {"free_m": max(0.0, left_m), "v_mps": motion.v_mps}))
    return motion


def _led(motion: Motion, robot: RobotState, rules: Book, memory: Memory, stamp_s: float) -> Led:
    base = Base(_plain(robot.v_mps), _plain(robot.w_rps), rules.late_s, robot.place_age_s, rules.braking, *rules.push)
    return Led(motion, base, memory.sent, stamp_s, rules.hull.radius_m)


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
    command: Command, robot: RobotState, rules: Book, memory: Memory, stamp_s: float, notes: list[Intervention],
    motion: Motion = REST,
) -> Decision:  # fmt: skip
    """A protective stop begins or goes on: it ends by itself once its cause has been gone for a while."""
    memory = memory._replace(protective=True, cause=notes[-1].rule, clear_since_s=None)
    return _verdict(command, robot, rules, memory, stamp_s, motion, notes, "protective_stop")


def _braked(
    cause: str, command: Command, robot: RobotState, ranges: Ranges, rules: Book, memory: Memory, stamp_s: float
) -> Motion:
    """What a protective stop lets pass: for causes that leave the robot its sight a ramp, on which nothing is met."""
    before = Motion(memory.v_mps, memory.w_rps)
    blind = robot.stale or robot.impossible or not math.isfinite(robot.tilt_rad)
    if cause not in rules.file.stopping.controlled or blind or before == REST:
        return REST
    step = max(step_s(memory, stamp_s), LEAST_STEP_S)
    motion = Motion(*ramp_to_rest(*before, rules.braking.linear_mps2, rules.braking.yaw_rps2, step))
    rules, _ = here(rules, command, robot, memory)
    motion = _obstacles(motion, robot, ranges, rules, memory, stamp_s, [])
    motion = _walkers(motion, motion, ranges, rules, memory, [])
    return REST if motion.rests() else motion


def _verdict(
    command: Command, robot: RobotState, rules: Book, memory: Memory, stamp_s: float, motion: Motion,
    notes: list[Intervention], state: str,
) -> Decision:  # fmt: skip
    en, ja = words.say(notes, words.quiet(command.driver) if state == "waiting" else words.CLEAR)
    moving = motion.v_mps != 0.0 or motion.w_rps != 0.0
    step = level(memory.latched, notes != [] and state not in ("limited", "clear"), state == "limited")
    verdict = GateVerdict(
        stamp_s, state, command.source, [_plain(command.v_mps), _plain(command.w_rps)], [motion.v_mps, motion.w_rps],
        notes, en, ja, False, rules.hash, [_plain(robot.v_mps), _plain(robot.w_rps)], memory.approved,
        _plain(memory.approval_s), int(step), category(step),
    )  # fmt: skip
    due_s = rest_due(
        memory.rest_due_s, moving, _plain(robot.v_mps), _plain(robot.w_rps), rules.braking,
        rules.file.stopping.overrun_s, stamp_s,
    )  # fmt: skip
    drive = drive_after(memory.v_mps, motion.v_mps, memory.drive_mps2, step_s(memory, stamp_s))
    memory = memory._replace(
        v_mps=motion.v_mps, w_rps=motion.w_rps, stamp_s=stamp_s, rest_due_s=due_s, drive_mps2=drive,
        sent=remember(memory.sent, stamp_s, *motion, 2.0 * rules.late_s + OLDEST_S),
    )  # fmt: skip
    return Decision(motion.v_mps, motion.w_rps, verdict, memory)


def _plain(value: float) -> float:
    """JSON has no NaN: a refused number is shown as zero, the refusal names it."""
    return value if math.isfinite(value) else 0.0
