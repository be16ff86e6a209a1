"""What a decision stands on: what is worked out of the rules beforehand, and what a verdict says where nothing did."""

from __future__ import annotations

import math

import pytest

from physical_ai_safety.rules import load_rules
from physical_ai_safety.situation import FASTEST, Command, GateVerdict, Memory, RobotState, compile_rules


def test_the_book_holds_what_the_rules_the_site_and_the_robot_say() -> None:
    rules = load_rules("yard", "yard", "scout")
    book = compile_rules(rules)
    assert book.braking == (0.2, 1.5, 3.0, 0.1) and book.hull.margin_m == 0.05
    assert book.sight_m == pytest.approx(
        1.5 * 0.2 + 1.5 * 1.5 / (2.0 * 1.5) + 0.4
    )  # way to rest at top speed, and spare
    assert (book.file, book.hash, book.limits, book.by_source) == (
        rules.file, rules.hash, rules.limits, rules.by_source,
    )  # fmt: skip
    assert book.late_s == 0.06 and book.push == (1.5, 4.0) and book.clauses == ()
    crossing = compile_rules(load_rules("yard_full", "yard", "scout"))
    assert len(crossing.clauses) == len(crossing.file.rules) > 0


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_no_robot_does_is_impossible_and_a_hundred_is_not(sign: float) -> None:
    assert FASTEST == 100.0
    assert not RobotState(v_mps=sign * 100.0, w_rps=sign * 100.0).impossible
    above = sign * math.nextafter(100.0, math.inf)
    for state in (RobotState(v_mps=above), RobotState(w_rps=above), RobotState(v_mps=math.nan)):
        assert state.impossible


def test_a_verdict_asks_for_nothing_and_names_nobody_where_nothing_is_said() -> None:
    plain = GateVerdict(1.0, "clear", "none", [], [])
    assert (plain.rules, plain.measured, plain.approved, plain.approval_s) == ("", [], None, 0.0)
    assert (plain.step, plain.category, plain.cause_s, plain.cause_ms) == (0, -1, None, None)
    assert (plain.approvals, plain.asked, plain.driver, plain.implements) == ([], [], "", {})
    with pytest.raises(AttributeError):
        plain.step = 4  # type: ignore[misc]


def test_a_command_of_nobody_is_rest_and_a_memory_of_nothing_holds_nothing() -> None:
    assert Command() == ("none", 0.0, 0.0, "", False, "")
    memory = Memory()
    assert not memory.emergency and memory._replace(latched=memory.latched._replace(emergency=True)).emergency
    assert memory[4:] == (False, "", None, None, 0.0, None, None, 0.0, ())
