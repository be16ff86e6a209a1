"""Named facts of a case: what rules compare and what the networks read. One table says name, kind and meaning."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.goal import DisplacementTarget, GoalState, Task
from physical_ai_planner.experts.advice import STANDING
from physical_ai_planner.experts.case import Case, LiveFacts, RobotFacts, SiteFacts

Value = float | bool | str | None
Facts = Mapping[str, Value]

WORDS: Final = "words."  # prefix of what a head reads from the sentence: the probability of a topic
DERIVED: Final = {
    "goal.moves": "bool", "goal.steps": "number", "goal.speed_mps": "number", "goal.tool": "bool",
    "goal.laps": "number", "goal.duration_s": "number", "goal.length_m": "number", "goal.backwards_m": "number",
    **{f"goal.{task.value}": "bool" for task in Task},
    "said.mass_kg": "number", "said.precision_m": "number", "now.working_hours": "bool",
}  # fmt: skip
_KINDS: Final = {"float": "number", "bool": "bool", "str": "text"}
KIND: Final[dict[str, str]] = {
    **DERIVED,
    **{
        f"{prefix}.{f.name}": _KINDS[str(f.type).split(" ")[0]]
        for prefix, group in (("site", SiteFacts), ("robot", RobotFacts), ("live", LiveFacts))
        for f in fields(group)
    },
}  # fact -> number, bool or text; what a head reads comes on top


def facts_of(case: Case) -> dict[str, Value]:
    """Every fact of a case but the words' topics."""
    facts: dict[str, Value] = {}
    for prefix, group in (("site", case.site), ("robot", case.robot), ("live", case.live)):
        for name, value in vars(group).items():
            facts[f"{prefix}.{name}"] = _sound(value)
    _goal(case.goal, case.length_m, facts)
    facts["said.mass_kg"] = said_mass_kg(case.sentence)
    facts["said.precision_m"] = said_precision_m(case.sentence)
    facts["now.working_hours"] = _within(case.live.hour, case.site.work_from_h, case.site.work_until_h)
    return facts


def _sound(value: Value) -> Value:
    """A number that is none is not known."""
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _goal(goal: GoalState, length_m: float | None, facts: dict[str, Value]) -> None:
    steps = goal.steps or ()
    tasks = {step.task for step in steps}
    for task in Task:
        facts[f"goal.{task.value}"] = task in tasks
    most = [v for v in (facts["site.max_speed_mps"], facts["robot.max_speed_mps"]) if isinstance(v, float)]
    moving = [step for step in steps if step.task not in STANDING]
    asked = [step.limits.max_speed_mps for step in moving]
    tops = [min([*most, *([] if v is None else [v])], default=None) for v in asked]
    facts["goal.moves"] = bool(moving)
    facts["goal.steps"] = float(len(steps))
    facts["goal.speed_mps"] = None if None in tops else max((v for v in tops if v is not None), default=0.0)
    facts["goal.tool"] = any(step.tool for step in steps)
    facts["goal.laps"] = float(max((s.until.laps or 0 for s in steps if s.until), default=0))
    facts["goal.duration_s"] = sum(s.until.duration_s or 0.0 for s in steps if s.until)
    facts["goal.length_m"] = _sound(length_m)
    back = [-s.target.forward_m for s in steps if isinstance(s.target, DisplacementTarget)]
    facts["goal.backwards_m"] = max([0.0, *back])


def _within(hour: float | None, first: float | None, last: float | None) -> bool | None:
    """Whether an hour lies in a span of the day, which may hold midnight; None where a part is not known."""
    if hour is None or first is None or last is None:
        return None
    return first <= hour < last if first <= last else hour >= first or hour < last


_NUMBER = r"(\d+(?:\.\d+)?)"
_MASS = re.compile(
    _NUMBER + r"\s*(kg|kilo(?:gram)?s?|tons?|tonnes?|t\b|lbs?|pounds?|キログラム|キロ(?!メ|ほど先|先)|トン)", re.I
)
_MASS_UNIT = {"k": 1.0, "キ": 1.0, "t": 1000.0, "ト": 1000.0, "l": 0.4536, "p": 0.4536}
_CARRIED = re.compile(r"load|carry|carri|tow|haul|pull|weigh|heavy|with|on board|payload|積|載|運|荷|牽引|引っ張|重")
_PRECISION = re.compile(
    r"(?:within|to|down to|no more than|±|\+/-|誤差)\s*(?:a |an )?" + _NUMBER
    + r"\s*(mm|millimet\w+|cm|centimet\w+|ミリ|センチ)"
    r"|" + _NUMBER + r"\s*(mm|cm|ミリ|センチ)\w{0,4}?(?:以内|の精度|単位|precision|accura)", re.I,
)  # fmt: skip


def said_mass_kg(sentence: str) -> float | None:
    """The largest mass that the sentence speaks of carrying; kilos alone (キロ) only beside a word of loads."""
    if not _CARRIED.search(sentence.lower()):
        return None
    found = [float(n) * _MASS_UNIT[unit[0].lower()] for n, unit in _MASS.findall(sentence)]
    return max(found, default=None)


def said_precision_m(sentence: str) -> float | None:
    """The finest accuracy that the sentence asks for."""
    found = []
    for first, unit, second, other in _PRECISION.findall(sentence):
        word = (unit or other).lower()
        found.append(float(first or second) * (1e-3 if word[0] == "m" or word == "ミリ" else 1e-2))
    return min(found, default=None)


# What the networks read of the facts, with the scale that brings each to about one. Topics are not among them.
INPUTS: Final[dict[str, float]] = {
    "goal.moves": 1.0, "goal.speed_mps": 1.0, "goal.tool": 1.0, "goal.laps": 20.0, "goal.duration_s": 3600.0,
    "goal.length_m": 500.0, "goal.backwards_m": 5.0, "goal.cover": 1.0, "goal.dock": 1.0, "goal.follow": 1.0,
    "goal.patrol": 1.0, "site.public_road": 1.0, "site.work_zone": 1.0, "now.working_hours": 1.0,
    "said.mass_kg": 20.0, "said.precision_m": 0.05, "robot.max_payload_kg": 20.0, "robot.width_m": 1.0,
    "robot.max_slope_deg": 20.0, "live.dark": 1.0, "live.slope_deg": 10.0, "live.sigma_m": 0.5, "live.surprise": 2.0,
    "live.people_near": 3.0, "live.controller_slack": 0.1, "live.solve_ms": 20.0, "live.unhealthy": 1.0,
    "live.temperature_c": 40.0, "live.battery_share": 0.5,
}  # fmt: skip
TEXT_INPUTS: Final = {
    "live.gate": ("limited", "protective_stop", "emergency_stop"),
    "live.controller": ("blocked", "fallback"),
    "site.country": ("jp",),
}
NAMES: Final = (
    *INPUTS,
    *(f"{name} known" for name in INPUTS),
    *(f"{name} {word}" for name, words in TEXT_INPUTS.items() for word in words),
)
CLIP: Final = 4.0


def vector(facts: Facts) -> NDArray[np.float32]:
    """What a network reads of the facts, (len(NAMES),): scaled values with 0 for unknown, who is known, words."""
    values = [facts.get(name) for name in INPUTS]
    scaled = [0.0 if v is None else float(v) / s for v, s in zip(values, INPUTS.values(), strict=True)]
    known = [0.0 if v is None else 1.0 for v in values]
    words = [1.0 if facts.get(name) == word else 0.0 for name, options in TEXT_INPUTS.items() for word in options]
    return np.clip(np.array([*scaled, *known, *words], dtype=np.float32), -CLIP, CLIP)
