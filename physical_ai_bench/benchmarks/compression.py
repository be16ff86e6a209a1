"""Benchmark `compression`: the model of people in fewer and fewer bytes, and what each way costs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import zstandard
from numpy.typing import NDArray

from physical_ai_bench.benchmarks.compression_field import coverage_table
from physical_ai_bench.benchmarks.compression_tables import codes_table, families_table, small
from physical_ai_bench.page import FOLDER, Page
from physical_ai_core.compact.file import Codec, decode, encode
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array
from physical_ai_learning.compression.deepshape import reshaped
from physical_ai_learning.compression.pack import exact_codecs
from physical_ai_learning.compression.quantise import floats, int8_rows, rf8_coded, uniform, with_outliers
from physical_ai_learning.compression.sensitivity import people_sensitivity, steps_by_sensitivity
from physical_ai_learning.world_model.batches import Group, assemble, group_of, part_of
from physical_ai_learning.world_model.network import PeopleModel as Module
from physical_ai_learning.world_model.people_run import SHIP, shipped_recordings
from physical_ai_learning.world_model.recordings import FOLDS, Recording, read_folder
from physical_ai_learning.world_model.train_people import run_model
from physical_ai_learning.world_model.windows import protocol_windows
from physical_ai_world_model.ssm.weights import PeopleWeights, default_folder, load, said_of

FULL: Final = Path(__file__).parents[2] / "physical_ai_learning/world_model/data/folds"
SHORT: Final = 120  # windows of a recording, evenly drawn, where not all are judged
HELD: Final = 0.1  # the last part of each recording, which no weights were trained on: what sensitivity is read from
POST_STEP: Final = 0.4
LEVEL: Final = 19  # of zstd
RAPL: Final = Path("/sys/class/powercap/intel-rapl:0")
Tensors = Mapping[str, NDArray[np.float32]]
Report = Callable[[float, float], None]


@dataclass(frozen=True)
class Scene:
    """A scene held out: its groups, the full-precision weights that never saw it, and what errors of theirs cost."""

    name: str
    groups: Sequence[Group]
    weights: PeopleWeights
    sensitivity: Mapping[str, Array]

    @property
    def about(self) -> dict[str, Any]:
        return said_of(self.weights.shape, self.weights.calibration)


@dataclass(frozen=True)
class Judged:
    """One way on one scene."""

    size: int
    zeros: float
    paths: Array  # (n, 12, 2), best guess
    errors: Array  # (n, 4): ADE, FDE, of the best of all ways too
    load_ms: float


@dataclass(frozen=True)
class Way:
    """A row: how a scene's model is made small. → tensors, codecs, and whether zstd goes over the file."""

    name: str
    made: Callable[[Scene], tuple[Tensors, Mapping[str, Codec]]]
    zstd: bool = False


def trained(kind: str) -> Callable[[Scene], tuple[Tensors, Mapping[str, Codec]]]:
    """Weights that were trained on their grid, from the repository."""

    def made(scene: Scene) -> tuple[Tensors, Mapping[str, Codec]]:
        tensors = small(kind, scene.name)
        return tensors, exact_codecs(tensors)

    return made


def plain(codecs: Callable[[Tensors], Mapping[str, Codec]]) -> Callable[[Scene], tuple[Tensors, Mapping[str, Codec]]]:
    """The full-precision weights stored that way."""
    return lambda scene: (scene.weights.tensors, codecs(scene.weights.tensors))


def stepped(
    share: float, protect: bool = True, outliers: float = 0.0, sharper: float = 1.0
) -> Callable[[Scene], tuple[Tensors, Mapping[str, Codec]]]:
    """The full-precision weights on a grid, nothing trained."""

    def made(scene: Scene) -> tuple[Tensors, Mapping[str, Codec]]:
        tensors = dict(scene.weights.tensors)
        if sharper < 1.0:
            tensors = {n: reshaped(v, sharper) if v.ndim >= 2 and v.size > 1024 else v for n, v in tensors.items()}
        codecs = uniform(steps_by_sensitivity(scene.weights.tensors, scene.sensitivity, share, protect))
        return tensors, with_outliers(tensors, codecs, outliers) if outliers else codecs

    return made


def backslash_rf8(scene: Scene) -> tuple[Tensors, Mapping[str, Codec]]:
    """The weights that BackSlash trained, as RF8."""
    tensors = small("backslash", scene.name)
    return tensors, rf8_coded(tensors)


