"""Pictures of crossings: each run about its worst moment, and what held the robot back over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten, wrap
from typing import Any, Final

import numpy as np

from physical_ai_bench.crossing.crowd import FROM, TO
from physical_ai_bench.crossing.trace import Trace
from physical_ai_bench.traces import blank_sheet, outline
from physical_ai_sim.physics import PERSON_RADIUS_M

HALF_M: Final = (0.25, 0.21)  # of the robot scout
WINDOW_S: Final = (-3.0, 2.0)  # about the moment
VIEW_M: Final = (4.5, 3.2)
COLUMNS: Final = 5


def worst_moment(trace: Trace) -> int:
    """Row of the first collision, else of the first contact, else where somebody came nearest."""
    if len(trace.contacts):
        order = np.lexsort((trace.contacts[:, 0], -trace.contacts[:, 3]))
        return int(np.argmin(np.abs(trace.driven[:, 0] - trace.contacts[order[0], 0])))
    away = np.hypot(*np.moveaxis(trace.people - trace.driven[:, None, 1:3], -1, 0))
    return int(np.nanargmin(np.nanmin(np.where(np.isnan(away), 1e3, away), axis=1)))


def draw(axes: Any, trace: Trace, row: int) -> None:
    """One run about a moment into matplotlib axes."""
    from matplotlib.collections import EllipseCollection, LineCollection

    first, last = (int(np.clip(row + round(10 * s), 0, len(trace.driven) - 1)) for s in WINDOW_S)
    span = slice(first, last + 1)
    axes.plot([FROM[0], TO[0]], [FROM[1], TO[1]], color="tab:green", lw=0.6, ls=":")
    for slot in range(trace.people.shape[1]):
        path = trace.people[span, slot]
        axes.plot(path[:, 0], path[:, 1], color="tab:red", lw=0.5, alpha=0.6)
    there = ~np.isnan(trace.people[row, :, 0])
    size = np.full(int(there.sum()), 2.0 * PERSON_RADIUS_M)
    axes.add_collection(
        EllipseCollection(size, size, 0.0, units="xy", offsets=trace.people[row, there], transOffset=axes.transData,
                          facecolors="none", edgecolors="tab:red", linewidths=0.8)
    )  # fmt: skip
    driven = trace.driven[span]
    pieces = np.stack([driven[:-1, 1:3], driven[1:, 1:3]], axis=1)
    lines = LineCollection(list(pieces), array=driven[:-1, 4], cmap="viridis", linewidths=1.5)
    lines.set_clim(0.0, 1.2)
    axes.add_collection(lines)
    axes.plot(*trace.ahead[row].T, color="tab:orange", lw=1.0)
    for k, width in ((row, 1.0), (first, 0.3)):
        body = outline(trace.driven[k, 1:4], HALF_M)
        axes.plot(body[:, 0], body[:, 1], color="tab:blue", lw=width)
    x, y = trace.driven[row, 1:3]
    axes.set_xlim(x - VIEW_M[0], x + VIEW_M[0])
    axes.set_ylim(y - VIEW_M[1], y + VIEW_M[1])
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title("\n".join(wrap(shorten(trace.title, 100, placeholder=" …"), 54)), fontsize=5)  # two lines fit


def strip(axes: Any, trace: Trace) -> None:
    """Speed over time; grey: the controller waits, orange: it brakes, red: the gate changes the command."""
    time, speed, held = trace.driven[:, 0], trace.driven[:, 4], trace.driven[:, 5].astype(int)
    for bit, colour in ((4, "0.8"), (2, "tab:orange"), (1, "tab:red")):
        axes.fill_between(time, 0.0, 1.3, where=(held & bit) > 0, color=colour, alpha=0.4, lw=0.0)
    axes.plot(time, speed, color="tab:blue", lw=0.6)
    for contact in trace.contacts:
        axes.axvline(contact[0], color="k" if contact[3] else "0.4", lw=0.8, ls="-" if contact[3] else ":")
    axes.set_ylim(-0.2, 1.35)
    axes.tick_params(labelsize=4, length=1, pad=1)


def sheet(traces: Sequence[Trace], file: Path, title: str = "", dpi: int = 110) -> Path:
    """Many runs on one picture, each with its strip."""
    import matplotlib.pyplot as plt

    figure, axes, columns = blank_sheet(len(traces), COLUMNS, (2.6, 2.7), (3.2, 1.0))
    for k, trace in enumerate(traces):
        upper, lower = axes[2 * (k // columns), k % columns], axes[2 * (k // columns) + 1, k % columns]
        upper.axis("on")
        lower.axis("on")
        draw(upper, trace, worst_moment(trace))
        strip(lower, trace)
    if title:
        figure.suptitle(title, fontsize=8)
    figure.tight_layout(pad=0.4, rect=(0.0, 0.0, 1.0, 0.96 if title else 1.0))
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=dpi)
    plt.close(figure)
    return file
