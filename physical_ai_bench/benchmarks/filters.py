"""Benchmark `filter`: what a round of the filter costs, and whether it knows how wrong it is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from physical_ai_bench.benchmarks.consistency import SETTLE_S, Consistency, judge
from physical_ai_bench.benchmarks.filter_cost import measure
from physical_ai_bench.page import FOLDER, Page

RUNS: Final = 50
SECONDS: Final = 60.0
ABOUT: Final = """\
`physical-ai bench filter`.

**Cost**: thread CPU time of one process on one core, medians over 3,000 rounds, own and peer in turns of 50. Own: the
filter of `map` with 16 error states; nominal state, covariance, gate and the record for late measurements are in it.
Peer: the same error-state round on `filterpy`'s ExtendedKalmanFilter, nominal state and Jacobians in numpy, without
gate and record.

**Consistency**: {runs} seeded runs of {seconds:.0f} s through perception: IMU 100 Hz with biases and noise, wheels 50
Hz whose scale is wrong (2 % sigma) and which slip, GNSS 5 Hz (0.3 m), start pose wrong. NEES of x, y, yaw in `map`
and of the body's velocity, every 0.5 s after {settle:.0f} s. *Of looks*: inside the two-sided 95 % interval of one
run. *Of time*: the mean over all runs inside the 95 % interval of that mean (the stricter test).
""".rstrip()


def filter_page(folder: Path = FOLDER, runs: int = RUNS, seconds: float = SECONDS) -> Page:
    """Both tables in one. Raises DependencyError when filterpy is missing."""
    costs = measure()
    by_name = {cost.name: cost for cost in costs}
    peer = next(cost for name, cost in by_name.items() if name.startswith("filterpy"))
    rows: list[tuple[str, str, str, str]] = []
    for cost in costs:
        if cost is peer:
            continue
        both = "update" in cost.name
        rows.append((
            cost.name, f"{cost.median_us:.1f} µs (p99 {cost.p99_us:.0f})",
            f"{peer.median_us:.1f} µs; 50 µs allowed" if both else "",
            f"{peer.median_us / cost.median_us:.1f} x (at least 3)" if both else "",
        ))  # fmt: skip
    found = judge(range(runs), seconds)
    for item in found:
        error = float(np.sqrt(np.mean(item.error**2)))
        unit = "m" if item.name == "pose" else "m/s"
        rows.append((
            f"NEES of {item.name}, {item.freedom} components", f"{item.share_of_looks:.1%} of looks,"
            f" {item.share_of_time:.1%} of time", "90 % asked",
            f"mean {item.mean:.2f} (1 is right); RMS {error:.3f} {unit}",
        ))  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    picture = draw(found, folder / "filter.png")
    about = ABOUT.format(runs=runs, seconds=seconds, settle=SETTLE_S)
    return Page("filter", "The filter: cost and consistency", about, ("what", "perception", "beside", "ratio"), rows,
                pictures=[picture.name])  # fmt: skip


def draw(found: list[Consistency], path: Path) -> Path:
    """Mean NEES over the runs, with the interval in which a consistent filter's lies."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from scipy.stats import chi2

    from physical_ai_bench.benchmarks.consistency import LOOK_EVERY_S

    figure = Figure(figsize=(11.0, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, item in zip(np.atleast_1d(figure.subplots(1, len(found))), found, strict=True):
        runs, looks = item.nees.shape
        low, high = chi2.ppf([0.025, 0.975], item.freedom * runs) / runs
        times = SETTLE_S + LOOK_EVERY_S * np.arange(looks)
        axes.axhspan(low, high, color="#2a9d55", alpha=0.2, label="95 % of a consistent filter")
        axes.plot(times, item.nees.mean(axis=0), color="#1f77b4", linewidth=1.2, label=f"mean of {runs} runs")
        axes.set(title=f"NEES, {item.name}", xlabel="time s", ylim=(0.0, 2.5 * item.freedom))
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return path
