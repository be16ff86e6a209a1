"""SLAM on a CARMEN log, judged by relations between poses (Kümmerle et al. 2009, "On measuring the accuracy of SLAM").

For each relation δ* between two scans, `δ ⊖ δ*` of our trajectory at the same stamps: its translation and its rotation,
each averaged over all relations. Absolute poses are never compared, so a bend far away spoils nothing.
The relations are read after the run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_bench.carmen import CarmenLog, Relations, read_log, read_relations, scans
from physical_ai_bench.page import Page
from physical_ai_bench.trajectory import Trajectory
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array, path_length, quaternion_of_yaw
from physical_ai_perception.mapping import se2
from physical_ai_perception.mapping.mapper import Mapper
from physical_ai_perception.mapping.parameters import MappingParameters
from physical_ai_perception.mapping.scan import points_of

STAMP_SLACK_S: Final = 1e-3
PUBLISHED: Final = (
    ("published: scan matching", "0.220 ± 0.296"),
    ("published: RBPF, 50 particles", "0.070 ± 0.083"),
    ("published: graph SLAM", "0.031 ± 0.026"),
)


@dataclass(frozen=True)
class Run:
    """What one pass over a log gave: trajectories (N, 3) of the scans, and what it took.

    `final` is the graph's trajectory at the log's end, `live` the poses as they were said, each when its scan came.
    """

    final: Array
    live: Array
    wall_s: float
    cpu_s: float
    slowest_s: float
    keyframes: int
    closures: int
    unbelieved: int


@dataclass(frozen=True)
class Errors:
    """Of R relations: translation (R,) in metres and rotation (R,) in radians, both absolute."""

    translation_m: Array
    rotation_rad: Array


def run_slam(log: CarmenLog, parameters: MappingParameters | None = None) -> Run:
    """Feed every scan in the log's order."""
    parameters = parameters or MappingParameters()
    mapper = Mapper(parameters)
    live, keyframe, offset, unbelieved, slowest = [], [], [], 0, 0.0
    wall, cpu = time.perf_counter(), time.process_time()
    for stamp_s, odometry, ranges in scans(log):
        began = time.process_time()
        mapped = mapper.step(stamp_s, odometry, points_of(ranges, log.angles, parameters))
        slowest = max(slowest, time.process_time() - began)
        live.append(mapped.pose)
        keyframe.append(mapped.keyframe)
        offset.append(mapped.offset)
        unbelieved += not mapped.step.believed
    mapper.settle()
    final = se2.compose(mapper.poses(keyframe), np.array(offset))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Run(final, np.array(live), wall, cpu, slowest, len(mapper.keyframes), mapper.closures, unbelieved)


def judge(stamps_s: Array, poses: Array, relations: Relations) -> Errors:
    """Errors of a trajectory (N, 3) with stamps (N,). Raises InputError when a relation's stamp is not in the log."""
    first, second = (_scan_at(stamps_s, relations.stamps_s[:, end]) for end in (0, 1))
    off = se2.between(relations.motion, se2.between(poses[first], poses[second]))
    return Errors(np.hypot(off[:, 0], off[:, 1]), np.abs(off[:, 2]))


def _scan_at(stamps_s: Array, wanted_s: Array) -> NDArray[np.intp]:
    order = np.argsort(stamps_s, kind="stable")
    place = np.clip(np.searchsorted(stamps_s[order], wanted_s), 1, len(stamps_s) - 1)
    before, after = order[place - 1], order[place]
    nearest = np.where(np.abs(stamps_s[before] - wanted_s) < np.abs(stamps_s[after] - wanted_s), before, after)
    off = float(np.abs(stamps_s[nearest] - wanted_s).max())
    if off > STAMP_SLACK_S:
        raise InputError(
            f"A relation speaks of a stamp that is {off:.3f} s from every scan.", "Give log and relations of one set."
        )
    return np.asarray(nearest, dtype=np.intp)


