"""Pictures of what differs: each field now and as the reference has it, over the time of the replay."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from physical_ai_bench.regression.check import Checked
from physical_ai_bench.regression.compare import Deviation
from physical_ai_bench.regression.spoken import Numbers, Series

MOST: Final = 6  # fields in one picture: those that differ first
MOST_LINES: Final = 4  # elements of an array


def plot_differences(checked: Checked, folder: Path) -> Path | None:
    """Write FOLDER/BAG.PART.png of the numeric fields that differ; None where there is none."""
    if checked.verdict is None:
        return None
    fields = [one for one in checked.verdict.deviations if _both(checked, one) is not None][:MOST]
    if not fields:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 1.0 + 2.2 * len(fields)), layout="constrained")
    FigureCanvasAgg(figure)
    start_ns = min(int(series.said_ns[0]) for series in checked.reference.spoken.values())
    for place, one in enumerate(fields, 1):
        axes = figure.add_subplot(len(fields), 1, place)
        _draw(axes, checked, one, start_ns)
    name = f"{checked.replayed.bag.path.stem}, {checked.replayed.part.name}: now (line) and reference (dashed)"
    figure.suptitle(name, fontsize=10)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{checked.replayed.bag.path.stem}.{checked.replayed.part.name}.png"
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return path


def _both(checked: Checked, one: Deviation) -> tuple[Series, Series] | None:
    now, reference = checked.replayed.spoken.get(one.topic), checked.reference.spoken.get(one.topic)
    if now is None or reference is None or one.field not in now.numbers or one.field not in reference.numbers:
        return None
    return now, reference


def _draw(axes: Any, checked: Checked, one: Deviation, start_ns: int) -> None:
    both = _both(checked, one)
    assert both is not None
    for series, style, width in ((both[1], "--", 1.8), (both[0], "-", 1.0)):
        field = series.numbers[one.field]
        time_s, values = _lines(field, (series.said_ns - start_ns) * 1e-9)
        for element in range(min(values.shape[1], MOST_LINES)):
            axes.plot(time_s, values[:, element], style, linewidth=width, color=f"C{element}", alpha=0.8)
    axes.axvline(one.at_s - start_ns * 1e-9, color="#c0392b", linewidth=0.8)
    axes.set_title(f"{one.topic}.{one.field}", fontsize=9, loc="left")
    axes.set_xlabel("s")
    axes.grid(alpha=0.3)


def _lines(field: Numbers, said_s: Any) -> tuple[Any, Any]:
    """(n,) times and (n, k) of the messages that have the field's usual number of elements."""
    usual = int(np.bincount(field.counts).argmax())
    rows = np.flatnonzero(field.counts == usual)
    begin = np.cumsum(field.counts) - field.counts
    return said_s[field.at[rows]], field.values[begin[rows][:, None] + np.arange(usual)].reshape(len(rows), usual)
