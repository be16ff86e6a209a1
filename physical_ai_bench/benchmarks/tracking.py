"""Benchmark `tracking`: twenty walking people in the simulator against ground truth, beside Stone Soup's tracker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from physical_ai_bench.page import FOLDER, Page
from physical_ai_bench.tracking import peer
from physical_ai_bench.tracking.record import Frame, Run, Scene, record
from physical_ai_bench.tracking.score import GATE_M, HIDDEN_S, RANGE_M, WALKED_M, Believed, Score, score
from physical_ai_core.geometry import transform_points
from physical_ai_core.layouts import OBJECT_CLASSES
from physical_ai_core.site import Site, load_site

SECONDS: Final = 40.0
STATIC: Final = OBJECT_CLASSES.index("static")
AROUND: Final = ((28.5, 3.0), (28.5, 14.5), (14.5, 14.5), (14.5, 3.0))
THROUGH: Final = ((25.0, 6.0), (25.0, 11.0), (18.0, 11.0), (18.0, 6.0))
SCENES: Final = (
    Scene("recorded, standing", "students", (13.2, 7.5, 0.0)),
    Scene("recorded, driving", "students", (13.0, 3.0, 0.0), AROUND),
    Scene("made, standing", "made", (21.5, 8.5, 0.0)),
    Scene("made, driving", "made", (18.0, 6.0, 0.0), THROUGH),
)
ABOUT: Final = (
    "`physical-ai bench tracking`: twenty walking people at once in site yard, the simulator's 270° LiDAR (720 rays,"
    " 20 Hz, sigma 0.01 m), {seconds:.0f} s a scene. *Recorded*: people of UCY Students 3, the robot beside them;"
    " *made*: people of a social force model who keep clear of the robot, which stands or drives in their midst."
    " *Driving*: at 1 m/s. Perception runs whole on IMU and wheels; the truth is brought into its `odom` by the true"
    " and its own estimated pose of the robot, so that drift of `odom` is no error of a person's place.\n\n"
    "**Who counts.** A person within {range:.0f} m of the sensor, in view (at least 3 rays end on the person) in this"
    " scan or in one of the last {hidden:.1f} s, who has walked {walked} m since coming into view. Who is hidden for"
    " longer counts neither for nor against, and begins anew. *One ray* is the same with a single ray for in view."
    " CLEAR MOT with a gate of {gate} m; every row of `state/objects` can match, and every one that matches nobody is"
    " false unless its class is static. Errors: medians over matched people in view. *Ids kept*: of the times that a"
    " matched person was out of view for 0.1 to 1 s, how often the same id was there within 0.5 s of coming back."
    " *Called mover*: rows on walkers in view (above 0.3 m/s) whose class is person or vehicle.\n\n"
    "**Stone Soup** gets the very same candidates (clusters, which this suite's own tracks helped to cut apart). It has"
    " no classes: its tracks within 0.3 m of a structure are never counted as false. Milliseconds are medians of the"
    " thread's CPU time."
)


def tracking_page(folder: Path = FOLDER, seconds: float = SECONDS, with_peer: bool = True) -> Page:
    """Run all scenes. Raises InputError when the simulator or Stone Soup is not installed."""
    site = load_site("yard")
    rows, costs = [], []
    for scene in SCENES:
        run = record(scene, seconds, seed=1)
        said = [believed(frame) for frame in run.frames]
        costs.append(run.cost_s)
        ours_ms = 1e3 * float(np.median(run.cost_s["tracker"]))
        ours = score(run.frames, said)
        strict = score(run.frames, said, least_rays=1)
        rows.append(_row(scene.name, "physical_ai", ours, strict, f"{called_mover(run.frames):.1%}", f"{ours_ms:.2f}"))
        if with_peer:
            theirs, cost_s = peer.track(run.frames, site)
            peer_ms = 1e3 * float(np.median(cost_s))
            cell = f"{peer_ms:.1f} ({peer_ms / ours_ms:.0f} ×)"
            strict = score(run.frames, theirs, least_rays=1)
            rows.append(_row(scene.name, "Stone Soup", score(run.frames, theirs), strict, "–", cell))
        if scene is SCENES[-1]:
            draw(run, site, folder / "tracking.png")
    header = (
        "scene", "tracker", "MOTA", "one ray", "misses", "false", "switches", "ids kept", "position m", "velocity m/s",
        "called mover", "tracker ms a scan",
    )  # fmt: skip
    about = ABOUT.format(seconds=seconds, range=RANGE_M, hidden=HIDDEN_S, walked=WALKED_M, gate=GATE_M)
    title = "Tracking of people"
    return Page("tracking", title, about, header, rows, timing(costs), ("tracking.png",))


def believed(frame: Frame) -> Believed:
    """Perception's rows of a scan; what it calls static is not called a person who is not there."""
    rows = frame.rows
    state = np.column_stack([rows[name] for name in ("x", "y", "vx", "vy")]).astype(float)
    return Believed(rows["id"].astype(np.int64), state, rows["class_id"] == STATIC)


