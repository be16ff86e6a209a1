"""Pictures of runs: the world, the path driven, and what the robot saw and wanted at the end. A sheet of many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from physical_ai_bench.barn.trace import Trace
from physical_ai_bench.barn.worlds import CYLINDER_RADIUS_M, GOAL, GOAL_RADIUS_M, START
from physical_ai_bench.traces import blank_sheet, outline

VIEW: Final = ((-4.7, 0.2), (2.2, 13.4))  # x, y of map
BODY_EVERY_S: Final = 1.0
HALF_M: Final = (0.255, 0.215)  # of the robot jackal
COLUMNS: Final = 6


def draw(axes: Any, trace: Trace) -> None:
    """One run into matplotlib axes."""
    from matplotlib.collections import EllipseCollection

    size = np.full(len(trace.cylinders), 2.0 * CYLINDER_RADIUS_M)
    axes.add_collection(
        EllipseCollection(size, size, 0.0, units="xy", offsets=trace.cylinders, transOffset=axes.transData,
                          facecolors="0.55", linewidths=0.0)
    )  # fmt: skip
    whole = np.vstack([START[:2], trace.path, GOAL])
    axes.plot(whole[:, 0], whole[:, 1], color="tab:green", lw=0.6, ls=":")
    axes.add_patch(_circle(GOAL, GOAL_RADIUS_M, color="tab:green"))
    axes.scatter(trace.scan[:, 0], trace.scan[:, 1], s=0.6, color="tab:red", lw=0.0)
    axes.plot(trace.route[:, 0], trace.route[:, 1], color="tab:purple", lw=0.8, ls="--")
    axes.plot(trace.ahead[:, 0], trace.ahead[:, 1], color="tab:orange", lw=1.2)
    axes.scatter(
        trace.driven[:, 1], trace.driven[:, 2], c=trace.driven[:, 4], s=1.5, cmap="viridis", vmin=0.0, vmax=2.0
    )
    bodies = trace.driven[:: max(1, round(BODY_EVERY_S / 0.1))]
    for pose in [*bodies, trace.driven[-1]]:
        body = outline(pose[1:4], HALF_M)
        axes.plot(body[:, 0], body[:, 1], color="tab:blue", lw=0.3)
    axes.plot(*outline(trace.driven[-1, 1:4], HALF_M).T, color="tab:blue", lw=1.0)
    axes.set_xlim(*VIEW[0])
    axes.set_ylim(*VIEW[1])
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(trace.title, fontsize=6)


def _circle(centre: tuple[float, float], radius_m: float, color: str) -> Any:
    from matplotlib.patches import Circle

    return Circle(centre, radius_m, fill=False, color=color, lw=0.6)


def sheet(traces: Sequence[Trace], file: Path, title: str = "", dpi: int = 110) -> Path:
    """Many runs on one picture."""
    import matplotlib.pyplot as plt

    figure, axes, _ = blank_sheet(len(traces), COLUMNS, (1.45, 3.4))
    for spot, trace in zip(axes.flat, traces, strict=False):
        spot.axis("on")
        draw(spot, trace)
    if title:
        figure.suptitle(title, fontsize=8)
    figure.tight_layout(pad=0.3)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=dpi)
    plt.close(figure)
    return file
