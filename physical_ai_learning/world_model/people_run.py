"""The training job of the people model: which recordings, which scene left out, weights and card at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from physical_ai_core.errors import InputError
from physical_ai_learning.training.checkpoint import digest
from physical_ai_learning.training.parallel import Crew
from physical_ai_learning.world_model.batches import group_of
from physical_ai_learning.world_model.likeness import fold_likeness
from physical_ai_learning.world_model.people_export import calibrated, export, export_compact, write_card
from physical_ai_learning.world_model.people_learner import train
from physical_ai_learning.world_model.recordings import FOLDS, STEP_S, Recording, Track, read_folder
from physical_ai_learning.world_model.train_people import Settings, material_of, scores
from physical_ai_learning.world_model.windows import protocol_windows
from physical_ai_world_model.ssm.shape import ARCHITECTURE, Shape

FILE: Final = "people.safetensors"
COMPACT: Final = "people.pai"
SHIP: Final = "all"
Report = Callable[[str, float, float], None]
SMOKE: Final = Settings(steps=40, rows=192, every=20, fine=False)
SMOKE_SHAPE: Final = Shape(width=16, inner=32, state=8, rank=2, layers=1, modes=6)
ABOUT: Final = (
    "Where people go in the next 4.8 s: a selective state space in continuous time (exact zero-order hold) over the"
    " track of each, attention over neighbours and the robot's plan, a mixture of Gaussian ways with calibrated spread."
)
DATA: Final = "{scenes}: ETH (Pellegrini et al. 2009) and UCY (Lerner et al. 2007), first nine tenths of each recording"
NOT_FOR: Final = "vehicles, animals, people on wheels; identifying anybody: positions are all it sees"


def shipped_recordings() -> dict[str, Recording]:
    """Extracts that come with the simulator, for a trial without any other data."""
    folder = Path(__file__).parents[2] / "physical_ai_sim" / "data" / "people"
    found = {}
    for path in sorted(folder.glob("*.npz")):
        rows = np.load(path)
        step = np.round(rows["stamp_s"] / STEP_S).astype(np.int64)
        tracks = []
        for person in np.unique(rows["person"]):
            own = np.flatnonzero(rows["person"] == person)
            order = own[np.argsort(step[own], kind="stable")]
            tracks.append(Track(int(person), step[order], rows["xy_m"][order].astype(float)))
        found[path.stem] = Recording(path.stem, STEP_S, tuple(tracks))
    if not found:
        raise InputError(f"{folder} holds no recordings.", "Reinstall the package, or name a folder with --data.")
    return found


def recordings_of(data: Path | None, folds: Sequence[str]) -> dict[str, Recording]:
    """The recordings of a folder, or those that ship. Raises InputError for a fold that they do not have."""
    recordings = shipped_recordings() if data is None else read_folder(data)
    for fold in folds:
        if fold != SHIP and not set(FOLDS.get(fold, ("?",))) <= set(recordings):
            raise InputError(
                f"There is no scene '{fold}' among {', '.join(sorted(recordings))}.",
                f"Name one of {', '.join(FOLDS)}, or '{SHIP}', and the folder of the benchmark's recordings.",
            )
    return recordings


def run(
    data: Path | None, folds: Sequence[str], settings: Settings, shape: Shape, out: Path, jobs: int, report: Report
) -> dict[str, dict[str, Any]]:
    """Train one model for each fold (a scene of the benchmark that is left out, or `all`); → metrics by fold.

    Raises InputError for a fold that the recordings do not have.
    """
    recordings = recordings_of(data, folds)
    if jobs <= 1:
        return {fold: run_fold(recordings, fold, settings, shape, out / fold, report) for fold in folds}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = {
            fold: pool.submit(run_fold, recordings, fold, settings, shape, out / fold, _silent) for fold in folds
        }
        found = {}
        for number, (fold, future) in enumerate(waiting.items()):
            found[fold] = future.result()
            report("folds", number + 1, len(folds))
        return found


def run_fold(
    recordings: dict[str, Recording], fold: str, settings: Settings, shape: Shape, out: Path, report: Report,
    crew: Crew | None = None,
) -> dict[str, Any]:  # fmt: skip
    """One model: checkpoints and metrics.jsonl in OUT while it runs, OUT/weights and OUT/metrics.json at the end.

    Raises InputError where OUT holds checkpoints of another training, DivergedError.
    """
    crew = crew or Crew(device=settings.device)
    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    left_out = FOLDS.get(fold, ())
    used = [recording for name, recording in recordings.items() if name not in left_out]
    settings = replace(settings, small=replace(settings.small, start=start_of(settings.small.start, fold)))
    report(f"{fold}: windows", 0, 1)
    material = material_of(used, replace(settings, device=crew.device))
    report(f"{fold}: windows", 1, 1)
    model, course = train(
        material, shape, settings, out, lambda step, now: report(f"{fold}: steps", step, settings.steps), crew,
        digest([part for r in used for t in r.tracks for part in (r.name, r.step_s, t.steps, t.xy_m)]),
    )  # fmt: skip
    judged = [group_of(protocol_windows(recordings[name])).to(crew.device) for name in left_out]
    metrics: dict[str, Any] = {
        "fold": fold, "steps": course[-1]["step"], "held_back": _rounded(course[-1]),
        "scene_left_out": _rounded(scores(model, judged)) if judged else None, "settings": asdict(settings),
    }  # fmt: skip
    if not crew.first:
        return metrics
    near = fold_likeness(recordings, fold, settings.held_back)
    metrics["near_duplicates"] = {name: found.data() for name, found in near.items()}
    held = [group.to("cpu") for group in material.held]
    calibration = calibrated(model.cpu(), held, lambda done, total: report(f"{fold}: calibration", done, total))
    path = out / "weights" / FILE
    sha256 = export(model, calibration, path)
    about = {
        "architecture": ARCHITECTURE, "licence": "Apache-2.0", "about": ABOUT,
        "data": DATA.format(scenes=", ".join(r.name for r in used)), "not_for": NOT_FOR,
        "command": f"physical-ai train world-model --data DIR --fold {fold}"
        + (f" --device {settings.device} --engine {settings.engine}" if settings.device != "cpu" else "")
        + small_options(settings),
        "metrics": {k: metrics[k] for k in ("steps", "held_back", "scene_left_out")}, "settings": asdict(settings),
        "near_duplicates": {name: found.line() for name, found in near.items()},
    }  # fmt: skip
    if settings.small.quantise > 0.0:
        path, sha256 = export_compact(model, calibration, path.with_name(COMPACT))
    write_card(path, sha256, about)
    metrics |= {"sha256": sha256, "calibration": calibration.data(), "course": course}
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1), encoding="utf-8")
    return metrics


def smoke_settings(settings: Settings) -> Settings:
    """The tiny form of given settings."""
    return replace(SMOKE, device=settings.device, engine=settings.engine, seed=settings.seed, small=settings.small)


def start_of(start: str, fold: str) -> str:
    """The weights to begin with: of a folder without a card those that are called as the fold."""
    own = Path(start) / f"{fold}.safetensors"
    return str(own) if start and own.exists() else start


def small_options(settings: Settings) -> str:
    """The options of the command that made a model small."""
    small, usual = settings.small, Settings()
    told = {
        "--rate": settings.rate if settings.rate != usual.rate else 0.0, "--backslash": small.backslash,
        "--prior-shape": small.prior_shape, "--quantise": small.quantise,
    }  # fmt: skip
    words = [f" {option} {value:g}" for option, value in told.items() if value]
    words += [" --one-prior"] * small.one_shape + [" --no-protect"] * (not small.protect)
    words += [f" --init {small.init}"] * (small.init != "default") + [" --start DIR"] * bool(small.start)
    return "".join(words)


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {k: round(float(v), 4) for k, v in values.items() if k not in ("step", "seconds")}


def _silent(stage: str, done: float, total: float) -> None:
    """Progress of a process of its own is not shown."""
