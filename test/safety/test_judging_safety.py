"""Each kind of clause by itself, on a way that is made up: what it leaves of a motion, to the last number."""

from __future__ import annotations

import math
from typing import Any

import pytest

from physical_ai_safety.circumstances import UNKNOWN, Circumstances
from physical_ai_safety.clauses import Limit, Situation, compile_clauses, ground
from physical_ai_safety.clauses.approval import Approval
from physical_ai_safety.clauses.forbid import Forbid
from physical_ai_safety.clauses.keep_out import KeepOut, of_zone
from physical_ai_safety.clauses.slope import Slope
from physical_ai_safety.clauses.speed import Speed
from physical_ai_safety.clauses.when import Condition, condition
from physical_ai_safety.motion import REST, Motion
from physical_ai_safety.rule_forms import Hours, When
from physical_ai_safety.schema import RulesFile
from physical_ai_safety.zones import ZoneLimit

ALWAYS, NEVER = Condition(), Condition(modes=frozenset({"teleop"}))  # while autonomy drives
HALF = ZoneLimit(0.5, "here", "slow", 0.7, 0.3)


class Road:
    """A way to rest that meets, or misses, one area."""

    def __init__(self, met: bool = True) -> None:
        self.met, self.asked = met, ""

    def near(self, rule: str) -> bool:
        return self.met

    def enters(self, rule: str) -> bool:
        return self.met

    def forbidden(self, rule: str, escape: bool = True) -> ZoneLimit | None:
        self.asked = f"{rule}, {'escape' if escape else 'stay'}"
        return HALF if self.met else None

    def slow(self, rule: str, top_mps: float) -> ZoneLimit | None:
        self.asked = f"{rule}, {top_mps}"
        return HALF if self.met else None


MEETS, MISSES = Road(), Road(False)


def now(way: Any = None, **more: Any) -> Situation:
    return Situation("autonomy", more.pop("circumstances", UNKNOWN), way, more.pop("before", REST), 0.05, **more)


def test_what_is_not_said_of_a_situation_or_a_limit_is_the_plain_case() -> None:
    assert Situation("", UNKNOWN, None, REST, 0.0)[5:] == (0.0, None, 0.2)
    limit = Limit(0.5, "speed", "a")
    assert (limit.numbers, limit.cites) == ({}, "") and not hasattr(limit, "__dict__")
    with pytest.raises(AttributeError):
        limit.factor = 1.0  # type: ignore[misc]
    for given, kept in ((0.0, 0.0), (1.0, 1.0), (1.5, 1.0), (-0.1, 0.0), (math.inf, 1.0), (math.nan, 0.0)):
        assert Limit(given, "speed", "a").factor == kept


def test_an_area_that_is_not_near_or_not_known_or_whose_hour_is_not_now_leaves_all() -> None:
    for clause in (
        KeepOut("keep_out", "a", "law", ALWAYS),
        Forbid("a", "law", ALWAYS, True, frozenset({"move"}), 0, 1),
    ):
        assert clause.judge(Motion(1.0, 0.0), now(None)) is None
        assert clause.judge(Motion(1.0, 0.0), now(MISSES)) is None
        assert clause._replace(when=NEVER).judge(Motion(1.0, 0.0), now(MEETS)) is None
    zone = {"way_m": 0.7, "limit_mps": 0.3}
    assert KeepOut("geofence", "a", "law", ALWAYS).judge(Motion(1.0, 0.0), now(MEETS)) == Limit(
        0.5, "geofence", "here", zone, "law"
    )
    assert MEETS.asked == "a, escape"
    assert of_zone(None, "forbid", "law") is None
    assert of_zone(HALF, "forbid", "law", {"persons": 2.0}) == Limit(
        0.5, "forbid", "here", {**zone, "persons": 2.0}, "law"
    )


