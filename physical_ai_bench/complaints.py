"""Why the robot did not drive as it wanted, in its own words, for the notes of a result."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

NOTES: Final = 3  # of the complaints, the commonest


class Complaints:
    """A tap that counts why the robot did not drive as it wanted, in tenths of a second of its own words."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def tap(self, topic: str, data: Any, now_s: float) -> None:
        if topic == "controller/status" and data.mode not in ("tracking", "arrived", "idle"):
            self.counts[f"{data.mode}: {data.message}".split(" is ")[0]] += 1
        elif topic == "controller/status" and data.message:
            self.counts[data.message] += 1
        elif topic == "safety/verdict" and data.interventions:
            self.counts[f"gate {data.interventions[-1].rule} {data.state}"] += 1

    def text(self) -> str:
        return "; ".join(f"{what} {count / 10.0:.1f} s" for what, count in self.counts.most_common(NOTES))
