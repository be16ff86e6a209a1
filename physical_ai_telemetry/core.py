"""The core of the telemetry node: it hears the few topics the figures are made of, and says them at 1 Hz."""

from __future__ import annotations

from typing import Any

from physical_ai_core import messages as m
from physical_ai_core.core import ERROR, NOTHING, OK, WARN, Health, Output, Outputs
from physical_ai_core.graph import TOPIC
from physical_ai_telemetry.kpi import Kpis, KpiTracker
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.recorder import RecorderStatus

DIAGNOSTICS = "/diagnostics"


class TelemetryCore:
    """KPIs from decoded payloads; the node adds what its recorder says by `note_recorder`."""

    def __init__(self, parameters: TelemetryParameters) -> None:
        self.parameters = parameters
        self._tracker = KpiTracker(parameters.stop_speed_mps)
        self._recorder = RecorderStatus()
        self._next_report_s: float | None = None

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        self._tracker.hear(topic, data, stamp_s)
        return NOTHING

    def tick(self, stamp_s: float) -> Outputs:
        period_s = 1.0 / TOPIC[DIAGNOSTICS].rate_hz
        if self._next_report_s is not None and 0.0 <= self._next_report_s - stamp_s <= period_s:
            return NOTHING
        self._next_report_s = stamp_s + period_s
        return (Output(DIAGNOSTICS, m.Diagnostics(stamp_s, (self._kpi_status(), self._recorder_status()))),)

    def health(self) -> Health:
        status = self._recorder_status()
        return Health(status.level, status.message, status.values)

    def kpis(self) -> Kpis:
        return self._tracker.kpis()

    def note_recorder(self, status: RecorderStatus) -> None:
        """What the recorder last said of itself."""
        self._recorder = status

    def _kpi_status(self) -> m.Status:
        values: dict[str, str] = {}
        for name, value in self.kpis().to_dict().items():
            if isinstance(value, dict):
                values.update({f"{name}.{key}": str(count) for key, count in value.items()})
            elif value is not None:
                values[name] = f"{value:.3f}" if isinstance(value, float) else str(value)
        return m.Status(OK, "telemetry: kpi", "ok", values)

    def _recorder_status(self) -> m.Status:
        status = self._recorder
        level, message = OK, status.state
        if status.state == "failed":
            level, message = ERROR, status.error
        elif status.error:
            level, message = WARN, status.error
        elif status.dropped:
            level, message = WARN, f"{status.dropped} messages were not recorded"
        values = {
            "bag": status.folder,
            "messages": str(status.messages),
            "megabytes": f"{status.megabytes:.2f}",
            "dropped": str(status.dropped),
            "files": str(status.files),
            "files_deleted": str(status.deleted),
        }
        return m.Status(level, "telemetry: recorder", message, values)
