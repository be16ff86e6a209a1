"""What the core lays before a decision, and before the interlocks: everything heard, put together at one instant."""

from __future__ import annotations

import math

from physical_ai_safety.circumstances import Circumstances, wall
from physical_ai_safety.gate import OLDEST_S, Decision
from physical_ai_safety.hearing import Hearing
from physical_ai_safety.implements import Around, Implements, nearest_return, nearest_walker
from physical_ai_safety.incline import LEVEL
from physical_ai_safety.ladder import Causes
from physical_ai_safety.parameters import GateParameters
from physical_ai_safety.ranges import Ranges
from physical_ai_safety.situation import Book, RobotState


class Buttons:
    """Emergency stop, bumper and wheel drop as they were said last: True is pressed, touched, lifted."""

    def __init__(self) -> None:
        self.down = {"emergency_stop": False, "bumper": False, "lifted": False}

    def take(self, topic: str, down: bool) -> bool:
        """Returns whether it goes down only now."""
        before, self.down[topic] = self.down[topic], down
        return down and not before

    @property
    def causes(self) -> Causes:
        """Those that latch."""
        return Causes(self.down["emergency_stop"], self.down["bumper"])


def robot_state(hearing: Hearing, buttons: Buttons, intruders: tuple[str, ...], now_s: float) -> RobotState:
    """The robot as it is known."""
    lean = hearing.incline.lean or LEVEL
    return RobotState(
        hearing.reckoning.v_mps, hearing.reckoning.w_rps, hearing.place.pose, hearing.place.fault,
        hearing.tilt_rad,  # the last known: silence makes nothing upright
        hearing.missing(), hearing.stale(now_s), buttons.down["emergency_stop"], hearing.crew.absent,
        buttons.down["bumper"], buttons.down["lifted"], intruders, hearing.reaction.reaction_s,
        lean.roll_rad, lean.pitch_rad, hearing.faults(now_s), hearing.motion.perceived_mps(now_s),
        min(max(0.0, now_s - hearing.reckoning.stamp_s), OLDEST_S),
    )  # fmt: skip


class Outside:
    """Hour, load and the site's gates. `parameters`: where the clock and the load come from."""

    def __init__(self, hearing: Hearing, rules: Book, utc_offset_h: float | None, parameters: GateParameters) -> None:
        self._site, self._utc_offset_h = hearing.site_state, utc_offset_h
        self._wall_offset_s = parameters.wall_offset_s
        self._payload_kg = rules.file.payloads[parameters.payload].mass_kg if parameters.payload else None

    def circumstances(self, approvals: frozenset[str], now_s: float) -> Circumstances:
        """`approvals`: what people have said yes to."""
        day_s, weekday = wall(now_s + self._wall_offset_s, self._utc_offset_h)
        weighed = [kg for kg in (self._site.payload_kg(now_s), self._payload_kg) if kg is not None]
        return Circumstances(day_s, weekday, approvals, self._site.open_gates(now_s), max(weighed, default=None))


def around(
    decision: Decision, ranges: Ranges, implements: Implements, rules: Book, hearing: Hearing, lifted: bool
) -> Around:
    """What the interlocks look at; distances only where an implement that is asked for has a rule about them."""
    state, radius_m = decision.verdict.state, rules.hull.radius_m
    person_m = nearest_m = math.inf
    if implements.asked and implements.looks_at_people:
        person_m = nearest_walker(ranges.walkers) - radius_m
    if implements.asked and implements.looks_around:
        nearest_m = nearest_return(ranges.near) - radius_m
    idle = state == "waiting" and not decision.verdict.interventions
    return Around(
        decision.memory.latched.held, state not in ("clear", "limited") and not idle, idle, person_m, nearest_m,
        lifted, hearing.tilt_rad, rules.zones.in_work_zone(hearing.place.pose), hearing.at_rest() is True,
    )  # fmt: skip
