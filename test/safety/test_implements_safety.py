"""Implements: the whole truth table of the interlocks, and what must be asked for anew."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from physical_ai_safety.footprint import Hull, sort_points
from physical_ai_safety.implements import (
    INTERLOCKS,
    Around,
    Cause,
    ImplementRule,
    Implements,
    implement_rules,
    judge,
    nearest_return,
    nearest_walker,
)
from physical_ai_safety.schema import RulesFile
from physical_ai_safety.walkers import Walkers

BOTH = (False, True)
RULES = [
    ImplementRule(person_m=person_m, clear_m=clear_m, needs_work_zone=zone, base_at_rest=rest)
    for person_m, clear_m, zone, rest in itertools.product((0.0, 3.0), (0.0, 0.5), BOTH, BOTH)
]
NOWS = [
    Around(latched, stopped, idle, person_m, nearest_m, lifted, tilt_rad, in_zone, at_rest)
    for latched, stopped, idle, person_m, nearest_m, lifted, tilt_rad, in_zone, at_rest in itertools.product(
        BOTH, BOTH, BOTH, (2.9, 3.0), (0.4, 0.5), BOTH, (0.35, 0.36), BOTH, BOTH
    )
]


def forbidden(rule: ImplementRule, now: Around) -> set[Cause]:
    """The table once more, written the other way round: what a person would tick off on paper."""
    rows = {
        Cause.EMERGENCY: now.latched,
        Cause.STOP: now.stopped or (now.idle and not rule.base_at_rest),
        Cause.PERSON: rule.person_m == 3.0 and now.person_m == 2.9,
        Cause.CLEAR: rule.clear_m == 0.5 and now.nearest_m == 0.4,
        Cause.LIFTED: now.lifted,
        Cause.TILTED: now.tilt_rad == 0.36,
        Cause.OUTSIDE: rule.needs_work_zone and not now.in_work_zone,
        Cause.MOVING: rule.base_at_rest and not now.at_rest,
    }
    return {cause for cause, forbids in rows.items() if forbids}


@pytest.mark.proves(
    "implement.emergency",
    "implement.stop",
    "implement.person",
    "implement.clear",
    "implement.lifted",
    "implement.tilted",
    "implement.outside",
    "implement.moving",
)
def test_an_implement_is_on_if_and_only_if_it_is_asked_for_and_no_row_of_the_table_forbids_it() -> None:
    assert set(INTERLOCKS) == set(Cause)
    for rule, now, asked in itertools.product(RULES, NOWS, BOTH):
        found = judge(rule, asked, now)
        expected = forbidden(rule, now)
        assert set(found.causes) == expected
        assert found.on is (asked and not expected)
        anew = bool(expected & {Cause.EMERGENCY, Cause.LIFTED, Cause.TILTED})
        assert found.asked is (asked and not anew)


@pytest.mark.parametrize("cause", list(Cause))
def test_a_rule_may_name_any_cause_after_which_it_wants_to_be_asked_anew(cause: Cause) -> None:
    rule = ImplementRule(person_m=3.0, clear_m=0.5, base_at_rest=True, anew_after=(cause,))
    bad = {
        Cause.EMERGENCY: {"latched": True}, Cause.STOP: {"stopped": True}, Cause.PERSON: {"person_m": 1.0},
        Cause.CLEAR: {"nearest_m": 0.1}, Cause.LIFTED: {"lifted": True}, Cause.TILTED: {"tilt_rad": 1.0},
        Cause.OUTSIDE: {"in_work_zone": False}, Cause.MOVING: {"at_rest": False},
    }  # fmt: skip
    for other in Cause:
        found = judge(rule, True, Around(**bad[other]))  # type: ignore[arg-type]
        assert found.causes == (other,) and not found.on
        assert found.asked is (other not in (cause, Cause.EMERGENCY))


@pytest.mark.parametrize("field", ["person_m", "nearest_m", "tilt_rad"])
def test_a_number_that_is_none_turns_the_implement_off(field: str) -> None:
    rule = ImplementRule(person_m=1.0, clear_m=1.0)
    assert judge(rule, True, Around()).on
    assert not judge(rule, True, Around(**{field: math.nan})).on  # type: ignore[arg-type]


def test_an_implement_that_was_never_asked_for_or_is_not_known_stays_off() -> None:
    implements = Implements({"blade": ImplementRule(), "arm": ImplementRule(base_at_rest=True, needs_work_zone=False)})
    assert not implements.order("laser", True, False)
    assert implements.order("arm", True, False) and implements.asked
    implements.decide(Around(in_work_zone=False))
    assert implements.on == {"blade": False, "arm": True}
    implements.all_off()
    assert implements.on == {"blade": False, "arm": False}
    implements.decide(Around(in_work_zone=False))
    assert implements.on["arm"], "a fault that has gone gives back what is still asked for"
    implements.order("arm", False, False)
    implements.decide(Around())
    assert implements.on == {"blade": False, "arm": False} and not implements.asked


def test_no_wish_for_on_is_taken_while_a_stop_is_latched() -> None:
    implements = Implements({"tool": ImplementRule(by_tool=True), "blade": ImplementRule()})
    implements.order_tool(True, True)
    implements.order("blade", True, True)
    implements.decide(Around())
    assert implements.on == {"tool": False, "blade": False}


def test_tool_stands_for_all_implements_that_listen_to_it_and_is_off_where_none_does() -> None:
    both = {"blade": ImplementRule(by_tool=True), "sprayer": ImplementRule(by_tool=True, person_m=2.0)}
    implements = Implements({**both, "arm": ImplementRule()})
    implements.order_tool(True, False)
    implements.decide(Around())
    assert implements.on == {"blade": True, "sprayer": True, "arm": False} and implements.tool
    implements.decide(Around(person_m=1.0))
    assert implements.on["blade"] and not implements.on["sprayer"] and not implements.tool
    assert implements.causes["sprayer"] == (Cause.PERSON,)
    deaf = Implements({"arm": ImplementRule(needs_work_zone=False)})
    deaf.order("arm", True, False)
    deaf.decide(Around())
    assert deaf.on["arm"] and not deaf.tool


def test_only_what_a_rule_looks_at_has_to_be_measured() -> None:
    assert not Implements({"tool": ImplementRule()}).looks_at_people
    assert Implements({"tool": ImplementRule(person_m=1.0)}).looks_at_people
    assert not Implements({"tool": ImplementRule()}).looks_around
    assert Implements({"tool": ImplementRule(clear_m=1.0)}).looks_around


def test_what_runs_or_is_asked_for_is_busy_until_it_is_judged_off() -> None:
    implements = Implements({"blade": ImplementRule()})
    assert not implements.busy
    implements.order("blade", True, False)
    assert implements.busy
    implements.decide(Around())
    implements.order("blade", False, False)
    assert implements.busy, "it still runs"
    implements.decide(Around())
    assert not implements.busy


def test_one_implement_that_looks_around_is_enough_to_look() -> None:
    careful, blunt = ImplementRule(person_m=2.0, clear_m=0.5), ImplementRule()
    both = Implements({"blade": careful, "light": blunt})
    assert both.looks_at_people and both.looks_around
    neither = Implements({"light": blunt})
    assert not neither.looks_at_people and not neither.looks_around
    assert judge(
        blunt, True, Around(person_m=math.nan, nearest_m=math.nan)
    ).on  # what no rule asks for is not looked at


def test_the_nearest_return_is_the_nearest_whether_beside_the_footprint_or_within_its_margin() -> None:
    hull = Hull(np.array([[0.25, 0.21], [-0.25, 0.21], [-0.25, -0.21], [0.25, -0.21]]))
    apart = sort_points(hull, np.array([3.0, 0.8, 2.0]), np.zeros(3))
    assert nearest_return(apart) == pytest.approx(0.8)
    assert nearest_return(sort_points(hull, np.array([0.2, 3.0]), np.zeros(2))) == pytest.approx(0.2)
    assert nearest_return(sort_points(hull, np.empty(0), np.empty(0))) == math.inf


def test_a_file_that_names_no_implement_has_the_one_that_the_topic_tool_speaks_of() -> None:
    assert list(implement_rules(RulesFile(name="plain"))) == ["tool"]


def test_the_nearest_walker_is_the_one_whose_edge_is_nearest() -> None:
    none = np.zeros(0)
    assert nearest_walker(Walkers(none, none, none, none, none)) == math.inf
    x, y, still = np.array([3.0, 0.0]), np.array([4.0, 4.6]), np.zeros(2)
    assert nearest_walker(Walkers(x, y, still, still, np.array([0.75, 0.25]))) == 4.25
    assert nearest_walker(Walkers(x, y, still, still, np.array([0.25, 0.5]))) == pytest.approx(4.1)


def test_of_returns_on_both_sides_of_the_widened_edge_the_nearer_counts() -> None:
    hull = Hull(np.array([[0.25, 0.21], [-0.25, 0.21], [-0.25, -0.21], [0.25, -0.21]]))
    assert nearest_return(sort_points(hull, np.array([0.24, 0.2, 0.8, 3.0]), np.zeros(4))) == pytest.approx(0.2)
    assert nearest_return(sort_points(hull, np.array([0.0, -0.25]), np.array([0.23, 0.2]))) == pytest.approx(0.23)


def test_the_implement_of_a_file_that_names_none_listens_to_tool_nav() -> None:
    for needs in BOTH:
        (tool,) = implement_rules(RulesFile(name="plain", tool_needs_work_zone=needs)).values()
        assert tool.by_tool and tool.needs_work_zone is needs


def test_one_implement_that_runs_is_enough_to_be_busy() -> None:
    implements = Implements({"blade": ImplementRule(), "light": ImplementRule()})
    implements.order("blade", True, False)
    assert implements.asked
    implements.decide(Around())
    implements.order("blade", False, False)
    assert not implements.asked and implements.busy
