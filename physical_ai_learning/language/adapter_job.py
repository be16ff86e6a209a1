"""The whole job of an adapter: supervised tuning, reinforcement, confidence. One process, one model in memory.

`python -m physical_ai_learning.language.adapter_job --base … --out …` does what `physical-ai train planner-language`
does, with plain lines for progress, where the suite's other dependencies are missing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from physical_ai_learning.language.card import write_card
from physical_ai_learning.language.confidence import fit, observe, store
from physical_ai_learning.language.recipe import VARIANTS, Recipe, base_folder, made
from physical_ai_learning.language.reinforce import Reinforcement
from physical_ai_learning.language.reinforce import smoke as tiny_policy
from physical_ai_learning.language.reinforce_run import reinforce
from physical_ai_learning.language.train_adapter import train
from physical_ai_learning.training.metrics import plain_report

Report = Callable[[str, float, float], None]


@dataclass(frozen=True)
class Job:
    """What to do and where; `reinforce` policy steps and `calibrate` orders, 0: not."""

    base: str
    recipe: Recipe
    out: Path
    smoke: bool = False
    resume: bool = False
    start: Path | None = None
    workers: int = 0
    device: str = "auto"
    reinforce: int = 0
    calibrate: int = 0
    graphs: bool = True
    reinforce_seconds: float = 1e9
    groups: int = 256


def run(job: Job, report: Report) -> dict[str, Any]:
    """Everything asked for; → all metrics. Raises PhysicalAIError."""
    found, model, adapter = train(
        job.base, job.out, job.recipe, report, resume=job.resume, workers=job.workers, device=job.device,
        graphs=job.graphs, start=job.start,
    )  # fmt: skip
    name, folder = base_folder(job.base)
    variant = job.recipe.variant
    if job.reinforce:
        settings = Reinforcement(
            steps=job.reinforce, groups=job.groups, drawn=8 * job.groups, longest=job.recipe.longest,
            seconds=job.reinforce_seconds, seed=job.recipe.seed, variant=variant,
        )  # fmt: skip
        settings = tiny_policy(settings) if job.smoke else settings
        found["reinforced"] = reinforce(
            model, adapter, folder, job.out, settings, report, workers=job.workers, resume=job.resume, base=name
        )
    if job.calibrate:
        at_once = 16 if adapter.vector.device.type == "cpu" else 256
        calibration = fit(observe(model, adapter, folder, variant, job.calibrate, report, at_once=at_once))
        store(job.out, variant, calibration)
        found["confidence"] = asdict(calibration)
    write_card(job.out)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="gemma", help="gemma, smollm2, qwen, or a transformers directory")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="an adapter to begin with")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--variant", choices=VARIANTS)
    for name in ("smoke", "resume", "no-graphs"):
        parser.add_argument(f"--{name}", action="store_true")
    for name, value in (("workers", 0), ("reinforce", 0), ("calibrate", 0), ("groups", 256)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--reinforce-seconds", type=float, default=1e9)
    for field in fields(Recipe):
        if field.name != "variant":
            kind = type(field.default)
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind)
    options = parser.parse_args()
    recipe = made({f.name: getattr(options, f.name) for f in fields(Recipe)}, options.base, options.smoke)
    job = Job(
        options.base, recipe, options.out, options.smoke, options.resume, options.start, options.workers,
        options.device, options.reinforce, options.calibrate, not options.no_graphs, options.reinforce_seconds,
        options.groups,
    )  # fmt: skip
    print(json.dumps(run(job, plain_report()), indent=1))


if __name__ == "__main__":
    main()