@pytest.mark.parametrize(
    ("action", "v", "w", "done"),
    [
        ("move", 0.1, 0.0, True), ("move", 0.0, 0.1, True),
        ("reverse", -0.1, 0.0, True), ("reverse", 0.0, 2.0, False), ("reverse", 0.5, 0.0, False),
        ("turn", 0.1, 0.25, False),  # at the rate itself: no turn yet
        ("turn", 0.1, 0.26, True), ("turn", -0.1, -0.26, True), ("turn", 0.0, 0.26, True),
        ("turn", 1.0, 0.5, False),  # on the radius itself
        ("turn", 1.0, 0.501, True), ("turn", -1.0, -0.501, True), ("turn", 1.0, 0.4, False), ("turn", -0.5, 0.0, False),
    ],
)  # fmt: skip
def test_what_is_forbidden_is_what_is_done_and_no_less(action: str, v: float, w: float, done: bool) -> None:
    clause = Forbid("a", "law", ALWAYS, False, frozenset({action}), 0.25, 2.0)
    assert clause.judge(Motion(v, w), now(MISSES)) == (Limit(0.0, "forbid", "a", {}, "law") if done else None)
    placed = clause._replace(placed=True).judge(Motion(v, w), now(MEETS))
    assert placed == (Limit(0.5, "forbid", "here", {"way_m": 0.7, "limit_mps": 0.3}, "law") if done else None)
    assert not done or MEETS.asked == "a, stay"


def test_of_several_forbidden_actions_one_is_enough() -> None:
    clause = Forbid("a", "law", ALWAYS, False, frozenset({"reverse", "turn"}), 0.25, 2.0)
    for v, w, done in ((-1.0, 0.0, True), (0.0, 1.0, True), (1.0, 0.0, False)):
        assert (clause.judge(Motion(v, w), now()) is not None) is done
    assert clause._replace(when=NEVER).judge(Motion(-1.0, 0.0), now()) is None


def test_an_approval_shuts_its_area_or_all_motion_until_people_have_given_it() -> None:
    everywhere = Approval("a", "law", ALWAYS, False, 2)
    shut = Limit(0.0, "approval", "a", {"persons": 2.0}, "law")
    assert everywhere.judge(Motion(1.0, 0.0), now(MISSES)) == shut
    assert everywhere.judge(Motion(1.0, 0.0), now(None)) == shut
    given = Circumstances(approvals=frozenset({"a"}))
    assert everywhere.judge(Motion(1.0, 0.0), now(circumstances=given)) is None
    assert everywhere.judge(Motion(1.0, 0.0), now(circumstances=Circumstances(approvals=frozenset({"b"})))) == shut
    placed = everywhere._replace(placed=True)
    assert placed.judge(Motion(1.0, 0.0), now(MISSES)) is None
    assert placed.judge(Motion(1.0, 0.0), now(None)) is None
    assert placed.judge(Motion(1.0, 0.0), now(MEETS)) == Limit(
        0.5, "approval", "here", {"way_m": 0.7, "limit_mps": 0.3, "persons": 2.0}, "law"
    )
    assert MEETS.asked == "a, escape"
    for clause in (everywhere, placed):
        assert clause._replace(when=NEVER).judge(Motion(1.0, 0.0), now(MEETS)) is None


LIMITS = Speed("a", "law", ALWAYS, False, 1.0, 0.5, 2.0)


