"""Benchmark `world_model`: what a tick of the world model costs, part by part, and what its node costs over DDS."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil

from physical_ai_bench.node_load.processes import cpu_s, module_process
from physical_ai_bench.page import FOLDER, Page
from physical_ai_core import graph, layouts
from physical_ai_core import messages as m
from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.geometry import Array, quaternion_of_yaw
from physical_ai_world_model import core as core_module
from physical_ai_world_model.core import WorldModelCore
from physical_ai_world_model.kalman.tracks import Tracks
from physical_ai_world_model.parameters import WorldModelParameters
from physical_ai_world_model.ssm.crowd import Crowd
from physical_ai_world_model.ssm.decoder import Decoder

COUNTS: Final = (1, 8, 32, 64, 128, 256)
PERIOD_S: Final = 0.05
ROUND_S: Final = 20.0  # in which everybody comes back to where they began
WARM: Final = 15  # ticks before
BLOCKS: Final = 10
BLOCK: Final = 10  # ticks in each
PARTS: Final[tuple[tuple[str, Any, str], ...]] = (
    ("observe (Kalman)", Tracks, "observe"),
    ("recurrence", Crowd, "observe"),
    ("attention", Decoder, "attend"),
    ("head", Decoder, "coefficients"),
    ("unfold + merge", Decoder, "fans"),
    ("rows", core_module, "rows_of"),
)
HEADER: Final = (
    "agents", "hybrid p50 / best block, ms", "a further agent, µs", "Kalman alone p50 / best block, ms",
    *(name for name, _, _ in PARTS), "rest",
)  # fmt: skip
ABOUT: Final = (
    "`physical-ai bench world_model`: people on circles at 0.3 to 1.5 m/s, seen 20 times a second. One tick is: take"
    " odometry and objects, predict everybody 4.8 s ahead in 25 steps as a mixture of at most 3 ways (of the 20 that"
    " the model knows), judge the past forecasts, make the rows; every other tick also the own path. CPU time, one"
    f" core, one thread. p50 over {BLOCKS * BLOCK} ticks; *best block*: the least p50 of {BLOCKS} blocks of {BLOCK},"
    " which others on the machine disturb least; hybrid and Kalman alone take turns, block by block. Parts: mean ms a"
    " tick of the hybrid, measured in ticks of their own; *rest*: own motion, who is near whom, trust, surprise,"
    " ways turned into the common frame."
)


@dataclass(frozen=True)
class Walkers:
    """People on circles of one period; deterministic."""

    centre_m: Array
    radius_m: Array
    begin_rad: Array

    @staticmethod
    def make(count: int) -> Walkers:
        rng = np.random.default_rng(count)
        side_m = np.sqrt(8.0 * count)
        speed_mps = rng.uniform(0.3, 1.5, count)
        return Walkers(
            rng.uniform(-0.5 * side_m, 0.5 * side_m, (count, 2)), speed_mps * ROUND_S / (2 * np.pi),
            rng.uniform(0.0, 2 * np.pi, count),
        )  # fmt: skip

    def at(self, stamp_s: float, time_s: float) -> m.Objects:
        """`state/objects` of the moment `time_s` of the round, with a tracker's noise."""
        rng = np.random.default_rng([round(time_s / PERIOD_S), 7])
        turn = self.begin_rad + 2 * np.pi * time_s / ROUND_S
        away = self.radius_m[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
        velocity = 2 * np.pi / ROUND_S * np.stack([-away[:, 1], away[:, 0]], axis=-1)
        rows = layouts.empty(layouts.OBJECT, len(turn))
        rows["id"] = np.arange(len(turn)) + 1
        rows["x"], rows["y"] = (self.centre_m + away + rng.normal(0.0, 0.03, away.shape)).T
        rows["vx"], rows["vy"] = (velocity + rng.normal(0.0, 0.05, away.shape)).T
        rows["radius"], rows["class_id"], rows["existence"] = 0.3, layouts.OBJECT_CLASSES.index("person"), 1.0
        layouts.set_covariances(rows, np.tile(np.diag([9e-4, 9e-4, 0.01, 0.01]), (len(rows), 1, 1)))
        return m.Objects(stamp_s, "odom", rows)


def odometry(stamp_s: float) -> m.Odometry:
    """A robot that stands."""
    zero = np.zeros(3)
    return m.Odometry(stamp_s, "odom", "base_link", zero, quaternion_of_yaw(0.0), zero, zero)


class Driven:
    """A core and the people it watches, tick by tick."""

    def __init__(self, count: int, people_model: str) -> None:
        self.core = WorldModelCore(WorldModelParameters(people_model=people_model, max_objects=max(COUNTS)))
        self._walkers, self._tick = Walkers.make(count), 0

    def block(self, ticks: int) -> list[float]:
        """CPU seconds of so many ticks."""
        spent = []
        for _ in range(ticks):
            time_s = self._tick * PERIOD_S
            stamp_s = 1.0 + time_s
            objects, state = self._walkers.at(stamp_s, time_s), odometry(stamp_s)
            begin_s = time.process_time()
            self.core.handle("state/odometry", state, stamp_s)
            self.core.handle("state/objects", objects, stamp_s)
            self.core.tick(stamp_s)
            spent.append(time.process_time() - begin_s)
            self._tick += 1
        return spent


@dataclass(frozen=True)
class Cost:
    """Of one number of agents, in ms: (p50, best block) of hybrid and Kalman alone, mean of each part and the rest."""

    count: int
    hybrid: tuple[float, float]
    kalman: tuple[float, float]
    parts: tuple[float, ...]


def cost(count: int) -> Cost:
    """Measure one number of agents."""
    hybrid, kalman = Driven(count, "package"), Driven(count, "")
    if not hybrid.core.people.speaks:
        raise PhysicalAIError("The learnt model is silent.", hybrid.core.people.silent_because)
    blocks: tuple[list[list[float]], list[list[float]]] = ([], [])
    for driven in (hybrid, kalman):
        driven.block(WARM)
    for _ in range(BLOCKS):
        for spent, driven in zip(blocks, (hybrid, kalman), strict=True):
            spent.append(driven.block(BLOCK))
    both = [(1e3 * float(np.median(b)), 1e3 * min(float(np.median(part)) for part in b)) for b in blocks]
    with _timed() as spent_s:
        whole = hybrid.block(2 * BLOCK)
    ticks = len(whole)
    parts = [1e3 * spent_s[name] / ticks for name, _, _ in PARTS]
    return Cost(count, both[0], both[1], (*parts, 1e3 * sum(whole) / ticks - sum(parts)))


@contextmanager
def _timed() -> Iterator[dict[str, float]]:
    """CPU seconds spent in each part while this is open."""
    spent = {name: 0.0 for name, _, _ in PARTS}
    kept = [(owner, attribute, getattr(owner, attribute)) for _, owner, attribute in PARTS]

    def timed(name: str, work: Any) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            begin_s = time.process_time()
            answer = work(*args, **named)
            spent[name] += time.process_time() - begin_s
            return answer

        return call

    for (name, owner, attribute), (_, _, work) in zip(PARTS, kept, strict=True):
        setattr(owner, attribute, timed(name, work))
    try:
        yield spent
    finally:
        for owner, attribute, work in kept:
            setattr(owner, attribute, work)


def world_model_page(
    environment: Mapping[str, str] | None, seconds: float = 10.0, repeats: int = 3, folder: Path = FOLDER
) -> Page:
    """Ticks, and the node over DDS where an environment for it is given. Raises PhysicalAIError."""
    costs = [cost(count) for count in COUNTS]
    rows = []
    for before, now in zip([None, *costs[:-1]], costs, strict=True):
        further = (
            "" if before is None else f"{1e3 * (now.hybrid[1] - before.hybrid[1]) / (now.count - before.count):.0f}"
        )
        rows.append((
            str(now.count), f"{now.hybrid[0]:.1f} / {now.hybrid[1]:.1f}", further,
            f"{now.kalman[0]:.1f} / {now.kalman[1]:.1f}", *(f"{part:.2f}" for part in now.parts),
        ))  # fmt: skip
    notes = "Wanted: 32 agents in less than 10 ms, and linear up to 256."
    if environment is not None:
        notes += " " + node_note(environment, seconds, repeats)
    folder.mkdir(parents=True, exist_ok=True)
    return Page("world_model", "A tick of the world model", ABOUT, HEADER, rows, notes, [draw(costs, folder).name])


def draw(costs: Sequence[Cost], folder: Path) -> Path:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    counts = [c.count for c in costs]
    left.plot(counts, [c.hybrid[1] for c in costs], marker="o", label="hybrid")
    left.plot(counts, [c.kalman[1] for c in costs], marker="o", label="Kalman alone")
    left.plot([32], [10.0], marker="x", color="k", ls="", label="wanted: 10 ms at 32")
    left.set(xlabel="agents", ylabel="ms a tick (best block)", title="Cost of a tick", xlim=(0, None), ylim=(0, None))
    left.legend()
    names, bottom = (*(name for name, _, _ in PARTS), "rest"), np.zeros(len(costs))
    for k, name in enumerate(names):
        share = np.array([100.0 * c.parts[k] / sum(c.parts) for c in costs])
        right.bar([str(c) for c in counts], share, bottom=bottom, label=name)
        bottom += share
    right.set(xlabel="agents", ylabel="% of the tick", title="Where it goes")
    right.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    path = folder / "world_model.png"
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


# --- the node, over DDS ---

NODE: Final = "world_model"
SAID: Final = "world_model/prediction"
LOAD: Final = "physical_ai_bench.node_load.node"
NODE_AGENTS: Final = 30
SETTLE_S: Final = 4.0
PATIENCE_S: Final = 120.0


def node_note(environment: Mapping[str, str], seconds: float, repeats: int) -> str:
    """CPU and rate of the node in a process of its own, fed by another."""
    from physical_ai_bench.node_load.node import Ear, write_wire

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_wire(recording(), folder / "wire")
        run_s = SETTLE_S + repeats * seconds + 2.0
        with (
            module_process(environment, folder, "physical_ai_world_model.node") as node,
            closing(Ear({SAID: graph.TOPIC[SAID]})) as ear,
        ):
            if not ear.bring_up(NODE, PATIENCE_S):
                raise PhysicalAIError(f"The node '{NODE}' did not come up.", "Look at its log.")
            arguments = ("feed", str(folder / "wire"), str(folder / "left.npy"), str(run_s))
            with module_process(environment, folder, LOAD, *arguments) as feeder:
                deadline_s = time.monotonic() + PATIENCE_S
                while not len(ear.stamps(SAID)) and time.monotonic() < deadline_s:
                    time.sleep(0.05)
                    ear.listen()
                time.sleep(SETTLE_S)
                cpu, rates = [], []
                for _ in range(repeats):
                    ear.listen()
                    begun_s, spent_s, heard = time.monotonic(), cpu_s(node.pid), len(ear.stamps(SAID))
                    time.sleep(seconds)
                    ear.listen()
                    wall_s = time.monotonic() - begun_s
                    cpu.append(100.0 * (cpu_s(node.pid) - spent_s) / wall_s)
                    rates.append((len(ear.stamps(SAID)) - heard) / wall_s)
                feeder.wait(60.0)
    return (
        f"The node in a process of its own, fed over DDS with {NODE_AGENTS} people 20 times a second and odometry 100"
        f" times: {np.median(cpu):.0f} % of a core (least of {repeats} windows of {seconds:.0f} s: {min(cpu):.0f} %),"
        f" predictions at {np.median(rates):.1f} Hz; wanted: at most 30 %. The machine had {os.getloadavg()[0]:.1f}"
        f" processes that wanted to run on its {psutil.cpu_count()} cores."
    )


def recording() -> list[Any]:
    """One round of objects at 20 Hz, odometry at 100 Hz, commands at 20 Hz, in the order of time."""
    from physical_ai_bench.node_load.recording import Event

    walkers, events = Walkers.make(NODE_AGENTS), []
    for k in range(round(ROUND_S * 100)):
        at_s = k / 100
        events.append(Event(at_s, "state/odometry", odometry(1.0 + at_s)))
        if k % 5 == 0:
            events.append(Event(at_s, "state/objects", walkers.at(1.0 + at_s, at_s)))
            events.append(Event(at_s, "cmd_vel", m.Twist(1.0 + at_s, "base_link", 0.0, 0.0)))
    return events