def called_mover(frames: Sequence[Frame]) -> float:
    """Share of rows on walkers in view (faster than 0.3 m/s) that are called person or vehicle."""
    right = total = 0
    for frame in frames:
        walks = (np.hypot(frame.truth[:, 2], frame.truth[:, 3]) > 0.3) & (frame.rays >= 3) & (frame.distance <= RANGE_M)
        rows = frame.rows
        if not len(rows) or not walks.any():
            continue
        away = np.hypot(frame.truth[walks, 0, None] - rows["x"], frame.truth[walks, 1, None] - rows["y"])
        nearest = away.argmin(axis=1)
        matched = nearest[away.min(axis=1) <= GATE_M]
        total += len(matched)
        right += int((rows["class_id"][matched] > STATIC).sum())
    return right / max(1, total)


def timing(costs: Sequence[dict[str, list[float]]]) -> str:
    """The parts of a scan as a second table."""
    lines = [
        "CPU of perception's own parts, all scenes together (thread time; other work on the machine lengthens it):",
        "",
        "| part | median ms | p95 ms |",
        "|---|---|---|",
    ]
    for name in costs[0]:
        values = 1e3 * np.concatenate([cost[name] for cost in costs])
        lines.append(f"| {name} | {np.median(values):.2f} | {np.percentile(values, 95):.2f} |")
    return "\n".join(lines)


def draw(run: Run, site: Site, path: Path, seconds: float = 6.0) -> None:
    """Tracks over true people in the last seconds of a run, in `map`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    frames = [frame for frame in run.frames if frame.stamp_s > run.frames[-1].stamp_s - seconds]
    figure, axes = plt.subplots(figsize=(9.0, 7.5))
    for name in site.structures:
        axes.fill(*peer.structure_outline(site, name).exterior.xy, color="0.7")
    true: dict[int, list[tuple[float, float]]] = {}
    tracks: dict[int, list[tuple[float, float]]] = {}
    for frame in frames:
        for number, xy in zip(frame.ids, transform_points(frame.map_from_odom, frame.truth[:, :2]), strict=True):
            true.setdefault(int(number), []).append(tuple(xy))
        rows = frame.rows[frame.rows["class_id"] != STATIC]
        places = np.column_stack([rows["x"], rows["y"]]).astype(float)
        for number, xy in zip(rows["id"], transform_points(frame.map_from_odom, places), strict=True):
            tracks.setdefault(int(number), []).append(tuple(xy))
    for line in true.values():
        axes.plot(*np.array(line).T, color="0.35", linewidth=5.0, alpha=0.25, solid_capstyle="round")
    colours = plt.get_cmap("tab20")
    for number, line in tracks.items():
        axes.plot(*np.array(line).T, color=colours(number % 20), linewidth=1.3)
        axes.annotate(str(number), line[-1], fontsize=7)
    robot = np.array([transform_points(frame.map_from_odom, frame.sweep.origin[None])[0] for frame in frames])
    axes.plot(*robot.T, "k--", linewidth=1.5)
    axes.plot(*robot[-1], "k^", markersize=9)
    last = frames[-1]
    points = transform_points(last.map_from_odom, last.sweep.points)
    axes.plot(*points.T, ".", color="tab:red", markersize=2.0)
    middle = np.median(np.concatenate([np.array(line) for line in true.values()]), axis=0)
    axes.set_xlim(middle[0] - 11.0, middle[0] + 11.0)
    axes.set_ylim(middle[1] - 9.5, middle[1] + 9.5)
    axes.set_aspect("equal")
    axes.set_xlabel("x m (map)")
    axes.set_ylabel("y m (map)")
    axes.set_title(f"{run.scene.name}: tracks (thin, by id) over true people (thick grey), the last {seconds:.0f} s")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)


def _row(scene: str, tracker: str, result: Score, strict: Score, called: str, cost: str) -> tuple[str, ...]:
    return (
        scene, tracker, f"{result.mota:.3f}", f"{strict.mota:.3f}", f"{result.misses / max(1, result.counted):.1%}",
        f"{result.false / max(1, result.counted):.1%}", str(result.switches),
        f"{result.ids_kept:.0%} of {result.occlusions}", f"{np.median(result.position_m):.3f}",
        f"{np.median(result.velocity_mps):.3f}", called, cost,
    )  # fmt: skip