@pytest.mark.parametrize(
    ("v", "w", "factor", "numbers"),
    [
        (1.0, 2.0, 1.0, {}), (-0.5, -2.0, 1.0, {}), (0.0, 0.0, 1.0, {}),
        (2.0, 0.0, 0.5, {"limit_mps": 1.0}), (-1.0, 0.0, 0.5, {"limit_mps": 0.5}),
        (-0.8, 0.0, 0.625, {"limit_mps": 0.5}),
        (0.5, 4.0, 0.5, {"limit_rps": 2.0}), (0.5, -4.0, 0.5, {"limit_rps": 2.0}), (0.0, 8.0, 0.25, {"limit_rps": 2.0}),
        (2.0, 8.0, 0.25, {"limit_rps": 2.0}), (4.0, 4.0, 0.25, {"limit_mps": 1.0}),
        (2.0, 4.0, 0.5, {"limit_mps": 1.0}),  # alike: the speed is named
        (0.9, 0.1, 1.0, {}),
    ],
)  # fmt: skip
def test_a_speed_rule_leaves_the_share_that_keeps_all_of_its_limits(
    v: float, w: float, factor: float, numbers: dict[str, float]
) -> None:
    expected = None if factor == 1.0 else Limit(factor, "speed", "a", numbers, "law")
    assert LIMITS.judge(Motion(v, w), now()) == expected
    assert LIMITS._replace(when=NEVER).judge(Motion(v, w), now()) is None


def test_without_a_number_of_its_own_reversing_is_as_fast_as_the_rule_and_what_is_not_limited_is_not_told() -> None:
    reverse = LIMITS._replace(max_reverse_mps=math.inf)
    assert reverse.judge(Motion(-2.0, 0.0), now()) == Limit(0.5, "speed", "a", {"limit_mps": 1.0}, "law")
    turns = LIMITS._replace(max_speed_mps=math.inf, max_reverse_mps=math.inf)
    assert turns.judge(Motion(9.0, 4.0), now()) == Limit(0.5, "speed", "a", {"limit_rps": 2.0}, "law")
    backwards = LIMITS._replace(max_speed_mps=math.inf)
    assert backwards.judge(Motion(9.0, 0.0), now()) is None
    assert backwards.judge(Motion(-1.0, 0.0), now()) == Limit(0.5, "speed", "a", {"limit_mps": 0.5}, "law")


@pytest.mark.parametrize(
    ("before", "factor"), [(2.0, 0.975), (-2.0, 0.975), (1.05, 0.5), (1.0, 0.5), (0.0, 0.5), (1.25, 0.6), (2.05, 1.0)]
)
def test_a_limit_that_begins_while_the_robot_is_faster_is_come_down_to(before: float, factor: float) -> None:
    found = LIMITS.judge(Motion(2.0, 0.0), now(before=Motion(before, 0.0)))
    assert (1.0 if found is None else found.factor) == pytest.approx(factor)


def test_an_area_has_its_speed_on_the_way_into_it_and_its_turn_inside() -> None:
    placed = LIMITS._replace(placed=True)
    assert placed.judge(Motion(2.0, 0.0), now(MEETS)) == Limit(0.5, "speed", "a", {"limit_mps": 1.0}, "law")
    assert MEETS.asked == "a, 1.0"
    assert placed.judge(Motion(-2.0, 0.0), now(MEETS)) is not None and MEETS.asked == "a, 0.5"
    assert placed.judge(Motion(0.5, 8.0), now(MEETS)) == Limit(0.25, "speed", "a", {"limit_rps": 2.0}, "law")
    assert placed.judge(Motion(2.0, 8.0), now(MEETS)) == Limit(0.25, "speed", "a", {"limit_rps": 2.0}, "law")
    at_its_speed = placed.judge(Motion(1.0, 2.5), now(MEETS))
    assert at_its_speed == Limit(0.8, "speed", "a", {"limit_rps": 2.0}, "law")
    for way in (MISSES, None):
        assert placed.judge(Motion(2.0, 8.0), now(way)) is None


STEEP = Slope("a", "law", ALWAYS, False, 0.25)


