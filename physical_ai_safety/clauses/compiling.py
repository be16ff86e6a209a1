"""From the rules as they are written to the clauses that judge."""

from __future__ import annotations

import math
from collections.abc import Iterable

from physical_ai_safety import rule_forms as form
from physical_ai_safety.clauses.approval import Approval
from physical_ai_safety.clauses.clause import Clause
from physical_ai_safety.clauses.forbid import Forbid
from physical_ai_safety.clauses.keep_out import KeepOut
from physical_ai_safety.clauses.slope import Slope
from physical_ai_safety.clauses.speed import Speed
from physical_ai_safety.clauses.when import condition


def compile_clauses(rules: Iterable[form.AnyRule], mode: str = "") -> tuple[Clause, ...]:
    """One clause a rule, in the order of the file. `mode`: how the robot works now, by its name in the rules file."""
    return tuple(_clause(rule, mode) for rule in rules)


def _clause(rule: form.AnyRule, mode: str) -> Clause:
    when = condition(rule.when, mode)
    match rule:
        case form.KeepOut() | form.Geofence():
            return KeepOut(rule.kind, rule.id, rule.clause, when)
        case form.SpeedLimit():
            return Speed(
                rule.id, rule.clause, when, rule.placed, _or_endless(rule.max_speed_mps),
                _or_endless(rule.max_reverse_mps), _or_endless(rule.max_yaw_rate_rps),
            )  # fmt: skip
        case form.Forbid():
            return Forbid(
                rule.id, rule.clause, when, rule.placed, frozenset(rule.actions), rule.turn_rps, rule.turn_radius_m
            )
        case form.Approval():
            return Approval(rule.id, rule.clause, when, rule.placed, rule.persons)
        case _:
            return Slope(rule.id, rule.clause, when, rule.placed, rule.max_slope_rad)


def _or_endless(value: float | None) -> float:
    return math.inf if value is None else value
