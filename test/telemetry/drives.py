"""Made-up drives with several missions and a person who takes over, at other times and under other names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from made_run import GOAL_ID, events, write_bag

from physical_ai_core import messages as m
from physical_ai_core.goal import GoalState
from physical_ai_core.reports import ControllerStatus, PlannerReply, Takeover

Said = tuple[str, Any, float]


def moved(run: Iterator[Said], by_s: float, goal_id: str) -> Iterator[Said]:
    """The same run at another time, with another mission."""
    for topic, data, stamp_s in run:
        made = data
        if isinstance(made, GoalState):
            made = made.model_copy(update={"goal_id": goal_id})
        elif isinstance(made, (PlannerReply, ControllerStatus)) and made.goal_id == GOAL_ID:
            made = dataclasses.replace(made, goal_id=goal_id)
        if hasattr(made, "stamp_s"):
            made = dataclasses.replace(made, stamp_s=made.stamp_s + by_s)
        yield topic, made, stamp_s + by_s


def missions(names: list[str], seconds: float = 4.0, begin_s: float = 0.0) -> Iterator[Said]:
    """One mission after the other, each stopped by the next thing said; in the last a person takes over for 1 s."""
    for number, name in enumerate(names):
        by_s = begin_s + 10.0 * number
        yield from moved(events(seconds), by_s, name)
        if number == len(names) - 1:
            at = 100.0 + by_s + seconds + 0.1
            yield "safety/driver", Takeover("Aiko", True), at
            yield "state/odometry", odometry(at + 0.5), at + 0.5
            yield "safety/driver", Takeover("Aiko", False), at + 1.0
        done = 100.0 + by_s + seconds + 2.0
        yield "planner/reply", PlannerReply(done, "done", "There.", "着きました。", goal_id=name), done


def odometry(t: float) -> m.Odometry:
    from made_run import odometry as made

    return made(t, (0.0, 0.0), 0.0, 0.5, "odom")


def bag_of(root: Path, names: list[str], begin_s: float = 0.0, **settings: Any) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    return write_bag(root, missions(names, begin_s=begin_s), **settings)[0]
