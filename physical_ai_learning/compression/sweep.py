"""Many small trainings beside each other: what the rate constraint, its prior, the step and the beginning change.

    python -m physical_ai_learning.compression.sweep --data DIR --out DIR --device cuda --jobs 12 --seconds 500

Jobs are in the order of their worth; those not begun in time are left out and said so. Every job leaves the metrics and
weights of `physical-ai train world-model`; the table goes to OUT/sweep.json.
"""

from __future__ import annotations

import argparse
import json
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from physical_ai_learning.compression.backslash import Small
from physical_ai_learning.training.checkpoint import Keeper
from physical_ai_learning.world_model.people_run import SHIP, SMOKE, run_fold, shipped_recordings
from physical_ai_learning.world_model.recordings import FOLDS, read_folder
from physical_ai_learning.world_model.train_people import Settings
from physical_ai_world_model.ssm.shape import Shape
from physical_ai_world_model.ssm.weights import default_folder

STARTS: Final = Path(__file__).parents[1] / "world_model" / "data" / "folds"
FEW: Final = ("hotel", "zara1", "eth")  # scenes of the ablations
FINE: Final = Settings(rate=5e-4, held_back=0.1, noise_m=0.035)  # from trained weights
SCRATCH: Final = replace(FINE, rate=1.5e-3)


@dataclass(frozen=True)
class Job:
    """One training: OUT/NAME/FOLD."""

    name: str
    fold: str
    settings: Settings


def start_of(fold: str) -> str:
    """The full-precision weights that never saw the fold; of what ships: those that ship."""
    return str(default_folder() if fold == SHIP else STARTS / f"{fold}.safetensors")


def jobs(steps: int, device: str) -> Iterator[Job]:
    """The plan: the rate against the error, then what each part of it is worth."""

    def fine(name: str, folds: Sequence[str], small: Small) -> Iterator[Job]:
        for fold in folds:
            settings = replace(FINE, steps=steps, every=max(10, steps // 4), device=device)
            yield Job(name, fold, replace(settings, small=replace(small, start=start_of(fold))))

    def scratch(name: str, folds: Sequence[str], small: Small) -> Iterator[Job]:
        for fold in folds:
            settings = replace(SCRATCH, steps=2 * steps, every=max(10, steps // 4), device=device)
            yield Job(name, fold, replace(settings, small=small))

    every = (*FOLDS, SHIP)
    for name, strength, step in (
        ("q06_l003", 0.03, 0.6), ("q08_l003", 0.03, 0.8), ("q06_l01", 0.1, 0.6), ("q06_l0", 0.0, 0.6),
        ("control", 0.0, 0.0), ("q08_l01", 0.1, 0.8), ("q06_l001", 0.01, 0.6), ("q10_l003", 0.03, 1.0),
    ):  # fmt: skip
        yield from fine(name, every, Small(backslash=strength, quantise=step))
    base = Small(backslash=0.03, quantise=0.6)
    yield from fine("unprotected", FEW, replace(base, protect=False))
    yield from fine("gaussian_prior", FEW, replace(base, prior_shape=2.0))
    yield from fine("laplace_prior", FEW, replace(base, prior_shape=1.0))
    yield from fine("one_prior", FEW, replace(base, one_shape=True))
    yield from fine("backslash_alone", FEW, Small(backslash=0.03))
    yield from scratch("scratch", FEW[:2], Small())
    yield from scratch("scratch_ggd", FEW[:2], Small(init="ggd"))
    yield from scratch("scratch_small", FEW[:2], Small(backslash=0.03))
    yield from scratch("scratch_ggd_small", FEW[:2], Small(backslash=0.03, init="ggd"))
    yield from fine("q08_l0", every, Small(quantise=0.8))
    yield from fine("q08_one_l001", every, Small(backslash=0.01, quantise=0.8, one_shape=True))
    for name, small in (
        ("gentle", Small()), ("gentle_gaussian", Small(prior_shape=2.0)), ("gentle_laplace", Small(prior_shape=1.0)),
        ("gentle_one", Small(one_shape=True)),
    ):  # fmt: skip
        yield from fine(name, FEW[:1], replace(small, backslash=0.004, quantise=0.8))


def run_job(job: Job, data: Path | None, shape: Shape, out: Path) -> dict[str, Any]:
    """One training; an error is its result."""
    begun = time.monotonic()
    recordings = shipped_recordings() if data is None else read_folder(data)
    try:
        metrics = run_fold(recordings, job.fold, job.settings, shape, out / job.name / job.fold, lambda *_: None)
    except Exception:  # one job's error is no reason to lose the others
        return {"name": job.name, "fold": job.fold, "error": traceback.format_exc(limit=4)}
    Keeper(out / job.name / job.fold, {}).clear()
    kept = {key: metrics[key] for key in ("held_back", "scene_left_out", "course")}
    return {"name": job.name, "fold": job.fold, "seconds": round(time.monotonic() - begun, 1), **kept}


def run(plan: Sequence[Job], data: Path | None, shape: Shape, out: Path, at_once: int, seconds: float) -> list[Any]:
    """All jobs that can be begun within `seconds`; → results as in OUT/sweep.json."""
    out.mkdir(parents=True, exist_ok=True)
    begun, results, waiting = time.monotonic(), [], list(plan)
    with ProcessPoolExecutor(at_once, mp_context=get_context("spawn")) as pool:
        running: dict[Future[dict[str, Any]], Job] = {}
        while running or (waiting and time.monotonic() - begun < seconds):
            while waiting and len(running) < at_once and time.monotonic() - begun < seconds:
                job = waiting.pop(0)
                running[pool.submit(run_job, job, data, shape, out)] = job
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                running.pop(future)
                result = future.result()
                results.append(result)
                said = result.get("error") or f"{result['scene_left_out'] or result['held_back']}"
                print(f"{time.monotonic() - begun:6.1f} s {result['name']} {result['fold']}: {said}", flush=True)
                (out / "sweep.json").write_text(json.dumps(results), encoding="utf-8")
    for job in waiting:
        print(f"not begun: {job.name} {job.fold}", flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of recordings; without it the extracts that ship, tiny")
    parser.add_argument("--out", type=Path, default=Path("out/compression_sweep"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--seconds", type=float, default=1e9, help="no job is begun after so long")
    parser.add_argument("--only", nargs="*", default=(), help="names of jobs")
    parser.add_argument("--smoke", action="store_true", help="one tiny job of a kind, on a CPU in a minute or two")
    options = parser.parse_args()
    plan = [job for job in jobs(options.steps, options.device) if not options.only or job.name in options.only]
    if options.smoke:
        first = {job.name: job for job in reversed(plan)}  # of what ships or any scene alike: the extracts are few
        plan = [
            replace(job, fold=SHIP, settings=replace(SMOKE, steps=8, every=4, device=options.device,
                                                     small=replace(job.settings.small, start=start_of(SHIP))))
            for job in list(first.values())[:3]
        ]  # fmt: skip
    run(plan, options.data, Shape(), options.out, options.jobs, options.seconds)


if __name__ == "__main__":
    main()