@pytest.mark.parametrize(
    ("slope", "nose_down", "v", "w", "factor"),
    [
        (0.25, None, 1.0, 0.0, 1.0), (0.26, None, 1.0, 0.0, 0.0), (math.nan, None, 1.0, 0.0, 0.0),
        (0.3, None, -1.0, 0.0, 0.0), (0.3, None, 0.0, 1.0, 1.0), (0.3, None, 0.1, 0.0, 0.0),
        (0.3, 0.3, 1.0, 0.0, 0.2), (0.3, -0.3, -1.0, 0.0, 0.2), (0.3, 0.3, 0.2, 0.0, 1.0), (0.3, 0.3, 0.25, 0.0, 0.8),
        (0.3, 0.3, 0.15, 0.0, 1.0),
        (0.3, -0.3, 1.0, 0.0, 0.0), (0.3, 0.3, -1.0, 0.0, 0.0), (0.3, 0.0, 1.0, 0.0, 0.2), (0.3, 0.0, -1.0, 0.0, 0.2),
        (0.3, -0.03, 1.0, 0.0, 0.0), (0.3, -0.029, 1.0, 0.0, 0.2), (0.3, 0.03, -1.0, 0.0, 0.0),
        (0.3, math.nan, 1.0, 0.0, 0.0), (0.3, 0.03, 1.0, 0.0, 0.2),
    ],
)  # fmt: skip
def test_on_ground_too_steep_up_is_shut_and_down_or_along_is_slow(
    slope: float, nose_down: float | None, v: float, w: float, factor: float
) -> None:
    found = STEEP.judge(Motion(v, w), now(slope_rad=slope, nose_down_rad=nose_down, escape_mps=0.2))
    if factor == 1.0:
        assert found is None
        return
    assert found is not None and found.factor == pytest.approx(factor)
    assert (found.kind, found.rule, found.cites, list(found.numbers)) == ("slope", "a", "law", ["slope_rad"])
    assert found.numbers["slope_rad"] is slope


def test_a_slope_rule_of_an_area_binds_where_the_way_enters_it() -> None:
    placed = STEEP._replace(placed=True)
    assert placed.judge(Motion(1.0, 0.0), now(MEETS, slope_rad=0.3)) is not None
    assert placed.judge(Motion(1.0, 0.0), now(MISSES, slope_rad=0.3)) is None
    assert placed.judge(Motion(1.0, 0.0), now(None, slope_rad=0.3)) is None
    assert STEEP._replace(when=NEVER).judge(Motion(1.0, 0.0), now(slope_rad=0.3)) is None


def test_the_lean_says_which_way_is_up_where_it_explains_half_of_the_tilt() -> None:
    assert ground(0.1, 0.0, 0.2) == pytest.approx((0.2, 0.2))
    assert ground(0.3, 0.0, -0.2) == (0.3, -0.2)
    assert ground(0.5, 0.0, 0.2) == (0.5, None)
    lean = math.acos(math.cos(0.3) * math.cos(0.4))
    assert ground(0.0, 0.3, 0.4) == (lean, 0.4) and ground(lean, 0.3, 0.4) == (lean, 0.4)
    assert ground(2.0 * lean, 0.3, 0.4) == (2.0 * lean, 0.4) and ground(2.001 * lean, 0.3, 0.4)[1] is None
    for roll, pitch in ((math.nan, 0.1), (0.1, math.inf)):
        steep, nose_down = ground(0.1, roll, pitch)
        assert math.isnan(steep) and nose_down is pitch


# --- when ---

MONDAY_NOON = {"day_s": 43_200.0, "weekday": 0}


