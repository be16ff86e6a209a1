"""The figures as Prometheus text over HTTP (`metrics_port`, extra `metrics`); off by default, and then on loopback.

`physical_ai_<figure>` with the units of docs/telemetry.md in the name; counts end in `_total`. What is not known is
left out, so that a missing figure is no zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from physical_ai_core.errors import DependencyError, PhysicalAIError
from physical_ai_telemetry.kpi import Kpis
from physical_ai_telemetry.recorder_status import RecorderStatus

PREFIX: Final = "physical_ai"
COUNTS: Final = {
    "stops": "stops that nobody asked for",
    "stops_asked_for": "stops by the emergency stop",
    "faults": "nodes in error, silent or restarted",
    "hard_overrides": "rules of hard limits that began to change commands",
    "interventions": "human interventions that count",
    "missions_begun": "goals that move",
    "missions_completed": "of those begun",
    "collisions": "ground truth of the simulator",
    "bumps": "ground truth of the simulator",
}
SUMS: Final = {"operating_time_s", "distance_m", "energy_proxy_kj", "battery_wh"}


class MetricsError(PhysicalAIError):
    """The figures cannot be offered; everything else goes on."""


class MetricsServer:
    """Offers what was shown last. A scrape reads one reference, so neither side waits for the other."""

    def __init__(self, host: str, port: int, labels: dict[str, str] | None = None) -> None:
        """Raises DependencyError without the library, MetricsError where the address is taken or not ours."""
        try:
            from prometheus_client import CollectorRegistry, start_http_server
        except ImportError as error:
            raise DependencyError("prometheus_client", "metrics") from error
        self._labels = dict(labels or {})
        self._shown: tuple[Kpis, RecorderStatus] = (Kpis(), RecorderStatus())
        registry = CollectorRegistry()
        registry.register(self)
        try:
            self._server, self._thread = start_http_server(port, addr=host, registry=registry)
        except (OSError, OverflowError) as error:
            raise MetricsError(
                f"The figures cannot be offered on {host}:{port}: {getattr(error, 'strerror', None) or error}.",
                "Set another metrics_port or metrics_host.",
            ) from error

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def show(self, kpis: Kpis, status: RecorderStatus) -> None:
        """What the next scrape gets."""
        self._shown = (kpis, status)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2.0)

    def collect(self) -> Iterator[Any]:
        """Called by the library at each scrape."""
        kpis, status = self._shown
        values = kpis.to_dict()
        for name, about in COUNTS.items():
            if values.get(name) is not None:
                yield self._counter(name, about, float(values[name]))
        for name, value in values.items():
            if name in COUNTS or value is None or isinstance(value, dict):
                continue
            make = self._counter if name in SUMS else self._gauge
            yield make(name, "see docs/telemetry.md", float(value))
        yield self._by_rule(kpis.overrides_by_rule)
        yield self._gauge("recording", "1: the bag is being written", float(status.state == "recording"))
        yield self._counter("messages_recorded", "messages written", float(status.messages))
        yield self._counter("messages_dropped", "heard, or lost on the way, and not written", float(status.dropped))
        yield self._counter("incidents", "incidents kept", float(status.incidents))

    def _counter(self, name: str, about: str, value: float) -> Any:
        from prometheus_client.core import CounterMetricFamily

        family = CounterMetricFamily(f"{PREFIX}_{name}", about, labels=list(self._labels))
        family.add_metric(list(self._labels.values()), value)
        return family

    def _gauge(self, name: str, about: str, value: float) -> Any:
        from prometheus_client.core import GaugeMetricFamily

        family = GaugeMetricFamily(f"{PREFIX}_{name}", about, labels=list(self._labels))
        family.add_metric(list(self._labels.values()), value)
        return family

    def _by_rule(self, overrides: dict[str, int]) -> Any:
        from prometheus_client.core import CounterMetricFamily

        about = "how often this gate rule began to change commands"
        family = CounterMetricFamily(f"{PREFIX}_overrides", about, labels=[*self._labels, "rule"])
        for rule, count in overrides.items():
            family.add_metric([*self._labels.values(), rule], float(count))
        return family
