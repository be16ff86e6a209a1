"""After a demo: the bag made whole, KPIs counted from it, picture and report written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from physical_ai_cli.demo import DemoOptions, DemoResult
from physical_ai_core.errors import PhysicalAIError
from physical_ai_telemetry.kpi import kpis_of_bag
from physical_ai_telemetry.recover import recover
from physical_ai_telemetry.report import write_report

SHOWN = (
    "operating_time_s", "missions_begun", "missions_completed", "stops", "stop_rate_per_h", "stop_rate_per_km",
    "malfunction_rate_per_h", "mtbf_h", "recovery_median_s", "recovery_p95_s", "interventions_per_km",
    "hard_overrides", "faults",
)  # fmt: skip


@dataclass(frozen=True)
class Summary:
    """KPIs by name and the files that were written."""

    kpis: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """The KPIs of the terminal's table."""
        return {name: self.kpis[name] for name in SHOWN if name in self.kpis}


def summarise(options: DemoOptions, result: DemoResult) -> Summary:
    """Finish the recording and report on it; a recording that cannot be read is said, not raised."""
    bag = options.out / "bag"
    try:
        recover(bag)
        kpis = kpis_of_bag(str(bag)).to_dict()
        extra = {
            "title": "physical_ai demo",
            "instruction": options.instruction,
            "verdict": f"{result.reason}, {result.collisions} collisions",
            "good": result.exit_code == 0,
            "scenario": options.scenario.name,
            "seed": options.seed,
            "drive_time_s": round(result.drive_s, 1),
            "CPU_cores": {name: round(cores, 3) for name, cores in result.cpu_cores.items()},
        }
        paths = write_report(bag, options.scenario.site, options.out, kpis, extra)
    except PhysicalAIError as error:
        return Summary(problems=[str(error)])
    return Summary(kpis, {"bag": str(bag), "picture": str(paths.picture), "report": str(paths.html)})
