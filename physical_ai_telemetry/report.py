"""The report of a run: pictures, and one self-contained HTML page in the operator's languages."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader

from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.site import Site, load_site
from physical_ai_telemetry import kpi, run_data
from physical_ai_telemetry.bag import open_bag
from physical_ai_telemetry.incidents import Incident
from physical_ai_telemetry.interventions import Intervention
from physical_ai_telemetry.kpi import Kpis, KpiTracker, MissionKpis, mass_of
from physical_ai_telemetry.latency import OFTEN
from physical_ai_telemetry.metadata import recorded_info
from physical_ai_telemetry.picture import STATE, draw_map, draw_timeline
from physical_ai_telemetry.run_data import Gatherer, RunData

MOST_MARKS: Final = 60
ABOUT: Final = {
    "operating_time_s": ("operating time", "s", "time with a fresh own state; gaps above 1 s do not count"),
    "distance_m": ("distance", "m", "estimated speed over the operating time"),
    "missions_begun": ("missions begun", "", "new goals that move"),
    "missions_completed": ("missions completed", "", "of those begun"),
    "stops": ("stops", "", "protective or emergency stops that nobody asked for"),
    "stops_asked_for": ("stops asked for", "", "by the emergency stop"),
    "stop_rate_per_h": ("stop rate", "1/h", "stops per operating hour"),
    "stop_rate_per_km": ("stop rate", "1/km", "stops per km"),
    "faults": ("faults", "", "nodes in error, silent or restarted"),
    "hard_overrides": ("hard overrides", "", "a gate rule of a hard limit began to change commands"),
    "malfunction_rate_per_h": ("malfunction rate", "1/h", "faults and hard overrides per operating hour"),
    "mtbf_h": ("MTBF", "h", "operating hours per malfunction"),
    "recovery_median_s": ("recovery, median", "s", "from stop or fault to motion under autonomy"),
    "recovery_p95_s": ("recovery, p95", "s", "the same, 95th percentile"),
    "recoveries": ("recoveries", "", "stops and faults overcome"),
    "unrecovered": ("not recovered", "", "stops and faults still open at the end"),
    "interventions": ("human interventions", "", "emergency stop, take-over, stop or cancel of a mission"),
    "interventions_per_km": ("interventions", "1/km", "per km"),
    "sensor_to_command_p50_s": (
        "sensor to command, median",
        "s",
        "age of the newest scan when cmd_vel was said, moving",
    ),
    "sensor_to_command_p99_s": ("sensor to command, p99", "s", "the same, 99th percentile"),
    "sensor_to_trajectory_p50_s": ("sensor to trajectory, median", "s", "the same of controller/trajectory"),
    "sensor_to_trajectory_p99_s": ("sensor to trajectory, p99", "s", "the same, 99th percentile"),
    "energy_proxy_kj": ("energy, proxy", "kJ", "mass x changes of half the squared speed, and rolling resistance"),
    "energy_proxy_kj_per_km": ("energy, proxy", "kJ/km", "per km"),
    "battery_used": ("battery used", "of its charge", "sum of the drops of its charge"),
    "battery_wh": ("battery energy", "Wh", "voltage x current over time, while discharging"),
    "collisions": ("collisions", "", "ground truth: contact while the robot moved"),
    "bumps": ("bumps", "", "ground truth: a person walked into the standing robot"),
}


@dataclass(frozen=True)
class ReportPaths:
    """Files of a report."""

    picture: Path
    timeline: Path
    html: Path


def write_report(
    bag: str | Path,
    site: Site | str,
    out_dir: str | Path,
    kpis: Kpis | Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> ReportPaths:
    """Write run.png, timeline.png and report.html from a bag.

    `kpis` None: counted from the bag. Of `extra`, `title`, `instruction`, `verdict` (text) and `good` (bool) are shown
    at the top, everything else as a table. Raises BagError, SiteError.
    """
    gatherer, tracker = Gatherer(), KpiTracker(mass_kg=mass_of(recorded_info(Path(bag)).get("robot", "")))
    with open_bag(bag) as recording:
        for topic, data, stamp_s in recording.events({*run_data.HEARD, *kpi.TOPICS, *OFTEN}):
            gatherer.hear(topic, data, stamp_s)
            tracker.hear(topic, data, stamp_s)
    figures = kpis if kpis is not None else tracker.kpis()
    return write_run(gatherer.finish(), site, out_dir, figures, extra, tracker.missions())


def write_run(
    run: RunData,
    site: Site | str,
    out_dir: str | Path,
    kpis: Kpis | Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
    missions: Sequence[MissionKpis] = (),
) -> ReportPaths:
    """The same from data already gathered, as by the in-process bench. Raises SiteError, PhysicalAIError."""
    place = load_site(site) if isinstance(site, str) else site
    out = Path(out_dir)
    more = dict(extra or {})
    paths = ReportPaths(out / "run.png", out / "timeline.png", out / "report.html")
    instruction = more.pop("instruction", None)
    if instruction is not None and not run.instructions:
        run.instructions.append((run.start_s, str(instruction)))
    title = str(more.pop("title", f"Run at {place.name}"))
    verdict, good = more.pop("verdict", None), more.pop("good", None)
    try:
        out.mkdir(parents=True, exist_ok=True)
        draw_map(run, place, paths.picture, _headline(run, title))
        draw_timeline(run, paths.timeline)
        values = kpis.to_dict() if isinstance(kpis, Kpis) else dict(kpis)
        page = _page(run, place, paths, values, title, verdict, good, more, missions)
        paths.html.write_text(page, encoding="utf-8")
    except OSError as error:
        raise PhysicalAIError(f"The report cannot be written to {out}: {error}.", "Name a writable folder.") from error
    return paths


def _headline(run: RunData, title: str) -> str:
    spoken = run.instructions[-1][1] if run.instructions else ""
    return f"{title}: {spoken}" if spoken.isascii() and spoken else title


def _page(
    run: RunData,
    site: Site,
    paths: ReportPaths,
    kpis: dict[str, Any],
    title: str,
    verdict: str | None,
    good: bool | None,
    extra: dict[str, Any],
    missions: Sequence[MissionKpis],
) -> str:
    environment = Environment(loader=PackageLoader("physical_ai_telemetry"), autoescape=True, trim_blocks=True)
    zero_s = run.start_s
    marks = [(mark.stamp_s - zero_s, mark) for mark in run.marks]
    return environment.get_template("report.html.j2").render(
        title=title,
        subtitle=f"site {site.name}",
        verdict=verdict,
        good=good,
        instructions=[(at_s - zero_s, text) for at_s, text in run.instructions],
        replies=[(at_s - zero_s, reply) for at_s, reply in run.replies],
        marks=marks[:MOST_MARKS],
        hidden_marks=max(0, len(marks) - MOST_MARKS),
        missions=[(mission, mission.begin_s - zero_s) for mission in missions],
        interventions=[_person(one, zero_s) for one in run.interventions],
        incidents=[_incident(one, zero_s) for one in run.incidents],
        cards=_cards(kpis),
        figures=list(_figures(kpis)),
        extra=[(name.replace("_", " "), _text(value)) for name, value in extra.items()],
        colors=STATE,
        picture=_embedded(paths.picture),
        timeline=_embedded(paths.timeline),
        footer="Figures as defined in docs/telemetry.md. Times count from the first message shown here.",
    )


def _person(one: Intervention, zero_s: float) -> tuple[str, ...]:
    """A row: from, to, who, role, English, Japanese, about and why."""
    end = "–" if one.end_s is None else f"{one.end_s - zero_s:.1f}"
    words = "; ".join(text for text in (one.about, one.why) if text)
    return f"{one.begin_s - zero_s:.1f}", end, one.who or "–", one.role, one.en, one.ja, words


def _incident(one: Incident, zero_s: float) -> tuple[str, ...]:
    """A row: first cause at, kind, rule, English, Japanese, further causes."""
    cause = one.causes[0]
    more = len(one.causes) - 1 + one.more_causes
    return f"{cause.stamp_s - zero_s:.1f}", cause.kind, cause.rule, cause.en, cause.ja, str(more) if more else ""


def _cards(kpis: dict[str, Any]) -> list[tuple[str, str]]:
    shown = ("distance_m", "operating_time_s", "stops", "interventions", "collisions")
    cards = [(ABOUT[name][0], _with_unit(kpis[name], ABOUT[name][1])) for name in shown if kpis.get(name) is not None]
    begun, completed = kpis.get("missions_begun"), kpis.get("missions_completed")
    if begun is not None:
        cards.insert(0, ("missions completed of begun", f"{completed} / {begun}"))
    return cards


def _figures(kpis: dict[str, Any]) -> Any:
    for name, (text, unit, about) in ABOUT.items():
        if name in kpis:
            yield text, _with_unit(kpis[name], unit), about
    for rule, count in (kpis.get("overrides_by_rule") or {}).items():
        yield f"overrides: {rule}", str(count), "how often this gate rule began to change commands"


def _with_unit(value: Any, unit: str) -> str:
    return "–" if value is None else f"{_text(value)} {unit}".strip()


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value)
    return str(value)


def _embedded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode("ascii")
