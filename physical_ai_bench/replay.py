"""A real robot's bag through perception and world model, on the bag's own clock, the same to the bit every time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from physical_ai_bench.rooms import fitting, make_core
from physical_ai_bench.runner import Event, Runner, in_stamp_order
from physical_ai_bench.trajectory import Trajectory
from physical_ai_core import graph
from physical_ai_core.errors import BagError, InputError
from physical_ai_core.share import share_path
from physical_ai_telemetry.bag import open_bag, require

NODES = ("perception", "world_model")
Progress = Callable[[float, float], None]  # seconds of the bag done, and in all


class Reference(BaseModel):
    """Somebody else's answer for the same bag, for comparison."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    label: str
    position_m: tuple[float, float] | tuple[float, float, float]
    tolerance_m: float | None = Field(None, gt=0.0)


class ReplayConfig(BaseModel):
    """Which topic of the bag is which of the graph, on what robot, with which parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    topics: dict[str, str] = Field(default_factory=dict)  # bag topic -> graph topic; empty: named as in the graph
    robot: str | None = None
    site: str | None = None
    parameters: dict[str, dict[str, Any]] = Field(default_factory=dict)  # node -> parameter -> value
    reference: Reference | None = None


@dataclass(frozen=True)
class ReplayResult:
    """What came out. Poses are of `base_link` in the frame of `state/odometry`."""

    final_pose: tuple[float, float, float]  # x m, y m, yaw rad
    final_position_m: tuple[float, float, float]
    distance_m: float
    bag_s: float
    wall_s: float
    messages: dict[str, int]
    poses: int
    tum: Path
    plot: Path
    reference: Reference | None
    reference_distance_m: float | None
    surprise_p99: float | None

    @property
    def agrees(self) -> bool | None:
        """Whether the final position lies within the reference's tolerance; None without one."""
        if self.reference_distance_m is None or self.reference is None or self.reference.tolerance_m is None:
            return None
        return self.reference_distance_m <= self.reference.tolerance_m


def load_replay_config(name_or_path: str) -> ReplayConfig:
    """Read `config/replay/NAME.yaml` or a path. Raises InputError."""
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        path = share_path("config/replay") / f"{name_or_path}.yaml"
    try:
        config = ReplayConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        known = sorted(p.stem for p in share_path("config/replay").glob("*.yaml"))
        raise InputError(
            f"The replay configuration {path} cannot be used: {error}.", f"Give a YAML file or one of {known}."
        ) from error
    for topic in config.topics.values():
        if topic not in graph.TOPIC:
            raise InputError(
                f"The replay configuration {path} maps to '{topic}', which is no topic of the graph.",
                f"Topics that perception hears: {', '.join(t.name for t in graph.heard_by('perception'))}.",
            )
    return config


def replay(
    bag: str | Path,
    config: ReplayConfig,
    out: str | Path,
    progress: Progress | None = None,
    first_s: float | None = None,
) -> ReplayResult:
    """Run perception and world model over a bag, or its first seconds; writes NAME.tum and NAME.png under `out`.

    Raises BagError when the bag cannot be read or lacks a mapped topic, ParameterError for a bad parameter.
    """
    shared = {"robot": config.robot, "site": config.site or ""}
    cores = {}
    for node in NODES:
        values = {
            **fitting(node, {k: v for k, v in shared.items() if v is not None}),
            **config.parameters.get(node, {}),
        }
        cores[node] = make_core(node, values)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    trajectory = Trajectory()
    surprises: list[float] = []
    counts: dict[str, int] = {}
    begun = time.monotonic()
    with open_bag(bag, config.topics or None) as recording:
        heard = {topic.name for node in NODES for topic in graph.heard_by(node)}
        said = {topic.name for node in NODES for topic in graph.said_by(node)}
        inputs = (set(config.topics.values()) if config.topics else heard) - said
        require(recording, sorted(inputs) if config.topics else ["imu/data", "wheel/odometry"])
        start_s, length_s = recording.start_s, recording.duration_s
        step = {"next_s": -math.inf}

        def tap(topic: str, data: Any, now_s: float) -> None:
            counts[topic] = counts.get(topic, 0) + 1
            if topic == "state/odometry":
                trajectory.add(data)
            elif topic == "world_model/surprise":
                surprises.append(float(data.data))
            if progress is not None and now_s >= step["next_s"]:
                step["next_s"] = now_s + 1.0
                progress(max(0.0, now_s - start_s), length_s)

        events: Iterable[Event] = recording.events(inputs)
        if first_s is not None:
            end_s = start_s + first_s
            events = takewhile(lambda event: event.stamp_s < end_s, events)
        Runner(cores, taps=[tap]).run(in_stamp_order(events))
    if not trajectory.rows:
        raise BagError(
            f"Perception gave no state from the bag {bag} (messages by topic: {counts}).",
            "Check the topic map and the mounts in the replay configuration, and the parameters of perception.",
        )
    wall_s = time.monotonic() - begun
    rows = trajectory.array()
    name = Path(bag).stem
    x, y, z = (float(value) for value in rows[-1, 1:4])
    yaw = float(np.arctan2(2.0 * (rows[-1, 7] * rows[-1, 6] + rows[-1, 4] * rows[-1, 5]),
                           1.0 - 2.0 * (rows[-1, 5] ** 2 + rows[-1, 6] ** 2)))  # fmt: skip
    away = None
    if config.reference is not None:
        other = np.array(config.reference.position_m)
        away = float(np.linalg.norm(np.array([x, y, z])[: len(other)] - other))
    return ReplayResult(
        final_pose=(x, y, yaw),
        final_position_m=(x, y, z),
        distance_m=float(np.hypot(*np.diff(rows[:, 1:3], axis=0).T).sum()),
        bag_s=length_s,
        wall_s=wall_s,
        messages=counts,
        poses=len(rows),
        tum=trajectory.write_tum(out / f"{name}.tum"),
        plot=plot_trajectory(rows, out / f"{name}.png", config.reference),
        reference=config.reference,
        reference_distance_m=away,
        surprise_p99=float(np.percentile(surprises, 99)) if surprises else None,
    )


def plot_trajectory(rows: NDArray[np.float64], path: Path, reference: Reference | None) -> Path:
    """The path from above, coloured by time, with start, end and the reference's end."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 8.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    every = max(1, len(rows) // 5000)
    dots = axes.scatter(rows[::every, 1], rows[::every, 2], c=rows[::every, 0] - rows[0, 0], s=4, cmap="viridis")
    figure.colorbar(dots, ax=axes, label="time s", shrink=0.8)
    axes.plot(*rows[0, 1:3], "o", color="#2a9d55", markersize=9, label="start")
    axes.plot(*rows[-1, 1:3], "s", color="#c0392b", markersize=9, label="end")
    if reference is not None:
        axes.plot(*reference.position_m[:2], "x", color="black", markersize=10, label=f"end by {reference.label}")
    axes.set(xlabel="x m (odom)", ylabel="y m (odom)", aspect="equal", title=path.stem)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return path
