"""The fleet on one page: tables that sort by a click, plots inside, nothing fetched from anywhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from physical_ai_learning.fleet.words import COLUMNS, TABLES

Rows = Sequence[Mapping[str, Any]]
MOST_BARS: Final = 20
BLUE: Final = "#1565C0"


def write_report(
    answers: Mapping[str, Rows], out: str | Path, broken: Mapping[str, str] | None = None, bags: int = 0
) -> Path:
    """Write `fleet.html` into a folder. `broken`: bags that could not be read, and why. Raises OSError."""
    environment = Environment(
        loader=PackageLoader("physical_ai_learning.fleet"), autoescape=select_autoescape(["j2", "html"]),
        undefined=StrictUndefined,
    )  # fmt: skip
    tables = [
        {
            "name": name,
            "en": en,
            "ja": ja,
            "columns": [(column, COLUMNS.get(column, "")) for column in (answers[name][0] if answers[name] else {})],
            "rows": [[(value, _shown(value)) for value in row.values()] for row in answers[name]],
        }
        for name, (en, ja) in TABLES.items()
        if name in answers
    ]
    page = environment.get_template("fleet.html.j2").render(
        tables=tables, pictures=_pictures(answers), broken=dict(broken or {}), bags=bags
    )
    path = Path(out) / "fleet.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "✓" if value else ""
    return (
        f"{value:.3g}"
        if isinstance(value, float) and abs(value) < 1000
        else str(round(value, 1))
        if isinstance(value, float)
        else str(value)
    )


def _pictures(answers: Mapping[str, Rows]) -> list[tuple[str, str, str]]:
    """(English, Japanese, PNG in base64) of each plot that has something to show."""
    found = []
    for name, label, value, en, ja in (
        ("days", "day", "stops_per_h", "Stops per hour, by day", "日別の停止/時"),
        ("versions", "software", "malfunctions_per_h", "Malfunctions per hour, by version", "版別の不具合/時"),
        ("robots", "robot", "stops_per_h", "Stops per hour, by robot", "ロボット別の停止/時"),
        ("incidents", "rule", "count", "Incidents, by cause", "原因別の事象"),
        ("overrides", "rule", "count", "Overrides, by rule", "規則別の介入"),
        ("recoveries", "up_to_s", "count", "Recoveries, up to so many seconds", "復帰時間の分布"),
    ):
        rows = [row for row in answers.get(name, ()) if row[value] is not None][:MOST_BARS]
        if rows:
            found.append((en, ja, _bars([str(row[label]) or "–" for row in rows], [float(row[value]) for row in rows])))
    return found


def _bars(labels: Sequence[str], heights: Sequence[float]) -> str:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 2.6), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(range(len(heights)), heights, color=BLUE)
    axes.set_xticks(range(len(labels)), [label[:18] for label in labels], rotation=30, ha="right", fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream)
    return base64.b64encode(stream.getvalue()).decode()
