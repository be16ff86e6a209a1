"""Experts: a router wakes those that an order needs; they tighten it, ask, or refuse. See docs/experts.md."""

from physical_ai_planner.experts.case import Case, LiveFacts, RobotFacts, SiteFacts
from physical_ai_planner.experts.council import Council, Counsellor, Judged, LogEntry

__all__ = ["Case", "Council", "Counsellor", "Judged", "LiveFacts", "LogEntry", "RobotFacts", "SiteFacts"]