WAYS: Final = (
    Way("fp32", plain(lambda t: floats(t, "fp32"))),
    Way("fp16", plain(lambda t: floats(t, "fp16"))),
    Way("bf16", plain(lambda t: floats(t, "bf16"))),
    Way("int8, a step a row", plain(int8_rows)),
    Way("the same + zstd", plain(int8_rows), zstd=True),
    Way("RF8", plain(lambda t: floats(t, "rf8"))),
    Way("RF8, codes coded", plain(rf8_coded)),
    Way("uniform, steps by sensitivity, not trained", stepped(POST_STEP)),
    Way("BackSlash + RF8, codes coded", backslash_rf8),
    Way("**trained on its grid** (`people_small`)", trained("grid")),
    Way("**BackSlash, trained on its grid**", trained("backslash")),
)
ABLATED: Final = (
    *(Way(f"step {s} σ, {'by sensitivity' if p else 'the same for all'}", stepped(s, p))
      for s in (0.2, 0.4, 0.6) for p in (True, False)),
    Way("step 0.6 σ for all, weights beyond 4 σ in fp16", stepped(0.6, False, outliers=4.0)),
    Way("step 0.4 σ by sensitivity, DeepShape 0.9", stepped(0.4, sharper=0.9)),
    Way("step 0.4 σ by sensitivity, DeepShape 0.8", stepped(0.4, sharper=0.8)),
)  # fmt: skip


def compression_page(data: Path | None, long: bool = False, report: Report = lambda done, total: None) -> Page:
    """Every way on every scene held out. Without `data` the extracts that ship, by the weights that ship."""
    scenes = list(_scenes(data, long))
    ways = [*WAYS, *ABLATED]
    found: dict[str, list[Judged]] = {}
    for number, way in enumerate(ways):
        found[way.name] = [judge(way, scene) for scene in scenes]
        report(number + 1, len(ways))
    full = found["fp32"]
    rows = [row(way.name, found[way.name], full) for way in WAYS]
    notes = "\n".join(
        [
            _words(scenes, long), "",
            "### What protecting, single weights and DeepShape are worth (nothing trained)", "",
            f"| {' | '.join(HEADER)} |", f"|{'---|' * len(HEADER)}",
            *(f"| {' | '.join(row(way.name, found[way.name], full))} |" for way in ABLATED),
            "", *(coverage_table({s.name: s.groups for s in scenes}) if data is not None else ()),
            "", *codes_table([(scene.name, scene.about) for scene in scenes]),
            "", *families_table(scenes[0].name, scenes[0].weights.tensors),
        ]
    )  # fmt: skip
    return Page("compression", "Models in few bytes", ABOUT, HEADER, rows, notes)


HEADER: Final = (
    "stored as", "on disk, kB", "smaller", "bits a weight", "zeros", "ADE/FDE, m", "loss", "best of ways", "loss ",
    "moved: mean, mm", "p99.9", "greatest", "loaded in, ms",
)  # fmt: skip
ABOUT: Final = (
    "`physical-ai bench compression --data DIR`: the model of people (125,972 weights) stored in different ways, each"
    " of the five leave-one-scene-out models judged on the scene that it never saw; all columns are means over the"
    " scenes. *Smaller*: than fp32 on disk, all the file counted. *Loss*: of ADE and of FDE against fp32. *Moved*: how"
    " far the best guess lies from that of fp32, over every person and step. *Loaded in*: reading, checking the hash"
    " and decoding, median of 5; forecasts are computed in fp32 from any of them, so resident memory (504 kB of"
    " weights) and the time of a forecast are the same for all. Trained rows: see"
    " [compression](../compression.md)."
)


def _words(scenes: Sequence[Scene], long: bool) -> str:
    people = sum(int(torch.isfinite(g.ahead_m[:, -1, 0]).sum()) for scene in scenes for g in scene.groups)
    which = "all windows" if long else f"at most {SHORT} windows of a recording, evenly drawn (`--long`: all)"
    energy = "" if RAPL.exists() else " Energy cannot be read on this machine: it has no RAPL."
    return f"Scenes: {', '.join(scene.name for scene in scenes)}; {which}, {people:,} people.{energy}"


