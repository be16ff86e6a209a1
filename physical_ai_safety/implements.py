"""Implements (blade, sprayer, arm) behind the gate: each is on only while it is asked for and nothing forbids it.

What forbids is a table, one row a cause, and each implement's rule says which rows bind it. After an emergency stop an
implement must be asked for anew, and after those causes that its rule names besides (the thought of ISO 12100, 6.3.3:
what made a hazardous function stop does not start it again by going away).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np

from physical_ai_safety.footprint import Near
from physical_ai_safety.schema import Cause, ImplementRule, RulesFile
from physical_ai_safety.walkers import Walkers

DEFAULT: Final = "tool"  # the one implement of a rules file that names none


class Around(NamedTuple):
    """What implements are judged by, at one decision. Distances from the footprint in m, inf where nobody is."""

    latched: bool = False
    stopped: bool = False  # a protective stop, or inputs are missing
    idle: bool = False  # no command comes, and nothing is wrong
    person_m: float = float("inf")
    nearest_m: float = float("inf")
    lifted: bool = False
    tilt_rad: float = 0.0
    in_work_zone: bool = True
    at_rest: bool = True


# The interlock table. Written so that a number that is none (NaN) forbids.
INTERLOCKS: Final[Mapping[Cause, Callable[[ImplementRule, Around], bool]]] = {
    Cause.EMERGENCY: lambda rule, now: now.latched,
    Cause.STOP: lambda rule, now: now.stopped or (now.idle and not rule.base_at_rest),
    Cause.PERSON: lambda rule, now: rule.person_m > 0.0 and not now.person_m >= rule.person_m,
    Cause.CLEAR: lambda rule, now: rule.clear_m > 0.0 and not now.nearest_m >= rule.clear_m,
    Cause.LIFTED: lambda rule, now: now.lifted,
    Cause.TILTED: lambda rule, now: not now.tilt_rad <= rule.max_tilt_rad,
    Cause.OUTSIDE: lambda rule, now: rule.needs_work_zone and not now.in_work_zone,
    Cause.MOVING: lambda rule, now: rule.base_at_rest and not now.at_rest,
}


class Judged(NamedTuple):
    """One implement after a decision. `asked` is what is left of the wish: a cause may have ended it."""

    on: bool
    asked: bool
    causes: tuple[Cause, ...] = ()


def judge(rule: ImplementRule, asked: bool, now: Around) -> Judged:
    """On only where it is asked for and no row of the table forbids it."""
    causes = tuple(cause for cause, forbids in INTERLOCKS.items() if forbids(rule, now))
    anew = any(cause is Cause.EMERGENCY or cause in rule.anew_after for cause in causes)
    return Judged(asked and not causes, asked and not anew, causes)


def implement_rules(file: RulesFile) -> dict[str, ImplementRule]:
    """The implements of a rules file by name; where it names none, the one behind `tool_nav` and `tool`."""
    if file.implements:
        return dict(file.implements)
    return {DEFAULT: ImplementRule(by_tool=True, needs_work_zone=file.tool_needs_work_zone)}


def nearest_walker(walkers: Walkers) -> float:
    """Distance from base_link to the nearest edge of someone who walks, in m; inf where nobody does."""
    if not len(walkers.x):
        return math.inf
    return float((np.hypot(walkers.x, walkers.y) - walkers.radius).min())


def nearest_return(near: Near) -> float:
    """Distance from base_link to the nearest return, in m; inf where there is none."""
    inside = np.hypot(near.inside_x, near.inside_y)
    return min(float(inside.min()) if len(inside) else math.inf, float(near.r[0]) if len(near.r) else math.inf)


class Implements:
    """The implements of one robot and who of them is asked for."""

    def __init__(self, rules: Mapping[str, ImplementRule]) -> None:
        self.rules = dict(rules)
        self._asked = dict.fromkeys(self.rules, False)
        self.on = dict.fromkeys(self.rules, False)
        self.causes: dict[str, tuple[Cause, ...]] = dict.fromkeys(self.rules, ())
        self.looks_at_people = any(rule.person_m > 0.0 for rule in self.rules.values())
        self.looks_around = any(rule.clear_m > 0.0 for rule in self.rules.values())

    @property
    def asked(self) -> bool:
        """Somebody wants an implement on."""
        return any(self._asked.values())

    @property
    def busy(self) -> bool:
        """Something is asked for, or runs."""
        return self.asked or any(self.on.values())

    def order(self, name: str, on: bool, latched: bool) -> bool:
        """Ask one on or off. False: there is none of that name. While a stop is latched no wish for "on" is taken."""
        if name not in self.rules:
            return False
        self._asked[name] = on and not latched
        return True

    def order_tool(self, on: bool, latched: bool) -> None:
        """`tool_nav`: all implements that listen to it."""
        for name, rule in self.rules.items():
            if rule.by_tool:
                self._asked[name] = on and not latched

    def decide(self, now: Around) -> None:
        """Judge each anew; `on` and `causes` hold the outcome."""
        for name, rule in self.rules.items():
            self.on[name], self._asked[name], causes = judge(rule, self._asked[name], now)
            self.causes[name] = causes

    def all_off(self) -> None:
        """A fault inside the gate: nothing runs, what was asked for stays so."""
        for name in self.on:
            self.on[name] = False

    @property
    def tool(self) -> bool:
        """What `tool` says: every implement that listens to `tool_nav` is on, and there is one."""
        listening = [self.on[name] for name, rule in self.rules.items() if rule.by_tool]
        return bool(listening) and all(listening)
