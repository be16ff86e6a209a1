"""Benchmark `fusion`: a real robot's recording against its own GPS, beside the answer of the peer's filter."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pymap3d
from numpy.typing import NDArray

from physical_ai_bench.page import FOLDER, Page
from physical_ai_bench.replay import ReplayConfig, load_replay_config
from physical_ai_core.errors import BagError
from physical_ai_core.parameters import load
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.parameters import PerceptionParameters
from physical_ai_telemetry.bag import Event, open_bag

Array = NDArray[np.float64]
BAG: Final = Path("test/data/husky/test1.bag")
HELD_OUT: Final = 5  # one fix in so many is not shown to the filter
FIRST_HELD: Final = 2
LATE_S: Final = 0.4
ALLOWED_S, ALLOWED_STEP_M, ALLOWED_RATIO = 4.0, 0.2, 2.0
ABOUT: Final = """\
`physical-ai bench fusion`: test1.bag of robot_localization (a Husky outdoors, {seconds:.0f} s: {counts}), replayed
through perception alone with its 100 Hz tick. *Peer*: the final position that robot_localization's own test expects
from the same inputs (IMU and wheels), and its tolerance: parity, not truth.

**Held-out fixes.** One GPS fix in {held} is kept from the filter and compared with where it says the antenna is at
that stamp. The run without GPS knows nothing of `map`, so *both* runs are laid on the held-out fixes by one rigid
turn and shift over the whole log, the kindest way for the run without; the run with GPS also as it is. The fixes err
by about 0.8 m themselves, by their own covariance. *Late*: every fix handed over {late} s after its stamp.

