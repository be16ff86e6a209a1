"""Record what perception saw, believed and needed, and what was true, in one run of the simulator."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray

from physical_ai_bench.runner import Runner
from physical_ai_bench.tracking.crowd import MadeCrowd
from physical_ai_core import messages as m
from physical_ai_core.core import Health, Outputs
from physical_ai_core.geometry import Array, compose, invert, rotation, transform_points, wrap
from physical_ai_core.layouts import Rows
from physical_ai_core.share import share_path
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.objects.clusters import Clusters
from physical_ai_perception.objects.sweep import Sweep
from physical_ai_perception.parameters import PerceptionParameters
from physical_ai_perception.surroundings import Surroundings

SETTLE_S: Final = 1.0  # after the first scan, before anything is counted
ON_BODY_M: Final = 0.33  # a return so near to a person's true centre is that person's (radius 0.25 m and noise)
WITH_GRID, WITHOUT_GRID = "whole scan with the grid", "whole scan without"
LOOK_AHEAD_M: Final = 0.8
TURN_GAIN: Final = 2.0


@dataclass(frozen=True)
class Scene:
    """`people`: a recording's name or `made`; `path` (N, 2) in `map` is driven round and round, empty to stand."""

    name: str
    people: str
    start: tuple[float, float, float]
    path: tuple[tuple[float, float], ...] = ()
    speed_mps: float = 1.0
    count: int = 20


@dataclass(frozen=True)
class Frame:
    """One scan. Truth is written in perception's `odom` by the robot's true and estimated pose at the stamp.

    `truth` (P, 4): x, y, vx, vy; `rays` (P,): returns on each person; `distance` (P,) m from the sensor.
    """

    stamp_s: float
    sweep: Sweep
    clusters: Clusters
    rows: Rows
    ids: NDArray[np.int64]
    truth: Array
    rays: NDArray[np.intp]
    distance: Array
    map_from_odom: Array


@dataclass
class Run:
    """All frames of a scene and the CPU time (s) of every step of every scan."""

    scene: Scene
    frames: list[Frame] = field(default_factory=list)
    cost_s: dict[str, list[float]] = field(default_factory=dict)


class Timed(Surroundings):
    """Keeps what it saw and the thread's CPU time of each step."""

    def __init__(self, parameters: PerceptionParameters, cost_s: dict[str, list[float]]) -> None:
        super().__init__(parameters)
        self._cost_s = cost_s
        self.seen: tuple[Sweep, Clusters] | None = None

    def clean(self, seen: Sweep) -> Sweep:
        begun = time.thread_time()
        cleaned = super().clean(seen)
        self._book("speckle", begun)
        return cleaned

    def find(self, seen: Sweep, solid: NDArray[np.bool_]) -> Clusters:
        begun = time.thread_time()
        found = super().find(seen, solid)
        self._book("clusters", begun)
        self.seen = (seen, found)
        return found

    def track(self, seen: Sweep, found: Clusters, solid: NDArray[np.bool_]) -> NDArray[np.intp]:
        begun = time.thread_time()
        owner = super().track(seen, found, solid)
        self._book("tracker", begun)
        return owner

    def map(self, seen: Sweep, found: Clusters, owner: NDArray[np.intp]) -> m.OccupancyGrid:
        begun = time.thread_time()
        grid = super().map(seen, found, owner)
        self._book("occupancy", begun)
        return grid

    def _book(self, name: str, begun: float) -> None:
        self._cost_s.setdefault(name, []).append(time.thread_time() - begun)


class TimedCore:
    """Perception with the CPU time of every scan booked, by whether the grid was due with it."""

    def __init__(self, core: PerceptionCore, cost_s: dict[str, list[float]]) -> None:
        self._core, self._cost_s = core, cost_s

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        if topic != "scan":
            return self._core.handle(topic, data, stamp_s)
        begun = time.thread_time()
        outputs = self._core.handle(topic, data, stamp_s)
        with_grid = any(output.topic == "state/occupancy" for output in outputs)
        name = WITH_GRID if with_grid else WITHOUT_GRID
        self._cost_s.setdefault(name, []).append(time.thread_time() - begun)
        return outputs

    def tick(self, stamp_s: float) -> Outputs:
        return self._core.tick(stamp_s)

    def health(self) -> Health:
        return self._core.health()


