"""The safety case as data: for each rule of the gate the hazard, what it does, which clauses it speaks to.

A clause is named only where its number is known for sure; otherwise the standard alone. "Speaks to" is the thought that
the rule follows, never a claim of conformity. `physical-ai docs` makes docs/safety-case.md of this and of the tests.
Editions: ISO 3691-4:2023, ISO 13849-1:2015 (the 2023 edition numbers its clauses anew), ISO 13850:2015, ISO 12100:2010,
IEC 60204-1:2016.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from physical_ai_safety.schema import Cause

BRAKES, SPEED, STABILITY = "ISO 3691-4, 4.2", "ISO 3691-4, 4.3", "ISO 3691-4, 4.7"
PEOPLE, MODES, AREAS = "ISO 3691-4, 4.8", "ISO 3691-4, 4.9", "ISO 3691-4, Annex A"
STOPS, RESET, RESTART = "ISO 13849-1, 5.2.1", "ISO 13849-1, 5.2.2", "ISO 13849-1, 5.2.3"
RESPONSE, LOCAL = "ISO 13849-1, 5.2.6", "ISO 13849-1, 5.2.4"
EMERGENCY, ELEMENTS, CATEGORIES = "ISO 13850, 4.1", "ISO 12100, 6.3.5.2", "IEC 60204-1, 9.2.2"
CONTROL, POWER, MONITORING = "ISO 12100, 6.2.11", "ISO 12100, 6.2.11.4", "ISO 12100, 6.2.11.6"
UPRIGHT, GUARDS = "ISO 12100, 6.2.6", "ISO 12100, 6.3.2"


class Case(NamedTuple):
    """One row of the safety case. `omits`: what is not claimed, besides what holds for all rows."""

    hazard: str
    measure: str
    clauses: tuple[str, ...]
    omits: str


CASES: Final[dict[str, Case]] = {
    "emergency_stop": Case(
        "A person sees harm coming and the machine goes on", "latched stop, category 1 asked of the machine; a person's"
        " reset, refused while the cause stands or the robot may move", (EMERGENCY, ELEMENTS, RESET, CATEGORIES),
        "the topic is no emergency-stop device: the hardware circuit is"),
    "overrun": Case(
        "The base runs on though it was told to stand", "after reaction, braking and `overrun_s` at speed: latched,"
        " category 0 asked of the machine", (STOPS, MONITORING, CATEGORIES),
        "`safety/hardware_stop` moves no contactor by itself; wheel odometry that shows rest while the base slides"),
    "bumper": Case(
        "Someone is touched or trapped, and pushed further", "latched stop, category 1 asked of the machine",
        (PEOPLE, STOPS, RESET), "the contact force before it stops; the bumper and its wiring"),
    "start": Case(
        "Unexpected start after power-up, or after a crash of the gate", "stands until a person's reset",
        (POWER, RESTART), "power on the drives while the robot waits"),
    "waiting": Case(
        "It moves before it senses", "zero until each required input was heard", (CONTROL, MONITORING),
        "an input that is not in the list of required ones"),
    "crew": Case(
        "It drives on without a part of itself that a rule counts on", "protective stop while a node of `crew` is gone",
        (MONITORING,), "a node that lives and computes nonsense"),
    "intruder": Case(
        "Another program drives the base past the gate", "protective stop, and the stranger is named; with SROS2 it"
        " cannot speak at all", (CONTROL,),
        "without SROS2 the stranger's commands still reach the base: the gate's zeros only come between"),
    "lifted": Case(
        "Wheels or implements turn in the air, and grip when set down", "protective stop while `lifted`",
        (UPRIGHT, GUARDS), "the sensor of the wheel drop"),
    "stale_input": Case(
        "It drives on an old picture: a cable, a driver, a clock has failed", "protective stop by stamps and by the"
        " steady clock; covered and frozen sensors count as silent", (MONITORING, RESPONSE),
        "a sensor that gives fresh and plausible, but wrong ranges"),
    "unsound_input": Case(
        "Wheels slip or block, an encoder or IMU freezes or leaps, a stream thins out, the clock jumps: it reckons"
        " with a motion that is none", "protective stop that names the contradiction and its numbers",
        (MONITORING, CONTROL), "sensors that are wrong in the same way at the same time"),
    "refused_command": Case(
        "A faulty command (no number, wrong frame, from the future) moves the base", "protective stop, the command is"
        " named", (CONTROL,), "a sound command that is foolish: the other rules judge it"),
    "stale_command": Case(
        "The controller dies and its last command goes on", "protective stop after the command's time",
        (MONITORING, RESTART), "—"),
    "dead_man": Case(
        "The person who drives lets go, or loses the radio", "protective stop; autonomy does not come back by itself",
        (LOCAL, MODES), "an enabling device (a stick with three positions) is hardware"),
    "pose_lost": Case(
        "It does not know where it is, and so not which areas are near", "protective stop where zones exist",
        (AREAS, CONTROL), "a pose that is wrong and sure of itself"),
    "tilt": Case("It tips, or has tipped", "protective stop beyond `max_tilt_rad`", (UPRIGHT, STABILITY),
        "a fall that has begun is not caught"),
    "limit": Case(
        "Too fast for the place, the load or the eyes", "speed and yaw rate cut, the arc kept; slower where nothing"
        " looks backwards", (SPEED,), "the drive follows the command: its own speed limit is hardware's"),
    "acceleration": Case(
        "Load shifts, wheels slip, a person beside it is startled", "acceleration, deceleration and jerk limited; a"
        " stop passes at once", (SPEED, STABILITY), "—"),
    "stability": Case(
        "Roll-over in a bend; a slope on which braking does not hold", "slower on the same arc, or stop",
        (STABILITY, UPRIGHT, BRAKES), "dynamics beyond the quasi-static tip-over; soft ground; a load that swings"),
    "zone": Case(
        "It enters an area of the site where it would do harm (stairs, road, people)", "rests outside, enters at the"
        " area's speed; the area grows by three standard deviations of the pose", (AREAS, SPEED),
        "an area that nobody drew; a fence is no guard"),
    "keep_out": Case(
        "The same, by a rule with hours, drivers, loads or gates", "rests outside; the way out is open, slowly",
        (AREAS,), "as for `zone`"),
    "geofence": Case("It leaves the ground that was judged safe for it", "rests inside", (AREAS,), "as for `zone`"),
    "speed": Case(
        "Too fast for this area, hour, load or driver", "enters at the rule's speed; reached by braking where it begins"
        " to hold", (SPEED, AREAS), "as for `zone`"),
    "forbid": Case(
        "Reversing or turning where it would hit or trap someone", "stops before it is done there", (AREAS, MODES),
        "as for `zone`"),
    "approval": Case(
        "It does without a person what only people may decide", "stands until so many different people have said yes;"
        " silence is no", (MODES, CONTROL), "who a person is: names are not proved, unless SROS2 guards the topic"),
    "slope": Case("Ground too steep to brake or stay upright on", "does not climb; down and along slowly",
        (STABILITY, BRAKES), "ground that the IMU has not felt yet"),
    "obstacle": Case(
        "Collision with what stands, person or thing", "the swept footprint rests before the nearest return, with"
        " reaction, latency and braking counted (ISO 13855: separation = speed × stopping time)",
        (PEOPLE, BRAKES, RESPONSE), "what the LiDAR cannot see (low, high, glass, black, behind); the scanner here is"
        " not required to be a safety scanner"),
    "person": Case(
        "Someone walks into the moving robot", "has stood for `rest_before_contact_s` before they can touch it",
        (PEOPLE, GUARDS), "who jumps, or steps out from behind; a walker is known after about 0.2 s"),
    "hold": Case(
        "It starts again the moment a person has stepped aside", "a protective stop ends `hold_s` after its cause",
        (RESTART,), "—"),
    "fault": Case("The gate itself fails", "zero, implements off, the exception named; a dead gate is a silent"
        " `cmd_vel`, on which the base must stop", (MONITORING, CONTROL),
        "software on a general-purpose OS has no performance level"),
}  # fmt: skip

# Why an implement is off: the same for the blade, the sprayer, the arm.
INTERLOCKS: Final[dict[Cause, Case]] = {
    Cause.EMERGENCY: Case("Cut, sprayed or struck after an emergency stop", "off, and asked for anew after the reset",
        (EMERGENCY, RESTART), "the blade's own brake and its run-down time"),
    Cause.STOP: Case("The implement works on while the robot stands", "off while anything stops the robot", (STOPS,),
        "run-down time"),
    Cause.PERSON: Case("Cut, sprayed or struck by the implement", "off while someone walks nearer than `person_m`",
        (PEOPLE, GUARDS), "who stands still counts by `clear_m` only"),
    Cause.CLEAR: Case("The same, by someone who stands or sits", "off while anything is nearer than `clear_m`",
        (PEOPLE, GUARDS), "what the LiDAR cannot see"),
    Cause.LIFTED: Case("Hands under a lifted machine", "off, and asked for anew", (GUARDS, RESTART), "the sensor"),
    Cause.TILTED: Case("The implement points at people", "off beyond `max_tilt_rad`, and asked for anew",
        (GUARDS, RESTART), "—"),
    Cause.OUTSIDE: Case("Work beyond the field: a path, a neighbour", "off unless surely inside a work zone", (AREAS,),
        "a pose that is wrong and sure of itself"),
    Cause.MOVING: Case("An arm swings while the base drives", "off unless the base is at rest", (MODES,), "—"),
}  # fmt: skip

ASSUMED: Final[tuple[str, ...]] = (
    "**A hardware emergency-stop circuit** (ISO 13850) that takes the power from the drives and the implements without"
    " any software, with its own device on the machine. Nothing on this page replaces it or is counted into it.",
    "**A contactor or drive input** that acts on `safety/hardware_stop`, where the machine's maker has wired one.",
    "**A base that stops by itself** when `cmd_vel` is silent for 0.25 s, and brakes no worse than `braking_mps2`.",
    "**Rules, site and robot files that are true**: measured braking, footprint, mounts, areas drawn by someone who"
    " knows the place.",
)
NOT_CLAIMED: Final[tuple[str, ...]] = (
    "No performance level (ISO 13849-1) and no SIL: this is software on a general-purpose computer and operating"
    " system, in one channel, with sensors that need not be safety-rated. It lowers the demand on the safety-rated"
    " parts; it is none of them.",
    "No conformity with any standard named here. A clause says which thought a rule follows, and where an assessor"
    " should begin to read.",
    "No risk assessment (ISO 12100, clause 5): the hazards below are those that the rules were written for, not all"
    " that a machine at a place has.",
)