def _scenes(data: Path | None, long: bool) -> Iterator[Scene]:
    recordings = shipped_recordings() if data is None else read_folder(data)
    whole = all(name in recordings for names in FOLDS.values() for name in names)
    if data is not None and not whole:
        raise InputError(f"{data} lacks recordings of the five scenes.", f"Name a folder with {sorted(FOLDS)}.")
    for scene, names in FOLDS.items() if whole else {SHIP: tuple(recordings)}.items():
        weights = load(FULL / f"{scene}.safetensors" if whole else default_folder())
        learnt = [r for name, r in recordings.items() if name not in names or not whole]
        sensitivity = people_sensitivity(module_of(weights.tensors, weights), [_last(r) for r in learnt])
        groups = [_thinned(recordings[name], 0 if long else SHORT) for name in names]
        yield Scene(scene, groups, weights, sensitivity)


def _last(recording: Recording) -> Group:
    windows = protocol_windows(recording)
    count = int(windows.window[-1]) + 1
    return group_of(part_of(windows, np.arange(int(count * (1.0 - HELD)), count)))


def _thinned(recording: Recording, most: int) -> Group:
    windows = protocol_windows(recording)
    count = int(windows.window[-1]) + 1
    return group_of(windows if not most else part_of(windows, np.unique(np.linspace(0, count - 1, most).astype(int))))


def module_of(tensors: Tensors, weights: PeopleWeights) -> Module:
    """The torch module of these tensors."""
    module = Module(weights.shape)
    module.load_state_dict({name: torch.tensor(np.asarray(value)) for name, value in tensors.items()})
    module.eval()
    return module


def judge(way: Way, scene: Scene) -> Judged:
    """Make the file, load it, and let what was loaded speak."""
    tensors, codecs = way.made(scene)
    content = encode(tensors, codecs, scene.about)
    stored = zstandard.ZstdCompressor(level=LEVEL).compress(content) if way.zstd else content
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        plain_content = zstandard.ZstdDecompressor().decompress(stored) if way.zstd else stored
        loaded = decode(plain_content, scene.about["architecture"]).tensors
        times.append(1e3 * (time.perf_counter() - begun))
    matrices = np.concatenate([value.ravel() for value in loaded.values() if value.ndim >= 2])
    paths, errors = said(module_of(loaded, scene.weights), scene.groups)
    return Judged(len(stored), float(np.mean(matrices == 0.0)), paths, errors, float(np.median(times)))


@torch.no_grad()  # type: ignore[untyped-decorator]
def said(module: Module, groups: Sequence[Group]) -> tuple[Array, Array]:
    """Best guess (n, 12, 2) and errors (n, 4) of everybody to be predicted."""
    paths, errors = [], []
    for group in groups:
        for part in torch.arange(group.windows).split(64):
            batch = assemble(group, part)
            if not len(batch.target):
                continue
            ways = run_model(module, batch).mean
            away = (ways - batch.truth_m[:, None]).norm(dim=-1)
            paths.append(ways[:, 0].numpy())
            errors.append(torch.stack([
                away[:, 0].mean(-1), away[:, 0, -1], away[:, 1:].mean(-1).min(1)[0], away[:, 1:, -1].min(1)[0]
            ], 1).numpy())  # fmt: skip
    return np.concatenate(paths).astype(np.float64), np.concatenate(errors).astype(np.float64)


def row(name: str, found: Sequence[Judged], full: Sequence[Judged]) -> tuple[str, ...]:
    """Means over the scenes."""
    size, whole = (float(np.mean([j.size for j in side])) for side in (found, full))
    error, wanted = (np.mean([j.errors.mean(axis=0) for j in side], axis=0) for side in (found, full))
    moved = np.concatenate([
        np.linalg.norm(j.paths - f.paths, axis=-1).ravel() for j, f in zip(found, full, strict=True)
    ])  # fmt: skip
    loss = 100.0 * (error / wanted - 1.0)
    return (
        name, f"{size / 1e3:.1f}", f"{100.0 * (1.0 - size / whole):.1f} %", f"{8.0 * size / WEIGHTS:.2f}",
        f"{100.0 * np.mean([j.zeros for j in found]):.0f} %", f"{error[0]:.4f}/{error[1]:.4f}",
        f"{loss[0]:+.2f}/{loss[1]:+.2f} %", f"{error[2]:.4f}/{error[3]:.4f}", f"{loss[2]:+.2f}/{loss[3]:+.2f} %",
        f"{1e3 * moved.mean():.1f}", f"{1e3 * np.quantile(moved, 0.999):.0f}", f"{1e3 * moved.max():.0f}",
        f"{np.mean([j.load_ms for j in found]):.0f}",
    )  # fmt: skip


WEIGHTS: Final = 125_972


__all__ = ["FOLDER", "compression_page"]
