"""The safety case is whole: every rule that the gate can give has a hazard, a clause, and a test that saw it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import physical_ai_safety
from physical_ai_cli.safety_case import IMPLEMENT, proofs, safety_case
from physical_ai_safety.case import CASES, INTERLOCKS, Case
from physical_ai_safety.implements import INTERLOCKS as ROWS
from physical_ai_safety.rule_forms import RULE_KINDS
from physical_ai_safety.words import TEXT

SOURCES = sorted(Path(physical_ai_safety.__file__).parent.rglob("*.py"))
ALL: dict[str, Case] = {**CASES, **{f"{IMPLEMENT}{cause.value}": case for cause, case in INTERLOCKS.items()}}


def given_in_source() -> set[str]:
    """Rule ids that stand as words in `Intervention(…)` and `Limit(factor, …)`, and the kinds of the rules file."""
    found = set(RULE_KINDS)
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                place = {"Intervention": 0, "Limit": 1}.get(node.func.id)
                if place is not None and isinstance(node.args[place], ast.Constant):
                    found.add(node.args[place].value)  # type: ignore[attr-defined]
    return found


def test_every_rule_that_the_gate_can_give_has_a_row_and_words() -> None:
    mend = "give it a row in case.py, words in words.py, a marked test, and run ./run docs"
    assert given_in_source() == set(CASES) == set(TEXT), mend
    assert set(INTERLOCKS) == set(ROWS)


def test_every_row_has_a_test_and_no_test_proves_a_rule_that_is_none() -> None:
    marked = proofs()
    assert set(ALL) - set(marked) == set(), "mark a test with @pytest.mark.proves"
    assert set(marked) - set(ALL) == set()


def test_a_clause_is_of_a_standard_that_the_page_names_with_its_edition() -> None:
    numbered = re.compile(r"^(ISO 3691-4|ISO 13849-1|ISO 13850|ISO 12100|IEC 60204-1), (Annex [A-Z]|\d+(\.\d+)*)$")
    for rule, case in ALL.items():
        assert case.hazard and case.measure and case.omits and case.clauses, rule
        assert all(numbered.match(clause) for clause in case.clauses), rule


def test_the_page_says_what_is_not_claimed_before_it_says_anything_else() -> None:
    page = safety_case()
    assert page.index("not claimed") < page.index("## Rules")
    assert "general-purpose computer" in page and "hardware emergency-stop circuit" in page
    assert all(f"`{rule}`" in page for rule in ALL)
