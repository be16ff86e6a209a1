"""Limits as they are here and now, worked out by hand at both sides of every edge."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest

from physical_ai_core.reports import Intervention
from physical_ai_core.robot import MotionLimits
from physical_ai_safety.bounds import SHOWN_MPS, SHOWN_RPS, here, limited, ramped, step_s, upright
from physical_ai_safety.incline import GRAVITY_MPS2
from physical_ai_safety.motion import REST, Motion
from physical_ai_safety.rules import load_rules
from physical_ai_safety.situation import Book, Command, Memory, RobotState, compile_rules
from physical_ai_safety.stability import FLAT_RAD, LEAST_MPS2, Firm, Stability
from physical_ai_safety.under_way import Sent

LOW = Stability(0.1, 0.185, 0.2, 2.5)  # grips just as hard as the rules brake: any way down takes from it
HILL = 0.2
STRAIGHT_ON = Command("autonomy", 0.5)


@cache
def book() -> Book:
    """Of the yard, but for the braking: 0.2 s, 2.5 m/s², 3 rad/s²; 1.5 m/s, 2 rad/s; 1.45 m of sight."""
    rules = compile_rules(load_rules("yard", "yard", "scout"))
    return rules._replace(body=LOW, braking=rules.braking._replace(linear_mps2=2.5))


def braking(command: Command, memory: Memory | None = None, **robot: Any) -> float:
    return here(book(), command, RobotState(**robot), memory or Memory())[1].braking_mps2


def left_by(down: float) -> float:
    """Braking that is left where `down` is the sine of the steepest way ahead."""
    return 2.5 - GRAVITY_MPS2 * down


DOWN = left_by(math.sin(HILL))


# --- where it goes ---


@pytest.mark.parametrize(
    ("asked", "was", "expected"),
    [
        (0.5, 0.0, DOWN), (0.0, 0.0, DOWN), (-0.1, 0.0, 2.5),  # from rest it goes as it is asked to
        (-0.1, 0.5, DOWN), (0.5, -0.5, 2.5), (-0.1, 1e-9, DOWN), (0.5, -1e-9, 2.5),  # else as it was told last
    ],
)  # fmt: skip
def test_ahead_is_where_it_was_told_to_go_and_from_rest_where_it_is_asked_to(
    asked: float, was: float, expected: float
) -> None:
    assert braking(Command("autonomy", asked), Memory(was), pitch_rad=HILL) == pytest.approx(expected)


@pytest.mark.parametrize("way", [1.0, -1.0])
@pytest.mark.parametrize(
    ("measured", "sent", "back"),
    [
        (0.0, (), False), (SHOWN_MPS, (), False), (0.051, (), True), (0.5, (), True), (-0.5, (), False),
        (math.nan, (), False), (-math.inf, (), False), (math.inf, (), False),
        (0.0, (SHOWN_MPS,), False), (0.0, (0.051,), True), (0.0, (0.0, 0.4, -0.3), True), (0.0, (-0.3, -0.4), False),
        (-0.2, (0.4,), True), (0.2, (-0.4,), True),
    ],
)  # fmt: skip
def test_who_was_told_to_turn_back_on_a_slope_and_has_not_yet_brakes_as_weakly_as_either_way_allows(
    way: float, measured: float, sent: tuple[float, ...], back: bool
) -> None:
    """Told to drive uphill; `measured` and `sent` are downhill where they are positive."""
    under_way = tuple(Sent(0.1 * i, way * v, 0.0) for i, v in enumerate(sent))
    memory = Memory(-0.3 * way, sent=under_way)
    found = braking(Command("autonomy", -0.3 * way), memory, v_mps=way * measured, pitch_rad=way * HILL)
    assert found == pytest.approx(DOWN if back else 2.5)


def test_on_level_ground_nobody_looks_which_way_it_still_goes_and_turning_costs_no_braking() -> None:
    turning = Command("autonomy", 0.5, 2.0)
    assert braking(turning, v_mps=-1.0, roll_rad=-FLAT_RAD) == 2.5
    assert here(book(), turning, RobotState(roll_rad=-FLAT_RAD), Memory())[0] is book()


# --- how far it turns ---

UNTIL_S = 0.2 + 0.5 * 1.5 / 2.5  # reaction, and half of the braking from top speed


@pytest.mark.parametrize(
    ("roll", "rates", "turn"),
    [
        (-HILL, (0.0, 0.0, 0.0), 0.0), (-HILL, (0.5, 0.0, 0.0), 0.5 * UNTIL_S), (-HILL, (0.0, 0.5, 0.0), 0.5 * UNTIL_S),
        (-HILL, (0.0, 0.0, 0.5), 0.5 * UNTIL_S), (-HILL, (0.1, 0.5, -0.7), 0.5 * UNTIL_S),
        (-HILL, (-0.5, -0.6, -0.1), 0.0), (-HILL, (0.0, math.nan, math.nan), 0.0), (-HILL, (0.5, math.inf, 0.0), 0.25),
        (-HILL, (0.0, 1.9, 0.0), 1.9 * UNTIL_S), (-HILL, (0.0, 0.0, 7.0), 2.0 * UNTIL_S),  # no more than it may turn
        (HILL, (-0.5, 0.0, 0.0), 0.5 * UNTIL_S), (HILL, (0.1, -0.5, -0.2), 0.5 * UNTIL_S),
        (HILL, (0.5, 0.6, 0.1), 0.0), (HILL, (0.0, 0.0, -7.0), 2.0 * UNTIL_S), (HILL, (0.0, math.nan, 0.0), 0.0),
    ],
)  # fmt: skip
def test_across_a_slope_it_brakes_as_the_farthest_turn_until_rest_leaves_it(
    roll: float, rates: tuple[float, float, float], turn: float
) -> None:
    """The slope falls to the left (roll < 0) or to the right; a turn by a there goes down by sin(a)."""
    was, asked, measured = rates
    found = braking(Command("autonomy", 0.5, asked), Memory(0.5, was), w_rps=measured, roll_rad=roll)
    assert found == pytest.approx(max(0.0, left_by(math.sin(HILL) * math.sin(turn))), abs=1e-9)


@pytest.mark.parametrize("turn", [1.5, -1.5])
def test_the_way_straight_on_belongs_to_every_turn(turn: float) -> None:
    assert braking(Command("autonomy", 0.5, turn), Memory(0.5, turn), w_rps=turn, pitch_rad=HILL) == pytest.approx(DOWN)


def test_how_long_it_turns_is_told_by_its_speed() -> None:
    """A base that is slow to stop turning: the rules count with the time from top speed to rest."""
    rules = book()._replace(braking=book().braking._replace(yaw_rps2=0.5))
    found = here(rules, Command("autonomy", 0.5, 0.5), RobotState(roll_rad=-HILL), Memory())[1]
    assert found.braking_mps2 == pytest.approx(left_by(math.sin(HILL) * math.sin(0.25)))


def test_both_leans_together_make_a_slope() -> None:
    """Half left, half ahead it goes down: as steep as both together once it has turned there."""
    ahead = left_by(math.sin(0.1))
    assert braking(STRAIGHT_ON, roll_rad=-0.1, pitch_rad=0.1) == pytest.approx(ahead)
    turning = braking(Command("autonomy", 0.5, 2.0), roll_rad=-0.1, pitch_rad=0.1)
    assert turning == pytest.approx(left_by(math.sqrt(2.0) * math.sin(0.1)))


def test_a_late_base_turns_on_meanwhile_and_more_than_half_a_turn_is_every_way_that_lies_on_it() -> None:
    late: dict[str, Any] = {"roll_rad": -HILL, "reaction_s": 0.5}
    assert braking(Command("autonomy", 0.5, 0.5), **late) == pytest.approx(
        left_by(math.sin(HILL) * math.sin(0.5 * (0.5 + 0.3)))
    )
    farther: dict[str, Any] = {"roll_rad": HILL, "reaction_s": 9.0}  # falls to the right; turns left, 2 rad/s for 2.3 s
    assert braking(Command("autonomy", 0.5, 2.0), **farther) == pytest.approx(left_by(-math.sin(HILL) * math.sin(4.6)))


# --- what a late base and a slope do to the rules ---


def test_where_nothing_is_tighter_the_rules_are_the_very_same() -> None:
    robot = RobotState(reaction_s=0.2)
    assert here(book(), STRAIGHT_ON, robot, Memory())[0] is book()
    assert here(book(), Command("teleop", 0.5), robot, Memory())[0].limits == book().limits
    edge = book().limits.model_copy(update={"max_speed_mps": book().braking.speed_within_mps(book().sight_m)})
    rules = book()._replace(limits=edge)
    assert here(rules, STRAIGHT_ON, robot, Memory())[0] is rules


@pytest.mark.parametrize(
    ("late", "counted"), [(0.1, 0.2), (0.2, 0.2), (0.21, 0.21), (1.9, 1.9), (2.0, 2.0), (9.0, 2.0)]
)
def test_a_base_is_as_late_as_measured_no_less_than_the_rules_say_and_two_seconds_at_most(
    late: float, counted: float
) -> None:
    rules, _ = here(book(), STRAIGHT_ON, RobotState(reaction_s=late), Memory())
    assert rules.braking == book().braking._replace(reaction_s=counted)
    way = 1.45 + 1e-9
    top = rules.limits.max_speed_mps
    assert top * counted + 0.5 * top * top / 2.5 <= way and rules.limits.max_reverse_mps == min(0.4, top)
    assert top == pytest.approx(min(1.5, math.sqrt((2.5 * counted) ** 2 + 2.0 * 2.5 * 1.45) - 2.5 * counted))


def test_downhill_the_top_speed_either_way_is_the_one_from_which_it_rests_within_its_sight() -> None:
    rules, found = here(book(), STRAIGHT_ON, RobotState(pitch_rad=0.17), Memory())
    assert found.braking_mps2 == pytest.approx(left_by(math.sin(0.17)))
    late = rules.braking.linear_mps2 * 0.2
    top = math.sqrt(late * late + 2.0 * rules.braking.linear_mps2 * 1.45) - late
    assert rules.braking == pytest.approx((0.2, found.braking_mps2, 3.0, 0.1))
    assert (rules.limits.max_speed_mps, rules.limits.max_reverse_mps) == pytest.approx((top, min(top, 0.4)))
    steep, none = here(book(), STRAIGHT_ON, RobotState(pitch_rad=0.3), Memory())
    assert none.braking_mps2 == 0.0 and steep.braking.linear_mps2 == LEAST_MPS2
    slow = math.sqrt(0.01**2 + 0.1 * 1.45) - 0.01
    assert (steep.limits.max_speed_mps, steep.limits.max_reverse_mps) == pytest.approx((slow, slow))
    others = book().limits.model_dump() | dict.fromkeys(("max_speed_mps", "max_reverse_mps"), slow)
    assert steep.limits.model_dump() == pytest.approx(others)


# --- limits of speed and turn ---


def bound(v: float, w: float = 0.0, blind: float | None = None, **limits: float) -> tuple[Motion, list[Intervention]]:
    rules = book()._replace(limits=book().limits.model_copy(update=limits))
    if blind is not None:
        stopping = rules.file.stopping.model_copy(update={"blind_reverse_mps": blind})
        rules = rules._replace(file=rules.file.model_copy(update={"stopping": stopping}))
    return limited(Command("autonomy", v, w), False, rules)


@pytest.mark.parametrize(("blind", "clause"), [(0.19, "blind reverse"), (0.2, "reverse"), (0.21, "reverse")])
def test_backwards_the_lesser_limit_has_the_word(blind: float, clause: str) -> None:
    (v, _), notes = bound(-0.8, blind=blind, max_reverse_mps=0.2)
    assert v == pytest.approx(-min(blind, 0.2)) and [note.clause for note in notes] == [clause]


def test_a_correction_of_a_thousandth_is_not_worth_a_word() -> None:
    assert bound(1.0, max_speed_mps=0.999) == ((0.999, 0.0), [])
    assert [note.clause for note in bound(1.0, max_speed_mps=0.9989)[1]] == ["speed"]
    assert bound(0.5, 1.0, max_yaw_rate_rps=0.999) == ((0.4995, 0.999), [])
    assert [note.clause for note in bound(0.0, 1.0, max_yaw_rate_rps=0.9989)[1]] == ["yaw rate"]


# --- ramps ---

LIMITS = MotionLimits(max_acceleration_mps2=1.0, max_deceleration_mps2=2.0, max_yaw_acceleration_rps2=4.0)


def ramp(asked: tuple[float, float], memory: Memory, stamp_s: float = 1.02) -> tuple[Motion, list[Intervention]]:
    notes: list[Intervention] = []
    return ramped(Motion(*asked), memory, LIMITS, stamp_s, notes), notes


@pytest.mark.parametrize(
    ("was", "asked", "out"),
    [
        ((1.0, 0.1), (1.0, 0.11), (1.0, 0.11)), ((1.0, 0.1), (1.01, 0.11), (1.01, 0.11)),  # a step that is short enough
        ((1.0, 0.1), (1.0, 0.3), (1.0, 0.18)), ((1.0, 0.1), (1.5, 0.1), (1.02, 0.1)),
        ((0.0, 0.0), (0.0, 0.5), (0.0, 0.08)), ((0.0, 0.0), (0.5, 0.0), (0.02, 0.0)),
        ((0.04, 0.0), (-0.3, 0.0), (0.0, 0.0)), ((0.05, 0.0), (-0.3, 0.0), (0.01, 0.0)),
        ((-0.03, 0.0), (0.3, 0.0), (0.0, 0.0)), ((1.0, 0.1), (0.97, 0.1), (0.97, 0.1)),
    ],
)  # fmt: skip
def test_a_step_is_no_longer_than_the_limits_and_no_longer_than_the_gap(
    was: tuple[float, float], asked: tuple[float, float], out: tuple[float, float]
) -> None:
    assert ramp(asked, Memory(*was, 1.0))[0] == pytest.approx(out)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((SHOWN_MPS, 0.0), 0),
        ((0.0501, 0.0), 1),
        ((0.0, SHOWN_RPS), 0),
        ((0.0, -0.1501), 1),
        ((SHOWN_MPS, SHOWN_RPS), 0),
    ],
)
def test_what_a_ramp_holds_back_is_told_beyond_what_is_worth_a_word(asked: tuple[float, float], told: int) -> None:
    """Before the first decision no time has passed: all of it is held back."""
    motion, notes = ramp(asked, Memory())
    assert motion == REST and len(notes) == told


@pytest.mark.parametrize(
    ("before", "now", "step"), [(None, 5.0, 0.0), (1.0, 1.05, 0.05), (1.0, 1.3, 0.1), (2.0, 1.0, 0.0)]
)
def test_a_decision_counts_a_tenth_of_a_second_at_most_since_the_one_before(
    before: float | None, now: float, step: float
) -> None:
    assert step_s(Memory(stamp_s=before), now) == pytest.approx(step)


# --- staying upright ---


def kept(
    motion: tuple[float, float], found: Firm, lateral: float = math.inf, **robot: float
) -> tuple[Motion, list[Intervention]]:
    notes: list[Intervention] = []
    return upright(Motion(*motion), RobotState(**robot), found, MotionLimits(max_lateral_mps2=lateral), notes), notes  # type: ignore[arg-type]


def test_where_braking_would_not_hold_it_stands_and_only_who_stands_may_turn() -> None:
    lean = {"roll_rad": 0.1, "pitch_rad": -0.2}
    for weak, stands in ((LEAST_MPS2, False), (0.0499, True)):
        firm = Firm(9.0, 9.0, weak)
        assert kept((0.5, 0.1), firm, **lean)[0] == (REST if stands else (0.5, 0.1))
        assert kept((0.0, 0.1), firm, **lean) == ((0.0, 0.1), [])
    _, notes = kept((0.5, 0.1), Firm(9.0, 9.0, 0.0), **lean)
    assert notes == [Intervention("stability", "braking on the slope", {**lean, "v_mps": 0.0, "w_rps": 0.0})]
    _, notes = kept((0.0, 0.1), Firm(9.0, 9.0, 0.0), roll_rad=math.nan, pitch_rad=math.inf)
    assert notes[0].numbers == {"roll_rad": 0.0, "pitch_rad": 0.0, "v_mps": 0.0, "w_rps": 0.0}


@pytest.mark.parametrize(
    ("motion", "measured", "perceived", "out"),
    [
        ((1.0, 1.0), 0.0, 0.0, (1.0, 1.0)), ((1.0, -1.0), 0.0, 0.0, (math.sqrt(0.5), -0.5)),
        ((-1.0, 1.0), 0.0, 0.0, (-math.sqrt(0.5), 0.5)), ((-1.0, -1.0), 0.0, 0.0, (-1.0, -1.0)),
        ((0.0, 1.0), 1.0, 0.0, (0.0, 1.0)), ((0.0, -1.0), 1.0, 0.0, (0.0, -0.5)), ((0.0, 1.0), -1.0, 0.0, (0.0, 0.5)),
        ((0.5, -1.0), 2.0, 0.0, (0.5, -0.25)), ((0.5, -1.0), 0.5, -4.0, (0.5, -0.125)),
        ((0.0, -1.0), math.nan, math.nan, (0.0, -1.0)), ((0.0, 2.0), 0.0, 1.0, (0.0, 0.5)),
        ((0.0, -2.0), 0.0, 1.0, (0.0, -0.5)),
    ],
)  # fmt: skip
def test_the_side_on_which_the_bend_lies_bounds_it_and_a_slide_is_bounded_by_both(
    motion: tuple[float, float], measured: float, perceived: float, out: tuple[float, float]
) -> None:
    """It bears 2 m/s² in a bend to the left and 0.5 to the right."""
    found, _ = kept(motion, Firm(2.0, 0.5, 1.0), v_mps=measured, perceived_mps=perceived)
    assert found == pytest.approx(out)
    mirrored, _ = kept((motion[0], -motion[1]), Firm(0.5, 2.0, 1.0), v_mps=measured, perceived_mps=perceived)
    assert mirrored == pytest.approx((out[0], -out[1]))


@pytest.mark.parametrize(
    ("motion", "measured", "told"),
    [
        ((SHOWN_MPS, 0.1), 0.0, False), ((0.0501, 0.1), 0.0, True), ((0.01, SHOWN_RPS), 0.0, False),
        ((0.0, 0.1501), 1.0, True), ((0.0, SHOWN_RPS), 1.0, False),
    ],
)  # fmt: skip
def test_what_a_bend_costs_is_told_beyond_what_is_worth_a_word(
    motion: tuple[float, float], measured: float, told: bool
) -> None:
    out, notes = kept(motion, Firm(0.0, 0.0, 1.0), v_mps=measured, roll_rad=0.1, pitch_rad=0.2)
    assert out == REST and bool(notes) is told
    if told:
        numbers = {"roll_rad": 0.1, "pitch_rad": 0.2, "v_mps": 0.0, "w_rps": 0.0, "lateral_mps2": 0.0}
        assert notes == [Intervention("stability", "roll-over", numbers)]


def test_the_lesser_of_comfort_and_roll_over_has_the_word() -> None:
    for lateral, clause in ((0.4, "lateral acceleration"), (0.6, "roll-over")):
        (_, w), notes = kept((1.0, 2.0), Firm(0.5, 0.5, 1.0), lateral)
        assert [note.clause for note in notes] == [clause]
        assert notes[0].numbers["lateral_mps2"] == min(lateral, 0.5) and w == min(lateral, 0.5)