def slam_page(log_path: Path, relations_path: Path, folder: Path, out: Path | None = None) -> Page:
    """Run the log, judge it, draw it. Raises InputError for files that cannot be used."""
    log, relations = read_log(log_path), read_relations(relations_path)
    run = run_slam(log)
    rows = [
        _row("raw odometry", judge(log.stamps_s, log.odometry, relations)),
        _row("on-line, each pose as it was said", judge(log.stamps_s, run.live, relations)),
        _row("**graph at the log's end**", judge(log.stamps_s, run.final, relations)),
        *((name, figure, "", "", "") for name, figure in PUBLISHED),
    ]
    about = (
        f"`physical-ai bench slam --log {log_path.name} --relations {relations_path.name}`: {len(log.stamps_s)} scans"
        f" of {len(log.angles)} rays, {path_length(log.odometry):.0f} m by odometry, {len(relations.motion)} relations,"
        f" {log.refused} lines refused. One pass in the log's order, one scan at a time, the one configuration of"
        f" `MappingParameters`; relations are read by the judge only. Took {run.wall_s:.0f} s ({run.cpu_s:.0f} s of one"
        f" core), {1e3 * run.cpu_s / len(log.stamps_s):.1f} ms a scan, the slowest {1e3 * run.slowest_s:.0f} ms;"
        f" {run.keyframes} keyframes, {run.closures} closures, {run.unbelieved} scans not believed."
    )
    header = ("trajectory", "translation, m: mean ± std", "max", "rotation, °: mean ± std", "max")
    notes = (
        "Published figures are of the Intel log, from Kümmerle et al., Autonomous Robots 27, 2009: same relations,"
        " other machines; on another log they say nothing. The graph's row uses every closure, also for poses said"
        " before it was found; the on-line row takes each pose as it stood then, jumps at closures included."
    )
    pictures = []
    for place in {folder, out} - {None}:
        assert place is not None
        place.mkdir(parents=True, exist_ok=True)
        pictures = [_draw(log, run, place / "slam.png").name]
    if out is not None:
        _tum(log, run.final).write_tum(out / "slam.tum")
        _tum(log, run.live).write_tum(out / "slam_online.tum")
    return Page("slam", "SLAM with a planar LiDAR", about, header, rows, notes, pictures)


def _row(name: str, errors: Errors) -> tuple[str, ...]:
    metres, degrees = errors.translation_m, np.degrees(errors.rotation_rad)
    return (
        name, f"{metres.mean():.4f} ± {metres.std():.4f}", f"{metres.max():.3f}",
        f"{degrees.mean():.2f} ± {degrees.std():.2f}", f"{degrees.max():.1f}",
    )  # fmt: skip


def _tum(log: CarmenLog, poses: Array) -> Trajectory:
    rows = [
        (float(stamp), float(pose[0]), float(pose[1]), 0.0, *(float(value) for value in quaternion_of_yaw(pose[2])))
        for stamp, pose in zip(log.stamps_s, poses, strict=True)
    ]
    return Trajectory(rows)


def _draw(log: CarmenLog, run: Run, path: Path) -> Path:
    """The returns laid out along the final trajectory, and the trajectory."""
    from matplotlib.figure import Figure

    parameters = MappingParameters()
    chosen = range(0, len(run.final), max(1, len(run.final) // 3000))
    points = np.vstack([se2.place(run.final[k], points_of(log.ranges[k], log.angles, parameters)) for k in chosen])
    figure = Figure(figsize=(10.0, 10.0), dpi=100)
    axes = figure.add_subplot()
    axes.plot(points[:, 0], points[:, 1], ",", color="0.25", alpha=0.4)
    axes.plot(log.odometry[:, 0], log.odometry[:, 1], color="tab:orange", linewidth=0.4, alpha=0.6, label="odometry")
    axes.plot(run.final[:, 0], run.final[:, 1], color="tab:red", linewidth=0.7, label="graph at the log's end")
    low, high = np.percentile(points, [0.5, 99.5], axis=0)
    axes.set(xlim=(low[0] - 3.0, high[0] + 3.0), ylim=(low[1] - 3.0, high[1] + 3.0), xlabel="x, m", ylabel="y, m")
    axes.set_aspect("equal")
    axes.legend(loc="upper right")
    figure.savefig(path)
    return path
