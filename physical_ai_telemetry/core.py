"""The core of the telemetry node: it hears what figures and incidents are made of, and says the figures at 1 Hz."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from physical_ai_core import messages as m
from physical_ai_core.core import ERROR, NOTHING, OK, WARN, Health, Output, Outputs
from physical_ai_core.graph import TOPIC
from physical_ai_telemetry.incidents import KINDS, Cause, IncidentDetector
from physical_ai_telemetry.kpi import Kpis, KpiTracker, mass_of
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.provenance import said_by
from physical_ai_telemetry.recorder_status import RecorderStatus

DIAGNOSTICS = "/diagnostics"
# Figures in the heartbeat, too, by which the supervisor watches over new models: robots of a fleet share /diagnostics.
TOLD = ("operating_time_s", "stops", "faults", "hard_overrides")


class TelemetryCore:
    """KPIs from decoded payloads; the node adds what its recorder says by `note_recorder`."""

    def __init__(self, parameters: TelemetryParameters) -> None:
        self.parameters = parameters
        self._tracker = KpiTracker(parameters.stop_speed_mps, mass_of(parameters.robot))
        self._detector = IncidentDetector(parameters.incident_kinds or KINDS, parameters.surprise_s)
        self._causes: list[Cause] = []
        self._fault = ""
        self._told: dict[str, str] = {}
        self.said: dict[str, str] = {}  # what nodes name in their heartbeats: rules, models
        self._recorder = RecorderStatus()
        self._next_report_s: float | None = None

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        self._tracker.hear(topic, data, stamp_s)
        self._causes += self._detector.hear(topic, data, stamp_s)
        if topic == "heartbeat" and isinstance(data, m.Diagnostics):
            self.said |= said_by(data)
        return NOTHING

    def hear_stamp(self, topic: str, stamp_s: float) -> None:
        """The header stamp alone of a frequent topic (`latency.OFTEN`)."""
        self._tracker.hear_stamp(topic, stamp_s)

    def take_causes(self) -> list[Cause]:
        """Why something is to be kept, since the last call."""
        causes, self._causes = self._causes, []
        return causes

    def tick(self, stamp_s: float) -> Outputs:
        period_s = 1.0 / TOPIC[DIAGNOSTICS].rate_hz
        if self._next_report_s is not None and 0.0 <= self._next_report_s - stamp_s <= period_s:
            return NOTHING
        self._next_report_s = stamp_s + period_s
        return (Output(DIAGNOSTICS, m.Diagnostics(stamp_s, tuple(self._statuses()))),)

    def health(self) -> Health:
        status = self._recorder_status()
        return Health(status.level, status.message, {**status.values, **self._told})

    def kpis(self) -> Kpis:
        return self._tracker.kpis()

    def note_recorder(self, status: RecorderStatus) -> None:
        """What the recorder last said of itself."""
        self._recorder = status

    def note_fault(self, text: str) -> None:
        """What the node around cannot do, as to offer the metrics; "" when it can."""
        self._fault = text

    def _statuses(self) -> Iterator[m.Status]:
        figures = _values(self.kpis().to_dict())
        self._told = {name: figures[name] for name in TOLD if name in figures}
        yield m.Status(OK, "telemetry: kpi", "ok", figures)
        missions = self._tracker.missions()
        if missions:
            yield m.Status(OK, "telemetry: mission", missions[-1].outcome, _values(missions[-1].to_dict()))
        yield self._recorder_status()

    def _recorder_status(self) -> m.Status:
        status = self._recorder
        level, message = OK, status.state
        if status.state == "failed":
            level, message = ERROR, status.error
        elif status.error or self._fault:
            level, message = WARN, status.error or self._fault
        elif status.dropped:
            level, message = WARN, f"{status.dropped} messages were not recorded"
        values = {
            "bag": status.folder,
            "messages": str(status.messages),
            "megabytes": f"{status.megabytes:.2f}",
            "dropped": str(status.dropped),
            "files": str(status.files),
            "files_deleted": str(status.deleted),
            "incidents": str(status.incidents),
            "incident": status.incident,
        }
        return m.Status(level, "telemetry: recorder", message, values)


def _values(figures: dict[str, Any]) -> dict[str, str]:
    """Figures as diagnostics carry them; what is not known is left out."""
    values: dict[str, str] = {}
    for name, value in figures.items():
        if isinstance(value, dict):
            values.update({f"{name}.{key}": str(count) for key, count in value.items()})
        elif value is not None:
            values[name] = f"{value:.3f}" if isinstance(value, float) else str(value)
    return values