def record(scene: Scene, seconds: float, seed: int = 0) -> Run:
    """Run the scene. Deterministic in all but its times. Raises InputError when the simulator is not installed."""
    from physical_ai_sim.core import SimulatorCore
    from physical_ai_sim.parameters import SimulatorParameters

    with TemporaryDirectory(prefix="physical_ai_tracking_") as folder:
        site = _site_with_start(Path(folder), scene.start)
        made = None
        if scene.people == "made":
            made = MadeCrowd(scene.count, np.array([14.0, 2.0]), np.array([29.0, 15.0]), seed)
        simulator = SimulatorCore(
            SimulatorParameters(
                site=site, seed=seed, people="none" if made else scene.people, people_start_s=0.0,
                people_at_once=scene.count, start="watch",
            ),
            made,
        )  # fmt: skip
    core = PerceptionCore(PerceptionParameters(start_pose="origin"))
    run = Run(scene)
    recorder = _Recorder(run, simulator, core)
    runner = Runner({"perception": TimedCore(core, run.cost_s)}, taps=[recorder.tap])
    recorder.runner = runner
    runner.now_s = simulator.stamp_s
    runner.drive(simulator, simulator.stamp_s + seconds)
    first_s = run.frames[0].stamp_s + SETTLE_S
    run.frames = [frame for frame in run.frames if frame.stamp_s >= first_s]
    return run


def _site_with_start(folder: Path, start: tuple[float, float, float]) -> str:
    """The yard with a place `watch` at which the robot starts."""
    content = yaml.safe_load((share_path("config/sites") / "yard.yaml").read_text(encoding="utf-8"))
    x, y, yaw = start
    content["places"]["watch"] = {"names": {}, "pose": {"x_m": x, "y_m": y, "yaw_rad": yaw}}
    path = folder / "yard.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


class _Recorder:
    """Taps the runner: truth in, the command of the driver out."""

    runner: Runner

    def __init__(self, run: Run, simulator: Any, core: PerceptionCore) -> None:
        self._run, self._simulator, self._core = run, simulator, core
        self._timed = Timed(PerceptionParameters(start_pose="origin"), run.cost_s)
        core.surroundings = self._timed
        self._objects: m.Objects | None = None
        self._next = 0

    def tap(self, topic: str, data: Any, now_s: float) -> None:
        if topic == "state/objects":
            self._objects = data
        elif topic == "ground_truth/people":
            self._people(data)
        elif topic == "ground_truth/odometry" and self._run.scene.path:
            self.runner.say("cmd_vel", self._steer(now_s))

    def _people(self, data: m.Objects) -> None:
        objects, seen = self._objects, self._timed.seen
        if objects is None or seen is None or abs(objects.stamp_s - data.stamp_s) > 1e-6:
            return
        own = self._core.localisation.odometry(data.stamp_s)
        if own is None:
            return
        odom_from_map = compose(own.planar_pose(), invert(self._simulator.true_pose))
        rows, turn = data.rows, rotation(float(odom_from_map[2]))
        place = transform_points(odom_from_map, np.column_stack([rows["x"], rows["y"]]).astype(float))
        velocity = np.column_stack([rows["vx"], rows["vy"]]).astype(float) @ turn.T
        sweep, clusters = seen
        away = np.hypot(*(sweep.points[:, None] - place[None]).transpose(2, 0, 1))  # (returns, people)
        on_body = (away < ON_BODY_M) & (away == away.min(axis=1, keepdims=True)) if len(place) else away < 0.0
        self._run.frames.append(
            Frame(
                data.stamp_s, sweep, clusters, objects.rows, rows["id"].astype(np.int64),
                np.column_stack([place, velocity]), on_body.sum(axis=0), np.hypot(*(place - sweep.origin).T),
                invert(odom_from_map),
            )
        )  # fmt: skip

    def _steer(self, now_s: float) -> m.Twist:
        """Pure pursuit of the path by the true pose: the driver is no part of what is measured."""
        pose, path = self._simulator.true_pose, np.array(self._run.scene.path)
        while np.hypot(*(path[self._next] - pose[:2])) < LOOK_AHEAD_M:
            self._next = (self._next + 1) % len(path)
        x, y = path[self._next] - pose[:2]
        turn = float(wrap(np.arctan2(y, x) - pose[2]))
        speed = self._run.scene.speed_mps * max(0.0, float(np.cos(turn)))
        return m.Twist(now_s, "base_link", speed, float(np.clip(TURN_GAIN * turn, -1.5, 1.5)))