@pytest.mark.parametrize(
    ("when", "source", "circumstances", "holds"),
    [
        ({}, "autonomy", {}, True),
        ({"modes": ("teleop",)}, "teleop", {}, True), ({"modes": ("teleop",)}, "autonomy", {}, False),
        ({"modes": ("teleop",)}, "none", {}, True), ({"modes": ("mowing",)}, "autonomy", {}, False),
        ({"modes": ("mowing",)}, "none", {}, True), ({"modes": ("teleop", "autonomy")}, "autonomy", {}, True),
        ({"payload_over_kg": 5.0}, "autonomy", {}, True),
        ({"payload_over_kg": 5.0}, "autonomy", {"payload_kg": 5.0}, False),
        ({"payload_over_kg": 5.0}, "autonomy", {"payload_kg": 5.1}, True),
        ({"payload_over_kg": 0.0}, "autonomy", {"payload_kg": 0.0}, False),
        ({"gates_closed": ("n", "s")}, "autonomy", {"open_gates": frozenset({"n", "s", "w"})}, False),
        ({"gates_closed": ("n", "s")}, "autonomy", {"open_gates": frozenset({"n", "s"})}, False),
        ({"gates_closed": ("n", "s")}, "autonomy", {"open_gates": frozenset({"n"})}, True),
        ({"gates_closed": ("n",)}, "autonomy", {}, True), ({}, "autonomy", {"open_gates": frozenset({"n"})}, True),
        ({"hours": ("06:00", "12:00")}, "autonomy", MONDAY_NOON, False),
        ({"hours": ("12:00", "13:00")}, "autonomy", MONDAY_NOON, True),
        ({"hours": ("06:00", "12:00")}, "autonomy", {"weekday": 0}, True),
        ({"hours": ("06:00", "12:00")}, "autonomy", {"day_s": 43_200.0}, True),
    ],
)  # fmt: skip
def test_a_rule_holds_while_all_of_its_conditions_may_be_so(
    when: dict[str, Any], source: str, circumstances: dict[str, Any], holds: bool
) -> None:
    if "hours" in when:
        begin, end = when["hours"]
        when = {"hours": (Hours.model_validate({"from": begin, "until": end}),)}
    asked = condition(When(**when))
    assert asked.holds(source, UNKNOWN._replace(**circumstances)) is holds


def test_a_rule_for_the_way_of_working_that_is_on_holds_whoever_drives() -> None:
    mowing = When(modes=("mowing", "teleop"))
    assert condition(mowing, "mowing") == condition(When(), "mowing") == Condition()
    assert condition(mowing, "raking") == condition(mowing) == Condition(modes=frozenset({"mowing", "teleop"}))
    assert Condition() == ((), frozenset(), None, frozenset())


def test_every_kind_of_rule_becomes_the_clause_of_its_kind_with_its_own_numbers() -> None:
    basis = {"clause": "law", "hazard": "none, a test"}
    area = {"polygon": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]}
    file = RulesFile.model_validate({
        "name": "test",
        "rules": [
            {"id": "a", "kind": "keep_out", **basis, **area}, {"id": "b", "kind": "geofence", **basis, **area},
            {"id": "c", "kind": "speed", **basis, "max_speed_mps": 0.5},
            {"id": "d", "kind": "speed", **basis, **area, "max_reverse_mps": 0.25, "max_yaw_rate_rps": 0.75},
            {"id": "e", "kind": "forbid", **basis, "actions": ["turn"], "turn_rps": 0.5, "turn_radius_m": 3.0},
            {"id": "f", "kind": "approval", **basis, "persons": 3, "when": {"modes": ["mowing"]}},
            {"id": "g", "kind": "slope", **basis, **area, "max_slope_rad": 0.125},
        ],
    })  # fmt: skip
    inf, mowing = math.inf, Condition(modes=frozenset({"mowing"}))
    expected = (
        KeepOut("keep_out", "a", "law", ALWAYS), KeepOut("geofence", "b", "law", ALWAYS),
        Speed("c", "law", ALWAYS, False, 0.5, inf, inf), Speed("d", "law", ALWAYS, True, inf, 0.25, 0.75),
        Forbid("e", "law", ALWAYS, False, frozenset({"turn"}), 0.5, 3.0), Approval("f", "law", mowing, False, 3),
        Slope("g", "law", ALWAYS, True, 0.125),
    )  # fmt: skip
    found = compile_clauses(file.rules)
    assert found == expected and [type(one) for one in found] == [type(one) for one in expected]
    assert compile_clauses(file.rules, "mowing")[5] == Approval("f", "law", ALWAYS, False, 3)
