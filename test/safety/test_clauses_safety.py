"""Rules of the rules file: each kind at its edge, what lifts it, and that no rule ever gives anything."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from physical_ai_core.robot import load_robot
from physical_ai_core.site import load_site
from physical_ai_safety.circumstances import UNKNOWN, Circumstances
from physical_ai_safety.clauses import Limit, Situation, ground, strictest
from physical_ai_safety.footprint import sort_points
from physical_ai_safety.gate import Decision, decide
from physical_ai_safety.motion import Motion
from physical_ai_safety.ranges import Ranges
from physical_ai_safety.rules import Rules, combine
from physical_ai_safety.schema import RulesFile
from physical_ai_safety.situation import Book, Command, Memory, RobotState, compile_rules
from physical_ai_safety.walkers import NOBODY, Walkers
from physical_ai_safety.zones import MapPose

HERE = MapPose(20.0, 14.0, 0.0, 0.03)  # in the yard, with nothing near
AHEAD = [[20.7, 12.0], [22.7, 12.0], [22.7, 16.0], [20.7, 16.0]]
AROUND = [[18.0, 12.0], [23.0, 12.0], [23.0, 16.0], [18.0, 16.0]]
BASIS = {"clause": "site order 1", "hazard": "none, this is a test"}
NIGHT = {"hours": [{"from": "22:00", "until": "06:00"}]}


def rule(kind: str, name: str = "the_rule", **content: Any) -> dict[str, Any]:
    return {"id": name, "kind": kind, **BASIS, **content}


def rules_of(*rules: dict[str, Any], **content: Any) -> Rules:
    file = RulesFile.model_validate({"name": "test", "rules": list(rules), "gates": ["north", "south"], **content})
    return combine(file, load_site("yard"), load_robot("scout"))


def book_of(*rules: dict[str, Any], **content: Any) -> Book:
    return compile_rules(rules_of(*rules, **content))


NOTHING_NEAR = sort_points(compile_rules(rules_of()).hull, np.empty(0), np.empty(0))


def judged(
    book: Book, v: float, w: float = 0.0, pose: MapPose | None = HERE, source: str = "autonomy",
    circumstances: Circumstances = UNKNOWN, tilt: float = 0.0, was: tuple[float, float] | None = None,
    rear: bool = True,
) -> Decision:  # fmt: skip
    """One decision while the robot already drives as it is asked to."""
    memory = Memory(*(was or (v, w)), stamp_s=10.0)
    robot = RobotState(v, w, pose, tilt_rad=tilt)
    return decide(Command(source, v, w), robot, Ranges(NOTHING_NEAR, NOBODY, rear), book, memory, 10.02, circumstances)


def at(hour: float, weekday: int = 0) -> Circumstances:
    return Circumstances(3600.0 * hour, weekday)


# --- areas ---


@pytest.mark.proves("keep_out")
def test_a_keep_out_area_of_the_rules_is_not_entered_and_left_slowly() -> None:
    book = book_of(rule("keep_out", polygon=AHEAD))
    out = judged(book, 1.0)
    note = out.verdict.interventions[-1]
    assert 0.0 < out.v_mps < 1.0 and (note.rule, note.clause, note.cites) == ("keep_out", "the_rule", "site order 1")
    way = 0.7 - 0.25 - 0.09
    assert way - 0.07 <= note.numbers["way_m"] <= way and "the_rule" in out.verdict.en and "the_rule" in out.verdict.ja
    near = HERE._replace(x_m=20.35)
    assert judged(book, 0.5, pose=near).v_mps == 0.0 and judged(book, -0.4, pose=near).v_mps == -0.4
    inside = HERE._replace(x_m=21.1)
    assert judged(book, 0.5, pose=inside).v_mps == 0.0
    assert judged(book, -0.4, pose=inside).v_mps == pytest.approx(-0.2)
    assert judged(book, 0.0, 0.5, pose=inside).w_rps == 0.5


@pytest.mark.proves("geofence")
def test_a_fence_of_the_rules_holds_the_robot_inside_and_cites_its_clause() -> None:
    book = book_of(rule("geofence", polygon=[[1.0, 1.0], [20.5, 1.0], [20.5, 16.0], [1.0, 16.0]]))
    out = judged(book, 1.0)
    assert 0.0 <= out.v_mps < 0.5 and out.verdict.interventions[-1].rule == "geofence"
    assert judged(book, -0.3).v_mps == -0.3


def test_a_rule_may_name_a_zone_of_the_site_instead_of_a_polygon() -> None:
    book = book_of(rule("keep_out", zone="meadow"))
    assert judged(book, 0.5, pose=MapPose(12.35, 18.0, math.pi, 0.03)).v_mps == 0.0


@pytest.mark.proves("speed")
def test_an_area_is_entered_at_its_speed_forwards_and_backwards() -> None:
    book = book_of(rule("speed", polygon=AROUND, max_speed_mps=0.5, max_reverse_mps=0.1))
    assert judged(book, 1.0, 0.4).v_mps == pytest.approx(0.5) and judged(book, 1.0, 0.4).w_rps == pytest.approx(0.2)
    assert judged(book, -0.4).v_mps == pytest.approx(-0.1)
    assert judged(book, 0.5).verdict.state == "clear"
    before = judged(book, 1.2, pose=HERE._replace(x_m=17.2)).v_mps
    assert 0.5 < before < 1.2
    assert judged(book, 1.0, pose=HERE._replace(x_m=14.0)).v_mps == 1.0


def test_a_top_speed_binds_backwards_too_where_the_rule_names_no_other() -> None:
    book = book_of(rule("speed", max_speed_mps=0.1))
    assert judged(book, -0.4, was=(-0.1, 0.0)).v_mps == pytest.approx(-0.1, abs=0.05)


def test_a_yaw_rate_limit_of_an_area_keeps_the_arc() -> None:
    book = book_of(rule("speed", polygon=AROUND, max_yaw_rate_rps=0.5))
    out = judged(book, 0.5, 1.0)
    assert (out.v_mps, out.w_rps) == (pytest.approx(0.25), pytest.approx(0.5))
    assert out.verdict.interventions[-1].numbers["limit_rps"] == 0.5
    assert judged(book, 0.5, 1.0, pose=HERE._replace(x_m=14.0)).w_rps == 1.0
    assert judged(book, 0.5, 0.4).verdict.state == "clear"


def test_a_limit_that_begins_while_the_robot_is_faster_is_reached_by_braking() -> None:
    book = book_of(rule("speed", max_speed_mps=0.5))
    first = judged(book, 1.5)
    assert first.v_mps == pytest.approx(1.5 - 2.5 * 0.02)
    assert judged(book, 1.5, was=(0.5, 0.0)).v_mps == pytest.approx(0.5)
    assert judged(book, 0.5).verdict.state == "clear"


# --- actions ---


@pytest.mark.proves("forbid")
def test_where_reversing_is_forbidden_the_robot_neither_backs_in_nor_backs_inside() -> None:
    book = book_of(rule("forbid", polygon=AROUND, actions=["reverse"]))
    inside, after = HERE._replace(x_m=20.0), HERE._replace(x_m=23.4)
    assert judged(book, -0.3, pose=inside).v_mps == 0.0 and judged(book, 0.8, pose=inside).v_mps == 0.8
    assert abs(judged(book, -0.4, pose=after).v_mps) < 0.4
    assert judged(book, -0.4, pose=after._replace(yaw_rad=math.pi)).v_mps == -0.4
    assert judged(book, -0.3, pose=inside).verdict.interventions[-1].rule == "forbid"


@pytest.mark.proves("forbid")
def test_where_turning_is_forbidden_keeping_to_a_line_is_not() -> None:
    book = book_of(rule("forbid", polygon=AROUND, actions=["turn"]))
    assert judged(book, 0.0, 0.5).w_rps == 0.0 and judged(book, 0.5, 0.5).v_mps == 0.0
    assert judged(book, 0.5, 0.14).w_rps == 0.14 and judged(book, 1.0, 0.19).w_rps == 0.19
    assert judged(book, -0.3, 0.0).v_mps == -0.3


def test_a_rule_without_a_place_holds_everywhere_even_where_the_place_is_unknown() -> None:
    content = {"name": "test", "rules": [rule("forbid", actions=["move"], when={"modes": ["teleop"]})]}
    book = compile_rules(combine(RulesFile.model_validate(content), load_site("barn"), load_robot("scout")))
    assert judged(book, 0.5, pose=None).v_mps == 0.5
    stopped = judged(book, 0.5, pose=None, source="teleop")
    assert stopped.v_mps == 0.0 and stopped.verdict.state == "protective_stop"


# --- what lifts a rule ---


@pytest.mark.parametrize(
    ("circumstances", "open_"),
    [
        (at(21.99), True), (at(22.0), False), (at(23.0), False), (at(3.0), False), (at(5.99), False), (at(6.0), True),
        (at(12.0), True), (UNKNOWN, False), (Circumstances(math.nan, 0), False), (Circumstances(7e5, 0), False),
        (Circumstances(43_200.0, None), False), (Circumstances(43_200.0, 9), False),
    ],
)  # fmt: skip
def test_a_rule_of_the_night_holds_at_night_and_when_nobody_knows_the_hour(
    circumstances: Circumstances, open_: bool
) -> None:
    book = book_of(rule("keep_out", polygon=AHEAD, when=NIGHT))
    assert (judged(book, 1.0, circumstances=circumstances).v_mps == 1.0) is open_


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    friday = {"hours": [{"from": "22:00", "until": "06:00", "days": ["fri"]}, {"days": ["sun"]}]}
    book = book_of(rule("keep_out", polygon=AHEAD, when=friday))
    held = {
        (day, hour)
        for day in range(7)
        for hour in (3.0, 12.0, 23.0)
        if judged(book, 1.0, circumstances=at(hour, day)).v_mps < 1.0
    }
    assert held == {(4, 23.0), (5, 3.0), (6, 3.0), (6, 12.0), (6, 23.0)}


@pytest.mark.proves("keep_out")
def test_no_entry_while_a_gate_is_not_known_to_be_open() -> None:
    book = book_of(rule("keep_out", polygon=AHEAD, when={"gates_closed": ["north", "south"]}))
    for gates, free in (((), False), (("north",), False), (("north", "south"), True), (("north", "south", "x"), True)):
        out = judged(book, 1.0, circumstances=Circumstances(open_gates=frozenset(gates)))
        assert (out.v_mps == 1.0) is free


def test_a_heavy_or_unknown_load_is_driven_slowly() -> None:
    book = book_of(rule("speed", max_speed_mps=0.5, when={"payload_over_kg": 5.0}))
    for load, slow in ((None, True), (math.nan, True), (5.1, True), (5.0, False), (0.0, False)):
        out = judged(book, 1.0, was=(0.5, 0.0), circumstances=Circumstances(payload_kg=load))
        assert (out.v_mps == pytest.approx(0.5)) is slow, load


def test_a_limit_for_one_driver_leaves_the_other_alone() -> None:
    book = book_of(rule("speed", max_speed_mps=0.4, when={"modes": ["teleop"]}))
    assert judged(book, 1.0, source="autonomy").v_mps == 1.0
    assert judged(book, 1.0, source="teleop").v_mps < 1.0
    assert judged(book, 1.0, source="something new").v_mps < 1.0


def test_a_rule_for_a_way_of_working_holds_while_the_robot_works_so_whoever_drives() -> None:
    content = {
        "name": "test", "modes": {"mowing": {}, "moving": {}},
        "rules": [rule("speed", max_speed_mps=0.4, when={"modes": ["mowing"]})],
    }  # fmt: skip
    file, site, robot = RulesFile.model_validate(content), load_site("yard"), load_robot("scout")
    for mode, slow in (("mowing", True), ("moving", False), ("", False)):
        book = compile_rules(combine(file, site, robot, "", mode))
        assert all((judged(book, 1.0, source=source).v_mps < 1.0) is slow for source in ("autonomy", "teleop"))


@pytest.mark.proves("approval")
def test_an_area_of_approval_is_shut_until_its_own_approval_stands() -> None:
    book = book_of(rule("approval", polygon=AHEAD, persons=2))
    asked = judged(book, 1.0)
    note = asked.verdict.interventions[-1]
    assert asked.v_mps < 1.0 and (note.rule, note.clause, note.numbers["persons"]) == ("approval", "the_rule", 2.0)
    assert judged(book, 1.0, circumstances=Circumstances(approvals=frozenset({"another"}))).v_mps < 1.0
    assert judged(book, 1.0, circumstances=Circumstances(approvals=frozenset({"the_rule"}))).v_mps == 1.0


def test_an_approval_without_a_place_is_needed_for_any_motion_at_its_hours() -> None:
    book = book_of(rule("approval", when=NIGHT))
    assert judged(book, 0.3, circumstances=at(23.0)).v_mps == 0.0
    assert "the_rule" in judged(book, 0.3, circumstances=at(23.0)).verdict.en
    assert judged(book, 0.3, circumstances=at(12.0)).v_mps == 0.3


# --- slope ---


@pytest.mark.proves("slope")
def test_too_steep_ground_stops_the_robot() -> None:
    book = book_of(rule("slope", max_slope_rad=0.2))
    assert judged(book, 0.5, tilt=0.2).v_mps == 0.5
    out = judged(book, 0.5, tilt=0.21)
    assert out.v_mps == 0.0 and out.verdict.interventions[-1].numbers["slope_rad"] == 0.21
    assert judged(book, 0.0, 0.5, tilt=0.21).w_rps == 0.5


@pytest.mark.parametrize(
    ("nose_down", "v", "left"),
    [
        (-0.3, 0.5, 0.0), (-0.3, -0.5, 0.2), (0.3, 0.5, 0.2), (0.3, -0.5, 0.0), (0.0, 0.5, 0.2), (0.0, -0.5, 0.2),
        (0.3, 0.1, 0.1), (math.nan, 0.5, 0.0), (None, 0.5, 0.0), (None, -0.5, 0.0), (-0.031, 0.5, 0.0),
        (-0.029, 0.5, 0.2),
    ],
)  # fmt: skip
def test_down_and_along_the_slope_the_way_is_open_slowly(nose_down: float | None, v: float, left: float) -> None:
    clause = book_of(rule("slope", max_slope_rad=0.2)).clauses[0]
    situation = Situation("autonomy", UNKNOWN, None, Motion(v, 0.0), 0.05, 0.25, nose_down)
    found = clause.judge(Motion(v, 0.1), situation)
    assert (1.0 if found is None else found.factor) * abs(v) == pytest.approx(left)
    assert clause.judge(Motion(v, 0.1), situation._replace(slope_rad=0.2)) is None
    unsure = clause.judge(Motion(v, 0.1), situation._replace(slope_rad=math.nan))
    assert (found is None) is (unsure is None)


@pytest.mark.parametrize(
    ("tilt", "roll", "nose_down", "slope", "along"),
    [
        (0.0, 0.0, 0.0, 0.0, 0.0), (0.3, 0.0, 0.0, 0.3, None), (0.3, 0.0, 0.2, 0.3, 0.2), (0.3, 0.0, 0.14, 0.3, None),
        (0.1, 0.0, -0.3, 0.3, -0.3), (0.0, 0.3, 0.0, 0.3, 0.0), (0.0, 0.3, 0.4, 0.495, 0.4),
    ],
)  # fmt: skip
def test_the_ground_is_as_steep_as_the_steeper_of_two_says(
    tilt: float, roll: float, nose_down: float, slope: float, along: float | None
) -> None:
    found = ground(tilt, roll, nose_down)
    assert found[0] == pytest.approx(slope, abs=1e-3) and found[1] == along
    assert math.isnan(ground(0.1, math.nan, 0.0)[0]) and math.isnan(ground(0.1, 0.0, math.inf)[0])


def test_a_slope_that_is_no_number_stops_the_robot_and_leaves_no_such_number_in_the_verdict() -> None:
    robot = RobotState(0.0, 0.0, HERE, pitch_rad=math.nan)
    clause = book_of(rule("slope", max_slope_rad=0.2)).clauses[0]
    situation = Situation("autonomy", UNKNOWN, None, Motion(0, 0), 0.0, *ground(0.0, 0.0, math.nan))
    found = clause.judge(Motion(0.3, 0.0), situation)
    assert found is not None and found.factor == 0.0
    book, ranges = book_of(rule("slope", max_slope_rad=0.2)), Ranges(NOTHING_NEAR, NOBODY, True)
    out = decide(Command("autonomy", 0.3), robot, ranges, book, Memory(0.3, stamp_s=10.0), 10.02)
    assert out.v_mps == 0.0 and "NaN" not in out.verdict.to_json()


def test_a_robot_that_leans_back_may_roll_back_and_not_go_on() -> None:
    book = book_of(rule("slope", max_slope_rad=0.2))
    memory, ranges = Memory(0.3, stamp_s=10.0), Ranges(NOTHING_NEAR, NOBODY, True)
    robot = RobotState(0.3, 0.0, HERE, pitch_rad=-0.25)
    assert decide(Command("autonomy", 0.3), robot, ranges, book, memory, 10.02).v_mps == 0.0
    back = decide(Command("autonomy", -0.4), robot, ranges, book, Memory(-0.4, stamp_s=10.0), 10.02)
    assert back.v_mps == pytest.approx(-0.2)


def test_a_slope_rule_of_an_area_binds_only_there() -> None:
    book = book_of(rule("slope", max_slope_rad=0.2, polygon=AROUND, when=NIGHT))
    assert judged(book, 0.5, tilt=0.25).v_mps == 0.0
    assert judged(book, 0.5, tilt=0.25, pose=HERE._replace(x_m=12.9)).v_mps == 0.5
    assert judged(book, 0.5, tilt=0.25, circumstances=at(12.0)).v_mps == 0.5


# --- only ever less ---


@pytest.mark.parametrize(("given_", "kept"), [(0.4, 0.4), (1.0, 1.0), (7.0, 1.0), (-2.0, 0.0), (math.nan, 0.0), (0, 0)])
def test_a_limit_is_a_share_whatever_was_worked_out(given_: float, kept: float) -> None:
    assert Limit(given_, "zone", "x").factor == kept


def test_of_several_clauses_the_strictest_binds_and_of_equals_the_first() -> None:
    book = book_of(
        rule("speed", "a", max_speed_mps=0.8),
        rule("speed", "b", max_speed_mps=0.5),
        rule("speed", "c", max_speed_mps=0.5),
    )
    situation = Situation("autonomy", UNKNOWN, None, Motion(0.0, 0.0), 0.0)
    found = strictest(book.clauses, Motion(1.0, 0.0), situation)
    assert found is not None and (found.rule, found.factor) == ("b", 0.5)
    assert strictest((), Motion(1.0, 0.0), situation) is None


def test_without_a_known_way_a_clause_for_an_area_has_nothing_to_judge() -> None:
    """The gate stands by itself where zones exist and the place is unknown, so no such motion gets out."""
    situation = Situation("autonomy", UNKNOWN, None, Motion(0.0, 0.0), 0.0, 0.3)
    kinds = (
        rule("keep_out", polygon=AROUND), rule("approval", polygon=AROUND),
        rule("slope", polygon=AROUND, max_slope_rad=0.1),
        rule("forbid", polygon=AROUND, actions=["move"]),
        rule("speed", polygon=AROUND, max_speed_mps=0.1, max_yaw_rate_rps=0.1),
    )  # fmt: skip
    for one in kinds:
        assert book_of(one).clauses[0].judge(Motion(1.0, 1.0), situation) is None
        assert judged(book_of(one), 1.0, pose=None).v_mps == 0.0


squares = st.tuples(st.floats(16.0, 24.0), st.floats(10.0, 18.0), st.floats(0.4, 5.0)).map(
    lambda s: [[s[0], s[1]], [s[0] + s[2], s[1]], [s[0] + s[2], s[1] + s[2]], [s[0], s[1] + s[2]]]
)
whens = st.sampled_from(
    [{}, {}, NIGHT, {"modes": ["teleop"]}, {"payload_over_kg": 5.0}, {"gates_closed": ["north"]}]
)  # fmt: skip
kinds = st.one_of(
    st.fixed_dictionaries({"kind": st.just("keep_out"), "polygon": squares}),
    st.fixed_dictionaries({"kind": st.just("approval"), "polygon": squares}),
    st.fixed_dictionaries({"kind": st.just("approval")}),
    st.fixed_dictionaries(
        {"kind": st.just("speed"), "max_speed_mps": st.floats(0.05, 1.5), "max_yaw_rate_rps": st.floats(0.1, 2.0)}
    ),
    st.fixed_dictionaries(
        {"kind": st.just("speed"), "polygon": squares, "max_speed_mps": st.floats(0.4, 1.5),
         "max_reverse_mps": st.floats(0.05, 0.4)}
    ),
    st.fixed_dictionaries(
        {"kind": st.just("forbid"), "polygon": squares,
         "actions": st.sampled_from([["move"], ["reverse"], ["turn"], ["reverse", "turn"]])}
    ),
    st.fixed_dictionaries({"kind": st.just("forbid"), "actions": st.sampled_from([["reverse"], ["turn"]])}),
    st.fixed_dictionaries({"kind": st.just("slope"), "max_slope_rad": st.floats(0.01, 0.3)}),
)  # fmt: skip
one_rule = st.tuples(kinds, whens).map(lambda pair: {**pair[0], **BASIS, "when": pair[1]})
moments = st.tuples(
    st.sampled_from(["autonomy", "teleop"]), st.floats(-1.0, 2.5), st.floats(-2.5, 2.5),
    st.builds(MapPose, st.floats(16, 26), st.floats(10, 19.5), st.floats(-3.2, 3.2), st.sampled_from([0.03, 0.2])),
    st.floats(-0.5, 1.5), st.floats(-2.0, 2.0), st.sampled_from([0.0, 0.0, 0.2]),
    st.builds(
        Circumstances, st.one_of(st.none(), st.floats(0, 86_399)), st.integers(0, 6),
        st.sampled_from([frozenset(), frozenset({"r0", "more"})]), st.sampled_from([frozenset(), frozenset({"north"})]),
        st.sampled_from([None, 1.0, 9.0]),
    ),
    st.lists(st.tuples(st.floats(-2.0, 2.0), st.floats(-2.0, 2.0)), max_size=4),
    st.lists(
        st.tuples(st.floats(-4, 4), st.floats(-4, 4), st.floats(-2, 2), st.floats(-2, 2), st.floats(0.1, 0.5)),
        max_size=2,
    ),
    st.booleans(), st.booleans(),
)  # fmt: skip


@cache
def yard() -> tuple[Any, Any]:
    return load_site("yard"), load_robot("scout")


def book_without_questions(rules: list[dict[str, Any]]) -> Book:
    """Rules put together unasked: what a check at load refuses must not loosen anything either."""
    file = RulesFile.model_validate({"name": "test", "gates": ["north"], "rules": rules})
    site, robot = yard()
    return compile_rules(Rules("test", "", combine(RulesFile(name="test"), site, robot).limits, file, robot, site))


def one_more_rule_gives_nothing(rules: list[dict[str, Any]], more: dict[str, Any], moment: Any) -> None:
    source, v, w, pose, was_v, was_w, tilt, circumstances, cloud, walking, rear, protective = moment
    rules = [{**one, "id": f"r{k}"} for k, one in enumerate(rules)]
    x, y = np.array(cloud, dtype=float).reshape(-1, 2).T
    walkers = Walkers(*np.array(walking, dtype=float).reshape(-1, 5).T)
    memory = Memory(was_v, was_w, 10.0, protective=protective, cause="person" if protective else "")
    robot = RobotState(was_v, was_w, pose, tilt_rad=tilt)
    fewer, all_ = book_without_questions(rules), book_without_questions([*rules, {**more, "id": "more"}])

    def passed(book: Book, alone: bool = False) -> Decision:
        points, people = ((x[:0], y[:0]), NOBODY) if alone else ((x, y), walkers)
        ranges = Ranges(sort_points(book.hull, *points), people, rear)
        return decide(Command(source, v, w), robot, ranges, book, memory, 10.02, circumstances)

    before, after = passed(fewer), passed(all_)
    # What returns and people leave of a motion is found in steps of it: of a slower one it can be somewhat more. Then
    # what rules alone let pass is the bound.
    by_things = {note.rule for note in before.verdict.interventions} & {"obstacle", "person"}
    bound = passed(all_, alone=True) if by_things else before
    assert abs(after.v_mps) <= abs(bound.v_mps) + 1e-9 and abs(after.w_rps) <= abs(bound.w_rps) + 1e-9, (after, bound)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(one_rule, max_size=3), one_rule, moments)
def test_one_rule_more_never_lets_anything_pass_that_did_not(
    rules: list[dict[str, Any]], more: dict[str, Any], moment: Any
) -> None:
    one_more_rule_gives_nothing(rules, more, moment)


@pytest.mark.slow
@pytest.mark.timeout(36000)
@settings(max_examples=100_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(one_rule, max_size=3), one_rule, moments)
def test_one_rule_more_a_hundred_thousand_times(rules: list[dict[str, Any]], more: dict[str, Any], moment: Any) -> None:
    one_more_rule_gives_nothing(rules, more, moment)
