"""The person who stands beside a run, as the gate's rules ask: releases it after a start, or a restart, of the gate."""

from __future__ import annotations

from physical_ai_core.reports import Verdict

WAITS_S = 0.5  # so long the person looks before pressing, on the clock of the run


def waits_for_reset(verdict: Verdict | None) -> bool:
    """The gate has started and stands until a person's reset; nothing else holds it."""
    if verdict is None or not verdict.interventions:
        return False
    last = verdict.interventions[-1]
    return (last.get("rule") if isinstance(last, dict) else getattr(last, "rule", "")) == "start"


class Bystander:
    """Says when to press: some time after the gate first said that it waits. Times in seconds of one clock."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self.presses = 0

    def presses_now(self, verdict: Verdict | None, now_s: float) -> bool:
        """True at the moment to call safety/reset; call it often."""
        if not waits_for_reset(verdict):
            self._since_s = None
            return False
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s < WAITS_S:
            return False
        self._since_s = now_s  # a refusal is followed by another try
        self.presses += 1
        return True
