"""What a loop did between two of its reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from physical_ai_control.servo.clock import Histogram


@dataclass(frozen=True)
class Window:
    """`name` of the contender, `beside` what it ran; `late` is None where a loop has no deadlines of its own."""

    name: str
    beside: str
    seconds: float
    due: int  # cycles that there should have been
    begun: int  # cycles that there were
    slow: int  # of these, so many began more than 1.5 periods after the one before
    late_1500: int  # and so many more than 1.5 ms after they were due
    missed: int
    cpu_share: float
    period: Histogram
    late: Histogram | None = None

    @property
    def share(self) -> float:
        """Cycles of the due ones that came within 1.5 periods of the one before."""
        return (self.begun - self.slow) / max(1, self.due)

    @property
    def share_late(self) -> float:
        """Cycles of the due ones that began within 1.5 ms of their deadline."""
        return (self.begun - self.late_1500) / max(1, self.due)

    def row(self) -> tuple[str, ...]:
        """For the page."""
        late = self.late

        def us(percent: float) -> str:
            return "–" if late is None else f"{late.percentile_us(percent):.0f}"

        return (
            self.beside, self.name, f"{self.due}", f"{100 * self.share:.3f}",
            "–" if late is None else f"{100 * self.share_late:.3f}", us(50), us(99), us(100),
            f"{self.period.percentile_us(99):.0f}", f"{self.missed}", f"{100 * self.cpu_share:.1f}",
        )  # fmt: skip


HEADER = (
    "beside", "loop", "cycles due", "cycle time ≤ 1.5 periods, %", "begun ≤ 1.5 ms late, %", "late p50 µs", "p99",
    "max", "cycle time p99 µs", "missed", "CPU, % of a core",
)  # fmt: skip


def between(name: str, beside: str, first: Mapping[str, str], last: Mapping[str, str]) -> Window:
    """The window between two reports of a servo (`Cadence.values` with `cpu_share`)."""

    def grown(key: str) -> int:
        return int(last[key]) - int(first.get(key, "0"))

    def histogram(key: str) -> Histogram:
        return Histogram.of_text(last[key]).since(Histogram.of_text(first.get(key, "")))

    begun, missed = grown("cycles"), grown("missed")
    seconds = (begun + missed) / float(last["rate_hz"])
    return Window(
        name, beside, seconds, begun + missed, begun, grown("period_over_1.5"), grown("late_over_1500_us"), missed,
        float(last["cpu_share"]), histogram("period_histogram_us"), histogram("late_histogram_us"),
    )  # fmt: skip


def of_timer(beside: str, values: Mapping[str, str], seconds: float) -> Window:
    """The window of the plain timer: it keeps a grid of its own, so only cycle times and counts are read."""
    begun = int(values["cycles"])
    due = round(seconds * float(values["rate_hz"]))
    return Window(
        "rclpy timer", beside, seconds, due, begun, int(values["period_over_1.5"]), 0, max(0, due - begun),
        float(values["cpu_share"]), Histogram.of_text(values["period_histogram_us"]),
    )  # fmt: skip
