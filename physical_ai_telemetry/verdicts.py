"""Reading the gate's verdicts: which states are stops, and which rules guard a hard limit."""

from __future__ import annotations

from typing import Any, Final

STOPPED: Final = ("protective_stop", "emergency_stop")
RUNNING: Final = ("clear", "limited")
# Rules that shape or hold a permitted command, or carry out a wish. Any other rule counts as guarding a hard limit.
SOFT_RULES: Final = (
    "acceleration", "person", "hold", "waiting", "emergency_stop", "crew", "start", "dead_man", "approval",
)  # fmt: skip
MERGE_S: Final = 1.0  # a stop or an override that returns sooner is the same one


def is_hard(rule: str) -> bool:
    """Whether a gate rule guards a hard limit, by its id."""
    return rule not in SOFT_RULES


def part(item: Any, name: str) -> str:
    """`rule` or `clause` of an intervention of the gate, as the wire or as the gate itself has it."""
    return str(item.get(name, "") if isinstance(item, dict) else getattr(item, name, ""))
