"""Cases for experts: a short written form of goals, usual facts, and hand-written cases with what is expected."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from physical_ai_core.goal import (
    DisplacementTarget,
    GoalState,
    Limits,
    ObjectTarget,
    PlaceTarget,
    RouteTarget,
    Step,
    Target,
    Task,
    Until,
    ZoneTarget,
)
from physical_ai_planner.experts.case import Case, LiveFacts, RobotFacts, SiteFacts

SITE: Final = SiteFacts(max_speed_mps=1.5, public_road=False, country="jp")
ROBOT: Final = RobotFacts(
    max_speed_mps=2.0, max_reverse_mps=0.5, max_deceleration_mps2=2.5, length_m=0.5, width_m=0.42, mass_kg=18.0,
    max_payload_kg=15.0, max_slope_deg=20.0, ground_clearance_m=0.06,
)  # fmt: skip
LIVE: Final = LiveFacts(
    hour=10.0, dark=False, slope_deg=1.0, speed_mps=0.0, sigma_m=0.05, surprise=1.0, people_near=0.0, gate="clear",
    controller="arrived", controller_slack=0.0, solve_ms=8.0, unhealthy=0.0,
)  # fmt: skip


_KINDS: Final[dict[str, Callable[..., Target]]] = {"cover": ZoneTarget, "patrol": RouteTarget}


@lru_cache(maxsize=256)
def goal_of(text: str) -> GoalState:
    """A goal of the short form: `task target options; …`, options: tool, v0.5 (m/s), x3 (laps), t60 (s).

    Targets: of navigate, inspect and dock a place, of cover a zone, of patrol a route, of follow a class, of move
    metres ahead. Raises ValueError.
    """
    return GoalState(steps=tuple(_step(part.split()) for part in text.split(";")))


def _step(words: list[str]) -> Step:
    task, rest = words[0], words[1:]
    target: Target | None = None
    if task not in ("wait", "stop"):
        name, rest = rest[0], rest[1:]
        if task == "move":
            task, target = "navigate", DisplacementTarget(forward_m=float(name))
        elif task == "follow":
            target = ObjectTarget(class_name=name)  # type: ignore[arg-type]
        else:
            target = _KINDS.get(task, PlaceTarget)(name=name)
    laps = next((int(word[1:]) for word in rest if word[0] == "x"), None)
    seconds = next((float(word[1:]) for word in rest if word[0] == "t" and word != "tool"), None)
    speed = next((float(word[1:]) for word in rest if word[0] == "v"), None)
    until = Until(laps=laps, duration_s=seconds) if laps or seconds else None
    tool = True if "tool" in rest else None
    return Step(task=Task(task), target=target, limits=Limits(max_speed_mps=speed), until=until, tool=tool)


@dataclass(frozen=True)
class Expected:
    """A case, its language, and the advice that is right: its kind, and the ids of all rules that speak."""

    id: str
    language: str
    case: Case
    kind: str
    rules: frozenset[str]


def read_cases(path: Path) -> list[Expected]:
    """Hand-written cases, one JSON object a line."""
    return [_case(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _case(row: Mapping[str, Any]) -> Expected:
    goal = goal_of(row["goal"])
    works = all(step.task is Task.COVER for step in goal.steps or () if step.tool)
    site = replace(SITE, work_zone=works if any(step.tool for step in goal.steps or ()) else None)
    case = Case(
        row["text"], goal, replace(site, **row.get("site", {})), replace(ROBOT, **row.get("robot", {})),
        replace(LIVE, **row.get("live", {})), row.get("length_m", 20.0),
    )  # fmt: skip
    return Expected(row["id"], row["language"], case, row["kind"], frozenset(row["rules"]))