Time: CPU time of the thread for all messages and ticks, without reading the bag.
""".rstrip()


@dataclass
class Track:
    """What one run said: path (N, 3) in `odom` by tick, antenna (K, 2) and fix (K, 2) at held-out stamps."""

    path: list[Array] = field(default_factory=list)
    said: list[Array] = field(default_factory=list)
    seen: list[Array] = field(default_factory=list)
    stamps_s: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    health: dict[str, str] = field(default_factory=dict)

    @property
    def largest_step_m(self) -> float:
        return float(np.linalg.norm(np.diff(np.array(self.path), axis=0), axis=1).max())


def fusion_page(bag: Path = BAG, folder: Path = FOLDER, tick_hz: float = 100.0) -> Page:
    """All runs over the bag. Raises BagError."""
    config = load_replay_config("husky_test1")
    events = read(bag, config)
    parity = run(events, config, tick_hz, gps=False)
    fused = run(events, config, tick_hz, gps=True)
    late = run(events, config, tick_hz, gps=True, late_s=LATE_S)
    with_gps, without = rmse_m(fused, aligned=True), rmse_m(parity, aligned=True)
    seconds = events[-1].stamp_s - events[0].stamp_s
    reference = config.reference
    if reference is None or reference.tolerance_m is None:
        raise BagError("The replay configuration has no reference.", "Give it one with its tolerance.")
    away = float(np.linalg.norm(parity.path[-1] - np.array(reference.position_m)))
    ratio = without / with_gps
    rows = [
        ("final position, from the peer's", f"{away:.2f} m", f"{reference.tolerance_m:.2f} m allowed",
         f"{reference.tolerance_m / away:.1f} x"),
        ("held-out fixes, with GPS, aligned: RMSE", f"{with_gps:.2f} m", f"without GPS {without:.2f} m",
         f"{ratio:.1f} x (at least {ALLOWED_RATIO:g})"),
        ("held-out fixes, with GPS, as said: RMSE", f"{rmse_m(fused):.2f} m", "", ""),
        (f"the same, every fix {LATE_S} s late", f"{rmse_m(late):.2f} m", "", ""),
        ("largest step of `odom` between outputs", f"{max(fused.largest_step_m, parity.largest_step_m):.3f} m",
         f"{ALLOWED_STEP_M} m allowed", ""),
        ("the same, every fix late", f"{late.largest_step_m:.3f} m", f"{ALLOWED_STEP_M} m allowed", ""),
        (f"CPU for {seconds:.0f} s of log, IMU + wheels", f"{parity.cpu_s:.1f} s", f"{ALLOWED_S:g} s allowed",
         f"{seconds / parity.cpu_s:.0f} x real time"),
        ("the same with GPS (a second filter)", f"{fused.cpu_s:.1f} s", f"{ALLOWED_S:g} s allowed",
         f"{seconds / fused.cpu_s:.0f} x real time"),
        ("the same with every fix late", f"{late.cpu_s:.1f} s", "", f"{seconds / late.cpu_s:.0f} x real time"),
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    picture = draw(fused, parity, folder / "fusion.png")
    counts = ", ".join(f"{sum(e.topic == topic for e in events)} {topic}" for topic in sorted(config.topics.values()))
    scale = fused.health.get("wheel/odometry scale in map", "?")
    notes = (
        f"The scale of the wheels as learnt from GPS by the end: {scale}. Rejected in map: "
        f"{fused.health.get('rejected in map', '?')}. Taken late: {late.health.get('taken late in map', 'none')}."
    )
    about = ABOUT.format(seconds=seconds, counts=counts, held=HELD_OUT, late=LATE_S)
    header = ("what", "perception", "beside", "ratio")
    return Page("fusion", "Own state on a real recording", about, header, rows, notes, [picture.name])


def read(bag: Path, config: ReplayConfig) -> list[Event]:
    """Every mapped message in the order of stamps. Raises BagError."""
    with open_bag(bag, config.topics) as recording:
        return sorted(recording.events(set(config.topics.values())), key=lambda event: (event.stamp_s, event.topic))


def run(events: Sequence[Event], config: ReplayConfig, tick_hz: float, gps: bool, late_s: float = 0.0) -> Track:
    """One run; held-out fixes are only looked at."""
    core = PerceptionCore(load(PerceptionParameters, config.parameters["perception"]))
    fixes = [event.data for event in events if event.topic == "gps/fix"]
    datum, held = fixes[0], {fix.stamp_s for fix in fixes[FIRST_HELD::HELD_OUT]}
    track, next_s, late = Track(), events[0].stamp_s, list[Any]()
    for event in events:
        begun = time.thread_time()
        while next_s <= event.stamp_s:
            for output in core.tick(next_s):
                if output.topic == "state/odometry":
                    track.path.append(output.data.position_m)
            while late and late[0].stamp_s + late_s <= next_s:
                fix = late.pop(0)
                core.handle("gps/fix", fix, fix.stamp_s)
            next_s += 1.0 / tick_hz
        if event.topic != "gps/fix":
            core.handle(event.topic, event.data, event.stamp_s)
        elif event.stamp_s not in held and gps:
            if late_s > 0.0:
                late.append(event.data)
            else:
                core.handle(event.topic, event.data, event.stamp_s)
        track.cpu_s += time.thread_time() - begun
        if event.stamp_s in held and event.topic == "gps/fix":
            _look(core, event.data, datum, track, gps)
    track.health = core.health().values
    return track


def _look(core: PerceptionCore, fix: Any, datum: Any, track: Track, gps: bool) -> None:
    """Where the antenna is said to be, and where the fix has it (its mount is at the base on this robot)."""
    where = core.localisation
    if where.local is None or (gps and where.global_ is None):
        return
    state = (where.local if where.global_ is None else where.global_).state
    ahead_s = fix.stamp_s - state.stamp_s
    said = state.position[:2] + state.velocity[:2] * ahead_s
    track.said.append(said)
    origin = (datum.latitude_deg, datum.longitude_deg, datum.altitude_m)
    enu = pymap3d.geodetic2enu(fix.latitude_deg, fix.longitude_deg, fix.altitude_m, *origin)
    track.seen.append(np.array([float(enu[0]), float(enu[1])]))
    track.stamps_s.append(fix.stamp_s)


def rmse_m(track: Track, aligned: bool = False) -> float:
    """Root of the mean squared distance to the held-out fixes."""
    said, seen = np.array(track.said), np.array(track.seen)
    said = laid_on(said, seen) if aligned else said
    return float(np.sqrt(np.mean(np.sum((said - seen) ** 2, axis=1))))


def laid_on(points: Array, onto: Array) -> Array:
    """Points (K, 2) turned and shifted so that they fit best (Umeyama 1991, without scale)."""
    a, b = points - points.mean(axis=0), onto - onto.mean(axis=0)
    angle = np.arctan2(np.sum(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]), np.sum(a * b))
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(a @ np.array([[c, s], [-s, c]]) + onto.mean(axis=0))


def draw(fused: Track, alone: Track, path: Path) -> Path:
    """Tracks from above, and the distance to the held-out fixes over time."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    above, over_time = figure.subplots(1, 2)
    seen = np.array(fused.seen)
    above.plot(*seen.T, ".", color="#555555", markersize=5, label="held-out GPS fixes")
    for track, name, colour in ((fused, "with GPS", "#1f77b4"), (alone, "IMU and wheels only, aligned", "#d95f02")):
        said, fixes = np.array(track.said), np.array(track.seen)
        said = said if track is fused else laid_on(said, fixes)
        above.plot(*said.T, "-", color=colour, linewidth=1.4, label=name)
        away = np.linalg.norm(said - fixes, axis=1)
        over_time.plot(np.array(track.stamps_s) - alone.stamps_s[0], away, color=colour, linewidth=1.2, label=name)
    above.set(xlabel="east m", ylabel="north m", aspect="equal", title="from above")
    over_time.set(xlabel="time s", ylabel="distance to the held-out fix m", yscale="log", title="distance")
    for axes in (above, over_time):
        axes.grid(alpha=0.3)
    figure.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return path
